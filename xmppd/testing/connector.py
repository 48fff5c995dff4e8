"""Connections to elsewhere that end as a test says."""

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.internet.testing import StringTransport
from zope.interface import implementer

from xmppd.api.network import IConnector


class FakeAttempt:
    """One connection somebody wants.

    - `ip`, `port`, `timeout`: what was asked for. Nothing happens when `timeout` is over.
    - `cancelled`: whether it is not wanted any more.
    """

    def __init__(self, ip: str, port: int, factory: IProtocolFactory, timeout: float) -> None:
        self.ip = ip
        self.port = port
        self.timeout = timeout
        self.cancelled = False
        self._factory = factory
        self.done: Deferred[IProtocol] = Deferred(self._cancel)

    def succeed(self) -> StringTransport:
        """Connect; return the transport of the protocol made for it."""
        kind = IPv6Address if ":" in self.ip else IPv4Address
        protocol = self._factory.buildProtocol(kind("TCP", self.ip, self.port))
        assert protocol is not None
        transport = StringTransport()
        protocol.makeConnection(transport)
        self.done.callback(protocol)
        return transport

    def fail(self, error: Exception) -> None:
        """Fail, with one of `twisted.internet.error.ConnectError` to be like the real ones."""
        self.done.errback(error)

    def _cancel(self, done: "Deferred[IProtocol]") -> None:
        self.cancelled = True


@implementer(IConnector)
class FakeConnector:
    """Notes in `attempts` what is to be connected to; a test has each succeed or fail.

    - `refused`: fails at once for these IP addresses, with these errors.
    """

    def __init__(self) -> None:
        self.attempts: list[FakeAttempt] = []
        self.refused: dict[str, Exception] = {}

    def connect(
        self, ip: str, port: int, factory: IProtocolFactory, timeout: float
    ) -> "Deferred[IProtocol]":
        """Note the attempt."""
        attempt = FakeAttempt(ip, port, factory, timeout)
        self.attempts.append(attempt)
        if ip in self.refused:
            attempt.fail(self.refused[ip])
        return attempt.done
