"""The real world for a server: clock, randomness, threads."""

import time
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.host import Busy
from xmppd.service.collaborators import SystemEntropy, SystemWall, Threads, real


class Pool:
    """A thread pool whose threads do nothing until told to."""

    def __init__(self) -> None:
        self.work: list[Callable[[], None]] = []

    def callInThreadWithCallback(
        self, done: Callable[[bool, Any], None], function: Callable[..., Any], *args: Any
    ) -> None:
        def run() -> None:
            try:
                result = function(*args)
            except Exception as error:
                done(False, Failure(error))  # type: ignore[no-untyped-call]  # untyped in Twisted
            else:
                done(True, result)

        self.work.append(run)

    def turn(self) -> None:
        """Do the oldest piece of work."""
        self.work.pop(0)()


class Reactor:
    """What `Threads` needs of a reactor."""

    def __init__(self) -> None:
        self.pool = Pool()

    def getThreadPool(self) -> Pool:
        return self.pool

    def callFromThread(self, function: Callable[..., Any], *args: Any) -> None:
        function(*args)


class WorldTests(SynchronousTestCase):
    """Time of day and randomness are the system's."""

    def test_time_of_day(self) -> None:
        before = time.time()
        now = SystemWall().now()
        self.assertTrue(before <= now <= time.time())

    def test_tokens_differ_and_are_plain(self) -> None:
        tokens = {SystemEntropy().token() for _ in range(1000)}
        self.assertEqual(len(tokens), 1000)
        for token in tokens:
            self.assertRegex(token, r"\A[a-z0-9]{24}\Z")

    def test_bytes(self) -> None:
        self.assertEqual(len(SystemEntropy().token_bytes(16)), 16)
        self.assertNotEqual(SystemEntropy().token_bytes(16), SystemEntropy().token_bytes(16))

    def test_all_of_it(self) -> None:
        reactor = Reactor()
        world = real(reactor)
        self.assertIs(world.clock, reactor)
        called: list[int] = []
        world.to_reactor(called.append, 1)
        self.assertEqual(called, [1])
        done = world.workers.run(int, "7")
        reactor.pool.turn()
        self.assertEqual(self.successResultOf(done), 7)


class ThreadsTests(SynchronousTestCase):
    """Work is done two at a time; the rest waits, up to a limit."""

    def setUp(self) -> None:
        self.reactor = Reactor()
        self.pool = self.reactor.pool
        self.threads = Threads(self.reactor, at_once=2, waiting=3)

    def test_two_at_once_in_order(self) -> None:
        done: list[Deferred[int]] = [self.threads.run(int, str(n)) for n in range(4)]
        self.assertEqual(len(self.pool.work), 2)
        for number, each in enumerate(done):
            self.pool.turn()
            self.assertEqual(self.successResultOf(each), number)
            self.assertLessEqual(len(self.pool.work), 2)
        self.assertEqual(self.pool.work, [])

    def test_what_fails_fails_for_its_caller_only(self) -> None:
        bad, good = self.threads.run(int, "x"), self.threads.run(int, "1")
        self.pool.turn()
        self.pool.turn()
        self.failureResultOf(bad, ValueError)
        self.assertEqual(self.successResultOf(good), 1)

    def test_too_much(self) -> None:
        for number in range(5):
            self.assertNoResult(self.threads.run(int, str(number)))
        self.failureResultOf(self.threads.run(int, "5"), Busy)
        self.pool.turn()
        self.assertNoResult(self.threads.run(int, "6"))

    def test_cancelled_while_it_waits(self) -> None:
        for number in range(2):
            self.threads.run(int, str(number))
        waiting = self.threads.run(self.fail, "not wanted any more")
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.pool.turn()
        self.pool.turn()
        self.assertEqual(self.pool.work, [])

    def test_cancelled_while_it_is_done(self) -> None:
        working = self.threads.run(int, "1")
        working.cancel()
        self.failureResultOf(working, CancelledError)
        self.pool.turn()
        self.assertEqual(self.pool.work, [])
