"""Certificates of machines in a network: real ones, of an authority made once for each process."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
)

from xmppd.net.certificates import Identity
from xmppd.net.development import DevelopmentFiles, ensure_development_identity
from xmppd.net.roots import Roots
from xmppd.testing.collaborators import NOON


@cache
def _directory(authority: str) -> "TemporaryDirectory[str]":
    return TemporaryDirectory(prefix=f"xmppd-{authority}-")


@cache
def issued(domains: tuple[str, ...], authority: str = "authority") -> DevelopmentFiles:
    """Return the files of a certificate for these domains, the same for the whole process.

    Authorities of different names do not know each other.
    """
    now = datetime.fromtimestamp(NOON, UTC)
    return ensure_development_identity(Path(_directory(authority).name), domains, now)


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
