"""What a certificate chain proves of a domain (RFC 6120 13.7.2, RFC 9525, XEP-0178).

The handshake accepts every certificate; here it is judged, as that of a server for one domain: the
one that stanzas are for or from, never the host that the DNS names for it. The common name of the
subject never counts.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from itertools import islice
from typing import TypeVar

from cryptography import x509
from cryptography.x509.oid import NameOID
from service_identity.exceptions import CertificateError
from service_identity.hazmat import DNS_ID, SRV_ID, DNSPattern, SRVPattern

from xmppd.net.names import (
    MALFORMED,
    covers,
    dns_names,
    ip_addresses,
    srv_names,
    xmpp_addresses,
)
from xmppd.net.roots import (
    MAX_CHAIN,
    ChainError,
    Flaw,
    Roots,
    has_weak_key,
    has_weak_signature,
    is_authority,
    limits_names,
)
from xmppd.stanza.jid import JID, JIDError

SERVICE = "_xmpp-server"
"""The service in SRV-IDs of servers towards servers (RFC 6120 13.7.1.2.1)."""

MAX_NAMES = 1000
"""How many names of each kind are looked at in a certificate: comparing them takes time."""

MAX_ADDRESSES = 100
"""The same for XmppAddr identifiers, which take more of it."""

_NAME = re.compile(r"[a-z0-9_*-]+(?:\.[a-z0-9_*-]+)*", re.ASCII)
_NAMES_SHOWN = 5
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is thought of a chain.

    - `trusted`: whether it leads to a certificate that is believed, and is in force.
    - `covers`: whether it names the domain; without `trusted` that proves nothing.
    - `names`: what it names, for people to read: hosts, services, XMPP domains, IP addresses; each
      once, malformed ones left out.
    - `reason`: a sentence without its stop that says why it is not `valid`, "" if it is.
    - `flaw`: what is wrong with a chain that leads to nothing that is believed, else None.
    - `until`: when the first of the certificates that it leads over expires; None if it leads over
      none, or to nothing.
    """

    trusted: bool
    covers: bool
    names: tuple[str, ...]
    reason: str
    flaw: Flaw | None = None
    until: datetime | None = None

    @property
    def valid(self) -> bool:
        """Whether it proves the domain."""
        return self.trusted and self.covers


def judge(chain: Sequence[bytes], domain: str, roots: Roots, now: datetime) -> Judgement:
    """Judge a chain in DER, its own certificate first, for a domain as of `now`. Never raises.

    `domain` is a domainpart (A-labels, or an IP address); `now` is an aware datetime.
    """
    if not chain:
        return Judgement(False, False, (), "no certificate was shown")
    if len(chain) > MAX_CHAIN:
        return Judgement(False, False, (), f"more than {MAX_CHAIN} certificates were shown")
    path: list[x509.Certificate] = []
    flaw = None
    free = True
    try:
        certificates = [x509.load_der_x509_certificate(der) for der in chain]
        issues_others = is_authority(certificates[0])
        path = roots.path(certificates, now)
        # An authority that may name some hosts only is held to that by OpenSSL (RFC 5280 4.2.1.10),
        # but not where it names services or XMPP domains: with those it could name anybody.
        free = not any(limits_names(each) for each in path[1:])
        distrust = _distrust(path, issues_others=issues_others)
    except ChainError as error:
        distrust, flaw = _explained(error), error.flaw
    except MALFORMED:
        return Judgement(False, False, (), "a certificate that was shown cannot be read")
    domains = _domains(certificates[0])
    names = _names(certificates[0], domains)
    named = (free and domain in domains) or _covers(certificates[0], domain, services=free)
    reason = distrust or ("" if named else _mismatch(names, domain, free=free))
    until = min((each.not_valid_after_utc for each in path), default=None)
    return Judgement(not distrust, named, names, reason, flaw, until)


# Whether it is believed.


def _distrust(path: list[x509.Certificate], *, issues_others: bool) -> str:
    """Return why a chain that leads to what is believed is not believed itself, "" if it is."""
    # What is believed by itself may be anything: an operator has said so.
    if path and issues_others:
        return "the certificate is that of an authority, not of a server"
    if any(has_weak_key(each) or has_weak_signature(each) for each in path):
        return "a key or signature of the certificate, or of one above it, is too weak"
    return ""


