"""What all streams between servers share: settings, our domains, proofs, clocks and connections."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from twisted.internet.interfaces import IReactorTime

from xmppd.api.gate import Gate
from xmppd.api.host import IEntropy, IWallClock
from xmppd.api.network import IConnector, IResolver
from xmppd.api.pace import Pace
from xmppd.api.router import IRouter
from xmppd.api.storage import Tickets
from xmppd.net.networks import network_of
from xmppd.net.roots import Roots
from xmppd.net.tls import ServerContexts
from xmppd.net.tls_client import ClientContexts
from xmppd.net.transport import Flusher
from xmppd.s2s.settings import ServerSettings
from xmppd.s2s.trust import Judgement, judge
from xmppd.stanza.stanza import Stanza


class Connection(Protocol):
    """A connection to another server, whoever has made it."""

    address: str
    deadline: float

    def look_after(self, now: float) -> None:
        """Act on what has become due."""

    def leave(self) -> None:
        """End the stream because this server is being stopped."""

    def abort(self) -> None:
        """Close the connection at once."""


class Connections:
    """All connections there are; strangers, who have proven nothing yet, are counted by network."""

    __slots__ = ("_all", "_networks", "_strangers")

    def __init__(self) -> None:
        self._all: dict[Connection, None] = {}
        self._strangers: dict[Connection, str] = {}
        self._networks: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._all)

    def all(self) -> list[Connection]:
        """Return all connections, in the order in which they were made."""
        return list(self._all)

    def strangers(self, address: str) -> int:
        """Return how many from the network of that IP address have proven nothing yet."""
        return self._networks[network_of(address)]

    def add(self, connection: Connection, *, stranger: bool) -> None:
        """Take a connection in."""
        self._all[connection] = None
        if stranger:
            network = self._strangers[connection] = network_of(connection.address)
            self._networks[network] += 1

    def proven(self, connection: Connection) -> None:
        """Count it among the strangers no more."""
        network = self._strangers.pop(connection, None)
        if network is not None:
            self._networks[network] -= 1
            if not self._networks[network]:
                del self._networks[network]

    def remove(self, connection: Connection) -> None:
        """Forget a connection; nothing happens if it was not known."""
        self._all.pop(connection, None)
        self.proven(connection)


@dataclass(slots=True)
class Surroundings:
    """What a stream between servers needs of the server it is in.

    - `is_ours(domain)`: whether we serve a domain; `urgent(stanza)`: whether it answers a request
      of ours. `default`: a domain of ours, to call ourselves to those who name none.
    - `accepting`, `dialling`: certificates for connections that others and we make; None without.
    - `roots`: the authorities that are believed; `roots_of`: others, for some domains of others.
    - `secret`: what our dialback keys are made of; it does not show in a repr.
    - `incoming`: how many streams of each domain of others there are that it has made;
      `incoming_networks`: how many of each network are proven.
    """

    settings: ServerSettings
    default: str
    is_ours: Callable[[str], bool]
    urgent: Callable[[Stanza], bool]
    router: IRouter
    pace: Pace
    resolver: IResolver
    connector: IConnector
    flusher: Flusher
    gate: Gate
    tickets: Tickets
    clock: IReactorTime
    wall: IWallClock
    entropy: IEntropy
    roots: Roots
    roots_of: Mapping[str, Roots]
    secret: bytes = field(repr=False)
    accepting: ServerContexts | None = None
    dialling: ClientContexts | None = None
    connections: Connections = field(default_factory=Connections)
    incoming: Counter[str] = field(default_factory=Counter)
    incoming_networks: Counter[str] = field(default_factory=Counter)

    def judge(self, chain: Iterable[bytes], domain: str) -> Judgement:
        """Return what a certificate chain (DER, leaf first) is worth for a domain of others."""
        now = datetime.fromtimestamp(self.wall.now(), UTC)
        return judge(tuple(chain), domain, self.roots_of.get(domain, self.roots), now)

    def draw(self, most: int) -> int:
        """Return a number from 0 to `most`, each as likely as the others."""
        return int.from_bytes(self.entropy.token_bytes(8), "big") % (most + 1)
