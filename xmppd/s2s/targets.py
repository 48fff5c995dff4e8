"""Where to connect to for a domain (RFC 6120 3.2, RFC 2782, XEP-0368).

Out of what the DNS has answered comes a list of places in the order in which they are tried. What
they prove when they are reached is another matter: it is always the domain that they must prove.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import accumulate

from xmppd.api.network import SrvRecord
from xmppd.stanza.prep import PrepError, foreign_domainpart

Draw = Callable[[int], int]
"""`draw(n)` returns a number from 0 to n, each as likely as the others."""

PORT = 5269
"""Where servers are found if nobody says otherwise (RFC 6120 14.7)."""

DIRECT_PORT = 5270
"""The same where TLS begins at once: a habit, for XEP-0368 names no port."""

MAX_TARGETS = 16
"""How many places are tried at most, however many there are."""

MAX_RECORDS = 64
"""How many records of the DNS are looked at: more are a nuisance, whoever means it."""

MAX_REDIRECTS = 3
"""How many `see-other-host` are followed one after the other (RFC 6120 4.9.3.19 wants 2 to 5)."""

_REDIRECT = re.compile(r"([^:\[\]]+|\[[^\[\]]+\])(?::([0-9]{1,5}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target:
    """One place to connect to.

    - `host`: a name in A-labels, or an IP address (IPv6 without brackets).
    - `direct`: whether TLS begins at once (XEP-0368); else STARTTLS asks for it.
    - `priority`: those with a lower one are better (RFC 2782); it makes no two places differ.
    """

    host: str
    port: int
    direct: bool = False
    priority: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where `see-other-host` sends us (RFC 6120 4.9.3.19).

    - `domain`: a domain or IP address, prepared as a domainpart.
    - `port`: 0 if none is given; then the domain is to be looked up like any other.
    """

    domain: str
    port: int

    @property
    def target(self) -> Target | None:
        """Where to connect at once; None if the domain has to be looked up first."""
        address = literal(self.domain)
        if not (address or self.port):
            return None
        return Target(address or self.domain, self.port or PORT)


def literal(domain: str) -> str:
    """Return the IP address that a domainpart is, IPv6 without brackets; "" if it is a name.

    There is nothing to look up for an address.
    """
    address = domain.removeprefix("[").removesuffix("]")
    try:
        ip_address(address)
    except ValueError:
        return ""
    return address


def find_targets(
    domain: str,
    starttls: Iterable[SrvRecord],
    direct: Iterable[SrvRecord],
    draw: Draw,
    limit: int = MAX_TARGETS,
) -> list[Target]:
    """Return where to connect to for a domain (A-labels or an IP address), the first to try first.

    `starttls` and `direct` are the records of `_xmpp-server._tcp` and `_xmpps-server._tcp`, none if
    there are none or no answer came. They are taken together (XEP-0368 3). Only if there are none
    at all the domain itself is the place (RFC 6120 3.2.2). The list is empty if the domain says
    that it does not offer the service, or what it says is of no use.
    """
    address = literal(domain)
    records = [(record, False) for record in starttls] + [(record, True) for record in direct]
    if address or not records:
        return [Target(address or domain, PORT)]
    records.sort(key=lambda each: each[0].priority)
    found: dict[Target, None] = {}
    offers = [each for each in records[:MAX_RECORDS] if _is_of_use(each[0])]
    for record, is_direct in _ordered(offers, draw):
        if len(found) == limit:
            break
        found.setdefault(Target(_host(record), record.port, is_direct, record.priority))
    return list(found)


def fixed_target(domain: str, host: str = "", port: int = 0, *, direct: bool = False) -> Target:
    """Return the place that an operator has set for a domain (RFC 6120 3.2.3).

    Where `host` (a name in A-labels or an IP address) is "" it is the domain itself, where `port`
    is 0 the usual one.
    """
    named = host or domain
    return Target(literal(named) or named, port or (DIRECT_PORT if direct else PORT), direct)


def read_redirect(text: str) -> Redirect | None:
    """Return where a peer's `see-other-host` sends us, None if that cannot be understood."""
    match = _REDIRECT.fullmatch(text)
    if match is None or (match[2] is not None and not _is_port(int(match[2]))):
        return None
    try:
        return Redirect(foreign_domainpart(match[1]), int(match[2] or 0))
    except PrepError:
        return None


_Offer = tuple[SrvRecord, bool]


def _ordered(offers: Sequence[_Offer], draw: Draw) -> Iterator[_Offer]:
    """Yield records by priority, and within one as RFC 2782 draws them ("Weight")."""
    for priority in sorted({record.priority for record, _ in offers}):
        waiting = [offer for offer in offers if offer[0].priority == priority]
        waiting.sort(key=lambda offer: offer[0].weight > 0)
        while waiting:
            sums = list(accumulate(record.weight for record, _ in waiting))
            drawn = draw(sums[-1])
            yield waiting.pop(next(index for index, upto in enumerate(sums) if upto >= drawn))


def _is_of_use(record: SrvRecord) -> bool:
    """Tell whether it names a place; "." says that there is none, and an address is no name."""
    host = _host(record)
    return host != "" and not literal(host) and _is_port(record.port)


def _host(record: SrvRecord) -> str:
    try:
        return foreign_domainpart(record.target)
    except PrepError:
        return ""


def _is_port(port: int) -> bool:
    return 0 < port < 65536
