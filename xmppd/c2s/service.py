"""What all clients' connections share: hosts, settings, counts, one timer for all deadlines."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from xmppd.api.gate import Gate
from xmppd.api.host import IEntropy, IWallClock
from xmppd.api.pace import Pace
from xmppd.c2s.binding import Binder
from xmppd.c2s.congestion import Congestion
from xmppd.c2s.congestion import Connection as Congestible
from xmppd.c2s.hosts import ClientHost
from xmppd.c2s.settings import ClientSettings
from xmppd.net.networks import network_of
from xmppd.net.tls import ServerContexts
from xmppd.net.transport import Flusher
from xmppd.stream.errors import StreamError

SWEEP_SECONDS = 1.0


class Connection(Congestible, Protocol):
    """A client's connection, as the service sees it."""

    address: str
    deadline: float
    last_seen: float

    def overdue(self) -> None:
        """Act on the deadline that has passed."""

    def sleep(self) -> None:
        """Give up memory an idle connection does not need."""

    def ask(self) -> None:
        """Ask the client for a sign of life."""

    def fail(self, error: StreamError) -> None:
        """End the stream with that error."""


class ClientService:
    """Serves the clients of all hosts.

    - `hosts` by domain; `default`: the domain to name to those who ask for none.
    - `contexts`: certificates for STARTTLS; None: it is not offered.
    - `now`: the clock's seconds, at most `SWEEP_SECONDS` old.
    """

    _log = Logger()

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
        self.hosts = hosts
        self.default = default
        self.settings = settings
        self.contexts = contexts
        self.flusher = flusher
        self.gate = gate
        self.wall = wall
        self.entropy = entropy
        self.token = entropy.token
        self.seconds = clock.seconds
        self.now = clock.seconds()
        self.binder = Binder(settings.conflict, settings.sessions, entropy.token, clock.seconds)
        self.pace = Pace(clock)
        self.congestion = Congestion(settings.slow_reader_seconds)
        self._connections: dict[Connection, None] = {}
        self._strangers: Counter[str] = Counter()
        self._by_network: Counter[str] = Counter()
        self._known: set[Connection] = set()
        self._favoured: dict[Connection, str] = {}
        self._refused = 0
        self._stopping = False
        self._sweep = LoopingCall(self.sweep)
        self._sweep.clock = clock

    def start(self) -> None:
        """Begin to watch deadlines."""
        self._sweep.start(SWEEP_SECONDS, now=False)

    def stop(self) -> None:
        """Admit nobody any more and end every stream with `system-shutdown`.

        The connections close in their own time.
        """
        self._stopping = True
        for connection in list(self._connections):
            try:
                connection.fail(StreamError("system-shutdown"))
            except Exception:
                self._give_up(connection)

    def abandon(self) -> None:
        """Close every connection at once and stop watching."""
        for connection in list(self._connections):
            connection.abort()
        if self._sweep.running:
            self._sweep.stop()

    def __len__(self) -> int:
        """Return how many connections there are."""
        return len(self._connections)

    @property
    def strangers(self) -> int:
        """How many of the connections have no session."""
        return self._strangers.total()

    def utcnow(self) -> datetime:
        """Return the time of day."""
        return datetime.fromtimestamp(self.wall.now(), UTC)

    def admits(self, address: str) -> bool:
        """Tell whether one more connection may come from that IP address (RFC 6120 13.12)."""
        network = network_of(address)
        if (
            self._stopping
            or self._strangers[network] >= self.settings.strangers
            or self._by_network[network] >= self.settings.connections
        ):
            self._refused += 1
            return False
        return True

    def connected(self, connection: Connection) -> None:
        """Take a connection in."""
        self._connections[connection] = None
        network = network_of(connection.address)
        self._by_network[network] += 1
        self._strangers[network] += 1

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
        self._known.add(connection)
        _less(self._strangers, network_of(connection.address))

    def disconnected(self, connection: Connection) -> None:
        """Forget a connection."""
        if connection not in self._connections:
            return
        del self._connections[connection]
        self._favoured.pop(connection, None)
        network = network_of(connection.address)
        _less(self._by_network, network)
        if connection in self._known:
            self._known.discard(connection)
        else:
            _less(self._strangers, network)

    def sweep(self) -> None:
        """Look after all connections: deadlines, and memory of the idle."""
        now = self.now = self.seconds()
        drowsy = now - self.settings.sleep_seconds
        silent = now - self.settings.idle_seconds
        for connection in list(self._connections):
            try:
                if connection.deadline and now >= connection.deadline:
                    connection.overdue()
                elif connection.last_seen < silent:
                    connection.ask()
                elif connection.last_seen < drowsy:
                    connection.sleep()
            except Exception:
                self._give_up(connection)
        self.binder.sweep()
        for slow in self.congestion.overdue(now):
            self.congestion.clear(slow)
            try:
                slow.overflow()
            except Exception:
                self._give_up(slow)
        if self._refused:
            # Not a line for each: how many there are is up to strangers.
            self._log.warn("{count} connections were refused as too many", count=self._refused)
            self._refused = 0

    def _give_up(self, connection: Congestible) -> None:
        """Close a connection that what was done with it has failed for; no other may suffer."""
        self._log.failure("a connection could not be looked after")
        connection.abort()


def _less(counts: Counter[str], key: str) -> None:
    counts[key] -= 1
    if counts[key] <= 0:
        del counts[key]
