"""The whole server, put together: the only place where rooms meet.

`build` makes a `Server` of a configuration and its surroundings without touching either. Then, in
this order: `load_certificates`, listening on `ports`, `open_storage`, `start`; at the end `stop`.
A program that embeds xmppd may leave out the ports.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory

from xmppd.api.commands import IAdministration
from xmppd.api.gate import Gate
from xmppd.api.moments import Reached, ServerReached
from xmppd.api.registrations import Provide, Serve
from xmppd.api.storage import Storage
from xmppd.auth.throttle import Throttle
from xmppd.c2s.factory import ClientFactory
from xmppd.c2s.service import ClientService
from xmppd.c2s.settings import ClientSettings, ConflictPolicy
from xmppd.cluster.single import SingleNode
from xmppd.component.factory import ComponentFactory
from xmppd.component.service import ComponentService
from xmppd.makers import StoreContext
from xmppd.net.certificates import CertificateError, Identity
from xmppd.net.client_certificates import ClientTrust
from xmppd.net.tls import ServerContexts
from xmppd.net.transport import Flusher
from xmppd.routing.host import LocalHost
from xmppd.routing.registry import RegistrationError
from xmppd.routing.router import Router
from xmppd.s2s.factory import ServerFactory
from xmppd.s2s.service import ServerService
from xmppd.server.administration import HostAdministration
from xmppd.server.bounds import stream_limits
from xmppd.server.certificates import expiring, load_identities
from xmppd.server.collaborators import Collaborators
from xmppd.server.components import (
    COMPONENTS_FEATURE,
    SecretError,
    component_settings,
    listed,
    read_secrets,
)
from xmppd.server.config import ServerConfig
from xmppd.server.hosts import Host, Surroundings, build_host, install_modules
from xmppd.server.inventory import Inventory
from xmppd.server.servers import Certificates, make_service, make_surroundings
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza

CLIENT_ALPN = "xmpp-client"  # XEP-0368 section 4
EXPIRY_CHECK_SECONDS = 24 * 3600.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class PortSpec:
    """A port to listen on: the interface ("" for all of IPv4), the number and what serves it."""

    label: str
    interface: str
    port: int
    factory: IProtocolFactory


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of reading the certificates again: what is in use, and what was refused.

    `notes` are sentences on what has changed but is not used before the server is restarted.
    """

    hosts: tuple[str, ...]
    errors: tuple[str, ...]
    notes: tuple[str, ...] = ()


