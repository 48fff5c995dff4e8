"""The initiating side of a stream, without its socket (RFC 6120 section 4).

An `OutboundStream` sends its header first and expects an answer; it is the mirror of
`InboundStream`. What features and elements mean is the affair of whoever runs it.
"""

from typing_extensions import override

from xmppd.stanza.stanza import Stanza
from xmppd.stream.errors import CONDITIONS, StreamError
from xmppd.stream.events import Broken, Features, Refused
from xmppd.stream.headers import read_answer, write_initial
from xmppd.stream.stream import Ours, State, Stream
from xmppd.wire.element import Element
from xmppd.wire.namespaces import STREAM_ERRORS, STREAMS
from xmppd.wire.parser import Header

_MAX_TEXT = 500
_MAX_HOST = 1100  # the longest address there is, and a port
_UNDEFINED = "undefined-condition"


class OutboundStream(Stream):
    """One stream we have opened to a peer.

    - `content`: its content namespace ("jabber:server").

    Its first event is `Answered`, or `Broken` for an answer that is none; then come `Features`,
    from peers of version 1.0. A stanza before `establish` is `Broken`: until we know the peer there
    is nothing it may send us (RFC 6120 4.9.3.12). An error of the peer's is `Refused`.
    """

    __slots__ = ()

    # The peer's side.

    @override
    def receive(self, data: bytes) -> list[object]:
        events = super().receive(data)
        # One at a time: a stanza is the only event.
        if self._parser.one_by_one and events and isinstance(events[0], Stanza):
            return [Broken(StreamError("not-authorized", "a stanza before its time"))]
        return events

    @override
    def _meaning(self, event: object) -> object:
        if isinstance(event, Header):
            return read_answer(event, self._content)
        return super()._meaning(event)

    @override
    def _element(self, element: Element) -> object:
        if element.ns == STREAMS and element.name == "features":
            return Features(element)
        return super()._element(element)

    @override
    def _refused(self, error: Element) -> object:
        return read_error(error)

    # Our side.

    def open(self, from_: str, to: str, *, dialback: bool = True) -> bytes:
        """Return our header (RFC 6120 4.7).

        `from_` is a domain of ours, "" not to say who we are; `to` the domain that is wanted;
        `dialback` declares the namespace of server dialback (XEP-0220 2.4.1).
        """
        self._ours = Ours.HEADER
        self.state = State.OPEN
        return write_initial(self._content, from_, to, dialback=dialback)

    def fail(self, error: StreamError) -> bytes:
        """Return a stream error and what closes our side; nothing unless our header is out.

        Nothing is returned either if our side is closed already.
        """
        return self._failure(error) if self._ours is Ours.HEADER else b""


def read_error(error: Element) -> Refused:
    """Return what a peer's `<stream:error/>` says (RFC 6120 4.9.2)."""
    names = [child.name for child in error.elements(ns=STREAM_ERRORS) if child.name in CONDITIONS]
    condition = names[0] if names else _UNDEFINED
    told = error.child("text", STREAM_ERRORS)
    # COMPAT(jabberd 1.4): nothing but text, directly inside.
    text = " ".join((error if told is None else told).text.split())
    elsewhere = error.child("see-other-host", STREAM_ERRORS)
    host = ""
    if elsewhere is not None and condition == "see-other-host":
        host = elsewhere.text.strip()
    return Refused(StreamError(condition, text[:_MAX_TEXT]), host if len(host) <= _MAX_HOST else "")
