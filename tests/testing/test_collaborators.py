"""The collaborators of tests keep the promises of the real ones."""

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from xmppd.api.host import Busy, IEntropy, IWallClock, IWorkers
from xmppd.stanza.dates import format_datetime
from xmppd.testing.collaborators import NOON, CountingEntropy, FixedWall, InlineWorkers


class FixedWallTests(SynchronousTestCase):
    """`FixedWall`."""

    def test_it_stands_still(self) -> None:
        wall = FixedWall()
        self.assertTrue(verifyObject(IWallClock, wall))
        self.assertEqual([NOON, NOON], [wall.now(), wall.now()])
        self.assertEqual("2026-01-01T12:00:00Z", format_datetime(NOON))
        wall.seconds += 1.5
        self.assertEqual(NOON + 1.5, wall.now())


class CountingEntropyTests(SynchronousTestCase):
    """`CountingEntropy`."""

    def test_all_values_differ(self) -> None:
        entropy = CountingEntropy()
        self.assertTrue(verifyObject(IEntropy, entropy))
        values: list[object] = [entropy.token() for _ in range(20)]
        values += [entropy.token_bytes(4) for _ in range(20)]
        self.assertEqual(40, len(set(values)))

    def test_every_run_makes_the_same(self) -> None:
        first, second = CountingEntropy(), CountingEntropy()
        for _ in range(3):
            self.assertEqual(first.token(), second.token())
            self.assertEqual(first.token_bytes(16), second.token_bytes(16))

    def test_sizes(self) -> None:
        entropy = CountingEntropy()
        for size in (0, 1, 7, 8, 9, 32):
            self.assertEqual(size, len(entropy.token_bytes(size)))
        self.assertTrue(entropy.token().isalnum())


class InlineWorkersTests(SynchronousTestCase):
    """`InlineWorkers`."""

    def setUp(self) -> None:
        self.workers = InlineWorkers()

    def test_work_is_done_at_once(self) -> None:
        self.assertTrue(verifyObject(IWorkers, self.workers))
        self.assertEqual(8, self.successResultOf(self.workers.run(pow, 2, 3)))
        self.failureResultOf(self.workers.run(int, "x"), ValueError)
        self.assertEqual([pow, int], self.workers.ran)

    def test_too_much_work(self) -> None:
        self.workers.busy = True
        self.failureResultOf(self.workers.run(pow, 2, 3), Busy)
        self.assertEqual([], self.workers.ran)
