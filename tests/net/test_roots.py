"""Tests of xmppd.net.roots."""

import os
import ssl
import warnings
from dataclasses import replace
from pathlib import Path

from cryptography import x509
from twisted.trial.unittest import SynchronousTestCase

from tests.net.pki import DAY, NOW, Issued, Order, authority, issue, rsa_key, server
from xmppd.net.certificates import CertificateError
from xmppd.net.roots import (
    ChainError,
    Flaw,
    Roots,
    has_weak_key,
    has_weak_signature,
    is_authority,
)

WANTED = "the authorities to be trusted"
SHA256_RSA, SHA1_RSA = (bytes.fromhex(f"2a864886f70d0101{last}") for last in ("0b", "05"))


def certificates(issued: Issued) -> list[x509.Certificate]:
    """Return what a server would send."""
    return [issued.certificate, *issued.above]


def below(issued: Issued, *above: Issued) -> Issued:
    """Return it as it is sent, with those above it."""
    return replace(issued, above=tuple(one.certificate for one in above))


class FilesCase(SynchronousTestCase):
    """A test that writes files."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def file(self, name: str, *content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(b"\n".join(content))
        return path

    def roots(self, *believed: Issued) -> Roots:
        return Roots.of_file(self.file("roots.pem", *(one.pem for one in believed)), WANTED)


class PathTests(FilesCase):
    """From a certificate to one that is believed."""

    def setUp(self) -> None:
        super().setUp()
        self.middle = issue(Order(subject="middle", authority=True), authority())
        self.leaf = issue(Order(hosts=["a.example"]), self.middle)

    def test_paths(self) -> None:
        leaf, middle = self.leaf.certificate, self.middle.certificate
        root = authority().certificate
        stray = authority("stranger")
        for shown, believed, expected in (
            (below(self.leaf, self.middle), [authority()], [leaf, middle]),
            (below(self.leaf, self.middle, authority()), [authority()], [leaf, middle]),
            (below(self.leaf, stray, self.middle), [stray, authority()], [leaf, middle]),
            (self.leaf, [authority(), self.middle], [leaf]),
            (self.leaf, [self.middle], [leaf]),
            (self.leaf, [self.leaf], []),
            (authority(), [authority()], []),
            (server("b.example"), [authority(), authority()], None),
        ):
            found = self.roots(*believed).path(certificates(shown), NOW)
            self.assertEqual(found, [shown.certificate] if expected is None else expected)
            self.assertNotIn(root, found)

    def test_flaws(self) -> None:
        old = issue(Order(subject="old", authority=True, end=NOW - DAY / 2), authority())
        no_authority = issue(Order(subject="no authority"), authority())
        stranger = authority("stranger")
        for shown, flaw, blamed, depth in (
            (issue(Order(end=NOW - DAY / 2), authority()), Flaw.EXPIRED, None, 0),
            (issue(Order(start=NOW + DAY), authority()), Flaw.EARLY, None, 0),
            (issue(Order()), Flaw.SELF_SIGNED, None, 0),
            (stranger, Flaw.SELF_SIGNED, None, 0),
            (self.leaf, Flaw.UNKNOWN_AUTHORITY, None, 0),
            (issue(Order(), stranger), Flaw.UNKNOWN_AUTHORITY, None, 0),
            (below(issue(Order(), stranger), stranger), Flaw.UNKNOWN_AUTHORITY, stranger, 1),
            (below(issue(Order(), old), old), Flaw.EXPIRED, old, 1),
            (below(issue(Order(), no_authority), no_authority), Flaw.OTHER, no_authority, 1),
            (
                issue(Order(), issue(Order(subject="authority", authority=True))),
                Flaw.OTHER,
                None,
                0,
            ),
        ):
            error: ChainError = self.assertRaises(
                ChainError, self.roots(authority()).path, certificates(shown), NOW
            )
            expected = (shown if blamed is None else blamed).certificate
            self.assertEqual((error.flaw, error.certificate, error.depth), (flaw, expected, depth))
            self.assertNotEqual(str(error), "")

    def test_time(self) -> None:
        roots = self.roots(authority())
        chain = certificates(server("a.example"))
        end = chain[0].not_valid_after_utc
        self.assertEqual(roots.path(chain, end - DAY), chain)
        error: ChainError = self.assertRaises(ChainError, roots.path, chain, end + DAY)
        self.assertIs(error.flaw, Flaw.EXPIRED)

    def test_what_is_believed_is_not_believed_for_ever(self) -> None:
        old = issue(Order(end=NOW - DAY / 2))
        error: ChainError = self.assertRaises(
            ChainError, self.roots(old).path, certificates(old), NOW
        )
        self.assertIs(error.flaw, Flaw.EXPIRED)


class FileTests(FilesCase):
    """The authorities that an operator has named."""

    def logged(self) -> list[str]:
        lines: list[str] = []

        class Lines:
            def warn(self, format: str, **fields: object) -> None:
                lines.append(format.format(**fields))

        self.patch(Roots, "_log", Lines())
        return lines

    def test_what_cannot_be_read_is_left_out(self) -> None:
        one, two = authority("one").pem, authority("two").pem
        broken, junk = one.replace(b"\nMII", b"\nAAA"), one.replace(b"\nMII", b"\n!!!")
        old = two.replace(b" CERTIFICATE", b" X509 CERTIFICATE")
        lines = self.logged()
        for content, count, odd in (
            ((b"# one", one, two), 2, 0),
            ((one.replace(b"\n", b"\r\n"), old), 2, 0),
            ((b"\xff", broken, junk, two, one[:-20]), 1, 3),
        ):
            path = self.file("roots.pem", *content)
            self.assertEqual(len(Roots.of_file(path, WANTED)), count)
            text = f"{path}: {odd} of its certificates cannot be read and are not believed"
            self.assertEqual(lines, [text] if odd else [])

    def test_odd_ones(self) -> None:
        """Some in use could not be read by `cryptography` one day; it says so by warnings."""
        der = authority().der
        place = der.index(b"\xa0\x03\x02\x01\x02") + 5  # behind its version: the serial number
        negative = der[: place + 2] + b"\xc3" + der[place + 3 :]
        pem = ssl.DER_cert_to_PEM_cert(negative).encode()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with self.assertRaises(Warning):
                x509.load_der_x509_certificate(negative)
            self.assertEqual(len(Roots.of_file(self.file("odd.pem", pem), WANTED)), 1)

    def test_nothing(self) -> None:
        lines = self.logged()
        for content in (b"", b"junk", authority().pem.replace(b"\nMII", b"\nAAA")):
            path = self.file("roots.pem", content)
            error: CertificateError = self.assertRaises(
                CertificateError, Roots.of_file, path, WANTED
            )
            self.assertEqual(
                str(error),
                f"{path}: holds no certificate in PEM form that can be read; put {WANTED} there.",
            )
        missing = self.folder / "missing"
        error = self.assertRaises(CertificateError, Roots.of_file, missing, WANTED)
        self.assertIn("cannot be read", str(error))
        self.assertEqual(lines, [])


class SystemTests(FilesCase):
    """The authorities that a system believes."""

    def system(self, bundle: Path | None, folder: Path | None) -> Roots:
        file, path = (None if each is None else str(each) for each in (bundle, folder))
        places = ssl.DefaultVerifyPaths(
            file,  # type: ignore[arg-type]  # what Python has where there is none
            path,  # type: ignore[arg-type]
            "SSL_CERT_FILE",
            "bundle",
            "SSL_CERT_DIR",
            "folder",
        )
        return Roots.of_system(places)

    def hashed(self) -> Path:
        """Return a folder as openssl-rehash leaves it, and files there that are not of it."""
        for name, content in (
            ("3513523f.0", authority("one").pem),
            ("3513523f.1", authority("two").pem),
            ("three.pem", authority("three").pem),
            ("3513523f.r0", authority("three").pem),
            ("ca-certificates.crt", authority("three").pem),
        ):
            self.file(name, content)
        os.symlink("nowhere", self.folder / "00000000.0")
        return self.folder

    def test_places(self) -> None:
        folder = self.hashed()
        bundle = self.file("bundle.pem", b"# one\n", authority("one").pem, authority("three").pem)
        for places, count in (
            ((bundle, None), 2),
            ((None, folder), 2),
            ((bundle, folder), 3),
            ((self.folder / "missing", folder), 2),
            ((bundle, self.folder / "missing"), 2),
        ):
            self.assertEqual(len(self.system(*places)), count, places)

    def test_what_was_read_is_believed(self) -> None:
        roots = self.system(self.file("bundle.pem", authority().pem), None)
        chain = certificates(server("a.example"))
        self.assertEqual(roots.path(chain, NOW), chain)

    def test_what_cannot_be_read_is_left_out(self) -> None:
        broken = authority("one").pem.replace(b"\nMII", b"\nAAA")
        unfinished = authority("three").pem[:-20]
        bundle = self.file("bundle.pem", b"\xff\n", broken, authority("two").pem, unfinished)
        self.assertEqual(len(self.system(bundle, None)), 1)

    def test_nothing(self) -> None:
        for places in ((None, None), (self.file("empty.pem"), self.folder)):
            error: CertificateError = self.assertRaises(CertificateError, self.system, *places)
            self.assertIn("ca-certificates", str(error))
            self.assertTrue(str(error).endswith("."))

    def test_this_system(self) -> None:
        """By the paths of OpenSSL, or those the environment names."""
        empty = self.folder / "empty"
        empty.mkdir()
        named = {
            "SSL_CERT_FILE": str(self.file("a.pem", authority().pem, authority("one").pem)),
            "SSL_CERT_DIR": str(empty),
        }
        self.patch(os, "environ", {**os.environ, **named})
        self.assertEqual(len(Roots.of_system()), 2)


class FitnessTests(SynchronousTestCase):
    """What else is asked of certificates."""

    def test_authorities(self) -> None:
        for order, expected in (
            (Order(), False),
            (Order(authority=False), False),
            (Order(authority=True), True),
        ):
            self.assertIs(is_authority(issue(order).certificate), expected)

    def test_weak_keys(self) -> None:
        for order, expected in (
            (Order(), False),
            (Order(key=rsa_key()), False),
            (Order(key=rsa_key(1024)), True),
        ):
            self.assertIs(has_weak_key(issue(order, authority()).certificate), expected)

    def test_weak_signatures(self) -> None:
        strong = issue(Order(key=rsa_key()))
        weak = x509.load_der_x509_certificate(strong.der.replace(SHA256_RSA, SHA1_RSA))
        self.assertFalse(has_weak_signature(strong.certificate))
        self.assertTrue(has_weak_signature(weak))
