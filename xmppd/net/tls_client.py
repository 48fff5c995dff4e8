"""TLS for the connections we make to other servers (RFC 6120 section 5, XEP-0368).

The policy is that of `xmppd.net.tls`. Whatever certificate the other side shows, the handshake goes
on: it is judged afterwards, when it can be said what is wrong with it.
"""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from xmppd.net.certificates import Identity
from xmppd.net.tls import apply_policy, show


class ClientContexts:
    """The TLS side of the connections a server makes.

    - `identities`: the certificate to show, by our domain (lower-case A-label).
    - `protocol`: the ALPN name that is asked for where TLS begins at once.

    Raises `CertificateError` when OpenSSL does not take a certificate.
    """

    def __init__(self, identities: Mapping[str, Identity], protocol: str) -> None:
        self._protocol = protocol.encode("ascii")
        self._identities = dict(identities)
        self._contexts = {
            (identity, direct): self._context(identity, direct)
            for identity in (None, *dict.fromkeys(self._identities.values()))
            for direct in (False, True)
        }

    def creator(
        self, local: str, remote: str, *, direct: bool = False, certificate: bool = True
    ) -> "ClientCreator":
        """Return what Twisted's `startTLS` takes for a connection from a domain of ours to another.

        - `direct`: whether TLS is the first thing on the connection (XEP-0368).
        - `certificate`: whether to show our certificate if the other side asks for it.
        """
        identity = self._identities.get(local) if certificate else None
        return ClientCreator(self._contexts[identity, direct], _server_name(remote))

    def has(self, local: str) -> bool:
        """Tell whether there is a certificate for a domain of ours."""
        return local in self._identities

    def _context(self, identity: Identity | None, direct: bool) -> SSL.Context:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        apply_policy(context)
        if direct:
            context.set_alpn_protos([self._protocol])
        if identity is not None:
            show(context, identity)
        return context


@implementer(IOpenSSLClientConnectionCreator)
class ClientCreator:
    """Makes a connection of `ClientContexts` for each transport that asks."""

    __slots__ = ("_context", "_server_name")

    def __init__(self, context: SSL.Context, server_name: bytes) -> None:
        self._context = context
        self._server_name = server_name

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Return a new connection."""
        connection = SSL.Connection(self._context, None)
        if self._server_name:
            connection.set_tlsext_host_name(self._server_name)
        return connection


def covering(domains: Iterable[str], identities: Mapping[str, Identity]) -> dict[str, Identity]:
    """Return the certificate to use for each domain, of those that hosts have.

    A domain without one of its own gets that of the host it is a subdomain of, if it is valid for
    it, or of any other for which that holds; domains nothing is valid for are left out.
    """
    found = dict(identities)
    for domain in domains:
        if domain in found:
            continue
        parents = [name for name in identities if domain.endswith(f".{name}")]
        nearest = sorted(parents, key=len, reverse=True)
        for name in (*nearest, *identities):
            if identities[name].covers(domain):
                found[domain] = identities[name]
                break
    return found


def tls_failure(error: BaseException | None) -> str:
    """Return why OpenSSL has ended a connection, in its words; "" if it has not."""
    if not isinstance(error, SSL.Error):
        return ""
    reasons = [reason for _, _, reason in error.args[0]] if error.args else []
    return "; ".join(reasons) or "TLS was ended without a reason"


def _server_name(domain: str) -> bytes:
    """Return the name for SNI; an IP address has none (RFC 6066 section 3)."""
    try:
        ip_address(domain.removeprefix("[").removesuffix("]"))
    except ValueError:
        return domain.encode("ascii", "ignore")
    return b""
