"""What a host keeps of its accounts, as one value: read, written, forgotten.

The names of stores and the form of what is in them are those of the features that use them.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from xmppd.api.host import IHost
from xmppd.api.roster import IRoster, RosterChange
from xmppd.api.storage import (
    Account,
    Archive,
    Entry,
    KeyValue,
    Map,
    Range,
    Ticket,
)
from xmppd.server.portable.unsettled import Unsettled
from xmppd.server.portable.users import read_message
from xmppd.server.portable.values import KeptMessage, LastSeen, User
from xmppd.stanza.dates import format_datetime
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.roster import RosterItem
from xmppd.stanza.stanza import restore
from xmppd.wire.document import parse_document
from xmppd.wire.element import Element
from xmppd.wire.serializer import serialize

PAGE = 200
"""How many messages are read at a time."""


class HostStores:
    """Everything kept for the accounts of one host."""

    def __init__(self, host: IHost) -> None:
        self._host = host
        self._offline = host.open("offline", Archive)
        self._vcards = host.open("vcard", KeyValue)
        self._private = host.open("private", Map)
        self._last = host.open("last", KeyValue)
        self._blocking = host.open("blocking", Map)
        self._unfinished = host.open("import-unfinished", KeyValue)

    # Reading.

    async def user(self, account: Account) -> User:
        """Return an account with everything of it; what is damaged is left out, and named."""
        owner = account.localpart
        left_out: dict[str, None] = {}
        roster = self._host.find(IRoster)
        vcard = await self._vcards.get(owner)
        private = [value for _, value in await self._private.items(owner)]
        return User(
            owner,
            keys=account.keys,
            created=account.created,
            disabled=account.disabled,
            roster=() if roster is None else tuple(await roster.items(owner)),
            messages=await self._messages(owner, left_out),
            vcard=next(_elements([vcard], "a vCard", left_out), None),
            private=tuple(_elements(private, "private XML", left_out)),
            blocked=tuple(JID.parse(key) for key, _ in await self._blocking.items(owner)),
            last=_last_seen(await self._last.get(owner), left_out),
            left_out=tuple(left_out),
        )

    async def _messages(self, owner: str, left_out: dict[str, None]) -> tuple[KeptMessage, ...]:
        found: list[KeptMessage] = []
        after = None
        while True:
            page = await self._offline.page(owner, Range(after=after), PAGE)
            for entry in page.entries:
                try:
                    found.append(self._message(entry))
                except ValueError:
                    left_out["an offline message that is damaged"] = None
            if page.complete or not page.entries:
                return tuple(found)
            after = page.entries[-1].id

    def _message(self, entry: Entry) -> KeptMessage:
        kept = read_message(restore(entry.value).to_element(), self._host.domain)
        return KeptMessage(kept.stanza, entry.when)

    # Writing.

    async def write(self, owner: str, user: User, unsettled: Unsettled) -> list[str]:
        """Write all there is but the account itself, which need not exist yet.

        Until `finish`, that is known to be unfinished; what was before is forgotten. Returns what
        was refused.
        """
        if await self._unfinished.get(owner) is not None:
            await self.forget(owner, unsettled)
        unsettled.add(self._unfinished.put(owner, b""))
        left_out = await self._write_roster(owner, user.roster, unsettled)
        for message in user.messages:
            when = self._host.wall.now() if message.when is None else message.when
            sender = message.stanza.from_
            assert sender is not None  # or it would not have been read
            contact = str(sender.bare)
            entry = self._offline.append(owner, bytes(message.stanza), when=when, contact=contact)
            unsettled.add(entry.ticket)
        if user.vcard is not None:
            unsettled.add(self._vcards.put(owner, serialize(user.vcard)))
        for element in user.private:
            unsettled.add(self._private.put(owner, _key(element), serialize(element)))
        for jid in user.blocked:
            unsettled.add(self._blocking.put(owner, str(jid), b""))
        if user.last is not None:
            row = {"when": user.last.when, "status": user.last.status}
            unsettled.add(self._last.put(owner, json.dumps(row, ensure_ascii=False).encode()))
        return left_out

    async def _write_roster(
        self, owner: str, items: Iterable[RosterItem], unsettled: Unsettled
    ) -> list[str]:
        roster, left_out = self._host.find(IRoster), []
        for item in items:
            if roster is None:
                return ["rosters, as the feature is switched off here"]
            try:
                await roster.change(owner, item.jid, partial(_instead, item), _watched(unsettled))
            except StanzaError as error:
                left_out.append(f"roster items that are refused here ({error.condition})")
        return left_out

    def finish(self, owner: str) -> Ticket:
        """Note that an account is complete."""
        return self._unfinished.delete(owner)

    async def forget(self, owner: str, unsettled: Unsettled) -> None:
        """Forget everything of an owner but the account: what an interrupted run has left."""
        roster = self._host.find(IRoster)
        for item in [] if roster is None else await roster.items(owner):
            assert roster is not None  # or there would be no items
            await roster.change(owner, item.jid, _blank, _watched(unsettled))
        unsettled.add(self._offline.purge(owner))
        unsettled.add(self._vcards.delete(owner))
        unsettled.add(self._private.clear(owner))
        unsettled.add(self._blocking.clear(owner))
        unsettled.add(self._last.delete(owner))
        unsettled.add(self._unfinished.delete(owner))


def _watched(unsettled: Unsettled) -> Callable[[RosterChange], None]:
    """Return what has the write of a change watched over."""
    return lambda change: unsettled.add(change.ticket)


def _instead(item: RosterItem, before: RosterItem) -> RosterItem:
    """Return what was found in the place of what is there."""
    return replace(
        before,
        name=item.name,
        groups=item.groups,
        subscription=item.subscription,
        approved=item.approved,
        listed=item.listed,
        request=item.request,
    )


def _blank(item: RosterItem) -> RosterItem:
    return RosterItem(item.jid, version=item.version)


def differences(found: User, kept: User) -> list[str]:
    """Name the parts in which a host has something else than was found.

    Only of what was found: a source that knows of no vCard does not contradict one. Keys are
    compared where both have some for a hash; a password in clear is not looked at.
    """
    parts = [
        ("its password", found.keys, not found.password and _other_keys(found, kept)),
        ("its roster", found.roster, _roster(found) != _roster(kept)),
        ("its offline messages", found.messages, _messages(found) != _messages(kept)),
        ("its vCard", found.vcard, found.vcard != kept.vcard),
        ("its private XML", found.private, _private(found) != _private(kept)),
        ("its block list", found.blocked, set(found.blocked) != set(kept.blocked)),
        ("when it was seen last", found.last, _last_row(found) != _last_row(kept)),
        ("that it is disabled", found.disabled, not kept.disabled),
    ]
    return [name for name, there, other in parts if there and other]


def _other_keys(found: User, kept: User) -> bool:
    common = found.keys.keys() & kept.keys.keys()
    return not common or any(found.keys[hash] != kept.keys[hash] for hash in common)


def _roster(user: User) -> dict[JID, object]:
    return {
        each.jid: (
            each.name,
            sorted(each.groups),
            each.subscription,
            each.approved,
            each.listed,
            each.request,
        )
        for each in user.roster
    }


def _messages(user: User) -> list[bytes]:
    return [bytes(message.stanza) for message in user.messages]


def _private(user: User) -> dict[str, Element]:
    return {_key(element): element for element in user.private}


def _last_row(user: User) -> tuple[str, str] | None:
    return None if user.last is None else (format_datetime(user.last.when), user.last.status)


def _key(element: Element) -> str:
    return f"{element.ns} {element.name}"


def _elements(
    stored: Iterable[bytes | None], what: str, left_out: dict[str, None]
) -> Iterator[Element]:
    for value in stored:
        if value is None:
            continue
        try:
            yield parse_document(value)
        except ValueError:
            left_out[f"{what} that is damaged"] = None


def _last_seen(stored: bytes | None, left_out: dict[str, None]) -> LastSeen | None:
    if stored is None:
        return None
    try:
        row = json.loads(stored)
        return LastSeen(float(row["when"]), str(row["status"]))
    except (ValueError, KeyError, TypeError):
        left_out["when it was seen last, which is damaged"] = None
        return None
