"""Stanzas that wait for a stream to another server: in order, and within bounds."""

from collections import deque
from collections.abc import Callable, Iterator

from twisted.internet.defer import Deferred

from xmppd.api.storage import Ticket
from xmppd.s2s.spool import SHARE_OF_ONE, Kept
from xmppd.s2s.tally import Tally
from xmppd.stanza.delay import add_delay
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza
from xmppd.stanza.weight import weight

LATE_SECONDS = 30.0
"""For how long a message has waited that says so when it is sent."""


class Item:
    """A stanza that waits or is under way; `kept` where it is on disk, if it is.

    `size` is about how many bytes it costs, `done` what its sender waits for, None if nobody does.
    `tickets` are those of all that has to be on disk before it is sent; `sender` is the account
    whose share it uses, None if it uses nobody's.
    """

    __slots__ = ("done", "kept", "sender", "size", "stanza", "tickets")

    def __init__(self, stanza: Stanza, kept: Kept | None, *tickets: Ticket) -> None:
        self.stanza = stanza
        self.kept = kept
        self.sender: JID | None = None
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

    def to_send(self, local: str, now: float) -> Stanza:
        """Return the stanza as it is sent from a domain of ours; `now` is the time of day.

        A message that has waited for long says since when (XEP-0203 section 2).
        """
        if self.kept is None or now - self.kept.since < LATE_SECONDS:
            return self.stanza
        late = self.stanza.copy()
        add_delay(late, JID.parse(local), self.kept.since)
        return late

    def let_go(self) -> None:
        """Have its sender wait no longer."""
        done, self.done = self.done, None
        if done is not None:
            done.callback(None)


class Queue:
    """Items in their order; `stanzas` and `bytes` bound what is taken beside what is there.

    One account has half of both. Iterating goes over those that are there at its beginning.
    """

    __slots__ = ("_bytes", "_items", "_most_bytes", "_most_stanzas", "_shares")

    def __init__(self, stanzas: int, bytes: int) -> None:
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._most_stanzas = stanzas
        self._most_bytes = bytes
        self._shares: Tally[JID] = Tally(stanzas // SHARE_OF_ONE, bytes // SHARE_OF_ONE)

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

    def has_room_for(self, sender: JID, size: int) -> bool:
        """Tell whether that account's share has room for it, too."""
        return self._shares.has_room(sender, size)

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
        if item.sender is not None:
            self._shares.add(item.sender, item.size)

    def pop(self) -> Item:
        """Take the first one out."""
        item = self._items.popleft()
        self._gone(item)
        return item

    def remove(self, item: Item) -> None:
        """Take one out; raises ValueError if it is not there."""
        self._items.remove(item)
        self._gone(item)

    def take(self, wanted: Callable[[Item], bool]) -> list[Item]:
        """Take out those that are wanted, and return them in order."""
        taken = [item for item in self._items if wanted(item)]
        if taken:
            gone = set(map(id, taken))
            self._items = deque(item for item in self._items if id(item) not in gone)
            for item in taken:
                self._gone(item)
        return taken

    def _gone(self, item: Item) -> None:
        self._bytes -= item.size
        if item.sender is not None:
            self._shares.remove(item.sender, item.size)
