"""What Prosody keeps of an account, table by table, as our values (its modules as of 0.12)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from xmppd.sasl.exchange import ScramKeys
from xmppd.sasl.scram_keys import HASHES, digest_size
from xmppd.server.portable.contacts import RosterReader, subscription
from xmppd.server.portable.credentials import check_found
from xmppd.server.portable.lua import Flag, Key, Table, Value, raw
from xmppd.server.portable.users import read_message
from xmppd.server.portable.values import KeptMessage, LastSeen
from xmppd.stanza.jid import JID, JIDError
from xmppd.stanza.roster import RosterItem
from xmppd.stanza.stanza import Presence
from xmppd.wire.element import Element
from xmppd.wire.namespaces import CLIENT, XML_LANG
from xmppd.wire.serializer import escape_text

Given = TypeVar("Given")
Read = TypeVar("Read")

Skip = Callable[[str], None]
"""Takes a few words about what is left out."""


def text(value: Value) -> str:
    """Return a string; "" for anything else."""
    return value if isinstance(value, str) else ""


def table(value: Value) -> Table:
    """Return a table; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def number(value: Value) -> float | None:
    """Return a number that can be a time (seconds since 1970); None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 2**35 else None


def keys(account: Table) -> dict[str, ScramKeys]:
    """Return the SCRAM keys of an account by hash. Raises `ValueError` in a few words.

    There is one pair; its size tells the hash.
    """
    if not isinstance(account.get("stored_key"), str):
        return {}
    try:
        stored, server = (
            bytes.fromhex(text(account.get(name))) for name in ("stored_key", "server_key")
        )
        rounds = number(account.get("iteration_count"))
        found = ScramKeys(raw(text(account.get("salt"))), int(rounds or 0), stored, server)
        hash = next(each for each in HASHES if digest_size(each) == len(stored))
        check_found(hash, found)
    except (ValueError, StopIteration):
        raise ValueError("damaged or weak keys") from None
    return {hash: found}


def roster(data: Table, owner: JID, skip: Skip) -> tuple[RosterItem, ...]:
    """Return a roster, with the requests that wait."""
    reader = RosterReader(owner)
    head = table(data.get(Flag.FALSE))
    pending = table(head.get("pending"))
    if "subscription" not in table(data.get("pending", {"subscription": ""})):
        # Where requests were before 0.10; else it is a contact of that name.
        data = dict(data)
        pending = table(data.pop("pending"))
    for item in _each(skip, _item, data.items()):
        reader.add(item)
    for request in _each(skip, _request, pending.items()):
        reader.ask(request)
    return reader.items()


def _item(pair: tuple[Key, Value]) -> RosterItem | None:
    contact, item = pair[0], table(pair[1])
    if not isinstance(contact, str):
        return None
    groups = [group for group in table(item.get("groups")) if isinstance(group, str) and group]
    return RosterItem(
        jid=_jid(contact),
        name=_clean(text(item.get("name"))),
        groups=tuple(sorted(map(_clean, groups))),
        subscription=subscription(text(item.get("subscription")), "ask" in item),
        approved=item.get("approved") in ("true", True),
        listed=True,
    )


def _request(pair: tuple[Key, Value]) -> Presence | None:
    contact, value = pair
    if not isinstance(contact, str):
        return None
    stanza = Presence(type="subscribe")
    if isinstance(value, dict):
        stanza = Presence.from_element(element(value))
    stanza.from_ = _jid(contact)
    return stanza


def messages(items: Iterable[Value], domain: str, skip: Skip) -> tuple[KeptMessage, ...]:
    """Return the messages of an archive of offline messages."""
    return tuple(_each(skip, lambda item: _message(table(item), domain), items))


def _message(item: Table, domain: str) -> KeptMessage:
    stanza = element(item)
    if (stanza.ns, stanza.name) != (CLIENT, "message"):
        raise ValueError(f"<{stanza.name}/> among offline messages")
    # Its own marks of when it came.
    for name in ("stamp", "stamp_legacy"):
        stanza.attrs.pop(name, None)
    message = read_message(stanza, domain)
    when = number(item.get("when"))
    return message if when is None else replace(message, when=when)


def private(data: Table, skip: Skip) -> tuple[Element, ...]:
    """Return the elements of private XML storage."""
    names = sorted(key for key in data if isinstance(key, str))
    return tuple(_each(skip, lambda name: element(table(data[name])), names))


def vcard(data: Table, skip: Skip) -> Element | None:
    """Return a vCard."""
    return next(_each(skip, element, [data] if data else []), None)


def blocked(data: Table, skip: Skip) -> tuple[JID, ...]:
    """Return a block list."""
    return tuple(_each(skip, _jid, sorted(key for key in data if isinstance(key, str))))


def blocked_by_privacy_lists(data: Table, skip: Skip) -> tuple[JID, ...]:
    """Return what the default privacy list blocks, as mod_blocklist takes it over."""
    lists = table(data.get("lists"))
    default = lists.get(text(data.get("default")))
    if len(lists) > (default is not None):
        skip("privacy lists that are not the default")
    rules = [table(rule) for rule in table(table(default).get("items")).values()]
    denied = [r for r in rules if (r.get("type"), r.get("action")) == ("jid", "deny")]
    if len(denied) < len(rules):
        skip("rules of privacy lists that do not just block")
    return blocked({text(rule.get("value")): True for rule in denied}, skip)


def last_seen(data: Table) -> LastSeen | None:
    """Return when somebody was last there, as mod_lastlog or mod_lastlog2 keep it."""
    out, into = table(data.get("logout")), table(data.get("login"))
    times = [number(each.get(key)) for each in (out, into) for key in ("timestamp", "t")]
    known = [when for when in (*times, number(data.get("timestamp"))) if when is not None]
    return LastSeen(known[0]) if known else None


def element(data: Table, around: str = CLIENT) -> Element:
    """Return the element that a preserialized stanza is; `around` is the namespace around it.

    Raises `ValueError` for what is none.
    """
    attrs = {}
    for key, value in table(data.get("attr")).items():
        if isinstance(key, str) and isinstance(value, str) and key != "xmlns":
            attrs[_attribute(key)] = _clean(value)
    name = _clean(text(data.get("name")))
    if not name:
        raise ValueError("elements without a name")
    ns = _clean(text(table(data.get("attr")).get("xmlns")) or around)
    made = Element(name, ns, attrs)
    position = 1
    while (child := data.get(position)) is not None:
        made.children.append(element(child, ns) if isinstance(child, dict) else _clean(text(child)))
        position += 1
    return made


def _attribute(key: str) -> str:
    """Return an attribute's name as in an `Element`; the namespace stands before it in Prosody."""
    for separator in ("\1", "|"):
        ns, found, name = key.rpartition(separator)
        if found:
            return f"{{{ns}}}{name}"
    return XML_LANG if key == "xml:lang" else key


def _clean(value: str) -> str:
    """Return text that can be written in XML. Raises `ValueError` for any other."""
    try:
        escape_text(value)
    except ValueError:
        raise ValueError("text that cannot be written in XML") from None
    return value


def _jid(address: str) -> JID:
    try:
        return JID.parse(address)
    except JIDError:
        raise ValueError("an address that is none") from None


def _each(
    skip: Skip, read: Callable[[Given], Read | None], things: Iterable[Given]
) -> Iterator[Read]:
    """Yield what `read` returns for each thing; what it cannot read is skipped."""
    for thing in things:
        try:
            found = read(thing)
        except ValueError as error:
            skip(str(error))
        else:
            if found is not None:
                yield found
