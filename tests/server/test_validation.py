"""Settings that do not fit together."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.server.makers import inventory
from xmppd.server.config import (
    ComponentConfig,
    DnsConfig,
    HostConfig,
    LimitsConfig,
    ListenConfig,
    ModulesConfig,
    RemoteConfig,
    SaslConfig,
    ServerConfig,
    ServersConfig,
    StorageConfig,
    TlsConfig,
    without_a_file,
)
from xmppd.server.validation import Problem, validate

PEM = Path("/x.pem")
HOST = HostConfig("localhost")
IRC = ComponentConfig("irc.localhost", "secret")
GOOD = without_a_file(Path("/data"), ("127.0.0.1",))
CERTIFIED = replace(GOOD, tls=TlsConfig(certificate=PEM, key=PEM))


def with_host(**fields: object) -> ServerConfig:
    return replace(GOOD, hosts=(replace(HOST, **fields),))  # type: ignore[arg-type]


def with_components(*components: ComponentConfig, **listen: Any) -> ServerConfig:
    return replace(GOOD, components=components, listen=replace(GOOD.listen, **listen))


def open_to_others(*components: ComponentConfig, **listen: Any) -> ServerConfig:
    return replace(with_components(*components, **listen), s2s=ServersConfig())


def with_remote(**fields: Any) -> ServerConfig:
    remote = replace(RemoteConfig("a.example"), **fields)
    return replace(GOOD, s2s=ServersConfig(domains=(remote,)))


def with_modules(**fields: tuple[str, ...]) -> ServerConfig:
    return with_host(modules=ModulesConfig(**fields))  # type: ignore[arg-type]


IMPOSSIBLE: list[tuple[ServerConfig, str]] = [
    (replace(GOOD, hosts=()), "host: no host is named; add a table such as"),
    (replace(GOOD, hosts=(HOST, HOST)), "host.localhost: the host is there twice"),
    (with_host(name="Example.org"), "host.Example.org: not in normal form; write it 'example.org'"),
    (with_host(name="a b"), "host.a b: domainpart is neither"),
    (with_host(users=()), "host.localhost.users: nobody could log in"),
    (with_host(anonymous=True), "host.localhost.anonymous: a host for guests has no users"),
    (with_host(admins=("juliet@@x",)), "host.localhost.admins: domainpart"),
    (with_host(admins=("localhost",)), "host.localhost.admins: 'localhost' is no address of an"),
    (with_host(admins=("a@b", "a@b/c")), "host.localhost.admins: 'a@b/c' is no address of an"),
    (with_host(users=("ldap:x",)), "host.localhost.users: there is no user store 'ldap'"),
    (with_components(IRC, IRC), "component.irc.localhost: the component is there twice"),
    (
        with_components(replace(IRC, name="localhost")),
        "component.localhost: this domain is a host; give the component another",
    ),
    (
        with_components(replace(IRC, name="Irc.localhost")),
        "component.Irc.localhost: not in normal form; write it 'irc.localhost'",
    ),
    (
        with_components(replace(IRC, name="a b")),
        "component.a b: domainpart is neither a domain name nor an address: 'a b'; name the compon",
    ),
    (
        with_components(replace(IRC, secret="")),
        "component.irc.localhost: it has no secret to prove itself by; set secret or secret_file",
    ),
    (
        with_components(replace(IRC, secret_file=PEM)),
        "component.irc.localhost.secret: there is a secret_file as well",
    ),
    (with_components(IRC, components=0), "listen.components: components have no port"),
    (with_components(IRC, components=5222), "listen.components: clients have that port"),
    (with_components(IRC, components=5223), "listen.components: clients have that port"),
    (with_components(IRC, component_addresses=()), "listen.component_addresses: no address to"),
    (
        with_components(component_addresses=("localhost",)),
        "listen.component_addresses: 'localhost' is no IP address",
    ),
    (
        replace(GOOD, limits=LimitsConfig(component_stanza_bytes=5_000_000)),
        "limits.component_stanza_bytes: greater than component_backlog_bytes",
    ),
    (
        replace(
            GOOD,
            limits=LimitsConfig(component_stanza_bytes=100_000, component_backlog_bytes=200_000),
        ),
        "limits.stanza_bytes: greater than component_backlog_bytes",
    ),
    (
        replace(GOOD, dns=DnsConfig(servers=("192.0.2.1", "ns.example.org"))),
        "dns.servers: 'ns.example.org' is no IP address; name DNS servers like",
    ),
    (
        replace(GOOD, dns=DnsConfig(servers=("192.0.2.1:0",))),
        "dns.servers: '192.0.2.1:0' is no IP address",
    ),
    (
        replace(GOOD, s2s=ServersConfig(require_tls=False)),
        "s2s.require_tls: without TLS there is no certificate, which is required",
    ),
    (
        with_remote(require_tls=False),
        "s2s.domain.a.example.require_tls: without TLS there is no certificate",
    ),
    (
        with_remote(name="localhost"),
        "s2s.domain.localhost: this domain is a host; name a domain of another server",
    ),
    (
        replace(GOOD, s2s=ServersConfig(blocked=("A.example",))),
        "s2s.blocked: not in normal form; write it 'a.example'",
    ),
    (
        replace(GOOD, s2s=ServersConfig(allowed=("a b",))),
        "s2s.allowed: domainpart is neither a domain name nor an address: 'a b'; name domains",
    ),
    (
        replace(GOOD, s2s=ServersConfig(stanza_bytes=5_000_000, queue_bytes=6_000_000)),
        "s2s.stanza_bytes: greater than output_bytes, which is 4194304",
    ),
    (
        replace(GOOD, s2s=ServersConfig(retry_seconds=1000.0)),
        "s2s.retry_seconds: greater than retry_longest_seconds",
    ),
    (open_to_others(s2s=5222), "listen.s2s: the same port as c2s; use two ports, or 0 for one"),
    (open_to_others(s2s=5, s2s_tls=5), "listen.s2s_tls: the same port as s2s"),
    (open_to_others(IRC, components=5269), "listen.components: other servers have that port"),
    (replace(GOOD, listen=ListenConfig(addresses=())), "listen.addresses: no address"),
    (
        replace(GOOD, listen=ListenConfig(addresses=("localhost",))),
        "listen.addresses: 'localhost' is no IP address",
    ),
    (replace(GOOD, listen=ListenConfig(c2s=0, c2s_tls=0)), "listen: clients have no port"),
    (replace(GOOD, listen=ListenConfig(c2s=5, c2s_tls=5)), "listen.c2s_tls: the same port as c2s"),
    (replace(GOOD, tls=replace(GOOD.tls, certificate=PEM)), "tls.certificate: its key is missing"),
    (replace(GOOD, tls=replace(GOOD.tls, key=PEM)), "tls.key: its certificate is missing"),
    (with_host(certificate=PEM), "host.localhost.certificate: its key is missing"),
    (with_host(key=PEM), "host.localhost.key: its certificate is missing"),
    (
        replace(GOOD, tls=TlsConfig()),
        "host.localhost: TLS is required but there is no certificate",
    ),
    (
        replace(GOOD, tls=TlsConfig(required=False)),
        "listen.c2s_tls: a port for TLS, but no host has a certificate",
    ),
    (
        replace(GOOD, sasl=SaslConfig(enable=("DIGEST-MD5",), disable=("DIGEST-MD5",))),
        "sasl.disable: DIGEST-MD5 is enabled as well",
    ),
    (
        replace(GOOD, sasl=SaslConfig(enable=("ANONYMOUS",))),
        "sasl.enable: ANONYMOUS is not for every host",
    ),
    (
        replace(GOOD, sasl=SaslConfig(plain_without_tls=True)),
        "sasl.plain_without_tls: no stream gets that far without TLS",
    ),
    (replace(GOOD, sasl=SaslConfig(enable=("EXTERNAL",))), "sasl.enable: EXTERNAL needs auth"),
    (replace(GOOD, sasl=SaslConfig(enable=("X",))), "sasl.enable: there is no mechanism 'X'"),
    (replace(GOOD, sasl=SaslConfig(disable=("X",))), "sasl.disable: there is no mechanism 'X'"),
    (
        replace(GOOD, limits=LimitsConfig(stanza_bytes=10_000, tag_bytes=5_000)),
        "limits.stanza_bytes_before_login: greater than stanza_bytes, which is 10000",
    ),
    (
        replace(GOOD, limits=LimitsConfig(tag_bytes=300_000)),
        "limits.tag_bytes: greater than stanza_bytes",
    ),
    (
        replace(GOOD, limits=LimitsConfig(output_bytes=200_000)),
        "limits.stanza_bytes: greater than output_bytes",
    ),
    (
        replace(GOOD, limits=LimitsConfig(connections_per_address=1)),
        "limits.unauthenticated_per_address: greater than connections_per_address",
    ),
    (replace(GOOD, storage=StorageConfig("x")), "storage.store: there is no store 'x'"),
    (with_modules(enable=("x",)), "host.localhost.modules.enable: there is no module 'x'"),
    (with_modules(disable=("x",)), "host.localhost.modules.disable: there is no module 'x'"),
    (
        with_modules(enable=("ping",), disable=("ping",)),
        "host.localhost.modules.disable: ping is enabled as well",
    ),
]

POSSIBLE: list[ServerConfig] = [
    GOOD,
    CERTIFIED,
    replace(GOOD, hosts=(HostConfig("a.example", PEM, PEM),), tls=TlsConfig()),
    replace(GOOD, sasl=SaslConfig(enable=("EXTERNAL",)), tls=replace(GOOD.tls, client_ca=PEM)),
    with_host(users=(), anonymous=True),
    with_host(tls_required=False),
    with_components(IRC, ComponentConfig("xn--rume-loa.example", secret_file=PEM)),
    with_components(components=0, component_addresses=()),
    with_remote(require_tls=False, require_valid_certificate=False),
    open_to_others(s2s=0, s2s_tls=0),
    replace(GOOD, listen=ListenConfig(s2s=5222), s2s=ServersConfig(enable=False)),
    with_components(IRC, component_addresses=("*", "::1")),
    replace(GOOD, dns=DnsConfig(servers=("192.0.2.53", "[2001:db8::53]:5353"))),
    replace(
        GOOD,
        tls=TlsConfig(required=False),
        listen=ListenConfig(("::1", "*"), c2s_tls=0),
        sasl=SaslConfig(plain_without_tls=True),
    ),
    with_modules(enable=("acme-filter",), disable=("ping",)),
]


class ValidationTests(SynchronousTestCase):
    """Each impossible combination is named once, with its key and a way out."""

    def test_impossible(self) -> None:
        for config, expected in IMPOSSIBLE:
            with self.subTest(expected=expected):
                found = [str(problem) for problem in validate(config, inventory())]
                self.assertEqual([text[: len(expected)] for text in found], [expected])

    def test_possible(self) -> None:
        for config in POSSIBLE:
            with self.subTest(config=config):
                self.assertEqual(validate(config, inventory()), ())

    def test_all_problems_are_told(self) -> None:
        config = replace(GOOD, hosts=(HOST, HOST), storage=StorageConfig("x"))
        self.assertEqual(len(validate(config, inventory())), 2)

    def test_a_problem_without_key_or_remedy(self) -> None:
        self.assertEqual(str(Problem((), "nothing fits")), "nothing fits")
