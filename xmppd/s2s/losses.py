"""What storage has lost of the traffic with other servers, and what is tried again for that."""

from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from xmppd.api.gate import Gate
from xmppd.api.storage import Ticket

AGAIN_SECONDS = 10.0
"""How often what could not be written is tried again."""

AT_A_TIME = 1000
"""How much of it is tried in one turn."""


class Losses:
    """Tells whoever has written something that it is lost; `len()` is how much is to be done again.

    What is to be done again is bounded by those who ask for it: it counts for them until then.
    """

    __slots__ = ("_clock", "_due", "_gate", "_is_told", "_next", "_watched")

    _log = Logger()

    def __init__(self, gate: Gate, clock: IReactorTime) -> None:
        self._gate = gate
        self._clock = clock
        self._watched: deque[tuple[Ticket, Callable[[], None]]] = deque()
        self._due: deque[Callable[[], None]] = deque()
        self._next = 0.0
        self._is_told = False

    def __len__(self) -> int:
        return len(self._due)

    def watch(self, ticket: Ticket, lost: Callable[[], None]) -> None:
        """Call `lost` if the write with that ticket, which was just issued, is lost."""
        self._watched.append((ticket, lost))
        self._gate.add(self)

    def later(self, work: Callable[[], None]) -> None:
        """Do that once storage may work again; it may ask for the same once more."""
        if not self._is_told:
            self._is_told = True
            self._log.warn(
                "messages to other servers that are done with stay on disk; they are removed when "
                "storage works again"
            )
        if not self._due:
            self._next = self._clock.seconds() + AGAIN_SECONDS
        self._due.append(work)

    def release(self, settled: Ticket, failed: range) -> bool:
        """Hear what has become of writes (see `xmppd.api.gate.Held`)."""
        while self._watched and self._watched[0][0] <= settled:
            ticket, lost = self._watched.popleft()
            if ticket in failed:
                lost()
        return bool(self._watched)

    def look_after(self) -> None:
        """Do again what has become due."""
        if not self._due:
            self._is_told = self._is_told and bool(self._watched)
        elif self._clock.seconds() >= self._next:
            self._next = self._clock.seconds() + AGAIN_SECONDS
            for _ in range(min(len(self._due), AT_A_TIME)):
                self._due.popleft()()
