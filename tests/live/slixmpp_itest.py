"""A process that runs one module of slixmpp's own integration tests, as `unittest` does.

They log in as CI_ACCOUNT1 and CI_ACCOUNT2; the domain is found at XMPPD_ADDRESS, on XMPPD_PORT for
STARTTLS and XMPPD_TLS_PORT for direct TLS, as if DNS had said so. SSL_CERT_FILE names the
authority to believe.
"""

import logging
import os
import socket
import sys
import unittest
from typing import Any
from unittest import mock

from slixmpp import JID
from slixmpp.xmlstream import xmlstream

ADDRESS = os.environ["XMPPD_ADDRESS"]
PORTS = {
    "xmpps-client": int(os.environ["XMPPD_TLS_PORT"]),
    "xmpp-client": int(os.environ["XMPPD_PORT"]),
}
DOMAIN = JID(os.environ["CI_ACCOUNT1"]).domain

Records = list[tuple[str, str, str, int]]


async def resolve(host: str, _port: int, services: list[str] | None = None, **_: object) -> Records:
    """Return what SRV records would (see `slixmpp.xmlstream.resolver.resolve`)."""
    return [(service, host, ADDRESS, PORTS[service]) for service in services or ()]


def getaddrinfo(host: Any, *more: Any, **how: Any) -> Any:
    """Return the server's address for its domain."""
    return _getaddrinfo(ADDRESS if host == DOMAIN else host, *more, **how)


_getaddrinfo = socket.getaddrinfo

if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG)
    mock.patch.object(xmlstream, "resolve", resolve).start()
    mock.patch.object(socket, "getaddrinfo", getaddrinfo).start()
    unittest.main(sys.argv.pop(1), verbosity=2)
