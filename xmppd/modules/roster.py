"""Rosters (RFC 6121 section 2): kept row by row, changed, shown to whoever is interested."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Annotated
from weakref import WeakValueDictionary

from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from xmppd.api.host import IHost
from xmppd.api.moments import PASS, AccountDeleted, AccountEnding, SentByClient, Verdict
from xmppd.api.registrations import (
    Answer,
    Feature,
    Followed,
    HandleIq,
    PerAccount,
    Promised,
    Provide,
    Registration,
    Request,
    StreamContext,
    StreamFeature,
    Watch,
)
from xmppd.api.roster import IRoster, ISubscriptions, RosterChange
from xmppd.api.sessions import ISession
from xmppd.api.settings import Between, Count
from xmppd.api.storage import NO_TICKET, KeyValue, Map, StorageError, Ticket
from xmppd.api.turns import Turns
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.roster import RosterItem
from xmppd.stanza.roster_set import ItemLimits, RosterSet
from xmppd.stanza.stanza import Iq, Stanza
from xmppd.wire.element import Element
from xmppd.wire.namespaces import ROSTER, ROSTER_VERSIONING

ENDED_AT_ONCE = 100
"""How many contacts are told of the end of an account before others have their turn."""


@dataclass(frozen=True, slots=True)
class RosterSettings:
    """How much a roster may hold.

    - `items`: contacts of one account; `requests`: strangers' requests waiting beside them.
    - `bytes`: all that is stored of these. A roster is sent as one stanza, so this should be well
      below what may wait for a client (`limits.output_bytes`).
    - `name_length`, `group_length`: characters of a contact's or a group's name.
    - `groups`: groups of one contact.
    - `removals`: removed contacts that are remembered, so that a client which was away longer than
      that gets the whole roster instead of what has changed.
    """

    items: Count = 10_000
    requests: Count = 100
    bytes: Annotated[int, Between(1_000, 1_000_000_000)] = 2_000_000
    name_length: Annotated[int, Between(16, 4_096)] = 1_023
    group_length: Annotated[int, Between(16, 4_096)] = 1_023
    groups: Annotated[int, Between(1, 1_000)] = 50
    removals: Annotated[int, Between(0, 100_000)] = 500


DEFAULTS = RosterSettings()


@dataclass(frozen=True, slots=True)
class Head:
    """What is kept once for a roster.

    - `token`: tells this roster from one the account's name had before; "" until it is written.
    - `version`: counts modifications; nothing is known of removals up to version `floor`.
    - `listed`, `requests`: how many contacts and how many strangers' requests there are; `bytes`:
      what they take.
    """

    token: str = ""
    version: int = 0
    floor: int = 0
    listed: int = 0
    requests: int = 0
    bytes: int = 0

    def named(self, version: int) -> str:
        """Return what a version is called towards clients (2.6)."""
        return f"{self.token}-{version}" if self.token else "0"

    def known(self, name: str) -> int | None:
        """Return the version a client knows; None if what has changed since cannot be told."""
        token, _, number = name.rpartition("-")
        if token != self.token or not number.isascii() or not number.isdigit():
            return None
        version = int(number[:20])
        return version if self.floor <= version <= self.version else None


@dataclass(slots=True, weakref_slot=True)
class Roster:
    """An account's roster in memory: what there is, and what was removed lately."""

    head: Head = Head()
    items: dict[JID, RosterItem] = field(default_factory=dict)
    removed: dict[JID, RosterItem] = field(default_factory=dict)
    ticket: Ticket = NO_TICKET

    def put(self, item: RosterItem) -> None:
        """Enter an item, or the removal of one."""
        self.items.pop(item.jid, None)
        self.removed.pop(item.jid, None)
        if not item.is_blank:
            self.items[item.jid] = item
        elif item.version:
            self.removed[item.jid] = item

    def get(self, contact: JID) -> RosterItem:
        """Return the item of a contact, a blank one if there is none."""
        return self.items.get(contact) or self.removed.get(contact) or RosterItem(contact)

    def since(self, version: int) -> list[RosterItem]:
        """Return what has changed after a version, in order."""
        every = (*self.items.values(), *self.removed.values())
        changed = [item for item in every if item.version > version]
        return sorted(changed, key=lambda item: item.version)


