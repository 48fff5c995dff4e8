"""Of which other servers presence may have been missed, in either direction (RFC 6121 4.3).

Presence is not kept for a server that cannot be reached, and is lost with a stream that breaks. The
host it is about is told once the server can be reached, to repeat what counts.
"""

from collections import Counter
from collections.abc import Callable
from itertools import count

from twisted.internet.interfaces import IReactorTime

from xmppd.api.moments import Reached
from xmppd.s2s.shares import SHARE, owner
from xmppd.s2s.tally import Tally
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza

SECONDS = 60.0
"""A server that comes and goes is told of no more often."""

SHARE_OF_ONE = 8
"""One account may have this part of the departures that are remembered."""

_TYPES = ("", "unavailable", "probe")


class _Server:
    """What is known of another server.

    - `locals`: our domains, with who of them has left for whom; `reached`: whether it can be
      reached, as far as is known; `told`: when that was told last; `losses`: changes with each.
    """

    __slots__ = ("locals", "losses", "reached", "told")

    def __init__(self) -> None:
        self.locals: dict[str, dict[tuple[JID, JID], None]] = {}
        self.reached = False
        self.told: float | None = None
        self.losses = 0


class Missed:
    """Remembers the servers, and tells of those that can be reached again.

    At most `servers` of them, the latest, a part of which may have names of one owner (see
    `shares`); and at most `departures` of clients, which take at most `size` bytes of addresses,
    an eighth for one account. `look_after` calls `tell(domain, reached)` for domains of ours.
    """

    def __init__(
        self,
        clock: IReactorTime,
        tell: Callable[[str, Reached], None],
        *,
        servers: int,
        departures: int,
        size: int,
    ) -> None:
        self._clock = clock
        self._tell = tell
        self._most = servers
        self._most_departures = departures
        self._departures: Tally[JID] = Tally(
            max(1, departures // SHARE_OF_ONE), size // SHARE_OF_ONE
        )
        self._number = 0
        self._numbers = count(1)
        self._servers: dict[str, _Server] = {}
        self._owners: Counter[str] = Counter()

    def __len__(self) -> int:
        """Return how many servers are remembered."""
        return len(self._servers)

    def lost(self, local: str, remote: str) -> None:
        """A stream of this pair of domains has broken, or something could not be sent."""
        server = self._servers.pop(remote, None)
        if server is None:
            server = _Server()
            if self._owners[owner(remote)] >= max(1, self._most // SHARE):
                return
            if len(self._servers) >= self._most:
                self._forget(next(iter(self._servers)))
            self._owners[owner(remote)] += 1
        self._servers[remote] = server  # the latest
        server.locals.setdefault(local, {})
        server.reached = False
        server.losses = next(self._numbers)

    def undelivered(self, stanza: Stanza) -> None:
        """A stanza of ours does not get to another server; this is for all kinds of them."""
        from_, to = stanza.from_, stanza.to
        if from_ is None or to is None or stanza.kind != "presence" or stanza.type not in _TYPES:
            return
        self.lost(from_.domainpart, to.domainpart)
        if stanza.type == "unavailable" and from_.is_full:
            self._remember(from_, to)

    def _remember(self, session: JID, contact: JID) -> None:
        """Remember that a client has left: nobody else will tell the contact."""
        server = self._servers.get(contact.domainpart)
        if server is None:
            return
        left = server.locals[session.domainpart]
        size = _size(session, contact)
        has_room = self._departures.has_room(session.bare, size)
        if (session, contact) not in left and has_room and self._number < self._most_departures:
            left[session, contact] = None
            self._number += 1
            self._departures.add(session.bare, size)

    def _forget(self, remote: str) -> None:
        self._owners[owner(remote)] -= 1
        if not self._owners[owner(remote)]:
            del self._owners[owner(remote)]
        for left in self._servers.pop(remote).locals.values():
            self._release(left)

    def _release(self, left: dict[tuple[JID, JID], None]) -> None:
        for session, contact in left:
            self._number -= 1
            self._departures.remove(session.bare, _size(session, contact))

    def reached(self, remote: str) -> None:
        """There is a stream with this server."""
        server = self._servers.get(remote)
        if server is not None:
            server.reached = True

    def look_after(self) -> None:
        """Tell of servers that can be reached again."""
        now = self._clock.seconds()
        for remote, server in list(self._servers.items()):
            if server.told is not None and now - server.told < SECONDS:
                continue
            if server.reached and server.locals:
                server.told = now
                self._tell_of(remote, server)
            elif not server.locals:
                self._forget(remote)

    def _tell_of(self, remote: str, server: _Server) -> None:
        missed, server.locals, losses = server.locals, {}, server.losses
        for local, left in missed.items():
            self._release(left)
            self._tell(local, Reached(remote, tuple(left), lambda: server.losses == losses))


def _size(*addresses: JID) -> int:
    return sum(len(str(address).encode()) for address in addresses)
