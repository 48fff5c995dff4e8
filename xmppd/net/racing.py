"""Connects to whichever of several addresses answers first (RFC 8305, XEP-0495)."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
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
class Pace:
    """How a race is run; all times are in seconds.

    - `stagger`: from one attempt to the next, while none has failed; `after_failure`: how soon the
      next may follow where one has.
    - `attempt`: for one attempt, `total`: for all of them.
    - `attempts`: how many are made at most; the rest is left out.
    """

    stagger: float = 0.25
    after_failure: float = 0.01
    attempt: float = 30.0
    total: float = 60.0
    attempts: int = 16


def alternating(answer: AddressAnswer) -> list[str]:
    """Return the addresses of a host in the order to try them (RFC 8305 section 4).

    IPv6 and IPv4 take turns, IPv6 first.
    """
    pairs = zip_longest(answer.ipv6, answer.ipv4)
    return [address for address in chain.from_iterable(pairs) if address is not None]


def race(
    attempts: Iterable[Attempt],
    connector: IConnector,
    clock: IReactorTime,
    pace: Pace | None = None,
) -> "Deferred[IProtocol]":
    """Make the attempts in their order until one succeeds; fire with the protocol connected.

    The others are ended, so that one connection is left. Fails with `Unreachable`. To cancel what
    this returns ends them all.
    """
    return _Race(list(attempts), connector, clock, pace or Pace()).done


class _Race:
    """Attempts under way, and those that have failed."""

    _log = Logger()

    def __init__(
        self, attempts: list[Attempt], connector: IConnector, clock: IReactorTime, pace: Pace
    ) -> None:
        self.done: Deferred[IProtocol] = Deferred(self._cancelled)
        self._attempts = attempts[: pace.attempts]
        self._connector = connector
        self._clock = clock
        self._pace = pace
        self._begun = 0
        self._running: dict[int, Deferred[IProtocol]] = {}
        self._reasons: dict[int, Reason] = {}
        self._over = False
        self._next: IDelayedCall | None = None
        self._deadline: IDelayedCall | None = clock.callLater(pace.total, self._give_up)
        if self._attempts:
            self._go_on()
        else:
            self._give_up()

    def _go_on(self) -> None:
        """Begin the next attempt."""
        self._next = None
        place = self._begun
        self._begun += 1
        self._begin(place, self._attempts[place])
        if not self._over and self._next is None and self._begun < len(self._attempts):
            self._next = self._clock.callLater(self._pace.stagger, self._go_on)

    def _begin(self, place: int, attempt: Attempt) -> None:
        connecting: Deferred[IProtocol] = maybeDeferred(
            self._connector.connect,
            attempt.address,
            attempt.port,
            attempt.factory,
            self._pace.attempt,
        )
        self._running[place] = connecting
        connecting.addCallbacks(
            self._connected, self._failed, callbackArgs=(place,), errbackArgs=(place,)
        )

    def _connected(self, protocol: IProtocol, place: int) -> None:
        self._running.pop(place)
        if self._over:  # it came while the others were being ended
            _abort(protocol)
            return
        self._end()
        self.done.callback(protocol)

    def _failed(self, failure: Failure, place: int) -> None:
        self._running.pop(place)
        if self._over:
            return
        self._note(place, self._why(failure))
        if self._next is not None:
            self._next.cancel()
        if self._begun < len(self._attempts):
            self._next = self._clock.callLater(self._pace.after_failure, self._go_on)
        elif not self._running:
            self._give_up()

    def _note(self, place: int, why: str) -> None:
        attempt = self._attempts[place]
        self._reasons[place] = Reason(attempt.address, attempt.port, why)

    def _why(self, failure: Failure) -> str:
        for kind, why in _REASONS:
            if isinstance(failure.value, kind):
                return why
        if isinstance(failure.value, error.ConnectError) and failure.value.osError is not None:
            return f"could not be connected to ({os.strerror(failure.value.osError)})"
        self._log.failure("a connection could not be made", failure)
        return "could not be connected to"

    def _give_up(self) -> None:
        """Fail, for all have failed or time is up."""
        for place in self._running:
            self._note(place, _LATE)
        self._end()
        self.done.errback(Unreachable([self._reasons[place] for place in sorted(self._reasons)]))

    def _cancelled(self, done: "Deferred[IProtocol]") -> None:
        self._end()

    def _end(self) -> None:
        self._over = True
        for timer in (self._next, self._deadline):
            if timer is not None and timer.active():
                timer.cancel()
        self._next = self._deadline = None  # a timer that has fired refers to us still
        for connecting in list(self._running.values()):
            connecting.cancel()


def _abort(protocol: Any) -> None:
    protocol.transport.abortConnection()
