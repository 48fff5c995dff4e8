"""Writes that may not be on disk yet, and what becomes of them (the tickets of storage)."""

from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from xmppd.api.host import IHost
from xmppd.api.storage import Ticket


class Unsettled:
    """Watches over the writes to one host; `len()` is how many there are to wait for.

    Once one was lost, `check` and `settle` fail with its `StorageError` for good.
    """

    def __init__(self, host: IHost) -> None:
        self._host = host
        self._waiting: list[Deferred[None]] = []
        self._lost: Failure | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, ticket: Ticket) -> None:
        """Watch over a write; to be called in the turn in which it was made."""
        self._waiting.append(self._host.committed(ticket).addErrback(self._note))

    def _note(self, failure: Failure) -> None:
        self._lost = self._lost or failure

    def check(self) -> None:
        """Raise `StorageError` if a write is known to be lost."""
        if self._lost is not None:
            self._lost.raiseException()

    async def settle(self) -> None:
        """Wait until all of them are on disk. Fails with `StorageError` if any is lost."""
        waiting, self._waiting = self._waiting, []
        await DeferredList(waiting)
        self.check()
