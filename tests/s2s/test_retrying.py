"""When the next attempt to reach a server may be made."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.s2s.retrying import Retrying


class RetryingTests(SynchronousTestCase):
    """Two seconds at first, ten at most."""

    luck = 0.5

    def setUp(self) -> None:
        self.retrying = Retrying(2.0, 10.0, lambda: self.luck)

    def due(self, now: float) -> float:
        """Return in how many seconds the next attempt may be made."""
        tenths = range(200)
        return next(each / 10 for each in tenths if not self.retrying.is_early(now + each / 10))

    def test_at_once(self) -> None:
        self.assertEqual(self.due(0.0), 0.0)

    def test_ever_less_often(self) -> None:
        for now, expected in ((0.0, 2.0), (2.0, 4.0), (6.0, 8.0), (14.0, 10.0), (24.0, 10.0)):
            self.retrying.failed(now)
            self.assertEqual(self.due(now), expected)

    def test_after_very_many(self) -> None:
        for _ in range(2000):
            self.retrying.failed(0.0)
        self.assertEqual(self.due(0.0), 10.0)

    def test_not_all_at_the_same_moment(self) -> None:
        for luck, expected in ((0.0, 1.5), (0.5, 2.0), (1.0, 2.5)):
            self.luck = luck
            self.setUp()
            self.retrying.failed(0.0)
            self.assertEqual(self.due(0.0), expected)

    def test_what_ends_the_waiting(self) -> None:
        self.retrying.failed(0.0)
        self.retrying.encourage()
        self.assertEqual(self.due(0.0), 0.0)
        self.retrying.failed(0.0)
        self.assertEqual(self.due(0.0), 4.0)
        self.retrying.attached(1.0)
        self.assertEqual(self.due(1.0), 0.0)
        self.retrying.failed(1.0)
        self.assertEqual(self.due(1.0), 2.0)

    def test_after_a_stream(self) -> None:
        for seconds, expected in ((0.0, 2.0), (59.0, 2.0), (60.0, 0.0), (5000.0, 0.0)):
            self.retrying.attached(100.0)
            self.retrying.detached(100.0 + seconds)
            self.assertEqual(self.due(100.0 + seconds), expected, seconds)
