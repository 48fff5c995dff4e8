"""Tests of xmppd.sasl.anonymous against RFC 4505 and XEP-0175."""

from twisted.trial.unittest import SynchronousTestCase

from tests.sasl.helpers import context
from xmppd.sasl.anonymous import Anonymous, AnonymousFacts
from xmppd.sasl.exchange import Condition, Failed, Mechanism, Outcome, Verify

GUEST = Verify(AnonymousFacts())
MALFORMED = Failed(Condition.MALFORMED_REQUEST)

TABLE: list[tuple[bytes | None, Outcome]] = [
    (None, GUEST),  # XEP-0175 section 4
    (b"", GUEST),
    (b"sirhc", GUEST),  # RFC 4505 section 4
    (b"juliet@example.org", GUEST),
    (b"x" * 255, GUEST),
    ("\U0001f512".encode() * 255, GUEST),
    (b"x" * 256, MALFORMED),
    ("\U0001f512".encode() * 256, MALFORMED),
    (b"sirhc\xff", MALFORMED),
]


class AnonymousTests(SynchronousTestCase):
    """Guests, and the trace information they may leave."""

    def test_trace_information(self) -> None:
        for message, expected in TABLE:
            self.assertEqual(Anonymous().start(context()).step(message), expected, message)

    def test_a_guest_has_no_name_and_leaves_no_trace(self) -> None:
        self.assertEqual(AnonymousFacts().username, "")
        self.assertNotIn("sirhc", repr(Anonymous().start(context()).step(b"sirhc")))

    def test_possible_everywhere(self) -> None:
        mechanism: Mechanism = Anonymous()
        self.assertTrue(mechanism.possible(context(secure=False)))
        self.assertEqual(mechanism.name, "ANONYMOUS")
