"""What a session's own presence says of its availability (RFC 6121 4.2, 4.4, 4.5, 4.7)."""

import re
from typing import Any

from xmppd.stanza.errors import StanzaError
from xmppd.stanza.stanza import Presence
from xmppd.wire.namespaces import CLIENT

_SHOWS = frozenset(("away", "chat", "dnd", "xa"))
_PRIORITY = re.compile(r"[+-]?[0-9]{1,4}", re.ASCII)


def availability(presence: Presence) -> dict[str, Any] | None:
    """Return what presence without `to` changes in its session's record; None for nothing.

    Raises `StanzaError` (bad-request) for a type that needs a `to`, an unknown type, or a `<show/>`
    or `<priority/>` RFC 6121 4.7 does not allow.
    """
    if presence.type == "error":
        return None
    if presence.type == "unavailable":
        return {"available": False, "presence": None}
    if presence.type:
        raise StanzaError("bad-request", "presence of this type needs an address")
    priority = 0
    for name, *_ in presence.children:
        if name == f"{CLIENT} priority":
            priority = _priority(presence)
        elif name == f"{CLIENT} show":
            _check_show(presence)
    return {"available": True, "presence": presence, "priority": priority}


def _priority(presence: Presence) -> int:
    element = presence.child("priority")
    text = "" if element is None else element.text.strip()
    if _PRIORITY.fullmatch(text) and -128 <= int(text) <= 127:
        return int(text)
    raise StanzaError("bad-request", "a priority is an integer from -128 to 127")


def _check_show(presence: Presence) -> None:
    element = presence.child("show")
    if element is None or element.text.strip() not in _SHOWS:
        raise StanzaError("bad-request", "show is one of away, chat, dnd, xa")
