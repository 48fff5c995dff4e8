"""Tests of xmppd.sasl.scram: exchanges that go well (RFC 5802, RFC 7677, XEP-0474)."""

import hashlib
from base64 import b64decode, b64encode

from twisted.trial.unittest import SynchronousTestCase

from tests.sasl.helpers import BINDINGS, ScramClient, context, entropy
from tests.sasl.scram_plays import (
    ALGORITHMS,
    FIRST,
    SALT,
    facts_of,
    run,
    waiting_for_final,
)
from xmppd.sasl.exchange import (
    Challenge,
    Exchange,
    Mechanism,
    NeedKeys,
)
from xmppd.sasl.scram import MECHANISMS, Scram, ScramExchange, ScramFacts
from xmppd.sasl.scram_keys import fake_keys, make_keys

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
