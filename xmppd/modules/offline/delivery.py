"""Offline messages on their way to a session that has come (XEP-0160 section 2).

A little is given at a time, so that others have their turn; what comes meanwhile waits behind it. A
message says since when it has waited (XEP-0203).
"""

from collections.abc import Callable, Iterator, Sequence

from twisted.internet.task import deferLater
from twisted.logger import Logger

from xmppd.api.host import IHost
from xmppd.api.moments import PASS, STOP, Verdict
from xmppd.api.roster import IBlocking
from xmppd.api.sessions import ISession
from xmppd.api.storage import Archive, Entry, Range
from xmppd.modules.offline.boxes import Box, Boxes, Reading
from xmppd.stanza.delay import add_delay, delays_by
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza, restore
from xmppd.stanza.weight import weight

PAGE = 50
"""How many messages are read at a time."""

BATCH = 32 * 1024
"""Bytes of messages that are given to a client before it has to have room again."""

PAUSE = 0.1
"""How many seconds to wait before looking again whether it has."""


class Delivery:
    """Gives sessions what is kept in an archive and forgets it there.

    - `oldest`: returns the time before which messages are too old to be delivered, or None.
    - `held_bytes`: of new messages that wait meanwhile; beyond, the session is closed.
    """

    _log = Logger()

    def __init__(
        self,
        host: IHost,
        archive: Archive,
        boxes: Boxes,
        oldest: Callable[[], float | None],
        held_bytes: int,
    ) -> None:
        self._host = host
        self._archive = archive
        self._boxes = boxes
        self._oldest = oldest
        self._held_bytes = held_bytes

    def hold(self, message: Stanza, session: ISession) -> Verdict:
        """Keep new messages from overtaking those that were kept (RFC 6120 10.1)."""
        reading = self._boxes.readings.get(session.account)
        if reading is None or reading.session is not session or reading.handing:
            return PASS
        reading.held.append((message, self._host.wall.now()))
        reading.held_bytes += weight(message)
        if reading.held_bytes > self._held_bytes:
            session.close("resource-constraint", "too much has come while you were reading")
        return STOP

    def begin(self, owner: str, box: Box) -> None:
        """Have the session that came last read, if nobody does."""
        if box.reading is None and box.willing:
            reading = self._boxes.begin(owner, box, next(reversed(box.willing)))
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
                self.begin(owner, box)  # somebody else may go on
            self._boxes.settle(owner, box)

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
            self._boxes.end(owner, box, reading)
            for message, _ in reading.held:
                self._host.deliver(message, (reading.session.record,))


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
