"""A time of day that stands still, entropy that can be foretold, workers that do it at once."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, execute, fail
from zope.interface import implementer

from xmppd.api.host import Busy, IEntropy, IWallClock, IWorkers

NOON = 1_767_268_800.0
"""2026-01-01T12:00:00Z, the time of day unless a test sets another."""


@implementer(IWallClock)
class FixedWall:
    """The time of day is `seconds`, until a test sets another."""

    def __init__(self, seconds: float = NOON) -> None:
        self.seconds = seconds

    def now(self) -> float:
        """Return seconds since 1970."""
        return self.seconds


@implementer(IEntropy)
class CountingEntropy:
    """Makes values that differ and that every run makes again: "token1", "token2"."""

    def __init__(self) -> None:
        self._made = 0

    def token_bytes(self, count: int) -> bytes:
        """Return the next number as `count` bytes."""
        self._made += 1
        return (self._made % (1 << 8 * count)).to_bytes(count, "big")

    def token(self) -> str:
        """Return the next id."""
        self._made += 1
        return f"token{self._made}"


@implementer(IWorkers)
class InlineWorkers:
    """Does all work at once and notes what was done.

    - `ran`: the functions that were run, in order.
    - `busy`: while it is true, work is refused with `Busy`.
    """

    def __init__(self) -> None:
        self.ran: list[Callable[..., Any]] = []
        self.busy = False

    def run(self, function: Callable[..., Any], *args: Any) -> "Deferred[Any]":
        """Return a Deferred that has fired with what the function returns or raises."""
        if self.busy:
            return fail(Busy())
        self.ran.append(function)
        return execute(function, *args)
