"""Remembers what lookups found, as long as the DNS allows and within bounds (RFC 2308, RFC 8767).

Who asks for what is being looked up already waits for that lookup. Only so many run at a time.
"""

from collections import deque
from collections.abc import Callable, Coroutine, Sized
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from xmppd.api.network import Trouble

Key = TypeVar("Key")
Value = TypeVar("Value", bound=Sized)


@dataclass(frozen=True, slots=True)
class CacheLimits:
    """How much is remembered, and for how long.

    - `records`: what is kept in all, where a lookup that found none counts as one; the outcome not
      wanted for the longest time goes first.
    - `shortest`, `longest`: seconds for which a record is kept, whatever it says itself; `shortest`
      is also for how long nobody asks again after a lookup that has failed.
    - `nothing`: the most seconds for which it is believed that there is no record.
    - `at_once`: lookups at a time; `waiting`: how many more may wait for their turn.
    """

    records: int = 20_000
    shortest: float = 10.0
    longest: float = 3_600.0
    nothing: float = 60.0
    at_once: int = 100
    waiting: int = 1_000


@dataclass(frozen=True, slots=True)
class Known(Generic[Value]):
    """What is known for `ttl` seconds: the records, or why there are none."""

    value: Value | Trouble
    ttl: float


LookUp = Callable[[], Coroutine[Any, Any, Known[Value]]]
"""Finds something out, and for how long it holds."""


class DnsCache(Generic[Key, Value]):
    """Outcomes of lookups by what was looked up."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, limits: CacheLimits) -> None:
        self._clock = clock
        self._limits = limits
        self._known: dict[Key, Known[Value]] = {}  # here, `ttl` is when it ends
        self._records = 0
        self._waiting: dict[Key, list[Deferred[Known[Value]]]] = {}
        self._queue: deque[tuple[Key, LookUp[Value]]] = deque()
        self._running = 0
        self._beginning = False

    def __len__(self) -> int:
        """Return how many records are kept."""
        return self._records

    @property
    def pending(self) -> int:
        """How many lookups run or wait for their turn."""
        return len(self._waiting)

    def get(self, key: Key, look_up: LookUp[Value]) -> "Deferred[Known[Value]]":
        """Return what is remembered of `key`, or have it looked up; never fails.

        `ttl` is how many seconds are left of it. `BUSY` is answered when too much is waiting, and
        `BROKEN`, with an entry in the log, when `look_up` raises something. To cancel what this
        returns is to wait no longer; the lookup goes on for others and for later.
        """
        known = self._remembered(key)
        if known is not None:
            return succeed(known)
        waiting = self._waiting.get(key)
        if waiting is None:
            if len(self._queue) >= self._limits.waiting:
                return succeed(Known(Trouble.BUSY, 0.0))
            waiting = self._waiting[key] = []
            self._queue.append((key, look_up))
        waiter: Deferred[Known[Value]] = Deferred(waiting.remove)
        waiting.append(waiter)
        self._begin()
        return waiter

    def _begin(self) -> None:
        """Begin what has its turn."""
        if self._beginning:  # a lookup ended at once: the loop below goes on
            return
        self._beginning = True
        while self._queue and self._running < self._limits.at_once:
            key, look_up = self._queue.popleft()
            if self._waiting[key]:
                self._running += 1
                Deferred.fromCoroutine(look_up()).addBoth(self._ended, key)
            else:
                del self._waiting[key]
        self._beginning = False

    def _ended(self, outcome: Known[Value] | Failure, key: Key) -> None:
        self._running -= 1
        if isinstance(outcome, Failure):
            self._log.failure("a lookup in the DNS went wrong", outcome)
            outcome = Known(Trouble.BROKEN, 0.0)
        known = Known(outcome.value, self._seconds(outcome))
        self._keep(key, known)
        for waiter in self._waiting.pop(key):
            waiter.callback(known)
        self._begin()

    def _seconds(self, known: Known[Value]) -> float:
        """Return for how long an outcome is kept."""
        shortest = self._limits.shortest
        if not isinstance(known.value, Trouble):
            return max(shortest, min(known.ttl, self._limits.longest))
        return (
            max(shortest, min(known.ttl, self._limits.nothing)) if known.value.final else shortest
        )

    def _remembered(self, key: Key) -> Known[Value] | None:
        known = self._known.get(key)
        if known is None:
            return None
        del self._known[key]
        left = known.ttl - self._clock.seconds()
        if left <= 0:
            self._records -= _size(known)
            return None
        self._known[key] = known  # the latest wanted is the last to go
        return Known(known.value, left)

    def _keep(self, key: Key, known: Known[Value]) -> None:
        self._known[key] = Known(known.value, self._clock.seconds() + known.ttl)
        self._records += _size(known)
        while self._records > self._limits.records:
            self._records -= _size(self._known.pop(next(iter(self._known))))


def _size(known: Known[Any]) -> int:
    return 1 if isinstance(known.value, Trouble) else max(1, len(known.value))
