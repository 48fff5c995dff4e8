"""One account as the `<user/>` of the portable format, read and written (XEP-0227 section 4)."""

from collections.abc import Callable
from dataclasses import replace

from xmppd.sasl.exchange import ScramKeys
from xmppd.server.portable import contacts
from xmppd.server.portable.credentials import read_keys, write_keys
from xmppd.server.portable.values import KeptMessage, LastSeen, User
from xmppd.stanza.dates import format_datetime, parse_datetime
from xmppd.stanza.delay import add_delay, delays_by
from xmppd.stanza.jid import JID
from xmppd.stanza.prep import foreign_localpart
from xmppd.stanza.stanza import Message, Presence
from xmppd.wire.element import Element
from xmppd.wire.namespaces import (
    BLOCKING,
    CLIENT,
    DELAY,
    PORTABLE,
    PORTABLE_SCRAM,
    PRIVACY,
    PRIVATE,
    ROSTER,
    VCARD_TEMP,
)

OURS = "urn:xmppd:account:0"
"""The namespace of what the XEP has no place for: see `_write_ours`."""


def read_user(element: Element, domain: str) -> User:
    """Return the account that a `<user/>` of that domain describes.

    Raises `ValueError` in a few words if it has no name that could be one.
    """
    name = element.attrs.get("name", "")
    owner = JID.make(foreign_localpart(name), domain)
    return _Reading(name, owner, domain).read(element)


class _Reading:
    """A `<user/>` while it is read; what cannot be used is noted and skipped."""

    def __init__(self, name: str, owner: JID, domain: str) -> None:
        self._name = name
        self._domain = domain
        self._left_out: dict[str, None] = {}
        self._roster = contacts.RosterReader(owner)
        self._keys: dict[str, ScramKeys] = {}
        self._messages: list[KeptMessage] = []
        self._private: list[Element] = []
        self._blocked: list[JID] = []

    def read(self, element: Element) -> User:
        user = User(self._name, element.attrs.get("password", ""))
        for child in element.elements():
            reader = _READERS.get((child.ns, child.name))
            if reader is not None:
                reader(self, child)
            elif (child.ns, child.name) == (VCARD_TEMP, "vCard"):
                user = replace(user, vcard=child)
            elif (child.ns, child.name) == (OURS, "account"):
                user = self._account(user, child)
            else:
                self._skip(f"<{child.name} xmlns='{child.ns}'/>")
        return replace(
            user,
            keys=self._keys,
            roster=self._roster.items(),
            messages=tuple(self._messages),
            private=tuple(self._private),
            blocked=tuple(dict.fromkeys(self._blocked)),
            left_out=tuple(self._left_out),
        )

    def _skip(self, what: str) -> None:
        self._left_out[what] = None

    def _try(self, read: Callable[[Element], object], element: Element) -> None:
        try:
            read(element)
        except ValueError as error:
            self._skip(str(error))

    def _scram(self, element: Element) -> None:
        def read(element: Element) -> None:
            hash, keys = read_keys(element)
            self._keys[hash] = keys

        self._try(read, element)

    def _items(self, query: Element) -> None:
        for item in query.elements():
            if (item.ns, item.name) == (ROSTER, "item"):
                self._try(self._roster.add_element, item)
            else:
                self._skip(f"<{item.name} xmlns='{item.ns}'/> in rosters")

    def _request(self, element: Element) -> None:
        def read(element: Element) -> None:
            if element.attrs.get("type") != "subscribe":
                raise ValueError("presences that are no requests")
            self._roster.ask(Presence.from_element(element))

        self._try(read, element)

    def _offline(self, element: Element) -> None:
        for child in element.elements():
            if (child.ns, child.name) == (CLIENT, "message"):
                self._try(self._message, child)
            else:
                self._skip(f"<{child.name} xmlns='{child.ns}'/> among offline messages")

    def _message(self, element: Element) -> None:
        self._messages.append(read_message(element, self._domain))

    def _kept_private(self, query: Element) -> None:
        self._private.extend(query.elements())

    def _block_list(self, element: Element) -> None:
        blocked, odd = contacts.read_block_list(element)
        self._blocked.extend(blocked)
        for each in odd:
            self._skip(each)

    def _account(self, user: User, element: Element) -> User:
        """Read what `_write_ours` has written."""
        for approved in element.elements("approved", OURS):
            self._try(lambda each: self._roster.approve(each.attrs.get("jid", "")), approved)
        last = element.child("last", OURS)
        return replace(
            user,
            created=self._time(element.attrs.get("created")),
            disabled=element.attrs.get("disabled") == "true",
            last=None if last is None else self._last(last),
        )

    def _last(self, element: Element) -> LastSeen | None:
        when = self._time(element.attrs.get("when"))
        return None if when is None else LastSeen(when, element.text)

    def _time(self, text: str | None) -> float | None:
        if text is None:
            return None
        try:
            return parse_datetime(text)
        except ValueError:
            self._skip("dates that are none")
            return None


