"""The receiving side of a stream, without its socket (RFC 6120 section 4).

An `InboundStream` answers the peer's header with ours, and puts every stream error inside an opened
stream. What the elements mean is the affair of whoever runs it.
"""

from collections.abc import Iterable

from typing_extensions import override

from xmppd.stanza.jid import JID
from xmppd.stream.errors import StreamError
from xmppd.stream.headers import VERSION, answer_to, answer_version, read_header, write_header
from xmppd.stream.limits import StreamLimits
from xmppd.stream.stream import Ours, State, Stream
from xmppd.wire.element import Element
from xmppd.wire.parser import Header
from xmppd.wire.serializer import serialize

__all__ = ["InboundStream", "State"]


class InboundStream(Stream):
    """One stream a peer has opened to us.

    - `content`: its content namespace ("jabber:client").
    - `domain`: what to call ourselves in a header that must go out before the peer's own domain
      of ours is known (RFC 6120 4.9.1.3).

    Its first event is `Opened`. `restart` keeps what the peer has sent ahead.
    """

    __slots__ = ("_domain", "_peer", "_version")

    def __init__(self, content: str, domain: str, limits: StreamLimits) -> None:
        self._domain = domain
        super().__init__(content, limits)

    @override
    def _begin(self) -> None:
        super()._begin()
        self._peer: JID | None = None  # what our header will say, and in which version
        self._version = VERSION

    @override
    def _meaning(self, event: object) -> object:
        if isinstance(event, Header):
            self._peer = answer_to(event, self._content)
            self._version = answer_version(event)
            return read_header(event, self._content)
        return super()._meaning(event)

    def open(self, domain: str, id: str, *, dialback: bool = False) -> bytes:
        """Return our header, answering the peer's (RFC 6120 4.7).

        `domain` is who we are to this peer, `id` an unpredictable id; `dialback` declares the
        namespace of server dialback (XEP-0220 2.4.1).
        """
        self._domain = domain
        self.state = State.OPEN
        return self._header(id, dialback)

    def _header(self, id: str, dialback: bool = False) -> bytes:
        self._ours = Ours.HEADER
        return write_header(self._content, self._domain, id, self._peer, self._version, dialback)

    def features(self, features: Iterable[Element | bytes]) -> bytes:
        """Return `<stream:features/>` with these (RFC 6120 4.3.2).

        Each is an element, or what some serialize to on their own.
        """
        return b"<stream:features>%b</stream:features>" % b"".join(
            feature if isinstance(feature, bytes) else serialize(feature, self._content)
            for feature in features
        )

    def fail(self, error: StreamError, id: str) -> bytes:
        """Return a stream error and what closes our side, behind our header if it is not out yet.

        `id` is used for that header. Nothing is returned if our side is closed already.
        """
        if self._ours is Ours.END:
            return b""
        opening = self._header(id) if self._ours is Ours.NOTHING else b""
        return opening + self._failure(error)
