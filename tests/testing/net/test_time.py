"""Virtual time, and dice."""

from collections.abc import Callable

from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from xmppd.testing.collaborators import NOON
from xmppd.testing.net.dice import Dice
from xmppd.testing.net.time import MachineClock, VirtualClock, VirtualWall


class ClockTests(SynchronousTestCase):
    """What is called, when and in which order."""

    def setUp(self) -> None:
        self.clock = VirtualClock()
        self.called: list[tuple[float, str]] = []

    def note(self, name: str) -> Callable[[], None]:
        return lambda: self.called.append((self.clock.seconds(), name))

    def test_interfaces(self) -> None:
        verifyObject(IReactorTime, self.clock)
        verifyObject(IReactorTime, MachineClock(self.clock))
        verifyObject(IDelayedCall, self.clock.callLater(1, self.note("a")))

    def test_by_time_then_in_order_of_asking(self) -> None:
        for delay, name in ((2, "c"), (1, "a"), (1, "b"), (0, "now"), (5, "late")):
            self.clock.callLater(delay, self.note(name))
        self.clock.run(3)
        self.assertEqual([(0, "now"), (1, "a"), (1, "b"), (2, "c")], self.called)
        self.assertEqual(3, self.clock.seconds())
        self.assertEqual([5.0], [call.getTime() for call in self.clock.getDelayedCalls()])

    def test_time_is_right_inside(self) -> None:
        self.clock.callLater(1, lambda: self.clock.callLater(0.5, self.note("later")))
        self.clock.run(10)
        self.assertEqual([(1.5, "later")], self.called)

    def test_cancelled_moved_and_put_off(self) -> None:
        cancelled, sooner, later, moved = (
            self.clock.callLater(2, self.note(name)) for name in ("x", "sooner", "later", "moved")
        )
        cancelled.cancel()
        sooner.reset(1)
        later.delay(1)
        moved.reset(4)
        moved.reset(0.5)
        self.assertFalse(cancelled.active())
        self.clock.run(10)
        self.assertEqual([(0.5, "moved"), (1, "sooner"), (3, "later")], self.called)
        self.assertRaises(AlreadyCancelled, cancelled.cancel)
        self.assertRaises(AlreadyCalled, later.reset, 1)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_what_raises_ends_the_run(self) -> None:
        self.clock.callLater(1, int, "x")
        self.clock.callLater(2, self.note("next"))
        self.assertRaises(ValueError, self.clock.run, 3)
        self.clock.run(3)
        self.assertEqual([(2, "next")], self.called)

    def test_a_machine_ends_with_its_timers(self) -> None:
        one, other = MachineClock(self.clock), MachineClock(self.clock)
        one.callLater(1, self.note("one"))
        other.callLater(1, self.note("other"))
        one.end()
        one.callLater(2, self.note("again"))
        self.clock.run(3)
        self.assertEqual([(1, "other"), (2, "again")], self.called)

    def test_a_machine_forgets_what_was_called(self) -> None:
        machine = MachineClock(self.clock)
        for _ in range(2000):
            machine.callLater(0, self.note("x"))
            self.clock.run(0)
        self.assertLess(len(machine._calls), 600)
        self.assertEqual([], machine.getDelayedCalls())

    def test_the_time_of_day(self) -> None:
        wall = VirtualWall(self.clock)
        self.clock.run(1.5)
        self.assertEqual(NOON + 1.5, wall.now())


class DiceTests(SynchronousTestCase):
    """Whatever draws, the same seed draws the same."""

    def test_the_very_numbers(self) -> None:
        """They are written down, so that seeds mean the same in every version."""
        dice = Dice(1)
        self.assertEqual([57, 57, 62, 5, 18], [dice.below(100) for _ in range(5)])

    def test_the_generator_is_splitmix64(self) -> None:
        """Its author's first numbers, for the state 0."""
        dice = Dice("any")
        dice._state = 0
        drawn = [dice.bits(), dice.bits(), dice.bits()]
        self.assertEqual([0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F], drawn)

    def test_seeds_differ(self) -> None:
        drawn = {Dice(seed).bits() for seed in (0, 1, 2, "x", "1/a")}
        self.assertEqual(5, len(drawn))

    def test_forks_do_not_depend_on_what_was_drawn(self) -> None:
        one, other = Dice("seed"), Dice("seed")
        one.bits()
        self.assertEqual(one.fork("a").bits(), other.fork("a").bits())
        self.assertNotEqual(one.fork("a").bits(), one.fork("b").bits())

    def test_ranges(self) -> None:
        dice = Dice("ranges")
        drawn = [dice.between(2, 3) for _ in range(100)]
        self.assertTrue(2 <= min(drawn) < 2.1 and 2.9 < max(drawn) < 3)
        self.assertEqual({"a", "b"}, {dice.pick("ab") for _ in range(100)})
        self.assertEqual(0, sum(dice.chance(0.0) for _ in range(100)))
        self.assertEqual(100, sum(dice.chance(1.0) for _ in range(100)))
        often = sum(dice.weighted((("a", 9), ("b", 1))) == "a" for _ in range(1000))
        self.assertTrue(850 < often < 950, often)
        self.assertEqual([0, 3, 8, 11], [len(dice.token_bytes(count)) for count in (0, 3, 8, 11)])
