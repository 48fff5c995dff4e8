"""Presence sessions (RFC 6121 section 4): who learns that a client comes, changes and goes.

Those are the contacts with a subscription, the account's other clients (4.2.2, 4.4.2, 4.5.2) and
whoever the client has sent presence to by name (4.6). The same decides who may send it requests
(8.5.3.1).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

from zope.interface import implementer

from xmppd.api.host import IHost
from xmppd.api.moments import (
    PASS,
    PresenceChanged,
    SentByClient,
    SessionClosed,
    Stage,
    ToAccount,
    ToResource,
    Verdict,
)
from xmppd.api.registrations import PerSession, Provide, Registration, Watch
from xmppd.api.roster import IBlocking, IRoster, ISharing, is_blocked
from xmppd.api.sessions import ISession
from xmppd.api.settings import Between, Count
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Presence, Stanza
from xmppd.stanza.subscription import TYPES


@dataclass(frozen=True, slots=True)
class PresenceSettings:
    """What clients may make us remember.

    - `directed`: how many entities outside its account one session may send presence to by name;
      `directed_bytes`: of their addresses together.
    """

    directed: Annotated[int, Between(10, 100_000)] = 1_000
    directed_bytes: Count = 131_072


DEFAULTS = PresenceSettings()


_TYPES = ("", "unavailable", "error", "probe", *TYPES)


@dataclass(slots=True)
class Shown:
    """Whether a session's presence was broadcast."""

    broadcast: bool = False


@implementer(ISharing)
class PresenceSessions:
    """Tells of a client's presence, and of its end whatever brings that about."""

    def __init__(self, host: IHost, settings: PresenceSettings = DEFAULTS) -> None:
        self._host = host
        self._settings = settings
        # Sessions that have shown themselves by name, and to whom.
        self._directed: dict[JID, dict[JID, None]] = {}

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield Provide(ISharing, self)
        yield PerSession(Shown)
        yield Watch(PresenceChanged, self.changed)
        yield Watch(SentByClient, self.sent, Stage.AFTER, kinds=("presence",))
        yield Watch(ToResource, self.received, kinds=("presence",))
        yield Watch(ToAccount, self.asked, Stage.BEFORE, kinds=("iq",))
        yield Watch(SessionClosed, self.closed)

    # Presence for everybody.

    def changed(self, presence: Presence, session: ISession) -> Verdict:
        """Broadcast presence without `to`."""
        shown = session.state(Shown)
        available = presence.type == ""
        if available or shown.broadcast:
            self._tell_subscribers(presence, session)
        if available and not shown.broadcast:
            self._begin(presence, session)
        elif available or shown.broadcast:
            self._tell_account(presence, session)
        if not available:
            self._take_leave(presence, session, shown.broadcast)
        shown.broadcast = available
        return PASS

    def _tell_subscribers(self, presence: Presence, session: ISession) -> None:
        """Tell all contacts with a subscription, but those the user has blocked (XEP-0191)."""
        roster, blocking = self._host.find(IRoster), self._host.find(IBlocking)
        items = None if roster is None else roster.online(session.account)
        for item in list((items or {}).values()):
            if item.subscription.is_seen and not is_blocked(blocking, session.account, item.jid):
                self._send(presence, item.jid)

    def _begin(self, presence: Presence, session: ISession) -> None:
        """Tell all clients of the account, this one too, of this one (4.2.2), and it of them."""
        self._send(presence, session.jid.bare)
        for other in self._host.sessions(session.account):
            if other.presence is not None and other.jid != session.jid:
                self._send(other.presence, session.jid)

    def _tell_account(self, presence: Presence, session: ISession) -> None:
        """Tell all clients of the account, and this one available or not (4.4.2, 4.5.2)."""
        for record in self._host.sessions(session.account):
            if record.available or record.jid == session.jid:
                self._send(presence, record.jid)

    # Presence by name.

    def sent(self, presence: Presence, session: ISession) -> Verdict:
        """Remember whom a client shows itself to by name (RFC 6121 4.6.3)."""
        to = presence.to
        if presence.type not in _TYPES:
            raise StanzaError("bad-request", "there is no such type of presence")  # 4.7.1
        if to is None or to.bare == session.jid.bare:
            return PASS
        if presence.type == "unavailable":
            self._forget(session.jid, to)
        elif presence.type == "" and not self._is_told(session, to):
            directed = self._directed.setdefault(session.jid, {})
            if to not in directed and not self._has_room(directed, to):
                raise StanzaError("resource-constraint", "too many have your presence already")
            directed[to] = None
        return PASS

    def _has_room(self, directed: Iterable[JID], to: JID) -> bool:
        sizes = [len(str(entity).encode()) for entity in (*directed, to)]
        limits = self._settings
        return len(sizes) <= limits.directed and sum(sizes) <= limits.directed_bytes

    def _is_told(self, session: ISession, entity: JID) -> bool:
        """Tell whether an entity hears of the session's end anyway (4.6.3, rule 1)."""
        return session.state(Shown).broadcast and self._is_subscribed(session.account, entity)

    def _is_subscribed(self, owner: str, entity: JID) -> bool:
        roster = self._host.find(IRoster)
        items = None if roster is None else roster.online(owner)
        item = None if items is None else items.get(entity.bare)
        return item is not None and item.subscription.is_seen

    def _forget(self, session: JID, entity: JID) -> None:
        directed = self._directed.get(session)
        if directed is not None:
            directed.pop(entity, None)
            if not directed:
                del self._directed[session]

    def received(self, presence: Presence, session: ISession) -> Verdict:
        """Forget who goes away: they need not hear of the client's end (RFC 6121 4.6.1)."""
        if presence.type == "unavailable" and presence.from_ is not None:
            self._forget(session.jid, presence.from_)
        return PASS

    def closed(self, session: ISession) -> Verdict:
        """Take leave for a client that was never available to all (RFC 6121 4.6.3, rule 3)."""
        gone = Presence(from_=session.jid, type="unavailable")
        self._take_leave(gone, session, False)
        return PASS

    def _take_leave(self, unavailable: Presence, session: ISession, broadcast: bool) -> None:
        blocking = self._host.find(IBlocking)
        for entity in self._directed.pop(session.jid, ()):
            told = broadcast and self._is_subscribed(session.account, entity)
            if not (told or is_blocked(blocking, session.account, entity)):
                self._send(unavailable, entity)

    def _send(self, presence: Presence, to: JID) -> None:
        copy = presence.copy()
        copy.to = to
        self._host.route(copy)

    # Who is shown presence.

    def asked(self, iq: Stanza, owner: str) -> Verdict:
        """Refuse requests to a client from those it is not shown to (8.5.3.1)."""
        to, sender = iq.to, iq.from_
        if (
            to is None
            or sender is None
            or not to.is_full
            or iq.type not in ("get", "set")
            or self.shares(to, sender)
        ):
            return PASS
        raise StanzaError("service-unavailable")

    def shares(self, session: JID, entity: JID) -> bool:
        """Tell whether a session shows its presence to an entity (see `ISharing`)."""
        return (
            entity.bare == session.bare
            or self._is_subscribed(session.localpart, entity)
            or self._host.is_service(entity)
            or any(entity.bare == told.bare for told in self._directed.get(session, ()))
        )

    def directed(self, session: JID) -> tuple[JID, ...]:
        """Return whom a session has sent presence to by name (see `ISharing`)."""
        return tuple(self._directed.get(session, ()))
