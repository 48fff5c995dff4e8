"""Lanes: threads of our own that run what they are handed, in order.

The threads of the reactor's pool are not used: a lane owns a database connection, and others must
not keep it waiting. Tests hand in a lane that runs its work at once, or when told.
"""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Protocol, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")

Work = Callable[[], None]

ToReactor = Callable[..., object]
"""Like `reactor.callFromThread`: calls a function with arguments on the reactor's thread, soon."""


class Lane(Protocol):
    """Where work is done one piece after the other. Work must not raise."""

    def submit(self, work: Work) -> None:
        """Have `work` done behind all that was submitted before; returns at once."""

    def join(self) -> None:
        """Return when all work is done; nothing may be submitted any more."""


class ThreadLane:
    """A lane that is a thread, started with it.

    The thread does not keep the process alive: what it is in the middle of when the process ends
    without `join` is lost, as in a crash.
    """

    def __init__(self, name: str) -> None:
        self._work: SimpleQueue[Work | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Work) -> None:
        """Have `work` done on the thread."""
        self._work.put(work)

    def join(self) -> None:
        """Return when all work is done and the thread is gone."""
        self._work.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()


def run_on(lane: Lane, to_reactor: ToReactor, function: Callable[[], T]) -> Deferred[T]:
    """Run `function` on `lane`; the Deferred fires on the reactor's thread with its outcome."""
    outcome: Deferred[T] = Deferred()

    def work() -> None:
        try:
            result = function()
        except Exception as error:
            to_reactor(outcome.errback, error)
        else:
            to_reactor(outcome.callback, result)

    lane.submit(work)
    return outcome
