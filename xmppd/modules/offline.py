"""Offline messages (XEP-0160): kept for an account nobody reads, delivered to who comes.

What is kept is decided by RFC 6121 8.5.2.2.1, XEP-0160 section 3 and the hints of XEP-0334; what is
delivered says since when it has waited (XEP-0203).
"""

from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from twisted.internet.defer import DeferredLock
from twisted.internet.task import deferLater
from twisted.logger import Logger

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
from xmppd.api.roster import IBlocking
from xmppd.api.sessions import ISession
from xmppd.api.settings import Between, Count
from xmppd.api.storage import NO_TICKET, Archive, Entry, Range, StorageError, Ticket
from xmppd.stanza.delay import add_delay, delays_by
from xmppd.stanza.errors import StanzaError, error_reply
from xmppd.stanza.hints import Worth, worth
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza, restore
from xmppd.stanza.weight import weight
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

PAGE = 50
"""How many messages are read at a time."""

BATCH = 32 * 1024
"""Bytes of messages that are given to a client before it has to have room again."""

PAUSE = 0.1
"""How many seconds to wait before looking again whether it has."""

REMEMBERED = 10_000
"""Of how many accounts without a session it is known how much is kept for them."""


@dataclass(slots=True, eq=False)
class Reading:
    """One session's being given what is kept, from when it comes until nothing is left.

    - `handing`: whether it is being written to; `held`: what has come for it meanwhile, and when.
    """

    session: ISession
    handing: bool = False
    held: list[tuple[Stanza, float]] = field(default_factory=list)
    held_bytes: int = 0


