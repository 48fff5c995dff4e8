"""What the tests of storage stand on: lanes without threads, watched connections, a test case."""

import sqlite3
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.storage import HostStorage, Storage, Ticket
from xmppd.storage.lanes import Lane, Work
from xmppd.storage.sqlite import SqliteStorage

T = TypeVar("T")

LATENCY = 0.01
"""How long simulated commits take."""


class InlineLane:
    """Does work at once."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def submit(self, work: Work) -> None:
        work()

    def join(self) -> None:
        """Nothing is ever left to do."""


class HeldLane(InlineLane):
    """Does work when told."""

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.work: deque[Work] = deque()

    def submit(self, work: Work) -> None:
        self.work.append(work)

    def run(self) -> None:
        """Do all the work there is."""
        while self.work:
            self.work.popleft()()

    def join(self) -> None:
        self.run()


class HeldLanes:
    """Makes held lanes and lets go of all of them together."""

    def __init__(self) -> None:
        self.lanes: list[HeldLane] = []

    def __call__(self, name: str) -> Lane:
        self.lanes.append(HeldLane(name))
        return self.lanes[-1]

    def named(self, name: str) -> HeldLane:
        """Return the lane made last under that name."""
        return next(lane for lane in reversed(self.lanes) if lane.name == name)

    def run(self) -> None:
        """Do all the work there is, also what comes of it."""
        while any(lane.work for lane in self.lanes):
            for lane in self.lanes:
                lane.run()


class WatchedConnection(sqlite3.Connection):
    """Notes the statements it executes, and raises instead for those one wants to fail."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.statements: list[str] = []
        self.failing: dict[str, Exception] = {}

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        self.statements.append(sql)
        for beginning, error in self.failing.items():
            if sql.lstrip().startswith(beginning):
                raise error
        return super().execute(sql, parameters)


class Connections:
    """Makes watched connections; the first one of a storage writes."""

    def __init__(self) -> None:
        self.made: list[WatchedConnection] = []

    def __call__(self, *args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection = sqlite3.connect(*args, factory=WatchedConnection, **kwargs)
        self.made.append(connection)
        return connection


class SqliteMaker:
    """Makes SQLite storages without threads over one path; counts calls back to the reactor."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.clock = clock
        self.connections = Connections()
        self.called_back = 0

    def make(self, threads: Callable[[str], Lane] = InlineLane, **more: Any) -> SqliteStorage:
        return SqliteStorage(
            self.path,
            self.clock,
            self._to_reactor,
            ids(),
            threads=threads,
            connect=self.connections,
            patience=0,
            **more,
        )

    @property
    def writer(self) -> WatchedConnection:
        """The connection the first storage made here writes with."""
        return self.connections.made[0]

    def _to_reactor(self, function: Callable[..., object], *args: object) -> None:
        self.called_back += 1
        function(*args)


class Bench(SynchronousTestCase):
    """A test case with a storage that is running and a host of it.

    - `make` returns the storage.
    - `settle` lets pass what a commit takes.
    - `wrote` is called by contract tests after each write; some back ends settle there.
    """

    clock: Clock
    storage: Storage
    host: HostStorage

    def setUp(self) -> None:
        self.clock = Clock()
        self.storage = self.make()
        self.storage.start()
        self.addCleanup(self.stop)
        self.host = self.storage.host("example.com")

    def make(self) -> Storage:
        raise NotImplementedError

    def settle(self) -> None:
        self.clock.advance(LATENCY)

    def wrote(self) -> None:
        """Go on at once."""

    def stop(self) -> None:
        """Stop the storage, whatever it takes."""
        stopped = self.storage.stop()
        self.settle()
        self.successResultOf(stopped)

    def result(self, deferred: Deferred[T]) -> T:
        """Return what a read comes to, letting pass a commit if it waits for one."""
        if not deferred.called:
            self.settle()
        return self.successResultOf(deferred)

    def failure(self, deferred: Deferred[Any], expected: type[Exception]) -> Exception:
        """Return what a read fails with."""
        if not deferred.called:
            self.settle()
        return cast("Exception", self.failureResultOf(deferred, expected).value)


def ids() -> Callable[[], str]:
    """Return a maker of ids that can be foretold."""
    numbers = count(1)
    return lambda: f"made-{next(numbers)}"


class Settlements:
    """A watcher of tickets that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, list[int]]] = []

    def __call__(self, ticket: Ticket, failed: Iterable[int]) -> None:
        self.told.append((ticket, list(failed)))