@implementer(IRoster)
class Rosters:
    """Keeps the rosters of a host's accounts."""

    _log = Logger()

    def __init__(self, host: IHost, settings: RosterSettings = DEFAULTS) -> None:
        self._host = host
        self._settings = settings
        self._limits = ItemLimits(settings.name_length, settings.group_length, settings.groups)
        self._rows = host.open("roster", Map)
        self._heads = host.open("roster-head", KeyValue)
        # A roster that is being loaded takes part in changes before its account is online.
        self._rosters: WeakValueDictionary[str, Roster] = WeakValueDictionary()
        self._turns = Turns()

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield Provide(IRoster, self)
        yield PerAccount(Roster, self._load)
        yield StreamFeature(_versioning)
        yield Feature(ROSTER)
        yield HandleIq("get", ROSTER, "query", self.get, refusal="forbidden")
        yield HandleIq("set", ROSTER, "query", self.set, refusal="forbidden")
        yield Watch(SentByClient, self.asked, kinds=("iq",), payload=((ROSTER, "query"),))
        yield Watch(AccountEnding, self.ending)
        yield Watch(AccountDeleted, self.deleted)

    # What clients do.

    def asked(self, stanza: Stanza, session: ISession) -> Verdict:
        """Note who wants to hear of changes (RFC 6121 2.2)."""
        if stanza.type == "get" and stanza.to == session.jid.bare and not session.record.interested:
            session.publish(interested=True)
        return PASS

    async def get(self, request: Request) -> Answer:
        """Return the roster, or what has changed since the version a client knows (2.1.3, 2.6)."""
        if request.payload.child("item", ROSTER) is not None:
            raise StanzaError("bad-request", "asking for a roster takes no items")
        roster = self._rosters.get(request.owner)
        if roster is None:
            roster = await self._read(request.owner)
        name = request.payload.attrs.get("ver")
        version = None if name is None else roster.head.known(name)
        if version is not None:
            changed = roster.since(version)
            if len(changed) <= roster.head.listed:
                pushes = tuple(
                    self._push(item, roster.head.named(item.version), request.sender, roster.ticket)
                    for item in changed
                )
                return Followed(Promised(None, roster.ticket), pushes)
        query = Element("query", ROSTER, {"ver": roster.head.named(roster.head.version)})
        query.children += [item.element() for item in roster.items.values() if item.listed]
        return Promised(query, roster.ticket)

    async def set(self, request: Request) -> Answer:
        """Add, change or remove one item (2.1.5, 2.3, 2.4, 2.5)."""
        wanted = RosterSet.from_element(request.payload, self._limits)
        owner = request.owner
        if wanted.remove:
            return await self._remove(owner, wanted.contact)

        def edit(item: RosterItem) -> RosterItem:
            return replace(item, name=wanted.name, groups=wanted.groups, listed=True)

        change = await self.change(
            owner, wanted.contact, edit, lambda change: self.push(owner, change)
        )
        return Promised(None, change.ticket)

    async def _remove(self, owner: str, contact: JID) -> Answer:
        def edit(item: RosterItem) -> RosterItem:
            if not item.listed:
                raise StanzaError("item-not-found")
            return RosterItem(contact, version=item.version)

        def then(change: RosterChange) -> None:
            self.push(owner, change)
            subscriptions = self._host.find(ISubscriptions)
            if subscriptions is not None:
                subscriptions.end(owner, change.before, change.ticket)

        change = await self.change(owner, contact, edit, then)
        return Promised(None, change.ticket)

    # IRoster.

    def online(self, owner: str) -> Mapping[JID, RosterItem] | None:
        """Return an account's items by contact if it has a session."""
        roster = self._rosters.get(owner)
        return None if roster is None else roster.items

    async def item(self, owner: str, contact: JID) -> RosterItem:
        """Return the item of a contact; a blank one if there is none."""
        roster = self._rosters.get(owner)
        if roster is not None:
            return roster.get(contact)
        return await self._row(owner, contact)

    async def items(self, owner: str) -> list[RosterItem]:
        """Return all items, in the order of their addresses."""
        roster = self._rosters.get(owner)
        if roster is None:
            roster = await self._read(owner)
        return sorted(roster.items.values(), key=lambda item: item.jid)

    async def change(
        self,
        owner: str,
        contact: JID,
        edit: Callable[[RosterItem], RosterItem],
        then: Callable[[RosterChange], None] | None = None,
    ) -> RosterChange:
        """Replace an item by `edit(item)` (see `IRoster`)."""
        if self._host.anonymous:
            raise StanzaError("not-allowed", "guests have no roster")

        async with self._turns.of(owner) as turn:
            change = await self._change(owner, contact, edit)
            if then is not None:
                turn.free()
                then(change)
        return change

    def push(self, owner: str, change: RosterChange) -> None:
        """Show a change to all interested resources."""
        if change.before.looks_like(change.after):
            return
        for record in self._host.sessions(owner):
            if record.interested:
                self._host.route(
                    self._push(change.after, change.version, record.jid, change.ticket)
                )

    def _push(self, item: RosterItem, version: str, to: JID, ticket: int) -> Iq:
        query = Element("query", ROSTER, {"ver": version}, [item.element()])
        push = Iq(query, to=to, from_=to.bare, type="set", id=self._host.entropy.token())
        push.ticket = ticket
        return push

    # Changes.

    async def _change(
        self, owner: str, contact: JID, edit: Callable[[RosterItem], RosterItem]
    ) -> RosterChange:
        roster = self._rosters.get(owner)
        if roster is not None:
            head, before = roster.head, roster.get(contact)
        else:
            head, before = await self._head(owner), await self._row(owner, contact)
        after = edit(before)
        if after == before:
            ticket = NO_TICKET if roster is None else roster.ticket
            return RosterChange(before, after, ticket, head.named(head.version))
        head = self._counted(head, before, after)
        if not before.looks_like(after):
            head = replace(head, version=head.version + 1)
            after = replace(after, version=head.version)
        head = replace(head, token=head.token or self._host.entropy.token())
        ticket = self._write(owner, after, head)
        if roster is not None:
            roster.put(after)
            roster.head, roster.ticket = head, ticket
            self._forget_removals(owner, roster)
            self._host.committed(roster.ticket).addErrback(self._lost, owner)
        return RosterChange(before, after, ticket, head.named(head.version))

    def _counted(self, head: Head, before: RosterItem, after: RosterItem) -> Head:
        """Count what comes and goes, up to the limits."""
        listed = head.listed + after.listed - before.listed
        requests = head.requests + _is_stranger(after) - _is_stranger(before)
        size = head.bytes + _size(after) - _size(before)
        if (
            listed > max(head.listed, self._settings.items)
            or requests > max(head.requests, self._settings.requests)
            or size > max(head.bytes, self._settings.bytes)
        ):
            raise StanzaError("resource-constraint", "the roster is full")
        return replace(head, listed=listed, requests=requests, bytes=size)

    def _write(self, owner: str, item: RosterItem, head: Head) -> Ticket:
        if item.is_blank and not item.version:
            self._rows.delete(owner, str(item.jid))
        else:
            self._rows.put(owner, str(item.jid), item.to_bytes())
        return self._heads.put(owner, json.dumps(asdict(head)).encode())

    def _forget_removals(self, owner: str, roster: Roster) -> None:
        while len(roster.removed) > self._settings.removals:
            oldest = min(roster.removed.values(), key=lambda item: item.version)
            del roster.removed[oldest.jid]
            roster.head = replace(roster.head, floor=max(oldest.version, roster.head.floor))
            self._rows.delete(owner, str(oldest.jid))
            roster.ticket = self._heads.put(owner, json.dumps(asdict(roster.head)).encode())

    # Storage.

    async def _load(self, owner: str) -> Roster:
        """Read the roster of an account that comes online; it counts from now on."""
        async with self._turns.of(owner):
            roster = self._rosters.get(owner)
            if roster is None:
                roster = self._rosters[owner] = await self._read(owner)
            return roster

    async def _read(self, owner: str) -> Roster:
        roster = Roster(await self._head(owner))
        for key, stored in await self._rows.items(owner):
            try:
                roster.put(RosterItem.from_bytes(JID.parse(key), stored))
            except ValueError:
                self._log.error("a roster item of {owner} cannot be read", owner=owner)
        return roster

    async def _row(self, owner: str, contact: JID) -> RosterItem:
        stored = await self._rows.get(owner, str(contact))
        return RosterItem(contact) if stored is None else RosterItem.from_bytes(contact, stored)

    async def _head(self, owner: str) -> Head:
        stored = await self._heads.get(owner)
        return Head() if stored is None else Head(**json.loads(stored))

    def _lost(self, failure: Failure, owner: str) -> None:
        """Go back to what is on disk: what memory knows beyond that is not so any more."""
        failure.trap(StorageError)  # type: ignore[no-untyped-call]  # untyped in Twisted
        self._host.spawn(self._read_again(owner))

    async def _read_again(self, owner: str) -> None:
        async with self._turns.of(owner):
            roster = self._rosters.get(owner)
            if roster is not None:
                kept = await self._read(owner)
                for field in fields(kept):
                    setattr(roster, field.name, getattr(kept, field.name))

    # The end of an account.

    async def ending(self, owner: str) -> Verdict:
        """Tell all contacts of an account that it is no more."""
        subscriptions = self._host.find(ISubscriptions)
        if subscriptions is not None:
            for count, item in enumerate(await self.items(owner), 1):
                subscriptions.end(owner, item)
                if count % ENDED_AT_ONCE == 0:
                    await deferLater(self._host.clock, 0)
        return PASS

    def deleted(self, owner: str) -> Verdict:
        """Forget the roster: the name may get a new one."""
        self._rosters.pop(owner, None)
        return PASS


def _versioning(_context: StreamContext) -> Element:
    """RFC 6121 2.6.1."""
    return Element("ver", ROSTER_VERSIONING)


def _is_stranger(item: RosterItem) -> bool:
    return item.subscription.is_asked and not item.listed


def _size(item: RosterItem) -> int:
    if item.is_blank:
        return 0
    return len(str(item.jid).encode()) + len(replace(item, version=0).to_bytes())
