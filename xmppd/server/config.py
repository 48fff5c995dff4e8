"""What a server can be told: every setting with its type, range and default, as frozen values.

`xmppd.service.toml` makes these of a file; a program that embeds the server makes them itself and
asks `xmppd.server.validation` whether they fit together. Paths are absolute once read from a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from xmppd.api.settings import Between, Count, Port, Seconds

OWN_ACCOUNTS = "xmppd"
"""The entry of `HostConfig.users` that stands for the accounts the server itself keeps."""

Bytes = Annotated[int, Between(1_024, 1_073_741_824)]
StanzaBytes = Annotated[int, Between(10_000, 67_108_864)]  # RFC 6120 section 13.12


@dataclass(frozen=True, slots=True)
class ListenConfig:
    """Where clients, other servers and components connect to.

    - `addresses`: IP addresses of this machine; "*" is all of them.
    - `c2s`: the port for streams that begin in clear (RFC 6120 section 14.7), 0 for none.
    - `c2s_tls`: the port for streams under TLS from the first byte (XEP-0368), 0 for none.
    - `s2s`, `s2s_tls`: the same for other servers, which are listened on only if there is traffic
      with any (see `ServersConfig.enable`).
    - `components`: the port for components (XEP-0114), which is listened on only if there are any;
      `component_addresses`: as `addresses`, for that port.
    """

    addresses: tuple[str, ...] = ("*",)
    c2s: Port = 5222
    c2s_tls: Port = 5223
    s2s: Port = 5269
    s2s_tls: Port = 5270
    components: Port = 5347
    component_addresses: tuple[str, ...] = ("127.0.0.1",)


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """Transport Layer Security (RFC 6120 section 5, RFC 7590).

    - `required`: whether clients must use TLS before they log in.
    - `certificate`, `key`: PEM files, for hosts that name none of their own.
    - `development`: whether hosts without a certificate get one of an authority made for this
      server, kept in the data directory; of no use to the public.
    - `client_ca`: a PEM file of authorities whose client certificates are believed (XEP-0178);
      clients are asked for certificates only if it is given.
    """

    required: bool = True
    certificate: Path | None = None
    key: Path | None = None
    development: bool = False
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class SaslConfig:
    """How clients log in (RFC 6120 section 6).

    - `enable`, `disable`: mechanisms on and off, other than by default.
    - `iterations`: PBKDF2 rounds of the SCRAM keys made from now on.
    - `plain_without_tls`: whether PLAIN, and DIGEST-MD5 where it is enabled, may be used without
      TLS, so that anybody on the way can read passwords.
    - `tries`: how often one stream may try (RFC 6120 section 6.4.5).
    - `attempt_seconds`: how long the server may take over one attempt.
    """

    enable: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    iterations: Annotated[int, Between(4_096, 10_000_000)] = 10_000
    plain_without_tls: bool = False
    tries: Annotated[int, Between(3, 6)] = 4
    attempt_seconds: Seconds = 30.0


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """What a stranger can make grow, and how far (RFC 6120 section 13.12).

    - `stanza_bytes`: one stanza of a client, `stanza_bytes_before_login` of one not logged in.
    - `tag_bytes`: an unfinished tag; `depth`: nesting of elements; `attributes`: of one tag;
      `children`: elements directly inside a stanza; `elements`: all inside it.
    - `output_bytes`: what waits for a client that reads slowly; beyond a quarter of it those who
      write to the client have to wait, for at most `slow_reader_seconds`.
    - `inbox_stanzas`, `inbox_bytes`: what has been read of a client while an earlier stanza waits.
    - `negotiation_seconds`: from the connection to a bound session.
    - `connections_per_address`: connections from an IPv4 address or IPv6 /64 network,
      `unauthenticated_per_address` those of them that are not logged in.
    - `sessions_per_account`: sessions of one account at a time.
    - `idle_seconds`: silence after which a client is asked for a sign of life;
      `answer_seconds`: how long it may take. Both are for components, too, as are
      `negotiation_seconds`, `unauthenticated_per_address` and `slow_reader_seconds`.
    - `component_stanza_bytes`: one stanza of a component; `component_backlog_bytes`: what waits for
      a component that reads slowly, as `output_bytes`.
    - `component_inbox_stanzas`, `component_inbox_bytes`: what is in work for a component at a time,
      or waits behind that.
    """

    stanza_bytes: StanzaBytes = 262_144
    stanza_bytes_before_login: StanzaBytes = 10_240
    tag_bytes: Bytes = 65_536
    depth: Annotated[int, Between(10, 1_000)] = 100
    attributes: Annotated[int, Between(10, 10_000)] = 100
    children: Annotated[int, Between(10, 100_000)] = 1_000
    elements: Annotated[int, Between(10, 1_000_000)] = 5_000
    output_bytes: Bytes = 4_194_304
    slow_reader_seconds: Seconds = 20.0
    inbox_stanzas: Count = 64
    inbox_bytes: Bytes = 65_536
    negotiation_seconds: Seconds = 60.0
    connections_per_address: Count = 200
    unauthenticated_per_address: Count = 20
    sessions_per_account: Count = 20
    idle_seconds: Seconds = 600.0
    answer_seconds: Seconds = 60.0
    component_stanza_bytes: StanzaBytes = 524_288
    component_backlog_bytes: Bytes = 4_194_304
    component_inbox_stanzas: Count = 1_000
    component_inbox_bytes: Bytes = 1_048_576


@dataclass(frozen=True, slots=True)
class DnsConfig:
    """How the names of other servers are looked up (RFC 6120 section 3.2).

    - `servers`: the DNS servers to ask, in that order: IP addresses, with a port if it is not 53
      ("192.0.2.53:5353"). Without any, those of the system.
    - `cache_records`: what is remembered of answers; `cache_seconds`: for how long at most, and
      `nothing_seconds` if there was nothing to find.
    - `lookups`: how many are made at a time; `waiting_lookups`: how many more may wait.
    """

    servers: tuple[str, ...] = ()
    cache_records: Count = 20_000
    cache_seconds: Seconds = 3_600.0
    nothing_seconds: Seconds = 60.0
    lookups: Count = 100
    waiting_lookups: Count = 1_000


@dataclass(frozen=True, slots=True)
class StorageConfig:
    """Where data are kept: the name of a store, and its settings if it has any."""

    store: str = "sqlite"
    settings: Any = None


@dataclass(frozen=True, slots=True)
class LogConfig:
    """What is logged, and how: lines for people or JSON for programs."""

    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warn", "error"] = "info"


@dataclass(frozen=True, slots=True)
class ModulesConfig:
    """Which modules a host has: the default ones, those to `enable`, without those to `disable`.

    `sections` are settings by the modules' names, each of the type its maker names; a module
    without an entry has its defaults.
    """

    enable: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    sections: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HostConfig:
    """A domain that is served.

    - `name`: the domain, a lower-case A-label.
    - `certificate`, `key`, `tls_required`: as in `TlsConfig`; None for what stands there.
    - `users`: where its users' passwords are, asked in that order: `OWN_ACCOUNTS`, or strings of
      twisted.cred.strcred ("file:/etc/users").
    - `admins`: bare addresses of those who may administer it by ad-hoc commands (XEP-0133); they
      reach no other host.
    - `anonymous`: whether it is for guests without accounts (XEP-0175), and for nobody else.
    - `modules`: the modules of this host.
    """

    name: str
    certificate: Path | None = None
    key: Path | None = None
    tls_required: bool | None = None
    # Connection strings of user stores may hold passwords.
    users: tuple[str, ...] = field(default=(OWN_ACCOUNTS,), repr=False)
    admins: tuple[str, ...] = ()
    anonymous: bool = False
    modules: ModulesConfig = ModulesConfig()


@dataclass(frozen=True, slots=True)
class ComponentConfig:
    """A program that serves a domain of its own over a connection to us (XEP-0114).

    - `name`: the domain, a lower-case A-label.
    - `secret`: what it has to know, or `secret_file`: the file which that is in, on one line.
    - `listed`: whether the host it is a subdomain of lists it among its items.
    """

    name: str
    secret: str = field(default="", repr=False)
    secret_file: Path | None = None
    listed: bool = True


@dataclass(frozen=True, slots=True)
class RemoteConfig:
    """What is special about one domain of others.

    - `name`: the domain, a lower-case A-label.
    - `host`, `port`: where it is, for who does not want to ask the DNS: a name or an IP address,
      and a port; `direct_tls`: whether TLS begins at once there.
    - `ca`: a PEM file of authorities, or certificates, that are believed for it and no others.
    - The others are as in `ServersConfig`; None for what stands there.
    """

    name: str
    host: str = ""
    port: Port = 0
    direct_tls: bool = False
    ca: Path | None = None
    require_tls: bool | None = None
    require_valid_certificate: bool | None = None
    dialback: bool | None = None
    allow_private_addresses: bool | None = None


@dataclass(frozen=True, slots=True)
class ServersConfig:
    """Traffic with other servers (RFC 6120).

    - `enable`: whether there is any.
    - `require_tls`: whether all of it must be encrypted; `require_valid_certificate`: whether a
      server must show a certificate valid for its domain, also where it proves itself by dialback;
      `dialback`: whether it may do that (XEP-0220).
    - `ca`: a PEM file of authorities, or certificates, that are believed instead of the system's.
    - `allow_private_addresses`: whether the DNS may lead to addresses that are not public.
    - `allowed`: the only domains there is traffic with, all if empty; `blocked`: those there is
      none with. A domain stands for its subdomains, too.
    - `domains`: those for which something else holds.
    - `stanza_bytes`, `output_bytes`, `inbox_stanzas`, `inbox_bytes`: as in `LimitsConfig`.
    - `streams_per_domain`, `streams_per_address`: streams to us that one domain, and one network of
      IP addresses, may have once they are proven; `pairs_per_stream`: pairs of domains on one of
      them; `verifications`: dialback keys that are asked about at a time.
    - `connecting`: connections being made at a time; `routes`: pairs of domains that there may be
      something to send for; `queue_stanzas`, `queue_bytes`: what waits for one of them.
    - `spool_stanzas`, `spool_bytes`: messages on disk for one domain of others.
    - `negotiation_seconds`: until a stream may be used; `connect_seconds`: until there is a
      connection; `idle_seconds`: silence after which a stream is closed; `answer_seconds`: how long
      an acknowledgement may take; `quiet_seconds`: when a message counts as arrived at a server
      that does not acknowledge any.
    - `retry_seconds`, `retry_longest_seconds`: the first and the longest time between attempts to
      reach a server; `give_up_seconds`: how long messages wait for one; `return_seconds`: how long
      after it was sent a sender who was away is still told that a message has come back.
    """

    enable: bool = True
    require_tls: bool = True
    require_valid_certificate: bool = True
    dialback: bool = True
    ca: Path | None = None
    allow_private_addresses: bool = False
    allowed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    domains: tuple[RemoteConfig, ...] = ()
    stanza_bytes: StanzaBytes = 524_288
    output_bytes: Bytes = 4_194_304
    inbox_stanzas: Count = 1_000
    inbox_bytes: Bytes = 1_048_576
    streams_per_domain: Count = 20
    streams_per_address: Count = 1_000
    pairs_per_stream: Count = 100
    verifications: Count = 200
    connecting: Count = 100
    routes: Count = 10_000
    queue_stanzas: Count = 1_000
    queue_bytes: Bytes = 4_194_304
    spool_stanzas: Count = 5_000
    spool_bytes: Bytes = 16_777_216
    negotiation_seconds: Seconds = 120.0
    connect_seconds: Seconds = 60.0
    idle_seconds: Seconds = 900.0
    answer_seconds: Seconds = 60.0
    quiet_seconds: Seconds = 30.0
    retry_seconds: Seconds = 2.0
    retry_longest_seconds: Seconds = 900.0
    give_up_seconds: Seconds = 3_600.0
    return_seconds: Seconds = 2_592_000.0


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Everything a server is told.

    - `hosts`: the domains it serves; the first is the one for clients that name none.
    - `components`: the programs that may connect and serve other domains.
    - `data`: the directory of all it keeps.
    - `control`: the path of the socket for `xmppdctl`; None for a place in the data directory.
    - `resource_conflict`: what happens when a client asks for a resource in use (RFC 6120
      7.7.2.2): the old session ends, the new one gets another resource, or is refused.
    - `shutdown_seconds`: how long stopping may take.
    """

    hosts: tuple[HostConfig, ...] = (HostConfig("localhost"),)
    components: tuple[ComponentConfig, ...] = ()
    data: Path = Path("var")
    control: Path | None = None
    resource_conflict: Literal["replace", "rename", "refuse"] = "replace"
    shutdown_seconds: Seconds = 10.0
    listen: ListenConfig = ListenConfig()
    tls: TlsConfig = TlsConfig()
    sasl: SaslConfig = SaslConfig()
    s2s: ServersConfig = ServersConfig()
    limits: LimitsConfig = LimitsConfig()
    dns: DnsConfig = DnsConfig()
    storage: StorageConfig = StorageConfig()
    log: LogConfig = LogConfig()

    @property
    def lock_file(self) -> Path:
        """The file whose lock says that the data are in use."""
        return self.data / "lock"

    @property
    def development_directory(self) -> Path:
        """Where development certificates and their authority, `ca.pem`, are."""
        return self.data / "development"

    def identity_files(self, host: HostConfig) -> tuple[Path, Path] | None:
        """Return the certificate and key files of a host; None for a development certificate."""
        if host.certificate is not None and host.key is not None:
            return host.certificate, host.key
        if self.tls.certificate is not None and self.tls.key is not None:
            return self.tls.certificate, self.tls.key
        return None

    def tls_required(self, host: HostConfig) -> bool:
        """Tell whether the clients of a host must use TLS."""
        return self.tls.required if host.tls_required is None else host.tls_required


def without_a_file(data: Path, loopback: tuple[str, ...]) -> ServerConfig:
    """Return the settings of a server without a file: `localhost`, for this machine alone."""
    return ServerConfig(
        data=data,
        listen=ListenConfig(addresses=loopback),
        tls=TlsConfig(development=True),
        s2s=ServersConfig(enable=False),
    )
