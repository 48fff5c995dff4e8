"""A connection between servers: bytes, TLS, deadlines, the end of its streams (RFC 6120 4 and 5).

What the elements mean is said in `incoming` for connections that others make and in `dialled` for
those that we make. Stanzas go through `traffic` in either direction.
"""

from enum import Enum
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHandshakeListener, IProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from xmppd.net.tls import ConnectionCreator
from xmppd.net.tls_client import ClientCreator, tls_failure
from xmppd.net.transport import Writer
from xmppd.s2s.pairs import Pairs
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.traffic import Traffic
from xmppd.stanza.stanza import Stanza
from xmppd.stream.errors import StreamError
from xmppd.stream.stream import State, Stream
from xmppd.wire.element import Element


class Phase(Enum):
    """How far a connection has come."""

    NEGOTIATING = "negotiating"
    """No stanza may go in any direction yet."""
    READY = "ready"
    """At least one pair of domains is proven."""
    ENDED = "ended"
    """We have closed our side and read on for the end of the other."""


@implementer(IProtocol, IHandshakeListener)
class ServerProtocol:
    """One connection between servers.

    - `address`: where it leads (an IP address); `secure`: whether it is under TLS.
    - `phase`: how far it has come; `pairs`: what is proven on it.
    - `deadline`: when it has to be done with what it is about (the clock's seconds), 0 for never.
    - `since`: when it was made (seconds since 1970); `last_used`: when a stanza went last.
    """

    __slots__ = (
        "_around",
        "_stopped",
        "_stream",
        "_transport",
        "_writer",
        "address",
        "deadline",
        "last_used",
        "pairs",
        "phase",
        "secure",
        "since",
        "traffic",
    )

    _log = Logger()
    _stream: Stream

    def __init__(self, around: Surroundings, stream: Stream, address: str, *, secure: bool) -> None:
        self._around = around
        self._stream = stream
        self._transport: Any = None
        self._writer: Writer | None = None
        self._stopped = False
        self.address = address
        self.secure = secure
        self.phase = Phase.NEGOTIATING
        self.deadline = around.clock.seconds() + around.settings.negotiation_seconds
        self.since = around.wall.now()
        self.last_used = around.clock.seconds()
        self.pairs = Pairs(around.settings.pairs)
        self.traffic = Traffic(around, self)

    # IProtocol.

    def makeConnection(self, transport: Any) -> None:
        """Take the transport, once and for all streams of the connection."""
        self._transport = transport
        self.connectionMade()

    def connectionMade(self) -> None:
        """Begin: there is a connection."""
        around, transport = self._around, self._transport
        self._writer = Writer(transport, around.flusher, around.settings.output, self.overflow)
        self._writer.drained = self.traffic.drained
        self._writer.advanced = self.traffic.advanced
        keep_alive = getattr(transport, "setTcpKeepAlive", None)
        if keep_alive is not None:
            keep_alive(True)
        self._begin()

    def handshakeCompleted(self) -> None:
        """Take note of the end of the TLS handshake."""

    def dataReceived(self, data: bytes) -> None:
        """Take what came in. An exception of ours ends this connection and nothing else."""
        try:
            if self.phase is Phase.ENDED:
                self._await_end(data)
            else:
                self.traffic.begin()
                self._read(data)
        except StreamError as error:
            self.fail(error)
        except Exception:
            self._log.failure("a stream between servers failed")
            self.fail(StreamError("internal-server-error"))

    def connectionLost(self, reason: Failure) -> None:
        """Let go of everything: the connection is gone."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.detach()
        self._transport = None
        self._around.connections.remove(self)
        self._stream.end()
        self._leave(reason)
        self.traffic.settle(read=False)
        self.traffic.let_go()
        del self.traffic  # it refers to us

    # For those who say what the elements mean.

    def _begin(self) -> None:
        """Act on the connection that was made."""
        raise NotImplementedError

    def _read(self, data: bytes) -> None:
        """Act on what came in, while the stream has not been ended by us."""
        raise NotImplementedError

    def _ended(self, reason: str) -> None:
        """Act on the end of the stream, for a reason in plain words; it comes once."""
        raise NotImplementedError

    # Sending.

    @property
    def transport(self) -> Any:
        """The transport, for who asks it about TLS; None once it is gone."""
        return self._transport

    @property
    def writable(self) -> bool:
        """Whether what is written now leaves in this turn."""
        return self._writer is not None and self._writer.writable

    def write(self, data: bytes) -> None:
        """Write bytes of the stream."""
        if self._writer is not None:
            self._writer.write(data)

    def element(self, element: Element) -> None:
        """Write a first-level element."""
        self.write(self._stream.element(element))

    def send(self, stanza: Stanza) -> bool:
        """Write a stanza; return whether it could be: where not, by a fault of ours, it is logged.

        The other side does not count what was not written.
        """
        try:
            data = stanza.to_bytes()
        except ValueError:
            self._log.failure("{stanza} cannot be written", stanza=repr(stanza))
            return False
        self.write(data)
        self.last_used = self._around.clock.seconds()
        return True

    def start_tls(self, creator: ConnectionCreator | ClientCreator) -> None:
        """Put everything from here on under TLS; what came in clear is forgotten."""
        self._stream.discard()
        self.secure = True
        if self._writer is not None:
            self._writer.start_tls(creator)

    def regulate(self) -> None:
        """Have the transport read, or not; a stream we have ended is read to its end."""
        stopped = self.phase is not Phase.ENDED and self._is_full()
        if self._transport is not None and stopped != self._stopped:
            self._stopped = stopped
            if stopped:
                self._transport.pauseProducing()
            else:
                self._transport.resumeProducing()

    def _is_full(self) -> bool:
        """Tell whether no more should be read for now."""
        return self.traffic.full

    # The end.

    def fail(self, error: StreamError) -> None:
        """End the stream with that error (RFC 6120 4.9.1.1)."""
        self._close(self._failure(error), f"we ended the stream ({_told(error)})")

    def _failure(self, error: StreamError) -> bytes:
        """Return what tells the other side of an error and closes our side."""
        raise NotImplementedError

    def close(self, reason: str = "we closed the stream") -> None:
        """End the stream without an error (RFC 6120 4.4)."""
        self._close(self._stream.close(), reason)

    def leave(self) -> None:
        """End the stream because this server is being stopped, as soon as nothing is in doubt."""
        self.traffic.when_acknowledged(lambda: self.fail(StreamError("system-shutdown")))

    def abort(self) -> None:
        """Close the connection at once."""
        if self._writer is not None:
            self._writer.abort()

    def overflow(self) -> None:
        """Cut off a server that does not read what it is sent."""
        self.fail(StreamError("resource-constraint", "you read too slowly"))

    def _close(self, last: bytes, reason: str) -> None:
        """Send the last bytes; the connection follows once the other side is closed, too."""
        writer = self._writer
        if writer is None or self.phase is Phase.ENDED:
            return
        self._finish(reason)
        self.deadline = self._around.clock.seconds() + self._around.settings.closing_seconds
        self.regulate()
        if not writer.writable:
            self._stream.end()  # it does not read, so it will not answer
        if self._stream.state in (State.CLOSED, State.FRESH):
            self._stream.end()
            writer.close(last)
            return
        writer.write(last)
        self._await_end(b"")

    def _await_end(self, data: bytes) -> None:
        """Read on for the other side's end of the stream, and for nothing else."""
        if not self._stream.receive(data):
            return
        if data:  # else it had closed its side before it could read of the end of ours
            self.traffic.settle(read=True)
        if self._writer is not None:
            self._writer.close()

    def _leave(self, reason: Failure) -> None:
        """Act on the loss of the connection."""
        if self.phase is not Phase.ENDED:
            self._finish(_lost(reason))

    def _finish(self, reason: str) -> None:
        """Be of no more use: nothing is taken and nothing sent any more."""
        self.phase = Phase.ENDED
        self.traffic.end()
        self._ended(reason)

    # Time.

    def look_after(self, now: float) -> None:
        """Act on what has become due."""
        if self.deadline and now >= self.deadline:
            self._overdue()
        elif self.phase is Phase.READY:
            self.traffic.look_after(now)

    def _overdue(self) -> None:
        if self._stream.state is State.CLOSED:
            self.abort()
        elif self.phase is Phase.ENDED:
            self._stream.end()
            self.deadline = self._around.clock.seconds() + self._around.settings.closing_seconds
            if self._writer is not None:
                self._writer.close()
        else:
            self.fail(StreamError("connection-timeout", "negotiation took too long"))


def _told(error: StreamError) -> str:
    return f"{error.condition}: {error.text}" if error.text else error.condition


def _lost(reason: Failure) -> str:
    """Say why a connection is gone."""
    failure = tls_failure(reason.value)
    if failure:
        return f"TLS failed ({failure})"
    if isinstance(reason.value, ConnectionDone):
        return "the connection was closed"
    return "the connection was lost"
