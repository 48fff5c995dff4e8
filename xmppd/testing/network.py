"""A network of whole servers in one process, on virtual time, in which everything can go wrong.

A seed makes a run again, to the last byte::

    network = Network(seed=1)
    network.add("a.example")
    network.add("b.example")
    juliet = network.client("juliet@a.example/balcony")
    romeo = network.client("romeo@b.example/orchard")
    network.run(1)
    juliet.send("<message to='romeo@b.example/orchard' type='chat' id='1'><body>O</body></message>")
    network.run(5)
    assert [stanza.id for stanza in romeo.take()] == ["1"]

Servers are put together as in a real process. What is replaced is the world around them: the clock,
connections (`Weather`; TLS is reported, with real certificates of an authority they all believe),
the DNS (`names`), disks, randomness, and clients, who have real sessions and no sockets. Whatever
is done with servers and connections, `run` has it come to something.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet.defer import Deferred

from xmppd.api.network import SrvRecord
from xmppd.api.storage import Account
from xmppd.server.config import (
    HostConfig,
    SaslConfig,
    ServerConfig,
    ServersConfig,
)
from xmppd.server.inventory import Inventory
from xmppd.stanza.jid import JID
from xmppd.stanza.prep import skeleton
from xmppd.storage.simulated import SimulatedStorage
from xmppd.testing.net.certificates import Certificate, flawed, issued
from xmppd.testing.net.client import NetworkClient
from xmppd.testing.net.dice import Dice
from xmppd.testing.net.internet import Internet, Weather
from xmppd.testing.net.machine import Machine, Machines
from xmppd.testing.net.names import MachineResolver, Names
from xmppd.testing.net.node import INVENTORY, Node
from xmppd.testing.net.storage import Disk, SqliteDisk, simulated
from xmppd.testing.net.time import VirtualClock, VirtualWall
from xmppd.testing.net.trace import Trace

__all__ = ["Certificate", "Network", "NetworkClient", "Node", "Weather"]

S2S_PORT, S2S_TLS_PORT = 5269, 5270


class Network:
    """Servers, their clients and what lies between.

    - `clock`: the one clock; `trace`: what has happened, its `text()` for people, its `digest()` to
      compare two runs.
    - `dice`: for whoever wants to draw something; `names`: the DNS.
    - `nodes`: the servers by name; `clients`: everybody, by full JID.

    `seed`: what the run is made of. `bodies`: whether the trace holds the bytes on connections.
    """

    def __init__(self, seed: int | str = 0, *, bodies: bool = False) -> None:
        self.clock = VirtualClock()
        self.trace = Trace(self.clock.seconds, bodies=bodies)
        self.dice = Dice(seed)
        self.names = Names()
        self.nodes: dict[str, Node] = {}
        self.clients: dict[str, NetworkClient] = {}
        self._internet = Internet(self.clock, self.trace, self.dice.fork("internet"))
        self._machines = Machines(self._internet)
        self._by_domain: dict[str, Node] = {}
        self._folders: list[TemporaryDirectory[str]] = []

    @property
    def weather(self) -> Weather:
        """How connections are; set another one at any time."""
        return self._internet.weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        self._internet.weather = weather

    # Who is there.

    def machine(self, name: str) -> Machine:
        """Set up a machine, with whatever is made to listen or connect there."""
        number = len(self._machines.all()) + 1
        return self._machines.add(name, f"203.0.113.{number}", f"2001:db8::{number:x}")

    def add(
        self,
        *domains: str,
        config: ServerConfig | None = None,
        sqlite: bool = False,
        latency: float = 0.005,
        direct_tls: bool = False,
        authority: str = "authority",
        inventory: Inventory = INVENTORY,
        prepare: Callable[[Any], None] | None = None,
    ) -> Node:
        """Start a server for these domains, of whose names the first is its own.

        - `config`: what it is told, but for its hosts, certificates and storage; by default
          `settings()`.
        - `sqlite`: whether its data are in the real SQLite, in a folder that `close` removes, and
          not in memory; `latency`: how many seconds a commit takes.
        - `direct_tls`: whether others are sent to the port of direct TLS first.
        - `authority`: another name for a certificate that nobody else believes.
        - `prepare(server)`: called each time before the server starts.

        Raises `ValueError` for a domain that is there already, or is no host name.
        """
        told = self._told(config or settings(), domains, authority)
        machine = self.machine(domains[0])
        dice = self.dice.fork(machine.name)
        disk = self._disk(machine, dice.fork("disk"), sqlite, latency)
        wall = VirtualWall(self.clock)
        resolver = MachineResolver(self.names, machine.clock, self._internet)
        node = Node(machine, told, disk, wall, resolver, dice, inventory)
        node.prepare = prepare
        self.nodes[node.name] = node
        for domain in domains:
            self._by_domain[domain] = node
            self._announce(domain, machine, direct_tls)
        node.start()
        self.trace.note(node.name, "starts")
        return node

    def _told(self, config: ServerConfig, domains: tuple[str, ...], authority: str) -> ServerConfig:
        """Return a configuration with hosts and certificates. Raises `ValueError`."""
        taken = [domain for domain in domains if domain in self._by_domain]
        if taken or not domains:
            raise ValueError(f"served already: {', '.join(taken)}" if taken else "no domain")
        files = issued(domains, authority)
        hosts = tuple(HostConfig(each, files.chain, files.key) for each in domains)
        return replace(config, hosts=hosts, data=files.ca.parent)

    def _disk(self, machine: Machine, dice: Dice, sqlite: bool, latency: float) -> Disk:
        def new_id() -> str:
            return dice.token_bytes(8).hex()

        if not sqlite:
            return simulated(machine.clock, new_id, latency)
        folder = TemporaryDirectory(prefix="xmppd-network-")
        self._folders.append(folder)
        return SqliteDisk(Path(folder.name), machine.clock, new_id, latency)

    def _announce(self, domain: str, machine: Machine, direct_tls: bool) -> None:
        host = f"xmpp.{domain}"
        self.names.hosts[host] = machine.addresses
        self.names.services[f"_xmpp-server._tcp.{domain}"] = (SrvRecord(5, 0, S2S_PORT, host),)
        if direct_tls:
            record = SrvRecord(1, 0, S2S_TLS_PORT, host)
            self.names.services[f"_xmpps-server._tcp.{domain}"] = (record,)

    def node(self, domain: str) -> Node:
        """Return the server of a domain. Raises `KeyError`."""
        return self._by_domain[domain]

    def client(self, jid: str, *, login: bool = True) -> NetworkClient:
        """Return the client of a full JID, whose account is made if it is not there.

        `login` is whether it logs in at once; it sends no presence. Raises `KeyError` for a domain
        that nobody serves, `RuntimeError` if there is an account to be made and the server is down.
        """
        if jid not in self.clients:
            parsed = JID.parse(jid)
            node = self.node(parsed.domainpart)
            self.account(str(parsed.bare))
            client = NetworkClient(parsed, lambda: node.server, self.trace.note)
            node.clients.append(client)
            self.clients[jid] = client
        client = self.clients[jid]
        if login:
            client.login()
        return client

    def account(self, jid: str) -> None:
        """Make an account, which nobody has a password for, unless it is there."""
        parsed = JID.parse(jid)
        node = self.node(parsed.domainpart)
        if node.server is None:
            raise RuntimeError(f"{node.name} is down")
        accounts = node.server.host(parsed.domainpart).accounts
        account = Account(
            parsed.localpart, skeleton(parsed.localpart), {}, VirtualWall(self.clock).now()
        )
        accounts.create(account).addErrback(lambda _: None)
        while node.disk.tickets.issued > node.disk.tickets.settled:
            self.run(0.01)

    # Time.

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.run(seconds)

    def run_until(self, done: Callable[[], bool], seconds: float = 60.0, step: float = 0.1) -> bool:
        """Let time pass until something is so, for so long at most; return whether it is."""
        end = self.clock.seconds() + seconds
        while not done():
            if self.clock.seconds() >= end:
                return False
            self.run(step)
        return True

    # What can go wrong.

    def crash(self, name: str, *, landed: bool = False, power: bool = False) -> None:
        """Kill a server (see `Node.crash`)."""
        self.trace.note(name, f"crashes (landed: {landed}, power: {power})")
        self.nodes[name].crash(landed=landed, power=power)

    def start(self, name: str) -> None:
        """Start a server that is down."""
        self.trace.note(name, "starts")
        self.nodes[name].start()
        self._machines.go_on()

    def stop(self, name: str) -> "Deferred[None]":
        """Stop a server in good order."""
        self.trace.note(name, "is stopped")
        return self.nodes[name].stop()

    def cut(self, one: str, other: str) -> None:
        """Let nothing through between two machines: connections stay, and get nowhere."""
        self.trace.note(one, f"is cut off from {other}")
        self._internet.cut(self.nodes[one].machine, self.nodes[other].machine)

    def mend(self) -> None:
        """Let everything through again, have the DNS be right, and certificates be good."""
        self.trace.note("network", "is mended")
        self._internet.mend()
        self.names.mend()
        for machine in self._machines.all():
            machine.slowness = 1.0
            machine.shows = ()
        self._machines.go_on()

    def reset(self, one: str, other: str) -> int:
        """Lose all connections between two machines; return how many there were."""
        ends = [
            end
            for end in self.nodes[one].machine.ends()
            if end.other in self.nodes[other].machine.ends() and not end.lost
        ]
        self.trace.note(one, f"loses {len(ends)} connections to {other}")
        for end in ends:
            end.other.reset()
            end.reset()
        return len(ends)

    def slow_down(self, name: str, times: float) -> None:
        """Have everything to a machine and from it take so many times longer, until `mend`."""
        self.trace.note(name, f"is {times:.1f} times slower")
        self.nodes[name].machine.slowness = times

    def spoil(self, name: str, certificate: Certificate) -> None:
        """Have a machine show a certificate that is no good on new connections, until `mend`."""
        node = self.nodes[name]
        self.trace.note(name, f"shows {certificate.value}")
        node.machine.shows = flawed(node.domains, certificate)

    def fail_commit(self, name: str) -> None:
        """Have a server's next commit fail, if it keeps its data in memory."""
        disk = self.nodes[name].disk
        if isinstance(disk, SimulatedStorage):
            self.trace.note(name, "will fail to commit")
            disk.fail_next_commit()

    # At the end.

    def close(self) -> None:
        """Let go of all files; nothing happens in this network any more."""
        for node in self.nodes.values():
            node.close()
        for folder in self._folders:
            folder.cleanup()

    def left(self) -> list[str]:
        """Return what should not be there once nobody has anything to do, in words."""
        return [each for node in self.nodes.values() for each in node.left()]


def settings(s2s: ServersConfig | None = None) -> ServerConfig:
    """Return a configuration for servers of a network: what may take long takes less."""
    return ServerConfig(sasl=SaslConfig(iterations=4096), s2s=s2s or ServersConfig())
