"""Presence sessions (RFC 6121 section 4): who learns that a client comes, changes and goes.

Here those are the account's other clients (4.2.2, 4.4.2, 4.5.2) and whoever the client has sent
presence to by name (4.6). A feature that knows of subscribers tells them at the same moment,
`PresenceChanged`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

from xmppd.api.host import IHost
from xmppd.api.moments import (
    PASS,
    PresenceChanged,
    SentByClient,
    SessionClosed,
    Stage,
    ToResource,
    Verdict,
)
from xmppd.api.registrations import PerSession, Registration, Watch
from xmppd.api.sessions import ISession
from xmppd.api.settings import Between
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Presence


@dataclass(frozen=True, slots=True)
class PresenceSettings:
    """What clients may make us remember.

    - `directed`: how many entities outside its account one session may send presence to by name.
    """

    directed: Annotated[int, Between(10, 100_000)] = 1_000


DEFAULTS = PresenceSettings()


@dataclass(slots=True)
class Shown:
    """Who knows of a session: whether the account's others do, and who was told by name."""

    broadcast: bool = False
    directed: dict[JID, None] = field(default_factory=dict)


class PresenceSessions:
    """Tells of a client's presence, and of its end whatever brings that about."""

    def __init__(self, host: IHost, settings: PresenceSettings = DEFAULTS) -> None:
        self._host = host
        self._settings = settings

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield PerSession(Shown)
        yield Watch(PresenceChanged, self.changed)
        yield Watch(SentByClient, self.sent, Stage.AFTER, kinds=("presence",))
        yield Watch(ToResource, self.received, kinds=("presence",))
        yield Watch(SessionClosed, self.closed)

    def changed(self, presence: Presence, session: ISession) -> Verdict:
        """Broadcast presence without `to`."""
        shown = session.state(Shown)
        available = presence.type == ""
        if available and not shown.broadcast:
            self._begin(presence, session)
        elif available or shown.broadcast:
            self._tell_account(presence, session)
        if not available:
            self._take_leave(presence, shown)
        shown.broadcast = available
        return PASS

    def sent(self, presence: Presence, session: ISession) -> Verdict:
        """Remember whom a client shows itself to by name (RFC 6121 4.6.3)."""
        to = presence.to
        if to is None or to.bare == session.jid.bare:
            return PASS
        directed = session.state(Shown).directed
        if presence.type == "unavailable":
            directed.pop(to, None)
        elif presence.type == "":
            if to not in directed and len(directed) >= self._settings.directed:
                raise StanzaError("resource-constraint", "too many have your presence already")
            directed[to] = None
        return PASS

    def received(self, presence: Presence, session: ISession) -> Verdict:
        """Forget who goes away: they need not hear of the client's end (RFC 6121 4.6.1)."""
        if presence.type == "unavailable" and presence.from_ is not None:
            session.state(Shown).directed.pop(presence.from_, None)
        return PASS

    def closed(self, session: ISession) -> Verdict:
        """Take leave for a client that was never available to all (RFC 6121 4.6.3, rule 3)."""
        gone = Presence(from_=session.jid, type="unavailable")
        self._take_leave(gone, session.state(Shown))
        return PASS

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

    def _take_leave(self, unavailable: Presence, shown: Shown) -> None:
        told, shown.directed = shown.directed, {}
        for entity in told:
            self._send(unavailable, entity)

    def _send(self, presence: Presence, to: JID) -> None:
        copy = presence.copy()
        copy.to = to
        self._host.route(copy)
