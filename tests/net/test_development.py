"""Tests of xmppd.net.development."""

import os
import stat
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.x509.oid import ExtendedKeyUsageOID
from twisted.trial.unittest import SynchronousTestCase

from tests.net.pairs import join
from tests.net.pki import DAY, NOW, Issued, Order, issue, rsa_key, server, write
from xmppd.net.certificates import CertificateError, load_identity
from xmppd.net.client_certificates import judge_client_certificate
from xmppd.net.development import DevelopmentFiles, ensure_development_identity
from xmppd.net.tls import ServerContexts

NAMES = ("a.example", "chat.a.example")


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


class DevelopmentCase(SynchronousTestCase):
    """A test with a folder that is not there yet."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()) / "deep" / "folder"

    def ensure(self, now: datetime = NOW, names: tuple[str, ...] = NAMES) -> DevelopmentFiles:
        return ensure_development_identity(self.folder, names, now)

    def contents(self) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in self.folder.iterdir()}


class FirstTimeTests(DevelopmentCase):
    """What is made where there is nothing."""

    def test_files(self) -> None:
        files = self.ensure()
        self.assertEqual(files.ca, self.folder / "ca.pem")
        self.assertEqual(files.chain, self.folder / "a.example.pem")
        self.assertEqual(files.key, self.folder / "a.example-key.pem")
        self.assertEqual(files.created, (files.ca, files.chain))
        names = {"ca.pem", "ca-key.pem", "a.example.pem", "a.example-key.pem"}
        self.assertEqual(set(self.contents()), names)

    def test_permissions(self) -> None:
        mask = os.umask(0)
        self.addCleanup(os.umask, mask)
        self.ensure()
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in self.folder.iterdir()}
        expected = {
            "ca.pem": 0o644,
            "ca-key.pem": 0o600,
            "a.example.pem": 0o644,
            "a.example-key.pem": 0o600,
        }
        self.assertEqual(modes, expected)
        self.assertEqual(stat.S_IMODE(self.folder.stat().st_mode), 0o700)

    def test_authority(self) -> None:
        certificate = read(self.ensure().ca)
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        self.assertTrue(basic.critical)
        self.assertEqual(basic.value, x509.BasicConstraints(ca=True, path_length=0))
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        self.assertTrue(usage.key_cert_sign and usage.digital_signature)
        certificate.verify_directly_issued_by(certificate)

    def test_leaf(self) -> None:
        files = self.ensure()
        leaf = read(files.chain)
        leaf.verify_directly_issued_by(read(files.ca))
        find = leaf.extensions.get_extension_for_class
        self.assertFalse(find(x509.BasicConstraints).value.ca)
        self.assertIn(ExtendedKeyUsageOID.SERVER_AUTH, find(x509.ExtendedKeyUsage).value)
        names = find(x509.SubjectAlternativeName).value
        self.assertEqual(tuple(names.get_values_for_type(x509.DNSName)), NAMES)
        addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
        self.assertEqual(addresses, ["127.0.0.1", "::1"])
        life = leaf.not_valid_after_utc - leaf.not_valid_before_utc + timedelta(seconds=1)
        self.assertEqual(life, timedelta(days=397))
        self.assertLess(leaf.not_valid_before_utc, NOW)
        self.assertLess(leaf.not_valid_after_utc, read(files.ca).not_valid_after_utc)

    def test_it_serves(self) -> None:
        files = self.ensure()
        identity = load_identity(files.chain, files.key, NAMES, NOW)
        self.assertEqual(identity.warnings(NOW), ())
        pair = join(ServerContexts({"a.example": identity}, "a.example").creator())
        self.assertTrue(pair.complete)
        chain = [pair.tls.shown or b""]
        self.assertTrue(judge_client_certificate(chain, files.ca, NOW).valid)

    def test_long_name(self) -> None:
        name = ".".join(["a" * 60] * 3)
        files = self.ensure(names=(name,))
        self.assertEqual(load_identity(files.chain, files.key, [name], NOW).names, (name,))

    def test_serial_numbers_differ(self) -> None:
        files = self.ensure()
        self.assertNotEqual(read(files.ca).serial_number, read(files.chain).serial_number)

    def test_names_that_are_no_hosts(self) -> None:
        for names in (
            (),
            ("",),
            ("../evil",),
            ("a/b",),
            ("A.example",),
            ("*.example",),
            ("münchen.example",),
            ("a.example", "b example"),
            ("a.example\n",),
            ("ca",),
            ("ca-key",),
            ("x-key",),
        ):
            self.assertRaises(ValueError, self.ensure, NOW, names)
        self.assertFalse(self.folder.exists())


class AgainTests(DevelopmentCase):
    """What happens to what is there."""

    def setUp(self) -> None:
        super().setUp()
        self.first = self.ensure()
        self.before = self.contents()

    def changed(self, now: datetime = NOW, names: tuple[str, ...] = NAMES) -> set[str]:
        """Ensure again; return the names of the files that changed."""
        files = self.ensure(now, names)
        after = self.contents()
        changed = {name for name in after if after[name] != self.before.get(name)}
        expected = [name for name in ("ca.pem", f"{names[0]}.pem") if name in changed]
        self.assertEqual([file.name for file in files.created], expected)
        load_identity(files.chain, files.key, names, now)
        read(files.chain).verify_directly_issued_by(read(files.ca))
        return changed

    leaf = frozenset(("a.example.pem", "a.example-key.pem"))
    everything = leaf | {"ca.pem", "ca-key.pem"}

    def test_nothing(self) -> None:
        self.assertEqual(self.changed(), set())
        self.assertEqual(self.changed(NOW + 366 * DAY), set())

    def test_renewal(self) -> None:
        self.assertEqual(self.changed(NOW + 367 * DAY), self.leaf)

    def test_fewer_names(self) -> None:
        self.assertEqual(self.changed(names=NAMES[:1]), set())

    def test_more_names(self) -> None:
        self.assertEqual(self.changed(names=(*NAMES, "b.example")), self.leaf)

    def test_another_server_of_the_same_authority(self) -> None:
        changed = self.changed(names=("b.example",))
        self.assertEqual(changed, {"b.example.pem", "b.example-key.pem"})

    def test_lost_or_damaged_leaf(self) -> None:
        for name in self.leaf:
            (self.folder / name).unlink()
            self.assertEqual(self.changed(), self.leaf)
            (self.folder / name).write_bytes(b"damaged")
            self.assertEqual(self.changed(), self.leaf)

    def test_leaf_of_another_authority(self) -> None:
        write(self.folder, server(*NAMES), "a.example")
        self.assertEqual(self.changed(), self.leaf)

    def test_leaf_that_only_names_the_authority(self) -> None:
        fake = issue(Order(subject="xmppd development authority"))
        write(self.folder, issue(Order(hosts=NAMES), fake), "a.example")
        self.assertEqual(self.changed(), self.leaf)

    def test_leaf_signed_by_another_kind_of_key(self) -> None:
        fake = issue(Order(subject="xmppd development authority", key=rsa_key()))
        write(self.folder, issue(Order(hosts=NAMES), fake), "a.example")
        self.assertEqual(self.changed(), self.leaf)

    def test_authority_near_its_end(self) -> None:
        for days, changed in ((3000, self.leaf), (3252, set()), (3253, self.everything)):
            self.assertEqual(self.changed(NOW + days * DAY), changed)
            self.before = self.contents()

    def spoil(self, name: str, data: bytes | None) -> None:
        file = self.folder / name
        file.unlink()
        if data is not None:
            file.write_bytes(data)

    def test_authority_not_yet_valid(self) -> None:
        self.assertEqual(self.changed(NOW - timedelta(hours=1)), set())
        self.assertEqual(self.changed(NOW - 2 * DAY), self.everything)

    def test_lost_authority(self) -> None:
        self.spoil("ca.pem", None)
        self.assertEqual(self.changed(), self.everything)

    def test_authority_that_cannot_be_read_is_not_replaced(self) -> None:
        other = issue(Order())
        wrong_kind = Issued(other.certificate, rsa_key())
        for name, data, what in (
            ("ca.pem", b"", "is no PEM certificate"),
            ("ca.pem", b"damaged", "is no PEM certificate"),
            ("ca-key.pem", None, "is not there"),
            ("ca-key.pem", b"", "is no PEM key"),
            ("ca-key.pem", b"damaged", "is no PEM key"),
            ("ca-key.pem", wrong_kind.key_pem(), "is not of the kind"),
            ("ca-key.pem", other.key_pem(BestAvailableEncryption(b"secret")), "is no PEM key"),
        ):
            with self.subTest(name=name, data=data):
                self.spoil(name, data)
                before = self.contents()
                error = str(self.assertRaises(CertificateError, self.ensure))
                self.assertTrue(error.startswith(f"{self.folder / name}: {what}"), error)
                self.assertIn(f"or remove {self.folder / 'ca.pem'} to have a new", error)
                self.assertEqual(self.contents(), before)
                (self.folder / name).write_bytes(self.before[name])

    def test_crash_between_the_two_files(self) -> None:
        """A new key beside an old certificate is a pair that is made anew."""
        for name, made in (("ca-key.pem", self.everything), ("a.example-key.pem", self.leaf)):
            (self.folder / name).write_bytes(issue(Order()).key_pem())
            self.assertEqual(self.changed(), made)
            self.before = self.contents()


class WritingTests(DevelopmentCase):
    """Files are there whole or not at all."""

    def test_failure_leaves_nothing_behind(self) -> None:
        self.ensure()
        before = self.contents()

        def fail(source: str, target: Path) -> None:
            raise OSError(28, "No space left on device")

        self.patch(os, "replace", fail)
        self.assertRaises(OSError, self.ensure, NOW + 380 * DAY)
        self.assertEqual(self.contents(), before)

    def test_order(self) -> None:
        """Data reaches the disk before its name, and its name before the next file's."""
        steps: list[str] = []
        fsync, rename = os.fsync, os.replace

        def traced_fsync(descriptor: int) -> None:
            kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
            steps.append(f"sync {kind}")
            fsync(descriptor)

        def traced_rename(source: str, target: Path) -> None:
            steps.append(target.name)
            rename(source, target)

        self.patch(os, "fsync", traced_fsync)
        self.patch(os, "replace", traced_rename)
        self.ensure()
        names = ["ca-key.pem", "ca.pem", "a.example-key.pem", "a.example.pem"]
        expected = [step for name in names for step in ("sync file", name, "sync folder")]
        self.assertEqual(steps, expected)
