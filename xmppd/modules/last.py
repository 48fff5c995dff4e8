"""Last Activity (XEP-0012): since when somebody is away, and how long this server has been up."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from zope.interface import implementer

from xmppd.api.host import IHost
from xmppd.api.moments import PASS, AccountDeleted, PresenceChanged, Verdict
from xmppd.api.registrations import (
    ACCOUNT,
    HOST,
    OWN_ACCOUNT,
    Feature,
    HandleIq,
    PerSession,
    Provide,
    Registration,
    Request,
    Watch,
)
from xmppd.api.roster import ILastSeen, IRoster
from xmppd.api.sessions import ISession
from xmppd.api.settings import Between
from xmppd.api.storage import KeyValue
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.stanza import Presence
from xmppd.wire.element import Element
from xmppd.wire.namespaces import LAST


@dataclass(frozen=True, slots=True)
class LastSettings:
    """What is remembered.

    - `status_length`: characters of the status somebody left with; the rest is cut off.
    """

    status_length: Annotated[int, Between(0, 10_000)] = 1_000


DEFAULTS = LastSettings()


@dataclass(slots=True)
class Availability:
    """Whether a session has been available."""

    available: bool = False


@implementer(ILastSeen)
class LastActivity:
    """Remembers when each account went away, and tells whoever may see its presence."""

    def __init__(self, host: IHost, settings: LastSettings = DEFAULTS) -> None:
        self._host = host
        self._settings = settings
        self._kept = host.open("last", KeyValue)
        self._started = host.clock.seconds()

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield Provide(ILastSeen, self)
        yield Feature(LAST, at=HOST | OWN_ACCOUNT | ACCOUNT)
        anybody, no = OWN_ACCOUNT | ACCOUNT, "forbidden"
        yield HandleIq("get", LAST, "query", self.uptime, at=HOST, refusal=no)
        yield HandleIq("get", LAST, "query", self.away, at=anybody, refusal=no)
        yield PerSession(Availability)
        yield Watch(PresenceChanged, self.changed)
        yield Watch(AccountDeleted, self.deleted)

    def uptime(self, _request: Request) -> Element:
        """Return for how long the host has been up (section 5)."""
        return _seconds(self._host.clock.seconds() - self._started)

    async def away(self, request: Request) -> Element:
        """Return for how long an account has had no available resource (section 3).

        Of one that never had any, the time since it was created. Who has no subscription to its
        presence gets the same answer as for an account that does not exist (section 8).
        """
        owner = request.owner
        if request.at is ACCOUNT and not await self._is_seen_by(request):
            raise StanzaError("forbidden")
        if any(session.available for session in self._host.sessions(owner)):
            return _seconds(0)
        now = self._host.wall.now()
        seen = await self.last_seen(owner)
        if seen is not None:
            return _seconds(now - seen[0], seen[1])
        account = await self._host.accounts.get(owner)
        return _seconds(0 if account is None else now - account.created)

    async def last_seen(self, owner: str) -> tuple[float, str] | None:
        """Return when an account went away, and with which status (see `ILastSeen`)."""
        kept = await self._kept.get(owner)
        if kept is None:
            return None
        row = json.loads(kept)
        return row["when"], row["status"]

    def changed(self, presence: Presence, session: ISession) -> Verdict:
        """Take note when an account's last available session becomes unavailable."""
        state = session.state(Availability)
        was, state.available = state.available, presence.type == ""
        if was and not state.available and not self._host.anonymous:
            others = self._host.sessions(session.account)
            if not any(record.available for record in others):
                self._keep(session.account, presence)
        return PASS

    def deleted(self, owner: str) -> Verdict:
        """Forget an account whose sessions were closed as it was deleted."""
        self._kept.delete(owner)
        return PASS

    def _keep(self, owner: str, presence: Presence) -> None:
        element = presence.child("status")
        status = "" if element is None else element.text[: self._settings.status_length]
        row = {"when": self._host.wall.now(), "status": status}
        self._kept.put(owner, json.dumps(row, ensure_ascii=False).encode())

    async def _is_seen_by(self, request: Request) -> bool:
        roster = self._host.find(IRoster)
        if roster is None:
            return False
        item = await roster.item(request.owner, request.sender.bare)
        return item.subscription.is_seen


def _seconds(seconds: float, text: str = "") -> Element:
    # The time of day may have been set back meanwhile.
    attrs = {"seconds": str(max(0, int(seconds)))}
    return Element("query", LAST, attrs, [text] if text else [])
