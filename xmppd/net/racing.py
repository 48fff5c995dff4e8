"""Connects to whichever of several places answers first, the better ones before (RFC 8305, 2782).

XEP-0495 says how the two go together. It has a worse priority wait until all connections to better
ones have failed; here it waits some seconds at most, as a place that never answers would otherwise
take half a minute.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, zip_longest
from typing import Any

from twisted.internet import error
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IProtocol, IProtocolFactory, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from xmppd.api.network import AddressAnswer, IConnector

_LATE = "did not answer"
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (error.ConnectionRefusedError, "refused the connection"),
    (error.TimeoutError, _LATE),
    (error.TCPTimedOutError, _LATE),
    (error.NoRouteError, "cannot be reached from here"),
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One connection to try: an IP address, a port, and what makes the protocol for it."""

    address: str
    port: int
    factory: IProtocolFactory


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one attempt failed; as text, "192.0.2.1 port 5269 refused the connection"."""

    address: str
    port: int
    why: str

    def __str__(self) -> str:
        return f"{self.address} port {self.port} {self.why}"


class Unreachable(Exception):
    """All attempts failed; `reasons` has one for each that was begun, in their order.

    There are none if there was nothing to try.
    """

    def __init__(self, reasons: Sequence[Reason]) -> None:
        super().__init__("; ".join(map(str, reasons)) or "there is no address to connect to")
        self.reasons = tuple(reasons)


@dataclass(frozen=True, slots=True)
class Place:
    """Something to connect to whose addresses have to be looked up.

    - `rank`: how good it is, the best have the lowest (the priority of RFC 2782).
    - `look_up()`: begins to look, and returns what fires with the attempts to make, in their order;
      there are none if nothing was found. It is called once at most, and cancelled if need be.
    """

    rank: int
    look_up: Callable[[], "Deferred[Sequence[Attempt]]"]


@dataclass(frozen=True, slots=True)
class Pace:
    """How a race is run; all times are in seconds.

    - `stagger`: from one attempt to the next, while none has failed, and how long later places wait
      for the addresses of an earlier one; `after_failure`: how soon the next attempt may follow
      where one has failed.
    - `rank`: how long after the last attempt of one rank the next rank has its turn, while not all
      have failed.
    - `attempt`: for one attempt, `total`: for all of them.
    - `attempts`: how many are made at most; the rest is left out. `lookups`: how many places are
      looked up at a time.
    """

    stagger: float = 0.25
    after_failure: float = 0.01
    rank: float = 4.0
    attempt: float = 30.0
    total: float = 60.0
    attempts: int = 16
    lookups: int = 4


def alternating(answer: AddressAnswer) -> list[str]:
    """Return the addresses of a host in the order to try them (RFC 8305 section 4).

    IPv6 and IPv4 take turns, IPv6 first.
    """
    pairs = zip_longest(answer.ipv6, answer.ipv4)
    return [address for address in chain.from_iterable(pairs) if address is not None]


def race(
    places: Iterable[Place],
    connector: IConnector,
    clock: IReactorTime,
    pace: Pace | None = None,
) -> "Deferred[IProtocol]":
    """Try the places, the best first, until a connection is made; fire with the protocol connected.

    `places` are in the order to try them. Those of one rank are looked up side by side and tried
    with what is known so far; those of a worse one have their turn when all better ones have failed
    or been given their time.

    All other attempts and lookups are ended, so that one connection is left. Fails with
    `Unreachable`. To cancel what this returns ends them all.
    """
    return _Race(places, connector, clock, pace or Pace()).done


class _Runner:
    """A place in a race.

    - `looking`: its lookup, None before it has begun; `left`: the attempts still to make, None as
      long as they are not known.
    - `had_turn`: whether others have waited for them.
    """

    __slots__ = ("had_turn", "left", "looking", "place")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.looking: Deferred[Sequence[Attempt]] | None = None
        self.left: deque[Attempt] | None = None
        self.had_turn = False

    @property
    def is_awaited(self) -> bool:
        """Whether it is being looked up."""
        return self.looking is not None and self.left is None


class _Race:
    """Places whose turn it is or was, attempts under way, and those that have failed."""

    _log = Logger()

    def __init__(
        self, places: Iterable[Place], connector: IConnector, clock: IReactorTime, pace: Pace
    ) -> None:
        self.done: Deferred[IProtocol] = Deferred(self._cancelled)
        ranks = groupby(map(_Runner, places), lambda runner: runner.place.rank)
        self._later = deque(list(rank) for _, rank in ranks)
        self._runners: list[_Runner] = []
        self._turn: _Runner | None = None
        self._idle = False
        self._connector = connector
        self._clock = clock
        self._pace = pace
        self._begun = 0
        self._since = 0.0
        self._running: dict[int, tuple[Attempt, Deferred[IProtocol]]] = {}
        self._reasons: dict[int, Reason] = {}
        self._over = False
        self._next: IDelayedCall | None = None
        self._deadline: IDelayedCall | None = clock.callLater(pace.total, self._give_up)
        self._next_rank()

    # Whose turn it is.

    def _next_rank(self) -> None:
        """Let the places of the next rank take part."""
        self._since = self._clock.seconds()
        if self._later:
            self._runners += self._later.popleft()
        self._go_on()

    def _go_on(self) -> None:
        """Begin the next attempt; where there is none, wait for one, or give up."""
        self._wait(None)
        self._turn, self._idle = None, False
        self._look_up()
        full = self._begun >= self._pace.attempts
        first = None if full else next(filter(self._may_go, self._runners), None)
        if first is not None:
            self._take_turn(first)
        elif self._running or (self._awaited and not full):
            self._idle = True
            if self._later and not full:
                left = self._since + self._pace.rank - self._clock.seconds()
                self._wait(max(0.0, left), self._next_rank)
        elif self._later and not full:
            self._next_rank()
        else:
            self._give_up()

    def _may_go(self, runner: _Runner) -> bool:
        """Tell whether it has attempts, or may have some if it is waited for a moment."""
        return bool(runner.left) or (runner.is_awaited and not runner.had_turn)

    def _take_turn(self, runner: _Runner) -> None:
        if runner.left:
            self._begin(runner.left.popleft())
        else:  # XEP-0495, "Hostname Resolution"
            self._turn = runner
            runner.had_turn = True
        if not self._over and self._next is None:
            self._wait(self._pace.stagger, self._go_on)

    def _wait(self, seconds: float | None, then: Callable[[], None] | None = None) -> None:
        """Do something later, instead of what was to be done before."""
        if self._next is not None and self._next.active():
            self._next.cancel()
        later = self._clock.callLater
        self._next = None if seconds is None or then is None else later(seconds, then)

    # Addresses.

    @property
    def _awaited(self) -> int:
        return sum(runner.is_awaited for runner in self._runners)

    def _look_up(self) -> None:
        """Ask for addresses of places that take part, of so many at a time."""
        for runner in self._runners:
            if self._awaited >= self._pace.lookups:
                return
            if runner.looking is None:
                looking = runner.looking = runner.place.look_up()
                looking.addCallbacks(
                    self._found, self._not_found, callbackArgs=(runner,), errbackArgs=(runner,)
                )

    def _found(self, attempts: Sequence[Attempt], runner: _Runner) -> None:
        runner.left = deque(attempts)
        if not self._over and (self._idle or self._is_waited_for(runner)):
            self._go_on()

    def _is_waited_for(self, runner: _Runner) -> bool:
        """Tell whether nothing is awaited now but the addresses of this one, or of a worse one."""
        if self._turn is None:
            return False
        return self._runners.index(runner) <= self._runners.index(self._turn)

    def _not_found(self, failure: Failure, runner: _Runner) -> None:
        if not self._over:
            self._log.failure("the addresses of a place could not be looked up", failure)
            self._found((), runner)

    # Attempts.

    def _begin(self, attempt: Attempt) -> None:
        number = self._begun
        self._begun += 1
        self._since = self._clock.seconds()
        connecting: Deferred[IProtocol] = maybeDeferred(
            self._connector.connect,
            attempt.address,
            attempt.port,
            attempt.factory,
            self._pace.attempt,
        )
        self._running[number] = attempt, connecting
        connecting.addCallbacks(
            self._connected, self._failed, callbackArgs=(number,), errbackArgs=(number,)
        )

    def _connected(self, protocol: IProtocol, number: int) -> None:
        self._running.pop(number)
        if self._over:  # it came while the others were being ended
            _abort(protocol)
            return
        self._end()
        self.done.callback(protocol)

    def _failed(self, failure: Failure, number: int) -> None:
        attempt, _ = self._running.pop(number)
        if self._over:
            return
        self._note(number, attempt, self._why(failure))
        if any(runner.left for runner in self._runners):
            self._wait(self._pace.after_failure, self._go_on)
        else:
            self._go_on()

    def _note(self, number: int, attempt: Attempt, why: str) -> None:
        self._reasons[number] = Reason(attempt.address, attempt.port, why)

    def _why(self, failure: Failure) -> str:
        for kind, why in _REASONS:
            if isinstance(failure.value, kind):
                return why
        if isinstance(failure.value, error.ConnectError) and failure.value.osError is not None:
            return f"could not be connected to ({os.strerror(failure.value.osError)})"
        self._log.failure("a connection could not be made", failure)
        return "could not be connected to"

    # The end.

    def _give_up(self) -> None:
        """Fail, for all have failed or time is up."""
        for number, (attempt, _) in self._running.items():
            self._note(number, attempt, _LATE)
        self._end()
        self.done.errback(Unreachable([self._reasons[number] for number in sorted(self._reasons)]))

    def _cancelled(self, done: "Deferred[IProtocol]") -> None:
        self._end()

    def _end(self) -> None:
        self._over = True
        self._wait(None)
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None  # a timer that has fired refers to us still
        for _, connecting in list(self._running.values()):
            connecting.cancel()
        for runner in self._runners:
            if runner.looking is not None and runner.is_awaited:
                runner.looking.cancel()


def _abort(protocol: Any) -> None:
    protocol.transport.abortConnection()
