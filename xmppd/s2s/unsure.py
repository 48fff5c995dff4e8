"""What was sent to a server that acknowledges nothing: in doubt until enough has followed."""

from collections import deque
from collections.abc import Callable, Iterator

Receipt = Callable[[bool], None]
"""Called once for what was sent: True when it has arrived, False when nobody can tell."""

_GONE = 0.1
"""Seconds after which what was written has left, if the connection still takes more."""


class Unsure:
    """Receipts of what was sent, in its order; more than `stanzas` or `bytes` of it are too many.

    What waits here keeps its place on disk. Were it for time alone, that would bound how fast
    messages can go: so of too many the oldest count as arrived. As much has followed them on a
    connection that works, which tells as much as a while without an error.
    """

    __slots__ = ("_bytes", "_most_bytes", "_most_stanzas", "_sent")

    def __init__(self, stanzas: int, bytes: int) -> None:
        self._most_stanzas = stanzas
        self._most_bytes = bytes
        self._sent: deque[tuple[float, int, Receipt]] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._sent)

    @property
    def are_many(self) -> bool:
        """Whether there are more than there should be."""
        return len(self._sent) > self._most_stanzas or self._bytes > self._most_bytes

    def add(self, receipt: Receipt, size: int, now: float) -> None:
        """Take the receipt of what is sent at `now` (seconds) and costs so many bytes."""
        self._sent.append((now, size, receipt))
        self._bytes += size

    def take(self, quiet: float, now: float) -> Iterator[Receipt]:
        """Yield, and forget, those of what was sent up to `quiet`, and the oldest of too many.

        What was sent just now stays in any case: it may not have left this machine.
        """
        while self._sent:
            sent = self._sent[0][0]
            if sent > quiet and not (self.are_many and sent <= now - _GONE):
                return
            yield self._pop()

    def take_all(self) -> Iterator[Receipt]:
        """Yield, and forget, all of them."""
        while self._sent:
            yield self._pop()

    def _pop(self) -> Receipt:
        _, size, receipt = self._sent.popleft()
        self._bytes -= size
        return receipt
