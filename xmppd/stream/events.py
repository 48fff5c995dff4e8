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
    - `version`: "1.0", or "" if it speaks what was before that: it is to be sent no features then
      (4.3.2). Components' streams have none (XEP-0114).
    """

    to: JID | None
    from_: JID | None
    lang: str
    version: str = "1.0"


@dataclass(frozen=True, slots=True)
class Answered:
    """The peer has answered the header of a stream we have opened (RFC 6120 4.7).

    - `id`: the stream's id, which is the peer's to give; "" if it gives none.
    - `from_`: who it says it is; None if it does not. It may be another domain than we asked for.
    - `version`: "1.0", or "" if it speaks what was before that; then there may be no features.
    - `dialback`: whether it declares the namespace of server dialback (XEP-0220 2.4.1).
    """

    id: str
    from_: JID | None
    version: str
    dialback: bool


@dataclass(frozen=True, slots=True)
class Features:
    """The peer offers these features, the children of `element` (RFC 6120 4.3.2)."""

    element: Element


@dataclass(frozen=True, slots=True)
class Refused:
    """The peer has ended the stream with an error (RFC 6120 4.9); no more will be read.

    - `error`: its condition, `undefined-condition` if it is none of RFC 6120's; its text, cut short
      if it is long.
    - `see_other_host`: what `see-other-host` says to try, as it was sent (RFC 6120 4.9.3.19); else
      "".
    """

    error: StreamError
    see_other_host: str


@dataclass(frozen=True, slots=True)
class Received:
    """A first-level element that is no stanza of this stream: negotiation and management."""

    element: Element


@dataclass(frozen=True, slots=True)
class Closed:
    """The peer has closed its stream (RFC 6120 4.4).

    `orderly` is False if our side was closed before and the peer has ended with an error, or with
    what cannot be read: such an end does not answer ours, so it does not say that ours was read.
    """

    orderly: bool = True


@dataclass(frozen=True, slots=True)
class Broken:
    """The peer has sent what ends the stream with that error; no more will be read."""

    error: StreamError
