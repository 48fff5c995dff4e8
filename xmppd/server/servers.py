"""What a configuration says of other servers, and the room `s2s` made of it."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from twisted.logger import Logger

from xmppd.api.gate import Gate
from xmppd.api.host import IHost
from xmppd.api.moments import Reached
from xmppd.api.pace import Pace
from xmppd.api.router import IRouter
from xmppd.api.storage import HostStorage, Tickets
from xmppd.net.certificates import CertificateError, Identity
from xmppd.net.roots import Roots
from xmppd.net.tls import ServerContexts
from xmppd.net.tls_client import ClientContexts, covering
from xmppd.net.transport import Flusher
from xmppd.s2s.absent import Absent
from xmppd.s2s.senders import Senders
from xmppd.s2s.service import ServerService
from xmppd.s2s.settings import DomainPolicy, ServerSettings
from xmppd.s2s.spool import Spool
from xmppd.s2s.surroundings import Surroundings
from xmppd.server.bounds import stream_limits
from xmppd.server.collaborators import Collaborators
from xmppd.server.config import RemoteConfig, ServerConfig, ServersConfig
from xmppd.stanza.stanza import Stanza

SERVER_ALPN = "xmpp-server"  # XEP-0368 section 4
_AUTHORITIES = "the authorities whose certificates are to be believed"

_log = Logger()


def make_surroundings(
    config: ServerConfig,
    outside: Collaborators,
    *,
    router: IRouter,
    hosts: Mapping[str, IHost],
    urgent: Callable[[Stanza], bool],
    reached: Callable[[str, Reached], None],
    tickets: Tickets,
    flusher: Flusher,
    gate: Gate,
) -> Surroundings:
    """Return what all streams with other servers share.

    `hosts`: those with accounts; `urgent(stanza)`: whether another server answers a request of
    ours by it; `reached(domain, reached)` lets a domain of ours know of one that can be reached
    again.

    Nobody is believed, and there is no TLS, until `Certificates.load` has been called.
    """
    return Surroundings(
        settings=server_settings(config),
        default=config.hosts[0].name,
        is_ours=lambda domain: router.answering(domain) is not None,
        urgent=urgent,
        senders=Senders(hosts),
        reached=reached,
        router=router,
        pace=Pace(outside.clock),
        resolver=outside.resolver,
        connector=outside.connector,
        flusher=flusher,
        gate=gate,
        tickets=tickets,
        clock=outside.clock,
        wall=outside.wall,
        entropy=outside.entropy,
        roots=Roots(()),
        roots_of={},
        secret=outside.entropy.token_bytes(32),
    )


def make_service(
    around: Surroundings, hosts: Mapping[str, IHost], storage: HostStorage
) -> ServerService:
    """Return the traffic with other servers; `storage` is where messages wait for them.

    `hosts`: those with accounts.
    """
    settings = around.settings
    guests = {name for name, host in hosts.items() if host.anonymous}
    account = around.senders.account
    spool = Spool(storage, settings.spool_stanzas, settings.spool_bytes, account, around.losses)
    absent = Absent(around, storage)
    return ServerService(around, spool, absent, lambda domain: domain not in guests)


def read_authorities(config: ServersConfig) -> tuple[Roots, dict[str, Roots]]:
    """Return whose certificates are believed, and for which domains other ones.

    Raises `CertificateError` for a file that an operator has named. A system without a list of
    authorities is logged: then nobody else is believed.
    """
    own = {
        domain.name: _named(domain.ca, f's2s.domain."{domain.name}".ca')
        for domain in config.domains
        if domain.ca is not None
    }
    return _system() if config.ca is None else _named(config.ca, "s2s.ca"), own


def _named(path: Path, setting: str) -> Roots:
    try:
        return Roots.of_file(path, _AUTHORITIES)
    except CertificateError as error:
        raise CertificateError(f"{setting}: {error}") from None


def _system() -> Roots:
    try:
        return Roots.of_system()
    except CertificateError as error:
        _log.error("no other server's certificate is believed: {error}", error=str(error))
        return Roots(())


class Certificates:
    """What is believed, and what is shown, on the streams of `around`.

    - `direct`: for the port of direct TLS; None as long as there is no certificate.
    """

    def __init__(self, around: Surroundings, config: ServersConfig) -> None:
        self.direct: ServerContexts | None = None
        self._around = around
        self._config = config

    def load(self, identities: Mapping[str, Identity], domains: Iterable[str]) -> None:
        """Show these certificates, and read again whom to believe; all of it or nothing.

        `domains` are those we serve beside the hosts, which `identities` are of. Raises
        `CertificateError`.
        """
        around = self._around
        roots, roots_of = read_authorities(self._config)
        shown = covering(domains, identities)
        dialling = ClientContexts(shown, SERVER_ALPN)
        if shown:
            default = next(iter(shown))
            accepting = ServerContexts(shown, default, (), True)
            if self.direct is None:
                self.direct = ServerContexts(shown, default, (SERVER_ALPN,), True)
            else:
                self.direct.replace(shown, default)
            around.accepting = accepting
        around.dialling = dialling
        around.roots, around.roots_of = roots, roots_of


def server_settings(config: ServerConfig) -> ServerSettings:
    """Return what of the configuration concerns streams between servers."""
    s2s, limits = config.s2s, config.limits
    return ServerSettings(
        limits=stream_limits(limits, s2s.stanza_bytes),
        output=s2s.output_bytes,
        slow_reader_seconds=limits.slow_reader_seconds,
        inbox_stanzas=s2s.inbox_stanzas,
        inbox_bytes=s2s.inbox_bytes,
        strangers=limits.unauthenticated_per_address,
        streams=s2s.streams_per_domain,
        streams_per_address=s2s.streams_per_address,
        pairs=s2s.pairs_per_stream,
        verifications=s2s.verifications,
        connecting=s2s.connecting,
        routes=s2s.routes,
        queue_stanzas=s2s.queue_stanzas,
        queue_bytes=s2s.queue_bytes,
        spool_stanzas=s2s.spool_stanzas,
        spool_bytes=s2s.spool_bytes,
        negotiation_seconds=s2s.negotiation_seconds,
        connect_seconds=s2s.connect_seconds,
        idle_seconds=s2s.idle_seconds,
        answer_seconds=s2s.answer_seconds,
        retry_seconds=s2s.retry_seconds,
        retry_longest_seconds=s2s.retry_longest_seconds,
        give_up_seconds=s2s.give_up_seconds,
        return_seconds=s2s.return_seconds,
        quiet_seconds=s2s.quiet_seconds,
        default=_policy(s2s, RemoteConfig("")),
        policies={domain.name: _policy(s2s, domain) for domain in s2s.domains},
        allowed=s2s.allowed,
        blocked=s2s.blocked,
    )


def _policy(s2s: ServersConfig, domain: RemoteConfig) -> DomainPolicy:
    def own(value: bool | None, general: bool) -> bool:
        return general if value is None else value

    return DomainPolicy(
        require_tls=own(domain.require_tls, s2s.require_tls),
        require_valid_certificate=own(
            domain.require_valid_certificate, s2s.require_valid_certificate
        ),
        dialback=own(domain.dialback, s2s.dialback),
        host=domain.host,
        port=domain.port,
        direct_tls=domain.direct_tls,
        ca=domain.ca,
        allow_private_addresses=own(domain.allow_private_addresses, s2s.allow_private_addresses),
    )
