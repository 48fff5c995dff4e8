"""Tests of xmppd.sasl.digest_md5 against RFC 2831 and RFC 3920 section 6.5."""

from base64 import b64encode
from hashlib import md5

from twisted.trial.unittest import SynchronousTestCase

from tests.sasl.helpers import context, entropy
from xmppd.sasl.digest_md5 import DigestExchange, DigestFacts, DigestMd5
from xmppd.sasl.digest_messages import read_response
from xmppd.sasl.exchange import (
    Challenge,
    Condition,
    Exchange,
    Failed,
    Mechanism,
    Outcome,
    ScramKeys,
    Verify,
)

NONCE = b"OA6MG9tEQGm2hh"
OUT_OF_TURN = Failed(Condition.MALFORMED_REQUEST, "No message was expected here.")

# RFC 2831 section 4: the response and what the server proves; the password is "secret".
EXAMPLES: list[tuple[bytes, bytes]] = [
    (
        b'charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",'
        b'nc=00000001,cnonce="OA6MHXh6VqTrRk",digest-uri="imap/elwood.innosoft.com",'
        b"response=d388dad90d4bbd760a152321f2143af7,qop=auth",
        b"rspauth=ea40f60335c427b5527b84dbabcdfffd",
    ),
    (
        b'charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA9BSXrbuRhWay",'
        b'nc=00000001,cnonce="OA9BSuZWMSpW8m",digest-uri="acap/elwood.innosoft.com",'
        b"response=6084c6db3fede7352c551284490fd0fc,qop=auth",
        b"rspauth=2f0b3d7c3c2e486600ef710726aa2eae",
    ),
]


def hexed(data: bytes) -> bytes:
    return md5(data).hexdigest().encode()


def respond(
    *,
    username: bytes = b"chris",
    password: bytes = b"secret",
    realm: bytes = b"example.org",
    nonce: bytes = NONCE,
    count: bytes = b"00000001",
    uri: bytes = b"xmpp/example.org",
    authzid: bytes | None = None,
    hashed_name: bytes | None = None,
) -> bytes:
    """What a client of RFC 2831 section 2.1.2 sends; `hashed_name` as it goes into the hash."""
    a1 = md5((hashed_name or username) + b":" + realm + b":" + password).digest()
    a1 += b":" + nonce + b":cnonce" + (b"" if authzid is None else b":" + authzid)
    a2 = b"AUTHENTICATE:" + uri
    response = hexed(hexed(a1) + b":" + nonce + b":" + count + b":cnonce:auth:" + hexed(a2))
    return (
        b'charset=utf-8,username="%b",realm="%b",nonce="%b",cnonce="cnonce",nc=%b,qop=auth,'
        b'digest-uri="%b",response=%b' % (username, realm, nonce, count, uri, response)
    ) + (b"" if authzid is None else b',authzid="%b"' % authzid)


def answer(message: bytes, domain: str = "example.org") -> Outcome:
    exchange: Exchange = DigestExchange(domain, NONCE)
    assert isinstance(exchange.step(None), Challenge)
    return exchange.step(message)


def facts_of(outcome: Outcome) -> DigestFacts:
    assert isinstance(outcome, Verify), outcome
    assert isinstance(outcome.facts, DigestFacts)
    return outcome.facts


class FactsTests(SynchronousTestCase):
    """Checking a proof against what an account has."""

    def test_examples(self) -> None:
        for message, expected in EXAMPLES:
            facts = DigestFacts("chris", read_response(message))
            ha1 = md5(b"chris:elwood.innosoft.com:secret").digest()
            self.assertEqual(facts.check_password("secret"), expected)
            self.assertEqual(facts.check_ha1(ha1), expected)

    def test_wrong_secret(self) -> None:
        for message, _ in EXAMPLES:
            facts = DigestFacts("chris", read_response(message))
            for password in ("", "Secret", "secret "):
                self.assertIsNone(facts.check_password(password), password)
            for ha1 in (b"", bytes(16), md5(b"chris:elsewhere:secret").digest()):
                self.assertIsNone(facts.check_ha1(ha1))

    def test_latin_text_is_hashed_in_latin_1(self) -> None:
        # RFC 2831 section 2.1.2.1
        table: list[tuple[str, bytes, str, bytes]] = [
            ("j\u00fcrgen", b"j\xfcrgen", "se\u00e7ret", b"se\xe7ret"),
            ("j\u00fcrgen", b"j\xfcrgen", "\u30d1\u30b9", "\u30d1\u30b9".encode()),
            ("\u30d1\u30b9", "\u30d1\u30b9".encode(), "se\u00e7ret", b"se\xe7ret"),
        ]
        for username, hashed_name, password, octets in table:
            message = respond(username=username.encode(), hashed_name=hashed_name, password=octets)
            facts = facts_of(answer(message))
            self.assertEqual(facts.username, username)
            self.assertIsNotNone(facts.check_password(password), (username, password))

    def test_the_repr_keeps_the_proof(self) -> None:
        facts = facts_of(answer(respond()))
        self.assertEqual(repr(facts), "DigestFacts(username='chris')")


