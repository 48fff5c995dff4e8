"""The SQLite back end at work: writes overlaid until they are committed, reads where they belong.

Point reads happen on the reactor's thread, from the overlay or the database; longer reads go to
the pool once what they are to see is committed.
"""

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from sqlite3 import Connection
from typing import TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from xmppd.api.storage import NO_TICKET, Account, Page, Range, StorageError, Ticket
from xmppd.api.waiting import begin
from xmppd.storage import sqlite_reads as reads
from xmppd.storage.engine import Census
from xmppd.storage.overlay import Overlay, Seen
from xmppd.storage.sqlite_pool import ReaderPool, unreadable
from xmppd.storage.sqlite_writer import SqliteWriter
from xmppd.storage.tickets import NONE_FAILED, TicketCounter
from xmppd.storage.turns import Turn, Turns
from xmppd.storage.writes import Write

T = TypeVar("T")
V = TypeVar("V")

OVERHEAD = 200
"""The bytes a write is counted for besides its value: other columns, and our objects."""

MAX_READS = 1_000
"""The most long reads wanted at once."""


class SqliteEngine:
    """Implements `xmppd.storage.engine.Engine` between `begin` and `end`."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, max_waiting: int) -> None:
        self._max_waiting = max_waiting
        self.tickets = TicketCounter()
        self._turns = Turns(clock, self.tickets, self._ended)
        self._overlay = Overlay()
        self._running = False
        self._waiting = 0
        self._reads = 0
        self._lost = 0
        self._reason = ""
        self._last: dict[int, Ticket] = {}
        self._counted: dict[int, tuple[Ticket, Census]] = {}
        self._reader: Connection
        self._pool: ReaderPool
        self._writer: SqliteWriter

    def begin(self, reader: Connection, pool: ReaderPool, writer: SqliteWriter) -> None:
        """Take reads and writes from now on; `reader` is for this thread."""
        self._reader = reader
        self._pool = pool
        self._writer = writer
        self._running = True

    async def end(self) -> None:
        """Take nothing more, wait for what is under way, and close what `begin` was given."""
        self._running = False
        self._turns.end()
        await self.tickets.reached(self.tickets.issued)
        await self._pool.close()
        self._reader.close()
        await self._writer.close()

    def settled(self, turns: Sequence[Turn], error: Exception | None) -> None:
        """Hear from the writer that turns are committed, or lost because of `error`."""
        failed, trouble = NONE_FAILED, ""
        if error is not None:
            # What SQLite says names no data; what else goes wrong might.
            trouble = str(error) if isinstance(error, sqlite3.Error) else type(error).__name__
            failed = range(turns[0].first, turns[-1].last + 1)
            self._report(failed, error)
        elif self._lost:
            self._log.warn("writes are kept again; {count} were lost", count=self._lost)
            self._lost, self._reason = 0, ""
        self._waiting -= sum(turn.size for turn in turns)
        self._overlay.settle(turns[-1].last)
        self.tickets.settle(turns[-1].last, failed, trouble)

    def write(self, *writes: Write, size: int = 0) -> Ticket:
        """Take writes; see `xmppd.storage.engine.Engine`, as for all that follows."""
        self._require_running()
        size += OVERHEAD * len(writes)
        if self._waiting + size > self._max_waiting:
            raise StorageError(f"the disk does not keep up: {self._waiting} bytes are waiting")
        self._waiting += size
        ticket = self._turns.add(writes, size)
        for write in writes:
            self._overlay.note(ticket, write)
            self._last[write.store] = ticket
        return ticket

    def value(self, store: int, owner: str) -> bytes | None:
        """Return the owner's value."""
        return self._point(self._overlay.value(store, owner), reads.value, store, owner)

    def pair(self, store: int, owner: str, key: str) -> bytes | None:
        """Return the owner's value under `key`."""
        seen = self._overlay.pair(store, owner, key)
        return self._point(seen, reads.pair, store, owner, key)

    def account(self, store: int, localpart: str) -> Account | None:
        """Return the account of that localpart."""
        seen = self._overlay.account(store, localpart)
        return self._point(seen, reads.account, store, localpart)

    def account_like(self, store: int, skeleton: str) -> Account | None:
        """Return the account of that skeleton."""
        seen = self._overlay.account_like(store, skeleton)
        return self._point(seen, reads.account_like, store, skeleton)

    def pairs(self, store: int, owner: str) -> Deferred[list[tuple[str, bytes]]]:
        """Return all the owner's pairs in the order of their keys."""
        return self._scan(
            store,
            partial(reads.pairs, store=store, owner=owner),
            partial(reads.few_pairs, store=store, owner=owner),
        )

    def page(
        self, store: int, owner: str, range: Range, limit: int, backwards: bool
    ) -> Deferred[Page]:
        """Return a page of the owner's archive."""
        return self._scan(
            store,
            partial(
                reads.page,
                store=store,
                owner=owner,
                range=range,
                limit=limit,
                backwards=backwards,
            ),
            partial(reads.few_entries, store=store, owner=owner),
        )

    def entries(self, store: int, owner: str) -> Deferred[int]:
        """Return how many entries the owner's archive has."""
        return self._scan(store, partial(reads.entries, store=store, owner=owner))

    def localparts(self, store: int, after: str, limit: int) -> Deferred[list[str]]:
        """Return at most `limit` localparts behind `after`, in order."""
        return self._scan(store, partial(reads.localparts, store=store, after=after, limit=limit))

    def census(self, store: int) -> Deferred[Census]:
        """Count the accounts: from memory unless accounts were written since it was asked last."""
        counted = self._counted.get(store)
        if self._running and counted is not None and counted[0] == self._last_of(store):
            return succeed(counted[1])
        return begin(self._count(store))

    async def _count(self, store: int) -> Census:
        self._require_running()
        last = await self._committed(store)
        census = self._ask(reads.census, store)
        self._counted[store] = last, census
        return census

    def _point(
        self, seen: Seen[V] | None, read: Callable[..., V | None], *key: int | str
    ) -> V | None:
        """Return what was seen in the overlay, else what the database has."""
        self._require_running()
        return self._ask(read, *key) if seen is None else seen[1]

    def _ask(self, read: Callable[..., T], *key: int | str) -> T:
        try:
            return read(self._reader, *key)
        except sqlite3.Error as error:
            raise unreadable(error) from error

    def _scan(
        self,
        store: int,
        read: Callable[[Connection], T],
        is_short: Callable[[Connection], bool] | None = None,
    ) -> Deferred[T]:
        return begin(self._scanned(store, read, is_short))

    async def _scanned(
        self,
        store: int,
        read: Callable[[Connection], T],
        is_short: Callable[[Connection], bool] | None,
    ) -> T:
        self._require_running()
        if self._reads >= MAX_READS:
            raise StorageError(f"{MAX_READS} reads are waiting already")
        self._reads += 1
        try:
            await self._committed(store)
            if is_short is not None and self._ask(is_short):
                return self._ask(read)
            return await self._pool.run(read)
        finally:
            self._reads -= 1

    async def _committed(self, store: int) -> Ticket:
        """Wait until all that was written to a store is settled; return its last ticket."""
        last = self._last_of(store)
        if last > self.tickets.settled:
            await self.tickets.reached(last)
        return last

    def _last_of(self, store: int) -> Ticket:
        return self._last.get(store, NO_TICKET)

    def _require_running(self) -> None:
        if not self._running:
            raise StorageError("the storage is not running")

    def _ended(self, turn: Turn) -> None:
        self._writer.submit(turn)

    def _report(self, failed: range, error: Exception) -> None:
        """Log why writes are lost; not again and again, or the log, too, fills a full disk."""
        self._lost += len(failed)
        try:
            raise error
        except sqlite3.Error:
            if str(error) != self._reason:
                self._reason = str(error)
                self._log.error("writes are lost until further notice: {error}", error=error)
        except Exception:
            self._log.failure("{count} writes are lost", count=len(failed))
