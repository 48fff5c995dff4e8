"""Entity Capabilities (XEP-0115): what this server can do, in short; what clients can, verified."""

import json
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from sys import intern

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from zope.interface import implementer

from xmppd.api.caps import ICaps, Known
from xmppd.api.discovery import host_info
from xmppd.api.host import IHost
from xmppd.api.moments import PASS, PresenceChanged, SessionClosed, Stage, ToAccount, Verdict
from xmppd.api.rates import PerHour
from xmppd.api.registrations import (
    HOST,
    Answer,
    Feature,
    Node,
    Provide,
    Registration,
    Request,
    StreamContext,
    StreamFeature,
    Watch,
)
from xmppd.api.roster import IRoster
from xmppd.api.sessions import ISession
from xmppd.api.settings import Count, Seconds
from xmppd.api.storage import Map
from xmppd.api.turns import Turns
from xmppd.stanza.capabilities import Announced, IllFormed, digest, features, is_unambiguous
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Presence
from xmppd.wire.element import Element
from xmppd.wire.namespaces import CAPS, DISCO_INFO
from xmppd.wire.serializer import serialize

NODE = "urn:xmppd:server"
"""Names this software, whatever it can do where it is installed."""

OVERHEAD = 100
"""Bytes a feature takes in memory besides its characters, about."""


@dataclass(frozen=True, slots=True)
class CapsSettings:
    """How much is remembered of clients.

    - `verified`: so many different sets of features, on disk as well.
    - `new_per_user`: those one user's clients may add within an hour.
    - `contacts`: clients of contacts elsewhere that are looked at.
    - `feature_bytes`: that one client's features may take in memory; who has more is taken for one
      that does not tell.
    - `asked_at_once`: clients whose answers are waited for, each for `answer_seconds` at most.
    """

    verified: Count = 1_000
    new_per_user: Count = 20
    contacts: Count = 10_000
    feature_bytes: Count = 32_768
    asked_at_once: Count = 1_000
    answer_seconds: Seconds = 10.0


DEFAULTS = CapsSettings()


@dataclass(slots=True, eq=False)
class Client:
    """An available client: what it has announced, and its features once they are known.

    `asker` is who asks it: the host, or the contact it shows its presence to.
    """

    announced: Announced
    asker: JID
    features: frozenset[str] | None = None
    request: "Deferred[Iq] | None" = field(default=None, repr=False)


