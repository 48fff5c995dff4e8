"""Where a server of a network keeps its data: in memory or in SQLite, either of which can crash."""

import sqlite3
from collections import deque
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from xmppd.api.storage import HostStorage
from xmppd.makers import StoreContext
from xmppd.storage.lanes import Work
from xmppd.storage.simulated import SimulatedStorage
from xmppd.storage.sqlite import SqliteStorage
from xmppd.storage.tickets import TicketCounter
from xmppd.testing.net.time import MachineClock

STORE = "handed"
"""The name by which a configuration asks for the storage that is its settings."""


class Disk(Protocol):
    """A storage that survives the process, as far as it has committed."""

    latency: float

    @property
    def tickets(self) -> TicketCounter:
        """How far commits have got."""

    def start(self) -> None:
        """Open the data."""

    def host(self, domain: str) -> HostStorage:
        """Return the part of a host."""

    def stop(self) -> "Deferred[None]":
        """Commit what is outstanding and close."""

    def crash(self, *, landed: bool = False) -> "Disk":
        """Lose what is not committed; return a storage over what is.

        `landed` tells that what was being committed reached the disk.
        """


def handed(context: StoreContext) -> Disk:
    """Return the storage a server was given (see `StoreMaker`)."""
    disk: Disk = context.settings
    return disk


def simulated(clock: MachineClock, new_id: Callable[[], str], latency: float) -> Disk:
    """Return a new storage in memory."""
    return SimulatedStorage(clock, new_id, latency)


class _SlowLane:
    """Does work after a while, on the one thread there is."""

    def __init__(self, clock: MachineClock, latency: Callable[[], float]) -> None:
        self._clock = clock
        self._latency = latency
        self._due = 0.0
        self._waiting: deque[Work] = deque()

    def submit(self, work: Work) -> None:
        """Have work done behind all that was submitted before."""
        now = self._clock.seconds()
        self._due = max(self._due, now + self._latency())
        self._waiting.append(work)
        self._clock.callLater(self._due - now, self.work)

    def work(self) -> None:
        """Do the next piece of work, if there is one."""
        if self._waiting:
            self._waiting.popleft()()

    def join(self) -> None:
        """Return: whoever waits for an answer has it."""


class SqliteDisk(SqliteStorage):
    """The real SQLite, in a folder of its own, with commits that take `latency` seconds.

    It has no threads: their work is done in turn, so that a run can be made again.
    """

    def __init__(
        self,
        folder: Path,
        clock: MachineClock,
        new_id: Callable[[], str],
        latency: float,
        life: int = 1,
    ) -> None:
        self.latency = latency
        self._clock = clock
        self._folder = folder
        self._life = life
        self._path = folder / f"{life}.sqlite"
        self._lanes: list[_SlowLane] = []
        self._connections: list[sqlite3.Connection] = []
        super().__init__(
            self._path,
            clock,
            lambda function, *arguments: clock.callLater(0, function, *arguments),
            new_id,
            threads=self._lane,
            connect=self._connect,
        )

    def _lane(self, _name: str) -> _SlowLane:
        self._lanes.append(_SlowLane(self._clock, lambda: self.latency))
        return self._lanes[-1]

    def _connect(self, *arguments: Any, **keywords: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(*arguments, **keywords)
        # Nobody takes the power away from the machine that runs the tests.
        connection.execute("PRAGMA synchronous = OFF")
        self._connections.append(connection)
        return connection

    def crash(self, *, landed: bool = False) -> "SqliteDisk":
        """Lose what is not committed; return a storage over what is (see `Disk`)."""
        if landed and self._lanes:
            self._lanes[0].work()
        after = SqliteDisk(self._folder, self._clock, self._new_id, self.latency, self._life + 1)
        for ending in ("", "-wal"):
            left = self._path.with_name(self._path.name + ending)
            if left.exists():
                copyfile(left, after._path.with_name(after._path.name + ending))
        self.close()
        return after

    def close(self) -> None:
        """Let go of the files, however the server ended."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._file.release()
