"""Tests of xmppd.sasl.scram: flags, refusals, turns, and users who do not exist (RFC 5802)."""

import hashlib
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.sasl.helpers import BINDINGS, ScramClient, context, entropy
from tests.sasl.scram_plays import (
    FIRST,
    SALT,
    challenge_of,
    condition_of,
    facts_of,
    run,
    waiting_for_final,
)
from xmppd.sasl.exchange import (
    Condition,
    Exchange,
    Failed,
    NeedKeys,
    ScramKeys,
)
from xmppd.sasl.scram import Scram
from xmppd.sasl.scram_keys import fake_keys, make_keys

OUT_OF_TURN = Failed(Condition.MALFORMED_REQUEST, "No message was expected here.")


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
