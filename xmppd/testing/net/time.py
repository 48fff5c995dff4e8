"""Time that passes only when it is told to, shared by machines that may stop and start."""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from xmppd.api.host import IWallClock
from xmppd.testing.collaborators import NOON


@implementer(IDelayedCall)
class Call:
    """Something that is to be called at `time`."""

    __slots__ = ("_arguments", "_clock", "_function", "_keywords", "called", "cancelled", "time")

    def __init__(
        self,
        clock: "VirtualClock",
        time: float,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        keywords: dict[str, Any],
    ) -> None:
        self._clock = clock
        self._function = function
        self._arguments = arguments
        self._keywords = keywords
        self.time = time
        self.called = self.cancelled = False

    def __repr__(self) -> str:
        """Return what is called and when; nothing in it differs between two runs."""
        name = getattr(self._function, "__qualname__", None) or repr(self._function)
        return f"<{name} at {self.time:.3f}>"

    def getTime(self) -> float:
        """Return when it is called."""
        return self.time

    def active(self) -> bool:
        """Tell whether it is still to be called."""
        return not (self.called or self.cancelled)

    def cancel(self) -> None:
        """Have it never called. Raises `AlreadyCancelled` or `AlreadyCalled`."""
        self._check()
        self.cancelled = True

    def delay(self, secondsLater: float) -> None:
        """Have it called so much later."""
        self._check()
        self._clock.put(self, self.time + secondsLater)

    def reset(self, secondsFromNow: float) -> None:
        """Have it called so much later than now."""
        self._check()
        self._clock.put(self, self._clock.seconds() + secondsFromNow)

    def _check(self) -> None:
        if self.cancelled:
            raise AlreadyCancelled
        if self.called:
            raise AlreadyCalled

    def run(self) -> None:
        """Call it."""
        self.called = True
        self._function(*self._arguments, **self._keywords)


@implementer(IReactorTime)
class VirtualClock:
    """Calls what is due, one after the other; of the same time, in the order of asking.

    What raises an exception ends the run with it.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._made = 0
        self._calls: list[tuple[float, int, Call]] = []

    def seconds(self) -> float:
        """Return the seconds that have passed."""
        return self._now

    def callLater(
        self, delay: float, callable: Callable[..., Any], *args: object, **kw: object
    ) -> Call:
        """Call a function after so many seconds."""
        call = Call(self, 0.0, callable, args, kw)
        self.put(call, self._now + delay)
        return call

    def put(self, call: Call, time: float) -> None:
        """Have something called at a time."""
        call.time = time
        self._made += 1
        heappush(self._calls, (time, self._made, call))

    def getDelayedCalls(self) -> list[Call]:
        """Return what is still to be called, in order."""
        return [call for time, _, call in sorted(self._calls, key=_when) if _stands(call, time)]

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self._now + seconds
        calls = self._calls
        while calls and calls[0][0] <= end:
            time, _, call = heappop(calls)
            if _stands(call, time):
                self._now = max(self._now, time)
                call.run()
        self._now = end


def _when(entry: tuple[float, int, Call]) -> tuple[float, int]:
    return entry[:2]


def _stands(call: Call, time: float) -> bool:
    """Tell whether an entry is still good: what was moved has another one."""
    return call.active() and call.time == time


@implementer(IReactorTime)
class MachineClock:
    """The clock of one machine: its timers end with its process."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._calls: dict[Call, None] = {}
        self._tidy_at = 500
        self.seconds = clock.seconds

    def callLater(
        self, delay: float, callable: Callable[..., Any], *args: object, **kw: object
    ) -> Call:
        """Call a function after so many seconds, unless the process has ended by then."""
        call = self._clock.callLater(delay, callable, *args, **kw)
        self._calls[call] = None
        if len(self._calls) > self._tidy_at:
            self._calls = dict.fromkeys(self.getDelayedCalls())
            self._tidy_at = 2 * len(self._calls) + 500
        return call

    def getDelayedCalls(self) -> list[Call]:
        """Return what is still to be called on this machine."""
        return [call for call in self._calls if call.active()]

    def end(self) -> None:
        """Forget all timers: the process has ended."""
        for call in self.getDelayedCalls():
            call.cancel()
        self._calls.clear()


@implementer(IWallClock)
class VirtualWall:
    """The time of day goes with a clock, from noon on."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def now(self) -> float:
        """Return seconds since 1970."""
        return NOON + self._clock.seconds()
