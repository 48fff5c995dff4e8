"""A stock TCP server transport on one end of a socket pair, turned by hand."""

import socket
from contextlib import suppress
from typing import Any, cast

from OpenSSL import SSL
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.tcp import Server
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols import tls
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

SENDING = 8192
"""The size asked for the kernel's buffer, small so that a slow reader is soon felt."""


class Turns(MemoryReactorClock):
    """A reactor whose turns are taken by `turn`."""

    def turn(self) -> None:
        """Run what was put off; then read and write once where asked for."""
        self.advance(0)
        for reader in list(self.getReaders()):
            self.finish(reader, cast(Any, reader).doRead())
        for writer in list(self.getWriters()):
            self.finish(writer, cast(Any, writer).doWrite())

    def finish(self, descriptor: object, why: Exception | None) -> None:
        if why is not None:
            cast(Any, descriptor).connectionLost(Failure(why))


class Receiver(Protocol):
    """The server's protocol: keeps what it received and how it ended."""

    received = b""
    lost: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason


class Wire:
    """The transport under test, and its peer: a plain socket with TLS on top when wanted."""

    def __init__(self, case: SynchronousTestCase) -> None:
        self.reactor = Turns()
        # startTLS takes the global reactor for a clock, and this is how Twisted lets tests differ.
        case.patch(tls, "_get_default_clock", lambda: self.reactor)
        ours, self.peer = socket.socketpair()
        for end in (ours, self.peer):
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENDING)
            case.addCleanup(end.close)
        self.protocol = Receiver()
        server: Any = Server
        self.transport: Any = server(ours, self.protocol, ("", 0), None, 1, self.reactor)
        self.protocol.makeConnection(self.transport)
        self.tls: SSL.Connection | None = None
        self.wire = b""
        """Every byte the peer took from its socket."""

    def read(self) -> bytes:
        """Take what there is from the peer's socket."""
        taken = b""
        while True:
            try:
                data = self.peer.recv(2**16)
            except BlockingIOError:
                break
            if not data:
                break
            taken += data
        self.wire += taken
        return taken

    def start_tls(self, connection: SSL.Connection) -> None:
        connection.set_connect_state()
        self.tls = connection

    def talk(self) -> bytes:
        """Take turns until nothing moves; return what the peer could read under TLS."""
        assert self.tls is not None
        plain = b""
        for _ in range(200):
            plain += self._step(self.tls)
            self.reactor.turn()
        return plain

    def _step(self, connection: SSL.Connection) -> bytes:
        taken = self.read()
        if taken:
            connection.bio_write(taken)
        plain = b""
        with suppress(SSL.WantReadError):
            try:
                connection.do_handshake()
                while True:
                    plain += connection.recv(2**16)
            except SSL.ZeroReturnError:
                connection.shutdown()
        with suppress(SSL.WantReadError, BrokenPipeError):
            self.peer.send(connection.bio_read(2**16))
        return plain