def _explained(error: ChainError) -> str:
    certificate = error.certificate
    which = "the certificate"
    if error.depth:
        which = f"the certificate of its authority, {_shown(certificate.subject)},"
    match error.flaw:
        case Flaw.EXPIRED:
            return f"{which} has expired on {_date(certificate.not_valid_after_utc)}"
        case Flaw.EARLY:
            return f"{which} is not valid before {_date(certificate.not_valid_before_utc)}"
        case Flaw.SELF_SIGNED:
            return "the certificate is self-signed, and not one this server trusts"
        case Flaw.UNKNOWN_AUTHORITY:
            return (
                f"the certificate's authority, {_shown(certificate.issuer)}, is not one this "
                "server trusts, or certificates in between were not sent"
            )
    return f"{which} cannot be believed: {error}"


def _shown(name: x509.Name) -> str:
    """Return a name for people to read: strangers choose it."""
    found = [
        str(attribute.value)
        for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
        for attribute in name.get_attributes_for_oid(kind)
    ]
    text = (found or [name.rfc4514_string()])[0][:_SHOWN]
    return "".join(each if each.isprintable() else "\ufffd" for each in text) or "without a name"


def _date(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


# Whom it names.


def _names(certificate: x509.Certificate, domains: list[str]) -> tuple[str, ...]:
    hosts = [*_hosts(dns_names(certificate)), *_hosts(srv_names(certificate))]
    return tuple(dict.fromkeys([*hosts, *domains, *ip_addresses(certificate)[:MAX_NAMES]]))


def _covers(certificate: x509.Certificate, domain: str, *, services: bool) -> bool:
    """Tell whether hosts, IP addresses and, if they count, services among its names cover it."""
    try:
        address = str(ip_address(domain.removeprefix("[").removesuffix("]")))
    except ValueError:
        return _covers_host(certificate, domain) or (
            services and _covers_service(certificate, domain)
        )
    return address in ip_addresses(certificate)


def _covers_host(certificate: x509.Certificate, domain: str) -> bool:
    try:
        host = DNS_ID(domain)
    except ValueError:  # such as "1_0", which it takes for a number
        return False
    # Reading a pattern takes long, and strangers choose how many there are: only what could match.
    wildcard = f"*.{domain.partition('.')[2]}"
    hosts = _patterns(DNSPattern.from_bytes, dns_names(certificate), domain, wildcard)
    # service_identity has no wildcard stand for an A-label; RFC 9525 6.3 has, for any whole label.
    return any(
        host.verify(pattern) or covers(pattern.pattern.decode(), domain) for pattern in hosts
    )


def _covers_service(certificate: x509.Certificate, domain: str) -> bool:
    try:
        service = SRV_ID(f"{SERVICE}.{domain}")
    except ValueError:
        return False
    services = _patterns(SRVPattern.from_bytes, srv_names(certificate), f"{SERVICE}.{domain}")
    return any(service.verify(pattern) for pattern in services)


_Pattern = TypeVar("_Pattern")


def _patterns(
    read: Callable[[bytes], _Pattern], names: Iterable[str], *wanted: str
) -> list[_Pattern]:
    """Return what can be made of the wanted names; one malformed takes nothing from the others."""
    found = []
    for name in {each for each in _hosts(names) if each in wanted}:
        try:
            found.append(read(name.encode()))
        except CertificateError:
            continue
    return found


def _hosts(names: Iterable[str]) -> list[str]:
    """Return names in the form in which they compare, without those that cannot be names."""
    prepared = (name.lower().removesuffix(".") for name in islice(names, MAX_NAMES))
    return [name for name in prepared if _NAME.fullmatch(name)]


def _domains(certificate: x509.Certificate) -> list[str]:
    """Return the domains among the XmppAddr identifiers, prepared."""
    addresses = xmpp_addresses(certificate)[:MAX_ADDRESSES]
    return [domain for domain in map(_domain, addresses) if domain]


def _domain(address: str) -> str:
    """Return the domain that an XmppAddr is; "" if it is another address, or none."""
    try:
        jid = JID.parse(address)
    except JIDError:
        return ""
    return "" if jid.localpart or jid.resourcepart else jid.domainpart


def _mismatch(names: tuple[str, ...], domain: str, *, free: bool) -> str:
    if not free and domain in (name.removeprefix(f"{SERVICE}.") for name in names):
        return f"an authority that may not name everybody vouches for {domain}, and not as a host"
    if not names:
        return f"the certificate names no server, so it is not for {domain}"
    more = len(names) - _NAMES_SHOWN
    shown = ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return f"the certificate is for {shown}, not for {domain}"
