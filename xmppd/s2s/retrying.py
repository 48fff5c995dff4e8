"""When to try again to reach another server: ever less often (RFC 6120 3.3)."""

from collections.abc import Callable

_STEADY = 60.0
"""Seconds a stream has to last for the next one to be made at once."""


class Retrying:
    """Says when the next stream to a server may be made. Times are seconds of one clock.

    - `first`, `longest`: the first and the longest time between attempts, each twice the one
      before; `draw()`: a number from 0 to 1, so that not everybody comes back at the same moment.
    """

    __slots__ = ("_at", "_attached_at", "_draw", "_failures", "_first", "_longest")

    def __init__(self, first: float, longest: float, draw: Callable[[], float]) -> None:
        self._first = first
        self._longest = longest
        self._draw = draw
        self._failures = 0
        self._at = 0.0
        self._attached_at = 0.0

    def is_early(self, now: float) -> bool:
        """Tell whether the next attempt is not due yet."""
        return now < self._at

    def failed(self, now: float) -> None:
        """An attempt has come to nothing."""
        self._at = now + self._delay()
        self._failures += 1

    def attached(self, now: float) -> None:
        """There is a stream."""
        self._failures = 0
        self._at = 0.0
        self._attached_at = now

    def detached(self, now: float) -> None:
        """The stream has ended; after a short one the next is not made at once."""
        if now - self._attached_at < _STEADY:
            self._at = now + self._delay()

    def encourage(self) -> None:
        """The other server has shown that it is alive: the next attempt is due."""
        self._at = 0.0

    def _delay(self) -> float:
        delay = min(self._first * 2.0 ** min(self._failures, 32), self._longest)
        return delay * (0.75 + 0.5 * self._draw())
