"""The factory behind the clients' ports."""

from xmppd.c2s.protocol import ClientProtocol
from xmppd.c2s.service import ClientService
from xmppd.net.factory import PortFactory


class ClientFactory(PortFactory):
    """Makes a `ClientProtocol` for each connection, and none where an address has too many.

    `direct_tls`: the port is wrapped in TLS from the first byte (XEP-0368).
    """

    def __init__(self, service: ClientService, *, direct_tls: bool = False) -> None:
        super().__init__(
            "port for clients",
            service.admits,
            lambda address: ClientProtocol(service, address, direct_tls),
            wrapped=direct_tls,
        )
