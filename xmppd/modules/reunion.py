"""Presence that was missed while another server could not be reached is told and asked anew.

RFC 6121 has it sent and asked when a client comes or changes (4.2.2, 4.3.1), and says nothing of
what is lost: contacts would stay as they were last seen. So all is repeated that a subscription
entitles to, on either side, once their server can be reached. Who was shown presence by name is not
shown it again: rooms and strangers may have forgotten.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import replace

from twisted.internet.task import deferLater

from xmppd.api.host import IHost
from xmppd.api.moments import PASS, Reached, ServerReached, Verdict
from xmppd.api.pace import Pace
from xmppd.api.registrations import Registration, Watch
from xmppd.api.roster import IBlocking, IRoster, is_blocked
from xmppd.stanza.jid import JID
from xmppd.stanza.roster import RosterItem
from xmppd.stanza.stanza import Presence

BATCH = 100
"""How many stanzas are sent in one turn."""

PAUSE = 0.1
"""Seconds between such turns."""

BETWEEN = 10.0
"""Seconds between looks at all rosters, which serve all servers that have come back by then."""


class Reunion:
    """Tells contacts on servers that are back of our clients, and asks for theirs."""

    def __init__(self, host: IHost) -> None:
        self._host = host
        self._waiting: dict[str, Reached] = {}
        self._is_at_it = False
        self._next = 0.0

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield Watch(ServerReached, self.reached)

    def reached(self, reached: Reached) -> Verdict:
        """Repeat what counts, beside everything else."""
        before = self._waiting.get(reached.domain)
        if before is not None:
            left = dict.fromkeys((*before.left, *reached.left))
            reached = replace(reached, left=tuple(left))
        self._waiting[reached.domain] = reached
        if not self._is_at_it:
            self._is_at_it = True
            self._host.spawn(self._work())
        return PASS

    async def _work(self) -> None:
        clock = self._host.clock
        try:
            while self._waiting:
                if clock.seconds() < self._next:
                    await deferLater(clock, self._next - clock.seconds())
                waiting, self._waiting = self._waiting, {}
                await self._repeat(waiting)
                self._next = clock.seconds() + BETWEEN
        finally:
            self._is_at_it = False

    async def _repeat(self, servers: Mapping[str, Reached]) -> None:
        """Send all there is to send, a batch in a turn, but to servers that are lost again.

        Of those who have left nobody else knows: what does not get there is remembered once more.
        """
        sent, pace = 0, Pace(self._host.clock)
        pace.begin()
        there = [record.jid.localpart for record in self._host.all_sessions() if record.presence]
        for owner in dict.fromkeys(there):
            for contact in self._contacts(owner, servers):
                for stanza in self._stanzas(owner, contact):
                    if servers[contact.domainpart].holds():
                        self._host.route(stanza)
                        sent += 1
                sent = await self._paced(sent, pace)
            sent = await self._paced(sent, pace)
        for session, contact in (each for reached in servers.values() for each in reached.left):
            if await self._is_gone(session, contact):
                self._host.route(Presence(to=contact, from_=session, type="unavailable"))
                sent += 1
            sent = await self._paced(sent, pace)

    async def _is_gone(self, session: JID, contact: JID) -> bool:
        """Tell whether a contact should hear that a client has left, as nobody else tells it."""
        record, owner = self._host.session(session), session.localpart
        roster, blocking = self._host.find(IRoster), self._host.find(IBlocking)
        if roster is None or (record is not None and record.available):
            return False
        if not (await roster.item(owner, contact.bare)).subscription.is_seen:
            return False
        blocked = False if blocking is None else blocking.blocks(owner, contact)
        return not (blocked if isinstance(blocked, bool) else await blocked)

    def _items(self, owner: str) -> Mapping[JID, RosterItem]:
        roster = self._host.find(IRoster)
        return {} if roster is None else roster.online(owner) or {}

    def _contacts(self, owner: str, domains: Container[str]) -> list[JID]:
        return [contact for contact in self._items(owner) if contact.domainpart in domains]

    def _stanzas(self, owner: str, contact: JID) -> Iterator[Presence]:
        """Yield what is between an account and a contact, as things are by now."""
        item = self._items(owner).get(contact)
        presences = [record.presence for record in self._host.sessions(owner) if record.presence]
        if item is None or is_blocked(self._host.find(IBlocking), owner, contact):
            return
        if item.subscription.is_seen:
            for presence in presences:
                copy = presence.copy()
                copy.to = contact
                yield copy
        if item.subscription.sees and presences:
            own = JID.make(owner, self._host.domain)
            yield Presence(to=contact, from_=own, type="probe", id=self._host.entropy.token())

    async def _paced(self, sent: int, pace: Pace) -> int:
        """Make way for others if it is time; return how many were sent since that."""
        rest = pace.rest()
        if sent >= BATCH:
            rest = deferLater(self._host.clock, PAUSE)
        if rest is None:
            return sent
        await rest
        pace.begin()
        return 0
