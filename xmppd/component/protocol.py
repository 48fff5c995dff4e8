"""A component's connection and its stream, from the header to the end (XEP-0114, RFC 6120 4)."""

from enum import Enum
from math import inf
from typing import Any

from twisted.internet.interfaces import IProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from xmppd.api.lanes import Lanes
from xmppd.component.backlog import Backlog
from xmppd.component.domain import ComponentDomain
from xmppd.component.service import ComponentService
from xmppd.net.transport import Writer
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.stanza import Stanza
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Broken, Opened, Received
from xmppd.stream.inbound import InboundStream, State
from xmppd.wire.element import Element
from xmppd.wire.namespaces import COMPONENT


class Phase(Enum):
    """How far a component has come."""

    HEADER = "header"
    """It has not said yet which domain it serves."""
    HANDSHAKE = "handshake"
    """It has not proven yet that it may."""
    CONNECTED = "connected"
    """Stanzas go both ways."""
    ENDED = "ended"
    """We have closed our side and read on for the end of the other."""


@implementer(IProtocol)
class ComponentProtocol:
    """One connection of a component.

    - `address`: where it comes from (an IP address).
    - `deadline`: when it has to be done with what it is about (seconds of the service's clock), 0
      for never.
    - `last_seen`: when it last sent something, to within a second; before all times since it was
      asked for a sign of life and has not given one.
    - `since`: when it proved itself (seconds since 1970), 0 before.
    """

    __slots__ = (
        "_domain",
        "_id",
        "_lanes",
        "_phase",
        "_service",
        "_stopped",
        "_stream",
        "_transport",
        "_writer",
        "address",
        "backlog",
        "deadline",
        "last_seen",
        "since",
    )

    _log = Logger()

    def __init__(self, service: ComponentService, address: str) -> None:
        self.address = address
        self.deadline = 0.0
        self.last_seen = service.now
        self.since = 0.0
        self._service = service
        self._phase = Phase.HEADER
        self._domain: ComponentDomain | None = None  # known once the header is answered
        self._id = ""
        self._stream = InboundStream(COMPONENT, service.default, service.settings.limits)
        self._transport: Any = None
        self._writer: Writer | None = None
        self._stopped = False
        self._lanes = Lanes(
            service.router.route,
            service.urgent,
            service.settings.inbox_stanzas,
            service.settings.inbox_bytes,
            self._regulate,
            service.pace,
        )
        self.backlog = Backlog(
            service.gate,
            service.settings.backlog_bytes,
            writable=self._is_writable,
            send=self._send,
            bounce=self._bounce,
            lost=self._lost,
            now=service.seconds,
        )

    # IProtocol.

    def makeConnection(self, transport: Any) -> None:
        """Take the transport."""
        self._transport = transport
        self.connectionMade()

    def connectionMade(self) -> None:
        """Begin: the component has connected."""
        service, transport = self._service, self._transport
        self._writer = Writer(
            transport, service.flusher, service.settings.backlog_bytes, self.overflow
        )
        self._writer.drained = self.backlog.flush
        self._writer.advanced = self.backlog.moved
        self.deadline = service.seconds() + service.settings.negotiation_seconds
        service.connected(self)

    def dataReceived(self, data: bytes) -> None:
        """Take what the component sent. An exception of ours ends this stream and nothing else."""
        self.last_seen = self._service.now
        try:
            self._read(data)
        except StreamError as error:
            self.fail(error)
        except Exception:
            self._log.failure("a component's stream failed")
            self.fail(StreamError("internal-server-error"))

    def connectionLost(self, reason: Failure) -> None:
        """Let go of everything: the connection is gone."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.detach()
        self._transport = None
        self._service.disconnected(self)
        self._stream.end()
        self._leave()

    # From the component. What is wrong raises `StreamError`.

    def _read(self, data: bytes) -> None:
        self._lanes.begin()
        events = self._stream.receive(data)
        while events:
            for event in events:
                self._take(event)
            events = self._stream.receive(b"") if self._stream.unread else []

    def _take(self, event: object) -> None:
        if self._phase is Phase.ENDED:
            if self._stream.state is State.CLOSED and self._writer is not None:
                self._writer.close()
        elif isinstance(event, Stanza):
            self._take_stanza(event)
        elif isinstance(event, Opened):
            self._open(event)
        elif isinstance(event, Received):
            self._take_element(event.element)
        elif isinstance(event, Broken):
            raise event.error
        else:
            self.close()

    def _open(self, header: Opened) -> None:
        """Answer the header, which names the component's domain and not ours."""
        if header.to is None:
            raise StreamError("improper-addressing", "'to' must name the component's domain")
        domain = self._service.domains.get(str(header.to))
        if domain is None:
            raise StreamError("host-unknown", "there is no component of that domain here")
        self._domain = domain
        self._id = self._service.token()
        self._phase = Phase.HANDSHAKE
        self._write(self._stream.open(domain.name, self._id))

    def _take_element(self, element: Element) -> None:
        if self._phase is Phase.CONNECTED:
            raise StreamError("unsupported-stanza-type")
        domain, service = self._domain, self._service
        if domain is None or (element.ns, element.name) != (COMPONENT, "handshake"):
            raise StreamError("not-authorized", "a handshake has to come first")
        if not service.believes(domain, element.text, self._id):
            service.refused(self, domain, "it does not know the secret")
            raise StreamError("not-authorized", "this is not the right handshake")
        if domain.link is not None:
            service.refused(self, domain, "it is connected already")
            service.doubt(domain)
            raise StreamError("conflict", "a component of that domain is connected already")
        self._connect(domain)

    def _connect(self, domain: ComponentDomain) -> None:
        self._write(self._stream.element(Element("handshake", COMPONENT)))
        self._phase = Phase.CONNECTED
        self.deadline = 0.0
        self.since = self._service.wall.now()
        self._stream.trust()
        self._stream.establish()
        self._service.established(self, domain)
        domain.link = self

    def _take_stanza(self, stanza: Stanza) -> None:
        """Hand a stanza on that has a `to`, and a `from` of the component."""
        domain, sender = self._domain, stanza.from_
        if self._phase is not Phase.CONNECTED or domain is None:
            raise StreamError("not-authorized", "a handshake has to come first")
        if sender is None:
            raise StreamError("improper-addressing", "'from' has to be an address")
        if sender.domainpart != domain.name:
            raise StreamError("invalid-from", "'from' is not of your domain")
        if stanza.malformed:
            self._service.router.attempt(stanza, _malformed)
        elif stanza.to is None:
            raise StreamError("improper-addressing", "'to' has to be given")
        else:
            self._lanes.take(stanza)

    def _regulate(self) -> None:
        """Have the transport read, or not; a stream we have ended is read to its end."""
        stopped = self._phase is not Phase.ENDED and self._lanes.full
        if self._transport is not None and stopped != self._stopped:
            self._stopped = stopped
            if stopped:
                self._transport.pauseProducing()
            else:
                self._transport.resumeProducing()

    # To the component.

    def deliver(self, stanza: Stanza) -> Any:
        """Send a stanza, or keep it until that can be done (see `Link`)."""
        try:
            return self.backlog.write(stanza)
        except OverflowError:
            self.overflow()
            self._bounce(stanza)
            return None

    def _is_writable(self) -> bool:
        return self._writer is not None and self._writer.writable

    def _send(self, stanza: Stanza) -> None:
        """Write a stanza. One that cannot be written, by a fault of ours, is logged and dropped."""
        try:
            self._write(stanza.to_bytes())
        except ValueError:
            self._log.failure("{stanza} cannot be written", stanza=repr(stanza))

    def _write(self, data: bytes) -> None:
        if self._writer is not None:
            self._writer.write(data)

    def _bounce(self, stanza: Stanza) -> None:
        if self._domain is not None:
            self._domain.bounce(stanza)

    def _lost(self) -> None:
        text = "something you were to be told could not be kept"
        self.fail(StreamError("internal-server-error", text))

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

    def overflow(self) -> None:
        """Cut off a component that does not read what it is sent."""
        self.fail(StreamError("resource-constraint", "you read too slowly"))

    def _close(self, last: bytes) -> None:
        """Send the last bytes; the connection follows once the component has closed its side."""
        writer = self._writer
        if writer is None or self._phase is Phase.ENDED:
            return
        self._leave()
        self._limit_end()
        self._regulate()
        if not writer.writable:
            self._stream.end()  # it does not read, so it will not answer
        if self._stream.state is State.CLOSED:
            writer.close(last)
            return
        writer.write(last)
        if self._stream.receive(b""):
            writer.close()

    def _limit_end(self) -> None:
        """Set a limit to the time the component may take over what comes now."""
        self.deadline = self._service.seconds() + self._service.settings.closing_seconds

    def _leave(self) -> None:
        """Be the component's stream no more; what was not sent is answered."""
        was, self._phase = self._phase, Phase.ENDED
        domain = self._domain
        if was is Phase.CONNECTED and domain is not None:
            domain.link = None
            self._service.left(self, domain)
        self.backlog.end()

    # Time (see `ComponentService.sweep`).

    def overdue(self) -> None:
        """Act on a deadline that has passed."""
        if self._stream.state is State.CLOSED:
            self.abort()
        elif self._phase is Phase.ENDED:
            self._stream.end()
            self._limit_end()
            if self._writer is not None:
                self._writer.close()
        elif self._phase is not Phase.CONNECTED:
            self.fail(StreamError("connection-timeout", "negotiation took too long"))
        else:
            self.deadline = 0.0
            if self.last_seen == -inf:
                self.fail(StreamError("connection-timeout", "there was no sign of life"))

    def ask(self) -> None:
        """Ask a silent component for a sign of life (XEP-0199); any bytes will do for one."""
        domain, service = self._domain, self._service
        if self._phase is not Phase.CONNECTED or domain is None or self.deadline:
            return
        self.deadline = service.seconds() + service.settings.answer_seconds
        self.last_seen = -inf
        self.deliver(service.ping(domain.name))


def _malformed() -> None:
    raise StanzaError("jid-malformed")
