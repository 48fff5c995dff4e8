"""What no type can refuse: settings that do not fit together, said in plain words."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from xmppd.makers import MakerError
from xmppd.net.dns_servers import server
from xmppd.server.config import ComponentConfig, HostConfig, ServerConfig, TlsConfig
from xmppd.server.inventory import Inventory
from xmppd.stanza.jid import JID, JIDError
from xmppd.stanza.prep import PrepError, domainpart


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a configuration cannot be: the key at fault, what is wrong, what would be right."""

    key: tuple[str, ...]
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{'.'.join(self.key)}: {self.what}" if self.key else self.what
        return f"{text}; {self.remedy}" if self.remedy else text


def validate(config: ServerConfig, inventory: Inventory) -> tuple[Problem, ...]:
    """Return all that is impossible about a configuration, given what can be named in it."""
    return (
        *_hosts(config),
        *_components(config),
        *_listen(config),
        *_servers(config),
        *_tls(config),
        *_sasl(config),
        *_limits(config),
        *_server_limits(config),
        *_dns(config),
        *_names(config, inventory),
    )


def _hosts(config: ServerConfig) -> Iterator[Problem]:
    if not config.hosts:
        yield Problem(("host",), "no host is named", 'add a table such as [host."example.org"]')
    for name, times in Counter(host.name for host in config.hosts).items():
        if times > 1:
            yield Problem(("host", name), "the host is there twice", "remove one of the two")
    for host in config.hosts:
        yield from _host(host)


def _host(host: HostConfig) -> Iterator[Problem]:
    key = ("host", host.name)
    yield from _domain(key, host.name)
    if not host.users and not host.anonymous:
        yield Problem((*key, "users"), "nobody could log in", 'name a user store, such as "xmppd"')
    if host.users and host.anonymous:
        yield Problem(
            (*key, "anonymous"),
            "a host for guests has no users, but user stores are named",
            "set users = [], or anonymous = false",
        )
    for admin in host.admins:
        yield from _admin((*key, "admins"), admin)


def _admin(key: tuple[str, ...], address: str) -> Iterator[Problem]:
    remedy = 'name accounts, such as "juliet@example.org"'
    try:
        jid = JID.parse(address)
    except JIDError as error:
        yield Problem(key, str(error), remedy)
        return
    if not jid.localpart or jid.resourcepart:
        yield Problem(key, f"{address!r} is no address of an account", remedy)


def _domain(key: tuple[str, ...], name: str, remedy: str = "") -> Iterator[Problem]:
    try:
        if domainpart(name) != name:
            yield Problem(key, "not in normal form", f"write it {domainpart(name)!r}")
    except PrepError as error:
        yield Problem(key, str(error), remedy or f"name the {key[0]} by its domain")


def _components(config: ServerConfig) -> Iterator[Problem]:
    hosts = {host.name for host in config.hosts}
    for name, times in Counter(component.name for component in config.components).items():
        key = ("component", name)
        if times > 1:
            yield Problem(key, "the component is there twice", "remove one of the two")
        if name in hosts:
            yield Problem(key, "this domain is a host", "give the component another domain")
    for component in config.components:
        yield from _domain(("component", component.name), component.name)
        yield from _secret(component)
    if config.components:
        yield from _component_port(config)


def _secret(component: ComponentConfig) -> Iterator[Problem]:
    key = ("component", component.name)
    if not component.secret and component.secret_file is None:
        yield Problem(key, "it has no secret to prove itself by", "set secret or secret_file")
    elif component.secret and component.secret_file is not None:
        yield Problem((*key, "secret"), "there is a secret_file as well", "remove one of them")


def _component_port(config: ServerConfig) -> Iterator[Problem]:
    listen, key = config.listen, ("listen", "components")
    if not listen.components:
        yield Problem(key, "components have no port to connect to", "set it, 5347 is usual")
    elif listen.components in (listen.c2s, listen.c2s_tls):
        yield Problem(key, "clients have that port", "use another one")
    elif config.s2s.enable and listen.components in (listen.s2s, listen.s2s_tls):
        yield Problem(key, "other servers have that port", "use another one")
    if not listen.component_addresses:
        yield Problem(
            ("listen", "component_addresses"), "no address to listen on", 'use ["127.0.0.1"]'
        )


def _listen(config: ServerConfig) -> Iterator[Problem]:
    listen = config.listen
    if not listen.addresses:
        yield Problem(("listen", "addresses"), "no address to listen on", 'use ["*"] for all')
    for field in ("addresses", "component_addresses"):
        for address in getattr(listen, field):
            if address != "*" and not _is_address(address):
                yield Problem(
                    ("listen", field),
                    f"{address!r} is no IP address",
                    'use addresses of this machine, or ["*"] for all',
                )
    if listen.c2s == listen.c2s_tls == 0:
        yield Problem(("listen",), "clients have no port to connect to", "set c2s or c2s_tls")
    elif listen.c2s == listen.c2s_tls:
        yield Problem(
            ("listen", "c2s_tls"), "the same port as c2s", "use two ports, or 0 for one of them"
        )


def _servers(config: ServerConfig) -> Iterator[Problem]:
    s2s = config.s2s
    if not s2s.enable:
        return
    yield from _server_ports(config)
    for field in ("allowed", "blocked"):
        for name in getattr(s2s, field):
            yield from _domain(("s2s", field), name, "name domains")
    hosts = {host.name for host in config.hosts}
    for domain in (None, *s2s.domains):
        key = ("s2s",) if domain is None else ("s2s", "domain", domain.name)
        if domain is not None and domain.name in hosts:
            yield Problem(key, "this domain is a host", "name a domain of another server")
        tls, certificate = (
            getattr(s2s, name) if getattr(domain, name, None) is None else getattr(domain, name)
            for name in ("require_tls", "require_valid_certificate")
        )
        if certificate and not tls:
            yield Problem(
                (*key, "require_tls"),
                "without TLS there is no certificate, which is required",
                "set require_valid_certificate = false as well",
            )


