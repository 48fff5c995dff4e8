"""A private authority and a certificate of its own making, to try the server without a real one.

The files are made once and kept: whoever trusts `ca.pem` goes on trusting what it issues later.
They follow RFC 6120 section 13.7.1 and are no use for a public server.
"""

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from xmppd.net.certificates import CertificateError, load_identity

LEAF_LIFE = timedelta(days=397)
RENEWAL_DUE = timedelta(days=30)
AUTHORITY_LIFE = timedelta(days=3650)
CLOCK_SKEW = timedelta(hours=1)
"""How far another machine's clock may be behind; part of every life."""

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
_PRIVATE, _PUBLIC = 0o600, 0o644


@dataclass(frozen=True, slots=True)
class DevelopmentFiles:
    """Where the files are: `ca` to be trusted by clients, `chain` and `key` for the server.

    `created` are the certificates made just now: `ca`, then `chain`, either or none.
    """

    ca: Path
    chain: Path
    key: Path
    created: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def ensure_development_identity(
    directory: str | os.PathLike[str], names: Sequence[str], now: datetime
) -> DevelopmentFiles:
    """Make sure `directory` holds an authority and a certificate for `names`, valid for a while.

    What is there is kept as long as it can serve: the authority until it could not cover another
    certificate's life, the certificate until 30 days before its end or until `names` (lower-case
    A-labels, the first gives the file its name) are not all covered. An authority without a usable
    key is not replaced, as somebody may trust it. `now` is an aware datetime.
    Raises ValueError for a name that is no host name, `CertificateError` for such an authority,
    OSError when a file cannot be read or written.
    """
    _check_hosts(names)
    folder = Path(directory)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ca, ca_key = folder / "ca.pem", folder / "ca-key.pem"
    chain, key = folder / f"{names[0]}.pem", folder / f"{names[0]}-key.pem"
    created = []
    authority = _load_authority(ca, ca_key)
    if authority is None or not _can_issue(authority.certificate, now):
        authority = _make_authority(now)
        _write_pair(ca, authority.certificate, ca_key, authority.key)
        created.append(ca)
    if not _can_serve(chain, key, names, authority, now):
        _make_leaf(chain, key, names, authority, now)
        created.append(chain)
    return DevelopmentFiles(ca, chain, key, tuple(created))


def _check_hosts(names: Sequence[str]) -> None:
    """Refuse what must not become a path or a dNSName."""
    if not names:
        raise ValueError("a certificate needs at least one host name")
    for name in names:
        if not _HOST.fullmatch(name):
            raise ValueError(f"{name!r} is no host name in lower-case A-labels")
    if names[0] == "ca" or names[0].endswith("-key"):
        raise ValueError(f"a file named after {names[0]!r} would take another's place")


def _can_issue(certificate: x509.Certificate, now: datetime) -> bool:
    begun = certificate.not_valid_before_utc <= now
    return begun and certificate.not_valid_after_utc >= now + LEAF_LIFE


def _load_authority(certificate_file: Path, key_file: Path) -> _Authority | None:
    """Return the authority in the files, None where there is none that somebody could trust."""
    try:
        pem = certificate_file.read_bytes()
    except FileNotFoundError:
        return None
    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise _unusable(certificate_file, "is no PEM certificate", certificate_file) from None
    try:
        key = load_pem_private_key(key_file.read_bytes(), None)
    except FileNotFoundError:
        raise _unusable(key_file, "is not there", certificate_file) from None
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise _unusable(key_file, "is no PEM key without passphrase", certificate_file) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _unusable(key_file, "is not of the kind made here", certificate_file)
    # What a crash leaves between the two files of a renewal: the old key is gone for good.
    return _Authority(certificate, key) if certificate.public_key() == key.public_key() else None


def _unusable(file: Path, what: str, authority: Path) -> CertificateError:
    return CertificateError(
        f"{file}: {what}, and clients may trust the development authority in {authority}; restore "
        f"the file, or remove {authority} to have a new authority made."
    )


def _make_authority(now: datetime) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("xmppd development authority")
    builder = (
        _builder(name, name, key.public_key(), now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
    )
    return _Authority(builder.sign(key, SHA256()), key)


def _can_serve(
    chain: Path, key: Path, names: Sequence[str], authority: _Authority, now: datetime
) -> bool:
    try:
        identity = load_identity(chain, key, names, now)
        identity.chain[0].verify_directly_issued_by(authority.certificate)
    except (CertificateError, InvalidSignature, TypeError, ValueError):
        return False
    return identity.expires_in(now) >= RENEWAL_DUE


def _make_leaf(
    chain: Path, key_file: Path, names: Sequence[str], authority: _Authority, now: datetime
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    # The subject must not be empty (RFC 6120 section 13.7.1.1), a common name not over 64 letters.
    subject, issuer = _name("xmppd development server"), authority.certificate
    # Both purposes: to another server our certificate is a client's (XEP-0178).
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = (
        _builder(subject, issuer.subject, key.public_key(), now, LEAF_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(_alternative_names(names), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
    )
    _write_pair(chain, builder.sign(authority.key, SHA256()), key_file, key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    start = now - CLOCK_SKEW
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + life - timedelta(seconds=1))  # the last second counts
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, certificates: bool) -> x509.KeyUsage:
    """Key usage; RFC 6120 section 13.7.1.1 wants digitalSignature of authorities too."""
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_names(names: Sequence[str]) -> x509.SubjectAlternativeName:
    hosts: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    hosts += [x509.IPAddress(ip_address(address)) for address in ("127.0.0.1", "::1")]
    return x509.SubjectAlternativeName(hosts)


def _write_pair(
    certificate_file: Path,
    certificate: x509.Certificate,
    key_file: Path,
    key: ec.EllipticCurvePrivateKey,
) -> None:
    """Write key, then certificate: a crash in between leaves a pair that is made anew."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _replace(key_file, pem, _PRIVATE)
    _replace(certificate_file, certificate.public_bytes(Encoding.PEM), _PUBLIC)


def _replace(file: Path, data: bytes, mode: int) -> None:
    """Put `data` in the place of `file` so that after a crash it is there whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with open(descriptor, "wb") as output:
            os.fchmod(output.fileno(), mode)
            output.write(data)
            output.flush()
            os.fsync(output.fileno())
        os.replace(temporary, file)
    except OSError:
        os.unlink(temporary)
        raise
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
