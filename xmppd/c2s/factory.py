"""The factory behind the clients' ports."""

from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory
from twisted.logger import Logger
from zope.interface import implementer

from xmppd.c2s.protocol import ClientProtocol
from xmppd.c2s.service import ClientService


@implementer(IProtocolFactory)
class ClientFactory:
    """Makes a `ClientProtocol` for each connection, and none where an address has too many.

    `direct_tls`: the port is wrapped in TLS from the first byte (XEP-0368).
    """

    noisy = False
    _log = Logger()

    def __init__(self, service: ClientService, *, direct_tls: bool = False) -> None:
        self._service = service
        self._direct_tls = direct_tls

    def doStart(self) -> None:
        """Do nothing when a port begins to listen."""

    def doStop(self) -> None:
        """Do nothing when a port stops listening."""

    def buildProtocol(self, addr: IAddress | None) -> IProtocol | None:
        """Return the protocol for a connection, None to refuse it."""
        address = getattr(addr, "host", "")
        if not self._service.admits(address):
            self._log.warn("too many connections from {address}", address=address)
            return None
        return ClientProtocol(self._service, address, self._direct_tls)
