"""The feature of offline messages (XEP-0160): what is kept, how much of it, and who gets it.

What is kept is decided by RFC 6121 8.5.2.2.1, XEP-0160 section 3 and the hints of XEP-0334.
"""

from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from typing import Annotated

from xmppd.api.host import IHost
from xmppd.api.moments import (
    PASS,
    STOP,
    AccountDeleted,
    PresenceChanged,
    SessionClosed,
    Stage,
    ToResource,
    Undeliverable,
    Verdict,
)
from xmppd.api.registrations import Every, Feature, Registration, Watch
from xmppd.api.sessions import ISession
from xmppd.api.settings import Between, Count
from xmppd.api.storage import NO_TICKET, Archive, Range, StorageError
from xmppd.modules.offline.boxes import Box, Boxes
from xmppd.modules.offline.delivery import Delivery
from xmppd.stanza.errors import StanzaError, error_reply
from xmppd.stanza.hints import Worth, worth
from xmppd.stanza.stanza import Stanza
from xmppd.wire.namespaces import OFFLINE


@dataclass(frozen=True, slots=True)
class OfflineSettings:
    """How much is kept for an account, and for how long.

    - `messages`, `bytes`: of one account; what is too much goes back to its sender.
    - `days`: messages older than that are dropped; 0 keeps them until somebody reads them.
    - `held_bytes`: of new messages that wait while a client is still being given the kept ones.
      Beyond, it is disconnected.
    """

    messages: Count = 1_000
    bytes: Annotated[int, Between(1_024, 1_000_000_000)] = 4_194_304
    days: Annotated[int, Between(0, 36_500)] = 0
    held_bytes: Annotated[int, Between(1_024, 1_000_000_000)] = 1_048_576


DEFAULTS = OfflineSettings()

DAY = 86_400.0
EXPIRY_SECONDS = 3_600.0
"""How often messages that are too old are looked for."""


