"""A client at the other end of a real socket, with TLS over it where wanted."""

import socket
from contextlib import suppress
from typing import Any, ClassVar, Protocol
from xml.etree.ElementTree import Element

from OpenSSL import SSL
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.tcp import Server as TcpServer
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase

from tests.c2s.reading import Reader, check_alike, parse, written
from tests.c2s.texts import (
    BIND,
    CAPULET,
    CLOSE,
    PROCEED,
    STARTTLS,
    SUCCESS,
    binding,
    opening,
    plain,
    stream_error,
)
from tests.net import pairs
from tests.net.sockets import Turns
from xmppd.c2s.factory import ClientFactory
from xmppd.c2s.protocol import ClientProtocol
from xmppd.c2s.service import ClientService
from xmppd.net.tls import ServerContexts
from xmppd.stanza.jid import JID


class Place(Protocol):
    """Where a client connects to."""

    case: SynchronousTestCase
    reactor: Turns
    clients: ClientService
    direct: ServerContexts

    def turn(self) -> None:
        """Let all sides talk until nobody has any more to say."""

    def passes(self, seconds: float) -> None:
        """Let time go by."""


class Client:
    """A client: a socket, TLS over it where wanted, and a reader of what comes.

    - `direct`: TLS from the first byte on, as `direct` describes the client's side of it.
    - `address`: where the client seems to come from.
    """

    ADDRESS: ClassVar[str] = "192.0.2.1"

    def __init__(
        self, house: Place, *, direct: pairs.Client | None = None, address: str = ADDRESS
    ) -> None:
        self.house = house
        self.reader = Reader()
        self.raw = b""
        """Every byte that came over the socket."""
        self.lost = False
        """Whether the server has closed the connection."""
        self.reset = False
        """Whether it did so without taking leave."""
        self.deaf = False
        """While true, nothing is read from the socket."""
        self.tls: SSL.Connection | None = None
        self.notified = False
        """Whether the server has said that it ends TLS."""
        self.refusal = ""
        """Why TLS has failed."""
        self._out = b""
        ours, self.socket = socket.socketpair()
        for end in (ours, self.socket):
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        self.protocol = self._accept(ours, address, direct is not None)
        if direct is not None:
            self.begin_tls(direct)

    def _accept(self, ours: socket.socket, address: str, direct: bool) -> ClientProtocol | None:
        """Do what Twisted's port does for a connection."""
        house = self.house
        factory: Any = ClientFactory(house.clients, direct_tls=direct)
        if direct:
            creator = house.direct.creator()
            factory = TLSMemoryBIOFactory(creator, False, factory, house.reactor)
        kind = IPv6Address if ":" in address else IPv4Address
        protocol = factory.buildProtocol(kind("TCP", address, 40000))
        if protocol is None:
            ours.close()
            return None
        make: Any = TcpServer
        self.transport: Any = make(ours, protocol, ("", 0), None, 1, house.reactor)
        protocol.makeConnection(self.transport)
        inner = protocol.wrappedProtocol if direct else protocol
        return inner if isinstance(inner, ClientProtocol) else None

    # Bytes.

    def begin_tls(self, client: pairs.Client) -> None:
        """Speak TLS from here on."""
        self.tls = client.connection
        self.tls.set_connect_state()
        self.house.turn()

    def queues(self, text: str) -> None:
        """Have bytes on their way, in clear, that the server is yet to read."""
        self._out += text.encode()

    def sends(self, *texts: str | bytes) -> None:
        """Send bytes and let the server act on them."""
        for text in texts:
            data = text.encode() if isinstance(text, str) else text
            if self.tls is None:
                self._out += data
            else:
                self.tls.send(data)
        self.house.turn()

    def pump(self) -> bool:
        """Move what can be moved; tell whether anything was."""
        taken = b"" if self.deaf else self._read()
        self.raw += taken
        plain = taken if self.tls is None else self._decrypt(taken)
        if plain:
            self.reader.feed(plain)
        return bool(taken) or self._write()

    def _read(self) -> bytes:
        taken = b""
        while not self.lost:
            try:
                data = self.socket.recv(2**16)
            except BlockingIOError:
                break
            except ConnectionError:
                self.lost = self.reset = True
                break
            if not data:
                self.lost = True
            taken += data
        return taken

    def _decrypt(self, taken: bytes) -> bytes:
        connection, plain = self.tls, b""
        assert connection is not None
        if taken:
            connection.bio_write(taken)
        try:
            connection.do_handshake()
            while True:
                plain += connection.recv(2**16)
        except SSL.WantReadError:
            return plain
        except SSL.ZeroReturnError:
            self.notified = True
        except SSL.Error as error:
            self.refusal = self.refusal or str(error)
        return plain

    def _write(self) -> bool:
        if self.tls is not None:
            with suppress(SSL.WantReadError):
                self._out += self.tls.bio_read(2**16)
        if not self._out or self.lost:
            return False
        try:
            sent = self.socket.send(self._out)
        except BlockingIOError:
            return False
        except ConnectionError:
            self.lost = True
            return False
        self._out = self._out[sent:]
        return True

    def hangs_up(self) -> None:
        """Close the socket."""
        self.lost = True
        self.socket.close()
        self.house.turn()

    # What comes.

    def takes(self) -> list[Element]:
        """Return the elements that have come since the last look."""
        taken, self.reader.elements = self.reader.elements, []
        return taken

    def receives(self, *expected: str) -> None:
        """Fail unless exactly this has come since the last look (see `alike`)."""
        wanted = [element for text in expected for element in parse(text)]
        check_alike(self.house.case, wanted, self.takes())

    def fails_with(self, condition: str) -> None:
        """Fail unless the stream has ended with that error, behind nothing else, in good form."""
        self.receives(stream_error(condition))
        self.house.case.assertTrue(self.reader.ended)

    def closes(self) -> None:
        """Close the stream."""
        self.sends(CLOSE)

    # Whole steps.

    def opens(self, to: str = CAPULET, extra: str = "version='1.0'") -> None:
        """Open a stream, and take what is on offer without a look."""
        self.sends(opening(to, extra))
        self.house.case.assertEqual(len(self.takes()), 1)

    def starts_tls(self, client: pairs.Client | None = None, to: str = CAPULET) -> None:
        """Open a stream and begin TLS on it."""
        self.opens(to)
        self.sends(STARTTLS)
        self.receives(PROCEED)
        self.begin_tls(client or pairs.Client(server_name=to.encode()))

    def logs_in(
        self, name: str = "juliet", to: str = CAPULET, extra: str = "version='1.0'"
    ) -> None:
        """Log in by PLAIN and open the stream that follows."""
        self.opens(to, extra)
        self.sends(plain(name))
        self.receives(SUCCESS)
        self.opens(to, extra)

    def binds(self, resource: str = "") -> JID:
        """Bind a resource."""
        self.sends(binding(resource))
        (result,) = self.takes()
        found = result.findtext(f".//{{{BIND}}}jid")
        self.house.case.assertIsNotNone(found, written([result]))
        return JID.parse(found or "")
