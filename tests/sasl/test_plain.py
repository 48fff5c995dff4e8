"""Tests of xmppd.sasl.plain against RFC 4616."""

from twisted.trial.unittest import SynchronousTestCase

from tests.sasl.helpers import context
from xmppd.sasl.exchange import Challenge, Condition, Failed, Mechanism, Outcome, Verify
from xmppd.sasl.plain import Plain, PlainFacts

LOCAL_256 = b"a" * 256
LONGEST = b"a" * 1023

ACCEPTED: list[tuple[bytes, str, str]] = [
    # RFC 4616 section 4, first example
    (b"\0tim\0tanstaaftanstaaf", "tim", "tanstaaftanstaaf"),
    # RFC 6120 section 6.4.2
    (b"\0juliet\0r0m30myr0m30", "juliet", "r0m30myr0m30"),
    (b"tim@example.org\0tim\0pw", "tim", "pw"),
    (b"TIM@Example.ORG\0tim\0pw", "tim", "pw"),
    (b"\0TIM\0Pw", "tim", "Pw"),
    # SASLprep: RFC 4013 section 3, examples 1, 4 and 5
    ("\0tim\0I\u00adX".encode(), "tim", "IX"),
    ("\0tim\0\u00aa".encode(), "tim", "a"),
    ("\0tim\0\u2168".encode(), "tim", "IX"),
    # unassigned in Unicode 3.2, allowed in a query
    ("\0tim\0\U0001f512".encode(), "tim", "\U0001f512"),
    ("\0j\u00fcrgen\0pw".encode(), "j\u00fcrgen", "pw"),
    (b"\0" + LOCAL_256 + b"\0" + b"p" * 256, "a" * 256, "p" * 256),
    (b"\0" + LONGEST + b"\0" + b"p" * 1023, "a" * 1023, "p" * 1023),
    (LONGEST + b"@example.org\0" + LONGEST + b"\0pw", "a" * 1023, "pw"),
]

REFUSED: list[tuple[bytes, Condition]] = [
    (b"", Condition.MALFORMED_REQUEST),
    (b"tim", Condition.MALFORMED_REQUEST),
    (b"tim\0pw", Condition.MALFORMED_REQUEST),
    (b"\0tim\0pw\0", Condition.MALFORMED_REQUEST),
    (b"\0tim\0pw\0more", Condition.MALFORMED_REQUEST),
    (b"\0\0\0", Condition.MALFORMED_REQUEST),
    (b"\0\0pw", Condition.MALFORMED_REQUEST),
    (b"\0tim\0", Condition.MALFORMED_REQUEST),
    (b"\0t\xffm\0pw", Condition.MALFORMED_REQUEST),
    (b"\0tim\0\xc0\x80", Condition.MALFORMED_REQUEST),
    (b"\xed\xa0\x80\0tim\0pw", Condition.MALFORMED_REQUEST),
    (b"\0" + LONGEST + b"a\0pw", Condition.MALFORMED_REQUEST),
    (b"\0tim\0" + b"p" * 1024, Condition.MALFORMED_REQUEST),
    (b"a" * 2048 + b"\0tim\0pw", Condition.MALFORMED_REQUEST),
    # RFC 4616 section 4, second example
    (b"Ursel\0Kurt\0xipj3plmq", Condition.INVALID_AUTHZID),
    (b"romeo@example.org\0tim\0pw", Condition.INVALID_AUTHZID),
    (b"tim@example.net\0tim\0pw", Condition.INVALID_AUTHZID),
    (b"tim@example.org/balcony\0tim\0pw", Condition.INVALID_AUTHZID),
    (b"tim@\0tim\0pw", Condition.INVALID_AUTHZID),
    (b"tim\0tim\0pw", Condition.INVALID_AUTHZID),
    (b"example.org\0tim\0pw", Condition.INVALID_AUTHZID),
    # names and passwords nobody can have
    (b"\0tim@example.org\0pw", Condition.NOT_AUTHORIZED),
    (b"\0t im\0pw", Condition.NOT_AUTHORIZED),
    (b"\0tim\0\x07", Condition.NOT_AUTHORIZED),
    ("\0tim\0\u00ad".encode(), Condition.NOT_AUTHORIZED),
]


def say(message: bytes | None, mechanism: Mechanism | None = None) -> Outcome:
    return (mechanism or Plain()).start(context()).step(message)


class PlainTests(SynchronousTestCase):
    """Names, passwords and the two NULs between them."""

    def test_accepted(self) -> None:
        for message, username, password in ACCEPTED:
            self.assertEqual(say(message), Verify(PlainFacts(username, password)), message)

    def test_refused(self) -> None:
        for message, condition in REFUSED:
            outcome = say(message)
            assert isinstance(outcome, Failed), message
            self.assertEqual(outcome.condition, condition, message)

    def test_an_impossible_name_is_answered_without_a_hint(self) -> None:
        self.assertEqual(say(b"\0t@m\0pw"), Failed(Condition.NOT_AUTHORIZED))

    def test_the_domain_is_compared_after_preparation(self) -> None:
        here = context(domain="xn--bcher-kva.example")
        for domain in ("xn--bcher-kva.example", "b\u00fccher.example"):
            message = f"tim@{domain}\0tim\0pw".encode()
            outcome = Plain().start(here).step(message)
            self.assertEqual(outcome, Verify(PlainFacts("tim", "pw")), domain)

    def test_without_initial_response_the_client_is_asked(self) -> None:
        exchange = Plain().start(context())
        self.assertEqual(exchange.step(None), Challenge(b""))
        self.assertEqual(exchange.step(b"\0tim\0pw"), Verify(PlainFacts("tim", "pw")))

    def test_needs_tls(self) -> None:
        clear = context(secure=False)
        self.assertTrue(Plain().possible(context()))
        self.assertFalse(Plain().possible(clear))
        for message in (None, b"\0tim\0pw"):
            self.assertEqual(
                Plain().start(clear).step(message), Failed(Condition.ENCRYPTION_REQUIRED)
            )

    def test_allow_clear(self) -> None:
        clear, mechanism = context(secure=False), Plain(allow_clear=True)
        self.assertTrue(mechanism.possible(clear))
        self.assertEqual(mechanism.start(clear).step(b"\0tim\0pw"), Verify(PlainFacts("tim", "pw")))

    def test_the_password_is_not_in_the_repr(self) -> None:
        self.assertNotIn("hunter2", repr(say(b"\0tim\0hunter2")))

    def test_name(self) -> None:
        mechanism: Mechanism = Plain()
        self.assertEqual(mechanism.name, "PLAIN")
