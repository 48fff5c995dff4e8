"""Presence probes (RFC 6121 4.3, 4.6.6): asked for a client that comes, answered to who may see.

An answer to who may not see, or of nobody there, has the id of the probe; any other one that of the
presence it tells of (4.3.2.1).
"""

from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass

from xmppd.api.host import IHost
from xmppd.api.moments import PASS, STOP, PresenceChanged, ToAccount, Verdict
from xmppd.api.registrations import PerSession, Registration, Watch
from xmppd.api.roster import IBlocking, ILastSeen, IRoster, ISharing, is_blocked
from xmppd.api.sessions import ISession, SessionRecord
from xmppd.stanza.dates import format_datetime
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Presence, Stanza
from xmppd.wire.element import Element
from xmppd.wire.namespaces import DELAY


@dataclass(slots=True)
class Probed:
    """Whether the contacts of a session were asked since it became available."""

    done: bool = False


class Probes:
    """Asks for the presence of contacts, and tells that of accounts."""

    def __init__(self, host: IHost) -> None:
        self._host = host

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield PerSession(Probed)
        yield Watch(PresenceChanged, self.changed)
        yield Watch(ToAccount, self.received, kinds=("presence",))

    def changed(self, presence: Presence, session: ISession) -> Verdict:
        """Ask all contacts the user sees, when a client becomes available (4.3.1)."""
        probed = session.state(Probed)
        comes = presence.type == "" and not probed.done
        probed.done = presence.type == ""
        roster = self._host.find(IRoster)
        items = None if roster is None else roster.online(session.account)
        if comes and items is not None:
            blocking = self._host.find(IBlocking)
            for item in list(items.values()):
                if item.subscription.sees and not is_blocked(blocking, session.account, item.jid):
                    self._probe(session.jid.bare, item.jid)
        return PASS

    def _probe(self, own: JID, contact: JID) -> None:
        probe = Presence(to=contact, from_=own, type="probe", id=self._host.entropy.token())
        self._host.route(probe)

    def received(self, stanza: Stanza, owner: str) -> Verdict | Awaitable[Verdict]:
        """Answer a probe (4.3.2)."""
        if stanza.type != "probe" or stanza.from_ is None or stanza.to is None:
            return PASS
        return self._answer(stanza, stanza.from_, stanza.to, owner)

    async def _answer(self, probe: Stanza, asker: JID, to: JID, owner: str) -> Verdict:
        if not await self._may_see(asker, owner):
            return self._answer_stranger(probe, asker, to)
        if to.is_full:
            record = self._host.session(to)
            presence = None if record is None else record.presence
            if presence is None:
                self._say(to, asker, "unavailable", probe.id)
            else:
                self._say(to, asker, "", presence.id)
        else:
            await self._answer_subscriber(probe, asker, owner)
        return STOP

    async def _may_see(self, asker: JID, owner: str) -> bool:
        if asker.bare == JID.make(owner, self._host.domain):
            return True
        roster = self._host.find(IRoster)
        if roster is None:
            return False
        return (await roster.item(owner, asker.bare)).subscription.is_seen

    async def _answer_subscriber(self, probe: Stanza, asker: JID, owner: str) -> None:
        """Send the last presence of each available resource (rules 3 and 4)."""
        presences = [record.presence for record in self._host.sessions(owner) if record.presence]
        for presence in presences:
            copy = presence.copy()
            copy.to = asker
            self._host.route(copy)
        if not presences:
            gone = Presence(*await self._since(owner), type="unavailable", id=probe.id)
            gone.from_, gone.to = JID.make(owner, self._host.domain), asker
            self._host.route(gone)

    async def _since(self, owner: str) -> Sequence[Element]:
        """Return the time since when nobody has been there, if it is known."""
        provider = self._host.find(ILastSeen)
        seen = None if provider is None else await provider.last_seen(owner)
        if seen is None:
            return ()
        return (Element("delay", DELAY, {"stamp": format_datetime(seen[0])}),)

    def _answer_stranger(self, probe: Stanza, asker: JID, to: JID) -> Verdict:
        """Tell of clients that have shown themselves by name (4.6.6).

        Else the probe goes on, to be denied (rule 1) as those of accounts that do not exist.
        """
        shown = [record for record in self._asked_for(to) if self._shares(record, asker)]
        for record in shown:
            self._say(record.jid, asker, "", probe.id)
        return STOP if shown else PASS

    def _asked_for(self, to: JID) -> Sequence[SessionRecord]:
        if not to.is_full:
            return self._host.sessions(to.localpart)
        record = self._host.session(to)
        return () if record is None else (record,)

    def _shares(self, record: SessionRecord, asker: JID) -> bool:
        sharing = self._host.find(ISharing)
        return sharing is not None and sharing.shares(record.jid, asker)

    def _say(self, who: JID, asker: JID, type: str, id: str) -> None:
        """Send mere presence, without anything inside."""
        self._host.route(Presence(to=asker, from_=who, type=type, id=id))
