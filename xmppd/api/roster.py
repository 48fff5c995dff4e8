"""Rosters and presence as features see them: who is whose contact, and who may see whom.

Each interface is provided by a shipped feature; `host.find(IRoster)` is None where an operator has
switched that off.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from zope.interface import Interface

from xmppd.api.storage import NO_TICKET, Ticket
from xmppd.stanza.jid import JID
from xmppd.stanza.roster import RosterItem


@dataclass(frozen=True, slots=True)
class RosterChange:
    """What became of a roster item: before, after, the ticket of what was written, the version."""

    before: RosterItem
    after: RosterItem
    ticket: Ticket = NO_TICKET
    version: str = ""


class IRoster(Interface):
    """The rosters of a host's accounts (RFC 6121 section 2).

    An *owner* is a localpart. Changes of one roster happen one after the other.
    """

    def online(owner: str) -> Mapping[JID, RosterItem] | None:
        """Return an account's items by contact if it has a session, else None; never waits.

        Items that are not `listed` (strangers' requests) are among them.
        """

    def item(owner: str, contact: JID) -> Awaitable[RosterItem]:
        """Return the item of a contact; a blank one if the roster has none. Always of a bare JID
        unless the user has put a full one into the roster."""

    def items(owner: str) -> Awaitable[list[RosterItem]]:
        """Return all items, those that are not `listed` too, in the order of their addresses."""

    def change(
        owner: str,
        contact: JID,
        edit: Callable[[RosterItem], RosterItem],
        then: Callable[[RosterChange], None] | None = None,
    ) -> Awaitable[RosterChange]:
        """Replace an item by `edit(item)` and return what changed; neither function may wait.

        `then(change)` is called at once, so that what is sent there has the order of the changes;
        the owner's own clients come first in it, since what is routed to others may be answered,
        and change the roster again, before that returns. Nobody is told otherwise (see `push`).
        Raises what `edit` raises, and `StanzaError`: resource-constraint for a new item in a full
        roster, not-allowed on a host whose accounts are guests.
        """

    def push(owner: str, change: RosterChange) -> None:
        """Show a change to all interested resources (RFC 6121 2.1.6), if there is one to be seen.

        To be called from within `then`.
        """


class ISubscriptions(Interface):
    """Who may see whose presence (RFC 6121 section 3)."""

    def end(owner: str, item: RosterItem, ticket: Ticket = NO_TICKET) -> None:
        """Tell a contact, whose item has been removed, that all is over between the two (2.5.2).

        Sends `unsubscribe` and `unsubscribed`, and unavailable presence before, as the item's
        state wants it, none before `ticket` is committed. The roster is not looked at.
        """


class ISharing(Interface):
    """Who is shown presence, by a subscription or by name (RFC 6121 4.6, 8.5.3.1)."""

    def shares(session: JID, entity: JID) -> bool:
        """Tell whether the session bound to that full JID shows its presence to an entity.

        So it does to the account's other resources, to entities with a subscription, to those it
        has sent presence to (presence to `room@service/nick` shows it to all of `room@service`).
        Never waits.
        """

    def directed(session: JID) -> tuple[JID, ...]:
        """Return whom a session has sent presence to by name and not taken it back."""


class ILastSeen(Interface):
    """When accounts were last available (RFC 6121 4.3.2, XEP-0012)."""

    def last_seen(owner: str) -> Awaitable[tuple[float, str] | None]:
        """Return when the account's last session became unavailable, and the status it gave.

        Seconds since 1970; None if that is not known.
        """


class IBlocking(Interface):
    """Whom accounts want to hear nothing of (XEP-0191)."""

    def blocks(owner: str, entity: JID) -> bool | Awaitable[bool]:
        """Tell whether an account has blocked an entity; waits only for accounts offline."""


def is_blocked(blocking: IBlocking | None, owner: str, entity: JID) -> bool:
    """Tell whether an account that is online has blocked an entity; `blocking` may be missing."""
    return blocking is not None and blocking.blocks(owner, entity) is True
