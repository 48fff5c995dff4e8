"""Delayed delivery (XEP-0203): what a stanza says of having waited, and with whom."""

from xmppd.stanza.dates import format_datetime
from xmppd.stanza.jid import JID, JIDError
from xmppd.stanza.stanza import Stanza
from xmppd.wire.canonical import Child
from xmppd.wire.element import Element
from xmppd.wire.namespaces import DELAY

_DELAY = f"{DELAY} delay"


def delays_by(stanza: Stanza, entity: JID) -> list[Child]:
    """Return the children, of `stanza.children`, that say `entity` has delayed the stanza."""
    return [
        child
        for child in stanza.children
        if child[0] == _DELAY and _names(stanza.child_element(child).attrs.get("from", ""), entity)
    ]


def _names(text: str, entity: JID) -> bool:
    try:
        return JID.parse(text) == entity
    except JIDError:
        return False


def add_delay(stanza: Stanza, entity: JID, when: float) -> None:
    """Append to a stanza that it has waited with `entity` since `when` (seconds since 1970).

    Raises `ValueError` for a moment that no calendar has.
    """
    try:
        stamp = format_datetime(when)
    except (OverflowError, OSError):  # as the platform has it
        raise ValueError("a moment beyond all calendars") from None
    stanza.add(Element("delay", DELAY, {"from": str(entity), "stamp": stamp}))
