"""Tests of xmppd.sasl.scram_keys against RFC 5802 section 3."""

import hashlib
import hmac

from twisted.trial.unittest import SynchronousTestCase

from tests.sasl.helpers import salted_password
from xmppd.sasl.exchange import ScramKeys
from xmppd.sasl.scram_keys import (
    HASHES,
    SALT_BYTES,
    answer_proof,
    check_keys,
    digest,
    digest_size,
    fake_keys,
    make_keys,
)

SALT = b"sixteen bytes ok"
ALGORITHMS = {"SHA-512": ("sha512", 64), "SHA-256": ("sha256", 32), "SHA-1": ("sha1", 20)}


class MakeKeysTests(SynchronousTestCase):
    """Keys of a password."""

    def test_the_preferred_hash_comes_first(self) -> None:
        self.assertEqual(HASHES, tuple(ALGORITHMS))

    def test_against_the_definition(self) -> None:
        for hash, (algorithm, size) in ALGORITHMS.items():
            salted = salted_password(algorithm, b"pencil", SALT, 4096)
            client_key = hmac.new(salted, b"Client Key", algorithm).digest()
            expected = ScramKeys(
                SALT,
                4096,
                hashlib.new(algorithm, client_key).digest(),
                hmac.new(salted, b"Server Key", algorithm).digest(),
            )
            self.assertEqual(make_keys(hash, "pencil", SALT, 4096), expected, hash)
            self.assertEqual(digest_size(hash), size)
            self.assertEqual(digest(hash, b"x"), hashlib.new(algorithm, b"x").digest())

    def test_passwords_are_prepared(self) -> None:
        # RFC 4013 section 3, examples 1, 4 and 5; NFKC as RFC 5802 section 3 suggests testing
        for written, prepared in (
            ("I\u00adX", "IX"),
            ("\u00aa", "a"),
            ("\u2168", "IX"),
            ("\u00bd", "1\u20442"),
        ):
            self.assertEqual(
                make_keys("SHA-1", written, SALT, 4096), make_keys("SHA-1", prepared, SALT, 4096)
            )

    def test_refused(self) -> None:
        table: list[tuple[str, bytes, int]] = [
            ("", SALT, 4096),
            ("\u00ad", SALT, 4096),
            ("\x07", SALT, 4096),
            ("\U0001f512", SALT, 4096),
            ("pencil", b"", 4096),
            ("pencil", SALT, 4095),
            ("pencil", SALT, 0),
        ]
        for password, salt, iterations in table:
            with self.assertRaises(ValueError, msg=(password, salt, iterations)):
                make_keys("SHA-1", password, salt, iterations)

    def test_a_password_that_is_checked_may_be_of_a_newer_unicode(self) -> None:
        keys = make_keys("SHA-1", "\U0001f512", SALT, 4096, allow_unassigned=True)
        salted = salted_password("sha1", "\U0001f512".encode(), SALT, 4096)
        self.assertEqual(keys.server_key, hmac.new(salted, b"Server Key", "sha1").digest())

    def test_unknown_hash(self) -> None:
        self.assertRaises(KeyError, make_keys, "MD5", "pencil", SALT, 4096)

    def test_the_repr_keeps_the_secrets(self) -> None:
        keys = make_keys("SHA-1", "pencil", SALT, 4096)
        self.assertEqual(repr(keys), "ScramKeys(iterations=4096)")


class FakeKeysTests(SynchronousTestCase):
    """Keys of nobody."""

    def test_steady(self) -> None:
        for hash in HASHES:
            self.assertEqual(
                fake_keys(hash, "nobody", b"secret", 10000),
                fake_keys(hash, "nobody", b"secret", 10000),
            )

    def test_shaped_like_real_ones(self) -> None:
        for hash in HASHES:
            real = make_keys(hash, "pencil", bytes(SALT_BYTES), 4096)
            fake = fake_keys(hash, "nobody", b"secret", 4096)
            check_keys(hash, fake)
            for part in ("salt", "stored_key", "server_key"):
                self.assertEqual(len(getattr(real, part)), len(getattr(fake, part)), (hash, part))
            self.assertEqual(real.iterations, fake.iterations)

    def test_no_two_alike(self) -> None:
        made = [
            fake_keys(hash, username, secret, 4096)
            for hash in HASHES
            for username in ("nobody", "noone")
            for secret in (b"secret", b"other")
        ]
        for part in ("salt", "stored_key", "server_key"):
            self.assertEqual(len({getattr(keys, part) for keys in made}), len(made), part)

    def test_the_parts_differ_from_each_other(self) -> None:
        for hash in HASHES:
            keys = fake_keys(hash, "nobody", b"secret", 4096)
            self.assertNotEqual(keys.stored_key, keys.server_key)
            self.assertFalse(keys.stored_key.startswith(keys.salt))


class CheckKeysTests(SynchronousTestCase):
    """Keys from a store."""

    def test_refused(self) -> None:
        table: list[ScramKeys] = [
            ScramKeys(SALT, 4096, bytes(20), bytes(32)),
            ScramKeys(SALT, 4096, bytes(32), bytes(20)),
            ScramKeys(SALT, 4095, bytes(32), bytes(32)),
            ScramKeys(b"", 4096, bytes(32), bytes(32)),
        ]
        for keys in table:
            self.assertRaises(ValueError, check_keys, "SHA-256", keys)

    def test_accepted(self) -> None:
        for hash, (_, size) in ALGORITHMS.items():
            check_keys(hash, ScramKeys(SALT, 4096, bytes(size), bytes(size)))
            wrong = ScramKeys(SALT, 4096, bytes(size + 1), bytes(size))
            self.assertRaises(ValueError, check_keys, hash, wrong)


class AnswerProofTests(SynchronousTestCase):
    """The comparison at the end."""

    def test_a_proof_of_another_size_is_wrong(self) -> None:
        keys = make_keys("SHA-1", "pencil", SALT, 4096)
        for proof in (b"", bytes(19), bytes(20), bytes(21), bytes(32)):
            answer = answer_proof("SHA-1", keys.stored_key, keys.server_key, b"message", proof)
            self.assertIsNone(answer, len(proof))
