"""The ticket counter of a storage: how far its commits have got (see `xmppd.api.storage`)."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from xmppd.api.storage import NO_TICKET, Ticket

NONE_FAILED = range(0)
"""The range of failed tickets when all is well."""

Watcher = Callable[[Ticket, range], None]


class TicketCounter:
    """Hands out tickets in order and tells how far they are settled.

    Belongs to the reactor's thread. A watcher that raises is logged and hinders nobody else.
    """

    _log = Logger()

    def __init__(self) -> None:
        self._issued = NO_TICKET
        self._settled = NO_TICKET
        self._trouble = ""
        self._watchers: list[Watcher] = []
        self._waiting: list[tuple[Ticket, Deferred[None]]] = []

    @property
    def issued(self) -> Ticket:
        """The ticket of the latest write."""
        return self._issued

    @property
    def settled(self) -> Ticket:
        """Every ticket up to this one is committed, or has failed."""
        return self._settled

    @property
    def trouble(self) -> str:
        """Why writes were lost the last time; "" if none ever were."""
        return self._trouble

    def watch(self, settled: Watcher) -> None:
        """Call `settled(ticket, failed)` each time `settled` moves."""
        self._watchers.append(settled)

    def unwatch(self, settled: Watcher) -> None:
        """Stop calling `settled`; nothing happens if it is not watching."""
        if settled in self._watchers:
            self._watchers.remove(settled)

    def reached(self, ticket: Ticket) -> Deferred[None]:
        """Return a Deferred that fires once `ticket` is committed or has failed."""
        waiting: Deferred[None] = Deferred()
        if ticket <= self._settled:
            waiting.callback(None)
        else:
            self._waiting.append((ticket, waiting))
        return waiting

    def issue(self) -> Ticket:
        """Return the next ticket."""
        self._issued = Ticket(self._issued + 1)
        return self._issued

    def settle(self, upto: Ticket, failed: range = NONE_FAILED, trouble: str = "") -> None:
        """Record that all tickets up to `upto` are committed but for those in `failed`.

        `trouble` says why these failed.
        """
        self._settled = upto
        self._trouble = trouble or self._trouble
        for watcher in tuple(self._watchers):
            try:
                watcher(upto, failed)
            except Exception:
                self._log.failure("A watcher of tickets failed")
        due = [waiting for ticket, waiting in self._waiting if ticket <= upto]
        self._waiting = [pair for pair in self._waiting if pair[0] > upto]
        for waiting in due:
            waiting.callback(None)
