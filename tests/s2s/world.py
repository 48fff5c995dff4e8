"""Whole servers that talk to each other in one process, and others played by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

from OpenSSL import crypto
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory
from twisted.internet.protocol import connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.c2s.reading import Reader, check_alike
from tests.net.pki import NOW, Issued, Order, authority, issue, write
from tests.s2s.wires import Network, Wire, join
from twisted.plugins import xmppd_builtin
from xmppd.api.network import SrvRecord
from xmppd.api.sessions import SessionRecord
from xmppd.makers import StoreContext, StoreMaker
from xmppd.net.roots import Roots
from xmppd.s2s.factory import ServerFactory
from xmppd.s2s.service import ServerService
from xmppd.server.assemble import Server, build
from xmppd.server.collaborators import Collaborators
from xmppd.server.config import (
    ComponentConfig,
    HostConfig,
    SaslConfig,
    ServerConfig,
    ServersConfig,
    StorageConfig,
    TlsConfig,
)
from xmppd.server.inventory import Inventory
from xmppd.stanza.jid import JID
from xmppd.storage.simulated import SimulatedStorage
from xmppd.testing.collaborators import CountingEntropy, FixedWall, InlineWorkers
from xmppd.testing.fake_session import FakeSession
from xmppd.testing.resolver import FixedResolver
from xmppd.wire.namespaces import DIALBACK, SERVER, STREAMS

CAPULET, MONTAGUE = "capulet.example", "montague.example"
ADDRESSES = {CAPULET: "203.0.113.1", MONTAGUE: "203.0.113.2"}
STORE = StoreMaker("simulated", "tests.s2s.world.stored")
INVENTORY = Inventory.of((*vars(xmppd_builtin).values(), STORE), ("xmppd",))


def opening(to: str = CAPULET, from_: str = MONTAGUE, more: str = "version='1.0'") -> str:
    """Return another server's stream header."""
    who = f"from='{from_}'" if from_ else ""
    return (
        f"<?xml version='1.0'?><stream:stream xmlns='{SERVER}' xmlns:stream='{STREAMS}'"
        f" xmlns:db='{DIALBACK}' to='{to}' {who} {more}>"
    )


def certificate(*hosts: str) -> Issued:
    """Return a certificate for servers only, of the authority all servers here believe."""
    return issue(Order(hosts=hosts), authority())


_left: dict[Path, SimulatedStorage] = {}


def stored(context: StoreContext) -> SimulatedStorage:
    """Make a storage whose commits take time, over what a crash has left in the directory."""
    left = _left.pop(context.data, None)
    return SimulatedStorage(context.clock, context.new_id) if left is None else left


class World:
    """A clock, a network and a DNS, and the servers in it."""

    def __init__(self, case: SynchronousTestCase) -> None:
        self.case = case
        self.clock = Clock()
        self.wall = FixedWall(NOW.timestamp())
        self.network = Network(case, self.clock)
        self.resolver = FixedResolver()
        self.servers: dict[str, Server] = {}
        believed = Roots([crypto.X509.from_cryptography(authority().certificate)])
        case.patch(Roots, "of_system", staticmethod(lambda: believed))

    def publish(self, domain: str, address: str, *, direct: bool = False) -> None:
        """Let the DNS say where a domain is."""
        kind, port = ("xmpps", 5270) if direct else ("xmpp", 5269)
        host = f"xmpp.{domain}"
        self.resolver.services[f"_{kind}-server._tcp.{domain}"] = [SrvRecord(0, 0, port, host)]
        self.resolver.hosts[host] = [address]

    def server(
        self,
        domain: str,
        *,
        certified: Issued | None = None,
        data: Path | None = None,
        components: tuple[ComponentConfig, ...] = (),
        **settings: Any,
    ) -> Server:
        """Return a server that has been started, listens, and is in the DNS."""
        folder = Path(self.case.mktemp()) if data is None else data
        folder.mkdir(exist_ok=True)
        chain, key = write(folder, certified or certificate(domain))
        config = ServerConfig(
            hosts=(HostConfig(domain),),
            components=components,
            data=folder,
            tls=TlsConfig(certificate=chain, key=key),
            sasl=SaslConfig(iterations=4096),
            storage=StorageConfig("simulated"),
            s2s=replace(ServersConfig(), **settings),
        )
        outside = Collaborators(
            self.clock,
            self.wall,
            Entropy(domain),
            InlineWorkers(),
            lambda function, *arguments: function(*arguments),
            self.resolver,
            self.network,
        )
        server = build(config, INVENTORY, outside)
        server.load_certificates()
        address = ADDRESSES[domain]
        for spec in server.ports():
            self.network.listening[address, spec.port] = spec.factory
        self.publish(domain, address)
        server.open_storage()
        server.start()
        self.servers[domain] = server
        self.case.addCleanup(service(server).abandon)
        return server

    def storage(self, domain: str) -> SimulatedStorage:
        """Return a server's disk."""
        storage = self.servers[domain].storage
        assert isinstance(storage, SimulatedStorage)
        return storage

    def crash(self, domain: str) -> Path:
        """End a server without a word; return its directory, for one that comes after it."""
        server = self.servers.pop(domain)
        storage = server.storage
        assert isinstance(storage, SimulatedStorage)
        _left[server.config.data] = storage.crash()
        for wires in self.network.wires:
            for near, far in (wires, wires[::-1]):
                if _is_of(near.protocol, server):
                    near.connected = False
                    self.clock.callLater(0, far.over, _lost())
        service(server)._sweep.stop()
        self.turn()
        return server.config.data

    def turn(self, count: int = 60) -> None:
        """Let everybody talk until there is no more to say."""
        for _ in range(count):
            self.clock.advance(0)

    def passes(self, seconds: float) -> None:
        """Let time go by, a second at a time."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.wall.seconds += 1
            self.turn(10)

    def login(self, address: str) -> FakeSession:
        """Return a client's session; it needs no account."""
        jid = JID.parse(address)
        server = self.servers[jid.domainpart]
        domain = server.host(jid.domainpart).accounts_domain
        record = SessionRecord(jid, server.cluster.node)
        session = FakeSession(jid, record, domain, server.clients.gate, self.turn)
        opened: list[object] = []
        domain.open(session).addBoth(opened.append)
        self.turn()
        assert opened == [None], opened
        session.start()
        return session


