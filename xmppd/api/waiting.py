"""Results that may have to be waited for, at the price of those that need not.

What a feature's hook returns is mostly there at once, even from an `async def`: a coroutine is
stepped once, and only if it really waits is a Deferred made for it.
"""

from collections.abc import Awaitable, Coroutine
from inspect import iscoroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

Value = TypeVar("Value")


class _Driver:
    """Carries a coroutine that waits for Deferreds to its end."""

    __slots__ = ("_work", "done", "waits_for")

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._work = work
        self.waits_for: Deferred[Any] | None = None
        self.done: Deferred[Any] = Deferred(self._cancel)

    def _cancel(self, _done: Deferred[Any]) -> None:
        if self.waits_for is not None:
            self.waits_for.cancel()

    def wait(self, on: Deferred[Any]) -> None:
        """Go on once `on` has fired."""
        self.waits_for = on
        on.addBoth(self._step)

    def _step(self, result: object) -> object:
        self.waits_for = None
        try:
            if isinstance(result, Failure):
                # As inlineCallbacks does; it keeps the traceback.
                on = result.throwExceptionIntoGenerator(self._work)  # type: ignore[no-untyped-call]
            else:
                # The Deferred waited for is being run through its callbacks and still holds
                # `result`, which is what the coroutine's `await` reads out of it.
                on = self._work.send(None)
        except StopIteration as stop:
            if not self.done.called:
                self.done.callback(stop.value)
        except BaseException as error:
            if self.done.called:
                raise  # given up already, and going wrong: left to Twisted's log
            self.done.errback(error)
        else:
            self.wait(on)
        return None if isinstance(result, Failure) else result


def settle(value: Any) -> Any:
    """Return what `value` comes to, or a Deferred if that takes waiting.

    `value` is a plain result, a coroutine or a Deferred. Raises what the coroutine, or a Deferred
    that has failed already, raises.
    """
    if isinstance(value, Deferred):
        value = _read(value)
    if not iscoroutine(value):
        return value
    try:
        on = value.send(None)
    except StopIteration as stop:
        return stop.value
    driver = _Driver(value)
    driver.wait(on)
    return driver.done


def begin(work: Coroutine[Any, Any, Value]) -> Deferred[Value]:
    """Return a Deferred for what a coroutine comes to, as `Deferred.fromCoroutine` does.

    It costs half as much where the coroutine need not wait.
    """
    try:
        outcome = settle(work)
    except Exception:
        return fail()
    return outcome if isinstance(outcome, Deferred) else succeed(outcome)


async def _read(value: Awaitable[Any]) -> Any:
    return await value
