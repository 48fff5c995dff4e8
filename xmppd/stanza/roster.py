"""One contact in somebody's roster: as a value, as XML and as stored bytes (RFC 6121 2.1.2)."""

import json
from dataclasses import dataclass, field
from typing import Any

from xmppd.stanza.jid import JID
from xmppd.stanza.subscription import Subscription
from xmppd.wire.element import Element
from xmppd.wire.namespaces import ROSTER


@dataclass(frozen=True, slots=True)
class RosterItem:
    """What a user's server knows of one contact.

    - `jid`: the contact, mostly a bare JID.
    - `name`: the user's word for it, "" for none; `groups`: in the order given.
    - `subscription`: one of the nine states; `approved`: a request is granted beforehand (3.4).
    - `listed`: whether the user sees the item; not so where a stranger's request is all there is.
    - `request`: the contact's complete request while it waits for the user, canonical (3.1.3).
    - `version`: the roster's when the user last saw the item change, 0 if he never did (2.6).
    """

    jid: JID
    name: str = ""
    groups: tuple[str, ...] = ()
    subscription: Subscription = Subscription.NONE
    approved: bool = False
    listed: bool = False
    request: bytes = field(default=b"", repr=False)
    version: int = 0

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing to remember."""
        return not self.listed and self.subscription is Subscription.NONE and not self.approved

    def looks_like(self, other: "RosterItem") -> bool:
        """Tell whether the user sees no difference between the two (2.6.3, "modification")."""
        return (self.listed == other.listed) and (
            not self.listed or _attributes(self) == _attributes(other)
        )

    def element(self) -> Element:
        """Return the `<item/>` for the user; with `subscription='remove'` if it is not listed."""
        if not self.listed:
            return Element("item", ROSTER, {"jid": str(self.jid), "subscription": "remove"})
        attrs, groups = _attributes(self)
        item = Element("item", ROSTER, dict(attrs))
        for group in groups:
            item.add("group", text=group)
        return item

    def to_bytes(self) -> bytes:
        """Return the stored form."""
        row: dict[str, object] = {
            "version": self.version,
            "subscription": self.subscription.value,
        }
        if self.name:
            row["name"] = self.name
        if self.groups:
            row["groups"] = self.groups
        if self.approved:
            row["approved"] = True
        if self.listed:
            row["listed"] = True
        if self.request:
            row["request"] = self.request.decode()
        return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, jid: JID, stored: bytes) -> "RosterItem":
        """Return an item of its stored form; raises `ValueError` for what is none."""
        try:
            return cls._of_row(jid, json.loads(stored))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("not a stored roster item") from error

    @classmethod
    def _of_row(cls, jid: JID, row: dict[str, Any]) -> "RosterItem":
        return cls(
            jid,
            row.get("name", ""),
            tuple(row.get("groups", ())),
            Subscription(row["subscription"]),
            row.get("approved", False),
            row.get("listed", False),
            row.get("request", "").encode(),
            row["version"],
        )


def _attributes(item: RosterItem) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Return what the user sees of a listed item: attributes and groups."""
    attrs = [("jid", str(item.jid))]
    if item.name:
        attrs.append(("name", item.name))
    attrs.append(("subscription", item.subscription.name_for_client))
    if item.subscription.asks:
        attrs.append(("ask", "subscribe"))
    if item.approved:
        attrs.append(("approved", "true"))
    return tuple(attrs), item.groups
