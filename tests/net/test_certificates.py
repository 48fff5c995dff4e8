"""Tests of xmppd.net.certificates."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from twisted.trial.unittest import SynchronousTestCase

from tests.net.pki import DAY, NOW, Issued, Order, authority, issue, rsa_key, server, write
from xmppd.net.certificates import CertificateError, Identity, load_identity

HOST = "im.example.org"


class Folder(SynchronousTestCase):
    """A test with a folder of its own and a good pair of files in it."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.issued = server(HOST)
        self.chain, self.key = write(self.folder, self.issued)

    def load(self, *names: str) -> Identity:
        return load_identity(self.chain, self.key, names or (HOST,), NOW)

    def write(self, issued: Issued) -> None:
        self.chain, self.key = write(self.folder, issued)


class LoadTests(Folder):
    """What is accepted."""

    def test_identity(self) -> None:
        self.write(replace(self.issued, above=(authority().certificate,)))
        identity = self.load()
        self.assertEqual(identity.chain, (self.issued.certificate, authority().certificate))
        self.assertEqual(identity.names, (HOST,))
        self.assertEqual(identity.not_after, NOW + 90 * DAY)
        self.assertEqual(identity.expires_in(NOW), 90 * DAY)
        self.assertEqual(identity.issuer, "CN=authority")
        self.assertEqual(identity.chain_file, str(self.chain))
        self.assertFalse(identity.key_exposed)

    def test_kinds_of_keys(self) -> None:
        for key in (
            rsa_key(),
            ec.generate_private_key(ec.SECP384R1()),
            ec.generate_private_key(ec.SECP521R1()),
            ed25519.Ed25519PrivateKey.generate(),
        ):
            with self.subTest(key=type(key).__name__):
                self.write(issue(Order(hosts=[HOST], key=key)))
                self.assertEqual(self.load().names, (HOST,))

    def test_one_file_for_both(self) -> None:
        self.chain.write_bytes(self.issued.pem + self.issued.key_pem())
        self.key = self.chain
        self.assertEqual(self.load().names, (HOST,))

    def test_first_and_last_moment(self) -> None:
        second = timedelta(seconds=1)
        for moment, valid in (
            (NOW - DAY - second, False),
            (NOW - DAY, True),
            (NOW + 90 * DAY, True),
            (NOW + 90 * DAY + second, False),
        ):
            if valid:
                load_identity(self.chain, self.key, [HOST], moment)
            else:
                self.assertRaises(
                    CertificateError, load_identity, self.chain, self.key, [HOST], moment
                )

    def test_names_are_compared_as_hosts(self) -> None:
        self.write(server("*.example.org"))
        self.assertTrue(self.load("IM.example.org.").covers("chat.example.org"))

    def test_secrets_stay_out_of_repr(self) -> None:
        shown = repr(self.load())
        self.assertIn(HOST, shown)
        for secret in ("PrivateKey", "Certificate"):
            self.assertNotIn(secret, shown)

    def test_identities_are_themselves_only(self) -> None:
        identity = self.load()
        self.assertEqual(identity, identity)
        self.assertNotEqual(identity, self.load())


class WarningTests(Folder):
    """What an operator should hear about."""

    def test_nothing(self) -> None:
        self.assertEqual(self.load().warnings(NOW), ())

    def test_expiry(self) -> None:
        identity = self.load()
        self.assertEqual(identity.warnings(NOW + 76 * DAY), ())
        late = identity.warnings(NOW + 77 * DAY)
        expected = f"{self.chain}: expires on 2026-08-30 12:00 UTC; renew it."
        self.assertEqual(late, (expected,))

    def test_self_signed(self) -> None:
        self.write(issue(Order(hosts=[HOST])))
        (warning,) = self.load().warnings(NOW)
        self.assertIn(f"{self.chain}: is self-signed", warning)

    def test_exposed_key(self) -> None:
        for mode, exposed in ((0o600, 0), (0o640, 0), (0o604, 1), (0o644, 1), (0o602, 1)):
            self.key.chmod(mode)
            warnings = self.load().warnings(NOW)
            self.assertEqual(len(warnings), exposed, oct(mode))
            self.assertEqual([w for w in warnings if str(self.key) not in w], [])


