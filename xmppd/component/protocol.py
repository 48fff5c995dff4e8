"""A component's connection and its stream, from the header to the end (XEP-0114, RFC 6120 4)."""

from enum import Enum
from math import inf
from typing import Any

from twisted.python.failure import Failure
from typing_extensions import override

from xmppd.api.lanes import Lanes
from xmppd.component.backlog import Backlog
from xmppd.component.domain import ComponentDomain
from xmppd.component.service import ComponentService
from xmppd.connection.protocol import StreamProtocol
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.stanza import Stanza
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Broken, Opened, Received
from xmppd.stream.inbound import InboundStream
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


class ComponentProtocol(StreamProtocol):
    """One connection of a component (see `StreamProtocol`).

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
        "backlog",
        "last_seen",
        "since",
    )

    _stream: InboundStream

    def __init__(self, service: ComponentService, address: str) -> None:
        super().__init__(
            InboundStream(COMPONENT, service.default, service.settings.limits), address
        )
        self.last_seen = service.now
        self.since = 0.0
        self._service = service
        self._phase = Phase.HEADER
        self._domain: ComponentDomain | None = None  # known once the header is answered
        self._id = ""
        self._lanes = Lanes(
            service.router.route,
            service.urgent,
            service.settings.inbox_stanzas,
            service.settings.inbox_bytes,
            self.regulate,
            service.pace,
        )
        self.backlog = Backlog(
            service.gate,
            service.settings.backlog_bytes,
            writable=lambda: self.writable,
            send=self._send,
            bounce=self._bounce,
            lost=self._lost,
            now=service.seconds,
        )

    # The connection.

    @override
    def connectionMade(self) -> None:
        """Begin: the component has connected."""
        service, backlog = self._service, self.backlog
        self._write_to(
            service.flusher, service.settings.backlog_bytes, backlog.flush, backlog.moved
        )
        self.deadline = service.seconds() + service.settings.negotiation_seconds
        service.connections.add(self)

    @override
    def _gone(self, reason: Failure) -> None:
        self._service.connections.remove(self)
        self._leave()

    # From the component. What is wrong raises `StreamError`.

    @override
    def _take_in(self, data: bytes) -> None:
        self.last_seen = self._service.now
        if self.is_over:
            self._await_end(data)
            return
        self._lanes.begin()
        events = self._stream.receive(data)
        while events:
            for event in events:
                if self._phase is Phase.ENDED:
                    return
                self._take(event)
            events = self._stream.receive(b"") if self._stream.unread else []

    def _take(self, event: object) -> None:
        if isinstance(event, Stanza):
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
        self.write(self._stream.open(domain.name, self._id))

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
        self.element(Element("handshake", COMPONENT))
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

    @property
    @override
    def _is_full(self) -> bool:
        return not self.is_over and self._lanes.full

    # To the component.

    def deliver(self, stanza: Stanza) -> Any:
        """Send a stanza, or keep it until that can be done (see `Link`)."""
        try:
            return self.backlog.write(stanza)
        except OverflowError:
            self.overflow()
            self._bounce(stanza)
            return None

    def _send(self, stanza: Stanza) -> None:
        """Write a stanza. One that cannot be written, by a fault of ours, is logged and dropped."""
        try:
            self.write(stanza.to_bytes())
        except ValueError:
            self._log.failure("{stanza} cannot be written", stanza=repr(stanza))

    def _bounce(self, stanza: Stanza) -> None:
        if self._domain is not None:
            self._domain.bounce(stanza)

    def _lost(self) -> None:
        text = "something you were to be told could not be kept"
        self.fail(StreamError("internal-server-error", text))

    # The end.

    @property
    @override
    def is_over(self) -> bool:
        """Whether our side of the stream is closed."""
        return self._phase is Phase.ENDED

    @override
    def _failure(self, error: StreamError) -> bytes:
        return self._stream.fail(error, self._service.token())

    @override
    def _limit_end(self) -> None:
        self.deadline = self._service.seconds() + self._service.settings.closing_seconds

    @override
    def _finish(self, reason: str) -> None:
        self._leave()

    def _leave(self) -> None:
        """Be the component's stream no more; what was not sent is answered."""
        was, self._phase = self._phase, Phase.ENDED
        domain = self._domain
        if was is Phase.CONNECTED and domain is not None:
            domain.link = None
            self._service.left(self, domain)
        self.backlog.end()

    # Time.

    def look_after(self, now: float) -> None:
        """Act on what has become due: a deadline, a slow reader, a long silence."""
        settings = self._service.settings
        if self.deadline and now >= self.deadline:
            self.overdue()
        elif self.backlog.is_stuck(settings.slow_reader_seconds):
            self.overflow()
        elif self.last_seen < now - settings.idle_seconds:
            self.ask()

    @override
    def _overdue(self) -> None:
        if self._phase is not Phase.CONNECTED:
            super()._overdue()
            return
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
