"""The DNS of a network: each machine asks it, and it takes its time or fails as it is told."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from twisted.internet.defer import Deferred
from zope.interface import implementer

from xmppd.api.network import AddressAnswer, IResolver, LookupFailed, SrvAnswer, SrvRecord, Trouble
from xmppd.net.resolver import literal
from xmppd.testing.net.internet import Internet
from xmppd.testing.net.time import MachineClock
from xmppd.testing.resolver import FixedResolver

NO_ANSWER_SECONDS = 5.0
"""How long it takes to find out that the DNS does not answer."""


class Names:
    """What the DNS says.

    - `services`: the places of a service, by its whole name; `hosts`: addresses, by name.
    - `troubles`: what is answered instead for all names of a domain; `lies`: the host that its
      services are said to be at, for domains of whom the DNS says something wrong. Both may be
      changed at any time.
    """

    def __init__(self) -> None:
        self.services: dict[str, Sequence[SrvRecord]] = {}
        self.hosts: dict[str, Sequence[str]] = {}
        self.troubles: dict[str, Trouble] = {}
        self.lies: dict[str, str] = {}

    def trouble(self, name: str) -> Trouble | None:
        """Return what is wrong with a name, None if nothing is."""
        found = [each for at, each in self.troubles.items() if f".{name}".endswith(f".{at}")]
        return found[0] if found else None

    def mend(self) -> None:
        """Have everything answered, and answered right."""
        self.troubles.clear()
        self.lies.clear()

    def table(self) -> FixedResolver:
        """Return what is answered where there is no trouble."""
        services = {name: self._said(name, records) for name, records in self.services.items()}
        return FixedResolver(services, self.hosts)

    def _said(self, name: str, records: Sequence[SrvRecord]) -> Sequence[SrvRecord]:
        for domain, host in self.lies.items():
            if name.endswith(f".{domain}"):
                return [replace(record, target=host) for record in records]
        return records


@implementer(IResolver)
class MachineResolver:
    """The DNS as one machine asks it; it remembers nothing."""

    def __init__(self, names: Names, clock: MachineClock, internet: Internet) -> None:
        self._names = names
        self._clock = clock
        self._internet = internet

    def srv(self, name: str) -> "Deferred[SrvAnswer]":
        """Look a service up."""
        trouble = self._names.trouble(name)
        answer: Deferred[SrvAnswer] = Deferred()
        if trouble is not None:
            self._later(trouble, answer.errback, LookupFailed(name, trouble))
        else:
            self._names.table().srv(name).addCallbacks(
                lambda found: self._later(None, answer.callback, found),
                lambda failure: self._later(None, answer.errback, failure),
            )
        return answer

    def addresses(self, host: str) -> "Deferred[AddressAnswer]":
        """Look the addresses of a host up."""
        trouble = self._names.trouble(host)
        answer: Deferred[AddressAnswer] = Deferred()
        if trouble is not None and literal(host, 0.0) is None:
            nothing = AddressAnswer((), (), 0.0, trouble, trouble)
            self._later(trouble, answer.callback, nothing)
        else:
            self._names.table().addresses(host).addCallback(
                lambda found: self._later(None, answer.callback, found)
            )
        return answer

    def _later(self, trouble: Trouble | None, fire: Callable[..., None], outcome: object) -> None:
        delay = self._internet.dice.between(*self._internet.weather.delay)
        if trouble is Trouble.TIMEOUT:
            delay = NO_ANSWER_SECONDS
        # Whoever has stopped waiting has cancelled it; it takes one answer in vain.
        self._clock.callLater(delay, fire, outcome)
