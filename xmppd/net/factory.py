"""The factory behind every port: a protocol for each connection that may be, and nothing else."""

from collections.abc import Callable

from twisted.internet.interfaces import (
    IAddress,
    ILoggingContext,
    IProtocol,
    IProtocolFactory,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol
from zope.interface import implementer


class _Refused(Protocol):
    """A connection that is closed at once."""

    def makeConnection(self, transport: ITCPTransport) -> None:
        """Close it."""
        transport.abortConnection()


@implementer(IProtocolFactory, ILoggingContext)
class PortFactory:
    """Makes a protocol for each connection, and none where an address has too many.

    - `name`: what the log calls the port: "port for clients".
    - `admits`: tells whether an IP address may connect; `make`: returns the protocol for one.
    - `wrapped`: whether the port is wrapped in TLS from the first byte (XEP-0368).
    """

    noisy = False

    def __init__(
        self,
        name: str,
        admits: Callable[[str], bool],
        make: Callable[[str], IProtocol],
        *,
        wrapped: bool = False,
    ) -> None:
        self._name = name
        self._admits = admits
        self._make = make
        self._wrapped = wrapped

    def logPrefix(self) -> str:
        """Return what Twisted calls the port in the log."""
        return self._name

    def doStart(self) -> None:
        """Do nothing when a port begins to listen."""

    def doStop(self) -> None:
        """Do nothing when a port stops listening."""

    def buildProtocol(self, addr: IAddress | None) -> IProtocol | None:
        """Return the protocol for a connection, None to refuse it.

        Twisted's TLS wrapper must have a protocol in any case: under it, one that hangs up.
        """
        address = getattr(addr, "host", "")
        if not self._admits(address):
            return _Refused() if self._wrapped else None
        return self._make(address)
