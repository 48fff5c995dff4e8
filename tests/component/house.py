"""A whole server in memory with components on string transports, on virtual time."""

from dataclasses import replace
from hashlib import sha1
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

from twisted.internet.address import IPv4Address
from twisted.internet.protocol import connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.c2s.reading import Reader, check_alike
from tests.c2s.texts import stream_error
from twisted.plugins import xmppd_builtin
from xmppd.api.registrations import Registration
from xmppd.api.sessions import SessionRecord
from xmppd.component.factory import ComponentFactory
from xmppd.component.protocol import ComponentProtocol
from xmppd.makers import StoreMaker
from xmppd.server.assemble import build
from xmppd.server.collaborators import Collaborators
from xmppd.server.config import (
    ComponentConfig,
    HostConfig,
    LimitsConfig,
    SaslConfig,
    ServerConfig,
    StorageConfig,
    TlsConfig,
)
from xmppd.server.inventory import Inventory
from xmppd.stanza.jid import JID
from xmppd.testing.collaborators import CountingEntropy, FixedWall, InlineWorkers
from xmppd.testing.connector import FakeConnector
from xmppd.testing.fake_session import FakeSession
from xmppd.testing.resolver import FixedResolver
from xmppd.wire.namespaces import COMPONENT, STREAMS

HOST = "capulet.example"
PLAYS, IRC = f"plays.{HOST}", "irc.example"
SECRET = "verona's fair"
JULIET = f"juliet@{HOST}/balcony"


def opening(to: str = PLAYS, more: str = "") -> str:
    """Return a component's stream header."""
    addressed = f"to='{to}'" if to else ""
    return f"<stream:stream xmlns='{COMPONENT}' xmlns:stream='{STREAMS}' {addressed} {more}>"


def handshake(id: str, secret: str = SECRET) -> str:
    """Return what proves that a component knows the secret."""
    return f"<handshake>{sha1((id + secret).encode()).hexdigest()}</handshake>"


class Wire(StringTransport):
    """A transport that takes what it is given unless it is told not to."""

    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True
        self.disconnecting = True


class Component:
    """A component: a connection, and a reader of what comes over it."""

    def __init__(self, house: "House", address: str) -> None:
        self.house = house
        self.reader = Reader()
        self.wire = Wire()
        made = ComponentFactory(house.server.components).buildProtocol(
            IPv4Address("TCP", address, 40000)
        )
        self.refused = made is None
        if made is not None:
            assert isinstance(made, ComponentProtocol)
            self.protocol = made
            made.makeConnection(self.wire)

    def sends(self, *texts: str) -> None:
        """Send text and let the server act on it."""
        for text in texts:
            self.protocol.dataReceived(text.encode())
        self.house.turn()

    def logs_in(self, domain: str = PLAYS, secret: str = SECRET) -> None:
        """Open the stream and prove to be that component."""
        self.sends(opening(domain))
        self.read()
        self.sends(handshake(self.reader.header["id"], secret))

    def stops_reading(self) -> None:
        """Take nothing any more."""
        self.wire.producer.pauseProducing()  # type: ignore[union-attr]  # the writer is one

    def reads_again(self) -> None:
        """Go on taking what comes."""
        self.wire.producer.resumeProducing()  # type: ignore[union-attr]  # the writer is one
        self.house.turn()

    def read(self) -> None:
        """Parse what has come; it must be well-formed."""
        data = self.wire.value()
        self.wire.clear()
        if data:
            self.reader.feed(data)

    def takes(self) -> list[Any]:
        """Return the elements that have come since the last look."""
        self.read()
        taken, self.reader.elements = self.reader.elements, []
        return taken

    def receives(self, *expected: str) -> None:
        """Fail unless exactly this has come; texts are as on a client's stream but for the name."""
        wanted = [element for text in expected for element in of_component(text)]
        check_alike(self.house.case, wanted, self.takes())

    def fails_with(self, condition: str) -> None:
        """Fail unless the stream has ended with that error, behind nothing else."""
        self.receives(stream_error(condition))
        self.house.case.assertTrue(self.reader.ended)

    def hangs_up(self) -> None:
        """Lose the connection."""
        self.protocol.connectionLost(connectionDone)
        self.house.turn()


def of_component(text: str) -> list[Any]:
    """Parse elements as they stand on a component's stream."""
    return list(fromstring(f"<root xmlns='{COMPONENT}' xmlns:stream='{STREAMS}'>{text}</root>"))


class House:
    """The server."""

    def __init__(self, case: SynchronousTestCase, components: Any = (), **limits: Any) -> None:
        self.case = case
        self.clock = Clock()
        self.wall = FixedWall()
        outside = Collaborators(
            self.clock,
            self.wall,
            CountingEntropy(),
            InlineWorkers(),
            lambda function, *arguments: function(*arguments),
            FixedResolver(),
            FakeConnector(),
        )
        config = ServerConfig(
            hosts=(HostConfig(HOST), HostConfig("montague.example")),
            components=components
            or (ComponentConfig(PLAYS, SECRET), ComponentConfig(IRC, SECRET, listed=False)),
            data=Path("/nowhere"),
            tls=TlsConfig(required=False),
            sasl=SaslConfig(iterations=4096),
            storage=StorageConfig("simulated"),
            limits=replace(LimitsConfig(), **limits),
        )
        store = StoreMaker("simulated", "tests.c2s.house.simulated")
        inventory = Inventory.of((*vars(xmppd_builtin).values(), store), ("xmppd",))
        self.server = build(config, inventory, outside)
        self.server.load_certificates()
        self.server.open_storage()
        self.server.start()
        case.addCleanup(self.server.components.abandon)

    def turn(self) -> None:
        """Let the reactor's turn end, and what follows at once."""
        for _ in range(3):
            self.clock.advance(0)

    def passes(self, seconds: float) -> None:
        """Let time go by, a second at a time."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.turn()

    def install(self, *records: Registration) -> None:
        """Install a feature made of these records on the first host."""
        local = self.server.host()
        local.install(f"feature-{len(local.registry.features)}", records)

    def connect(self, address: str = "127.0.0.1") -> Component:
        """Return a component that has connected."""
        return Component(self, address)

    def component(self, domain: str = PLAYS) -> Component:
        """Return a component that has proven itself and seen that it is accepted."""
        component = self.connect()
        component.logs_in(domain)
        component.receives("<handshake/>")
        return component

    def login(self, address: str = JULIET) -> FakeSession:
        """Return a client's session; it needs no account."""
        jid = JID.parse(address)
        domain = self.server.host(jid.domainpart).accounts_domain
        record = SessionRecord(jid, self.server.cluster.node)
        session = FakeSession(jid, record, domain, self.server.clients.gate, self.turn)
        opening: list[object] = []
        domain.open(session).addBoth(opening.append)
        self.turn()
        assert opening == [None], opening
        session.start()
        return session


class ComponentCase(SynchronousTestCase):
    """A test with a house of its own."""

    limits: dict[str, Any] = {}  # noqa: RUF012  # replaced by those who want others, never changed

    def setUp(self) -> None:
        self.house = House(self, **self.limits)