class Entropy(CountingEntropy):
    """Values that no two servers share."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def token(self) -> str:
        return f"{super().token()}-{self._name.partition('.')[0]}"

    def token_bytes(self, count: int) -> bytes:
        made = super().token_bytes(count)
        return made if count < 16 else self._name.encode()[:8].ljust(8, b".") + made[8:]


def _lost() -> Failure:
    return Failure(ConnectionLost())  # type: ignore[no-untyped-call]  # untyped in Twisted


def _is_of(protocol: Any, server: Server) -> bool:
    inner = getattr(protocol, "wrappedProtocol", protocol)
    return getattr(inner, "_around", None) is service(server).around


def service(server: Server) -> ServerService:
    """Return a server's traffic with others."""
    assert server.servers is not None
    return server.servers


class Peer:
    """Another server, played by hand: a protocol that reads, and is told what to send."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.reader = Reader()
        self.raw = b""
        self.wire: Wire
        self.transport: Any = None
        self.lost: Failure | None = None
        self.shaken = False

    # IProtocol.

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport

    def dataReceived(self, data: bytes) -> None:
        self.raw += data
        self.reader.feed(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason

    # What it does.

    def sends(self, *texts: str) -> None:
        """Send text and let the server act on it."""
        for text in texts:
            self.transport.write(text.encode())
        self.world.turn()

    def begin_tls(self, creator: Any, before: str = "") -> None:
        """Speak TLS from here on; `before` is the last thing in clear."""
        self.transport.write(before.encode())
        self.transport.startTLS(creator)
        self.world.turn()

    def takes(self) -> list[Element]:
        """Return the elements that have come since the last look."""
        taken, self.reader.elements = self.reader.elements, []
        return taken

    def receives(self, *expected: str) -> None:
        """Fail unless exactly this has come (see `alike`)."""
        wanted = [element for text in expected for element in parse(text)]
        check_alike(self.world.case, wanted, self.takes())

    @property
    def id(self) -> str:
        """The id of the stream."""
        return self.reader.header["id"]


def parse(text: str) -> list[Element]:
    """Parse elements as they stand on a stream between servers."""
    return list(
        fromstring(
            f"<root xmlns='{SERVER}' xmlns:stream='{STREAMS}' xmlns:db='{DIALBACK}'>{text}</root>"
        )
    )


def connect(world: World, to: str = CAPULET, *, address: str = "198.51.100.7") -> Peer:
    """Return another server that has connected to one of the world's."""
    peer = Peer(world)
    factory = ServerFactory(service(world.servers[to]))
    answers = factory.buildProtocol(type("Address", (), {"host": address})())
    assert answers is not None
    peer.wire, _ = join(world.clock, peer, answers, address)  # type: ignore[arg-type]
    return peer


@implementer(IProtocolFactory)
class Listening:
    """A port at which peers played by hand answer."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.peers: list[Peer] = []

    def doStart(self) -> None:
        pass

    def doStop(self) -> None:
        pass

    def buildProtocol(self, addr: IAddress | None) -> IProtocol | None:
        self.peers.append(Peer(self.world))
        return self.peers[-1]  # type: ignore[return-value]  # enough of a protocol


class WorldCase(SynchronousTestCase):
    """A test with a world of its own."""

    def setUp(self) -> None:
        self.world = World(self)