class ErrorTests(Folder):
    """One sentence for each fault: the file, what is wrong, what would be right."""

    def fails(self, fault: Callable[[], object], *names: str) -> str:
        fault()
        error = self.assertRaises(CertificateError, self.load, *names)
        text = str(error)
        self.assertTrue(text.endswith("."), text)
        self.assertIn("; ", text)
        return text.replace(f"{self.folder}/", "")

    def make_folder(self) -> None:
        self.key.unlink()
        self.key.mkdir()

    def key_of(self, key: dsa.DSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.key.write_bytes(pem)

    def test_table(self) -> None:
        good, other = self.issued, server("other.example")
        encrypted = good.key_pem(BestAvailableEncryption(b"secret"))
        past = issue(Order(hosts=[HOST], start=NOW - 9 * DAY, end=NOW - DAY))
        future = issue(Order(hosts=[HOST], start=NOW + DAY))
        many = server(*(f"h{n}.example" for n in range(7)))
        turned = replace(authority(), key=good.key, above=(good.certificate,))
        damaged = good.pem.replace(b"MII", b"MIJ", 1)
        table: tuple[tuple[Callable[[], object], str], ...] = (
            (
                self.chain.unlink,
                "host.pem: cannot be read (No such file or directory); name a file that "
                "is there and that the server may read.",
            ),
            (
                self.make_folder,
                "host-key.pem: cannot be read (Is a directory); name a file that is there "
                "and that the server may read.",
            ),
            (
                lambda: self.chain.write_bytes(b""),
                "host.pem: holds no certificate in PEM form that can be read; put the server's "
                "certificate, followed by its intermediates, there.",
            ),
            (
                lambda: self.chain.write_bytes(damaged),
                "host.pem: holds no certificate in PEM form that can be read; put the server's "
                "certificate, followed by its intermediates, there.",
            ),
            (
                lambda: self.key.write_bytes(good.pem),
                "host-key.pem: holds no private key in PEM form that can be read; put the key "
                "there that belongs to the certificate.",
            ),
            (
                lambda: self.key.write_bytes(encrypted),
                "host-key.pem: the private key is encrypted; store it without a passphrase, "
                "readable by the server only.",
            ),
            (
                lambda: self.key.write_bytes(other.key_pem()),
                "host-key.pem: is not the key of the certificate in host.pem; use the key the "
                "certificate was requested with.",
            ),
            (
                lambda: self.write(turned),
                "host.pem: the server's certificate is number 2 in the file; it must come "
                "first, its intermediates after it.",
            ),
            (
                lambda: self.write(issue(Order(hosts=[HOST], key=rsa_key(1024)))),
                "host-key.pem: an RSA key of 1024 bits; use RSA of 2048 bits or more, EC on "
                "P-256, P-384 or P-521, or Ed25519.",
            ),
            (
                lambda: self.key_of(ec.generate_private_key(ec.SECP256K1())),
                "host-key.pem: an EC key on secp256k1; use RSA of 2048 bits or more, EC on "
                "P-256, P-384 or P-521, or Ed25519.",
            ),
            (
                lambda: self.key_of(dsa.generate_private_key(1024)),
                "host-key.pem: a key of a kind TLS servers do not use; use RSA of 2048 bits or "
                "more, EC on P-256, P-384 or P-521, or Ed25519.",
            ),
            (
                lambda: self.write(other),
                "host.pem: is valid for other.example but not for im.example.org; use a "
                "certificate that names every host it serves.",
            ),
            (
                lambda: self.write(issue(Order(subject=HOST))),
                "host.pem: is valid for no host at all but not for im.example.org; use a "
                "certificate that names every host it serves.",
            ),
            (
                lambda: self.write(many),
                "host.pem: is valid for h0.example, h1.example, h2.example, h3.example, "
                "h4.example and 2 more but not for im.example.org; use a certificate that "
                "names every host it serves.",
            ),
            (
                lambda: self.write(past),
                "host.pem: expired on 2026-05-31 12:00 UTC; renew it.",
            ),
            (
                lambda: self.write(future),
                "host.pem: is not valid before 2026-06-02 12:00 UTC; set the clock of this "
                "machine or wait.",
            ),
        )
        for fault, expected in table:
            if self.key.is_dir():
                self.key.rmdir()
            self.write(good)
            self.assertEqual(self.fails(fault), expected)

    def test_every_missing_name_is_told(self) -> None:
        text = self.fails(lambda: None, HOST, "chat.example.org", "other.example")
        self.assertIn("valid for im.example.org but not for chat.example.org, other.ex", text)

    def test_certificate_with_an_unknown_kind_of_key(self) -> None:
        known, unknown = bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d027f")
        der = self.issued.der
        self.assertEqual(der.count(known), 1)
        odd = x509.load_der_x509_certificate(der.replace(known, unknown))
        text = self.fails(lambda: self.chain.write_bytes(odd.public_bytes(Encoding.PEM)))
        self.assertIn("is not the key of the certificate", text)
