"""The factory behind the components' port."""

from twisted.internet.interfaces import IAddress, ILoggingContext, IProtocol, IProtocolFactory
from zope.interface import implementer

from xmppd.component.protocol import ComponentProtocol
from xmppd.component.service import ComponentService


@implementer(IProtocolFactory, ILoggingContext)
class ComponentFactory:
    """Makes a `ComponentProtocol` for each connection, none where an address has too many."""

    noisy = False

    def __init__(self, service: ComponentService) -> None:
        self._service = service

    def logPrefix(self) -> str:
        """Return what Twisted calls the port in the log."""
        return "port for components"

    def doStart(self) -> None:
        """Do nothing when a port begins to listen."""

    def doStop(self) -> None:
        """Do nothing when a port stops listening."""

    def buildProtocol(self, addr: IAddress | None) -> IProtocol | None:
        """Return the protocol for a connection, None to refuse it."""
        address = getattr(addr, "host", "")
        return ComponentProtocol(self._service, address) if self._service.admits(address) else None
