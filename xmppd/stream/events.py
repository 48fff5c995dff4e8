"""What a stream's input amounts to, for whoever runs the stream.

Stanzas of an established stream need no event of their own: they appear among these as they are.
"""

from dataclasses import dataclass

from xmppd.stanza.jid import JID
from xmppd.stream.errors import StreamError
from xmppd.wire.element import Element


@dataclass(frozen=True, slots=True)
class Opened:
    """The peer has sent its stream header (RFC 6120 4.7), and nothing in it is wrong by itself.

    - `to`: the domain it wants; None if it names none.
    - `from_`: who it says it is; None if it does not.
    - `lang`: its `xml:lang`, "" if it has none.
    """

    to: JID | None
    from_: JID | None
    lang: str


@dataclass(frozen=True, slots=True)
class Received:
    """A first-level element that is no stanza of this stream: negotiation and management."""

    element: Element


@dataclass(frozen=True, slots=True)
class Closed:
    """The peer has closed its stream (RFC 6120 4.4)."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The peer has sent what ends the stream with that error; no more will be read."""

    error: StreamError