class ExchangeTests(SynchronousTestCase):
    """The conversation, well-formed and not."""

    def test_challenge(self) -> None:
        exchange = DigestMd5().start(context())
        nonce = b64encode(entropy(18))
        expected = Challenge(
            b'realm="example.org",nonce="%b",qop="auth",charset=utf-8,algorithm=md5-sess' % nonce
        )
        self.assertEqual(exchange.step(None), expected)
        self.assertGreaterEqual(len(nonce), 24)
        self.assertIsInstance(exchange.step(respond(nonce=nonce)), Verify)

    def test_an_initial_response_is_answered_by_a_challenge(self) -> None:
        # RFC 2831 section 2.2.2: we do not support subsequent authentication
        for message in (b"", respond(count=b"00000002")):
            exchange = DigestExchange("example.org", NONCE)
            self.assertIsInstance(exchange.step(message), Challenge)
            self.assertIsInstance(exchange.step(respond()), Verify)

    def test_accepted(self) -> None:
        table: list[tuple[bytes, str]] = [
            (respond(), "chris"),
            (respond(username=b"Chris"), "chris"),
            (respond(uri=b"XMPP/Example.ORG"), "chris"),
            (respond(authzid=b"chris@example.org"), "chris"),
            (respond(authzid=b""), "chris"),
        ]
        for message, username in table:
            facts = facts_of(answer(message))
            self.assertEqual(facts.username, username, message)
            final = facts.check_password("secret")
            assert final is not None, message
            self.assertEqual(final[:8], b"rspauth=")

    def test_refused(self) -> None:
        table: list[tuple[bytes, Condition]] = [
            (b"", Condition.MALFORMED_REQUEST),
            (b"x" * 4096, Condition.MALFORMED_REQUEST),
            (respond() + b',username="eve"', Condition.MALFORMED_REQUEST),
            (respond().replace(b"qop=auth", b"qop=auth-int"), Condition.MALFORMED_REQUEST),
            (respond(nonce=b"another"), Condition.NOT_AUTHORIZED),
            (respond(count=b"00000002"), Condition.NOT_AUTHORIZED),
            (respond(realm=b"example.net"), Condition.NOT_AUTHORIZED),
            (respond(realm=b""), Condition.NOT_AUTHORIZED),
            (respond(uri=b"xmpp/example.net"), Condition.NOT_AUTHORIZED),
            (respond(uri=b"imap/example.org"), Condition.NOT_AUTHORIZED),
            (respond(username=b"chr is"), Condition.NOT_AUTHORIZED),
            (respond(username=b""), Condition.NOT_AUTHORIZED),
            (respond(authzid=b"romeo@example.org"), Condition.INVALID_AUTHZID),
            (respond(authzid=b"chris@example.org/home"), Condition.INVALID_AUTHZID),
        ]
        for message, condition in table:
            outcome = answer(message)
            assert isinstance(outcome, Failed), message
            self.assertEqual(outcome.condition, condition, message)

    def test_an_impossible_name_is_answered_without_a_hint(self) -> None:
        self.assertEqual(answer(respond(username=b"a b")), Failed(Condition.NOT_AUTHORIZED))

    def test_out_of_turn(self) -> None:
        table: list[tuple[list[bytes | None], int]] = [
            ([None, None], 1),
            ([None, None, respond()], 2),
            ([None, respond(), respond()], 2),
            ([None, respond(), None], 2),
            ([None, b"", respond()], 2),
        ]
        for messages, last in table:
            exchange = DigestExchange("example.org", NONCE)
            outcomes = [exchange.step(message) for message in messages]
            self.assertEqual(outcomes[last], OUT_OF_TURN, messages)

    def test_an_endless_initial_response(self) -> None:
        exchange = DigestExchange("example.org", NONCE)
        outcome = exchange.step(b"x" * 4096)
        self.assertEqual(outcome, Failed(Condition.MALFORMED_REQUEST, "The response is too long."))
        self.assertEqual(exchange.step(respond()), OUT_OF_TURN)

    def test_keys_are_never_asked_for(self) -> None:
        exchange = DigestMd5().start(context())
        self.assertRaises(ValueError, exchange.keys, ScramKeys(b"salt", 4096, b"", b""))


class MechanismTests(SynchronousTestCase):
    """When the mechanism is offered."""

    def test_needs_tls_unless_told_otherwise(self) -> None:
        clear = context(secure=False)
        mechanism: Mechanism = DigestMd5()
        self.assertEqual(mechanism.name, "DIGEST-MD5")
        self.assertTrue(mechanism.possible(context()))
        self.assertFalse(mechanism.possible(clear))
        self.assertTrue(DigestMd5(allow_clear=True).possible(clear))