class Server:
    """A server: its hosts, its clients, its storage.

    - `config`: what it was told; `hosts` by domain, in the order of the configuration.
    - `router`: for who brings domains of their own; `storage`; `clients`; `components`.
    - `servers`: the traffic with other servers, None without any.
    """

    _log = Logger()

    def __init__(self, config: ServerConfig, inventory: Inventory, outside: Collaborators) -> None:
        self.config = config
        self.inventory = inventory
        self.outside = outside
        self.storage = _storage(config, inventory, outside)
        self.router = Router(outside.clock)
        self.cluster = SingleNode()
        self.hosts = self._build_hosts()
        flusher, gate = Flusher(outside.clock), Gate(self.storage.tickets)
        self.clients = self._client_service(flusher, gate)
        self.components = self._component_service(flusher, gate)
        self.servers = self._server_service(flusher, gate) if config.s2s.enable else None
        if self.servers is not None:
            self._shown_to_servers = Certificates(self.servers.around, config.s2s)
            self.router.elsewhere = self.servers.outgoing
            for host in self.hosts.values():
                absent = self.servers.absent.registrations(host.local.jid)
                host.local.install("other servers", absent)
        self._serve_the_rest()
        self.identities: dict[str, Identity] = {}
        self._direct: ServerContexts | None = None
        self._expiry = LoopingCall(self._warn_of_expiry)
        self._expiry.clock = outside.clock
        self._stopping: Deferred[None] | None = None
        self.started_at = outside.wall.now()

    def _build_hosts(self) -> dict[str, Host]:
        config, outside = self.config, self.outside
        shared = Surroundings(
            config=config,
            inventory=self.inventory,
            outside=outside,
            storage=self.storage,
            router=self.router,
            cluster=self.cluster,
            throttle=Throttle(outside.clock),
            trust=_trust(config),
        )
        hosts = {each.name: build_host(each, shared) for each in config.hosts}
        for name, host in hosts.items():
            self.router.add(name, host.local.accounts_domain)
            administration = HostAdministration(self, name, map(JID.parse, host.config.admins))
            host.local.install("administration", [Provide(IAdministration, administration)])
        return hosts

    def _client_service(self, flusher: Flusher, gate: Gate) -> ClientService:
        outside = self.outside
        return ClientService(
            {name: host.clients for name, host in self.hosts.items()},
            self.config.hosts[0].name,
            client_settings(self.config),
            contexts=None,
            flusher=flusher,
            gate=gate,
            clock=outside.clock,
            wall=outside.wall,
            entropy=outside.entropy,
        )

    def _component_service(self, flusher: Flusher, gate: Gate) -> ComponentService:
        config, outside = self.config, self.outside
        return ComponentService(
            [component.name for component in config.components],
            config.hosts[0].name,
            component_settings(config),
            router=self.router,
            urgent=self._urgent,
            flusher=flusher,
            gate=gate,
            clock=outside.clock,
            wall=outside.wall,
            entropy=outside.entropy,
        )

    def _server_service(self, flusher: Flusher, gate: Gate) -> ServerService:
        hosts = {name: host.local for name, host in self.hosts.items()}
        around = make_surroundings(
            self.config,
            self.outside,
            router=self.router,
            hosts=hosts,
            urgent=self._urgent,
            reached=self._reached,
            tickets=self.storage.tickets,
            flusher=flusher,
            gate=gate,
        )
        return make_service(around, hosts, self.storage.host(self.config.hosts[0].name))

    def _serve_the_rest(self) -> None:
        """Have components answer for their domains, and last what modules bring."""
        for name, answers in self.components.domains.items():
            if self.router.answering(name) is not None:
                raise RegistrationError(f"{name} is a host and a component as well")
            self.router.add(name, answers)
        for name, items in listed(self.config):
            self.hosts[name].local.install(COMPONENTS_FEATURE, items)
        for host in self.hosts.values():
            install_modules(host, self.inventory)

    def _urgent(self, stanza: Stanza) -> bool:
        """Tell whether a stanza answers a request of one of our hosts."""
        return any(host.local.accounts_domain.urgent(stanza) for host in self.hosts.values())

    def _reached(self, domain: str, reached: Reached) -> None:
        """Let a host know of another server that can be reached again."""
        host = self.hosts.get(domain)
        if host is not None:
            host.local.announce(ServerReached, reached)

    def host(self, domain: str = "") -> LocalHost:
        """Return a host as features see it (`IHost`), by default the first one.

        Raises `KeyError` for a domain that is not served.
        """
        return self.hosts[domain or self.config.hosts[0].name].local

    # Coming up.

    def load_certificates(self) -> None:
        """Read all certificates, and secrets of components, and put them to use.

        Raises `CertificateError` or `SecretError`, with everything as it was before.
        """
        secrets = read_secrets(self.config.components)
        identities = load_identities(self.config, self._now())
        if self.servers is not None:
            self._shown_to_servers.load(identities, self._other_domains())
        self.components.secrets = secrets
        if not identities:
            return
        default = next(iter(identities))
        asks = self.config.tls.client_ca is not None
        contexts, direct = self.clients.contexts, self._direct
        if contexts is None or direct is None:
            self.clients.contexts = ServerContexts(identities, default, (), asks)
            self._direct = ServerContexts(identities, default, (CLIENT_ALPN,), asks)
        else:
            contexts.replace(identities, default)
            direct.replace(identities, default)
        self.identities = identities

    def _other_domains(self) -> Iterator[str]:
        """Yield the domains we serve beside those of hosts."""
        yield from (component.name for component in self.config.components)
        for host in self.hosts.values():
            yield from (serve.domain for _, serve in host.local.registry.records(Serve))

    def ports(self) -> Sequence[PortSpec]:
        """Return what to listen on; certificates have been loaded."""
        listen = self.config.listen
        addresses = _interfaces(listen.addresses)
        specs = []
        if listen.c2s:
            clear = ClientFactory(self.clients)
            specs += [PortSpec("clients", at, listen.c2s, clear) for at in addresses]
        if listen.c2s_tls and self._direct is not None:
            wrapped = ClientFactory(self.clients, direct_tls=True)
            tls = TLSMemoryBIOFactory(self._direct.creator(), False, wrapped, self.outside.clock)
            specs += [PortSpec("clients, direct TLS", at, listen.c2s_tls, tls) for at in addresses]
        specs += self._server_ports(addresses)
        if listen.components and self.config.components:
            factory = ComponentFactory(self.components)
            specs += [
                PortSpec("components", at, listen.components, factory)
                for at in _interfaces(listen.component_addresses)
            ]
        return specs

    def _server_ports(self, addresses: Sequence[str]) -> list[PortSpec]:
        """Return what to listen on for other servers."""
        listen, servers, specs = self.config.listen, self.servers, []
        if servers is not None and listen.s2s:
            clear = ServerFactory(servers)
            specs += [PortSpec("servers", at, listen.s2s, clear) for at in addresses]
        direct = None if servers is None else self._shown_to_servers.direct
        if servers is not None and listen.s2s_tls and direct is not None:
            wrapped = ServerFactory(servers, direct_tls=True)
            tls = TLSMemoryBIOFactory(direct.creator(), False, wrapped, self.outside.clock)
            specs += [PortSpec("servers, direct TLS", at, listen.s2s_tls, tls) for at in addresses]
        return specs

    def open_storage(self) -> None:
        """Open the data; may block. Raises `StorageError`."""
        self.storage.start()

    def start(self) -> None:
        """Begin to work: storage is open."""
        for host in self.hosts.values():
            host.local.start()
        self.clients.start()
        self.components.start()
        if self.servers is not None:
            self.servers.start()
        self._expiry.start(EXPIRY_CHECK_SECONDS)

    # Going down.

    def stop(self) -> "Deferred[None]":
        """End all streams with `system-shutdown` and write out all data.

        Clients, components and other servers have most of the configured seconds to take their
        leave; then storage ends.
        """
        if self._stopping is None:
            self._stopping = Deferred.fromCoroutine(self._stop())
        return self._stopping

    async def _stop(self) -> None:
        clock = self.outside.clock
        deadline = clock.seconds() + self.config.shutdown_seconds * 0.7
        self.clients.stop()
        self.components.stop()  # behind what clients' ends have to tell them
        if self.servers is not None:
            self.servers.stop()  # behind what they have to tell others
        while self._connected() and clock.seconds() < deadline:
            await deferLater(clock, _POLL_SECONDS)
        self.clients.abandon()
        self.components.abandon()
        if self.servers is not None:
            self.servers.abandon()
        await deferLater(clock, 0)  # what was cut off comes to its end while there is storage
        if self._expiry.running:
            self._expiry.stop()
        for host in self.hosts.values():
            host.local.shut_down()
        self.clients.gate.close()
        await self.storage.stop()

    def _connected(self) -> bool:
        """Tell whether anybody is connected."""
        servers = 0 if self.servers is None else len(self.servers)
        return bool(len(self.clients) or len(self.components) or servers)

    # In between.

    def reload(self) -> Reloaded:
        """Read certificates and secrets again; if any cannot serve, all stay as they are."""
        try:
            self.load_certificates()
        except (CertificateError, SecretError) as error:
            self._log.error("certificates are kept as they are: {error}", error=str(error))
            return Reloaded(tuple(self.identities), (str(error),))
        self._warn_of_expiry()
        return Reloaded(tuple(self.identities), ())

    def _warn_of_expiry(self) -> None:
        for warning in expiring(self.config, self.identities, self._now()):
            self._log.warn("{warning}", warning=warning)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.outside.wall.now(), UTC)


