"""The receiving side of a stream, without its socket (RFC 6120 section 4).

An `InboundStream` is fed bytes and returns events; its other methods return the bytes to send. It
knows the order of a stream's life: a header from the peer, a header back, first-level elements,
the end; and it puts every stream error inside an opened stream. What the elements mean is the
affair of whoever runs it.

The parser works one element at a time until `establish`, for until then the answer to an element
decides what the bytes behind it are.
"""

import re
from collections.abc import Iterable
from enum import Enum

from xmppd.stanza.jid import JID, JIDError
from xmppd.stanza.stanza import MAKERS
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Broken, Closed, Opened, Received
from xmppd.stream.limits import StreamLimits
from xmppd.wire.element import Element
from xmppd.wire.namespaces import STREAMS, XML_LANG
from xmppd.wire.parser import End, Fault, Header, StreamParser
from xmppd.wire.serializer import escape_attr, serialize

_VERSION = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})", re.ASCII)
_CLOSE = b"</stream:stream>"


class State(Enum):
    """How far a stream has come."""

    FRESH = "fresh"
    """Nothing has been sent or understood yet, or the stream is about to be restarted."""
    OPEN = "open"
    """Both headers are out."""
    CLOSING = "closing"
    """We have closed our side; the peer has not closed its own."""
    CLOSED = "closed"
    """The peer has closed, or has sent what cannot be read on from."""


class InboundStream:
    """One stream a peer has opened to us.

    - `content`: its content namespace ("jabber:client").
    - `domain`: what to call ourselves in a header that must go out before the peer's own domain
      of ours is known (RFC 6120 4.9.1.2).
    - `state`: see `State`.
    """

    __slots__ = ("_content", "_domain", "_limits", "_parser", "_sent_header", "state")

    def __init__(self, content: str, domain: str, limits: StreamLimits) -> None:
        self._content = content
        self._domain = domain
        self._limits = limits
        self._parser = StreamParser(content, MAKERS, limits.before_authentication())
        self._sent_header = False
        self.state = State.FRESH

    def receive(self, data: bytes) -> list[object]:
        """Take bytes and return the stanzas and events they completed.

        Before `establish` that is at most one; call again with `b""` for what the same bytes hold
        behind it. Nothing is read once the state is CLOSED.
        """
        if self.state is State.CLOSED:
            return []
        events = self._parser.feed(data)
        for index, event in enumerate(events):
            if type(event) in _OURS:
                meaning = events[index] = self._understand(event)
                if isinstance(meaning, Broken | Closed):
                    del events[index + 1 :]
                    break
        return events

    @property
    def unread(self) -> int:
        """How many bytes wait to be read by `receive(b"")`."""
        return self._parser.unread

    def _understand(self, event: object) -> object:
        if isinstance(event, Element):
            return Received(event)
        if isinstance(event, Header):
            try:
                return self._header(event)
            except StreamError as error:
                self.state = State.CLOSED
                return Broken(error)
        self.state = State.CLOSED
        self._parser.close()
        return (
            Broken(StreamError(event.condition, event.text))
            if isinstance(event, Fault)
            else Closed()
        )

    def _header(self, header: Header) -> Opened:
        """Check the peer's header (RFC 6120 4.7, 4.8)."""
        if header.ns != STREAMS:
            raise StreamError("invalid-namespace", f"a stream is in the namespace {STREAMS}")
        if header.name != "stream":
            raise StreamError("bad-format", "the root element is not a stream")
        default = header.declarations.get("", "")
        if default not in ("", STREAMS, self._content):
            raise StreamError("invalid-namespace", f"the content namespace is {self._content}")
        version = _VERSION.fullmatch(header.attrs.get("version", ""))
        if version is None or int(version[1]) < 1:
            raise StreamError("unsupported-version", "this server speaks XMPP 1.0")
        return Opened(
            self._address(header, "to"),
            self._address(header, "from"),
            header.attrs.get(XML_LANG, ""),
        )

    def _address(self, header: Header, name: str) -> JID | None:
        text = header.attrs.get(name)
        if text is None:
            return None
        try:
            return JID.parse(text)
        except JIDError:
            raise StreamError("improper-addressing", f"'{name}' is not an address") from None

    # What we send.

    def open(self, domain: str, id: str, to: JID | None = None) -> bytes:
        """Return our header, answering the peer's (RFC 6120 4.7).

        `domain` is who we are to this peer, `id` an unpredictable id, `to` the peer's address if it
        gave one.
        """
        self._domain = domain
        self._sent_header = True
        self.state = State.OPEN
        return self._our_header(id, to)

    def _our_header(self, id: str, to: JID | None) -> bytes:
        address = "" if to is None else f" to='{escape_attr(str(to))}'"
        return (
            "<?xml version='1.0'?>"
            f"<stream:stream xmlns='{self._content}' xmlns:stream='{STREAMS}'"
            f" id='{escape_attr(id)}' from='{escape_attr(self._domain)}'{address}"
            " version='1.0' xml:lang='en'>"
        ).encode()

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
        if self.state is State.CLOSING or not self._sent_header:
            return b""
        self._sent_header = False
        if self.state is State.OPEN:
            self.state = State.CLOSING
        return _CLOSE

    def fail(self, error: StreamError, id: str) -> bytes:
        """Return a stream error and what closes our side, behind our header if it is not out yet.

        `id` is used for that header.
        """
        opening = b"" if self._sent_header else self._our_header(id, None)
        self._sent_header = True
        condition = b"".join(
            serialize(child) for child in error.to_element().children if isinstance(child, Element)
        )
        return b"%b<stream:error>%b</stream:error>%b" % (opening, condition, self.close())

    # The peer's progress.

    def restart(self) -> None:
        """Expect a new header, beginning with the bytes not read yet (RFC 6120 6.4.6)."""
        self._parser.restart()
        self._sent_header = False
        self.state = State.FRESH

    def discard(self) -> None:
        """Forget all input and expect a new header: TLS begins here (RFC 6120 5.4.3.3)."""
        self._parser.reset()
        self._sent_header = False
        self.state = State.FRESH

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


_OURS = frozenset((Element, Header, Fault, End))
