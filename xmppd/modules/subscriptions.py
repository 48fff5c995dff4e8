"""Presence subscriptions (RFC 6121 section 3): asked for, granted, refused and ended."""

from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated

from twisted.logger import Logger
from zope.interface import implementer

from xmppd.api.host import IHost
from xmppd.api.moments import PASS, STOP, PresenceChanged, SentByClient, ToAccount, Verdict
from xmppd.api.registrations import (
    PerSession,
    Provide,
    Registration,
    StreamContext,
    StreamFeature,
    Watch,
)
from xmppd.api.roster import IBlocking, IRoster, ISubscriptions, RosterChange, is_blocked
from xmppd.api.sessions import ISession, SessionRecord
from xmppd.api.settings import Between
from xmppd.api.storage import NO_TICKET, Ticket
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.roster import RosterItem
from xmppd.stanza.stanza import Presence, restore
from xmppd.stanza.subscription import (
    SUBSCRIBE,
    SUBSCRIBED,
    TYPES,
    UNSUBSCRIBE,
    UNSUBSCRIBED,
    Step,
    received,
    sent,
)
from xmppd.wire.element import Element
from xmppd.wire.namespaces import PRE_APPROVAL


@dataclass(frozen=True, slots=True)
class SubscriptionSettings:
    """What of strangers' requests is kept until the user decides.

    - `request_bytes`: a longer request is kept without what is inside of it.
    """

    request_bytes: Annotated[int, Between(256, 65_536)] = 2_048


REPEATED = 100
"""How many unanswered requests of the user are repeated when a client comes."""


DEFAULTS = SubscriptionSettings()


@dataclass(slots=True)
class Greeted:
    """Whether a session has been told of requests since it became available."""

    done: bool = False


