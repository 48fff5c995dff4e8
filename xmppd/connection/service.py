"""What serves all connections of one kind: one timer for all deadlines, beginning and end.

A fault in what is done for one connection costs that one, and no other.
"""

from collections.abc import Callable
from typing import Generic, Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from xmppd.connection.connections import Connections, Kind

SWEEP_SECONDS = 1.0


class Abortable(Protocol):
    """What is closed where something fails."""

    def abort(self) -> None:
        """Close the connection at once."""


class StreamService(Generic[Kind]):
    """Looks after connections.

    - `connections`: all there are.
    - `seconds()`: the clock's seconds; `now`: those when connections were last looked after.
    """

    _log = Logger()

    def __init__(self, connections: Connections[Kind], clock: IReactorTime) -> None:
        self.connections = connections
        self.seconds = clock.seconds
        self.now = clock.seconds()
        self._stopping = False
        self._sweep = LoopingCall(self.sweep)
        self._sweep.clock = clock

    def __len__(self) -> int:
        """Return how many connections there are."""
        return len(self.connections)

    def start(self) -> None:
        """Begin to watch deadlines."""
        self._sweep.start(SWEEP_SECONDS, now=False)

    def stop(self) -> None:
        """Admit nobody any more and end every stream with `system-shutdown`.

        The connections close in their own time.
        """
        self._stopping = True
        for connection in self.connections.all():
            self._attempt(connection, connection.leave)

    def abandon(self) -> None:
        """Close every connection at once and stop watching."""
        for connection in self.connections.all():
            connection.abort()
        if self._sweep.running:
            self._sweep.stop()

    def sweep(self) -> None:
        """Look after all connections."""
        now = self.now = self.seconds()
        for connection in self.connections.all():
            try:
                connection.look_after(now)
            except Exception:
                self._give_up(connection)

    def _attempt(self, connection: Abortable, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception:
            self._give_up(connection)

    def _give_up(self, connection: Abortable) -> None:
        """Close a connection that what was done for it has failed for."""
        self._log.failure("a connection could not be looked after")
        connection.abort()
