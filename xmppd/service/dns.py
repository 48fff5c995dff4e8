"""Asks the DNS for SRV records, for the command `check` (RFC 2782)."""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError
from twisted.names import client, dns
from twisted.names.error import DNSNameError, DomainError, ResolverError

from xmppd.server.check import NoAnswer

TIMEOUTS = (1, 2, 4)
"""Seconds to wait for an answer, attempt by attempt."""

Lookup = Callable[..., "Deferred[Any]"]


async def services(name: str, lookup: Lookup = client.lookupService) -> Sequence[tuple[str, int]]:
    """Return the (host, port) pairs of an SRV name, the preferred first.

    There are none if there is no such record. Raises `NoAnswer`.
    """
    try:
        answers, _, _ = await lookup(name, timeout=TIMEOUTS)
    except DNSNameError:
        return []
    except TimeoutError:
        raise NoAnswer("no answer in time") from None
    except (DomainError, ResolverError, OSError) as error:
        raise NoAnswer(f"the resolver says {type(error).__name__}") from None
    records: list[Any] = [each.payload for each in answers if each.type == dns.SRV]
    records.sort(key=lambda record: (record.priority, -record.weight))
    return [(record.target.name.decode("ascii", "replace"), record.port) for record in records]
