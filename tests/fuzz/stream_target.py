"""What must hold of the receiving side of a stream for any input whatever."""

from xmppd.stanza.stanza import Iq, Message, Presence, Stanza
from xmppd.stream.errors import CONDITIONS
from xmppd.stream.events import Broken, Closed, Opened, Received
from xmppd.stream.inbound import InboundStream, State
from xmppd.stream.limits import StreamLimits
from xmppd.wire.canonical import inner_of
from xmppd.wire.element import Element
from xmppd.wire.limits import ParserLimits
from xmppd.wire.namespaces import CLIENT, STREAMS

LIMITS = StreamLimits(
    ParserLimits(stanza=4096, tag=1024, depth=20, attributes=20, children=20, renewal=8192),
    unauthenticated=2048,
)
OPENING = f"<stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}' version='1.0'>".encode()
STANZAS = (Message, Presence, Iq)


class Unexpected(Exception):
    """The stream did something it must never do; deliberately no AssertionError of anybody."""


def check(data: bytes) -> None:
    """Feed `data` to a stream and hold what comes of it against the rules.

    The first two bytes choose how: the size of the pieces, whether a header is put ahead, whether
    the stream counts as established.
    """
    if len(data) < 2:
        return
    size = data[0] or len(data)
    stream = InboundStream(CLIENT, "fuzz.example", LIMITS)
    if data[1] & 1:
        stream.receive(OPENING)
        stream.open("fuzz.example", "id")
    if data[1] & 2:
        stream.trust()
        stream.establish()
    for at in range(2, len(data), size):
        if _take(stream, stream.receive(data[at : at + size])):
            return
        for _ in range(size):
            if not stream.unread:
                break
            if _take(stream, stream.receive(b"")):
                return
    stream.sleep()


def _take(stream: InboundStream, events: list[object]) -> bool:
    """Check events; tell whether the stream has ended."""
    for index, event in enumerate(events):
        if isinstance(event, Broken):
            if event.error.condition not in CONDITIONS or event is not events[-1]:
                raise Unexpected(event)
            stream.fail(event.error, "id")
        elif isinstance(event, Closed):
            if index != len(events) - 1:
                raise Unexpected(events)
        elif isinstance(event, STANZAS):
            _check_stanza(event)
        elif not isinstance(event, Opened | Received):
            raise Unexpected(event)
    return stream.state is State.CLOSED


def _check_stanza(stanza: Stanza) -> None:
    """A stanza leaves as XML that says the same in any stream."""
    tree = stanza.to_element()
    framed = stanza.to_bytes(CLIENT)
    other = InboundStream(CLIENT, "fuzz.example", StreamLimits())
    other.receive(OPENING.replace(b"stream:stream", b"s:stream").replace(b":stream=", b":s="))
    other.trust()
    other.establish()
    for data in (bytes(stanza), framed):
        (again,) = other.receive(data)
        if not isinstance(again, Stanza) or again.to_element() != tree:
            raise Unexpected(stanza, data, again)
    inner, children = inner_of(tree)
    names = [f"{child.ns} {child.name}" if child.ns else child.name for child in tree.elements()]
    if [child[0] for child in stanza.children] != names or len(children) != len(names):
        raise Unexpected(stanza, inner)
    for child in stanza.children:
        element = stanza.child_element(child)
        if not isinstance(element, Element):
            raise Unexpected(element)
