"""Tests of xmppd.sasl.downgrade against XEP-0474 version 0.5.0."""

import hashlib
from base64 import b64encode

from twisted.trial.unittest import SynchronousTestCase

from xmppd.sasl.downgrade import fingerprint

MECHANISMS = ("SCRAM-SHA-1", "SCRAM-SHA-1-PLUS")
BINDINGS = ("tls-server-end-point", "tls-exporter")

HASHED: list[tuple[tuple[str, ...], tuple[str, ...], bytes]] = [
    (
        MECHANISMS,
        BINDINGS,
        b"SCRAM-SHA-1\x1eSCRAM-SHA-1-PLUS\x1ftls-exporter\x1etls-server-end-point",
    ),
    (MECHANISMS, (), b"SCRAM-SHA-1\x1eSCRAM-SHA-1-PLUS"),
    (("PLAIN",), ("tls-exporter",), b"PLAIN\x1ftls-exporter"),
    # sorted as octets, not as people sort
    (("X_A", "X-B", "X1"), (), b"X-B\x1eX1\x1eX_A"),
]


class DowngradeTests(SynchronousTestCase):
    """The fingerprint of an offer."""

    def test_example_of_the_specification(self) -> None:
        self.assertEqual(
            fingerprint("SHA-1", MECHANISMS, BINDINGS), b"G6k/rBLDqgOhRRaCuuatSDFkJ08="
        )

    def test_what_is_hashed(self) -> None:
        for mechanisms, bindings, text in HASHED:
            for order in (mechanisms, mechanisms[::-1]):
                self.assertEqual(
                    fingerprint("SHA-256", order, bindings),
                    b64encode(hashlib.sha256(text).digest()),
                    (order, bindings),
                )

    def test_the_hash_is_the_mechanism_s(self) -> None:
        for hash, algorithm in (("SHA-1", "sha1"), ("SHA-512", "sha512")):
            expected = b64encode(hashlib.new(algorithm, b"PLAIN").digest())
            self.assertEqual(fingerprint(hash, ["PLAIN"], []), expected)
