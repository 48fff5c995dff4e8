"""A client's connection: bytes, deadlines and TLS for its streams (RFC 6120 sections 3 to 5).

Until a resource is bound, a `Negotiation` decides what each first-level element means; from then on
the stanzas go to the `Session`, and the negotiation's memory is given back. At the end, when there
is neither any more, the connection stays for a while, for the client to close its side.
"""

from math import inf
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener, IProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from xmppd.c2s.channel import IChannel
from xmppd.c2s.negotiation import Negotiation
from xmppd.c2s.service import ClientService
from xmppd.c2s.session import Session
from xmppd.net.tls import ConnectionCreator
from xmppd.net.transport import Writer
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Message, Presence, Stanza
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Broken, Received
from xmppd.stream.inbound import InboundStream, State
from xmppd.wire.element import Element
from xmppd.wire.namespaces import CLIENT, PING

_STANZAS = frozenset((Message, Presence, Iq))


@implementer(IProtocol, IHandshakeListener, IChannel)
class ClientProtocol:
    """One connection of a client.

    - `secure`: whether it is under TLS, `address`: where it comes from (an IP address).
    - `deadline`: when it has to be done with what it is about (seconds of the service's clock), 0
      for never.
    - `last_seen`: when it last sent something, to within a second; before all times since it was
      asked for a sign of life and has not given one.
    """

    __slots__ = (
        "_holds",
        "_negotiation",
        "_paused",
        "_service",
        "_session",
        "_stopped",
        "_stream",
        "_transport",
        "_writer",
        "address",
        "deadline",
        "last_seen",
        "secure",
    )

    _log = Logger()

    def __init__(self, service: ClientService, address: str, secure: bool) -> None:
        self._service = service
        self.address = address
        self.secure = secure
        self.last_seen = service.now
        self.deadline = 0.0
        self._stream = InboundStream(CLIENT, service.default, service.settings.limits)
        self._negotiation: Negotiation | None = None
        self._session: Session | None = None
        self._transport: Any = None
        self._writer: Writer | None = None
        self._paused = self._stopped = False
        self._holds = 0

    # IProtocol.

    def makeConnection(self, transport: Any) -> None:
        """Take the transport, once and for all streams of the connection."""
        self._transport = transport
        self.connectionMade()

    def connectionMade(self) -> None:
        """Begin: the client has connected."""
        service, transport = self._service, self._transport
        self._writer = Writer(transport, service.flusher, service.settings.output, self.overflow)
        self._writer.drained = self._drained
        self._writer.advanced = self._advanced
        self._negotiation = Negotiation(self, service, self._stream)
        self.deadline = service.seconds() + service.settings.negotiation_seconds
        service.connected(self)

    def handshakeCompleted(self) -> None:
        """Take note of the end of the TLS handshake; what we need of it is asked for later."""

    def dataReceived(self, data: bytes) -> None:
        """Take what the client sent. An exception of ours ends this stream and nothing else."""
        self.last_seen = self._service.now
        try:
            if self._negotiation is not None:
                self._negotiation.receive(data)
                data = b""
            if self._session is not None:
                self._read(data)
            elif self._negotiation is None:
                self._await_end(data)
        except Exception:
            self._log.failure("a client's stream failed")
            self.fail(StreamError("internal-server-error"))

    def connectionLost(self, reason: Failure) -> None:
        """Let go of everything: the connection is gone."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.detach()
        self._transport = None
        self._service.disconnected(self)
        self._stream.end()
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
        self.begin()
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

    @property
    def writable(self) -> bool:
        """Whether what is sent now leaves in this turn."""
        return self._writer is not None and self._writer.writable

    def write(self, data: bytes) -> None:
        """Write bytes of the stream."""
        if self._writer is not None and self._negotiation is not None:
            self._writer.write(data)

    def element(self, element: Element) -> None:
        """Write a first-level element."""
        self.write(self._stream.element(element))

    def pause(self) -> None:
        """Stop reading from the client."""
        self._paused = True
        self._regulate()

    def resume(self) -> None:
        """Go on reading, unless what the client sends has to wait for others."""
        self._paused = False
        self._regulate()

    def begin(self) -> None:
        """The client's stanzas are worked off from now on."""
        self._service.pace.begin()

    def rest(self) -> "Deferred[None] | None":
        """Return what to wait for if others should have their turn (see `Pace`)."""
        return self._service.pace.rest()

    def hold(self) -> None:
        """Do not read from the client until `let_go` has been called as often."""
        self._holds += 1
        self._regulate()

    def let_go(self) -> None:
        """Take one `hold` back."""
        self._holds -= 1
        self._regulate()

    def _regulate(self) -> None:
        """Have the transport read, or not; a stream we have ended is read to its end."""
        stopped = not self._ended and (self._paused or self._holds > 0)
        if self._transport is not None and stopped != self._stopped:
            self._stopped = stopped
            if stopped:
                self._transport.pauseProducing()
            else:
                self._transport.resumeProducing()

    def allow(self, seconds: float, most: int) -> None:
        """Give the client more time to negotiate (see `IChannel`)."""
        if self._negotiation is not None and self._service.favours(self, most):
            self.deadline = max(self.deadline, self._service.seconds() + seconds)

    def start_tls(self, creator: ConnectionCreator) -> None:
        """Put everything from here on under TLS; what came in clear is forgotten."""
        self._stream.discard()
        self.secure = True
        if self._writer is not None:
            self._writer.start_tls(creator)

    # The end.

    def fail(self, error: StreamError) -> None:
        """End the stream with that error (RFC 6120 4.9.1.1)."""
        self._close(self._stream.fail(error, self._service.token()))

    def close(self) -> None:
        """End the stream without an error (RFC 6120 4.4)."""
        self._close(self._stream.close())

    def abort(self) -> None:
        """Close the connection at once."""
        if self._writer is not None:
            self._writer.abort()

    def _close(self, last: bytes) -> None:
        """Send the last bytes; the connection follows once the client has closed its side, too."""
        writer = self._writer
        if writer is None or self._ended:
            return
        self._end_negotiation()
        self._end_session()
        self._limit_end()
        self._regulate()
        if not writer.writable:
            self._stream.end()  # it does not read, so it will not answer
        if self._stream.state is State.CLOSED:
            writer.close(last)
            return
        writer.write(last)
        self._await_end(b"")

    def _limit_end(self) -> None:
        """Set a limit to the time the client may take over what comes now."""
        self.deadline = self._service.seconds() + self._service.settings.closing_seconds

    def _await_end(self, data: bytes) -> None:
        """Read on for the client's end of the stream, and for nothing else."""
        if self._writer is not None and self._stream.receive(data):
            self._writer.close()

    @property
    def _ended(self) -> bool:
        return self._session is None and self._negotiation is None

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

    def overflow(self) -> None:
        """Cut off a client that does not read what it is sent."""
        self.fail(StreamError("resource-constraint", "you read too slowly"))

    # Time (see `ClientService.sweep`).

    def overdue(self) -> None:
        """Act on a deadline that has passed."""
        if self._stream.state is State.CLOSED:
            self.abort()
        elif self._ended:
            self._stream.end()
            self._limit_end()
            if self._writer is not None:
                self._writer.close()
        elif self._session is None:
            self.fail(StreamError("connection-timeout", "negotiation took too long"))
        else:
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

    @property
    def transport(self) -> Any:
        """The transport, for who asks it about TLS."""
        return self._transport
