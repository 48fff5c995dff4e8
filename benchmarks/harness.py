"""A whole server without sockets, and clients that log in to it."""

import base64
import re
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock
from zope.interface import implementer

from twisted.plugins import xmppd_builtin
from xmppd.api.host import IWorkers
from xmppd.c2s.factory import ClientFactory
from xmppd.server.assemble import build
from xmppd.server.collaborators import Collaborators
from xmppd.server.config import (
    HostConfig,
    LimitsConfig,
    SaslConfig,
    ServerConfig,
    StorageConfig,
    TlsConfig,
)
from xmppd.server.inventory import Inventory
from xmppd.service.collaborators import SystemEntropy, SystemWall
from xmppd.stanza.jid import JID
from xmppd.testing.connector import FakeConnector
from xmppd.testing.resolver import FixedResolver

HEADER = (
    b"<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client'"
    b" xmlns:stream='http://etherx.jabber.org/streams'>"
)
BIND = b"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq><presence/>"
_JID = re.compile(rb"<jid>([^<]+)</jid>")


@implementer(IWorkers)
class Inline:
    """Does work at once."""

    def run(self, function: Any, *args: Any) -> "Deferred[Any]":
        """Call `function(*args)`."""
        return execute(function, *args)


class Sink:
    """A transport that counts what is written and keeps only the last of it."""

    def __init__(self) -> None:
        self.count = 0
        self.size = 0
        self.last = b""

    def write(self, data: bytes) -> None:
        """Count a write."""
        self.count += 1
        self.size += len(data)
        self.last = data

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """Never ask for a pause."""

    def unregisterProducer(self) -> None:
        """There is nothing to forget."""

    def pauseProducing(self) -> None:
        """There is nothing to pause."""

    def resumeProducing(self) -> None:
        """There is nothing to resume."""

    def loseConnection(self) -> None:
        """Say so: no benchmark loses a connection."""
        raise AssertionError(self.last)


class Client:
    """One connection, logged in and available."""

    def __init__(self, bench: "Bench", name: str) -> None:
        self.transport = Sink()
        protocol: Any = bench.factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 5222))
        protocol.makeConnection(self.transport)
        self.receives = protocol.dataReceived
        self.protocol = protocol
        self.receives(HEADER)
        plain = base64.b64encode(f"\0{name}\0secret".encode())
        self.receives(
            b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%b</auth>" % plain
        )
        self.receives(HEADER)
        self.receives(BIND)
        bench.turn()
        found = _JID.search(self.transport.last)
        assert found is not None, self.transport.last
        self.jid = JID.parse(found[1].decode())
        self.transport.count = self.transport.size = 0


class Bench:
    """The server, its accounts made as clients ask for them."""

    def __init__(self) -> None:
        self.clock = Clock()
        outside = Collaborators(
            self.clock,
            SystemWall(),
            SystemEntropy(),
            Inline(),
            self.clock.callLater,
            FixedResolver(),
            FakeConnector(),
        )
        config = ServerConfig(
            hosts=(HostConfig("localhost"),),
            data=Path(),
            tls=TlsConfig(required=False),
            storage=StorageConfig("memory"),
            limits=LimitsConfig(
                connections_per_address=1_000_000, unauthenticated_per_address=1_000_000
            ),
            sasl=SaslConfig(iterations=4096, plain_without_tls=True),
        )
        self.server = build(config, Inventory.of(vars(xmppd_builtin).values()), outside)
        self.server.open_storage()
        self.factory = ClientFactory(self.server.clients)

    def turn(self) -> None:
        """Let one reactor turn pass."""
        self.clock.advance(0)

    def account(self, name: str) -> None:
        """Create an account."""
        self.server.hosts["localhost"].passwords.create(name, "secret")
        self.turn()

    def client(self, name: str) -> Client:
        """Create an account and log in."""
        self.account(name)
        return Client(self, name)
