"""The certificate and key a host shows, read from PEM files and checked (RFC 6120 section 13.7.1).

What is wrong with the files is found when they are loaded, not at the first handshake, and said in
one sentence to the person who can put it right.
"""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from xmppd.net.names import covers, names_of

Path = str | os.PathLike[str]
PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey

RENEWAL_DUE = timedelta(days=14)
"""How long before its end a certificate is warned about."""

_OWN_CHAIN = "the server's certificate, followed by its intermediates,"
_RSA_BITS = 2048  # RFC 9325 section 4.5
_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_KEY_WANTED = "use RSA of 2048 bits or more, EC on P-256, P-384 or P-521, or Ed25519"
_NAMES_SHOWN = 5


class CertificateError(Exception):
    """A certificate or key file cannot serve; the text is one sentence: file, fault, remedy."""


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """A certificate chain with its private key, checked by `load_identity`.

    `chain` has the server's own certificate first; `names` are the hosts it speaks for, as
    `names.names_of` gives them. Two identities are equal only if they are the same object.
    """

    chain_file: str
    key_file: str
    chain: tuple[x509.Certificate, ...] = field(repr=False)
    key: PrivateKey = field(repr=False)
    names: tuple[str, ...]
    key_exposed: bool
    """Whether every user of the machine may read the key file."""

    @property
    def not_after(self) -> datetime:
        """The last moment the certificate is valid, in UTC."""
        return self.chain[0].not_valid_after_utc

    @property
    def issuer(self) -> str:
        """Who issued the certificate, in the form of RFC 4514."""
        return self.chain[0].issuer.rfc4514_string()

    def covers(self, host: str) -> bool:
        """Tell whether the certificate speaks for `host`, a lower-case A-label."""
        return any(covers(name, host) for name in self.names)

    def expires_in(self, now: datetime) -> timedelta:
        """Return how long the certificate is still valid; negative when it no longer is."""
        return self.not_after - now

    def encoded(self) -> list[bytes]:
        """Return the chain in DER, its own certificate first."""
        return [each.public_bytes(Encoding.DER) for each in self.chain]

    def warnings(self, now: datetime) -> tuple[str, ...]:
        """Return sentences for the operator about what works today but should be changed."""
        found = []
        left = self.expires_in(now)
        if left < RENEWAL_DUE:
            found.append(f"{self.chain_file}: expires on {_date(self.not_after)}; renew it.")
        if self.chain[0].issuer == self.chain[0].subject:
            found.append(
                f"{self.chain_file}: is self-signed, so clients and other servers will not "
                "trust it; get one from an authority they know."
            )
        if self.key_exposed:
            found.append(
                f"{self.key_file}: every user of this machine may read the private key; "
                "take that right away (chmod o-rwx)."
            )
        return tuple(found)


def load_identity(
    chain_file: Path, key_file: Path, names: Iterable[str], now: datetime
) -> Identity:
    """Read a PEM chain (own certificate first) and its PEM key, and check both.

    `names` are the hosts (A-labels) it has to speak for; `now` is an aware datetime. Raises
    `CertificateError` when a file cannot be read, the key is encrypted, weak or another
    certificate's, a name is not covered, or the certificate is not valid at `now`.
    """
    chain_path, key_path = os.fspath(chain_file), os.fspath(key_file)
    chain = load_chain(chain_path, _OWN_CHAIN)
    key, exposed = _load_key(key_path)
    _check_match(chain, chain_path, key, key_path)
    identity = Identity(chain_path, key_path, chain, key, names_of(chain[0]), exposed)
    _check_names(identity, names)
    _check_dates(identity, now)
    return identity


def load_chain(path: str, wanted: str) -> tuple[x509.Certificate, ...]:
    """Read a PEM file of at least one certificate; `wanted` says what should be in there.

    Raises `CertificateError`.
    """
    data, _ = read_file(path)
    try:
        return tuple(x509.load_pem_x509_certificates(data))
    except ValueError:
        raise CertificateError(
            f"{path}: holds no certificate in PEM form that can be read; put {wanted} there."
        ) from None


def _load_key(path: str) -> tuple[PrivateKey, bool]:
    data, mode = read_file(path)
    try:
        key = load_pem_private_key(data, None)
    except TypeError:
        raise CertificateError(
            f"{path}: the private key is encrypted; store it without a passphrase, "
            "readable by the server only."
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError(
            f"{path}: holds no private key in PEM form that can be read; "
            "put the key there that belongs to the certificate."
        ) from None
    return _check_key(key, path), bool(mode & stat.S_IRWXO)


def read_file(path: str) -> tuple[bytes, int]:
    """Return the bytes of a file and its mode, both of the same opened file.

    Raises `CertificateError`.
    """
    try:
        with open(path, "rb") as file:
            return file.read(), os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise CertificateError(
            f"{path}: cannot be read ({error.strerror}); name a file that is there and that "
            "the server may read."
        ) from None


def _check_key(key: object, path: str) -> PrivateKey:
    if isinstance(key, RSAPrivateKey):
        if key.key_size >= _RSA_BITS:
            return key
        raise CertificateError(f"{path}: an RSA key of {key.key_size} bits; {_KEY_WANTED}.")
    if isinstance(key, EllipticCurvePrivateKey):
        if key.curve.name in _CURVES:
            return key
        raise CertificateError(f"{path}: an EC key on {key.curve.name}; {_KEY_WANTED}.")
    if isinstance(key, Ed25519PrivateKey):
        return key
    raise CertificateError(f"{path}: a key of a kind TLS servers do not use; {_KEY_WANTED}.")


def _check_match(
    chain: tuple[x509.Certificate, ...], chain_path: str, key: PrivateKey, key_path: str
) -> None:
    places = [place for place, one in enumerate(chain, 1) if _belongs(key, one)]
    if not places:
        raise CertificateError(
            f"{key_path}: is not the key of the certificate in {chain_path}; "
            "use the key the certificate was requested with."
        )
    if places[0] != 1:
        raise CertificateError(
            f"{chain_path}: the server's certificate is number {places[0]} in the file; "
            "it must come first, its intermediates after it."
        )


def _belongs(key: PrivateKey, certificate: x509.Certificate) -> bool:
    try:
        return certificate.public_key() == key.public_key()
    except (UnsupportedAlgorithm, ValueError):  # a kind of key we could not have loaded either
        return False


def _check_names(identity: Identity, names: Iterable[str]) -> None:
    missing = [name for name in names if not identity.covers(name.lower().rstrip("."))]
    if missing:
        raise CertificateError(
            f"{identity.chain_file}: is valid for {_listed(identity.names)} but not for "
            f"{_listed(missing)}; use a certificate that names every host it serves."
        )


def _check_dates(identity: Identity, now: datetime) -> None:
    start = identity.chain[0].not_valid_before_utc
    if now < start:
        raise CertificateError(
            f"{identity.chain_file}: is not valid before {_date(start)}; "
            "set the clock of this machine or wait."
        )
    if now > identity.not_after:
        raise CertificateError(
            f"{identity.chain_file}: expired on {_date(identity.not_after)}; renew it."
        )


def _listed(names: Iterable[str]) -> str:
    all_names = list(names)
    shown = ", ".join(all_names[:_NAMES_SHOWN]) or "no host at all"
    more = len(all_names) - _NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _date(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
