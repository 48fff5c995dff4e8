"""What clients and other servers find about our domains in the DNS (RFC 6120 3.2, XEP-0368).

Everything is a warning at most, but a record which says that a service we offer does not exist: the
DNS may be seen differently from elsewhere.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from twisted.internet.defer import Deferred, gatherResults

from xmppd.api.network import AddressAnswer, IResolver, LookupFailed, SrvAnswer, Trouble
from xmppd.net.addresses import refused
from xmppd.server.config import ServerConfig
from xmppd.server.findings import Finding, Level

SERVER_PORT = 5269
"""Where other servers connect to if the DNS names no port (RFC 6120 section 14.7)."""

_NOWHERE = "."


@dataclass(frozen=True, slots=True)
class Offer:
    """A service of one of our domains.

    - `who` looks for it: "clients" or "servers".
    - `port`: where we listen for them, 0 if that is not known.
    - `default`: the port of the domain itself that they try without a record; 0 if they do not.
    """

    domain: str
    service: str
    who: str
    port: int
    default: int

    @property
    def name(self) -> str:
        """The name at which the DNS is asked."""
        return f"{self.service}.{self.domain}"


def offers(config: ServerConfig) -> list[Offer]:
    """Return all that could be found; an IP address needs no DNS and is not among it."""
    listen, found = config.listen, []
    for host in config.hosts:
        if listen.c2s:
            found.append(Offer(host.name, "_xmpp-client._tcp", "clients", listen.c2s, 5222))
        if listen.c2s_tls:
            found.append(Offer(host.name, "_xmpps-client._tcp", "clients", listen.c2s_tls, 0))
    names = [host.name for host in config.hosts]
    names += [component.name for component in config.components]
    for name in names if config.s2s.enable else ():
        if listen.s2s:
            found.append(Offer(name, "_xmpp-server._tcp", "servers", listen.s2s, SERVER_PORT))
        if listen.s2s_tls:
            found.append(Offer(name, "_xmpps-server._tcp", "servers", listen.s2s_tls, 0))
    return [each for each in found if not _is_address(each.domain)]


async def published(offered: Iterable[Offer], resolver: IResolver) -> list[Finding]:
    """Look all of it up, and where it leads to, and say what there is in plain words."""
    offered = list(offered)
    answers = await gatherResults(
        [Deferred.fromCoroutine(_services(resolver, offer.name)) for offer in offered]
    )
    troubles = [each for each in answers if isinstance(each, Trouble) and not each.final]
    if troubles and len(troubles) == len(answers):
        what = f"What others find in the DNS was not looked at: {troubles[0].value}."
        return [Finding(Level.WARN, what)]
    pairs = list(zip(offered, answers, strict=True))
    hosts = list(dict.fromkeys(host for pair in pairs for host in _leads_to(*pair)))
    found = await gatherResults([resolver.addresses(host) for host in hosts])
    addresses = dict(zip(hosts, found, strict=True))
    return [*(_about(*pair) for pair in pairs), *_about_hosts(addresses)]


async def _services(resolver: IResolver, name: str) -> SrvAnswer | Trouble:
    try:
        return await resolver.srv(name)
    except LookupFailed as failure:
        return failure.trouble


def _leads_to(offer: Offer, answer: SrvAnswer | Trouble) -> list[str]:
    """Return the hosts that are connected to."""
    if isinstance(answer, Trouble):
        return [offer.domain] if answer.final and offer.default else []
    return [record.target for record in answer.records if record.target != _NOWHERE]


def _about(offer: Offer, answer: SrvAnswer | Trouble) -> Finding:
    """Compare what the DNS says of a service with where it is."""
    name = offer.name
    if isinstance(answer, Trouble):
        return _without(offer, answer)
    if all(record.target == _NOWHERE for record in answer.records):
        level = Level.ERROR if offer.port else Level.WARN
        return Finding(level, f"{name}: the SRV record says there is no such service.")
    shown = ", ".join(f"{record.target} port {record.port}" for record in answer.records)
    if offer.port and any(record.port != offer.port for record in answer.records):
        return Finding(Level.WARN, f"{name}: leads to {shown}; we listen on port {offer.port}.")
    return Finding(Level.OK, f"{name}: leads to {shown}.")


def _without(offer: Offer, trouble: Trouble) -> Finding:
    if not trouble.final:
        return Finding(Level.WARN, f"{offer.name}: could not be looked up ({trouble.value}).")
    if not offer.default:
        what = f"there is no SRV record, so {offer.who} do not try."
        return Finding(Level.WARN, f"{offer.name}: {what}")
    level = Level.OK if offer.port in (0, offer.default) else Level.WARN
    what = f"there is no SRV record, so {offer.who} try port {offer.default} of the host."
    return Finding(level, f"{offer.name}: {what}")


def _about_hosts(hosts: Mapping[str, AddressAnswer]) -> Iterator[Finding]:
    for host, answer in hosts.items():
        if _is_address(host):
            what = "an SRV record must name a host, not an address; many will not connect to it."
            yield Finding(Level.WARN, f"{host}: {what}")
        elif answer.trouble is not None and answer.trouble.final:
            yield Finding(Level.WARN, f"{host}: has no address, so nobody can connect to it.")
        elif answer.trouble is not None:
            what = f"could not be looked up ({answer.trouble.value})"
            yield Finding(Level.WARN, f"{host}: {what}.")
        else:
            yield from _about_addresses(host, (*answer.ipv6, *answer.ipv4))


def _about_addresses(host: str, addresses: Iterable[str]) -> Iterator[Finding]:
    public = []
    for address in addresses:
        kind = refused(address)
        if kind:
            what = f"has {address}, {kind}; nobody elsewhere can connect to that."
            yield Finding(Level.WARN, f"{host}: {what}")
        else:
            public.append(address)
    if public:
        yield Finding(Level.OK, f"{host}: has {', '.join(public)}.")


def _is_address(name: str) -> bool:
    try:
        return bool(ip_address(name.strip("[]")))
    except ValueError:
        return False
