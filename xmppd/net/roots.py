"""The certificates that are believed, and whether a chain leads to one of them (RFC 6120 13.7.2).

What a believed chain is good for is another question: see `xmppd.net.client_certificates` and
`xmppd.s2s.trust`. Certificates are not looked up in lists of revoked ones.
"""

import os
import re
import ssl
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import Enum

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import MD5, SHA1
from OpenSSL import crypto
from twisted.logger import Logger

from xmppd.net.certificates import CertificateError, Path, read_file

MAX_CHAIN = 8
"""How many certificates of one peer are looked at; more are refused unread."""

_RSA_BITS = 2048  # RFC 9325 section 4.5
_BEGIN = re.compile(rb"-----BEGIN (?:X509 )?CERTIFICATE-----")
_BLOCK = re.compile(
    _BEGIN.pattern + rb"[A-Za-z0-9+/=\s]+-----END (?:X509 )?CERTIFICATE-----", re.ASCII
)
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]{1,4}", re.ASCII)  # how openssl-rehash names files


class Flaw(Enum):
    """What is wrong with a chain."""

    EXPIRED = "expired"
    EARLY = "not yet valid"
    SELF_SIGNED = "self-signed"
    UNKNOWN_AUTHORITY = "no authority that is believed"
    OTHER = "something else"


# By the numbers of OpenSSL's X509_V_ERR_...
_FLAWS = {
    2: Flaw.UNKNOWN_AUTHORITY,  # UNABLE_TO_GET_ISSUER_CERT
    9: Flaw.EARLY,  # CERT_NOT_YET_VALID
    10: Flaw.EXPIRED,  # CERT_HAS_EXPIRED
    18: Flaw.SELF_SIGNED,  # DEPTH_ZERO_SELF_SIGNED_CERT
    19: Flaw.UNKNOWN_AUTHORITY,  # SELF_SIGNED_CERT_IN_CHAIN
    20: Flaw.UNKNOWN_AUTHORITY,  # UNABLE_TO_GET_ISSUER_CERT_LOCALLY
    21: Flaw.UNKNOWN_AUTHORITY,  # UNABLE_TO_VERIFY_LEAF_SIGNATURE
}


class ChainError(Exception):
    """A chain leads to nothing that is believed.

    - `flaw`: why not; as text, what OpenSSL says to it.
    - `certificate`: which of its certificates is to blame; `depth`: where it stands, 0 for the
      peer's own.
    """

    def __init__(self, text: str, flaw: Flaw, certificate: x509.Certificate, depth: int) -> None:
        super().__init__(text)
        self.flaw = flaw
        self.certificate = certificate
        self.depth = depth


class Roots:
    """The certificates that are believed: mostly authorities', but any may be among them."""

    __slots__ = ("_believed",)

    _log = Logger()

    def __init__(self, believed: Iterable[crypto.X509]) -> None:
        self._believed = tuple(believed)

    @staticmethod
    def of_file(path: Path, wanted: str) -> "Roots":
        """Read a PEM file; `wanted` says what should be in it.

        Certificates in it that cannot be read are left out, and logged. Raises `CertificateError`
        if it cannot be read or holds no certificate that can.
        """
        data, _ = read_file(os.fspath(path))
        believed = _all_loaded(_BLOCK.findall(data))
        if not believed:
            raise CertificateError(
                f"{path}: holds no certificate in PEM form that can be read; put {wanted} there."
            )
        odd = len(_BEGIN.findall(data)) - len(believed)
        if odd:
            Roots._log.warn(
                "{path}: {count} of its certificates cannot be read and are not believed",
                path=os.fspath(path),
                count=odd,
            )
        return Roots(believed)

    @staticmethod
    def of_system(paths: ssl.DefaultVerifyPaths | None = None) -> "Roots":
        """Read the authorities that this system believes, from where its OpenSSL has them.

        The environment may name other places (SSL_CERT_FILE, SSL_CERT_DIR). What cannot be read is
        left out. Raises `CertificateError` if nothing is left.
        """
        places = ssl.get_default_verify_paths() if paths is None else paths
        blocks: dict[bytes, None] = {}
        for file in _files(places):
            blocks.update(dict.fromkeys(_BLOCK.findall(_content(file))))
        believed = _all_loaded(blocks)
        if not believed:
            raise CertificateError(
                f"{places.openssl_cafile}: this system has no list of authorities to trust; "
                "install it (on Debian, the package ca-certificates)."
            )
        return Roots(believed)

    def __len__(self) -> int:
        return len(self._believed)

    def path(self, chain: Sequence[x509.Certificate], now: datetime) -> list[x509.Certificate]:
        """Return the path from a chain's first certificate up to one that is believed, without it.

        It is empty if the first one is believed itself. Raises `ChainError` if there is no path as
        of `now`, an aware datetime. No purpose is asked for, so extended key usages do not matter:
        servers show the certificate they serve with, and authorities no longer issue others.
        """
        # A store of its own each time: OpenSSL keeps to the first time a store is set to.
        store = crypto.X509Store()
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
        for one in self._believed:
            store.add_cert(one)
        # pyOpenSSL reads the fields of the datetime as UTC, whatever its zone.
        store.set_time(now.astimezone(UTC))
        leaf, *others = [crypto.X509.from_cryptography(one) for one in chain]
        try:
            found = crypto.X509StoreContext(store, leaf, others).get_verified_chain()
        except crypto.X509StoreContextError as error:
            code, depth = error.errors[:2]
            flaw = _FLAWS.get(code, Flaw.OTHER)
            blamed = error.certificate.to_cryptography()
            raise ChainError(str(error), flaw, blamed, depth) from None
        return [one.to_cryptography() for one in found[:-1]]


def is_authority(certificate: x509.Certificate) -> bool:
    """Tell whether it may issue others, which a peer's own must not (RFC 6120 13.7.1.1)."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def limits_names(certificate: x509.Certificate) -> bool:
    """Tell whether it says which names others below it may have (RFC 5280 4.2.1.10).

    OpenSSL holds hosts and IP addresses to that, but neither services nor XMPP addresses.
    """
    try:
        certificate.extensions.get_extension_for_class(x509.NameConstraints)
    except x509.ExtensionNotFound:
        return False
    return True


def has_weak_key(certificate: x509.Certificate) -> bool:
    """Tell whether its key could be found by others (RFC 9325 4.5)."""
    key = certificate.public_key()
    return isinstance(key, RSAPublicKey) and key.key_size < _RSA_BITS


def has_weak_signature(certificate: x509.Certificate) -> bool:
    """Tell whether it could be forged; OpenSSL does not ask outside of a handshake."""
    return isinstance(certificate.signature_hash_algorithm, MD5 | SHA1)


def _files(places: ssl.DefaultVerifyPaths) -> list[str]:
    """Return the bundle, then the files of the folder that OpenSSL would find there."""
    bundle = [places.cafile] if places.cafile else []  # either may be None
    folder = places.capath
    try:
        names = sorted(filter(_HASHED.fullmatch, os.listdir(folder) if folder else ()))
    except OSError:
        return bundle
    return bundle + [os.path.join(folder, name) for name in names]


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _all_loaded(blocks: Iterable[bytes]) -> list[crypto.X509]:
    return [one for one in map(_loaded, blocks) if one is not None]


def _loaded(block: bytes) -> crypto.X509 | None:
    # Some roots are too odd for `cryptography` to read, and none of their fields matter here.
    try:
        return crypto.load_certificate(crypto.FILETYPE_PEM, block)
    except crypto.Error:
        return None
