"""What both kinds of streams share: the order of a stream's life, without a socket (RFC 6120 4).

`Stream` knows headers, first-level elements, the end of either side and how errors are sent.
`InboundStream` and `OutboundStream` add which side sends its header first and what that means.
"""

from enum import Enum

from xmppd.stanza.stanza import MAKERS
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Broken, Closed, Received
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
    """Our header is out."""
    LISTENING = "listening"
    """We have closed our side without an error; until the peer closes its own, stanzas count."""
    CLOSING = "closing"
    """We have closed our side; the peer has not closed its own, and nothing else counts."""
    CLOSED = "closed"
    """The peer has closed its side, or has sent what cannot be read on from."""


class Ours(Enum):
    """How much of our side is out."""

    NOTHING = "nothing"
    HEADER = "header"
    END = "end"


class Stream:
    """One stream, whoever has opened it.

    - `content`: its content namespace ("jabber:server").
    - `state`: see `State`.

    It is fed bytes and returns events; its other methods return the bytes to send. The parser works
    one element at a time until `establish`, for until then the answer to an element decides what
    the bytes behind it are.
    """

    __slots__ = ("_content", "_limits", "_ours", "_parser", "state")

    def __init__(self, content: str, limits: StreamLimits) -> None:
        self._content = content
        self._limits = limits
        self._parser = StreamParser(content, MAKERS, limits.before_authentication())
        self._begin()

    def _begin(self) -> None:
        """Expect a header."""
        self._ours = Ours.NOTHING
        self.state = State.FRESH

    # The peer's side.

    def receive(self, data: bytes) -> list[object]:
        """Take bytes and return the stanzas and events they completed.

        Before `establish` that is at most one; call again with `b""` for what the same bytes hold
        behind it. What ends the peer's side (`Broken`, `Closed`, `Refused`) is the last one. Once
        our side is closed there are only stanzas, while the state is LISTENING, and the peer's end,
        which is `Closed` however it comes. Once the state is CLOSED nothing is read.
        """
        if self.state is State.CLOSED:
            return []
        before = self.state
        events = self._parser.feed(data)
        if self._ours is Ours.END:
            return self._await_end(events)
        for index, event in enumerate(events):
            if type(event) in _OTHER:
                meaning = events[index] = self._understand(event)
                if type(meaning) is Broken or self.state is not before:
                    del events[index + 1 :]
                    break
        return events

    @property
    def unread(self) -> int:
        """How many bytes wait to be read by `receive(b"")`."""
        return self._parser.unread

    def _await_end(self, events: list[object]) -> list[object]:
        """Return what counts until the peer has closed too (RFC 6120 4.4)."""
        listening = self.state is State.LISTENING
        counting = [event for event in events if listening and type(event) not in _OTHER]
        failed = any(type(event) is Element and _is_error(event) for event in events)
        if failed or (events and type(events[-1]) in (End, Fault)):
            self._over()
            counting.append(Closed(orderly=not failed and type(events[-1]) is End))
        return counting

    def _understand(self, event: object) -> object:
        try:
            return self._meaning(event)
        except StreamError as error:
            return Broken(error)

    def _meaning(self, event: object) -> object:
        """Return what an event of the parser, other than a stanza, means on this stream.

        What is wrong raises `StreamError`.
        """
        if isinstance(event, Element):
            return self._element(event)
        self._over()
        if isinstance(event, Fault):
            return Broken(StreamError(event.condition, event.text))
        return Closed()

    def _element(self, element: Element) -> object:
        if element.ns in _CONTENT and element.ns != self._content:
            raise StreamError("invalid-namespace", f"the content namespace is {self._content}")
        if _is_error(element):
            self._over()  # RFC 6120 4.9.1.1: then it is for us to close
            return self._refused(element)
        return Received(element)

    def _refused(self, _error: Element) -> object:
        """Return what the peer's stream error means, behind which nothing is read."""
        return Closed()

    def _over(self) -> None:
        """Read no more."""
        self.state = State.CLOSED
        self._parser.close()

    # Our side.

    def element(self, element: Element) -> bytes:
        """Return one first-level element as it is written on this stream."""
        return serialize(element, self._content)

    def close(self) -> bytes:
        """Return what closes our side; nothing if it is closed already or was never open.

        If the stream was established, stanzas of the peer go on to count.
        """
        return self._end(State.CLOSING if self._parser.one_by_one else State.LISTENING)

    def _end(self, state: State) -> bytes:
        if self._ours is not Ours.HEADER:
            return b""
        self._ours = Ours.END
        if self.state is not State.CLOSED:
            self.state = state
            self._parser.one_by_one = False
        return b"</stream:stream>"

    def _failure(self, error: StreamError) -> bytes:
        """Return a stream error and what closes our side."""
        condition = b"".join(
            serialize(child) for child in error.to_element().children if isinstance(child, Element)
        )
        end = self._end(State.CLOSING)
        return b"<stream:error>%b</stream:error>%b" % (condition, end)

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


def _is_error(element: Element) -> bool:
    """Tell whether an element is a stream error (RFC 6120 4.9.2)."""
    return element.ns == STREAMS and element.name == "error"


_OTHER = frozenset((Element, Header, Fault, End))
