"""Reads that take longer than a look at one row: a few threads, each with its connection."""

from collections import deque
from collections.abc import Callable, Sequence
from sqlite3 import Connection, Error
from typing import TypeVar

from twisted.internet.defer import Deferred, succeed

from xmppd.api.storage import StorageError
from xmppd.storage.lanes import Lane, ToReactor, run_on

T = TypeVar("T")

Reader = tuple[Lane, Connection]
"""A thread and the connection that is its own."""


class ReaderPool:
    """Runs reads on whichever reader is free, those that came first before others.

    How many may wait is for the caller to limit. Belongs to the reactor's thread.
    """

    def __init__(self, readers: Sequence[Reader], to_reactor: ToReactor) -> None:
        self._readers = readers
        self._to_reactor = to_reactor
        self._free = deque(readers)
        self._wanted: deque[Deferred[Reader]] = deque()

    async def run(self, read: Callable[[Connection], T]) -> T:
        """Return what `read` returns; it is given a connection, on another thread.

        Raises what `read` raises, `StorageError` for errors of SQLite.
        """
        reader = await self._acquire()
        lane, connection = reader
        try:
            return await run_on(lane, self._to_reactor, lambda: read(connection))
        except Error as error:
            raise unreadable(error) from error
        finally:
            self._release(reader)

    async def close(self) -> None:
        """Close the connections and end the threads, each once its reads are done."""
        for _ in self._readers:
            lane, connection = await self._acquire()
            # A read whose outcome nobody wants any more may still be going on.
            lane.join()
            connection.close()

    def _acquire(self) -> Deferred[Reader]:
        if self._free:
            return succeed(self._free.popleft())
        wanted: Deferred[Reader] = Deferred(self._wanted.remove)
        self._wanted.append(wanted)
        return wanted

    def _release(self, reader: Reader) -> None:
        if self._wanted:
            self._wanted.popleft().callback(reader)
        else:
            self._free.append(reader)


def unreadable(error: Error) -> StorageError:
    """Return what a read that SQLite could not do fails with."""
    return StorageError(f"the database cannot be read: {error}")
