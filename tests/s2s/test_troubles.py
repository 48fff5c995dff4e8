"""What is remembered of servers that could not be reached."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.s2s.pairs import Pair
from xmppd.s2s.troubles import MOST, Trouble, Troubles


def trouble(number: int, text: str = "down", when: float = 1.0) -> Trouble:
    return Trouble(Pair("capulet.example", f"d{number}.example"), text, when)


class TroublesTests(SynchronousTestCase):
    """One for each pair, and not too many."""

    def setUp(self) -> None:
        self.troubles = Troubles()

    def all(self) -> list[Trouble]:
        return list(self.troubles.since(0.0))

    def test_the_last_one_counts(self) -> None:
        for noted in (trouble(1), trouble(2), trouble(1, "refused", 2.0)):
            self.troubles.note(noted)
        self.assertEqual(self.all(), [trouble(2), trouble(1, "refused", 2.0)])

    def test_until_it_works(self) -> None:
        self.troubles.note(trouble(1))
        for _ in range(2):
            self.troubles.forget(trouble(1).pair)
        self.assertEqual((self.all(), len(self.troubles)), ([], 0))

    def test_age(self) -> None:
        for noted in (trouble(1, when=1.0), trouble(2, when=2.0)):
            self.troubles.note(noted)
        self.assertEqual(list(self.troubles.since(2.0)), [trouble(2, when=2.0)])

    def test_only_so_many(self) -> None:
        for number in range(MOST + 2):
            self.troubles.note(trouble(number))
        self.troubles.note(trouble(2))
        self.assertEqual(len(self.troubles), MOST)
        self.assertEqual([self.all()[0], self.all()[-1]], [trouble(3), trouble(2)])
