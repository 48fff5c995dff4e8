"""A back end in memory that behaves like a disk: commits take time and fail, crashes lose data.

What is written and what is committed are kept apart, so that a test can show that nothing was
promised which a crash takes away.
"""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from xmppd.storage.memory import MemoryStorage
from xmppd.storage.state import State
from xmppd.storage.tickets import NONE_FAILED
from xmppd.storage.turns import Turn


class SimulatedStorage(MemoryStorage):
    """Implements `xmppd.api.storage.Storage` with commits as slow and fallible as told.

    One commit is under way at a time; the turns that end meanwhile are committed together next.

    - `latency`: how many seconds of `clock` a commit takes; may be changed at any time.
    - `commits`: how many commits succeeded so far.
    """

    def __init__(
        self, clock: IReactorTime, new_id: Callable[[], str], latency: float = 0.0
    ) -> None:
        super().__init__(clock, new_id)
        self.latency = latency
        self.commits = 0
        self._clock = clock
        self._committed = State()
        self._waiting: list[Turn] = []
        self._under_way: list[Turn] = []
        self._timer: IDelayedCall | None = None
        self._failing = False

    @property
    def pending(self) -> int:
        """How many tickets are neither committed nor failed."""
        return self.tickets.issued - self.tickets.settled

    def fail_next_commit(self) -> None:
        """Let the next commit to finish fail: its tickets fail and its writes are gone."""
        self._failing = True

    def crash(self, *, landed: bool = False) -> "SimulatedStorage":
        """Lose all that is not committed; return a storage, not yet started, over what is.

        `landed` tells that the commit under way reached the disk although nobody was told. This
        storage takes nothing more and settles no further ticket.
        """
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._turns.drop()
        self._running = False
        if landed:
            self._replay(self._committed, self._under_way)
        after = SimulatedStorage(self._clock, self._new_id, self.latency)
        after._catalogue.start(self._catalogue.places())
        after._committed = self._committed
        after._state = self._committed.copy()
        return after

    def _ended(self, turn: Turn) -> None:
        self._waiting.append(turn)
        if not self._under_way:
            self._begin()

    def _begin(self) -> None:
        self._under_way, self._waiting = self._waiting, []
        if self._under_way:
            self._timer = self._clock.callLater(self.latency, self._finish)

    def _finish(self) -> None:
        turns, self._under_way = self._under_way, []
        failed = NONE_FAILED
        if self._failing:
            self._failing = False
            failed = range(turns[0].first, turns[-1].last + 1)
            self._forget_lost()
        else:
            self._replay(self._committed, turns)
            self.commits += 1
        self._begin()
        self.tickets.settle(turns[-1].last, failed)

    def _forget_lost(self) -> None:
        self._state = self._committed.copy()
        self._replay(self._state, self._waiting)
        self._state.apply(self._turns.unended)

    @staticmethod
    def _replay(state: State, turns: list[Turn]) -> None:
        for turn in turns:
            state.apply(turn.writes)
