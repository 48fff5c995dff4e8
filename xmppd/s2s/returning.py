"""What cannot be sent to another server is returned to its sender, once (RFC 6120 8.3)."""

from collections import deque
from functools import partial

from twisted.logger import Logger

from xmppd.api.storage import StorageError, Ticket
from xmppd.s2s.absent import Absent, Fate
from xmppd.s2s.keeping import Keeping
from xmppd.s2s.spool import Kept
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.waiting import Item
from xmppd.stanza.errors import StanzaError, can_be_answered, error_reply
from xmppd.stanza.stanza import Stanza


class Returns:
    """Returns stanzas, each as soon as it is on disk that it is not to be sent any more.

    A message is forgotten in the turn in which it is returned, or in which the error is kept for a
    sender who is not there, and no sooner: a crash in between has it returned a second time, as one
    in doubt, but never lost, and never sent after all.
    """

    __slots__ = ("_absent", "_around", "_due", "_keeping")

    _log = Logger()

    def __init__(self, around: Surroundings, keeping: Keeping, absent: Absent) -> None:
        self._around = around
        self._keeping = keeping
        self._absent = absent
        self._due: deque[tuple[Ticket, list[Item], StanzaError]] = deque()

    def add(self, items: list[Item], error: StanzaError) -> None:
        """Return these with that error, at once or once it is on disk."""
        ticket = self._stop_sending(items)
        if ticket is None:
            self._return(items, error)
        else:
            self._due.append((ticket, items, error))
            self._around.gate.add(self)

    def _stop_sending(self, items: list[Item]) -> Ticket | None:
        """Put messages that wait on disk where those are that are never sent again."""
        try:
            return self._keeping.go(items)
        except StorageError:
            self._log.failure("messages that are returned stay on disk")
            return None

    def release(self, settled: Ticket, failed: range) -> bool:
        """Return what waited for storage (see `xmppd.api.gate.Held`).

        Where that was lost it is returned all the same: the sender may hear nothing else.
        """
        while self._due and self._due[0][0] <= settled:
            _, items, error = self._due.popleft()
            self._return(items, error)
        return bool(self._due)

    def _return(self, items: list[Item], error: StanzaError) -> None:
        for item in items:
            if item.kept is None:
                give_back(self._around, item.stanza, error)
            else:
                self._give_back(item, item.kept, error)

    def _give_back(self, item: Item, kept: Kept, error: StanzaError) -> None:
        """Return a message and forget it; where both are lost, both are done again."""
        again = partial(self._give_back, item, kept, error)
        match self._absent.give_back(item.stanza, error, kept.since):
            case Fate.TOLD:
                self._keeping.forget(item)
            case Fate.KEPT:
                self._keeping.forget(item, again)
            case Fate.OPEN:
                self._around.losses.later(again)

    def end(self) -> None:
        """Leave on disk what is: it is returned by the next run. All else is returned now."""
        due, self._due = self._due, deque()
        self._around.gate.remove(self)
        for _, items, error in due:
            self._return([item for item in items if item.kept is None], error)


def give_back(around: Surroundings, stanza: Stanza, error: StanzaError) -> None:
    """Return a stanza that is not on disk to its sender with an error."""
    if can_be_answered(stanza):
        around.router.route(error_reply(stanza, error))
