"""Reactor turns: the writes made in one turn, kept together until it ends.

The writes of one turn are committed together or not at all (`xmppd.api.storage`), so a turn is the
least a back end may commit, and batches are split only between turns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from xmppd.api.storage import Ticket
from xmppd.storage.tickets import TicketCounter
from xmppd.storage.writes import Write


@dataclass(slots=True)
class Turn:
    """The writes of one turn in order, its first and last ticket, and the bytes it counts for."""

    first: Ticket
    last: Ticket
    writes: list[Write] = field(default_factory=list, repr=False)
    size: int = 0


class Turns:
    """Collects writes and hands each turn's worth to `ended` when the reactor's turn is over.

    `clock` says when that is: at the first `callLater(0)` made in the turn.
    """

    def __init__(
        self, clock: IReactorTime, tickets: TicketCounter, ended: Callable[[Turn], None]
    ) -> None:
        self._clock = clock
        self._tickets = tickets
        self._ended = ended
        self._turn: Turn | None = None
        self._timer: IDelayedCall | None = None

    @property
    def unended(self) -> Sequence[Write]:
        """The writes made so far in the turn that is going on."""
        return () if self._turn is None else self._turn.writes

    def add(self, writes: Sequence[Write], size: int) -> Ticket:
        """Add writes that count for `size` bytes to this turn; return the one ticket of all."""
        ticket = self._tickets.issue()
        turn = self._turn
        if turn is None:
            turn = self._turn = Turn(ticket, ticket)
            self._timer = self._clock.callLater(0, self.end)
        turn.last = ticket
        turn.writes.extend(writes)
        turn.size += size
        return ticket

    def end(self) -> None:
        """End the turn now, if it holds any writes."""
        turn = self.drop()
        if turn is not None:
            self._ended(turn)

    def drop(self) -> Turn | None:
        """Forget the turn that is going on and return it."""
        turn, self._turn = self._turn, None
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        return turn
