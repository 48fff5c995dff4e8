"""Block lists as values: what is on one, whom that stands for, what changes (XEP-0191)."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from xmppd.api.storage import NO_TICKET, Ticket
from xmppd.stanza.jid import JID
from xmppd.stanza.roster_set import item_address
from xmppd.wire.element import Element
from xmppd.wire.namespaces import BLOCKING

Entries = frozenset[str]
"""What is blocked, as text: `JID` texts are equal exactly when the addresses are."""


@dataclass(slots=True, weakref_slot=True)
class BlockList:
    """An account's block list in memory, the ticket of its last change, and who has asked for it.

    `asked` are the full JIDs of sessions, which are told of changes.
    """

    entries: Entries = frozenset()
    ticket: Ticket = NO_TICKET
    asked: dict[JID, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What a command makes of a block list: the addresses it names, and the list both ways."""

    named: tuple[JID, ...]
    before: Entries
    after: Entries

    def concerns(self, entity: JID) -> bool:
        """Tell whether an entity was not blocked and now is, or the reverse."""
        return matches(self.before, entity) != matches(self.after, entity)


def is_own(host: JID, owner: str, entity: JID) -> bool:
    """Tell whether an entity is one's own account or host, of which nothing is ever stopped."""
    if entity.domainpart != host.domainpart:
        return False
    return entity.localpart == owner or entity == host


def forms(entity: JID) -> tuple[str, str, str]:
    """Return what may stand in a list for an entity (section 6).

    That is its full JID, its bare JID (`domain/resource` has none but its domain), its domain.
    """
    return str(entity), str(entity.bare), entity.domainpart


def matches(entries: Entries, entity: JID) -> bool:
    """Tell whether one of the entries stands for an entity."""
    return any(form in entries for form in forms(entity))


def items_of(command: Element) -> tuple[JID, ...]:
    """Return the addresses a command names, once each."""
    return tuple(dict.fromkeys(map(item_address, command.elements("item", BLOCKING))))


def element_of(name: str, items: Iterable[str]) -> Element:
    """Return a `<blocklist/>`, `<block/>` or `<unblock/>` with those items."""
    return Element(name, BLOCKING, children=[Element("item", BLOCKING, {"jid": i}) for i in items])
