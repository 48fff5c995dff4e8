"""An account with everything of it, apart from any format: what is moved (XEP-0227 section 4)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from xmppd.sasl.exchange import ScramKeys
from xmppd.stanza.jid import JID
from xmppd.stanza.roster import RosterItem
from xmppd.stanza.stanza import Message
from xmppd.wire.element import Element


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """A message that waits for its receiver.

    - `stanza`: complete, without a mark of when it came that is ours to make (XEP-0203).
    - `when`: it came (seconds since 1970); None if that is not known.
    """

    stanza: Message = field(repr=False)
    when: float | None


@dataclass(frozen=True, slots=True)
class LastSeen:
    """When somebody was last available (seconds since 1970), and the status left behind."""

    when: float
    status: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """An account.

    - `name`: its localpart as it was found, not prepared yet.
    - `password`: in clear, as some servers keep it; "" if all there is are `keys`, by hash name.
    - `created`: when (seconds since 1970), None if that is not known.
    - `roster`: with items that are not `listed`; `messages`: the oldest first.
    - `left_out`: what of it has no place here, one short text for each kind of thing.
    """

    name: str
    password: str = field(default="", repr=False)
    keys: Mapping[str, ScramKeys] = field(default_factory=dict, repr=False)
    created: float | None = None
    disabled: bool = False
    roster: tuple[RosterItem, ...] = field(default=(), repr=False)
    messages: tuple[KeptMessage, ...] = field(default=(), repr=False)
    vcard: Element | None = field(default=None, repr=False)
    private: tuple[Element, ...] = field(default=(), repr=False)
    blocked: tuple[JID, ...] = field(default=(), repr=False)
    last: LastSeen | None = field(default=None, repr=False)
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A user of a domain, as a source has it."""

    domain: str
    user: User


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something a source cannot give, in one sentence.

    `lost`: whether accounts may be missing because of it.
    """

    text: str
    lost: bool = True


class SourceError(Exception):
    """There is nothing to read from; one plain sentence."""


class Source(Protocol):
    """Accounts to be moved in, one at a time: only one is in memory."""

    def __iter__(self) -> Iterator[Found | Trouble]:
        """Yield what is there. Raises `SourceError` before anything is yielded, or never."""
