"""Looks up services and addresses in the DNS (RFC 2782, RFC 1035, RFC 3596) and remembers them.

Answers are a stranger's word: names that are none are left out, and only so many records are taken.
"""

from collections.abc import Callable, Coroutine, Sequence
from ipaddress import ip_address
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.names import dns
from twisted.python.failure import Failure
from zope.interface import implementer

from xmppd.api.network import (
    AddressAnswer,
    IResolver,
    LookupFailed,
    SrvAnswer,
    SrvRecord,
    Trouble,
)
from xmppd.net.dns_answer import MOST_ALIASES, Alias, Found, read
from xmppd.net.dns_cache import CacheLimits, DnsCache, Known
from xmppd.net.dns_question import askable

MOST_SERVICES = 32
MOST_ADDRESSES = 16
"""How many records of a service, and addresses of a kind, are taken of an answer."""

PATIENCE = 0.25
"""Seconds that addresses of one kind wait for those of the other (RFC 8305 section 3).

More than is recommended there: nobody looks on while a server connects, and IPv6 is worth it.
"""


Records = Known[tuple[Any, ...]]
"""What was taken of an answer, or why there is nothing."""


class Asker(Protocol):
    """What puts the questions (see `xmppd.net.dns_client`)."""

    def ask(self, name: str, kind: int) -> Coroutine[Any, Any, dns.Message]:
        """Return the answer to one question; raise `LookupFailed`."""


@implementer(IResolver)
class Resolver:
    """Asks by `asker` what it does not remember."""

    def __init__(
        self, asker: Asker, clock: IReactorTime, limits: CacheLimits | None = None
    ) -> None:
        self._asker = asker
        self._clock = clock
        self._limits = limits or CacheLimits()
        self._cache: DnsCache[tuple[str, int], tuple[Any, ...]] = DnsCache(clock, self._limits)

    def srv(self, name: str) -> "Deferred[SrvAnswer]":
        """Look up a service (see `IResolver`); of many records the first by priority are taken."""

        def answer(known: Known[tuple[SrvRecord, ...]]) -> SrvAnswer:
            if isinstance(known.value, Trouble):
                raise LookupFailed(name, known.value)
            return SrvAnswer(known.value, known.ttl)

        return self._get(name, dns.SRV, _services).addCallback(answer)

    def addresses(self, host: str) -> "Deferred[AddressAnswer]":
        """Look up the addresses of a host (see `IResolver`)."""
        address = literal(host, self._limits.longest)
        if address is not None:
            return succeed(address)
        ipv6 = self._get(host, dns.AAAA, _addresses)
        ipv4 = self._get(host, dns.A, _addresses)
        return _Both(ipv6, ipv4, self._clock).done.addCallback(_joined)

    def _get(
        self, name: str, kind: int, taken: Callable[[Any], tuple[Any, ...]]
    ) -> "Deferred[Records]":
        asked = askable(name)
        if not asked:
            return succeed(Known(Trouble.NO_NAME, self._limits.nothing))
        return self._cache.get((asked, kind), lambda: self._look_up(asked, kind, taken))

    async def _look_up(
        self, name: str, kind: int, taken: Callable[[Any], tuple[Any, ...]]
    ) -> Records:
        """Ask, and ask again for what the name is an alias of."""
        ttl = self._limits.longest
        for _ in range(MOST_ALIASES):
            try:
                answer = read(await self._asker.ask(name, kind), name, kind)
            except LookupFailed as failure:
                return Known(failure.trouble, 0.0)
            ttl = min(ttl, answer.ttl)
            if isinstance(answer, Found):
                return Known(taken(answer.payloads) or Trouble.BROKEN, ttl)
            if not isinstance(answer, Alias):
                return Known(answer.trouble, ttl)
            name = askable(answer.name)
            if not name:
                return Known(Trouble.BROKEN, 0.0)
        return Known(Trouble.LOOP, 0.0)


class _Both:
    """Waits for two lookups: for the second only a moment once the first has found something.

    `done` fires with both outcomes in the order they were given.
    """

    def __init__(
        self, first: "Deferred[Records]", second: "Deferred[Records]", clock: IReactorTime
    ) -> None:
        self.done: Deferred[list[Records]] = Deferred(self._cancelled)
        self._lookups = (first, second)
        self._outcomes: list[Records | None] = [None, None]
        self._clock = clock
        self._timer: IDelayedCall | None = None
        for place, lookup in enumerate(self._lookups):
            lookup.addCallbacks(self._came, _late, (place,))

    def _came(self, outcome: Records, place: int) -> None:
        self._outcomes[place] = outcome
        if None not in self._outcomes:
            self._end()
        elif not isinstance(outcome.value, Trouble):
            self._timer = self._clock.callLater(PATIENCE, self._end)

    def _end(self) -> None:
        self._stop()
        late: Records = Known(Trouble.TIMEOUT, 0.0)
        self.done.callback([each or late for each in self._outcomes])

    def _cancelled(self, done: "Deferred[list[Records]]") -> None:
        self._stop()

    def _stop(self) -> None:
        """Wait for nothing any more; the lookups go on, for what remembers them."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        for lookup in self._lookups:
            lookup.cancel()


def _late(failure: Failure) -> None:
    """Take it that nobody waits any more."""
    failure.trap(CancelledError)  # type: ignore[no-untyped-call]  # untyped in Twisted


def _services(payloads: Sequence[Any]) -> tuple[SrvRecord, ...]:
    records = [
        SrvRecord(each.priority, each.weight, each.port, target)
        for each in sorted(payloads, key=lambda each: each.priority)
        if (target := _target(each.target.name.decode("latin-1")))
    ]
    return tuple(records[:MOST_SERVICES])


def _target(name: str) -> str:
    """Return where a record leads to, "" if that is no name."""
    return "." if name in ("", ".") else askable(name)


def _addresses(payloads: Sequence[Any]) -> tuple[str, ...]:
    found = dict.fromkeys(str(ip_address(each.address)) for each in payloads)
    return tuple(found)[:MOST_ADDRESSES]


def _joined(outcomes: Sequence[Records]) -> AddressAnswer:
    (ipv6, ipv6_trouble), (ipv4, ipv4_trouble) = map(_split, outcomes)
    # What was found holds even if the other kind has to be asked for again soon.
    ttls = [each.ttl for each in outcomes if not isinstance(each.value, Trouble)]
    ttl = min(ttls or [each.ttl for each in outcomes])
    return AddressAnswer(ipv6, ipv4, ttl, ipv6_trouble, ipv4_trouble)


def _split(known: Records) -> tuple[tuple[str, ...], Trouble | None]:
    return ((), known.value) if isinstance(known.value, Trouble) else (known.value, None)


def literal(host: str, ttl: float) -> AddressAnswer | None:
    """Return the answer that an IP address is, in brackets or not; None for anything else."""
    try:
        ip = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    if ip.version == 6:
        return AddressAnswer((str(ip),), (), ttl, None, Trouble.NO_RECORDS)
    return AddressAnswer((), (str(ip),), ttl, Trouble.NO_RECORDS, None)
