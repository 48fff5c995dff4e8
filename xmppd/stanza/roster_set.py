"""What a client sets in its roster: one item, held against the rules (RFC 6121 2.1.5, 2.3.3)."""

from dataclasses import dataclass

from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID, JIDError
from xmppd.stanza.prep import PrepError, foreign_resourcepart
from xmppd.wire.element import Element
from xmppd.wire.namespaces import ROSTER


@dataclass(frozen=True, slots=True)
class ItemLimits:
    """Characters of a contact's name and of a group's; groups of one contact."""

    name_length: int
    group_length: int
    groups: int


@dataclass(frozen=True, slots=True)
class RosterSet:
    """What is to become of a contact: its name and groups, or its removal (2.5)."""

    contact: JID
    name: str = ""
    groups: tuple[str, ...] = ()
    remove: bool = False

    @classmethod
    def from_element(cls, query: Element, limits: ItemLimits) -> "RosterSet":
        """Read a `<query/>` of the type set. Raises `StanzaError` with what 2.3.3 names."""
        items = list(query.elements("item", ROSTER))
        if len(items) != 1:
            raise StanzaError("bad-request", "exactly one item can be set")
        (item,) = items
        contact = item_address(item)
        if item.attrs.get("subscription") == "remove":
            return cls(contact, remove=True)
        return cls(contact, _name(item, limits), _groups(item, limits))


def item_address(item: Element) -> JID:
    """Return the address in the attribute `jid` of an item. Raises `StanzaError`."""
    text = item.attrs.get("jid")
    if not text:
        raise StanzaError("bad-request", "an item needs an address")
    try:
        return JID.parse(text)
    except JIDError:
        raise StanzaError("jid-malformed") from None


def _name(item: Element, limits: ItemLimits) -> str:
    name = item.attrs.get("name", "")
    if len(name) > limits.name_length:
        raise StanzaError("not-acceptable", "the name is too long")
    return name


def _groups(item: Element, limits: ItemLimits) -> tuple[str, ...]:
    groups = tuple(group.text for group in item.elements("group", ROSTER))
    if "" in groups:
        raise StanzaError("not-acceptable", "a group needs a name")
    if any(len(group) > limits.group_length for group in groups):
        raise StanzaError("not-acceptable", "the name of a group is too long")
    if len(groups) > limits.groups:
        raise StanzaError("not-acceptable", "too many groups")
    if len({_comparable(group) for group in groups}) < len(groups):
        raise StanzaError("bad-request", "a group is named twice")
    return groups


def _comparable(group: str) -> str:
    """Return what two names of the same group have in common."""
    try:
        return foreign_resourcepart(group)
    except PrepError:
        return group
