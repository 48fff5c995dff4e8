"""Holds back output that promises something until storage has committed it."""

from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from xmppd.api.storage import Ticket, Tickets, when_settled


class Held(Protocol):
    """Somebody with output that waits for tickets."""

    def release(self, settled: Ticket, failed: range) -> bool:
        """Let go what promises nothing beyond `settled`; tell whether anything still waits.

        Whoever promised something in `failed` must not send it.
        """


class Gate:
    """Wakes those who wait whenever storage has moved on. One serves a whole server.

    `settled` is the last ticket that nobody needs to wait for; `failed` are those which were lost
    when it moved last, of which not everybody may have been told yet.
    """

    __slots__ = ("_tickets", "_waiting", "failed", "settled")

    _log = Logger()

    def __init__(self, tickets: Tickets) -> None:
        self._tickets = tickets
        self._waiting: dict[Held, None] = {}
        self.settled = tickets.settled
        self.failed = range(0)
        tickets.watch(self._settled)

    def __len__(self) -> int:
        """Return how many are waiting."""
        return len(self._waiting)

    def add(self, held: Held) -> None:
        """Wake `held` when storage moves on, until it has nothing that waits."""
        self._waiting[held] = None

    def remove(self, held: Held) -> None:
        """Forget `held`, if it was waiting."""
        self._waiting.pop(held, None)

    def committed(self, ticket: int) -> Deferred[None]:
        """Fire once `ticket` is committed; fail with `StorageError` if it was lost."""
        return when_settled(self._tickets, Ticket(ticket))

    def close(self) -> None:
        """Stop watching storage."""
        self._tickets.unwatch(self._settled)

    def _settled(self, settled: Ticket, failed: range) -> None:
        self.settled, self.failed = settled, failed
        for held in list(self._waiting):
            try:
                waits = held.release(settled, failed)
            except Exception:
                self._log.failure("output that waited for storage could not be sent")
                waits = False
            if not waits:
                self._waiting.pop(held, None)
