"""The factory behind the ports for other servers."""

from xmppd.net.factory import PortFactory
from xmppd.s2s.service import ServerService


class ServerFactory(PortFactory):
    """Makes an `IncomingStream` for each connection, and none where an address has too many.

    `direct_tls`: the port is wrapped in TLS from the first byte (XEP-0368).
    """

    def __init__(self, service: ServerService, *, direct_tls: bool = False) -> None:
        super().__init__(
            "port for servers",
            service.admits,
            lambda address: service.accept(address, secure=direct_tls),
            wrapped=direct_tls,
        )
