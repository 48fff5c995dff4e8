"""Stanzas that wait for a stream to another server: in order, and within bounds."""

from collections import deque
from collections.abc import Callable, Iterator

from twisted.internet.defer import Deferred

from xmppd.api.storage import Ticket
from xmppd.s2s.spool import Kept
from xmppd.stanza.stanza import Stanza
from xmppd.stanza.weight import weight


class Item:
    """A stanza that waits or is under way; `kept` where it is on disk, if it is.

    `size` is about how many bytes it costs, `done` what its sender waits for, None if nobody does.
    `tickets` are those of all that has to be on disk before it is sent.
    """

    __slots__ = ("done", "kept", "size", "stanza", "tickets")

    def __init__(self, stanza: Stanza, kept: Kept | None, *tickets: Ticket) -> None:
        self.stanza = stanza
        self.kept = kept
        self.size = weight(stanza)
        self.done: Deferred[None] | None = None
        self.tickets = (Ticket(stanza.ticket), *tickets)

    @property
    def ticket(self) -> Ticket:
        """The last of the tickets."""
        return max(self.tickets)

    def has_lost(self, failed: range) -> bool:
        """Tell whether a write it needs is among those that were lost."""
        return any(ticket in failed for ticket in self.tickets)

    def let_go(self) -> None:
        """Have its sender wait no longer."""
        done, self.done = self.done, None
        if done is not None:
            done.callback(None)


class Queue:
    """Items in their order; `stanzas` and `bytes` bound what is taken beside what is there.

    Iterating goes over those that are there at its beginning.
    """

    __slots__ = ("_bytes", "_items", "_most_bytes", "_most_stanzas")

    def __init__(self, stanzas: int, bytes: int) -> None:
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._most_stanzas = stanzas
        self._most_bytes = bytes

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(list(self._items))

    @property
    def first(self) -> Item:
        """The item that goes next; raises IndexError if there is none."""
        return self._items[0]

    @property
    def has_much(self) -> bool:
        """Whether a quarter of what may wait does."""
        return self._bytes * 4 > self._most_bytes or len(self._items) * 4 > self._most_stanzas

    def has_room(self, size: int) -> bool:
        """Tell whether one more of that size may wait."""
        return len(self._items) < self._most_stanzas and self._bytes + size <= self._most_bytes

    def ends_with(self, item: Item) -> bool:
        """Tell whether that is the last one."""
        return bool(self._items) and self._items[-1] is item

    def append(self, item: Item) -> None:
        """Put one behind all others."""
        self.insert(len(self._items), item)

    def insert(self, place: int, item: Item) -> None:
        """Put one at that place."""
        self._items.insert(place, item)
        self._bytes += item.size

    def pop(self) -> Item:
        """Take the first one out."""
        item = self._items.popleft()
        self._bytes -= item.size
        return item

    def remove(self, item: Item) -> None:
        """Take one out; raises ValueError if it is not there."""
        self._items.remove(item)
        self._bytes -= item.size

    def take(self, wanted: Callable[[Item], bool]) -> list[Item]:
        """Take out those that are wanted, and return them in order."""
        taken = [item for item in self._items if wanted(item)]
        if taken:
            self._items = deque(item for item in self._items if not wanted(item))
            self._bytes = sum(item.size for item in self._items)
        return taken
