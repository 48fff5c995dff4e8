"""A client on a socket, for tests of whole programs: direct TLS (XEP-0368), blocking, bare."""

import re
import socket
import ssl
from base64 import b64encode
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE = 20.0
"""Seconds to wait for anything before the test fails."""


class TlsClient:
    """Speaks with `localhost` on a port of 127.0.0.1, whose certificate `authority` has issued."""

    def __init__(self, port: int, authority: Path) -> None:
        context = ssl.create_default_context(cafile=authority)
        context.set_alpn_protocols(["xmpp-client"])
        plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._socket = context.wrap_socket(plain, server_hostname="localhost")
        self._unread = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def send(self, text: str) -> None:
        """Send text of the stream."""
        self._socket.sendall(text.encode())

    def expect(self, pattern: str) -> re.Match[str]:
        """Read until something matches; what came before it is not looked at any more.

        Raises AssertionError, with what has come, if the stream ends or stays silent.
        """
        while True:
            found = re.search(pattern, self._unread)
            if found:
                self._unread = self._unread[found.end() :]
                return found
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                data = b""
            if not data:
                raise AssertionError(f"{pattern!r} has not come, but {self._unread!r}")
            self._unread += data.decode()

    def offered(self) -> list[str]:
        """Open a stream and return the mechanisms offered."""
        self._open()
        features = self.expect("<stream:features>(.*?)</stream:features>")[1]
        return re.findall("<mechanism>(.*?)</mechanism>", features)

    def try_to_log_in(self, mechanism: str, message: bytes) -> str:
        """Send an initial response and return the name of the element that answers it."""
        data = b64encode(message).decode()
        self.send(
            f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{data}</auth>"
        )
        return self.expect("<(success|failure|challenge)[ />]")[1]

    def bind(self) -> str:
        """Bind a resource, become available and return the full address."""
        self._open()
        self.expect("</stream:features>")
        self.send(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
            "<presence/>"
        )
        return self.expect("<jid>(.*?)</jid>")[1]

    def _open(self) -> None:
        self.send(
            "<stream:stream to='localhost' version='1.0' xmlns='jabber:client'"
            " xmlns:stream='http://etherx.jabber.org/streams'>"
        )