@implementer(ISubscriptions)
class Subscriptions:
    """Carries out what the tables of RFC 6121 appendix A say."""

    _log = Logger()

    def __init__(self, host: IHost, settings: SubscriptionSettings = DEFAULTS) -> None:
        self._host = host
        self._settings = settings

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield Provide(ISubscriptions, self)
        yield StreamFeature(_pre_approval)
        yield PerSession(Greeted)
        yield Watch(SentByClient, self.sent, kinds=("presence",))
        yield Watch(ToAccount, self.received, kinds=("presence",))
        yield Watch(PresenceChanged, self.changed)

    def sent(self, presence: Presence, session: ISession) -> Verdict | Awaitable[Verdict]:
        """Take what a user says about a subscription (3.1.2, 3.1.5, 3.2.2, 3.3.2, 3.4.2)."""
        roster = self._host.find(IRoster)
        if presence.type not in TYPES or presence.to is None or roster is None:
            return PASS
        own, contact = session.jid.bare, presence.to.bare
        if contact == own:
            return STOP  # everybody sees himself (4.2.2)
        outbound = presence.copy()
        outbound.from_, outbound.to = own, contact
        return self._send(roster, session.account, outbound, contact)

    async def _send(self, roster: IRoster, owner: str, outbound: Presence, contact: JID) -> Verdict:
        wanted = outbound.type in (SUBSCRIBE, SUBSCRIBED)

        def edit(item: RosterItem) -> RosterItem:
            step = sent(outbound.type, item.subscription)
            approved = outbound.type != UNSUBSCRIBED and (item.approved or step.approves)
            listed = item.listed or (wanted and (step.passes or step.approves))
            return _moved(item, step, approved, listed)

        def then(change: RosterChange) -> None:
            step = sent(outbound.type, change.before.subscription)
            roster.push(owner, change)  # before an answer to what is routed can change it again
            if outbound.type == UNSUBSCRIBED and change.before.subscription.is_seen:
                self._hide(owner, contact, change.ticket)
            if step.passes:
                outbound.ticket = change.ticket
                self._host.route(outbound)
            if outbound.type == SUBSCRIBED and step.passes:
                self._show(owner, contact, change.ticket)

        await roster.change(owner, contact, edit, then)
        return STOP

    def received(self, presence: Presence, owner: str) -> Verdict | Awaitable[Verdict]:
        """Take what a contact says about a subscription (3.1.3, 3.1.6, 3.2.3, 3.3.3)."""
        roster = self._host.find(IRoster)
        sender = presence.from_
        if presence.type not in TYPES or sender is None or roster is None:
            return PASS
        if presence.type != SUBSCRIBE and self._is_for_nobody(presence.to):
            return STOP  # 8.5.3.2.2
        inbound = presence.copy()
        inbound.from_, inbound.to = sender.bare, JID.make(owner, self._host.domain)
        if inbound.from_ == inbound.to:
            return STOP
        return self._receive(roster, owner, inbound, sender.bare)

    async def _receive(
        self, roster: IRoster, owner: str, inbound: Presence, contact: JID
    ) -> Verdict:
        def edit(item: RosterItem) -> RosterItem:
            step = received(inbound.type, item.subscription, item.approved)
            item = _moved(item, step, item.approved, item.listed)
            if inbound.type == SUBSCRIBE and step.passes:
                item = replace(item, request=self._kept(inbound))
            return item

        def then(change: RosterChange) -> None:
            before = change.before
            step = received(inbound.type, before.subscription, before.approved)
            if step.passes:
                self._tell(owner, inbound, change.ticket)
            roster.push(owner, change)
            if step.reply == UNSUBSCRIBED and before.subscription.is_seen:
                self._hide(owner, contact, change.ticket)
            # Who is not in the roster gets no other answer (3.3.3; A.3.2 merely says SHOULD): it
            # would tell that there is such an account.
            if step.reply == SUBSCRIBED or (step.reply and before.listed):
                self._answer(inbound, step, change.ticket)
            if step.reply == SUBSCRIBED:
                self._show(owner, contact, change.ticket)

        try:
            await roster.change(owner, contact, edit, then)
        except StanzaError as error:  # no stranger is told how full a roster is
            # Not for everybody's log: strangers could fill it.
            self._log.debug("a request to {owner} was dropped: {why}", owner=owner, why=error.text)
        return STOP

    def _is_for_nobody(self, to: JID | None) -> bool:
        return to is not None and to.is_full and self._host.session(to) is None

    def _kept(self, request: Presence) -> bytes:
        """Return what is stored of a request: all of it, or its envelope if it is very long."""
        stored = bytes(request)
        if len(stored) <= self._settings.request_bytes:
            return stored
        return bytes(Presence(to=request.to, from_=request.from_, type=SUBSCRIBE))

    def _tell(self, owner: str, inbound: Presence, ticket: Ticket) -> None:
        """Deliver a request to available resources, anything else to interested ones."""
        inbound.ticket = ticket
        wanted = [
            record
            for record in self._host.sessions(owner)
            if (record.available if inbound.type == SUBSCRIBE else record.interested)
        ]
        self._host.deliver(inbound, wanted)

    def _answer(self, inbound: Presence, step: Step, ticket: Ticket) -> None:
        """Answer on behalf of the user."""
        answer = Presence(to=inbound.from_, from_=inbound.to, type=step.reply, id=inbound.id)
        answer.ticket = ticket
        self._host.route(answer)

    # Presence that follows from it.

    def _available(self, owner: str) -> list[SessionRecord]:
        return [record for record in self._host.sessions(owner) if record.available]

    def _show(self, owner: str, contact: JID, ticket: Ticket) -> None:
        """Send the current presence of each available resource (3.1.5)."""
        for record in self._available(owner):
            if record.presence is not None:
                self._route(record.presence.copy(), contact, ticket)

    def _hide(self, owner: str, contact: JID, ticket: Ticket) -> None:
        """Send unavailable presence of each available resource (3.2.2, 3.3.3)."""
        for record in self._available(owner):
            self._route(Presence(from_=record.jid, type="unavailable"), contact, ticket)

    def _route(self, presence: Presence, to: JID, ticket: Ticket) -> None:
        presence.to, presence.ticket = to, ticket
        self._host.route(presence)

    def changed(self, presence: Presence, session: ISession) -> Verdict:
        """Show a newly available resource all requests that wait, and repeat the user's own.

        3.1.3 wants the first until the user has decided; the second heals what got lost on the way
        to another server (3.1.2).
        """
        greeted = session.state(Greeted)
        comes = presence.type == "" and not greeted.done
        greeted.done = presence.type == ""
        roster = self._host.find(IRoster)
        items = None if roster is None else roster.online(session.account)
        if comes and items is not None:
            blocking = self._host.find(IBlocking)
            allowed = [
                item
                for item in items.values()
                if not is_blocked(blocking, session.account, item.jid)
            ]
            for item in allowed:
                if item.subscription.is_asked:
                    self._host.deliver(restore(item.request), [session.record])
            self._ask_again(session, [item for item in allowed if item.subscription.asks])
        return PASS

    def _ask_again(self, session: ISession, unanswered: list[RosterItem]) -> None:
        """Repeat what the user has asked for: some of it, at random, if that is very much."""
        start = 0
        if len(unanswered) > REPEATED:
            start = int.from_bytes(self._host.entropy.token_bytes(4)) % len(unanswered)
        for item in (*unanswered[start:], *unanswered[:start])[:REPEATED]:
            id = self._host.entropy.token()
            self._host.route(Presence(to=item.jid, from_=session.jid.bare, type=SUBSCRIBE, id=id))

    # ISubscriptions.

    def end(self, owner: str, item: RosterItem, ticket: Ticket = NO_TICKET) -> None:
        """Tell a contact that all is over (see `ISubscriptions`)."""
        own = JID.make(owner, self._host.domain)
        state = item.subscription
        # Whom the user has blocked has seen the user leave, and no client that came since.
        if state.is_seen and not is_blocked(self._host.find(IBlocking), owner, item.jid):
            self._hide(owner, item.jid, ticket)
        if state.sees or state.asks:
            self._route(self._said(own, UNSUBSCRIBE), item.jid, ticket)
        if state.is_seen or state.is_asked:
            self._route(self._said(own, UNSUBSCRIBED), item.jid, ticket)

    def _said(self, own: JID, type: str) -> Presence:
        return Presence(from_=own, type=type, id=self._host.entropy.token())


def _moved(item: RosterItem, step: Step, approved: bool, listed: bool) -> RosterItem:
    """Return an item after a step; a request that does not wait any more is dropped."""
    return replace(
        item,
        subscription=step.state,
        approved=approved,
        listed=listed,
        request=item.request if step.state.is_asked else b"",
    )


def _pre_approval(_context: StreamContext) -> Element:
    """RFC 6121 3.4."""
    return Element("sub", PRE_APPROVAL)
