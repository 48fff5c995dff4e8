"""A connection we make to another server: its events one by one, then stanzas (RFC 6120 4)."""

from collections import deque
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from typing_extensions import override

from xmppd.net.tls import TlsFacts, tls_facts
from xmppd.net.tls_client import ClientCreator
from xmppd.s2s.dialback import Kind, Request, read_dialback
from xmppd.s2s.pairs import Pair
from xmppd.s2s.protocol import Phase, ServerProtocol
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.unreached import TIMEOUT, HandshakeFailed, Refused, Step, Unreached
from xmppd.stanza.stanza import Stanza
from xmppd.stream import events
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Broken, Closed, Received
from xmppd.stream.outbound import OutboundStream
from xmppd.wire.element import Element
from xmppd.wire.namespaces import DIALBACK, SERVER, STREAM_MANAGEMENT


class DialledStream(ServerProtocol):
    """A connection we have made.

    - `direct`: whether TLS begins at once on it (XEP-0368); `port`: the one it leads to.
    - `reason`: why it ended, in plain words; "" while it has not.

    Whoever negotiates takes events one by one (`next`) until `establish`; stanzas are for
    `traffic`.
    """

    __slots__ = ("_events", "_shaking", "_waiter", "direct", "port", "proven", "reason")

    _stream: OutboundStream

    def __init__(self, around: Surroundings, address: str, port: int, *, direct: bool) -> None:
        stream = OutboundStream(SERVER, around.settings.limits)
        super().__init__(around, stream, address, secure=False)
        self.port = port
        self.direct = direct
        self.reason = ""
        self.proven = False
        self._events: deque[object] = deque()
        self._waiter: Deferred[object] | None = None
        self._shaking: Deferred[None] | None = None

    @override
    def _begin(self) -> None:
        self._around.connections.add(self, stranger=False)

    # Negotiation: one event after the other.

    def next(self) -> "Deferred[Any]":
        """Return the next event of the stream.

        Fails with `Unreached` when the stream ends before: `Refused` for an error of the peer.
        """
        if not self._events and self._stream.unread:
            self._receive(b"")
        if self._events:
            event = self._events.popleft()
            self.regulate()
            return self._understood(event)
        if self.phase is Phase.ENDED:
            return fail(self._lost())
        self._waiter = Deferred()
        return self._waiter

    def _receive(self, data: bytes) -> None:
        events = self._stream.receive(data)
        while not events and self._stream.unread:
            before = self._stream.unread
            events = self._stream.receive(b"")
            if self._stream.unread == before:
                break
        self._events.extend(events)

    def _understood(self, event: object) -> "Deferred[Any]":
        try:
            return succeed(self._meaning(event))
        except Unreached as error:
            return fail(error)

    def _meaning(self, event: object) -> object:
        """Return an event that does not end the stream. Raises `Unreached` for one that does."""
        if isinstance(event, Broken):
            self.fail(event.error)
            text = f"the other server does not speak XMPP as it should ({event.error.condition})"
            raise Unreached(Step.STREAM, text, TIMEOUT)
        if isinstance(event, events.Refused):
            self.close("the other server ended the stream")
            raise Refused(event.error, event.see_other_host, secure=self.proven)
        if isinstance(event, Closed):
            self.close("the other server closed the stream")
            raise self._lost()
        return event

    def _lost(self) -> Unreached:
        reason = self.reason or "the connection was lost"
        if self._shaking is not None:
            return HandshakeFailed(reason)
        return Unreached(Step.STREAM, reason, TIMEOUT)

    def begin(self, pair: Pair) -> None:
        """Send our header."""
        self.write(self._stream.open(pair.local, pair.remote))

    def restart(self) -> None:
        """Expect a new stream: SASL has succeeded (RFC 6120 6.4.6)."""
        self._stream.restart()

    def begin_tls(self, creator: ClientCreator) -> "Deferred[None]":
        """Begin TLS; fires when the handshake is over. Fails with `Unreached`."""
        self._events.clear()
        shaking = self._shaking = Deferred()
        self.start_tls(creator)
        return shaking

    @override
    def handshakeCompleted(self) -> None:
        shaking, self._shaking = self._shaking, None
        if shaking is not None:
            shaking.callback(None)

    def facts(self) -> TlsFacts | None:
        """Return what the handshake came to."""
        return tls_facts(self.transport)

    # Once it may be used.

    def establish(self, *, count: bool) -> None:
        """The negotiation is over: stanzas may go; `count` is whether to ask for counting them.

        Raises `Unreached` if what the other side has sent already ends the stream.
        """
        self.phase = Phase.READY
        self.deadline = 0.0
        self._stream.trust()
        self._stream.establish()
        if count:
            self.traffic.enable()
        try:
            self._catch_up()
        except StreamError as error:
            self.fail(error)
        if self.reason:
            raise self._lost()
        self.regulate()

    def _catch_up(self) -> None:
        """Act on what came before it was known to be over."""
        waiting, self._events = self._events, deque()
        for event in waiting:
            self._take(event)
        if self._stream.unread:
            self._read(b"")

    @override
    def _read(self, data: bytes) -> None:
        if self.phase is Phase.READY:
            for event in self._stream.receive(data):
                if self.phase is Phase.READY:
                    self._take(event)
            return
        self._receive(data)
        waiter = self._waiter
        if waiter is not None and self._events:
            self._waiter = None
            event = self._events.popleft()
            try:
                meaning = self._meaning(event)
            except Unreached as error:
                waiter.errback(error)
            else:
                waiter.callback(meaning)
        self.regulate()

    @property
    @override
    def _is_full(self) -> bool:
        return (len(self._events) > 0 and self.phase is not Phase.ENDED) or super()._is_full

    def _take(self, event: object) -> None:
        """Act on what comes while the stream is in use. Raises `StreamError`."""
        if isinstance(event, Stanza):
            self.traffic.take(event)
        elif isinstance(event, Received):
            self._take_element(event.element)
        elif isinstance(event, Broken):
            self.fail(event.error)
        elif isinstance(event, events.Refused):
            why = f"the other server ended the stream ({event.error.condition})"
            self.close(why, broken=True)
        elif isinstance(event, Closed):
            self.close("the other server closed the stream")

    def _take_element(self, element: Element) -> None:
        if element.ns == STREAM_MANAGEMENT:
            self.traffic.manage(element)
        elif element.ns == DIALBACK:
            message = read_dialback(element)
            if not isinstance(message, Request) or message.kind is Kind.VERIFY:
                raise StreamError("policy-violation", "an answer that nobody has asked for")
            # XEP-0288 lets it ask for more of its domains; it may do so on a stream of its own.
            text = "use a connection of your own for that"
            self.write(message.error("resource-constraint", text).to_bytes())
        else:
            raise StreamError("unsupported-stanza-type")

    # The end.

    @override
    def _overdue(self) -> None:
        seconds = self._around.settings.negotiation_seconds
        error = StreamError("connection-timeout", "negotiation took too long")
        reason = f"the other server had not let us in after {seconds:g} seconds"
        self._close(self._failure(error), reason)

    @override
    def _failure(self, error: StreamError) -> bytes:
        return self._stream.fail(error)

    @override
    def _ended(self, reason: str) -> None:
        self.reason = reason
        error = self._lost()
        waiter, self._waiter = self._waiter, None
        shaking, self._shaking = self._shaking, None
        for waiting in (waiter, shaking):
            if waiting is not None:
                waiting.errback(error)
