"""What an operator may set for streams between servers, and for single domains (RFC 6120 13.12)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xmppd.stream.limits import StreamLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainPolicy:
    """What is asked of one domain of others, and where it is.

    - `require_tls`: nothing but its offer is done without TLS.
    - `require_valid_certificate`: it must show a certificate valid for the domain.
    - `dialback`: whether dialback serves as a proof (XEP-0220).
    - `host`, `port`, `direct_tls`: where it is, other than the DNS says; "" and 0 for unsaid.
    - `ca`: a PEM file of authorities that are believed for it instead of the system's.
    - `allow_private_addresses`: whether the DNS may lead to addresses that are not public.
    """

    require_tls: bool = True
    require_valid_certificate: bool = True
    dialback: bool = True
    host: str = ""
    port: int = 0
    direct_tls: bool = False
    ca: Path | None = None
    allow_private_addresses: bool = False

    @property
    def is_placed(self) -> bool:
        """Whether an operator has said where the domain is."""
        return bool(self.host or self.port)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Bounds and policies; see `etc/xmppd.toml` for what each is good for.

    Sizes are bytes, times seconds. What concerns connections that others make: `strangers` counts
    those of one network that have proven nothing, `streams` those of one domain and
    `streams_per_address` those of one network that have proven something, `verifications` the keys
    of others that are asked about at a time, each for `verification_seconds` at most.
    `inbox_stanzas` and `inbox_bytes` are what may be in work for one connection, `pairs` what may
    be proven on it.

    What concerns our own: at most `connecting` are made at a time, for at most `routes` pairs of
    domains; `queue_stanzas` and `queue_bytes` wait for each. The same numbers bound of how many
    servers, and departures in all, it is noted that presence was missed. Where nothing answers, it
    is tried again after `retry_seconds`, twice that and so on up to `retry_longest_seconds`; after
    `give_up_seconds` messages are returned. A sender who is not there is told when it comes, unless
    `return_seconds` have passed since the message was accepted.

    `stream_management` and `bidi` are whether those are offered (XEP-0198, XEP-0288).
    """

    limits: StreamLimits
    output: int
    slow_reader_seconds: float
    inbox_stanzas: int
    inbox_bytes: int
    strangers: int
    streams: int
    streams_per_address: int
    pairs: int
    verifications: int
    connecting: int
    routes: int
    queue_stanzas: int
    queue_bytes: int
    spool_stanzas: int
    spool_bytes: int
    negotiation_seconds: float
    connect_seconds: float
    idle_seconds: float
    answer_seconds: float
    retry_seconds: float
    retry_longest_seconds: float
    give_up_seconds: float
    return_seconds: float
    quiet_seconds: float
    default: DomainPolicy = field(default_factory=DomainPolicy)
    policies: Mapping[str, DomainPolicy] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    # Nobody has had a reason yet to set these.
    verification_seconds: float = 30.0
    closing_seconds: float = 5.0
    stream_management: bool = True
    bidi: bool = True

    def policy(self, domain: str) -> DomainPolicy:
        """Return what is asked of a domain."""
        return self.policies.get(domain, self.default)

    def permits(self, domain: str) -> bool:
        """Tell whether there is to be any traffic with a domain.

        A domain stands for its subdomains, too; what is blocked is blocked.
        """
        if _among(domain, self.blocked):
            return False
        return not self.allowed or _among(domain, self.allowed)


def _among(domain: str, named: tuple[str, ...]) -> bool:
    return any(domain == each or domain.endswith(f".{each}") for each in named)
