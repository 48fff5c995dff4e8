"""What a component is yet to be sent: it waits for the component to read, or for storage.

In order, bounded, and answered with an error if it can never be sent. What has been handed to the
transport counts as sent: nothing tells whether the component has read it.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from xmppd.api.gate import Gate
from xmppd.api.storage import Ticket
from xmppd.stanza.stanza import Stanza
from xmppd.stanza.weight import weight

LONGEST = 30
"""How many times the patience with it a component may be slow, however it goes on reading."""

_ANSWERS = ("error", "result")


class _Waiting:
    """A stanza that waits, and who waits for it to be sent."""

    __slots__ = ("done", "size", "stanza")

    def __init__(self, stanza: Stanza, size: int) -> None:
        self.stanza = stanza
        self.size = size
        self.done: Deferred[None] | None = None


class Backlog:
    """Sends the stanzas of one stream as soon as they may go.

    - `gate`: knows what storage has committed; no stanza goes ahead of its ticket.
    - `limit`: about how many bytes may wait.
    - `writable()`: whether the connection takes stanzas at present; `send(stanza)` writes one.
    - `bounce(stanza)`: answers a stanza that will not be sent; `lost()`: something promised could
      not be kept, so the stream must end.

    While a quarter of the limit waits for the component to read, it is congested: see `is_stuck`.
    """

    __slots__ = (
        "_bounce",
        "_congested_since",
        "_gate",
        "_last_ticket",
        "_limit",
        "_lost",
        "_moved",
        "_now",
        "_queue",
        "_relieved",
        "_send",
        "_writable",
        "bytes",
    )

    def __init__(
        self,
        gate: Gate,
        limit: int,
        *,
        writable: Callable[[], bool],
        send: Callable[[Stanza], None],
        bounce: Callable[[Stanza], None],
        lost: Callable[[], None],
        now: Callable[[], float],
    ) -> None:
        self._gate = gate
        self._limit = limit
        self._writable = writable
        self._send = send
        self._bounce = bounce
        self._lost = lost
        self._now = now
        self._queue: deque[_Waiting] = deque()
        self._last_ticket = 0
        self._congested_since: float | None = None
        self._moved = 0.0
        self._relieved = False
        self.bytes = 0

    def write(self, stanza: Stanza) -> Any:
        """Send a stanza, or keep it. Raises `OverflowError`, and keeps it not, beyond the limit.

        Returns a Deferred if the sender should wait, because much is kept: it fires when the stanza
        is sent or answered; cancelling it takes the stanza out. Nobody waits for answers to be
        sent, or those could be held up who do nothing but answer.
        """
        if not self._queue and stanza.ticket <= self._gate.settled and self._writable():
            self._send(stanza)
            return None
        size = weight(stanza)
        if self.bytes + size > self._limit:
            raise OverflowError
        waiting = _Waiting(stanza, size)
        self._queue.append(waiting)
        self.bytes += size
        if stanza.ticket > self._gate.settled:
            self._last_ticket = max(self._last_ticket, stanza.ticket)
            self._gate.add(self)
        if self._much and self._congested_since is None and not self._writable():
            self._congested_since = self._moved = self._now()
        if not self._much or self._relieved or stanza.type in _ANSWERS:
            return None
        waiting.done = Deferred(lambda _: self._take_out(waiting))
        return waiting.done

    def flush(self) -> None:
        """Send what may go now."""
        queue, settled = self._queue, self._gate.settled
        while queue and queue[0].stanza.ticket <= settled and self._writable():
            waiting = queue.popleft()
            self._forget(waiting)
            self._send(waiting.stanza)
            _fire(waiting)
        self.moved()
        if self._writable():
            self._calm()  # what is left waits for storage

    def moved(self) -> None:
        """The component has read some of what was sent before."""
        self._moved = self._now()

    def is_stuck(self, patience: float) -> bool:
        """Tell whether a congested component has read nothing for so many seconds.

        One that is merely slow may go on for `LONGEST` times that, but after once that nobody waits
        for it any more.
        """
        if self._congested_since is None:
            return False
        now = self._now()
        lasts = now - self._congested_since
        if lasts >= patience and not self._relieved:
            self._relieved = True
            for waiting in list(self._queue):
                _fire(waiting)
        return now - self._moved >= patience or lasts >= patience * LONGEST

    def release(self, settled: Ticket, failed: range) -> bool:
        """Send what waited for storage (see `xmppd.api.gate.Held`)."""
        if failed and any(waiting.stanza.ticket in failed for waiting in self._queue):
            self._lost()
            return False
        self.flush()
        return bool(self._queue) and self._last_ticket > settled

    def end(self) -> None:
        """Nothing can be sent any more: answer all that is left."""
        self._gate.remove(self)
        while self._queue:
            waiting = self._queue.popleft()
            self._forget(waiting)
            self._bounce(waiting.stanza)
            _fire(waiting)

    @property
    def _much(self) -> bool:
        return self.bytes * 4 > self._limit

    def _take_out(self, waiting: _Waiting) -> None:
        self._queue.remove(waiting)
        self._forget(waiting)

    def _forget(self, waiting: _Waiting) -> None:
        self.bytes -= waiting.size
        if not self._much:
            self._calm()

    def _calm(self) -> None:
        self._congested_since = None
        self._relieved = False


def _fire(waiting: _Waiting) -> None:
    """Let go on who waits."""
    done, waiting.done = waiting.done, None
    if done is not None:
        done.callback(None)
