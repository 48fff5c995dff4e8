"""A connection and the stream that goes over it, whoever is at its other end (RFC 6120 3 to 5).

Clients, components and other servers each have a protocol made from this one, which says what their
streams mean. Here is what holds for all: bytes in and out, TLS, back-pressure, deadlines, the end.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IHandshakeListener, IProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from xmppd.net.tls import ConnectionCreator
from xmppd.net.tls_client import ClientCreator
from xmppd.net.transport import Flusher, Writer
from xmppd.stanza.stanza import Stanza
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Closed
from xmppd.stream.stream import State, Stream
from xmppd.wire.element import Element


@implementer(IProtocol, IHandshakeListener)
class StreamProtocol:
    """One connection, whose stream may be restarted but is the only one.

    - `address`: the IP address at the other end; `secure`: whether the connection is under TLS.
    - `deadline`: when it has to be done with what it is about (the clock's seconds), 0 for never.

    Once it `is_over`, our side of the stream is closed: nothing more is written, and what comes is
    read on to the end of the other side, until `deadline`.
    """

    __slots__ = (
        "_stopped",
        "_stream",
        "_transport",
        "_writer",
        "address",
        "deadline",
        "secure",
    )

    _log = Logger()

    def __init__(self, stream: Stream, address: str, *, secure: bool = False) -> None:
        self._stream = stream
        self._transport: Any = None
        self._writer: Writer | None = None
        self._stopped = False
        self.address = address
        self.secure = secure
        self.deadline = 0.0

    # For those who say what the stream means.

    def connectionMade(self) -> None:
        """Begin: there is a connection. Calls `_write_to`."""
        raise NotImplementedError

    def _take_in(self, data: bytes) -> None:
        """Act on what came in; `_await_end` does it once it is over. What is wrong raises."""
        raise NotImplementedError

    def _take_late(self, stanza: Stanza) -> None:
        """Act on a stanza that came behind the end of our side, which was no error."""

    def _confirmed(self) -> None:
        """The other side has closed its own behind ours, so it has read all that was sent."""

    @property
    def is_over(self) -> bool:
        """Whether our side of the stream is closed."""
        raise NotImplementedError

    @property
    def _is_full(self) -> bool:
        """Whether no more should be read for now; what is passed over is read all the same."""
        raise NotImplementedError

    def _failure(self, error: StreamError) -> bytes:
        """Return what tells the other side of an error and closes ours."""
        raise NotImplementedError

    def _finish(self, reason: str) -> None:
        """Be of no more use, for a reason in plain words; from now on it is over."""
        raise NotImplementedError

    def _limit_end(self) -> None:
        """Set a limit to the time the other side may take over what comes now."""
        raise NotImplementedError

    def _gone(self, reason: Failure) -> None:
        """Let go of everything: the connection is lost, and there is nothing to write to."""
        raise NotImplementedError

    # From the transport.

    def makeConnection(self, transport: Any) -> None:
        """Take the transport, once and for all streams of the connection."""
        self._transport = transport
        self.connectionMade()

    def handshakeCompleted(self) -> None:
        """Take note of the end of the TLS handshake; what we need of it is asked for later."""

    def dataReceived(self, data: bytes) -> None:
        """Take what came in. An exception of ours ends this stream and nothing else."""
        try:
            self._take_in(data)
        except StreamError as error:
            self._break(error)
        except Exception:
            self._log.failure("a stream with {address} failed", address=self.address)
            self._break(StreamError("internal-server-error"))

    def connectionLost(self, reason: Failure) -> None:
        """Let go of everything: the connection is gone."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.detach()
        self._transport = None
        self._stream.end()
        self._gone(reason)

    def _break(self, error: StreamError) -> None:
        if self.is_over:
            self._hang_up()  # nothing can be said any more
        else:
            self.fail(error)

    # To the transport.

    def _write_to(
        self,
        flusher: Flusher,
        limit: int,
        drained: Callable[[], object],
        advanced: Callable[[], object],
    ) -> None:
        """Be ready to write; see `Writer` for the arguments."""
        self._writer = Writer(self._transport, flusher, limit, self.overflow)
        self._writer.drained = drained
        self._writer.advanced = advanced

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

    def start_tls(self, creator: ConnectionCreator | ClientCreator) -> None:
        """Put everything from here on under TLS; what came in clear is forgotten."""
        self._stream.discard()
        self.secure = True
        if self._writer is not None:
            self._writer.start_tls(creator)

    def regulate(self) -> None:
        """Have the transport read, or not."""
        if self._transport is None:
            return
        stopped = self._is_full
        if stopped != self._stopped:
            self._stopped = stopped
            if stopped:
                self._transport.pauseProducing()
            else:
                self._transport.resumeProducing()

    # The end.

    def fail(self, error: StreamError) -> None:
        """End the stream with that error (RFC 6120 4.9.1.1)."""
        told = f"{error.condition}: {error.text}" if error.text else error.condition
        self._close(self._failure(error), f"we ended the stream ({told})")

    def close(self, reason: str = "we closed the stream") -> None:
        """End the stream without an error (RFC 6120 4.4)."""
        self._close(self._stream.close(), reason)

    def leave(self) -> None:
        """End the stream because this server is being stopped."""
        self.fail(StreamError("system-shutdown"))

    def overflow(self) -> None:
        """Cut off who does not read what it is sent."""
        self.fail(StreamError("resource-constraint", "you read too slowly"))

    def abort(self) -> None:
        """Close the connection at once."""
        if self._writer is not None:
            self._writer.abort()

    def _close(self, last: bytes, reason: str) -> None:
        """Send the last bytes; the connection follows once the other side is closed, too."""
        writer, stream = self._writer, self._stream
        if writer is None or self.is_over:
            return
        self._finish(reason)
        self._limit_end()
        if stream.state is State.FRESH or not writer.writable:
            stream.end()  # no end will come: it knows of no stream yet, or does not read
        self.regulate()
        if stream.state is State.CLOSED:
            writer.close(last)
            return
        writer.write(last)
        self.dataReceived(b"")  # for what has come and was not read yet

    def _await_end(self, data: bytes) -> None:
        """Read on for the other side's end of the stream (RFC 6120 4.4)."""
        for event in self._stream.receive(data):
            if self._writer is None:
                return
            if isinstance(event, Stanza):
                self._take_late(event)
                continue
            # Without data the end was there before, and has only been read now.
            if data and isinstance(event, Closed) and event.orderly:
                self._confirmed()
            self._writer.close()

    def _hang_up(self) -> None:
        """Wait for the other side's end no longer, only for that of the connection."""
        self._stream.end()
        self._limit_end()
        self.regulate()
        if self._writer is not None:
            self._writer.close()

    # Time.

    def overdue(self) -> None:
        """Act on a deadline that has passed."""
        if self._stream.state is State.CLOSED:
            self.abort()
        elif self.is_over:
            self._hang_up()
        else:
            self._overdue()

    def _overdue(self) -> None:
        """Act on a deadline that has passed before it was over."""
        self.fail(StreamError("connection-timeout", "negotiation took too long"))
