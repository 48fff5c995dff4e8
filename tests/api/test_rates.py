"""How often somebody may do something."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from xmppd.api import rates
from xmppd.api.rates import PerHour


class PerHourTests(SynchronousTestCase):
    """`PerHour`."""

    def setUp(self) -> None:
        self.clock = Clock()

    def test_so_often_and_no_more(self) -> None:
        count = PerHour(self.clock, 2)
        self.assertEqual([count.take("a") for _ in range(3)], [True, True, False])
        self.assertTrue(count.take("b"))
        self.clock.advance(3599.9)
        self.assertFalse(count.take("a"))
        self.clock.advance(0.1)
        self.assertEqual([count.take("a") for _ in range(3)], [True, True, False])

    def test_giving_back(self) -> None:
        count = PerHour(self.clock, 1)
        for _ in range(2):
            count.give_back("a")
        self.assertEqual([count.take("a") for _ in range(2)], [True, False])
        count.give_back("a")
        self.assertEqual([count.take("a") for _ in range(2)], [True, False])

    def test_so_many_keys(self) -> None:
        """The hour that began first is forgotten first."""
        self.patch(rates, "KEYS", 2)
        count = PerHour(self.clock, 1)
        self.assertEqual([count.take(key) for key in "abab"], [True, True, False, False])
        self.assertEqual([count.take(key) for key in "cba"], [True, False, True])
        self.clock.advance(3600)
        self.assertEqual([count.take(key) for key in "aca"], [True, True, False])
