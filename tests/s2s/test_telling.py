"""Tests of xmppd.s2s.telling."""

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.rates import HOUR
from xmppd.s2s.telling import Telling


class TellingTests(SynchronousTestCase):
    """What is told, and what is passed over."""

    def test_so_many_of_each_an_hour(self) -> None:
        clock = Clock()
        telling = Telling(clock, 2)
        told: list[str] = []

        def tell(*names: str) -> list[str]:
            del told[:]
            with capturedLogs() as events:
                for name in names:
                    telling.tell(name, lambda: told.append(name))  # noqa: B023  # called at once
            return [str(formatEvent(event)) for event in events]

        self.assertEqual(tell("a", "a"), [])
        self.assertEqual(told, ["a", "a"])
        more = "there is more of that kind by a, which is not told"
        self.assertEqual(tell("a", "b", "a", "a"), [more])
        self.assertEqual(told, ["b"])
        clock.advance(HOUR)
        self.assertEqual(tell("a"), [])
        self.assertEqual(told, ["a"])
