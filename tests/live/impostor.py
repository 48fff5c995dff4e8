"""A server played by hand, over a real connection and TLS: it can say what no server should."""

import socket
import ssl
from base64 import b64encode
from pathlib import Path

from tests.live.processes import PATIENCE

_HEADER = (
    "<?xml version='1.0'?><stream:stream from='{}' to='{}' version='1.0' xmlns='jabber:server'"
    " xmlns:db='jabber:server:dialback' xmlns:stream='http://etherx.jabber.org/streams'>"
)
_STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
_AUTH = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>{}</auth>"


class Impostor:
    """Says that it is `domain`, and wants to speak with `to`; `certificate` is a chain and its key.

    What it is told is in `heard`.
    """

    def __init__(
        self, address: str, port: int, domain: str, to: str, certificate: tuple[Path, Path]
    ) -> None:
        self.header = _HEADER.format(domain, to)
        self._domain = domain
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE
        self._context.load_cert_chain(*certificate)
        self._socket = socket.create_connection((address, port), PATIENCE)
        self.heard = ""

    def open(self) -> None:
        """Open a stream under TLS."""
        self.ask(self.header, "</stream:features>")
        self.ask(_STARTTLS, "<proceed")
        self._socket = self._context.wrap_socket(self._socket)
        self.ask(self.header, "</stream:features>")

    def authenticate(self) -> None:
        """Prove the domain by the certificate."""
        self.ask(_AUTH.format(b64encode(self._domain.encode()).decode()), "<success")
        self.ask(self.header, "</stream:features>")

    def ask(self, xml: str, wanted: str) -> None:
        """Send something and read until `wanted` is heard."""
        self._socket.sendall(xml.encode())
        self.heard = ""
        while wanted not in self.heard:
            if not self._read():
                raise AssertionError(f"no {wanted}, but {self.heard}")

    def ends(self, xml: str) -> str:
        """Send something by which the stream ends, and return what is heard until then."""
        self._socket.sendall(xml.encode())
        self.heard = ""
        while "</stream:stream>" not in self.heard and self._read():
            pass
        return self.heard

    def close(self) -> None:
        """Be gone."""
        self._socket.close()

    def _read(self) -> bool:
        data = self._socket.recv(65_536)
        self.heard += data.decode()
        return bool(data)
