"""A server under test and a client, joined in memory by real TLS."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import (
    IHandshakeListener,
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport, IOPump, connect
from zope.interface import implementer

from tests.net.pki import Issued
from xmppd.net.tls import TlsFacts, tls_facts

VERSIONS = (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION)


@implementer(IHandshakeListener)
class Peer(Protocol):
    """One end: what it received, and how its connection ended."""

    def __init__(self) -> None:
        self.received = b""
        self.shaken = False
        self.lost: Failure | None = None

    def handshakeCompleted(self) -> None:
        self.shaken = True

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason

    def send(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


@implementer(IOpenSSLClientConnectionCreator)
@dataclass
class Client:
    """A TLS client made to order; `verified` counts the certificates it was shown."""

    server_name: bytes = b""
    protocols: Sequence[bytes] = ()
    shows: Issued | None = None
    lowest: int = SSL.TLS1_2_VERSION
    highest: int = SSL.TLS1_3_VERSION
    ciphers: bytes = b"DEFAULT@SECLEVEL=0"
    session: SSL.Session | None = None
    context: Any = None
    verified: int = 0

    def __post_init__(self) -> None:
        self.context = self.context or self._make_context()
        self.connection = SSL.Connection(self.context, None)
        if self.server_name:
            self.connection.set_tlsext_host_name(self.server_name)
        if self.session is not None:
            self.connection.set_session(self.session)

    def _make_context(self) -> Any:
        context: Any = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(self.lowest)
        context.set_max_proto_version(self.highest)
        context.set_cipher_list(self.ciphers)
        context.set_verify(SSL.VERIFY_PEER, self._seen)
        if self.protocols:
            context.set_alpn_protos(list(self.protocols))
        if self.shows is not None:
            context.use_certificate(self.shows.certificate)
            for one in self.shows.above:
                context.add_extra_chain_cert(one)
            context.use_privatekey(self.shows.key)
        return context

    def _seen(self, *certificate: object) -> bool:
        self.verified += 1
        return True

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        return self.connection

    @property
    def shown(self) -> bytes | None:
        """The server's certificate in DER."""
        certificate = self.connection.get_peer_certificate()
        if certificate is None:
            return None
        return crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)


@dataclass
class Pair:
    """Both ends after as much of a handshake as they came to."""

    server: Peer
    client: Peer
    tls: Client
    pump: IOPump

    @property
    def complete(self) -> bool:
        return self.server.shaken and self.client.shaken and self.server.lost is None

    @property
    def facts(self) -> TlsFacts:
        facts = tls_facts(self.server.transport)
        assert facts is not None
        return facts

    def refusal(self) -> str:
        """Why the client thinks the connection failed: OpenSSL's name for the alert."""
        assert self.client.lost is not None
        return str(self.client.lost.value)

    def exchange(self, testing: Callable[[object, object], object]) -> None:
        """See that bytes go both ways."""
        self.server.send(b"to client")
        self.client.send(b"to server")
        self.pump.flush()
        testing((self.server.received, self.client.received), (b"to server", b"to client"))
        self.server.received = self.client.received = b""


def join(creator: IOpenSSLServerConnectionCreator, tls: Client | None = None) -> Pair:
    """Join a direct TLS server to a client and let them talk until they have no more to say."""
    tls = tls or Client()
    clock = MemoryReactorClock()
    factory = Factory.forProtocol(Peer)
    server = TLSMemoryBIOFactory(creator, False, factory, clock).buildProtocol(None)
    client = TLSMemoryBIOFactory(tls, True, factory, clock).buildProtocol(None)
    ends = [cast(Peer, end.wrappedProtocol) for end in (server, client)]
    pump = connect(server, FakeTransport(server, True), client, FakeTransport(client, False))
    pump.clock = clock
    pump.flush()
    return Pair(ends[0], ends[1], tls, pump)
