"""How features see clients' sessions.

A session of any node is known by its `SessionRecord`, a frozen value that is published anew when
something in it changes. A session of this process can be talked to as an `ISession`.
"""

from dataclasses import dataclass
from typing import TypeVar

from zope.interface import Attribute, Interface

from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Presence, Stanza

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """What everybody may know of a session.

    - `jid`: its full JID; `node`: the node of the cluster it lives on.
    - `available`: whether its last presence was available; `priority`: of that presence.
    - `presence`: its last available presence, None while it is unavailable.
    - `interested`: whether it has asked for its roster (RFC 6121 2.2).
    - `carbons`: whether it wants copies of messages (XEP-0280).
    - `detached`: whether its connection is lost and may be resumed (XEP-0198).
    - `since`: when it was bound, `active`: when its presence last changed (seconds since 1970).
    """

    jid: JID
    node: str
    available: bool = False
    priority: int = 0
    presence: Presence | None = None
    interested: bool = False
    carbons: bool = False
    detached: bool = False
    since: float = 0.0
    active: float = 0.0


class ISession(Interface):
    """A client's session in this process."""

    jid: JID = Attribute("its full JID")
    account: str = Attribute("the localpart of its account; unique to it if it is anonymous")
    record: SessionRecord = Attribute("what is published of it")
    writable: bool = Attribute(
        "whether the client keeps up with what it is sent; who has much for it waits while not"
    )

    def write(stanza: Stanza) -> None:
        """Deliver a stanza to the client, behind everything written before."""

    def publish(**changes: object) -> None:
        """Change fields of the record and let everybody see."""

    def state(kind: type[State]) -> State:
        """Return the session's one instance of `kind`, made at the first call.

        `kind` must be registered with `PerSession`; it is made without arguments.
        """

    def kinds() -> tuple[type, ...]:
        """Return the types `state` has been asked for."""

    def withdraw() -> None:
        """Become unavailable and unreachable at once; the stream stays for some last words.

        What is written still gets to the client. Its stanzas must not be taken any more: this is
        for who has them wait, and calls `close` at the end.
        """

    def close(condition: str, text: str = "") -> None:
        """End the session with that stream error (RFC 6120 4.9.3)."""
