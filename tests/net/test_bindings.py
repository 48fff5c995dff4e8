"""Tests of xmppd.net.bindings: both ends of a real connection come to the same bytes."""

import hashlib
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.hashes import SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from tests.net.pairs import VERSIONS, Client, join
from tests.net.pki import Issued, Order, issue, rsa_key
from xmppd.net.bindings import channel_bindings, server_end_point
from xmppd.net.tls import ServerContexts

HOSTS = ["a.example"]
SHA256_RSA = bytes.fromhex("2a864886f70d01010b")


def signed_with(last_octet: int) -> x509.Certificate:
    """Return a certificate that says it is signed with another hash of the PKCS #1 family."""
    der = issue(Order(key=rsa_key())).der
    return x509.load_der_x509_certificate(
        der.replace(SHA256_RSA, SHA256_RSA[:-1] + bytes((last_octet,)))
    )


def client_side(client: Client) -> dict[str, bytes]:
    """What a client would use, by the letter of RFC 5929 and RFC 9266."""
    connection = client.connection
    label = b"EXPORTER-Channel-Binding"
    return {
        "tls-exporter": bytes(connection.export_keying_material(label, 32, b"")),
        "tls-unique": connection.get_finished() or b"",
    }


class ChannelBindingTests(SynchronousTestCase):
    """Which bindings there are, and that they are right."""

    def connect(self, shown: Issued, client: Client) -> dict[str, bytes]:
        identities = {"a.example": issue(Order()).identity(), "b.example": shown.identity()}
        pair = join(ServerContexts(identities, "a.example").creator(), client)
        self.assertTrue(pair.complete)
        return dict(pair.facts.bindings)

    def test_by_version(self) -> None:
        shown = issue(Order(hosts=HOSTS))
        for version, kind in zip(VERSIONS, ("tls-unique", "tls-exporter"), strict=True):
            client = Client(server_name=b"b.example", highest=version)
            bindings = self.connect(shown, client)
            self.assertEqual(list(bindings), [kind, "tls-server-end-point"])
            self.assertEqual(bindings[kind], client_side(client)[kind])
            self.assertTrue(bindings[kind])
            end_point = hashlib.sha256(shown.der).digest()
            self.assertEqual(bindings["tls-server-end-point"], end_point)

    def test_each_connection_has_its_own(self) -> None:
        shown = issue(Order(hosts=HOSTS))
        for version, kind in zip(VERSIONS, ("tls-unique", "tls-exporter"), strict=True):
            seen = {self.connect(shown, Client(highest=version))[kind] for _ in range(2)}
            self.assertEqual(len(seen), 2)

    def test_no_hash_no_end_point(self) -> None:
        shown = issue(Order(hosts=HOSTS, key=ed25519.Ed25519PrivateKey.generate()))
        bindings = self.connect(shown, Client(server_name=b"b.example"))
        self.assertEqual(list(bindings), ["tls-exporter"])

    def test_not_before_the_handshake(self) -> None:
        contexts = ServerContexts({"a.example": issue(Order()).identity()}, "a.example")
        self.assertRaises(ValueError, channel_bindings, contexts.connection(""))
        client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
        self.assertRaises(ValueError, channel_bindings, client)


class ServerEndPointTests(SynchronousTestCase):
    """The hash is the signature's, but never a broken one (RFC 5929 section 4.1)."""

    def test_table(self) -> None:
        table: Sequence[tuple[x509.Certificate, str]] = (
            (issue(Order()).certificate, "sha256"),
            (issue(Order(hash=SHA384())).certificate, "sha384"),
            (issue(Order(hash=SHA512())).certificate, "sha512"),
            (issue(Order(key=rsa_key(), hash=SHA384())).certificate, "sha384"),
            (signed_with(0x05), "sha256"),  # SHA-1
            (signed_with(0x04), "sha256"),  # MD5
            (signed_with(0x0E), "sha224"),
        )
        for certificate, name in table:
            der = certificate.public_bytes(Encoding.DER)
            expected = hashlib.new(name, der).digest()
            self.assertEqual(server_end_point(certificate), expected, name)

    def test_undefined(self) -> None:
        edwards = issue(Order(key=ed25519.Ed25519PrivateKey.generate())).certificate
        for certificate in (edwards, signed_with(0x7F)):
            self.assertIsNone(server_end_point(certificate))