_READERS: dict[tuple[str, str], Callable[[_Reading, Element], None]] = {
    (PORTABLE, "offline-messages"): _Reading._offline,
    (PORTABLE_SCRAM, "scram-credentials"): _Reading._scram,
    (ROSTER, "query"): _Reading._items,
    (CLIENT, "presence"): _Reading._request,
    (PRIVATE, "query"): _Reading._kept_private,
    (PRIVACY, "query"): _Reading._block_list,
    (BLOCKING, "blocklist"): _Reading._block_list,
}


def read_message(element: Element, domain: str) -> KeptMessage:
    """Return a message that has waited at that domain, without its mark of when it came there.

    Raises `ValueError` in a few words.
    """
    stanza = Message.from_element(element)
    if stanza.from_ is None:
        raise ValueError("messages of nobody")
    ours = delays_by(stanza, JID.make("", domain))
    delays = ours or [child for child in stanza.children if child[0] == f"{DELAY} delay"]
    stamps = [stanza.child_element(child).attrs.get("stamp", "") for child in delays]
    stanza.remove(ours)
    return KeptMessage(stanza, _first_time(stamps))


def _first_time(stamps: list[str]) -> float | None:
    for stamp in stamps:
        try:
            return parse_datetime(stamp)
        except ValueError:
            continue
    return None


def write_user(user: User, domain: str, for_ejabberd: bool = False) -> Element:
    """Return the `<user/>` of an account.

    `for_ejabberd`: as in `write_keys`. Raises `ValueError` for what cannot be written in XML.
    """
    element = Element("user", PORTABLE, {"name": user.name})
    if user.password:
        element.attrs["password"] = user.password
    if user.messages:
        # The schema wants these first.
        element.add("offline-messages").children += [
            _write_message(message, domain) for message in user.messages
        ]
    element.children += write_keys(user.keys, for_ejabberd)
    roster, requests = contacts.write_roster(user.roster)
    if roster.children:
        element.children.append(roster)
    element.children += requests
    if user.vcard is not None:
        element.children.append(user.vcard)
    if user.private:
        element.add("query", PRIVATE).children += user.private
    if user.blocked:
        element.children.append(contacts.write_block_list(user.blocked))
    element.children += _write_ours(user)
    return element


def _write_message(message: KeptMessage, domain: str) -> Element:
    if message.when is None:
        return message.stanza.to_element()
    stanza = message.stanza.copy()
    add_delay(stanza, JID.make("", domain), message.when)
    return stanza.to_element()


def _write_ours(user: User) -> list[Element]:
    """Return what the XEP has no place for: dates, whether logging in is refused, approvals."""
    account = Element("account", OURS)
    if user.created is not None:
        account.attrs["created"] = format_datetime(user.created)
    if user.disabled:
        account.attrs["disabled"] = "true"
    if user.last is not None:
        account.add("last", text=user.last.status, when=format_datetime(user.last.when))
    for item in user.roster:
        if item.approved and not item.listed:
            account.add("approved", jid=str(item.jid))
    return [account] if account.attrs or account.children else []
