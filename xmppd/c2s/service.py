"""What all clients' connections share: hosts, settings, counts, one timer for all deadlines."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from typing_extensions import override

from xmppd.api.gate import Gate
from xmppd.api.host import IEntropy, IWallClock
from xmppd.api.pace import Pace
from xmppd.c2s.binding import Binder
from xmppd.c2s.congestion import Congestion
from xmppd.c2s.congestion import Connection as Congestible
from xmppd.c2s.hosts import ClientHost
from xmppd.c2s.settings import ClientSettings
from xmppd.connection.connections import Connections, Watched, less
from xmppd.connection.service import StreamService
from xmppd.net.networks import network_of
from xmppd.net.tls import ServerContexts
from xmppd.net.transport import Flusher


class Connection(Congestible, Watched, Protocol):
    """A client's connection, as the service sees it."""


class ClientService(StreamService[Connection]):
    """Serves the clients of all hosts.

    - `hosts` by domain; `default`: the domain to name to those who ask for none.
    - `contexts`: certificates for STARTTLS; None: it is not offered.
    """

    def __init__(
        self,
        hosts: Mapping[str, ClientHost],
        default: str,
        settings: ClientSettings,
        *,
        contexts: ServerContexts | None,
        flusher: Flusher,
        gate: Gate,
        clock: IReactorTime,
        wall: IWallClock,
        entropy: IEntropy,
    ) -> None:
        super().__init__(Connections(), clock)
        self.hosts = hosts
        self.default = default
        self.settings = settings
        self.contexts = contexts
        self.flusher = flusher
        self.gate = gate
        self.wall = wall
        self.entropy = entropy
        self.token = entropy.token
        self.binder = Binder(settings.conflict, settings.sessions, entropy.token, clock.seconds)
        self.pace = Pace(clock)
        self.congestion = Congestion(settings.slow_reader_seconds)
        self._by_network: Counter[str] = Counter()
        self._favoured: dict[Connection, str] = {}
        self._refused = 0

    @property
    def strangers(self) -> int:
        """How many of the connections have no session."""
        return self.connections.unproven

    def utcnow(self) -> datetime:
        """Return the time of day."""
        return datetime.fromtimestamp(self.wall.now(), UTC)

    def admits(self, address: str) -> bool:
        """Tell whether one more connection may come from that IP address (RFC 6120 13.12)."""
        network = network_of(address)
        if (
            self._stopping
            or self.connections.strangers(address) >= self.settings.strangers
            or self._by_network[network] >= self.settings.connections
        ):
            self._refused += 1
            return False
        return True

    def connected(self, connection: Connection) -> None:
        """Take a connection in."""
        self.connections.add(connection)
        self._by_network[network_of(connection.address)] += 1

    def favours(self, connection: Connection, most: int) -> bool:
        """Tell whether a stranger may take more time than others; once for each.

        At most `most` of one network may at a time.
        """
        if connection in self._favoured:
            return False
        network = network_of(connection.address)
        if sum(each == network for each in self._favoured.values()) >= most:
            return False
        self._favoured[connection] = network
        return True

    def established(self, connection: Connection) -> None:
        """A connection has bound its session: it is no stranger's any more."""
        self._favoured.pop(connection, None)
        self.connections.proven(connection)

    def disconnected(self, connection: Connection) -> None:
        """Forget a connection."""
        if self.connections.remove(connection):
            self._favoured.pop(connection, None)
            less(self._by_network, network_of(connection.address))

    @override
    def sweep(self) -> None:
        """Look after all connections, and what they share."""
        super().sweep()
        self.binder.sweep()
        for slow in self.congestion.overdue(self.now):
            self.congestion.clear(slow)
            self._attempt(slow, slow.overflow)
        if self._refused:
            # Not a line for each: how many there are is up to strangers.
            self._log.warn("{count} connections were refused as too many", count=self._refused)
            self._refused = 0
