"""What the answer of a DNS server says: records, an alias, or nothing (RFC 1034, RFC 2308).

Records count only at the end of the chain of aliases that begins at the name asked for; whatever
else is in an answer is not believed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from twisted.names import dns

from xmppd.api.network import Trouble

MOST_ALIASES = 8
"""How many aliases in a row are followed."""

_NEGATIVE_TTL = 1 << 31  # and up: to be taken for 0 (RFC 2181 section 8)


@dataclass(frozen=True, slots=True)
class Found:
    """The payloads of the records, at least one (`dns.Record_A` ...), good for `ttl` seconds."""

    payloads: tuple[Any, ...]
    ttl: int


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name stands for the one asked for; what that has is not in this answer."""

    name: str
    ttl: int


@dataclass(frozen=True, slots=True)
class Nothing:
    """No records, for that reason; `ttl` is 0 where the answer does not say how long."""

    trouble: Trouble
    ttl: int = 0


def read(message: dns.Message, name: str, kind: int) -> Found | Alias | Nothing:
    """Return what an answer says about records of that type of that name, in lower case."""
    aliases = _aliases(message)
    end, ttls = name, list[int]()
    while end in aliases:
        end, ttl = aliases[end]
        ttls.append(ttl)
        if len(ttls) > MOST_ALIASES:
            return Nothing(Trouble.LOOP)
    records = [each for each in _records(message.answers, kind) if _name(each.name) == end]
    if records:
        payloads = tuple(each.payload for each in records)
        return Found(payloads, min(ttls + [_ttl(each.ttl) for each in records]))
    if message.rCode == dns.ENAME:
        return Nothing(Trouble.NO_NAME, _negative_ttl(message, ttls))
    if ttls:
        return Alias(end, min(ttls))
    return Nothing(Trouble.NO_RECORDS, _negative_ttl(message, ttls))


def _aliases(message: dns.Message) -> dict[str, tuple[str, int]]:
    """Return the name that each alias stands for, and how long."""
    found = {}
    for each in _records(message.answers, dns.CNAME):
        payload: Any = each.payload
        found[_name(each.name)] = _name(payload.name), _ttl(each.ttl)
    return found


def _negative_ttl(message: dns.Message, ttls: list[int]) -> int:
    """Return for how long there will be nothing (RFC 2308 section 5)."""
    said = []
    for each in _records(message.authority, dns.SOA):
        payload: Any = each.payload
        said.append(min(_ttl(each.ttl), _ttl(payload.minimum)))
    return min(said + ttls) if said else 0


def _records(section: Iterable[dns.RRHeader], kind: int) -> Iterator[dns.RRHeader]:
    return (each for each in section if each.type == kind and each.cls == dns.IN)


def _ttl(seconds: int) -> int:
    return seconds if seconds < _NEGATIVE_TTL else 0


def _name(name: dns.Name) -> str:
    # Every byte has its character, so different names stay different; `askable` sorts them out.
    return name.name.decode("latin-1").lower()
