"""Certificates made on the spot for the tests of net."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from xmppd.net.certificates import Identity, PrivateKey
from xmppd.net.names import SRV_NAME, XMPP_ADDRESS, names_of

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return one RSA key a size for all tests: making them takes long."""
    return rsa.generate_private_key(65537, bits)


def der(tag: int, content: bytes) -> bytes:
    """Return one DER value."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def xmpp_address(address: str) -> x509.OtherName:
    return x509.OtherName(XMPP_ADDRESS, der(0x0C, address.encode()))


def srv_name(name: str) -> x509.OtherName:
    return x509.OtherName(SRV_NAME, der(0x16, name.encode()))


def raw_addresses(*values: bytes) -> bytes:
    """Return a subjectAltName of XmppAddr identifiers whose values may be anything."""
    kind = der(0x06, bytes.fromhex("2b06010505070805"))
    return der(0x30, b"".join(der(0xA0, kind + der(0xA0, value)) for value in values))


@dataclass(frozen=True)
class Issued:
    """A certificate with its key and the certificates above it that a server would send."""

    certificate: x509.Certificate
    key: PrivateKey
    above: tuple[x509.Certificate, ...] = ()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def chain_der(self) -> tuple[bytes, ...]:
        return (self.der, *(one.public_bytes(Encoding.DER) for one in self.above))

    @property
    def pem(self) -> bytes:
        return b"".join(one.public_bytes(Encoding.PEM) for one in (self.certificate, *self.above))

    def key_pem(self, encryption: KeySerializationEncryption | None = None) -> bytes:
        return self.key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()
        )

    def identity(self) -> Identity:
        """Return the identity without a detour by files."""
        chain = (self.certificate, *self.above)
        return Identity("c.pem", "k.pem", chain, self.key, names_of(self.certificate), False)


@dataclass(frozen=True)
class Order:
    """What a certificate is to look like."""

    hosts: Sequence[str] = ()
    others: Sequence[x509.GeneralName] = ()
    subject: str = "leaf"
    start: datetime = NOW - DAY
    end: datetime = NOW + 90 * DAY
    key: PrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    authority: bool | None = None
    raw_names: bytes | None = None
    usages: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.SERVER_AUTH,)
    hash: SHA256 | SHA384 | SHA512 = field(default_factory=SHA256)


def issue(order: Order, issuer: Issued | None = None) -> Issued:
    """Make the certificate, signed by `issuer` or else by itself."""
    signer = order.key if issuer is None else issuer.key
    above = issuer.certificate.subject if issuer else _name(order.subject)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(order.subject))
        .issuer_name(above)
        .public_key(order.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(order.start)
        .not_valid_after(order.end)
    )
    for extension in _extensions(order):
        builder = builder.add_extension(extension, critical=False)
    hashed = None if isinstance(signer, ed25519.Ed25519PrivateKey) else order.hash
    return Issued(builder.sign(signer, hashed), order.key)


def _extensions(order: Order) -> list[x509.ExtensionType]:
    found: list[x509.ExtensionType] = [x509.ExtendedKeyUsage(order.usages)]
    names = [x509.DNSName(host) for host in order.hosts] + list(order.others)
    if order.raw_names is not None:
        kind = x509.SubjectAlternativeName.oid
        found.append(x509.UnrecognizedExtension(kind, order.raw_names))
    elif names:
        found.append(x509.SubjectAlternativeName(names))
    if order.authority is not None:
        found.append(x509.BasicConstraints(ca=order.authority, path_length=None))
    return found


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@cache
def authority(subject: str = "authority") -> Issued:
    """Return a root, the same for all tests."""
    return issue(Order(subject=subject, authority=True, end=NOW + 3000 * DAY))


def server(*hosts: str) -> Issued:
    """Return a certificate for `hosts` from the root."""
    return issue(Order(hosts=hosts), authority())


def write(folder: Path, issued: Issued, name: str = "host") -> tuple[Path, Path]:
    """Write chain and key, the key private; return both paths."""
    chain, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
    chain.write_bytes(issued.pem)
    key.write_bytes(issued.key_pem())
    key.chmod(0o600)
    return chain, key