@implementer(ICaps)
class Caps:
    """Tells the host's capabilities, and finds out those of clients."""

    _log = Logger()

    def __init__(self, host: IHost, settings: CapsSettings = DEFAULTS) -> None:
        self._host = host
        self._settings = settings
        self._said: tuple[object, ...] = ()
        self._digest = ""
        self._watchers: list[Known] = []
        self._own: dict[JID, Client] = {}
        self._contacts: OrderedDict[JID, Client] = OrderedDict()
        # Who is being dealt with, and who waits until somebody else has answered, by key.
        self._busy: set[JID] = set()
        self._asked: dict[str, list[Deferred[None]]] = {}
        # What was verified, by key; the latest used come last. The store holds the same.
        self._verified: OrderedDict[str, frozenset[str]] = OrderedDict()
        self._added = PerHour(host.clock, settings.new_per_user)
        self._store = host.open("capabilities", Map)
        self._loaded = False
        self._loading = Turns()

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield Provide(ICaps, self)
        yield Feature(CAPS, at=HOST)
        yield StreamFeature(self.offer)
        yield Node(self._is_ours, self.info, self.no_items, at=HOST)
        yield Watch(PresenceChanged, self.changed)
        yield Watch(SessionClosed, self.closed)
        yield Watch(ToAccount, self.came, Stage.AFTER, kinds=("presence",))

    # The host's own.

    def offer(self, _context: StreamContext) -> Element:
        """Return the host's capabilities for the stream features (section 6.3)."""
        attrs = {"hash": "sha-1", "node": NODE, "ver": self._ver()}
        return Element("c", CAPS, attrs)

    def info(self, _request: Request) -> Element:
        """Answer disco#info for the node that was announced (section 6.2)."""
        return host_info(self._host)

    def no_items(self, _request: Request) -> Answer:
        """Refuse to list items: it is no node for them (section 6.2)."""
        raise StanzaError("item-not-found")

    def _is_ours(self, name: str) -> bool:
        software, _, ver = name.rpartition("#")
        return software == NODE and ver == self._ver()

    def _ver(self) -> str:
        """Return the digest of what the host answers, made anew whenever that has changed."""
        host = self._host
        forms = tuple(serialize(form.make()) for form in host.extensions(HOST))
        said = host.identities(HOST), host.features(HOST), forms
        if said != self._said:
            self._said, self._digest = said, digest(host_info(host))
        return self._digest

    # Clients that come and go.

    def changed(self, presence: Presence, session: ISession) -> Verdict:
        """Look at what one of the host's own clients announces."""
        if presence.type == "":
            self._announced(self._own, session.jid, presence, self._host.jid)
        else:
            self._gone(self._own, session.jid)
        return PASS

    def closed(self, session: ISession) -> Verdict:
        """Forget a client of the host's own."""
        self._gone(self._own, session.jid)
        return PASS

    def came(self, presence: Presence, owner: str) -> Verdict:
        """Look at what a contact's client announces."""
        sender = presence.from_
        if sender is None or sender.is_bare or sender.domainpart == self._host.domain:
            return PASS
        if presence.type == "unavailable":
            self._gone(self._contacts, sender)
        elif presence.type == "" and self._are_friends(owner, sender):
            asker = JID.make(owner, self._host.domain)
            self._announced(self._contacts, sender, presence, asker)
            while len(self._contacts) > self._settings.contacts:
                self._gone(self._contacts, next(iter(self._contacts)))
        return PASS

    def _are_friends(self, owner: str, sender: JID) -> bool:
        """Tell whether a contact may learn of the account: to be asked tells that it is there."""
        roster = self._host.find(IRoster)
        items = None if roster is None else roster.online(owner)
        item = None if items is None else items.get(sender.bare)
        return item is not None and (item.subscription.sees or item.subscription.is_seen)

    def _announced(
        self, clients: dict[JID, Client], jid: JID, presence: Presence, asker: JID
    ) -> None:
        """Take note of available presence; without a `<c/>` all is as it was (section 8.4)."""
        element = presence.child("c", CAPS)
        announced = None if element is None else Announced.read(element)
        if announced is None:
            return
        client = clients.get(jid)
        if client is None or client.announced != announced:
            self._gone(clients, jid)
            clients[jid] = Client(announced, asker)
        elif client.features is not None:
            return
        if jid not in self._busy and len(self._busy) < self._settings.asked_at_once:
            self._busy.add(jid)
            self._host.spawn(self._look_at(clients, jid))

    def _gone(self, clients: dict[JID, Client], jid: JID) -> None:
        client = clients.pop(jid, None)
        if client is not None and client.request is not None:
            client.request.cancel()

    # ICaps.

    def features(self, jid: JID) -> frozenset[str] | None:
        """Return the features of a client (see `ICaps`)."""
        client = self._own.get(jid) or self._contacts.get(jid)
        return None if client is None else client.features

    def watch(self, known: Known) -> None:
        """Call `known` whenever a client's features have become known."""
        self._watchers.append(known)

    def unwatch(self, known: Known) -> None:
        """Stop calling `known`."""
        self._watchers.remove(known)

    def _tell(self, jid: JID, found: frozenset[str]) -> None:
        for known in list(self._watchers):
            try:
                known(jid, found)
            except Exception:
                self._log.failure("who was told of the features of {jid} failed", jid=str(jid))

    # Finding out (section 5.4).

    async def _look_at(self, clients: dict[JID, Client], jid: JID) -> None:
        """Find out the features of a client, and again if it has announced others meanwhile."""
        done: Client | None = None
        try:
            while (client := clients.get(jid)) is not None and client is not done:
                client.features = await self._find_out(jid, client)
                if client.features is not None and clients.get(jid) is client:
                    self._tell(jid, client.features)
                done = client
        finally:
            self._busy.discard(jid)

    async def _find_out(self, jid: JID, client: Client) -> frozenset[str] | None:
        key = client.announced.key
        if not key:
            return await self._ask(jid, client)
        await self._load()
        if key not in self._verified and key in self._asked:
            turn: Deferred[None] = Deferred()
            self._asked[key].append(turn)
            await turn
        if key in self._verified:
            self._verified.move_to_end(key)
            return self._verified[key]
        # Should the first one asked not tell, all others who wait are asked at once: nobody can
        # keep them waiting longer by announcing what others do.
        waiting = self._asked.setdefault(key, [])
        try:
            return await self._ask(jid, client)
        finally:
            if self._asked.get(key) is waiting:
                del self._asked[key]
                for turn in waiting:
                    turn.callback(None)

    async def _ask(self, jid: JID, client: Client) -> frozenset[str] | None:
        """Ask a client itself; None if it does not tell, or not what it has announced."""
        announced = client.announced
        node = {"node": announced.info_node} if announced.info_node else {}
        iq = Iq(Element("query", DISCO_INFO, node), to=jid, from_=client.asker, type="get")
        client.request = self._host.request(iq, self._settings.answer_seconds)
        try:
            answer = await client.request
        except (StanzaError, CancelledError):
            return None
        finally:
            client.request = None
        info = answer.child("query", DISCO_INFO)
        return None if info is None else self._judge(jid, info, announced)

    def _judge(self, jid: JID, info: Element, announced: Announced) -> frozenset[str] | None:
        found = features(info)
        if sum(len(each) + OVERHEAD for each in found) > self._settings.feature_bytes:
            return None
        if announced.key:
            try:
                if digest(info, announced.hash) != announced.ver:
                    return None
            except IllFormed:
                return None
            # Who made up ever new sets of features could crowd out those of real clients.
            if is_unambiguous(info) and self._added.take(str(jid.bare)):
                self._remember(announced.key, found)
        return found

    # What was verified.

    def _remember(self, key: str, found: frozenset[str]) -> None:
        self._verified[key] = found
        if not self._host.anonymous:
            self._store.put("", key, json.dumps(sorted(found)).encode())
        self._shorten()

    def _shorten(self) -> None:
        while len(self._verified) > self._settings.verified:
            key, _ = self._verified.popitem(last=False)
            if not self._host.anonymous:
                self._store.delete("", key)

    async def _load(self) -> None:
        """Read what was verified before the server was started last, once."""
        async with self._loading.of(""):
            if not self._loaded:
                for key, stored in await self._store.items(""):
                    self._verified[key] = frozenset(map(intern, json.loads(stored)))
                self._loaded = True
                self._shorten()