@dataclass(slots=True, eq=False)
class Box:
    """What is known of one account's messages and of who reads them.

    - `count`, `size`: how many are kept, and their bytes; they hold while `counted`.
    - `ticket`: of the last one written, until it is on disk.
    - `lock`: held while messages are read or counted; nothing is appended meanwhile.
    - `willing`: the account's sessions that take messages, in the order in which they came.
    - `reading`: that of the one which is given what was kept.
    """

    count: int = 0
    size: int = 0
    counted: bool = False
    ticket: Ticket = NO_TICKET
    lock: DeferredLock = field(default_factory=DeferredLock)
    willing: dict[ISession, None] = field(default_factory=dict)
    reading: Reading | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing but the figures would be lost with it."""
        return not (self.willing or self.reading or self.lock.locked)

    def goes_on(self, reading: Reading) -> bool:
        """Tell whether the session of that reading is to be given messages still."""
        return self.reading is reading and reading.session in self.willing


class OfflineMessages:
    """Keeps messages in the store "offline": the stanza as it came, when, and from whom (bare)."""

    _log = Logger()

    def __init__(self, host: IHost, settings: OfflineSettings = DEFAULTS) -> None:
        self._host = host
        self._settings = settings
        self._archive = host.open("offline", Archive)
        self._online: dict[str, Box] = {}
        self._away: dict[str, Box] = {}
        self._readings: dict[str, Reading] = {}

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature; there are none where accounts are guests."""
        if self._host.anonymous:
            return
        yield Feature(OFFLINE)
        yield Watch(Undeliverable, self.keep, kinds=("message",))
        # First, lest others wait and let new messages overtake the kept ones.
        yield Watch(PresenceChanged, self.changed, Stage.FIRST)
        yield Watch(ToResource, self.hold, Stage.FIRST, ("message",), only_for=self._readings)
        yield Watch(SessionClosed, self.closed)
        yield Watch(AccountDeleted, self.deleted)
        if self._settings.days:
            yield Every(EXPIRY_SECONDS, self.expire)

    # What comes.

    def keep(self, message: Stanza, owner: str) -> Verdict | Awaitable[Verdict]:
        """Keep a message nobody reads, unless too much is kept already (XEP-0160 section 2).

        `message.ticket` is then that of what was written.
        """
        value = worth(message)
        if value is not Worth.KEEP:
            return STOP if value is Worth.NOTHING else PASS
        box, now = self._box(owner), self._host.wall.now()
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
        self._begin(owner, box)  # somebody may have come while this waited
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
        box = self._online.get(owner)
        if willing and (box is None or session not in box.willing):
            box = self._online[owner] = box or self._away.pop(owner, None) or Box()
            box.willing[session] = None
            self._begin(owner, box)
        elif not willing and box is not None and session in box.willing:
            del box.willing[session]
            self._settle(owner, box)
        return PASS

    def closed(self, session: ISession) -> Verdict:
        """Take back what was still to be given to a session that has ended."""
        owner = session.account
        box = self._online.get(owner)
        if box is not None:
            box.willing.pop(session, None)
            reading = box.reading
            if reading is not None and reading.session is session:
                self._end(owner, box, reading)
                for message, arrived in reading.held:
                    self._take_back(owner, box, session, message, arrived)
            self._settle(owner, box)
        return PASS

    def _take_back(
        self, owner: str, box: Box, gone: ISession, message: Stanza, arrived: float
    ) -> None:
        """Keep a message that was held, unless other sessions have it or its type forbids."""
        to_all = message.to is not None and message.to.is_bare
        if message.type in ("error", "groupchat", "headline") or worth(message) is not Worth.KEEP:
            return
        if to_all and any(_has_got(message, other, gone) for other in box.willing):
            return
        if to_all or message.type == "chat":  # RFC 6121 8.5.3.2.1
            self._host.spawn(self._keep_or_bounce(owner, box, message, arrived))

    async def _keep_or_bounce(self, owner: str, box: Box, message: Stanza, arrived: float) -> None:
        if await self._append_later(owner, box, message, arrived) is PASS:
            self._host.route(error_reply(message, StanzaError("service-unavailable")))

    def deleted(self, owner: str) -> Verdict:
        """Forget what was known of an account; its messages are gone with it."""
        self._online.pop(owner, None)
        self._away.pop(owner, None)
        self._readings.pop(owner, None)
        return PASS

    def expire(self) -> None:
        """Drop what is too old."""
        oldest = self._oldest()
        if oldest is not None:
            self._archive.purge_all(oldest)
            for box in (*self._online.values(), *self._away.values()):
                box.counted = False

    def _oldest(self) -> float | None:
        days = self._settings.days
        return self._host.wall.now() - days * DAY if days else None

    def _box(self, owner: str) -> Box:
        box = self._online.get(owner)
        if box is None:
            box = self._away.pop(owner, None) or Box()
            self._put_away(owner, box)
        return box

    def _settle(self, owner: str, box: Box) -> None:
        if not box.willing and box.reading is None and self._online.get(owner) is box:
            del self._online[owner]
            self._put_away(owner, box)

    def _put_away(self, owner: str, box: Box) -> None:
        self._away[owner] = box
        if len(self._away) > REMEMBERED:
            idle = (name for name, each in self._away.items() if each.idle and each is not box)
            self._away.pop(next(idle, ""), None)

    # What is delivered.

    def hold(self, message: Stanza, session: ISession) -> Verdict:
        """Keep new messages from overtaking those that were kept (RFC 6120 10.1)."""
        reading = self._readings.get(session.account)
        if reading is None or reading.session is not session or reading.handing:
            return PASS
        reading.held.append((message, self._host.wall.now()))
        reading.held_bytes += weight(message)
        if reading.held_bytes > self._settings.held_bytes:
            session.close("resource-constraint", "too much has come while you were reading")
        return STOP

    def _begin(self, owner: str, box: Box) -> None:
        """Have the session that came last read, if nobody does."""
        if box.reading is None and box.willing:
            reading = Reading(next(reversed(box.willing)))
            box.reading = self._readings[owner] = reading
            self._host.spawn(self._read_out(owner, box, reading))

    async def _read_out(self, owner: str, box: Box, reading: Reading) -> None:
        """Give a session what is kept, a little at a time, then what has come meanwhile."""
        try:
            more = True
            while more and box.goes_on(reading):
                async with box.lock:
                    more = await self._read_page(owner, box, reading)
                if more:
                    await self._turn()
        finally:
            self._let_go(owner, box, reading)
            if reading.session not in box.willing:
                self._begin(owner, box)  # somebody else may go on
            self._settle(owner, box)

    async def _read_page(self, owner: str, box: Box, reading: Reading) -> bool:
        """Hand a page over; tell whether there may be another one."""
        page = await self._archive.page(owner, Range(), PAGE)
        for number, batch in enumerate(_batches(page.entries)):
            await self._room(box, reading, number > 0)
            opened = [(entry.id, await self._open(owner, entry)) for entry in batch]
            if not box.goes_on(reading):
                return False
            self._hand_over(owner, box, reading, opened)
        if page.complete and box.goes_on(reading):
            box.count = box.size = 0
            box.counted = True
            self._let_go(owner, box, reading)  # before the lock is: whoever appends now begins anew
        return not page.complete

    async def _room(self, box: Box, reading: Reading, written: bool) -> None:
        """Wait until a client has taken what it was sent before, in this turn if `written`."""
        if written:
            await self._turn()
        while box.goes_on(reading) and not reading.session.writable:
            await deferLater(self._host.clock, PAUSE)

    async def _turn(self) -> None:
        """Wait for the next turn of the reactor: what was written leaves in between."""
        await deferLater(self._host.clock, 0)

    async def _open(self, owner: str, entry: Entry) -> Stanza | None:
        """Return the message to be delivered; None if it is too old, unwanted or broken."""
        oldest = self._oldest()
        if oldest is not None and entry.when < oldest:
            return None
        try:
            stanza = restore(entry.value)
            if stanza.from_ != self._host.jid or not delays_by(stanza, self._host.jid):
                add_delay(stanza, self._host.jid, entry.when)
        except ValueError:
            self._log.error("a message kept for {owner} cannot be read", owner=owner)
            return None
        if stanza.from_ is not None and await self._is_blocked(owner, stanza.from_):
            return None
        return stanza

    async def _is_blocked(self, owner: str, sender: JID) -> bool:
        blocking = self._host.find(IBlocking)
        if blocking is None:
            return False
        blocked = blocking.blocks(owner, sender)
        return blocked if isinstance(blocked, bool) else await blocked

    def _hand_over(
        self,
        owner: str,
        box: Box,
        reading: Reading,
        opened: Sequence[tuple[str, Stanza | None]],
    ) -> None:
        """Deliver messages and forget them in the same turn; what was not delivered stays."""
        done = []
        reading.handing = True
        try:
            for id, stanza in opened:
                if not box.goes_on(reading):
                    break
                if stanza is not None:
                    self._host.deliver(stanza, (reading.session.record,))
                done.append(id)
        finally:
            reading.handing = box.counted = False
            self._archive.remove(owner, done)

    def _let_go(self, owner: str, box: Box, reading: Reading) -> None:
        """End a reading: deliver what was held, and let pass what comes from now on."""
        if box.reading is reading:
            self._end(owner, box, reading)
            for message, _ in reading.held:
                self._host.deliver(message, (reading.session.record,))

    def _end(self, owner: str, box: Box, reading: Reading) -> None:
        box.reading = None
        if self._readings.get(owner) is reading:
            del self._readings[owner]


def _has_got(message: Stanza, other: ISession, gone: ISession) -> bool:
    """Tell whether a message for all was delivered to `other` as well (RFC 6121 8.5.2.1.1)."""
    return message.type != "chat" or other.record.priority >= gone.record.priority


def _batches(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Yield the entries, so many bytes at a time."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += len(entry.value)
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
