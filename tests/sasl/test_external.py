"""Tests of xmppd.sasl.external against XEP-0178 section 2."""

from twisted.trial.unittest import SynchronousTestCase

from tests.sasl.helpers import context
from xmppd.sasl.exchange import Challenge, Condition, Failed, Mechanism, Verify
from xmppd.sasl.external import External, ExternalFacts

JULIET = "juliet@example.org"
ROMEO = "romeo@example.org"
ELSEWHERE = "juliet@example.net"

ACCEPTED: list[tuple[tuple[str, ...], bytes, str]] = [
    ((JULIET,), b"", "juliet"),
    ((JULIET,), b"juliet@example.org", "juliet"),
    ((JULIET,), b"Juliet@EXAMPLE.org", "juliet"),
    (("Juliet@Example.Org",), b"", "juliet"),
    ((JULIET, ROMEO), b"romeo@example.org", "romeo"),
    # only one of them is an address at this domain
    ((ELSEWHERE, ROMEO), b"", "romeo"),
    (("example.org", "not@@jid", JULIET, JULIET + "/balcony"), b"", "juliet"),
    # the same address twice is one address
    ((JULIET, "JULIET@example.org"), b"", "juliet"),
]

REFUSED: list[tuple[tuple[str, ...], bytes, Condition]] = [
    ((), b"", Condition.NOT_AUTHORIZED),
    ((), b"juliet@example.org", Condition.NOT_AUTHORIZED),
    ((ELSEWHERE,), b"", Condition.NOT_AUTHORIZED),
    ((JULIET, ROMEO), b"", Condition.INVALID_AUTHZID),
    ((JULIET,), b"romeo@example.org", Condition.INVALID_AUTHZID),
    ((JULIET, ELSEWHERE), b"juliet@example.net", Condition.INVALID_AUTHZID),
    ((JULIET,), b"juliet@example.org/balcony", Condition.INVALID_AUTHZID),
    ((JULIET,), b"juliet", Condition.INVALID_AUTHZID),
    ((JULIET,), b"=", Condition.INVALID_AUTHZID),
    ((JULIET,), b"@", Condition.INVALID_AUTHZID),
    ((JULIET,), b"juliet\xff@example.org", Condition.MALFORMED_REQUEST),
    ((JULIET,), b"juliet@example.org\0", Condition.MALFORMED_REQUEST),
    ((JULIET,), b"a" * 2048, Condition.MALFORMED_REQUEST),
]


class ExternalTests(SynchronousTestCase):
    """Which address of a certificate a client gets."""

    def test_accepted(self) -> None:
        for certified, message, username in ACCEPTED:
            outcome = External().start(context(certified=certified)).step(message)
            self.assertEqual(outcome, Verify(ExternalFacts(username)), (certified, message))

    def test_refused(self) -> None:
        for certified, message, condition in REFUSED:
            outcome = External().start(context(certified=certified)).step(message)
            assert isinstance(outcome, Failed), (certified, message)
            self.assertEqual(outcome.condition, condition, (certified, message))

    def test_without_initial_response_the_client_is_asked(self) -> None:
        exchange = External().start(context(certified=(JULIET,)))
        self.assertEqual(exchange.step(None), Challenge(b""))
        self.assertEqual(exchange.step(b""), Verify(ExternalFacts("juliet")))

    def test_possible_with_a_certificate_for_this_domain(self) -> None:
        table: list[tuple[bool, tuple[str, ...], bool]] = [
            (True, (JULIET,), True),
            (True, (ELSEWHERE, JULIET), True),
            (True, (ELSEWHERE,), False),
            (True, (), False),
            (False, (JULIET,), False),
        ]
        for secure, certified, expected in table:
            here = context(secure=secure, certified=certified)
            self.assertEqual(External().possible(here), expected, (secure, certified))

    def test_a_certificate_without_tls_is_none(self) -> None:
        outcome = External().start(context(secure=False, certified=(JULIET,))).step(b"")
        self.assertEqual(outcome, Failed(Condition.NOT_AUTHORIZED))

    def test_name(self) -> None:
        mechanism: Mechanism = External()
        self.assertEqual(mechanism.name, "EXTERNAL")
