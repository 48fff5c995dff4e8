"""Tests of xmppd.sasl.exchange: the words and values every mechanism shares."""

from twisted.trial.unittest import SynchronousTestCase

from tests.sasl.helpers import BINDINGS, context
from xmppd.sasl.exchange import Challenge, Condition

# The element names of RFC 6120 sections 6.5.1 to 6.5.11.
CONDITIONS = [
    "aborted",
    "account-disabled",
    "credentials-expired",
    "encryption-required",
    "incorrect-encoding",
    "invalid-authzid",
    "invalid-mechanism",
    "malformed-request",
    "mechanism-too-weak",
    "not-authorized",
    "temporary-auth-failure",
]


class ExchangeTests(SynchronousTestCase):
    """The words for failures, and what may be printed."""

    def test_conditions(self) -> None:
        self.assertEqual([str(condition) for condition in Condition], CONDITIONS)

    def test_secrets_stay_out_of_the_repr(self) -> None:
        self.assertEqual(repr(Challenge(b"nonce")), "Challenge()")
        text = repr(context(bindings=BINDINGS))
        self.assertNotIn("finished message", text)
        self.assertIn("example.org", text)
