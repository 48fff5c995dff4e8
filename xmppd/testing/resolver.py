"""A DNS made of tables, which can also fail or never answer."""

from collections.abc import Mapping, Sequence

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from xmppd.api.network import (
    AddressAnswer,
    IResolver,
    LookupFailed,
    SrvAnswer,
    SrvRecord,
    Trouble,
)
from xmppd.net.resolver import literal


@implementer(IResolver)
class FixedResolver:
    """Answers from its tables at once, and remembers nothing.

    - `services`: records, or why there are none, by the name of the service.
    - `hosts`: IP addresses of both kinds, or why there are none, by the name of the host.
    - `silent`: names of either kind that never get an answer.
    - `asked`: what has been looked up, in order; not IP addresses.
    - `ttl`: of every answer.

    Of what is in no table, there is no such name.
    """

    def __init__(
        self,
        services: Mapping[str, Sequence[SrvRecord] | Trouble] | None = None,
        hosts: Mapping[str, Sequence[str] | Trouble] | None = None,
    ) -> None:
        self.services = dict(services or {})
        self.hosts = dict(hosts or {})
        self.silent: set[str] = set()
        self.asked: list[str] = []
        self.ttl = 300.0

    def srv(self, name: str) -> "Deferred[SrvAnswer]":
        """Look a service up."""
        self.asked.append(name)
        if name in self.silent:
            return Deferred()
        found = self.services.get(name, Trouble.NO_NAME)
        if isinstance(found, Trouble):
            return fail(LookupFailed(name, found))
        records = sorted(found, key=lambda record: record.priority)
        return succeed(SrvAnswer(tuple(records), self.ttl))

    def addresses(self, host: str) -> "Deferred[AddressAnswer]":
        """Look the addresses of a host up."""
        address = literal(host, self.ttl)
        if address is not None:
            return succeed(address)
        self.asked.append(host)
        if host in self.silent:
            return Deferred()
        found = self.hosts.get(host, Trouble.NO_NAME)
        if isinstance(found, Trouble):
            return succeed(AddressAnswer((), (), self.ttl, found, found))
        ipv6 = tuple(each for each in found if ":" in each)
        ipv4 = tuple(each for each in found if ":" not in each)
        troubles = [None if each else Trouble.NO_RECORDS for each in (ipv6, ipv4)]
        return succeed(AddressAnswer(ipv6, ipv4, self.ttl, *troubles))
