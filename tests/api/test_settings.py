"""Ranges of settings."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.settings import Between


class BetweenTests(SynchronousTestCase):
    """Which numbers a range holds, and how it is said."""

    def test_both_ends_belong_to_it(self) -> None:
        table = [(9, False), (10, True), (10.5, True), (20, True), (20.01, False)]
        for value, expected in table:
            with self.subTest(value=value):
                self.assertIs(Between(10, 20).allows(value), expected)

    def test_what_is_no_number_is_in_no_range(self) -> None:
        self.assertFalse(Between(0, 1e300).allows(float("nan")))

    def test_it_is_said_with_readable_numbers(self) -> None:
        self.assertEqual(str(Between(1, 65535)), "between 1 and 65_535")