def build(config: ServerConfig, inventory: Inventory, outside: Collaborators) -> Server:
    """Put a server together; nothing is read, opened or started yet.

    Raises `MakerError`, `UserStoreError`, `RegistrationError` or `CertificateError` (for the
    authorities of client certificates), one plain sentence each.
    """
    return Server(config, inventory, outside)


def _interfaces(addresses: Sequence[str]) -> list[str]:
    """Return what to listen on for addresses of the configuration."""
    return [at for each in addresses for at in (("", "::") if each == "*" else (each,))]


def _storage(config: ServerConfig, inventory: Inventory, outside: Collaborators) -> Storage:
    return inventory.store(config.storage.store).make(
        StoreContext(
            config.data,
            config.storage.settings,
            outside.clock,
            outside.to_reactor,
            outside.entropy.token,
        )
    )


def _trust(config: ServerConfig) -> ClientTrust | None:
    return None if config.tls.client_ca is None else ClientTrust(config.tls.client_ca)


def client_settings(config: ServerConfig) -> ClientSettings:
    """Return what of the configuration concerns clients' streams."""
    limits = config.limits
    return ClientSettings(
        limits=stream_limits(limits, limits.stanza_bytes),
        output=limits.output_bytes,
        slow_reader_seconds=limits.slow_reader_seconds,
        inbox_stanzas=limits.inbox_stanzas,
        inbox_bytes=limits.inbox_bytes,
        negotiation_seconds=limits.negotiation_seconds,
        tries=config.sasl.tries,
        sessions=limits.sessions_per_account,
        connections=limits.connections_per_address,
        strangers=limits.unauthenticated_per_address,
        idle_seconds=limits.idle_seconds,
        answer_seconds=limits.answer_seconds,
        conflict=ConflictPolicy(config.resource_conflict),
    )
