"""A client's connection: bytes, deadlines and TLS for its streams (RFC 6120 sections 3 to 5).

Until a resource is bound, a `Negotiation` decides what each first-level element means; from then on
the stanzas go to the `Session`, and the negotiation's memory is given back. At the end, when there
is neither any more, the connection stays for a while, for the client to close its side.
"""

from math import inf

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from xmppd.c2s.channel import IChannel
from xmppd.c2s.negotiation import Negotiation
from xmppd.c2s.service import ClientService
from xmppd.c2s.session import Session
from xmppd.connection.protocol import StreamProtocol
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Message, Presence, Stanza
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Broken, Received
from xmppd.stream.inbound import InboundStream
from xmppd.wire.element import Element
from xmppd.wire.namespaces import CLIENT, PING

_STANZAS = frozenset((Message, Presence, Iq))


@implementer(IChannel)
class ClientProtocol(StreamProtocol):
    """One connection of a client (see `StreamProtocol`).

    - `last_seen`: when it last sent something, to within a second; before all times since it was
      asked for a sign of life and has not given one.
    """

    __slots__ = (
        "_holds",
        "_negotiation",
        "_paused",
        "_service",
        "_session",
        "last_seen",
    )

    _stream: InboundStream

    def __init__(self, service: ClientService, address: str, secure: bool) -> None:
        stream = InboundStream(CLIENT, service.default, service.settings.limits)
        super().__init__(stream, address, secure=secure)
        self._service = service
        self.last_seen = service.now
        self._negotiation: Negotiation | None = None
        self._session: Session | None = None
        self._paused = False
        self._holds = 0

    # The connection.

    @override
    def connectionMade(self) -> None:
        """Begin: the client has connected."""
        service = self._service
        self._write_to(service.flusher, service.settings.output, self._drained, self._advanced)
        self._negotiation = Negotiation(self, service, self._stream)
        self.deadline = service.seconds() + service.settings.negotiation_seconds
        service.connected(self)

    @override
    def _take_in(self, data: bytes) -> None:
        self.last_seen = self._service.now
        if self._negotiation is not None:
            self._negotiation.receive(data)
            data = b""
        if self._session is not None:
            self._read(data)
        elif self._negotiation is None:
            self._await_end(data)

    @override
    def _gone(self, reason: Failure) -> None:
        self._service.disconnected(self)
        self._end_negotiation()
        session, self._session = self._session, None
        if session is not None:
            self._service.congestion.leave(session.jid, self)
            session.leave()

    # The stream once it is bound.

    def establish(self, session: Session) -> None:
        """Negotiation is over: `session` is bound."""
        self._session = session
        self._negotiation = None
        self.deadline = 0.0
        self._service.established(self)
        self._service.congestion.enter(session.jid, self)
        self._stream.establish()
        session.start()

    def _read(self, data: bytes) -> None:
        """Act on what comes in over the bound stream."""
        self._service.pace.begin()
        for event in self._stream.receive(data):
            session = self._session
            if session is None:
                return
            if type(event) in _STANZAS:
                session.receive(event)  # type: ignore[arg-type]  # the line above says so
            else:
                self.end_of_stream(event)

    def end_of_stream(self, event: object) -> None:
        """Act on an event that is no stanza: the client's end of the stream, or what breaks it."""
        session = self._session
        if isinstance(event, Broken):
            self.fail(event.error)
        elif isinstance(event, Received):
            self.fail(StreamError("unsupported-stanza-type"))
        elif session is None:
            self.close()
        else:
            self._limit_end()
            session.leave(self.close)

    # ILink, and what the negotiation needs.

    def send(self, stanza: Stanza) -> None:
        """Write a stanza. One that cannot be written, by a fault of ours, is logged and dropped."""
        if self._writer is None:
            return
        try:
            data = stanza.to_bytes()
            if self._writer.write(data):
                service = self._service
                service.congestion.congested(self, stanza, len(data), service.now)
        except ValueError:
            self._log.failure("{stanza} cannot be written", stanza=repr(stanza))

    @override
    def write(self, data: bytes) -> None:
        """Write bytes of the stream, as long as it is being negotiated."""
        if self._negotiation is not None:
            super().write(data)

    def pause(self) -> None:
        """Stop reading from the client."""
        self._paused = True
        self.regulate()

    def resume(self) -> None:
        """Go on reading, unless what the client sends has to wait for others."""
        self._paused = False
        self.regulate()

    def begin(self) -> None:
        """The client's stanzas are worked off from now on."""
        self._service.pace.begin()

    def rest(self) -> "Deferred[None] | None":
        """Return what to wait for if others should have their turn (see `Pace`)."""
        return self._service.pace.rest()

    def hold(self) -> None:
        """Do not read from the client until `let_go` has been called as often."""
        self._holds += 1
        self.regulate()

    def let_go(self) -> None:
        """Take one `hold` back."""
        self._holds -= 1
        self.regulate()

    @property
    @override
    def _is_full(self) -> bool:
        return not self.is_over and (self._paused or self._holds > 0)

    def allow(self, seconds: float, most: int) -> None:
        """Give the client more time to negotiate (see `IChannel`)."""
        if self._negotiation is not None and self._service.favours(self, most):
            self.deadline = max(self.deadline, self._service.seconds() + seconds)

    # The end.

    @property
    @override
    def is_over(self) -> bool:
        """Whether our side of the stream is closed, or was never opened."""
        return self._session is None and self._negotiation is None

    @override
    def _failure(self, error: StreamError) -> bytes:
        return self._stream.fail(error, self._service.token())

    @override
    def _finish(self, reason: str) -> None:
        self._end_negotiation()
        self._end_session()

    @override
    def _limit_end(self) -> None:
        self.deadline = self._service.seconds() + self._service.settings.closing_seconds

    def _end_negotiation(self) -> None:
        negotiation, self._negotiation = self._negotiation, None
        if negotiation is not None:
            negotiation.end()

    def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._service.congestion.leave(session.jid, self)
            session.end()

    def _drained(self) -> None:
        """Nothing waits for the client any more."""
        self._service.congestion.clear(self)

    def _advanced(self) -> None:
        """The client has taken some of what waits for it."""
        self._service.congestion.moved(self, self._service.now)

    # Time.

    def look_after(self, now: float) -> None:
        """Act on what has become due: a deadline, a long silence."""
        settings = self._service.settings
        if self.deadline and now >= self.deadline:
            self.overdue()
        elif self.last_seen < now - settings.idle_seconds:
            self.ask()
        elif self.last_seen < now - settings.sleep_seconds:
            self.sleep()

    @override
    def _overdue(self) -> None:
        if self._session is None:
            super()._overdue()
            return
        self.deadline = 0.0
        if self.last_seen == -inf:
            self.fail(StreamError("connection-timeout", "there was no sign of life"))

    def ask(self) -> None:
        """Ask a silent client for a sign of life (XEP-0199); any bytes will do for one."""
        session, service = self._session, self._service
        if session is None or self.deadline:
            return
        self.deadline = service.seconds() + service.settings.answer_seconds
        self.last_seen = -inf
        host = JID.make("", session.jid.domainpart)
        ping = Element("ping", PING)
        self.send(Iq(ping, to=session.jid, from_=host, type="get", id=service.token()))

    def sleep(self) -> None:
        """Give up memory an idle connection does not need."""
        if self._session is not None:
            self._stream.sleep()
