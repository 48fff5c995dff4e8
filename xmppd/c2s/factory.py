"""The factory behind the clients' ports."""

from twisted.internet.interfaces import (
    IAddress,
    ILoggingContext,
    IProtocol,
    IProtocolFactory,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol
from zope.interface import implementer

from xmppd.c2s.protocol import ClientProtocol
from xmppd.c2s.service import ClientService


class _Refused(Protocol):
    """A connection that is closed at once."""

    def makeConnection(self, transport: ITCPTransport) -> None:
        """Close it."""
        transport.abortConnection()


@implementer(IProtocolFactory, ILoggingContext)
class ClientFactory:
    """Makes a `ClientProtocol` for each connection, and none where an address has too many.

    `direct_tls`: the port is wrapped in TLS from the first byte (XEP-0368).
    """

    noisy = False

    def __init__(self, service: ClientService, *, direct_tls: bool = False) -> None:
        self._service = service
        self._direct_tls = direct_tls

    def logPrefix(self) -> str:
        """Return what Twisted calls the port in the log."""
        return "port for clients"

    def doStart(self) -> None:
        """Do nothing when a port begins to listen."""

    def doStop(self) -> None:
        """Do nothing when a port stops listening."""

    def buildProtocol(self, addr: IAddress | None) -> IProtocol | None:
        """Return the protocol for a connection, None to refuse it.

        Twisted's TLS wrapper must have a protocol in any case: under it, one that hangs up.
        """
        address = getattr(addr, "host", "")
        if not self._service.admits(address):
            return _Refused() if self._direct_tls else None
        return ClientProtocol(self._service, address, self._direct_tls)
