"""Rosters, requests and block lists in the portable format (XEP-0227 sections 4.4, 4.8, 4.9)."""

from collections.abc import Iterable
from dataclasses import replace

from xmppd.stanza.jid import JID, JIDError
from xmppd.stanza.roster import RosterItem
from xmppd.stanza.stanza import Presence, restore
from xmppd.stanza.subscription import SUBSCRIBE, Subscription, received
from xmppd.wire.element import Element
from xmppd.wire.namespaces import BLOCKING, PRIVACY, ROSTER

BLOCK_LIST = "Blocked contacts"
"""What the list of an exported block list is called; ejabberd calls it so, too."""

_STATES = {
    ("none", False): Subscription.NONE,
    ("none", True): Subscription.NONE_OUT,
    ("from", False): Subscription.FROM,
    ("from", True): Subscription.FROM_OUT,
    ("to", False): Subscription.TO,
    ("to", True): Subscription.TO,
    ("both", False): Subscription.BOTH,
    ("both", True): Subscription.BOTH,
}


def subscription(name: str, asks: bool) -> Subscription:
    """Return the state that `subscription` and `ask` of an item tell (RFC 6121 2.1.2).

    Raises `ValueError` if there is none of that name.
    """
    try:
        return _STATES[name or "none", asks]
    except KeyError:
        raise ValueError(f"the subscription {name[:40]!r}") from None


def requested(item: RosterItem, request: Presence) -> RosterItem:
    """Return an item with a request of its contact waiting (RFC 6121 3.1.3).

    Nothing changes if the contact has its subscription already.
    """
    step = received(SUBSCRIBE, item.subscription)
    if not step.passes:
        return item
    return replace(item, subscription=step.state, request=bytes(request))


class RosterReader:
    """Collects the items of one roster; `owner` is the account it belongs to."""

    def __init__(self, owner: JID) -> None:
        self._owner = owner
        self._items: dict[JID, RosterItem] = {}

    def items(self) -> tuple[RosterItem, ...]:
        """Return what has been collected, in the order of addresses."""
        return tuple(sorted(self._items.values(), key=lambda item: item.jid))

    def add(self, item: RosterItem) -> None:
        """Take an item; a request that waits for it stays."""
        known = self._items.get(item.jid)
        if known is not None and known.subscription.is_asked:
            item = requested(item, _restored(known))
        self._items[item.jid] = item

    def add_element(self, element: Element) -> None:
        """Take an `<item/>`. Raises `ValueError` with a few words."""
        attrs = element.attrs
        groups = (group.text for group in element.elements("group", ROSTER))
        self.add(
            RosterItem(
                jid=_address(attrs.get("jid", "")),
                name=attrs.get("name", ""),
                groups=tuple(dict.fromkeys(filter(None, groups))),
                subscription=subscription(attrs.get("subscription", ""), "ask" in attrs),
                approved=attrs.get("approved") in ("true", "1"),
                listed=True,
            )
        )

    def approve(self, contact: str) -> None:
        """Take a contact that is approved beforehand and not listed. Raises `ValueError`."""
        jid = _address(contact)
        self._items[jid] = replace(self._items.get(jid, RosterItem(jid)), approved=True)

    def ask(self, request: Presence) -> None:
        """Take a request that waits. Raises `ValueError` if it does not say whose it is."""
        if request.from_ is None:
            raise ValueError("a request of nobody")
        jid = request.from_.bare
        request = request.copy()
        request.from_ = jid
        request.to = request.to or self._owner
        self._items[jid] = requested(self._items.get(jid, RosterItem(jid)), request)


def write_roster(items: Iterable[RosterItem]) -> tuple[Element, list[Element]]:
    """Return the `<query/>` of a roster, and the requests that wait."""
    query = Element("query", ROSTER)
    requests = []
    for item in items:
        if item.listed or item.subscription not in (Subscription.NONE, Subscription.NONE_IN):
            query.children.append(replace(item, listed=True).element())
        if item.subscription.is_asked:
            requests.append(_restored(item).to_element())
    return query, requests


def _restored(item: RosterItem) -> Presence:
    """Return the request of an item; a bare one if it has none that can be read."""
    try:
        stanza = restore(item.request)
    except ValueError:
        stanza = Presence(from_=item.jid, type=SUBSCRIBE)
    return stanza if isinstance(stanza, Presence) else Presence(from_=item.jid, type=SUBSCRIBE)


def read_block_list(element: Element) -> tuple[list[JID], list[str]]:
    """Return the addresses a `<blocklist/>` or `<query/>` of privacy lists blocks altogether.

    Also returns a few words about each kind of thing there that is no block: rules that allow, are
    for some kinds of stanzas, or stand in lists that are not the default one (XEP-0191 section 5).
    """
    blocked: list[JID] = []
    odd: dict[str, None] = {}
    for item in _blocking_items(element, odd):
        try:
            blocked.append(_address(item))
        except ValueError:
            odd["blocked addresses that are none"] = None
    return list(dict.fromkeys(blocked)), list(odd)


def _blocking_items(element: Element, odd: dict[str, None]) -> Iterable[str]:
    if element.ns == BLOCKING:
        return [item.attrs.get("jid", "") for item in element.elements("item", BLOCKING)]
    default = element.child("default", PRIVACY)
    chosen = None if default is None else default.attrs.get("name")
    found = []
    for each in element.elements("list", PRIVACY):
        if each.attrs.get("name") != chosen:
            odd["privacy lists that are not the default"] = None
            continue
        for item in each.elements("item", PRIVACY):
            if _blocks_all(item):
                found.append(item.attrs.get("value", ""))
            elif "type" in item.attrs or item.attrs.get("action") == "deny":
                odd["rules of privacy lists that do not just block"] = None
    return found


def _blocks_all(item: Element) -> bool:
    """Tell whether a rule is for one address and for all that comes from it (XEP-0016 2.1)."""
    kinds = {child.name for child in item.elements()}
    everything = not kinds or {"message", "iq", "presence-in"} <= kinds
    return item.attrs.get("type") == "jid" and item.attrs.get("action") == "deny" and everything


def write_block_list(blocked: Iterable[JID]) -> Element:
    """Return a block list as the default privacy list (XEP-0227 4.8, XEP-0191 section 5)."""
    query = Element("query", PRIVACY)
    query.add("default", name=BLOCK_LIST)
    rules = query.add("list", name=BLOCK_LIST)
    for order, jid in enumerate(blocked, 1):
        rules.add("item", type="jid", value=str(jid), action="deny", order=str(order))
    return query


def _address(text: str) -> JID:
    try:
        return JID.parse(text)
    except JIDError:
        raise ValueError("an address that is none") from None
