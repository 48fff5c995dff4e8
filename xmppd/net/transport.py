"""Writing to a connection: many small writes become one per reactor turn, with back-pressure.

A `Writer` stands between a protocol and any stock Twisted transport. It keeps to the transport's
public interface, so that endpoints, TLS and in-memory transports all serve.
"""

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
    IPushProducer,
    IReactorTime,
)
from twisted.logger import Logger
from zope.interface import implementer


class Channel(Protocol):
    """What a writer needs of a transport: parts of ITransport, IConsumer and ITLSTransport."""

    def write(self, data: bytes) -> None:
        """Send bytes, or keep them until they can be sent."""

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """Say from now on when to pause and when to go on."""

    def unregisterProducer(self) -> None:
        """Stop saying so."""

    def startTLS(
        self, contextFactory: IOpenSSLClientConnectionCreator | IOpenSSLServerConnectionCreator
    ) -> None:
        """Send everything under TLS from now on."""

    def loseConnection(self) -> None:
        """Close once everything is sent."""

    def abortConnection(self) -> None:
        """Close at once."""


PIECE = 128 * 1024
"""Bytes a transport is handed at once; what waits behind them is seen to move as it takes more."""


class Flusher:
    """Flushes the writers that have something to send, once per reactor turn.

    One serves all connections of a reactor; `clock` is that reactor.
    """

    __slots__ = ("_clock", "_dirty")

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._dirty: list[Writer] = []

    def add(self, writer: "Writer") -> None:
        """Flush `writer` in the next turn. The writer sees to it that it is added only once."""
        if not self._dirty:
            self._clock.callLater(0, self._flush)
        self._dirty.append(writer)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for writer in dirty:
            try:
                writer.turn()
            except Exception:
                # One broken transport must not keep what the others have to send.
                self._log.failure("writing to a connection failed; it is closed")
                writer.abort()


class _State(Enum):
    OPEN = "open"
    FULL = "full"  # the limit was passed: nothing more is taken
    CLOSED = "closed"  # nothing is taken, and we are not the transport's producer any more


def _nobody() -> None:
    """Stand in for a callback that was let go."""


@implementer(IPushProducer)
class Writer:
    """Collects what one connection has to send.

    - `limit`: how many bytes are kept while the transport cannot take any.
    - `on_overflow`: called, from within `write`, when a write would pass the limit. That write
      and all later ones are dropped whole; the connection should be closed.
    - `drained`: set it to be called each time the writer takes bytes again after a pause, with
      nothing left to send; `advanced`: each time some of what waits has gone, and some has not.

    It registers itself as the transport's producer. Call `detach` when the connection is lost.
    """

    __slots__ = (
        "_chunks",
        "_flusher",
        "_limit",
        "_listed",
        "_on_overflow",
        "_paused",
        "_size",
        "_state",
        "_transport",
        "advanced",
        "drained",
    )

    advanced: Callable[[], object] | None
    drained: Callable[[], object] | None

    def __init__(
        self,
        transport: Channel,
        flusher: Flusher,
        limit: int,
        on_overflow: Callable[[], object],
    ) -> None:
        self._transport: Channel | None = transport
        self._flusher = flusher
        self._limit = limit
        self._on_overflow = on_overflow
        self.advanced = self.drained = None
        self._chunks: list[bytes | memoryview] = []
        self._size = 0
        self._paused = False
        self._listed = False
        self._state = _State.OPEN
        transport.registerProducer(self, True)

    @property
    def writable(self) -> bool:
        """Whether what is written now leaves in this turn: False during a pause and after close."""
        return self._state is _State.OPEN and not self._paused

    def write(self, data: bytes) -> bool:
        """Send `data` at the end of this reactor turn, or after the pause there is now.

        Nothing happens once the writer is closed. The bytes are kept as they are, not copied.
        Returns whether more than a quarter of the limit waits for the pause to end: whoever writes
        should then stop until `drained` is called.
        """
        if self._state is not _State.OPEN:
            return False
        if self._size + len(data) > self._limit:
            # The limit is for slow readers: as long as the transport takes bytes, let it.
            self.flush_now()
            if self._paused and self._size + len(data) > self._limit:
                self._overflow()
                return False
        self._chunks.append(data)
        self._size += len(data)
        if not self._listed and not self._paused:
            self._listed = True
            self._flusher.add(self)
        return self._paused and self._size * 4 > self._limit

    def flush_now(self) -> None:
        """Hand everything to the transport, unless it has said to pause."""
        if not self._paused:
            self._push()

    def turn(self) -> None:
        """Flush, as `Flusher` asked for it."""
        self._listed = False
        self.flush_now()

    def start_tls(
        self, creator: IOpenSSLClientConnectionCreator | IOpenSSLServerConnectionCreator
    ) -> None:
        """Change to TLS: what was written before leaves in clear, what comes later under TLS.

        Use this and not the transport's own method, which knows nothing of the bytes held here.
        """
        transport = self._transport
        if transport is None or self._state is not _State.OPEN:
            return
        self._push(everything=True)
        transport.unregisterProducer()
        # Twisted wraps a producer for TLS and forgets on the way that it was paused.
        self._paused = False
        transport.startTLS(creator)
        transport.registerProducer(self, True)

    def close(self, last: bytes = b"") -> None:
        """Send everything, `last` at the end whatever the limit, and close the connection."""
        transport = self._stop()
        if transport is None:
            return
        if last:
            self._chunks.append(last)
        self._push(everything=True)
        transport.unregisterProducer()
        transport.loseConnection()

    def abort(self) -> None:
        """Close the connection at once; what was not sent is dropped."""
        transport = self._transport
        if transport is not None:
            self.detach()
            transport.abortConnection()

    def detach(self) -> None:
        """Let go of the transport and of the callbacks; nothing works any more."""
        transport = self._stop()
        if transport is not None:
            transport.unregisterProducer()
        self._transport = None
        self._on_overflow = _nobody
        self.advanced = self.drained = None
        self._chunks.clear()
        self._size = 0

    def pauseProducing(self) -> None:
        """Keep bytes here until told to go on (IPushProducer)."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Go on: send what was kept, and tell those who wait (IPushProducer)."""
        self._paused = False
        self._push()
        if self.writable and self.drained is not None:
            self.drained()
        elif self._chunks and self.advanced is not None:
            self.advanced()

    def stopProducing(self) -> None:
        """Let go of the transport, which is gone (IPushProducer)."""
        self.detach()

    def _stop(self) -> Channel | None:
        """Take nothing any more; return the transport if we are still its producer."""
        registered = self._state is not _State.CLOSED
        self._state = _State.CLOSED
        return self._transport if registered else None

    def _push(self, everything: bool = False) -> None:
        """Hand what there is to the transport, mostly as one write, until it says to pause."""
        while self._chunks and self._transport is not None:
            self._transport.write(self._piece())
            if self._paused and not everything:
                break

    def _piece(self) -> bytes:
        """Take what is sent next."""
        chunks = self._chunks
        data = bytes(chunks[0]) if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        if self._size > PIECE:
            chunks.append(memoryview(data)[PIECE:])
            data = data[:PIECE]
        self._size -= len(data)
        return data

    def _overflow(self) -> None:
        self._state = _State.FULL
        self._on_overflow()
