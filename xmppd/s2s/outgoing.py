"""All domains that are not ours: a route for each pair of domains (RFC 6120 10.4)."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from zope.interface import implementer

from xmppd.api.router import IDomain
from xmppd.s2s.absent import Absent, Fate
from xmppd.s2s.dialled import DialledStream
from xmppd.s2s.dialling import Dialler
from xmppd.s2s.pairs import Pair
from xmppd.s2s.route import Route
from xmppd.s2s.shares import SHARE, SHARE_OF_OTHERS, Shares, owner
from xmppd.s2s.spool import Kept, Spool
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.traffic import Traffic
from xmppd.s2s.unreached import TIMEOUT
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza

Name = TypeVar("Name")

SHARE_OF_ONE = 8
"""One account may open this part of the routes there may be."""

_DOUBT = "this server was stopped before it was known whether this has arrived"


@implementer(IDomain)
class Outgoing:
    """Takes what is for other servers.

    - `spool`: where messages are kept; `may_keep(domain)`: whether those of a domain of ours are.
    - `absent`: for what is returned to who is not there.
    """

    def __init__(
        self,
        around: Surroundings,
        dialler: Dialler,
        spool: Spool,
        absent: Absent,
        may_keep: Callable[[str], bool],
    ) -> None:
        self._around = around
        self._dialler = dialler
        self._spool = spool
        self._absent = absent
        self._may_keep = may_keep
        self._connecting = Shares(around.settings.connecting)
        self._routes: dict[tuple[str, str], Route] = {}
        # How many routes lead to the names of each owner, and how many each account has opened;
        # None stands for what others may have brought about.
        self._owners: Counter[str] = Counter()
        self._openers: Counter[JID | None] = Counter()
        self._loading = False

    def __len__(self) -> int:
        """Return how many pairs of domains there is something to know of."""
        return len(self._routes)

    def __iter__(self) -> Iterator[Route]:
        return iter(list(self._routes.values()))

    def receive(self, stanza: Stanza) -> Any:
        """Take a stanza for a domain of others (see `IDomain`)."""
        from_, to = stanza.from_, stanza.to
        assert from_ is not None and to is not None  # the router sees to it
        route = self._routes.get((from_.domainpart, to.domainpart))
        if route is None:
            opener = self._around.senders.opener(stanza)
            if opener is None:
                self._check_others()
            route = self._route(Pair(from_.domainpart, to.domainpart), opener)
        try:
            return route.submit(stanza)
        except StanzaError:
            self._around.missed.undelivered(stanza)
            raise

    def _check_others(self) -> None:
        """Refuse one more route that others may have brought about, if there are many."""
        most = max(1, self._around.settings.routes // SHARE_OF_OTHERS)
        if self._openers[None] >= most:
            raise StanzaError("resource-constraint", "too many other servers are being sent to")

    def _route(self, pair: Pair, opener: JID | None = None) -> Route:
        """Make a route, which counts for the account `opener` if there is one."""
        settings = self._around.settings
        if not settings.permits(pair.remote):
            text = f"this server has nothing to do with {pair.remote}"
            raise StanzaError("not-allowed", text)  # RFC 6120 8.3.3.10
        if not self._around.is_ours(pair.local):
            raise StanzaError("forbidden", f"{pair.local} is not served here")
        if len(self._routes) >= settings.routes or self._owners[owner(pair.remote)] >= max(
            1, settings.routes // SHARE
        ):
            raise StanzaError("resource-constraint", "too many other servers are being sent to")
        too_many = self._openers[opener] >= max(1, settings.routes // SHARE_OF_ONE)
        if opener is not None and too_many and not self._loading:  # else it was taken already
            raise StanzaError("resource-constraint", "you write to too many other servers")
        spool = self._spool if self._may_keep(pair.local) else None
        route = Route(pair, self._around, self._dial, spool, self._absent)
        if self._loading:
            route.hold()
        self._routes[pair.local, pair.remote] = route
        self._owners[owner(pair.remote)] += 1
        route.opener = opener
        self._openers[opener] += 1
        return route

    async def _dial(self, pair: Pair) -> DialledStream:
        """Make a stream, not too many at a time."""
        route = self._routes.get((pair.local, pair.remote))
        async with self._connecting.turn(pair.remote, None if route is None else route.opener):
            return await self._dialler.dial(pair)

    def proven(self, pair: Pair, traffic: Traffic | None) -> None:
        """Another server has proven that it is `pair.remote`.

        `traffic` is that of its stream if we may send over it (XEP-0288).
        """
        self._around.missed.reached(pair.remote)
        if traffic is not None:
            try:
                route = self._routes.get((pair.local, pair.remote)) or self._route(pair)
            except StanzaError:
                return  # there are too many; a stream of our own is made when there is need
            route.attach(traffic)
        for (_, remote), route in list(self._routes.items()):
            if remote == pair.remote:
                route.encourage()

    # Life.

    async def load(self) -> None:
        """Take up what an earlier run has left on disk. Raises `StorageError`."""
        self._loading = True
        try:
            await self._absent.load()
            async for kept, stanza in self._spool.load():
                self._restore(kept, stanza)
        finally:
            self._loading = False
            for route in self:
                route.let_go()

    def _restore(self, kept: Kept, stanza: Stanza) -> None:
        from_, to = stanza.from_, stanza.to
        if kept.going or from_ is None or to is None:
            self._return(kept, stanza, StanzaError(TIMEOUT, _DOUBT))
            return
        pair = Pair(from_.domainpart, to.domainpart)
        try:
            route = self._routes.get((pair.local, pair.remote))
            route = route or self._route(pair, self._around.senders.account(from_))
        except StanzaError as error:
            self._return(kept, stanza, error)
            return
        route.restore(kept, stanza)

    def _return(self, kept: Kept, stanza: Stanza, error: StanzaError) -> None:
        """Return a message and forget it; a crash in between has it returned again, not lost."""
        again = partial(self._return, kept, stanza, error)
        fate = self._absent.give_back(stanza, error, kept.since)
        if fate is Fate.OPEN:
            self._around.losses.later(again)
        else:
            self._spool.forget(kept, again if fate is Fate.KEPT else None)

    def look_after(self) -> None:
        """Act on what has become due, and forget pairs nothing is known of any more."""
        for key, route in list(self._routes.items()):
            route.look_after()
            if route.is_spare and not self._loading:
                del self._routes[key]
                _take_one(self._owners, owner(route.pair.remote))
                _take_one(self._openers, route.opener)
        self._absent.look_after()
        self._around.missed.look_after()
        self._around.losses.look_after()

    def end(self) -> None:
        """Make no streams any more."""
        for route in self:
            route.end()
        self._absent.end()


def _take_one(counts: Counter[Name], name: Name) -> None:
    """Count one less; names that have none any more are forgotten."""
    counts[name] -= 1
    if not counts[name]:
        del counts[name]
