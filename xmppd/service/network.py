"""The real network for a server: the DNS, and connections by TCP."""

from ipaddress import ip_address
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from zope.interface import implementer

from xmppd.api.network import IConnector
from xmppd.net.dns_cache import CacheLimits
from xmppd.net.dns_client import DnsClient
from xmppd.net.dns_servers import SystemServers, server
from xmppd.net.resolver import Resolver
from xmppd.server.config import DnsConfig


@implementer(IConnector)
class TcpConnector:
    """Connects by TCP, IPv4 or IPv6."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def connect(
        self, ip: str, port: int, factory: IProtocolFactory, timeout: float
    ) -> "Deferred[IProtocol]":
        """Connect (see `IConnector`). Raises ValueError for what is no IP address."""
        # A name would be looked up by the system, which takes a thread for as long as it likes.
        kind = TCP6ClientEndpoint if ip_address(ip).version == 6 else TCP4ClientEndpoint
        connecting: Deferred[IProtocol] = kind(self._reactor, ip, port, timeout).connect(factory)
        return connecting


def resolver(reactor: Any, connector: IConnector, config: DnsConfig) -> Resolver:
    """Return what asks the DNS servers named, or those of the system. Raises ValueError."""
    named = tuple(map(server, config.servers))
    servers = (lambda: named) if named else SystemServers()
    limits = CacheLimits(
        records=config.cache_records,
        longest=config.cache_seconds,
        nothing=config.nothing_seconds,
        at_once=config.lookups,
        waiting=config.waiting_lookups,
    )
    return Resolver(DnsClient(reactor, connector, servers), reactor, limits)