class OfflineMessages:
    """Keeps messages in the store "offline": the stanza as it came, when, and from whom (bare)."""

    def __init__(self, host: IHost, settings: OfflineSettings = DEFAULTS) -> None:
        self._host = host
        self._settings = settings
        self._archive = host.open("offline", Archive)
        self._boxes = Boxes()
        self._delivery = Delivery(
            host, self._archive, self._boxes, self._oldest, settings.held_bytes
        )

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature; there are none where accounts are guests."""
        if self._host.anonymous:
            return
        yield Feature(OFFLINE)
        yield Watch(Undeliverable, self.keep, kinds=("message",))
        readings = self._boxes.readings
        # First, lest others wait and let new messages overtake the kept ones.
        yield Watch(PresenceChanged, self.changed, Stage.FIRST)
        yield Watch(ToResource, self._delivery.hold, Stage.FIRST, ("message",), only_for=readings)
        yield Watch(SessionClosed, self.closed)
        yield Watch(AccountDeleted, self.deleted)
        if self._settings.days:
            yield Every(EXPIRY_SECONDS, self.expire)

    # What comes.

    def keep(self, message: Stanza, owner: str) -> Verdict | Awaitable[Verdict]:
        """Keep a message nobody reads, unless too much is kept already (XEP-0160 section 2).

        `message.ticket` is then that of what was written.
        """
        if message.type == "error":
            return PASS
        value = worth(message)
        if value is not Worth.KEEP:
            return STOP if value is Worth.NOTHING else PASS
        box, now = self._boxes.of(owner), self._host.wall.now()
        if box.counted and not box.lock.locked:
            return self._append(owner, box, message, now)
        return self._append_later(owner, box, message, now)

    async def _append_later(self, owner: str, box: Box, message: Stanza, arrived: float) -> Verdict:
        async with box.lock:
            if not box.counted:
                await self._count(owner, box)
            if await self._host.accounts.get(owner) is None:
                return PASS  # deleted meanwhile: what is kept would be the next one's
            return self._append(owner, box, message, arrived)

    async def _count(self, owner: str, box: Box) -> None:
        fresh = Range(start=self._oldest())
        page = await self._archive.page(owner, fresh, self._settings.messages)
        box.count = page.total
        box.size = sum(len(entry.value) for entry in page.entries)
        box.counted = True

    def _append(self, owner: str, box: Box, message: Stanza, arrived: float) -> Verdict:
        value = bytes(message)
        full = box.count >= self._settings.messages
        if full or box.size + len(value) > self._settings.bytes:
            return PASS
        contact = "" if message.from_ is None else str(message.from_.bare)
        entry = self._archive.append(owner, value, when=arrived, contact=contact)
        message.ticket = entry.ticket
        watched, box.ticket = box.ticket != NO_TICKET, entry.ticket
        if not watched:
            self._host.spawn(self._watch(box))
        box.count += 1
        box.size += len(value)
        self._delivery.begin(owner, box)  # somebody may have come while this waited
        return STOP

    async def _watch(self, box: Box) -> None:
        """Have messages counted anew if some could not be written."""
        while box.ticket != NO_TICKET:
            ticket = box.ticket
            try:
                await self._host.committed(ticket)
            except StorageError:
                box.counted = False
            if box.ticket == ticket:
                box.ticket = NO_TICKET

    # Who comes and goes.

    def changed(self, _presence: Stanza, session: ISession) -> Verdict:
        """See who begins to take messages: available, with a priority that is not negative."""
        owner, record = session.account, session.record
        willing = record.available and record.priority >= 0
        box = self._boxes.online(owner)
        if willing and (box is None or session not in box.willing):
            self._delivery.begin(owner, self._boxes.join(owner, session))
        elif not willing and box is not None and session in box.willing:
            del box.willing[session]
            self._boxes.settle(owner, box)
        return PASS

    def closed(self, session: ISession) -> Verdict:
        """Take back what was still to be given to a session that has ended."""
        owner = session.account
        box = self._boxes.online(owner)
        if box is not None:
            box.willing.pop(session, None)
            reading = box.reading
            if reading is not None and reading.session is session:
                self._boxes.end(owner, box, reading)
                for message, arrived in reading.held:
                    self._take_back(owner, box, session, message, arrived)
            self._boxes.settle(owner, box)
        return PASS

    def _take_back(
        self, owner: str, box: Box, gone: ISession, message: Stanza, arrived: float
    ) -> None:
        """Keep a message that was held, or return it, unless other sessions have it."""
        to_all = message.to is not None and message.to.is_bare
        value = worth(message)
        if message.type in ("error", "groupchat", "headline") or value is Worth.NOTHING:
            return
        if to_all and any(_has_got(message, other, gone) for other in box.willing):
            return
        if value is Worth.KEEP and (to_all or message.type == "chat"):  # RFC 6121 8.5.3.2.1
            self._host.spawn(self._keep_or_bounce(owner, box, message, arrived))
        else:
            self._bounce(message)

    async def _keep_or_bounce(self, owner: str, box: Box, message: Stanza, arrived: float) -> None:
        if await self._append_later(owner, box, message, arrived) is PASS:
            self._bounce(message)

    def _bounce(self, message: Stanza) -> None:
        self._host.route(error_reply(message, StanzaError("service-unavailable")))

    def deleted(self, owner: str) -> Verdict:
        """Forget what was known of an account; its messages are gone with it."""
        self._boxes.forget(owner)
        return PASS

    def expire(self) -> None:
        """Drop what is too old."""
        oldest = self._oldest()
        if oldest is not None:
            self._archive.purge_all(oldest)
            for box in self._boxes:
                box.counted = False

    def _oldest(self) -> float | None:
        days = self._settings.days
        return self._host.wall.now() - days * DAY if days else None


def _has_got(message: Stanza, other: ISession, gone: ISession) -> bool:
    """Tell whether a message for all was delivered to `other` as well (RFC 6121 8.5.2.1.1)."""
    return message.type != "chat" or other.record.priority >= gone.record.priority
