"""What all components' connections share: domains, secrets, counts, one timer for all deadlines."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from xmppd.api.gate import Gate
from xmppd.api.host import IEntropy, IWallClock
from xmppd.api.pace import Pace
from xmppd.api.router import IRouter
from xmppd.component.backlog import Backlog
from xmppd.component.domain import ComponentDomain
from xmppd.component.handshake import proves
from xmppd.component.settings import ComponentSettings
from xmppd.net.networks import network_of
from xmppd.net.transport import Flusher
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Stanza
from xmppd.stream.errors import StreamError
from xmppd.wire.element import Element
from xmppd.wire.namespaces import PING

SWEEP_SECONDS = 1.0


class Connection(Protocol):
    """A component's connection, as the service sees it."""

    address: str
    backlog: Backlog
    deadline: float
    last_seen: float
    since: float

    def deliver(self, stanza: Stanza) -> Any:
        """Write a stanza, or keep it (see `xmppd.component.domain.Link`)."""

    def overdue(self) -> None:
        """Act on the deadline that has passed."""

    def ask(self) -> None:
        """Ask the component for a sign of life."""

    def overflow(self) -> None:
        """Cut the component off: it reads too slowly."""

    def fail(self, error: StreamError) -> None:
        """End the stream with that error."""

    def abort(self) -> None:
        """Close the connection at once."""


class ComponentService:
    """Serves the components of a server.

    - `domains` by name, those configured and no others; `components`: the streams of those that
      are connected. `secrets` by domain: a domain without one admits nobody.
    - `default`: a domain of ours, to call ourselves to those who name no domain we know.
    - `urgent(stanza)`: whether a component answers a request of ours by it.
    - `now`: the clock's seconds, at most `SWEEP_SECONDS` old.
    """

    _log = Logger()

    def __init__(
        self,
        names: Iterable[str],
        default: str,
        settings: ComponentSettings,
        *,
        router: IRouter,
        urgent: Callable[[Stanza], bool],
        flusher: Flusher,
        gate: Gate,
        clock: IReactorTime,
        wall: IWallClock,
        entropy: IEntropy,
    ) -> None:
        self.domains: Mapping[str, ComponentDomain] = {
            name: ComponentDomain(name, router) for name in names
        }
        self.components: dict[str, Connection] = {}
        self.secrets: Mapping[str, bytes] = {}
        self.default = default
        self.settings = settings
        self.router = router
        self.urgent = urgent
        self.flusher = flusher
        self.gate = gate
        self.wall = wall
        self.token = entropy.token
        self.seconds = clock.seconds
        self.pace = Pace(clock)
        self.now = clock.seconds()
        self._connections: dict[Connection, None] = {}
        self._strangers: Counter[str] = Counter()
        self._stopping = False
        self._sweep = LoopingCall(self.sweep)
        self._sweep.clock = clock

    # Life.

    def start(self) -> None:
        """Begin to watch deadlines, if there are any components."""
        if self.domains:
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

    # Connections.

    def admits(self, address: str) -> bool:
        """Tell whether one more connection may come from that IP address (RFC 6120 13.12)."""
        return not self._stopping and self._strangers[network_of(address)] < self.settings.strangers

    def connected(self, connection: Connection) -> None:
        """Take a connection in; it is a stranger's."""
        self._connections[connection] = None
        self._strangers[network_of(connection.address)] += 1

    def believes(self, domain: ComponentDomain, given: str, id: str) -> bool:
        """Tell whether what was given on the stream of that id proves to be the component."""
        known = self.secrets
        secret = known.get(domain.name, b"")
        return secret != b"" and proves(given, id, secret)

    def established(self, connection: Connection, domain: ComponentDomain) -> None:
        """A connection has proven that it is a component's."""
        self._less_strange(connection)
        self.components[domain.name] = connection
        where = connection.address
        self._log.info("component {domain} has connected", domain=domain.name, address=where)

    def left(self, connection: Connection, domain: ComponentDomain) -> None:
        """A component's stream has ended."""
        del self.components[domain.name]
        self._log.info("component {domain} has disconnected", domain=domain.name)

    def refused(self, connection: Connection, domain: ComponentDomain, why: str) -> None:
        """Take note of who was not admitted."""
        self._log.warn(
            "component {domain} was refused from {address}: {why}",
            domain=domain.name,
            address=connection.address,
            why=why,
        )

    def doubt(self, domain: ComponentDomain) -> None:
        """Have a component show that it is alive, as somebody else says to be that."""
        self.components[domain.name].ask()

    def disconnected(self, connection: Connection) -> None:
        """Forget a connection."""
        if connection in self._connections:
            del self._connections[connection]
            if not connection.since:
                self._less_strange(connection)

    def _less_strange(self, connection: Connection) -> None:
        network = network_of(connection.address)
        self._strangers[network] -= 1
        if self._strangers[network] <= 0:
            del self._strangers[network]

    def ping(self, domain: str) -> Iq:
        """Return a request that a living component answers (XEP-0199)."""
        to, from_ = JID.make("", domain), JID.make("", self.default)
        return Iq(Element("ping", PING), to=to, from_=from_, type="get", id=self.token())

    def sweep(self) -> None:
        """Look after all connections."""
        now = self.now = self.seconds()
        for connection in list(self._connections):
            try:
                self._look_after(connection, now)
            except Exception:
                self._give_up(connection)

    def _look_after(self, connection: Connection, now: float) -> None:
        if connection.deadline and now >= connection.deadline:
            connection.overdue()
        elif connection.backlog.is_stuck(self.settings.slow_reader_seconds):
            connection.overflow()
        elif connection.last_seen < now - self.settings.idle_seconds:
            connection.ask()

    def _give_up(self, connection: Connection) -> None:
        """Close a connection that what was done with it has failed for; no other may suffer."""
        self._log.failure("a component's connection could not be looked after")
        connection.abort()
