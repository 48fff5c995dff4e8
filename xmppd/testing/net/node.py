"""A whole server on a machine of its own, which can be stopped, killed and started again."""

from collections.abc import Callable
from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from twisted.plugins import xmppd_builtin
from xmppd.api.host import IEntropy
from xmppd.makers import StoreMaker
from xmppd.server.assemble import Server, build
from xmppd.server.collaborators import Collaborators
from xmppd.server.config import ServerConfig
from xmppd.server.inventory import Inventory
from xmppd.testing.collaborators import InlineWorkers
from xmppd.testing.net.certificates import believed, chain_of
from xmppd.testing.net.client import NetworkClient
from xmppd.testing.net.dice import Dice
from xmppd.testing.net.machine import Machine
from xmppd.testing.net.names import MachineResolver
from xmppd.testing.net.storage import STORE, Disk
from xmppd.testing.net.time import Call, VirtualWall

INVENTORY = Inventory.of(
    (*vars(xmppd_builtin).values(), StoreMaker(STORE, "xmppd.testing.net.storage.handed"))
)
"""All that comes with xmppd."""

Prepare = Callable[[Server], None]


@implementer(IEntropy)
class DiceEntropy:
    """Unpredictable values that the dice make again in every run."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice

    def token_bytes(self, count: int) -> bytes:
        """Return that many bytes."""
        return self._dice.token_bytes(count)

    def token(self) -> str:
        """Return an id."""
        return self._dice.token_bytes(8).hex()


class Node:
    """A server.

    - `name`: that of its machine; `domains`: those it serves.
    - `server`: the running one, None while it is down; `disk`: its data.
    - `late`: timers that the last server to be stopped has left.
    - `prepare`: called with each server that is made before it starts, to install features.
    """

    def __init__(
        self,
        machine: Machine,
        config: ServerConfig,
        disk: Disk,
        wall: VirtualWall,
        resolver: MachineResolver,
        dice: Dice,
        inventory: Inventory,
    ) -> None:
        self.name = machine.name
        self.machine = machine
        self.domains = tuple(host.name for host in config.hosts)
        self.disk = disk
        self.server: Server | None = None
        self.prepare: Prepare | None = None
        self.clients: list[NetworkClient] = []
        self.late: list[Call] = []
        self._config = config
        self._inventory = inventory
        self._outside = Collaborators(
            machine.clock,
            wall,
            DiceEntropy(dice),
            InlineWorkers(),
            lambda function, *arguments: machine.clock.callLater(0, function, *arguments),
            resolver,
            machine,
        )
        # What is no more is kept: as it goes, its coroutines come to their ends, at a time that is
        # up to Python.
        self._past: list[Server] = []

    def start(self) -> None:
        """Start the server, on what its disk has. Raises what its start raises."""
        if self.server is not None:
            return
        self.machine.dark = False
        storage = replace(self._config.storage, store=STORE, settings=self.disk)
        config = replace(self._config, storage=storage)
        server = build(config, self._inventory, self._outside)
        if self.prepare is not None:
            self.prepare(server)
        server.load_certificates()
        if server.servers is not None:
            server.servers.around.roots = believed()
        self._listen(server)
        server.open_storage()
        server.start()
        self.server = server

    def _listen(self, server: Server) -> None:
        for spec in server.ports():
            factory = spec.factory
            if isinstance(factory, TLSMemoryBIOFactory):

                def certificates(name: str) -> tuple[bytes, ...]:
                    default = next(iter(server.identities.values()))
                    return chain_of(server.identities.get(name, default))

                self.machine.listen(spec.port, factory.wrappedFactory, certificates)
            else:
                self.machine.listen(spec.port, factory)

    def crash(self, *, landed: bool = False, power: bool = False) -> None:
        """Kill the server: what is not committed is lost, and nobody gets to say anything.

        - `landed`: what was being committed has reached the disk all the same.
        - `power`: the machine is gone as well, so that others are not even told that their
          connections are; else its system tells them.
        """
        if self.server is None:
            return
        self._past.append(self.server)
        self.server = None
        for client in self.clients:
            client.drop()
        self.disk = self.disk.crash(landed=landed)
        self.machine.end(silently=power)

    def close(self) -> None:
        """Let go of files: nothing is to be done here any more."""
        close = getattr(self.disk, "close", None)
        if close is not None:
            close()

    def stop(self) -> "Deferred[None]":
        """Stop the server in good order, which takes its time; fires when it is down."""
        server = self.server
        stopping: Deferred[None] = Deferred()
        if server is None:
            stopping.callback(None)
            return stopping
        for client in self.clients:
            client.logout()

        def stopped(_: object) -> None:
            if self.server is server:
                self.late = self.machine.clock.getDelayedCalls()
                self.crash()
            stopping.callback(None)

        server.stop().addCallback(stopped)
        return stopping

    def left(self) -> list[str]:
        """Return what a server that has nothing to do any more should not have, in words."""
        server = self.server
        if server is None:
            return []
        servers = server.servers
        sessions = [
            str(record.jid)
            for domain in self.domains
            for record in server.host(domain).all_sessions()
        ]
        routes = [] if servers is None else [str(route.pair.remote) for route in servers.outgoing]
        found = {
            "connections": self.machine.connections(),
            "streams": 0 if servers is None else len(servers),
            f"routes ({', '.join(routes)})": len(routes),
            "waiting for storage": len(server.clients.gate),
            "writes not committed": self.disk.tickets.issued - self.disk.tickets.settled,
            f"sessions ({', '.join(sessions)})": len(sessions),
        }
        return [f"{self.name}: {count} {what}" for what, count in found.items() if count]
