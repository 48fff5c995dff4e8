"""The factory behind the components' port."""

from xmppd.component.protocol import ComponentProtocol
from xmppd.component.service import ComponentService
from xmppd.net.factory import PortFactory


class ComponentFactory(PortFactory):
    """Makes a `ComponentProtocol` for each connection, none where an address has too many."""

    def __init__(self, service: ComponentService) -> None:
        super().__init__(
            "port for components",
            service.admits,
            lambda address: ComponentProtocol(service, address),
        )
