"""What all components' connections share: domains, secrets, counts, one timer for all deadlines."""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from typing_extensions import override

from xmppd.api.gate import Gate
from xmppd.api.host import IEntropy, IWallClock
from xmppd.api.pace import Pace
from xmppd.api.router import IRouter
from xmppd.component.backlog import Backlog
from xmppd.component.domain import ComponentDomain, Link
from xmppd.component.handshake import proves
from xmppd.component.settings import ComponentSettings
from xmppd.connection.connections import Connections, Watched
from xmppd.connection.service import StreamService
from xmppd.net.transport import Flusher
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Stanza
from xmppd.wire.element import Element
from xmppd.wire.namespaces import PING


class Connection(Watched, Link, Protocol):
    """A component's connection, as the service sees it."""

    backlog: Backlog
    since: float

    def ask(self) -> None:
        """Ask the component for a sign of life."""


class ComponentService(StreamService[Connection]):
    """Serves the components of a server.

    - `domains` by name, those configured and no others; `components`: the streams of those that
      are connected. `secrets` by domain: a domain without one admits nobody.
    - `default`: a domain of ours, to call ourselves to those who name no domain we know.
    - `urgent(stanza)`: whether a component answers a request of ours by it.
    """

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
        super().__init__(Connections(), clock)
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
        self.pace = Pace(clock)

    @override
    def start(self) -> None:
        """Begin to watch deadlines, if there are any components."""
        if self.domains:
            super().start()

    # Connections.

    def admits(self, address: str) -> bool:
        """Tell whether one more connection may come from that IP address (RFC 6120 13.12)."""
        few = self.connections.strangers(address) < self.settings.strangers
        return few and not self._stopping

    def believes(self, domain: ComponentDomain, given: str, id: str) -> bool:
        """Tell whether what was given on the stream of that id proves to be the component."""
        known = self.secrets
        secret = known.get(domain.name, b"")
        return secret != b"" and proves(given, id, secret)

    def established(self, connection: Connection, domain: ComponentDomain) -> None:
        """A connection has proven that it is a component's."""
        self.connections.proven(connection)
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

    def ping(self, domain: str) -> Iq:
        """Return a request that a living component answers (XEP-0199)."""
        to, from_ = JID.make("", domain), JID.make("", self.default)
        return Iq(Element("ping", PING), to=to, from_=from_, type="get", id=self.token())
