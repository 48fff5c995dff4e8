"""The presence that follows from blocking and unblocking (XEP-0191 sections 3.3 and 3.4)."""

from collections.abc import Iterable, Iterator, Mapping

from xmppd.api.host import IHost
from xmppd.api.roster import IRoster, ISharing
from xmppd.api.sessions import SessionRecord
from xmppd.api.storage import Ticket
from xmppd.modules.blocking.lists import Change, is_own
from xmppd.stanza.jid import JID
from xmppd.stanza.roster import RosterItem
from xmppd.stanza.stanza import Presence


class Showing:
    """Hides users from whom they block, and shows them again; nothing of it before `ticket`."""

    def __init__(self, host: IHost) -> None:
        self._host = host

    def hide(self, owner: str, change: Change, ticket: Ticket) -> None:
        """Take leave of those who see the user's presence and are blocked now (section 3.3)."""
        subscribers = [
            entity for entity in self._concerned(owner, change) if self._is_seen_by(owner, entity)
        ]
        for record in self._host.sessions(owner):
            told = dict.fromkeys(subscribers if record.available else ())
            for entity in self._told_by_name(owner, record, change):
                if entity.bare not in told:
                    told[entity] = None
            for entity in told:
                self._route(Presence(from_=record.jid, to=entity, type="unavailable"), ticket)

    def _is_seen_by(self, owner: str, entity: JID) -> bool:
        item = self._contacts(owner).get(entity.bare)
        return item is not None and item.subscription.is_seen

    def _told_by_name(self, owner: str, record: SessionRecord, change: Change) -> Iterator[JID]:
        sharing = self._host.find(ISharing)
        for entity in () if sharing is None else sharing.directed(record.jid):
            if change.concerns(entity) and not is_own(self._host.jid, owner, entity):
                yield entity

    def show(self, owner: str, change: Change, ticket: Ticket) -> None:
        """Show the user's presence to subscribers that are not blocked any more (section 3.4).

        Theirs has been dropped meanwhile, so it is asked for, as at the beginning (RFC 6121 4.3.1).
        """
        contacts = self._contacts(owner)
        records = [record for record in self._host.sessions(owner) if record.presence is not None]
        probed: dict[JID, None] = {}
        for entity in self._concerned(owner, change) if records else ():
            item = contacts.get(entity.bare)
            if item is None:
                continue
            if item.subscription.is_seen:
                self._show_to(entity, records, ticket)
            if item.subscription.sees:
                probed[entity.bare] = None
        own = JID.make(owner, self._host.domain)
        for contact in probed:
            probe = Presence(from_=own, to=contact, type="probe", id=self._host.entropy.token())
            self._route(probe, ticket)

    def _show_to(self, entity: JID, records: Iterable[SessionRecord], ticket: Ticket) -> None:
        for record in records:
            if record.presence is not None:
                presence = record.presence.copy()
                presence.to = entity
                self._route(presence, ticket)

    def _concerned(self, owner: str, change: Change) -> Iterator[JID]:
        """Yield the addresses, of those named and those in the roster, for which things change.

        Only a domain stands for contacts that are not named themselves.
        """
        named = change.named or tuple(map(JID.parse, sorted(change.before)))
        domains = {item.domainpart for item in named if not item.localpart}
        found = dict.fromkeys(named)
        if domains:
            found |= dict.fromkeys(
                contact for contact in self._contacts(owner) if contact.domainpart in domains
            )
        for entity in found:
            if change.concerns(entity) and not is_own(self._host.jid, owner, entity):
                yield entity

    def _contacts(self, owner: str) -> Mapping[JID, RosterItem]:
        roster = self._host.find(IRoster)
        return (None if roster is None else roster.online(owner)) or {}

    def _route(self, presence: Presence, ticket: Ticket) -> None:
        presence.ticket = ticket
        self._host.route(presence)
