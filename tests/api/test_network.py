"""What is made of the troubles of two lookups, and how they read."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.network import AddressAnswer, LookupFailed, Trouble


class AnswerTests(SynchronousTestCase):
    """Why there is no address."""

    def test_trouble(self) -> None:
        name, records, late = Trouble.NO_NAME, Trouble.NO_RECORDS, Trouble.TIMEOUT
        table = [
            (AddressAnswer(("2001:db8::1",), (), 1, None, late), None),
            (AddressAnswer((), ("192.0.2.1",), 1, late, None), None),
            (AddressAnswer((), (), 1, name, name), name),
            (AddressAnswer((), (), 1, records, name), name),
            (AddressAnswer((), (), 1, name, late), late),
            (AddressAnswer((), (), 1, late, records), late),
            (AddressAnswer((), (), 1), records),
        ]
        for answer, expected in table:
            with self.subTest(answer=answer):
                self.assertIs(answer.trouble, expected)

    def test_final(self) -> None:
        final = [each for each in Trouble if each.final]
        self.assertEqual(final, [Trouble.NO_NAME, Trouble.NO_RECORDS])

    def test_sentences(self) -> None:
        failure = LookupFailed("example.net", Trouble.NO_NAME)
        self.assertEqual(str(failure), "example.net: there is no such name")
        self.assertEqual((failure.name, failure.trouble), ("example.net", Trouble.NO_NAME))
