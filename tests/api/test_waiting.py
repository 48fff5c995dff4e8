"""Results that may have to be waited for."""

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.waiting import begin, settle


async def at_once(value: object) -> object:
    return value


async def after(*awaited: Awaitable[Any]) -> list[Any]:
    return [await each for each in awaited]


async def failing(awaited: Awaitable[Any]) -> None:
    await awaited
    raise ValueError("late")


class SettleTests(SynchronousTestCase):
    """What is there at once is returned, anything else is a Deferred."""

    def test_what_need_not_wait(self) -> None:
        table: list[tuple[Callable[[], object], object]] = [
            (lambda: None, None),
            (lambda: "plain", "plain"),
            (lambda: at_once("coroutine"), "coroutine"),
            (lambda: succeed("fired"), "fired"),
            (lambda: after(succeed(1), at_once(2)), [1, 2]),
        ]
        for make, expected in table:
            self.assertEqual(expected, settle(make()))

    def test_failures_that_need_not_wait(self) -> None:
        self.assertRaises(ValueError, settle, failing(succeed(None)))
        self.assertRaises(KeyError, settle, fail(KeyError()))

    def test_waiting_more_than_once(self) -> None:
        first: Deferred[int] = Deferred()
        second: Deferred[int] = Deferred()
        done = settle(after(first, second))
        first.callback(1)
        self.assertNoResult(done)
        second.callback(2)
        self.assertEqual([1, 2], self.successResultOf(done))
        self.assertEqual(1, self.successResultOf(first))  # it keeps its result

    def test_waiting_for_a_deferred(self) -> None:
        waiting: Deferred[int] = Deferred()
        done = settle(waiting)
        waiting.callback(1)
        self.assertEqual(1, self.successResultOf(done))

    def test_failing_after_waiting(self) -> None:
        waiting: Deferred[None] = Deferred()
        done = settle(failing(waiting))
        waiting.callback(None)
        self.failureResultOf(done, ValueError)

    def test_a_failure_waited_for_is_the_waiters(self) -> None:
        waiting: Deferred[None] = Deferred()
        done = settle(after(waiting))
        waiting.errback(KeyError())
        self.failureResultOf(done, KeyError)
        self.successResultOf(waiting)  # nobody else need deal with it

    def test_cancelling_cancels_what_is_waited_for(self) -> None:
        cancelled: list[Deferred[None]] = []
        waiting: Deferred[None] = Deferred(cancelled.append)
        done = settle(after(waiting))
        done.cancel()
        self.assertEqual([waiting], cancelled)
        self.failureResultOf(done, CancelledError)

    def test_going_on_in_spite_of_being_cancelled(self) -> None:
        first: Deferred[None] = Deferred()
        second: Deferred[None] = Deferred()
        went_on: list[str] = []

        async def stubborn() -> None:
            try:
                await first
            except CancelledError:
                await second
            went_on.append("here")

        done = settle(stubborn())
        done.cancel()
        self.failureResultOf(done, CancelledError)
        second.callback(None)
        self.assertEqual(["here"], went_on)

    def test_going_wrong_after_being_cancelled(self) -> None:
        first: Deferred[None] = Deferred()
        second: Deferred[None] = Deferred()

        async def stubborn() -> None:
            try:
                await first
            except CancelledError:
                await second

        done = settle(stubborn())
        done.cancel()
        self.failureResultOf(done, CancelledError)
        second.errback(ValueError("nobody waits for this"))
        self.failureResultOf(second, ValueError)  # so that it reaches the log

    def test_cancelling_from_inside(self) -> None:
        """While it is being carried on there is nothing that it waits for."""
        waiting: Deferred[None] = Deferred()
        done: list[Deferred[None]] = []

        async def suicidal() -> None:
            await waiting
            done[0].cancel()

        done.append(settle(suicidal()))
        waiting.callback(None)
        self.failureResultOf(done[0], CancelledError)


class BeginTests(SynchronousTestCase):
    """The same, always as a Deferred."""

    def test_what_need_not_wait(self) -> None:
        self.assertEqual("there", self.successResultOf(begin(at_once("there"))))
        self.failureResultOf(begin(failing(succeed(None))), ValueError)

    def test_waiting(self) -> None:
        waiting: Deferred[int] = Deferred()
        done = begin(after(waiting))
        self.assertNoResult(done)
        waiting.callback(1)
        self.assertEqual([1], self.successResultOf(done))
