"""Counting what there is of each name."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.s2s.tally import Tally


class TallyTests(SynchronousTestCase):
    """Three stanzas and a hundred bytes of each."""

    def setUp(self) -> None:
        self.tally: Tally[str] = Tally(3, 100)

    def test_room(self) -> None:
        for sizes, size, expected in (
            ((), 100, True),
            ((), 101, True),  # one may be as large as it is
            ((10,), 90, True),
            ((10,), 91, False),
            ((10, 10), 80, True),
            ((10, 10), 81, False),
            ((1, 1, 1), 1, False),
        ):
            self.setUp()
            for each in sizes:
                self.tally.add("a", each)
            self.assertIs(self.tally.has_room("a", size), expected, (sizes, size))
            self.assertIs(self.tally.has_room("b", 100), True)

    def test_what_there_is(self) -> None:
        for name in ("b", "a", "b"):
            self.tally.add(name, 10)
        self.assertEqual((len(self.tally), list(self.tally)), (3, ["b", "a"]))
        self.tally.remove("b", 10)
        self.assertIn("b", self.tally)
        self.tally.remove("b", 10)
        self.assertNotIn("b", self.tally)
        self.tally.clear("a")
        self.assertEqual((len(self.tally), list(self.tally)), (0, []))

    def test_what_is_not_there(self) -> None:
        self.tally.clear("a")
        self.tally.remove("a", 10)
        self.assertIs(self.tally.has_room("a", 0), True)
        self.assertEqual((len(self.tally), list(self.tally)), (0, []))
