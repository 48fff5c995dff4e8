"""Stanzas in a few words, so that what parties see can be foretold and compared.

Ids and texts are left out; "subscribe from romeo@example.org to juliet@example.net", "push to",
"push none ask", "result", "error item-not-found".
"""

from xmppd.stanza.stanza import Stanza
from xmppd.wire.element import Element
from xmppd.wire.namespaces import ROSTER

ABSENT = "-"
"""The words for a contact that is not in the roster."""


def shown(item: Element) -> str:
    """Return what a roster item shows: its subscription, "ask" and "approved" where they are."""
    words = [item.attrs.get("subscription", "none")]
    words += ["ask"] if item.attrs.get("ask") == "subscribe" else []
    words += ["approved"] if item.attrs.get("approved") == "true" else []
    return " ".join(words)


def seen(stanza: Stanza) -> str:
    """Return a stanza in a few words."""
    if stanza.kind == "iq" and stanza.type == "set":
        query = stanza.child("query", ROSTER)
        item = None if query is None else query.child("item", ROSTER)
        return "set of something else" if item is None else f"push {shown(item)}"
    if stanza.type == "error":
        return f"error {condition(stanza)}"
    if stanza.kind == "presence":
        return f"{stanza.type or 'available'} from {stanza.from_} to {stanza.to}"
    return f"{stanza.kind} {stanza.type}".strip()


def condition(stanza: Stanza) -> str:
    """Return the condition of an error stanza (RFC 6120 8.3.3)."""
    error = stanza.child("error")
    found = None if error is None else error.child()
    return "of no kind" if found is None else found.name


def item_of(result: Stanza, contact: str) -> str:
    """Return what the result of a roster get shows of a contact."""
    query = result.child("query", ROSTER)
    for item in () if query is None else query.elements("item", ROSTER):
        if item.attrs["jid"] == contact:
            return shown(item)
    return ABSENT
