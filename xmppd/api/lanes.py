"""What many send over one stream, in the order of each pair of addresses (RFC 6120 section 10.1).

While the work on one stanza waits, those between the same two bare addresses wait behind it, and
all others go on: a component or another server speaks for many who have nothing to do with each
other.
"""

from collections import deque
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from xmppd.api.pace import Pace
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza
from xmppd.stanza.weight import weight

Pair = tuple[JID | None, JID | None]


class Lanes:
    """Hands stanzas on to `route`, which returns a Deferred if the pair has to wait for it.

    - `urgent(stanza)`: whether it answers a request of ours; such never wait, for somebody might be
      waiting for them.
    - `stanzas`, `bytes`: how many may be in work, or wait behind that; see `full`.
    - `regulate`: called whenever `full` may have changed.
    - `pace`: where others should have their turns, all rest until the next one, in order.
    """

    __slots__ = (
        "_bytes",
        "_later",
        "_most_bytes",
        "_most_stanzas",
        "_pace",
        "_regulate",
        "_route",
        "_stanzas",
        "_urgent",
        "_waiting",
    )

    _log = Logger()

    def __init__(
        self,
        route: Callable[[Stanza], "Deferred[None] | None"],
        urgent: Callable[[Stanza], bool],
        stanzas: int,
        bytes: int,
        regulate: Callable[[], None],
        pace: Pace | None = None,
    ) -> None:
        self._route = route
        self._urgent = urgent
        self._most_stanzas = stanzas
        self._most_bytes = bytes
        self._regulate = regulate
        # By pair, what is behind the stanza in work, each with its weight on arrival: whoever works
        # on a stanza may change it.
        self._waiting: dict[Pair, deque[tuple[Stanza, int]]] = {}
        self._stanzas = self._bytes = 0
        self._pace = pace
        # What has come since the stream began to rest; None while it does not.
        self._later: deque[tuple[Stanza, int]] | None = None

    @property
    def full(self) -> bool:
        """Whether no more should be read."""
        return self._stanzas >= self._most_stanzas or self._bytes >= self._most_bytes

    def begin(self) -> None:
        """The stream's stanzas are taken from now on, one after the other."""
        if self._pace is not None:
            self._pace.begin()

    def take(self, stanza: Stanza) -> None:
        """Take a stanza with both addresses set."""
        if self._later is None:
            self._take(stanza, weight(stanza))
            self._rest()
        elif self._urgent(stanza):
            self._route(stanza)
        else:
            size = weight(stanza)
            self._later.append((stanza, size))
            self._count(1, size)
        self._regulate()

    def _take(self, stanza: Stanza, size: int) -> None:
        pair = _pair(stanza)
        queue = self._waiting.get(pair)
        if queue is None:
            self._begin(pair, stanza, size)
        elif self._urgent(stanza):
            self._route(stanza)
        else:
            queue.append((stanza, size))
            self._count(1, size)

    def _rest(self) -> bool:
        """Rest if others should have their turn; tell whether that is so."""
        rest = None if self._pace is None else self._pace.rest()
        if rest is None:
            return False
        if self._later is None:
            self._later = deque()
        rest.addCallback(self._rested)
        rest.addErrback(self._given_up)
        return True

    def _rested(self, _done: None) -> None:
        """Take up what has come for any pair meanwhile, until others should have their turn."""
        self.begin()
        while self._later:
            stanza, size = self._later.popleft()
            self._count(-1, -size)
            self._take(stanza, size)
            if self._rest():
                break
        else:
            self._later = None
        self._regulate()

    def _given_up(self, failure: Failure) -> None:
        """Lose what has come meanwhile by a fault of ours, and go on with what will come."""
        self._log.failure("what came over a stream could not be worked off", failure=failure)
        later, self._later = self._later or (), None
        for _stanza, size in later:
            self._count(-1, -size)
        self._regulate()

    def _begin(self, pair: Pair, stanza: Stanza, size: int) -> bool:
        """Route a stanza; tell whether its pair has to wait for it."""
        done = self._route(stanza)
        if done is None:
            return False
        self._waiting.setdefault(pair, deque())
        self._wait(done, pair, size)
        return True

    def _wait(self, done: "Deferred[None]", pair: Pair, size: int) -> None:
        self._count(1, size)
        done.addCallback(self._go_on, pair, size)
        done.addErrback(self._crashed, pair)

    def _go_on(self, _done: None, pair: Pair, size: int) -> None:
        """Take up what came for the pair meanwhile, until one has to be waited for again."""
        self._count(-1, -size)
        self.begin()
        queue = self._waiting[pair]
        while queue:
            stanza, size = queue.popleft()
            self._count(-1, -size)
            if self._begin(pair, stanza, size):
                break
            rest = None if self._pace is None else self._pace.rest()
            if rest is not None:
                self._wait(rest, pair, 0)
                break
        else:
            del self._waiting[pair]
        self._regulate()

    def _crashed(self, failure: Failure, pair: Pair) -> None:
        """Lose one pair's stanzas by a fault of ours, and go on with the others'."""
        self._log.failure("what came over a stream could not be worked off", failure=failure)
        for _stanza, size in self._waiting.pop(pair):
            self._count(-1, -size)
        self._regulate()

    def _count(self, stanzas: int, bytes: int) -> None:
        self._stanzas += stanzas
        self._bytes += bytes


def _pair(stanza: Stanza) -> Pair:
    from_, to = stanza.from_, stanza.to
    return from_ and from_.bare, to and to.bare
