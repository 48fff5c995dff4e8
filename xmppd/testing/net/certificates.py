"""Certificates of machines in a network: real ones, of an authority made once for each process."""

from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificates
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
)

from xmppd.net.certificates import Identity
from xmppd.net.development import DevelopmentFiles, ensure_development_identity
from xmppd.net.roots import Roots
from xmppd.testing.collaborators import NOON

_NOW = datetime.fromtimestamp(NOON, UTC)
_BEFORE = _NOW - timedelta(days=730)
"""What was issued then has expired."""


class Certificate(Enum):
    """What may be wrong with the certificate that a machine shows."""

    EXPIRED = "an expired certificate"
    MISNAMED = "a certificate of another name"
    UNTRUSTED = "a certificate of an unknown authority"


@cache
def _directory(authority: str) -> "TemporaryDirectory[str]":
    directory = TemporaryDirectory(prefix=f"xmppd-{authority}-")
    ensure_development_identity(Path(directory.name), ("authority.example",), _BEFORE)
    return directory


@cache
def issued(domains: tuple[str, ...], authority: str = "authority") -> DevelopmentFiles:
    """Return the files of a certificate for these domains, the same for the whole process.

    Authorities of different names do not know each other.
    """
    return ensure_development_identity(Path(_directory(authority).name), domains, _NOW)


@cache
def flawed(domains: tuple[str, ...], flaw: Certificate) -> tuple[bytes, ...]:
    """Return a chain (DER, leaf first) that these domains should not show."""
    if flaw is Certificate.EXPIRED:
        files = _expired(domains)
    elif flaw is Certificate.MISNAMED:
        files = issued((f"not-{domains[0]}",))
    else:
        files = issued(domains, "nobody's")
    certificates = load_pem_x509_certificates(files.chain.read_bytes())
    return tuple(each.public_bytes(Encoding.DER) for each in certificates)


def _expired(domains: tuple[str, ...]) -> DevelopmentFiles:
    authority = Path(_directory("authority").name)
    folder = authority / "expired"
    folder.mkdir(exist_ok=True)
    for file in ("ca.pem", "ca-key.pem"):
        copy(authority / file, folder)
    return ensure_development_identity(folder, domains, _BEFORE)


@cache
def believed(authority: str = "authority") -> Roots:
    """Return the authority alone, as what a server believes."""
    return Roots.of_file(issued(("authority.example",), authority).ca, "the authority of a network")


def chain_of(identity: Identity) -> tuple[bytes, ...]:
    """Return the certificates of an identity in DER, leaf first."""
    return tuple(each.public_bytes(Encoding.DER) for each in identity.chain)


def shown_by(creator: Any) -> tuple[tuple[bytes, ...], str]:
    """Return what a connection would show that somebody wants to begin TLS with.

    That are its own certificate in DER, if it has one, and the name it calls the other side by, ""
    if it does not.
    """
    connection: Any
    nobody: Any = None  # neither kind looks at whom it makes a connection for
    if IOpenSSLServerConnectionCreator.providedBy(creator):
        connection = creator.serverConnectionForTLS(nobody)
    elif IOpenSSLClientConnectionCreator.providedBy(creator):
        connection = creator.clientConnectionForTLS(nobody)
    else:
        raise TypeError(f"{creator!r} makes no TLS connections")
    certificate = connection.get_certificate()
    name = (connection.get_servername() or b"").decode()
    if certificate is None:
        return (), name
    return (certificate.to_cryptography().public_bytes(Encoding.DER),), name
