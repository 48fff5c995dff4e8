"""Tests of xmppd.sasl.scram: the exchange and its facts (RFC 5802, RFC 7677, XEP-0474)."""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.sasl.helpers import BINDINGS, ScramClient, context, entropy
from xmppd.sasl.exchange import (
    Challenge,
    Condition,
    Exchange,
    Failed,
    Mechanism,
    NeedKeys,
    Outcome,
    SaslContext,
    ScramKeys,
    Verify,
)
from xmppd.sasl.scram import MECHANISMS, Scram, ScramExchange, ScramFacts
from xmppd.sasl.scram_keys import fake_keys, make_keys

SALT = b"sixteen bytes ok"
ALGORITHMS = {"SHA-512": "sha512", "SHA-256": "sha256", "SHA-1": "sha1"}
FIRST = b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"
OUT_OF_TURN = Failed(Condition.MALFORMED_REQUEST, "No message was expected here.")

# hash, server's nonce, and the four messages: RFC 5802 section 5, RFC 7677 section 3,
# draft-melnikov-scram-sha-512 section 3. The password is "pencil".
VECTORS: list[tuple[str, bytes, bytes, bytes, bytes, bytes]] = [
    (
        "SHA-1",
        b"3rfcNHYJY1ZVvWVs7j",
        b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    (
        "SHA-256",
        b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
    (
        "SHA-512",
        b"02431b08-2f89-4bad-a4e6-80c0564ec865",
        b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        b"r=rOprNGfwEbeRWgbNEkqO02431b08-2f89-4bad-a4e6-80c0564ec865,"
        b"s=Yin2FuHTt/M0kJWb0t9OI32n2VmOGi3m+JfjOvuDF88=,i=4096",
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO02431b08-2f89-4bad-a4e6-80c0564ec865,"
        b"p=Hc5yec3NmCD7t+kFRw4/3yD6/F3SQHc7AVYschRja+Bc3sbdjlA0eH1OjJc0DD4ghn1tnXN5/Wr6qm9xmaHt4A==",
        b"v=BQuhnKHqYDwQWS5jAw4sZed+C9KFUALsbrq81bB0mh+bcUUbbMPNNmBIupnS2AmyyDnG5CTBQtkjJ9kyY4kzmw==",
    ),
]


def salt_of(server_first: bytes) -> bytes:
    return b64decode(server_first.split(b",s=")[1].split(b",")[0])


def facts_of(outcome: Outcome) -> ScramFacts:
    assert isinstance(outcome, Verify), outcome
    assert isinstance(outcome.facts, ScramFacts)
    return outcome.facts


def challenge_of(outcome: Outcome) -> bytes:
    assert isinstance(outcome, Challenge), outcome
    return outcome.data


def condition_of(outcome: Outcome) -> Condition:
    assert isinstance(outcome, Failed), outcome
    return outcome.condition


def run(mechanism: Mechanism, here: SaslContext, client: ScramClient, keys: ScramKeys) -> Outcome:
    """The whole exchange, up to what follows the client-final message."""
    exchange = mechanism.start(here)
    assert isinstance(exchange.step(client.first()), NeedKeys)
    return exchange.step(client.final(challenge_of(exchange.keys(keys))))


def waiting_for_final(here: SaslContext | None = None) -> tuple[Exchange, bytes]:
    """An exchange that waits for the client-final message, and its challenge."""
    exchange = Scram("SHA-1").start(here or context())
    exchange.step(FIRST)
    return exchange, challenge_of(exchange.keys(make_keys("SHA-1", "pencil", SALT, 4096)))


class VectorTests(SynchronousTestCase):
    """The exchanges printed in the specifications."""

    def test_published_exchanges(self) -> None:
        for hash, nonce, first, server_first, final, server_final in VECTORS:
            keys = make_keys(hash, "pencil", salt_of(server_first), 4096)
            exchange: Exchange = ScramExchange(hash, False, context(), nonce)
            self.assertEqual(exchange.step(first), NeedKeys("user", hash))
            self.assertEqual(exchange.keys(keys), Challenge(server_first))
            facts = facts_of(exchange.step(final))
            self.assertEqual(facts.check(keys.stored_key, keys.server_key), server_final)

    def test_example_of_downgrade_protection(self) -> None:
        # XEP-0474 section 6.3: SCRAM-SHA-1-PLUS, with the extension `x` in the final message
        here = context(
            bindings={"tls-exporter": b"THIS IS FAKE CB DATA"},
            offered=("SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"),
            offered_bindings=("tls-server-end-point", "tls-exporter"),
        )
        both = b"12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6a09117a6-ac50-4f2f-93f1-93799c2bddf6"
        exchange = ScramExchange("SHA-1", True, here, both[36:])
        exchange.step(b"p=tls-exporter,,n=user,r=" + both[:36])
        keys = make_keys("SHA-1", "pencil", b64decode("QSXCR+Q6sek8bf92"), 4096)
        self.assertEqual(
            exchange.keys(keys),
            Challenge(b"r=" + both + b",s=QSXCR+Q6sek8bf92,i=4096,h=G6k/rBLDqgOhRRaCuuatSDFkJ08="),
        )
        final = (
            b"c=cD10bHMtZXhwb3J0ZXIsLFRISVMgSVMgRkFLRSBDQiBEQVRB,r=" + both + b","
            b"x=19C6532F-1CF4-4A27-A18D-DC9CEA41BBB3,p=M/SIDjT+dfcxUh89jZEypRvFxB4="
        )
        facts = facts_of(exchange.step(final))
        self.assertEqual(
            facts.check(keys.stored_key, keys.server_key), b"v=MQrMPvv7yv4x4Cq4W4Ih25EqS2c="
        )


class ExchangeTests(SynchronousTestCase):
    """Exchanges that go well, and proofs that do not."""

    def test_every_hash_against_an_independent_client(self) -> None:
        for hash, algorithm in ALGORITHMS.items():
            client = ScramClient(algorithm)
            keys = make_keys(hash, "pencil", SALT, 4096)
            facts = facts_of(run(Scram(hash), context(), client, keys))
            self.assertEqual((facts.username, facts.hash), ("user", hash))
            self.assertEqual(facts.check(keys.stored_key, keys.server_key), client.expected)

    def test_every_binding_type_with_every_hash(self) -> None:
        here = context(bindings=BINDINGS, offered=("SCRAM-SHA-1-PLUS",))
        for kind, data in BINDINGS.items():
            for hash, algorithm in ALGORITHMS.items():
                client = ScramClient(algorithm, header=f"p={kind},,".encode(), channel=data)
                keys = make_keys(hash, "pencil", SALT, 4096)
                facts = facts_of(run(Scram(hash, plus=True), here, client, keys))
                self.assertEqual(facts.check(keys.stored_key, keys.server_key), client.expected)

    def test_wrong_password(self) -> None:
        client = ScramClient("sha256", password=b"crayon")
        keys = make_keys("SHA-256", "pencil", SALT, 4096)
        facts = facts_of(run(Scram("SHA-256"), context(), client, keys))
        self.assertIsNone(facts.check(keys.stored_key, keys.server_key))

    def test_keys_can_be_derived_from_a_stored_password(self) -> None:
        client = ScramClient("sha256")
        announced = fake_keys("SHA-256", "user", b"secret", 4096)
        facts = facts_of(run(Scram("SHA-256"), context(), client, announced))
        for password, expected in (("pencil", client.expected), ("crayon", None)):
            keys = facts.derive(password)
            self.assertEqual((keys.salt, keys.iterations), (announced.salt, 4096))
            self.assertEqual(facts.check(keys.stored_key, keys.server_key), expected)

    def test_a_stored_password_that_cannot_be_prepared(self) -> None:
        keys = make_keys("SHA-1", "pencil", SALT, 4096)
        facts = facts_of(run(Scram("SHA-1"), context(), ScramClient("sha1"), keys))
        for password in ("", "\x07"):
            self.assertRaises(ValueError, facts.derive, password)

    def test_usernames(self) -> None:
        table: list[tuple[bytes, str]] = [
            (b"user", "user"),
            (b"USER", "user"),
            (b"us=3Der=2Cx", "us=er,x"),
            ("j\u00fcrgen".encode(), "j\u00fcrgen"),
        ]
        for written, username in table:
            outcome = Scram("SHA-1").start(context()).step(b"n,,n=" + written + b",r=x")
            self.assertEqual(outcome, NeedKeys(username, "SHA-1"), written)

    def test_the_name_is_hashed_as_it_was_received(self) -> None:
        client = ScramClient("sha1", bare=b"n=USER,r=x,z=extension")
        keys = make_keys("SHA-1", "pencil", SALT, 4096)
        facts = facts_of(run(Scram("SHA-1"), context(), client, keys))
        self.assertEqual(facts.check(keys.stored_key, keys.server_key), client.expected)

    def test_own_address_as_authzid(self) -> None:
        client = ScramClient("sha1", header=b"n,a=User@example.org,")
        keys = make_keys("SHA-1", "pencil", SALT, 4096)
        facts = facts_of(run(Scram("SHA-1"), context(), client, keys))
        self.assertEqual(facts.check(keys.stored_key, keys.server_key), client.expected)

    def test_without_initial_response_the_client_is_asked(self) -> None:
        exchange = Scram("SHA-1").start(context())
        self.assertEqual(exchange.step(None), Challenge(b""))
        self.assertEqual(exchange.step(FIRST), NeedKeys("user", "SHA-1"))

    def test_the_nonce_is_the_client_s_and_at_least_24_characters_of_ours(self) -> None:
        _, challenge = waiting_for_final()
        nonce = challenge.split(b",")[0].removeprefix(b"r=fyko+d2lbbFgONRv9qkxdawL")
        self.assertEqual(nonce, b64encode(entropy(18)))
        self.assertEqual(len(nonce), 24)


class FlagTests(SynchronousTestCase):
    """RFC 5802 section 6."""

    def test_first_messages(self) -> None:
        with_plus = ("SCRAM-SHA-1-PLUS", "SCRAM-SHA-1")
        without = ("SCRAM-SHA-1", "PLAIN")
        malformed, refused = Condition.MALFORMED_REQUEST, Condition.NOT_AUTHORIZED
        table: list[tuple[bool, bytes, tuple[str, ...], Condition | None]] = [
            (False, b"n", with_plus, None),
            (False, b"n", without, None),
            (False, b"y", without, None),
            (False, b"y", (), None),
            # somebody hid from the client what we offered
            (False, b"y", with_plus, refused),
            (False, b"p=tls-exporter", with_plus, malformed),
            (False, b"p=tls-exporter", without, malformed),
            (True, b"n", with_plus, malformed),
            (True, b"y", with_plus, malformed),
            (True, b"p=tls-exporter", with_plus, None),
            (True, b"p=tls-unique", with_plus, refused),
            (True, b"p=tls-server-end-point", with_plus, refused),
            (True, b"p=TLS-EXPORTER", with_plus, refused),
            (True, b"p=unheard-of", with_plus, refused),
        ]
        bindings = {"tls-exporter": b"exported", "tls-unique": b"", "unheard-of": b"x"}
        for plus, flag, offered, expected in table:
            here = context(bindings=bindings, offered=offered)
            outcome = Scram("SHA-1", plus).start(here).step(flag + b",,n=user,r=x")
            if expected is None:
                self.assertEqual(outcome, NeedKeys("user", "SHA-1"), (plus, flag))
            else:
                self.assertEqual(condition_of(outcome), expected, (plus, flag))

    def test_nothing_to_bind_to_without_tls(self) -> None:
        here = context(secure=False, bindings=BINDINGS)
        outcome = Scram("SHA-1", plus=True).start(here).step(b"p=tls-exporter,,n=user,r=x")
        self.assertEqual(condition_of(outcome), Condition.NOT_AUTHORIZED)


class RefusalTests(SynchronousTestCase):
    """Messages that end the exchange."""

    def test_first_messages(self) -> None:
        table: list[tuple[bytes, Condition]] = [
            (b"", Condition.MALFORMED_REQUEST),
            (b"n,,n=us=er,r=x", Condition.MALFORMED_REQUEST),
            (b"n,,m=ext,n=user,r=x", Condition.MALFORMED_REQUEST),
            (b"n" * 4097, Condition.MALFORMED_REQUEST),
            (b"n,,n=us er,r=x", Condition.NOT_AUTHORIZED),
            (b"n,,n=user@example.org,r=x", Condition.NOT_AUTHORIZED),
            (b"n,,n=" + b"a" * 1024 + b",r=x", Condition.NOT_AUTHORIZED),
            (b"n,a=romeo@example.org,n=user,r=x", Condition.INVALID_AUTHZID),
            (b"n,a=user@example.net,n=user,r=x", Condition.INVALID_AUTHZID),
            (b"n,a=user@example.org/x,n=user,r=x", Condition.INVALID_AUTHZID),
            (b"n,a=user,n=user,r=x", Condition.INVALID_AUTHZID),
        ]
        for message, condition in table:
            outcome = Scram("SHA-1").start(context()).step(message)
            self.assertEqual(condition_of(outcome), condition, message)

    def test_an_impossible_name_is_answered_without_a_hint(self) -> None:
        outcome = Scram("SHA-1").start(context()).step(b"n,,n=us er,r=x")
        self.assertEqual(outcome, Failed(Condition.NOT_AUTHORIZED))

    def test_final_messages(self) -> None:
        nonce = b"fyko+d2lbbFgONRv9qkxdawL" + b64encode(entropy(18))
        proof = b",p=" + b64encode(bytes(20))
        table: list[tuple[bytes, Condition]] = [
            (b"", Condition.MALFORMED_REQUEST),
            (b"c=biws,r=" + nonce, Condition.MALFORMED_REQUEST),
            (b"r=" + nonce + b",c=biws" + proof, Condition.MALFORMED_REQUEST),
            (b"c=biws,r=" + nonce + b",m=ext" + proof, Condition.MALFORMED_REQUEST),
            (b"c=biws,r=" + b"x" * 8192 + proof, Condition.MALFORMED_REQUEST),
            # another nonce: cut, extended, changed
            (b"c=biws,r=" + nonce[:-1] + proof, Condition.NOT_AUTHORIZED),
            (b"c=biws,r=" + nonce + b"x" + proof, Condition.NOT_AUTHORIZED),
            (b"c=biws,r=" + nonce[::-1] + proof, Condition.NOT_AUTHORIZED),
            (b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL" + proof, Condition.NOT_AUTHORIZED),
            # another GS2 header than the first message had, or none
            (b"c=,r=" + nonce + proof, Condition.NOT_AUTHORIZED),
            (b"c=" + b64encode(b"y,,") + b",r=" + nonce + proof, Condition.NOT_AUTHORIZED),
            (b"c=" + b64encode(b"n,,data") + b",r=" + nonce + proof, Condition.NOT_AUTHORIZED),
        ]
        for message, condition in table:
            exchange, _ = waiting_for_final()
            self.assertEqual(condition_of(exchange.step(message)), condition, message)

    def test_data_of_another_channel(self) -> None:
        here = context(bindings=BINDINGS)
        keys = make_keys("SHA-1", "pencil", SALT, 4096)
        for data in (b"", b"another channel", BINDINGS["tls-unique"]):
            client = ScramClient("sha1", header=b"p=tls-exporter,,", channel=data)
            outcome = run(Scram("SHA-1", plus=True), here, client, keys)
            self.assertEqual(condition_of(outcome), Condition.NOT_AUTHORIZED, data)

    def test_a_proof_of_another_size(self) -> None:
        keys = make_keys("SHA-1", "pencil", SALT, 4096)
        for size in (0, 19, 21, 64):
            exchange, challenge = waiting_for_final()
            nonce = challenge.split(b",")[0]
            proof = b64encode(bytes(size))
            facts = facts_of(exchange.step(b"c=biws," + nonce + b",p=" + proof))
            self.assertIsNone(facts.check(keys.stored_key, keys.server_key), size)


class DowngradeTests(SynchronousTestCase):
    """XEP-0474: the attribute `h`."""

    def test_covers_mechanisms_and_bindings(self) -> None:
        table: list[tuple[tuple[str, ...], tuple[str, ...], bytes]] = [
            (("PLAIN", "EXTERNAL"), (), b"EXTERNAL\x1ePLAIN"),
            (
                ("SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"),
                ("tls-unique", "tls-exporter"),
                b"SCRAM-SHA-1\x1eSCRAM-SHA-1-PLUS\x1ftls-exporter\x1etls-unique",
            ),
        ]
        for offered, bindings, text in table:
            _, challenge = waiting_for_final(context(offered=offered, offered_bindings=bindings))
            self.assertTrue(
                challenge.endswith(b",h=" + b64encode(hashlib.sha1(text).digest())), challenge
            )

    def test_left_out_if_the_offer_is_not_known(self) -> None:
        _, challenge = waiting_for_final()
        self.assertNotIn(b",h=", challenge)


class TurnTests(SynchronousTestCase):
    """Messages and keys at the wrong time."""

    def test_messages_out_of_turn(self) -> None:
        def ended(exchange: Exchange) -> None:
            exchange.step(b"")

        def silent(exchange: Exchange) -> None:
            exchange.step(None)

        def looked_up(exchange: Exchange) -> None:
            exchange.step(FIRST)

        def challenged(exchange: Exchange) -> None:
            exchange.step(FIRST)
            exchange.keys(make_keys("SHA-1", "pencil", SALT, 4096))

        def verified(exchange: Exchange) -> None:
            challenged(exchange)
            nonce = b"fyko+d2lbbFgONRv9qkxdawL" + b64encode(entropy(18))
            facts_of(exchange.step(b"c=biws,r=" + nonce + b",p=AAAA"))

        table: list[tuple[Callable[[Exchange], None], bytes | None]] = [
            (silent, None),
            (looked_up, None),
            (looked_up, FIRST),
            (challenged, None),
            (verified, FIRST),
            (verified, None),
            (ended, FIRST),
            (ended, None),
        ]
        for prepare, message in table:
            exchange = Scram("SHA-1").start(context())
            prepare(exchange)
            self.assertEqual(exchange.step(message), OUT_OF_TURN, (prepare.__name__, message))
            self.assertEqual(exchange.step(FIRST), OUT_OF_TURN, (prepare.__name__, message))

    def test_keys_out_of_turn_are_our_own_mistake(self) -> None:
        keys = make_keys("SHA-1", "pencil", SALT, 4096)
        exchange = Scram("SHA-1").start(context())
        self.assertRaises(ValueError, exchange.keys, keys)
        exchange.step(FIRST)
        exchange.keys(keys)
        self.assertRaises(ValueError, exchange.keys, keys)

    def test_keys_for_a_client_that_ran_ahead(self) -> None:
        exchange = Scram("SHA-1").start(context())
        exchange.step(FIRST)
        exchange.step(b"c=biws,r=guess,p=AAAA")
        outcome = exchange.keys(make_keys("SHA-1", "pencil", SALT, 4096))
        self.assertEqual(condition_of(outcome), Condition.MALFORMED_REQUEST)

    def test_weak_or_foreign_keys_are_our_own_mistake(self) -> None:
        table: list[ScramKeys] = [
            ScramKeys(SALT, 4095, bytes(20), bytes(20)),
            ScramKeys(b"", 4096, bytes(20), bytes(20)),
            make_keys("SHA-256", "pencil", SALT, 4096),
        ]
        for keys in table:
            exchange = Scram("SHA-1").start(context())
            exchange.step(FIRST)
            self.assertRaises(ValueError, exchange.keys, keys)


class UnknownUserTests(SynchronousTestCase):
    """An exchange looks the same whether or not the account exists."""

    def setUp(self) -> None:
        self.calls: list[str] = []
        for name in ("pbkdf2_hmac", "new"):
            self._count(hashlib, name)

    def _count(self, module: Any, name: str) -> None:
        original = getattr(module, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            return original(*args, **kwargs)

        self.patch(module, name, counted)

    def _play(self, keys: ScramKeys, password: bytes) -> tuple[list[str], list[int], object]:
        exchange = Scram("SHA-256").start(context(offered=("SCRAM-SHA-256",)))
        client = ScramClient("sha256", password=password)
        self.calls.clear()
        asked = exchange.step(client.first())
        challenge = challenge_of(exchange.keys(keys))
        before = list(self.calls)
        final = client.final(challenge)
        self.calls.clear()
        facts = facts_of(exchange.step(final))
        answer = facts.check(keys.stored_key, keys.server_key)
        return before + self.calls, [len(challenge), len(facts.auth_message)], (asked, answer)

    def test_same_outcomes_sizes_and_work(self) -> None:
        real = make_keys("SHA-256", "pencil", SALT, 4096)
        fake = fake_keys("SHA-256", "user", b"secret", 4096)
        known, unknown = self._play(real, b"wrong"), self._play(fake, b"wrong")
        self.assertEqual(known, unknown)
        self.assertNotIn("pbkdf2_hmac", known[0])
        self.assertEqual(known[2], (NeedKeys("user", "SHA-256"), None))


class MechanismTests(SynchronousTestCase):
    """What is offered, in which order."""

    def test_names_in_order_of_preference(self) -> None:
        mechanisms: tuple[Mechanism, ...] = MECHANISMS
        self.assertEqual(
            [mechanism.name for mechanism in mechanisms],
            [
                "SCRAM-SHA-512-PLUS",
                "SCRAM-SHA-256-PLUS",
                "SCRAM-SHA-1-PLUS",
                "SCRAM-SHA-512",
                "SCRAM-SHA-256",
                "SCRAM-SHA-1",
            ],
        )

    def test_possible(self) -> None:
        table: list[tuple[bool, bool, dict[str, bytes], bool]] = [
            (False, False, {}, True),
            (False, True, BINDINGS, True),
            (True, True, BINDINGS, True),
            (True, True, {}, False),
            (True, False, BINDINGS, False),
        ]
        for plus, secure, bindings, expected in table:
            here = context(secure=secure, bindings=bindings)
            self.assertEqual(Scram("SHA-1", plus).possible(here), expected, (plus, secure))

    def test_the_repr_of_facts_keeps_the_proof(self) -> None:
        facts = ScramFacts("user", "SHA-1", b"salt", 4096, b"message", b"proof")
        self.assertEqual(repr(facts), "ScramFacts(username='user', hash='SHA-1', iterations=4096)")
