"""TLS for the connections we accept: certificates by SNI, ALPN, one policy (RFC 6120 section 5).

Policy follows RFC 7590 and RFC 9325: TLS 1.2 with forward secret AEAD suites or TLS 1.3; no
compression, renegotiation, resumption or early data. Direct TLS follows XEP-0368.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, ISystemHandle
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import Interface, implementer

from xmppd.net.bindings import channel_bindings
from xmppd.net.certificates import CertificateError, Identity

CIPHERS_TLS12 = (
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
)
"""The suites of TLS 1.2, the preferred first (RFC 9325 section 4.2)."""

# COMPAT(types-pyOpenSSL): a name it does not know; OpenSSL's ABI fixes the value.
_OP_NO_RENEGOTIATION = 1 << 30
_OPTIONS = (
    SSL.OP_CIPHER_SERVER_PREFERENCE
    | SSL.OP_NO_COMPRESSION
    | SSL.OP_NO_TICKET
    | _OP_NO_RENEGOTIATION
)
_VERIFY_DEPTH = 8
_NO_RENEGOTIATION = 0x0164  # OpenSSL's code for that alert at level warning

_log = Logger()


class ServerContexts:
    """The TLS side of one listening role (clients or servers, STARTTLS or direct TLS).

    - `identities`: what to show, by host (lower-case A-label).
    - `default`: the host whose certificate those get who name no host, or none of ours. The
      handshake goes on, other than RFC 9325 section 3.7 has it, so that the stream can answer
      `host-unknown`: it knows the name from `TlsFacts.server_name`.
    - `protocols`: the ALPN names served, the preferred first. Whoever offers only others is
      refused; no offer at all is fine. Leave it empty for STARTTLS, where ALPN is ignored.
    - `request_certificates`: ask clients for a certificate. Whatever they answer, the handshake
      goes on: see `xmppd.net.client_certificates`.

    Raises ValueError when `default` has no identity, `CertificateError` when OpenSSL does not
    take a certificate.
    """

    def __init__(
        self,
        identities: Mapping[str, Identity],
        default: str,
        protocols: Sequence[str] = (),
        request_certificates: bool = False,
    ) -> None:
        self._protocols = tuple(name.encode("ascii") for name in protocols)
        self._request_certificates = request_certificates
        self._refusing = SSL.Context(SSL.TLS_SERVER_METHOD)
        self.replace(identities, default)

    def replace(self, identities: Mapping[str, Identity], default: str) -> None:
        """Show other certificates from now on; running connections keep what they have.

        If it raises (as the constructor does), nothing has changed.
        """
        if default not in identities:
            raise ValueError(f"no identity for the default host {default!r}")
        made = {one: self._context(one) for one in dict.fromkeys(identities.values())}
        self._by_host = {host: made[one] for host, one in identities.items()}
        self._default = self._by_host[default]

    def creator(self, host: str = "") -> "ConnectionCreator":
        """Return what Twisted's `startTLS` and `TLSMemoryBIOFactory` take.

        Without SNI, or with one that is not ours, the connection shows the certificate of `host`
        (the stream's `to`, RFC 6120 section 5.4.3.1 rule 4), else the default one.
        """
        return ConnectionCreator(self, host)

    def connection(self, host: str) -> SSL.Connection:
        """Return a new connection that shows the certificate of `host` unless SNI says else."""
        return _Connection(self._by_host.get(host, self._default))

    def _context(self, identity: Identity) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        apply_policy(context)
        context.set_tlsext_servername_callback(self._choose)
        if self._protocols:
            context.set_alpn_select_callback(self._select)
        if self._request_certificates:
            # A connection takes its verify mode from the context it was made with and keeps it
            # when SNI changes the context; all contexts of one role have the same.
            context.set_verify(SSL.VERIFY_PEER, _go_on)
            context.set_verify_depth(_VERIFY_DEPTH)
        show(context, identity)
        return context

    def _choose(self, connection: SSL.Connection) -> None:
        """Change to the context of the host the client named."""
        try:
            context = self._by_host.get(_host(connection.get_servername()))
            if context is not None:
                connection.set_context(context)
        except Exception:
            _log.failure("choosing a certificate failed; the connection is refused")
            # pyOpenSSL would print a traceback of its own for what is raised here; a context
            # without a certificate ends the handshake as surely.
            connection.set_context(self._refusing)

    def _select(self, connection: SSL.Connection, offered: list[bytes]) -> bytes:
        """Pick a protocol (RFC 7301 section 3.2)."""
        chosen = None
        try:
            chosen = self._pick(offered)
        except Exception:
            _log.failure("choosing a protocol failed; the connection is refused")
        if chosen is None:
            # Raising is how pyOpenSSL sends no_application_protocol, and its own Error is what
            # Twisted takes as a failed handshake.
            raise SSL.Error([("SSL routines", "", "no application protocol")])
        return chosen

    def _pick(self, offered: list[bytes]) -> bytes | None:
        return next((name for name in self._protocols if name in offered), None)


class _Connection(SSL.Connection):
    """A connection that keeps the context it was made with.

    pyOpenSSL lets go of it when SNI changes the context, from within a callback that belongs to
    it: were it the last to hold it, as after `replace`, the process would crash.
    """

    def __init__(self, context: SSL.Context) -> None:
        super().__init__(context, None)
        self._made_with = context


@implementer(IOpenSSLServerConnectionCreator)
class ConnectionCreator:
    """Makes a connection of `ServerContexts` for each transport that asks."""

    __slots__ = ("_contexts", "_host")

    def __init__(self, contexts: ServerContexts, host: str) -> None:
        self._contexts = contexts
        self._host = host

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Return a new connection with the certificates of this moment."""
        return self._contexts.connection(self._host)


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What a finished handshake came to.

    `version` and `cipher` are OpenSSL's names ("TLSv1.3"); `alpn` and `server_name` (SNI,
    lower-case) are "" if there were none; `peer_chain` is what the peer presented, in DER, leaf
    first, and proves nothing yet; `bindings` are those of `channel_bindings`.
    """

    version: str
    cipher: str
    alpn: str
    server_name: str
    peer_chain: tuple[bytes, ...] = field(repr=False)
    bindings: Mapping[str, bytes] = field(repr=False)


class ITellsTlsFacts(Interface):
    """A transport that says itself what its handshake came to; those of tests may have had none."""

    def tls_facts() -> TlsFacts | None:
        """Return the facts, None while it is not under TLS."""


def tls_facts(transport: object) -> TlsFacts | None:
    """Return the facts of a transport, None while it is not (or no longer) under TLS.

    Any transport will do. Call it once after the handshake and keep what is needed: each call
    computes all of it.
    """
    if ITellsTlsFacts.providedBy(transport):
        facts: TlsFacts | None = transport.tls_facts()
        return facts
    if not ISystemHandle.providedBy(transport):
        return None
    connection = transport.getHandle()
    if not isinstance(connection, SSL.Connection) or connection.get_peer_finished() is None:
        return None
    return TlsFacts(
        version=connection.get_protocol_version_name(),
        cipher=connection.get_cipher_name() or "",
        alpn=connection.get_alpn_proto_negotiated().decode("ascii"),
        server_name=_host(connection.get_servername()),
        peer_chain=_peer_chain(connection),
        bindings=channel_bindings(connection),
    )


def _peer_chain(connection: SSL.Connection) -> tuple[bytes, ...]:
    """Return the peer's certificates; OpenSSL keeps a client's leaf apart from the rest."""
    leaf = connection.get_peer_certificate()
    if leaf is None:
        return ()
    chain = [leaf, *(connection.get_peer_cert_chain() or ())]
    # By a server's chain there is the leaf already.
    return tuple(dict.fromkeys(crypto.dump_certificate(crypto.FILETYPE_ASN1, one) for one in chain))


def _host(name: bytes | None) -> str:
    """Return an SNI name as our hosts are written; what is not ASCII becomes none of ours."""
    return (name or b"").decode("ascii", "replace").lower().rstrip(".")


def apply_policy(context: SSL.Context) -> None:
    """Set what all our connections have in common, whoever begins them."""
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(":".join(CIPHERS_TLS12).encode("ascii"))
    context.set_options(_OPTIONS)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_info_callback(_close_on_renegotiation)


def show(context: Any, identity: Identity) -> None:
    """Give `context` the certificates and key of `identity`; raises `CertificateError`.

    COMPAT(types-pyOpenSSL): typed loosely, as that package knows only the deprecated arguments.
    """
    try:
        context.use_certificate(identity.chain[0])
        for intermediate in identity.chain[1:]:
            context.add_extra_chain_cert(intermediate)
        context.use_privatekey(identity.key)
    except SSL.Error as error:
        raise CertificateError(
            f"{identity.chain_file}: OpenSSL refuses this certificate or its key ({_why(error)}); "
            "use one with a stronger key and signature."
        ) from None


def _why(error: SSL.Error) -> str:
    return "; ".join(reason for _, _, reason in error.args[0])


def _go_on(*certificate: object) -> bool:
    """Accept any certificate for the time of the handshake."""
    return True


def _close_on_renegotiation(connection: SSL.Connection, where: int, code: int) -> None:
    """Close the TCP connection of a client that wants to renegotiate (RFC 6120 section 5.3.5)."""
    if where != SSL.SSL_CB_WRITE_ALERT or code != _NO_RENEGOTIATION:
        return
    try:
        connection.get_app_data().transport.abortConnection()
    except Exception:
        _log.failure("closing a connection that asked for renegotiation failed")
