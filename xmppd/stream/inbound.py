"""The receiving side of a stream, without its socket (RFC 6120 section 4).

An `InboundStream` is fed bytes and returns events; its other methods return the bytes to send. It
knows the order of a stream's life: a header from the peer, a header back, first-level elements,
the end of either side; and it puts every stream error inside an opened stream. What the elements
mean is the affair of whoever runs it.

The parser works one element at a time until `establish`, for until then the answer to an element
decides what the bytes behind it are.
"""

from collections.abc import Iterable
from enum import Enum

from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import MAKERS
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Broken, Closed, Received
from xmppd.stream.headers import VERSION, answer_to, answer_version, read_header, write_header
from xmppd.stream.limits import StreamLimits
from xmppd.wire.element import Element
from xmppd.wire.namespaces import CLIENT, COMPONENT, SERVER, STREAMS
from xmppd.wire.parser import End, Fault, Header, StreamParser
from xmppd.wire.serializer import serialize

_CONTENT = frozenset((CLIENT, SERVER, COMPONENT))


class State(Enum):
    """How far a stream has come."""

    FRESH = "fresh"
    """We have sent no header yet, or the stream is about to be restarted."""
    OPEN = "open"
    """Both headers are out."""
    CLOSING = "closing"
    """We have closed our side; the peer has not closed its own."""
    CLOSED = "closed"
    """The peer has closed its side, or has sent what cannot be read on from."""


class _Ours(Enum):
    """How much of our side is out."""

    NOTHING = "nothing"
    HEADER = "header"
    END = "end"


class InboundStream:
    """One stream a peer has opened to us.

    - `content`: its content namespace ("jabber:client").
    - `domain`: what to call ourselves in a header that must go out before the peer's own domain
      of ours is known (RFC 6120 4.9.1.3).
    - `state`: see `State`.
    """

    __slots__ = ("_content", "_domain", "_limits", "_ours", "_parser", "_peer", "_version", "state")

    def __init__(self, content: str, domain: str, limits: StreamLimits) -> None:
        self._content = content
        self._domain = domain
        self._limits = limits
        self._parser = StreamParser(content, MAKERS, limits.before_authentication())
        self._begin()

    def _begin(self) -> None:
        """Expect a header."""
        self._ours = _Ours.NOTHING
        self._peer: JID | None = None  # what our header will say, and in which version
        self._version = VERSION
        self.state = State.FRESH

    # The peer's side.

    def receive(self, data: bytes) -> list[object]:
        """Take bytes and return the stanzas and events they completed.

        Before `establish` that is at most one; call again with `b""` for what the same bytes hold
        behind it. `Broken` or `Closed` is the last one. While the state is CLOSING nothing counts
        but the peer's end, however it comes: it is `Closed`. Once it is CLOSED nothing is read.
        """
        if self.state is State.CLOSED:
            return []
        events = self._parser.feed(data)
        if self.state is State.CLOSING:
            return self._await_end(events)
        for index, event in enumerate(events):
            if type(event) in _OTHER:
                meaning = events[index] = self._understand(event)
                if type(meaning) in _LAST:
                    del events[index + 1 :]
                    break
        return events

    @property
    def unread(self) -> int:
        """How many bytes wait to be read by `receive(b"")`."""
        return self._parser.unread

    def _await_end(self, events: list[object]) -> list[object]:
        """Pass over everything until the peer has closed too (RFC 6120 4.4)."""
        if not events or type(events[-1]) not in (End, Fault):
            return []
        return [self._over(Closed())]

    def _understand(self, event: object) -> object:
        try:
            if isinstance(event, Header):
                self._peer = answer_to(event)
                self._version = answer_version(event)
                return read_header(event, self._content)
            if isinstance(event, Element):
                return self._element(event)
        except StreamError as error:
            return Broken(error)
        if isinstance(event, Fault):
            return self._over(Broken(StreamError(event.condition, event.text)))
        return self._over(Closed())

    def _element(self, element: Element) -> object:
        if element.ns in _CONTENT and element.ns != self._content:
            raise StreamError("invalid-namespace", f"the content namespace is {self._content}")
        if element.ns == STREAMS and element.name == "error":
            return self._over(Closed())  # RFC 6120 4.9.1.1: then it is for us to close
        return Received(element)

    def _over(self, event: Broken | Closed) -> object:
        """Read no more."""
        self.state = State.CLOSED
        self._parser.close()
        return event

    # Our side.

    def open(self, domain: str, id: str) -> bytes:
        """Return our header, answering the peer's (RFC 6120 4.7).

        `domain` is who we are to this peer, `id` an unpredictable id.
        """
        self._domain = domain
        self.state = State.OPEN
        return self._header(id)

    def _header(self, id: str) -> bytes:
        self._ours = _Ours.HEADER
        return write_header(self._content, self._domain, id, self._peer, self._version)

    def features(self, features: Iterable[Element]) -> bytes:
        """Return `<stream:features/>` with these elements (RFC 6120 4.3.2)."""
        return b"<stream:features>%b</stream:features>" % b"".join(
            serialize(feature, self._content) for feature in features
        )

    def element(self, element: Element) -> bytes:
        """Return one first-level element as it is written on this stream."""
        return serialize(element, self._content)

    def close(self) -> bytes:
        """Return what closes our side; nothing if it is closed already or was never open."""
        if self._ours is not _Ours.HEADER:
            return b""
        self._ours = _Ours.END
        if self.state is not State.CLOSED:
            self.state = State.CLOSING
            self._parser.one_by_one = False
        return b"</stream:stream>"

    def fail(self, error: StreamError, id: str) -> bytes:
        """Return a stream error and what closes our side, behind our header if it is not out yet.

        `id` is used for that header. Nothing is returned if our side is closed already.
        """
        if self._ours is _Ours.END:
            return b""
        opening = self._header(id) if self._ours is _Ours.NOTHING else b""
        condition = b"".join(
            serialize(child) for child in error.to_element().children if isinstance(child, Element)
        )
        return b"%b<stream:error>%b</stream:error>%b" % (opening, condition, self.close())

    # The peer's progress.

    def restart(self) -> None:
        """Expect a new header, beginning with the bytes not read yet (RFC 6120 6.4.6)."""
        self._parser.restart()
        self._begin()

    def discard(self) -> None:
        """Forget all input and expect a new header: TLS begins here (RFC 6120 5.4.3.3)."""
        self._parser.reset()
        self._begin()

    def trust(self) -> None:
        """Apply the limits of an authenticated peer."""
        self._parser.limits = self._limits.parser

    def establish(self) -> None:
        """Negotiation is over: read all that comes, as it comes."""
        self._parser.one_by_one = False

    def sleep(self) -> None:
        """Give up memory that an idle stream does not need."""
        self._parser.sleep()

    def end(self) -> None:
        """The connection is gone: let go of everything."""
        self.state = State.CLOSED
        self._parser.close()


_OTHER = frozenset((Element, Header, Fault, End))
_LAST = frozenset((Broken, Closed))
