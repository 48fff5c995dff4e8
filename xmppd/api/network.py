"""Finding and reaching other servers: the seams to the DNS and to the network.

RFC 6120 section 3.2 says what is asked of the DNS, and in which order.
"""

from dataclasses import dataclass
from enum import Enum

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from zope.interface import Interface


class Trouble(Enum):
    """Why a lookup found nothing; the value completes "NAME: ..." as a plain sentence."""

    NO_NAME = "there is no such name"
    NO_RECORDS = "the name exists, but has nothing of that kind"
    TIMEOUT = "the DNS did not answer in time"
    BROKEN = "the DNS refused to answer, or its answer was of no use"
    LOOP = "the name is an alias that leads nowhere"
    BUSY = "too many other names were being looked up"

    @property
    def final(self) -> bool:
        """Whether the DNS has said that there is nothing; otherwise, nobody knows."""
        return self in (Trouble.NO_NAME, Trouble.NO_RECORDS)


class LookupFailed(Exception):
    """A lookup found nothing: of which `name`, and why. As text, a sentence without its stop."""

    def __init__(self, name: str, trouble: Trouble) -> None:
        super().__init__(f"{name}: {trouble.value}")
        self.name = name
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class SrvRecord:
    """One place where a service is offered (RFC 2782).

    - `target`: a host name in lower-case A-labels without a final dot; "." where the domain says
      that it does not offer the service.
    """

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class SrvAnswer:
    """At least one record, by priority. `ttl`: for how many seconds they may be relied on."""

    records: tuple[SrvRecord, ...]
    ttl: float


@dataclass(frozen=True, slots=True)
class AddressAnswer:
    """The IP addresses of a host, in no order of preference; either kind may be missing.

    - `ipv6_trouble`, `ipv4_trouble`: why there is none of that kind, None where there are some.
    - `ttl`: for how many seconds all this may be relied on.
    """

    ipv6: tuple[str, ...]
    ipv4: tuple[str, ...]
    ttl: float
    ipv6_trouble: Trouble | None = None
    ipv4_trouble: Trouble | None = None

    @property
    def trouble(self) -> Trouble | None:
        """Why there is no address at all; None if there is one.

        It is final only if the DNS has said so of both kinds.
        """
        if self.ipv6 or self.ipv4:
            return None
        both = [each or Trouble.NO_RECORDS for each in (self.ipv4_trouble, self.ipv6_trouble)]
        return next((each for each in both if not each.final), both[0])


class IResolver(Interface):
    """Asks the DNS.

    Answers, and failures for a short time, may come from memory. Names are A-labels; a final dot
    changes nothing. A caller may cancel what it got; others who wait for the same are not
    disturbed.
    """

    def srv(name: str) -> "Deferred[SrvAnswer]":
        """Look up a service by its whole name, such as "_xmpp-server._tcp.example.net".

        Fails with `LookupFailed`.
        """

    def addresses(host: str) -> "Deferred[AddressAnswer]":
        """Look up the addresses of a host; never fails.

        An IP address, IPv6 in brackets or not, is its own answer and is not looked up.
        """


class IConnector(Interface):
    """Connects to other machines."""

    def connect(
        ip: str, port: int, factory: IProtocolFactory, timeout: float
    ) -> "Deferred[IProtocol]":
        """Connect by TCP to an IP address, and fire with what `factory` has built for it.

        That has been told `connectionMade` by then. Fails with
        `twisted.internet.error.ConnectError` if it was not possible, after `timeout` seconds at the
        latest. To cancel what it returned ends the attempt; then nothing is built any more.
        """