def _server_ports(config: ServerConfig) -> Iterator[Problem]:
    listen = config.listen
    taken = {listen.c2s: "c2s", listen.c2s_tls: "c2s_tls"}
    for field in ("s2s", "s2s_tls"):
        port = getattr(listen, field)
        if port and port in taken:
            yield Problem(
                ("listen", field),
                f"the same port as {taken[port]}",
                "use two ports, or 0 for one of them",
            )
        taken[port] = field


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def _tls(config: ServerConfig) -> Iterator[Problem]:
    yield from _pair(("tls",), config.tls)
    for host in config.hosts:
        yield from _pair(("host", host.name), host)
    if config.tls.development:
        return
    for host in config.hosts:
        if config.tls_required(host) and config.identity_files(host) is None:
            yield Problem(
                ("host", host.name),
                "TLS is required but there is no certificate",
                "set certificate and key, or tls.development = true to try things out",
            )
    wanted = any(config.tls_required(host) or config.identity_files(host) for host in config.hosts)
    if config.listen.c2s_tls and not wanted:
        yield Problem(
            ("listen", "c2s_tls"),
            "a port for TLS, but no host has a certificate",
            "set certificate and key, or c2s_tls = 0",
        )


def _pair(key: tuple[str, ...], table: TlsConfig | HostConfig) -> Iterator[Problem]:
    if table.certificate is not None and table.key is None:
        yield Problem((*key, "certificate"), "its key is missing", "set key as well")
    if table.certificate is None and table.key is not None:
        yield Problem((*key, "key"), "its certificate is missing", "set certificate as well")


def _sasl(config: ServerConfig) -> Iterator[Problem]:
    sasl = config.sasl
    for name in sasl.enable:
        if name in sasl.disable:
            yield Problem(("sasl", "disable"), f"{name} is enabled as well", "remove one of them")
    if "ANONYMOUS" in sasl.enable:
        yield Problem(
            ("sasl", "enable"),
            "ANONYMOUS is not for every host",
            "set anonymous = true for the host that guests may use",
        )
    if sasl.plain_without_tls and all(map(config.tls_required, config.hosts)):
        yield Problem(
            ("sasl", "plain_without_tls"),
            "no stream gets that far without TLS, which is required",
            "remove this, or set tls.required = false",
        )
    if "EXTERNAL" in sasl.enable and config.tls.client_ca is None:
        yield Problem(
            ("sasl", "enable"),
            "EXTERNAL needs authorities for the clients' certificates",
            "set tls.client_ca",
        )


def _limits(config: ServerConfig) -> Iterator[Problem]:
    limits = config.limits
    for smaller, larger in (
        ("stanza_bytes_before_login", "stanza_bytes"),
        ("tag_bytes", "stanza_bytes"),
        ("stanza_bytes", "output_bytes"),
        ("stanza_bytes", "component_backlog_bytes"),
        ("component_stanza_bytes", "component_backlog_bytes"),
        ("unauthenticated_per_address", "connections_per_address"),
    ):
        if getattr(limits, smaller) > getattr(limits, larger):
            yield Problem(
                ("limits", smaller),
                f"greater than {larger}, which is {getattr(limits, larger)}",
                "lower it, or raise the other",
            )


def _dns(config: ServerConfig) -> Iterator[Problem]:
    for text in config.dns.servers:
        try:
            server(text)
        except ValueError:
            yield Problem(
                ("dns", "servers"),
                f"{text!r} is no IP address",
                'name DNS servers like "192.0.2.53", with a port like "192.0.2.53:5353"',
            )


def _server_limits(config: ServerConfig) -> Iterator[Problem]:
    s2s = config.s2s
    for smaller, larger in (
        ("stanza_bytes", "output_bytes"),
        ("stanza_bytes", "queue_bytes"),
        ("stanza_bytes", "spool_bytes"),
        ("retry_seconds", "retry_longest_seconds"),
    ):
        if getattr(s2s, smaller) > getattr(s2s, larger):
            yield Problem(
                ("s2s", smaller),
                f"greater than {larger}, which is {getattr(s2s, larger)}",
                "lower it, or raise the other",
            )


def _names(config: ServerConfig, inventory: Inventory) -> Iterator[Problem]:
    yield from _named(("storage", "store"), inventory.store, config.storage.store)
    sasl = config.sasl
    yield from _named(("sasl", "enable"), inventory.chosen_mechanisms, sasl.enable, ())
    yield from _named(("sasl", "disable"), inventory.chosen_mechanisms, (), sasl.disable)
    for host in config.hosts:
        key, modules = ("host", host.name), host.modules
        for user_store in host.users:
            yield from _named((*key, "users"), inventory.check_user_store, user_store)
        for field, arguments in (
            ("enable", (modules.enable, ())),
            ("disable", ((), modules.disable)),
        ):
            yield from _named((*key, "modules", field), inventory.chosen_modules, *arguments)
        for name in modules.enable:
            if name in modules.disable:
                yield Problem(
                    (*key, "modules", "disable"), f"{name} is enabled as well", "remove one of them"
                )


def _named(
    key: tuple[str, ...], check: Callable[..., object], *arguments: object
) -> Iterator[Problem]:
    try:
        check(*arguments)
    except MakerError as error:
        yield Problem(key, str(error))
