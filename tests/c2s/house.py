"""A whole server in memory, with clients on real sockets, all turned by hand."""

from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from twisted.protocols import tls
from twisted.trial.unittest import SynchronousTestCase

from tests.c2s.client import Client
from tests.c2s.texts import CAPULET, MONTAGUE, PASSWORD
from tests.net import pki
from tests.net.sockets import Turns
from twisted.plugins import xmppd_builtin
from xmppd.api.registrations import Registration
from xmppd.api.storage import Account
from xmppd.makers import Maker, MechanismMaker, StoreContext, StoreMaker
from xmppd.net.tls import ServerContexts
from xmppd.sasl.exchange import ScramKeys
from xmppd.sasl.scram_keys import HASHES, make_keys
from xmppd.server import assemble
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
from xmppd.stanza.prep import skeleton
from xmppd.storage.simulated import SimulatedStorage
from xmppd.testing.collaborators import CountingEntropy, FixedWall, InlineWorkers
from xmppd.testing.connector import FakeConnector
from xmppd.testing.resolver import FixedResolver

PEOPLE = ("juliet", "nurse", "romeo")
ALPN = "xmpp-client"


def simulated(context: StoreContext) -> SimulatedStorage:
    """Make a storage whose commits take time (see `StoreMaker`)."""
    return SimulatedStorage(context.clock, context.new_id)


@cache
def _keys(password: str) -> dict[str, ScramKeys]:
    """Derive once what takes long; the salt does not matter here."""
    return {hash: make_keys(hash, password, b"sixteen bytes ..", 4096) for hash in HASHES}


@cache
def identities() -> dict[str, pki.Issued]:
    """Return the certificates of both hosts."""
    return {host: pki.server(host) for host in (CAPULET, MONTAGUE)}


def _inventory() -> Inventory:
    makers: list[Maker] = [
        each for each in vars(xmppd_builtin).values() if isinstance(each, MechanismMaker)
    ]
    makers.append(StoreMaker("memory", "xmppd.server.stores.memory"))
    makers.append(StoreMaker("simulated", "tests.c2s.house.simulated"))
    return Inventory.of(makers)


@dataclass
class Setup:
    """How a house differs from the usual one, which asks for no TLS."""

    tls: bool = False
    store: str = "memory"
    conflict: str = "replace"
    sessions: int = 20
    client_ca: Path | None = None
    enable: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)


class House:
    """The server, its accounts, and the sockets of its clients."""

    def __init__(self, case: SynchronousTestCase, setup: Setup | None = None) -> None:
        setup = setup or Setup()
        self.case = case
        self.reactor = Turns()
        # startTLS takes the global reactor for a clock, and this is how Twisted lets tests differ.
        case.patch(tls, "_get_default_clock", lambda: self.reactor)
        self.wall = FixedWall(pki.NOW.timestamp())
        self.entropy = CountingEntropy()
        self.workers = InlineWorkers()
        outside = Collaborators(
            self.reactor,
            self.wall,
            self.entropy,
            self.workers,
            partial(self.reactor.callLater, 0),
            FixedResolver(),
            FakeConnector(),
        )
        self.server = assemble.build(_config(setup), _inventory(), outside)
        self.server.open_storage()
        self.clients = self.server.clients
        self.clients.settings = replace(self.clients.settings, **setup.settings)
        shown = {host: issued.identity() for host, issued in identities().items()}
        asks = setup.client_ca is not None
        self.direct = ServerContexts(shown, CAPULET, (ALPN,), asks)
        if setup.tls:
            self.clients.contexts = ServerContexts(shown, CAPULET, (), asks)
        self.server.start()
        self.ends: list[Client] = []
        for host in (CAPULET, MONTAGUE):
            for name in PEOPLE:
                self.add(name, host)
        self.turn()
        case.addCleanup(self.close)

    def add(self, name: str, host: str = CAPULET, **changes: Any) -> None:
        """Make an account."""
        account = Account(name, skeleton(name), _keys(PASSWORD), 0.0)
        self.server.storage.host(host).accounts.create(replace(account, **changes))

    def install(self, *records: Registration, host: str = CAPULET) -> None:
        """Install a feature made of these records."""
        local = self.server.hosts[host].local
        local.install(f"feature-{len(local.registry.features)}", records)

    # Time.

    def turn(self) -> None:
        """Let all sides talk until nobody has any more to say."""
        quiet = 0
        while quiet < 3:
            self.reactor.turn()
            moved = [end.pump() for end in self.ends]
            quiet = 0 if any(moved) else quiet + 1

    def passes(self, seconds: float) -> None:
        """Let time go by, a second at a time."""
        for _ in range(int(seconds)):
            self.reactor.advance(1)
            self.turn()

    # Clients.

    def connect(self, **how: Any) -> Client:
        """Return a client that has connected; see `Client` for how."""
        client = Client(self, **how)
        self.ends.append(client)
        self.turn()
        return client

    def login(self, name: str = "juliet", resource: str = "balcony", **how: Any) -> Client:
        """Return a client that has logged in and bound a resource."""
        client = self.connect(**how)
        client.logs_in(name)
        client.binds(resource)
        return client

    def close(self) -> None:
        """End all connections, from both sides."""
        ends, self.ends = self.ends, []
        for end in ends:
            end.socket.close()
        self.clients.abandon()
        self.turn()


def _config(setup: Setup) -> ServerConfig:
    return ServerConfig(
        hosts=(HostConfig(CAPULET), HostConfig(MONTAGUE)),
        data=Path(),
        resource_conflict=setup.conflict,  # type: ignore[arg-type]  # a word of the policy's
        tls=TlsConfig(required=setup.tls, client_ca=setup.client_ca),
        limits=LimitsConfig(sessions_per_account=setup.sessions),
        storage=StorageConfig(setup.store),
        sasl=SaslConfig(
            enable=setup.enable,
            disable=setup.disable,
            iterations=4096,
            plain_without_tls=not setup.tls,
        ),
    )


class HouseCase(SynchronousTestCase):
    """A test with a house of its own, as `setup` describes it."""

    setup = Setup()

    def setUp(self) -> None:
        self.house = House(self, self.setup)
