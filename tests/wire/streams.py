"""Streams to feed a parser, and what the tests want of its answers; needs nothing but the room."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from xmppd.wire.canonical import Child
from xmppd.wire.limits import ParserLimits
from xmppd.wire.namespaces import CLIENT, COMPONENT, SERVER
from xmppd.wire.parser import End, Fault, StreamParser

STREAMS = "http://etherx.jabber.org/streams"
HEADERS = {
    CLIENT: b"<stream:stream xmlns='jabber:client' xmlns:stream='%b'>" % STREAMS.encode(),
    SERVER: b"<stream:stream xmlns='jabber:server' xmlns:stream='%b'"
    b" xmlns:db='jabber:server:dialback'>" % STREAMS.encode(),
    COMPONENT: b"<stream:stream xmlns='jabber:component:accept' xmlns:stream='%b'>"
    % STREAMS.encode(),
}
HEADER = HEADERS[CLIENT]
KINDS = ("message", "presence", "iq")


@dataclass(frozen=True)
class Made:
    """A stanza as the parser handed it to its maker."""

    kind: str
    attrs: dict[str, str]
    inner: bytes
    children: list[Child]


def new_parser(
    content: str = CLIENT,
    limits: ParserLimits | None = None,
    *,
    one_by_one: bool = False,
    hold_back: bool | None = None,
) -> StreamParser:
    """Return a parser whose stanzas are `Made`, reading all it is fed."""
    makers = {kind: partial(Made, kind) for kind in KINDS}
    parser = StreamParser(content, makers, limits or ParserLimits(), hold_back=hold_back)
    parser.one_by_one = one_by_one
    return parser


def feed_all(parser: StreamParser, chunks: Iterable[bytes]) -> list[object]:
    """Feed the chunks, letting nothing wait, and return all events, to the last there can be."""
    events: list[object] = []
    for chunk in chunks:
        events += parser.feed(chunk)
        while parser.unread:
            events += parser.feed(b"")
        if events and isinstance(events[-1], End | Fault):
            break
    return events


def single_bytes(data: bytes) -> list[bytes]:
    """Cut `data` into pieces of one byte."""
    return [data[at : at + 1] for at in range(len(data))]


def kinds(events: list[object]) -> list[type]:
    """Return what the events are: a fault must not pass for the stanza that was expected."""
    return [type(event) for event in events]
