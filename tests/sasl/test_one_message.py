"""Tests of xmppd.sasl.one_message: the turns of exchanges that are one message."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.sasl.exchange import Challenge, Condition, Exchange, Failed, Outcome, ScramKeys
from xmppd.sasl.one_message import OneMessage

ASKED = Challenge(b"")
HEARD = Failed(Condition.ACCOUNT_DISABLED, "what the judge says")
OVER = Failed(Condition.MALFORMED_REQUEST, "The exchange takes one message only.")

TURNS: list[tuple[bool, list[bytes | None], list[Outcome]]] = [
    (False, [b"x"], [HEARD]),
    (False, [b""], [HEARD]),
    (False, [None, b"x"], [ASKED, HEARD]),
    (False, [None, None, b"x"], [ASKED, OVER, OVER]),
    (False, [b"x", b"x", None], [HEARD, OVER, OVER]),
    (True, [None, b"x", None], [HEARD, OVER, OVER]),
    (True, [b"x", None], [HEARD, OVER]),
]


class OneMessageTests(SynchronousTestCase):
    """Turns, and the end of them."""

    def test_turns(self) -> None:
        for silence_counts, messages, expected in TURNS:
            exchange: Exchange = OneMessage(lambda message: HEARD, silence_counts=silence_counts)
            outcomes = [exchange.step(message) for message in messages]
            self.assertEqual(outcomes, expected, (silence_counts, messages))

    def test_the_judge_hears_each_message_once(self) -> None:
        heard: list[bytes] = []

        def judge(message: bytes) -> Outcome:
            heard.append(message)
            return HEARD

        for silence_counts, messages in ((False, [b"one", b"two"]), (True, [None, b"two"])):
            exchange = OneMessage(judge, silence_counts=silence_counts)
            for message in messages:
                exchange.step(message)
        self.assertEqual(heard, [b"one", b""])

    def test_keys_are_never_asked_for(self) -> None:
        exchange = OneMessage(lambda message: HEARD)
        self.assertRaises(ValueError, exchange.keys, ScramKeys(b"salt", 4096, b"", b""))
