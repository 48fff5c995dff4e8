"""The one thread that writes to SQLite: takes the turns that wait, commits them, reports back.

A commit takes as many turns as have ended when it begins, within bounds, so that the busier the
server is the more share one fsync. Each commit costs a fixed handful of statements whatever the
number of rows (`sqlite_batch`), and one call back to the reactor.
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from sqlite3 import Connection

from xmppd.storage.catalogue import Catalogue
from xmppd.storage.lanes import Lane, ToReactor, run_on
from xmppd.storage.sqlite_batch import statements
from xmppd.storage.sqlite_statements import PUT_STORES, Statement, bind
from xmppd.storage.turns import Turn
from xmppd.storage.writes import Write

MAX_ROWS = 2_000
"""The most writes of one commit, unless a single turn has more."""

MAX_BYTES = 4 * 1024 * 1024
"""The most bytes of one commit, unless a single turn has more."""

Settled = Callable[[Sequence[Turn], Exception | None], object]
"""Told on the reactor's thread of turns that are committed, or lost because of that error."""


class SqliteWriter:
    """Commits turns over `connection` on `lane`, in order.

    `catalogue` tells of the stores the turns write to: their rows are committed with the first
    write that needs them, so that no number is ever on disk without its meaning.
    """

    def __init__(
        self,
        connection: Connection,
        lane: Lane,
        to_reactor: ToReactor,
        catalogue: Catalogue,
        settled: Settled,
    ) -> None:
        self._connection = connection
        self._lane = lane
        self._to_reactor = to_reactor
        self._catalogue = catalogue
        self._settled = settled
        self._waiting: deque[Turn] = deque()
        self._known = {number for (number,) in connection.execute("SELECT id FROM stores")}

    def submit(self, turn: Turn) -> None:
        """Have `turn` committed behind all submitted before; `settled` is told."""
        self._waiting.append(turn)
        # Once for each turn, so each is found by one of these; those that find none do nothing.
        self._lane.submit(self._commit_waiting)

    async def close(self) -> None:
        """Close the connection once all turns are settled, then end the lane."""
        try:
            await run_on(self._lane, self._to_reactor, self._connection.close)
        finally:
            self._lane.join()

    def _commit_waiting(self) -> None:
        turns = self._take()
        if turns:
            self._to_reactor(self._settled, turns, self._commit(turns))

    def _take(self) -> list[Turn]:
        taken: list[Turn] = []
        rows = size = 0
        while self._waiting:
            turn = self._waiting[0]
            rows += len(turn.writes)
            size += turn.size
            if taken and (rows > MAX_ROWS or size > MAX_BYTES):
                break
            taken.append(self._waiting.popleft())
        return taken

    def _commit(self, turns: Sequence[Turn]) -> Exception | None:
        """Commit turns and return None, or undo them and return why. Never raises."""
        try:
            writes = list(chain.from_iterable(turn.writes for turn in turns))
            new = [number for number in _stores(writes) if number not in self._known]
            todo = [*self._introduce(new), *statements(writes)]
            self._execute(todo)
            self._known.update(new)
        except Exception as error:
            return self._undo(error)
        return None

    def _introduce(self, numbers: Sequence[int]) -> list[Statement]:
        places = [self._catalogue.numbered(number) for number in numbers]
        rows = [(place.number, place.domain, place.name, place.kind.value) for place in places]
        return [bind(PUT_STORES, rows)] if rows else []

    def _execute(self, todo: Sequence[Statement]) -> None:
        # A statement alone is a transaction already, at a third of the price.
        if len(todo) > 1:
            todo = [("BEGIN IMMEDIATE", ()), *todo, ("COMMIT", ())]
        for sql, parameters in todo:
            self._connection.execute(sql, parameters)

    def _undo(self, error: Exception) -> Exception:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as worse:
            # The next commit cannot begin while this one is open: it fails and tries again here.
            return worse
        return error


def _stores(writes: Sequence[Write]) -> list[int]:
    return list(dict.fromkeys(write.store for write in writes))
