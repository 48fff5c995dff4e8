"""What a client sends during negotiation, taken one event at a time (RFC 6120 section 10.1).

While the answer to one waits for something (a password hash, a user store), nothing more is read.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from xmppd.api.waiting import settle
from xmppd.c2s.channel import IChannel
from xmppd.stream.errors import StreamError
from xmppd.stream.inbound import InboundStream

Work = Coroutine[Any, Any, None]


class Intake:
    """Reads `stream` for `channel` and has `take` answer each event.

    - `take`: makes the work an event is; it may wait. A `StreamError` it raises ends the stream
      with that; anything else is logged and ends it with `internal-server-error`.
    - `room`: bytes kept of what the transport had read already when reading was paused.
    """

    __slots__ = ("_busy", "_channel", "_held", "_over", "_room", "_stream", "_take")

    _log = Logger()

    def __init__(
        self, channel: IChannel, stream: InboundStream, take: Callable[[object], Work], room: int
    ) -> None:
        self._channel = channel
        self._stream = stream
        self._take: Callable[[object], Work] | None = take
        self._room = room
        self._busy: Deferred[None] | None = None
        self._held = b""
        self._over = False

    def receive(self, data: bytes) -> None:
        """Take bytes from the client."""
        if self._busy is not None:
            self._hold(data)
            return
        events = self._stream.receive(data)
        while events:
            for event in events:
                self._begin(event)
            if self._over or self._busy is not None or not self._stream.unread:
                return
            events = self._stream.receive(b"")

    def finish(self) -> None:
        """Take no more events: what follows is for somebody else to read."""
        self._over = True
        self._take = None

    def stop(self) -> None:
        """Give up, with the work under way: the connection is gone."""
        self.finish()
        self._held = b""
        busy, self._busy = self._busy, None
        if busy is not None:
            busy.cancel()

    def _hold(self, data: bytes) -> None:
        self._held += data
        if len(self._held) > self._room:
            error = StreamError("policy-violation", "too much is sent ahead of our answers")
            self._channel.fail(error)

    def _begin(self, event: object) -> None:
        if self._take is None:
            return
        try:
            work = settle(self._take(event))
        except Exception as error:
            self._failed(error)
            return
        if isinstance(work, Deferred):
            self._wait(work)

    def _wait(self, work: Deferred[None]) -> None:
        work.addErrback(self._failed_late)
        if self._over:  # the stream was ended on the way
            work.cancel()
            return
        self._busy = work
        self._channel.pause()
        work.addCallback(self._go_on)

    def _failed_late(self, failure: Failure) -> None:
        self._failed(failure.value)

    def _failed(self, error: BaseException | None) -> None:
        if isinstance(error, StreamError):
            self._channel.fail(error)
        elif not isinstance(error, CancelledError):
            failure = Failure(error)  # type: ignore[no-untyped-call]
            self._log.failure("negotiating with a client failed", failure=failure)
            self._channel.fail(StreamError("internal-server-error"))

    def _go_on(self, _done: None) -> None:
        if self._busy is None:
            return  # stopped
        self._busy = None
        held, self._held = self._held, b""
        self._channel.resume()
        self._channel.dataReceived(held)
