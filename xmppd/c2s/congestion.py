"""Slow readers: who writes to them has to wait, and they do not have for ever (RFC 6120 13.12).

A client that does not take what it is sent makes the server keep it. So whoever goes on sending to
it is not read any further until it has caught up. A few stanzas do not count, or somebody could
stop others by not reading their answers.
"""

from typing import Protocol

SHARE = 64 * 1024
"""Bytes a client may send to a congested one before it has to wait."""


class Connection(Protocol):
    """A client's connection, as it reads and is read."""

    def hold(self) -> None:
        """Do not read from the client until `let_go` has been called as often."""

    def let_go(self) -> None:
        """Take one `hold` back."""

    def overflow(self) -> None:
        """Cut the client off: it reads too slowly."""


class Congestion:
    """Knows the connections that are congested, since when, and who waits for each.

    - `reading`: the connection whose input is being worked off just now, None if it is nobody's.
    - `patience`: how many seconds a connection may stay congested.
    """

    __slots__ = ("_patience", "_sent", "_since", "reading")

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self.reading: Connection | None = None
        self._since: dict[Connection, float] = {}
        self._sent: dict[Connection, dict[Connection, int]] = {}

    def __len__(self) -> int:
        """Return how many connections are congested."""
        return len(self._since)

    def congested(self, connection: Connection, size: int, now: float) -> None:
        """Much is waiting for a client, and `size` bytes more now: let whoever sends them wait."""
        self._since.setdefault(connection, now)
        reading = self.reading
        if reading is None:
            return
        senders = self._sent.setdefault(connection, {})
        before = senders.get(reading, 0)
        senders[reading] = before + size
        if before < SHARE <= before + size:
            reading.hold()

    def clear(self, connection: Connection) -> None:
        """A client has caught up, or is gone: nobody needs to wait for it any more."""
        self._since.pop(connection, None)
        for sender, sent in self._sent.pop(connection, {}).items():
            if sent >= SHARE:
                sender.let_go()

    def sweep(self, now: float) -> None:
        """Cut off who has been congested for too long."""
        for connection, since in list(self._since.items()):
            if now - since >= self._patience:
                self.clear(connection)
                connection.overflow()
