"""The back end that comes with the server: all hosts in one SQLite file.

Who does what: `sqlite_file` opens, `upgrade` upgrades, one thread writes (`sqlite_writer`), a few
threads do long reads (`sqlite_pool`), and `sqlite_engine` brings them together.
"""

import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from sqlite3 import Connection

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from xmppd.storage import sqlite_reads
from xmppd.storage.catalogue import Catalogue
from xmppd.storage.hosts import Host
from xmppd.storage.lanes import Lane, ThreadLane, ToReactor
from xmppd.storage.sqlite_engine import SqliteEngine
from xmppd.storage.sqlite_file import Connect, SqliteFile
from xmppd.storage.sqlite_pool import ReaderPool
from xmppd.storage.sqlite_writer import SqliteWriter
from xmppd.storage.tickets import TicketCounter
from xmppd.storage.upgrade import scripts

MAX_WAITING = 64 * 1024 * 1024
"""The most bytes written but not committed: what a disk may be behind before writes are refused."""

READERS = 2
"""How many threads do long reads."""


class SqliteStorage:
    """Implements `xmppd.api.storage.Storage`, durable: a settled ticket survives a power cut.

    - `path`: the database file; it and its folder are made if they are not there.
    - `clock`: tells when a reactor turn is over.
    - `to_reactor`: `reactor.callFromThread`, or what stands for it.
    - `new_id`: returns unpredictable ids for archives.
    - `threads`: makes a lane of the name it is given; tests hand in lanes that run inline.
    - `connect`: `sqlite3.connect`, or what counts or breaks statements in tests.
    - `patience`: how many seconds to wait for another program's lock on the database.
    - `max_waiting`: the most bytes written but not committed; beyond, writes raise `StorageError`.
    """

    def __init__(
        self,
        path: Path,
        clock: IReactorTime,
        to_reactor: ToReactor,
        new_id: Callable[[], str],
        *,
        threads: Callable[[str], Lane] = ThreadLane,
        connect: Connect = sqlite3.connect,
        patience: float = 5.0,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._to_reactor = to_reactor
        self._new_id = new_id
        self._threads = threads
        self._file = SqliteFile(path, connect, patience)
        self._catalogue = Catalogue()
        self._engine = SqliteEngine(clock, max_waiting)
        self._started = False

    @property
    def tickets(self) -> TicketCounter:
        """How far commits have got."""
        return self._engine.tickets

    def start(self) -> None:
        """Open the data; raises `StorageError` with one plain sentence if that cannot be done."""
        with self._file.plainly(), ExitStack() as undo:
            connection = self._file.open(scripts())
            undo.callback(self._file.release)
            undo.callback(connection.close)
            self._catalogue.start(sqlite_reads.places(connection))
            readers = []
            for _ in range(READERS + 1):
                readers.append(self._file.reader())
                undo.callback(readers[-1].close)
            writer = self._writer(connection)
            undo.pop_all()
        self._engine.begin(readers.pop(), self._readers(readers), writer)
        self._started = True

    def host(self, domain: str) -> Host:
        """Return the part that belongs to the host `domain`."""
        return Host(domain, self._engine, self._catalogue, self._new_id)

    def stop(self) -> Deferred[None]:
        """Commit what is outstanding and close; fires when all is on disk and threads are gone."""
        started, self._started = self._started, False
        return Deferred.fromCoroutine(self._close()) if started else succeed(None)

    async def _close(self) -> None:
        await self._engine.end()
        self._file.release()

    def _writer(self, connection: Connection) -> SqliteWriter:
        lane = self._threads("storage-writer")
        return SqliteWriter(
            connection, lane, self._to_reactor, self._catalogue, self._engine.settled
        )

    def _readers(self, connections: list[Connection]) -> ReaderPool:
        lanes = [self._threads(f"storage-reader-{number}") for number in range(len(connections))]
        return ReaderPool(list(zip(lanes, connections, strict=True)), self._to_reactor)
