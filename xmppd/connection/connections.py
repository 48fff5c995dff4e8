"""All connections of one kind, and how many strangers are among them (RFC 6120 13.12)."""

from collections import Counter
from typing import Generic, Protocol, TypeVar

from xmppd.net.networks import network_of


class Watched(Protocol):
    """A connection, as those see it who look after all of its kind."""

    address: str

    def look_after(self, now: float) -> None:
        """Act on what has become due; `now` is in the clock's seconds."""

    def leave(self) -> None:
        """End the stream because this server is being stopped."""

    def abort(self) -> None:
        """Close the connection at once."""


Kind = TypeVar("Kind", bound=Watched)


class Connections(Generic[Kind]):
    """All connections there are; strangers, who have proven nothing yet, are counted by network."""

    __slots__ = ("_all", "_networks", "_strangers")

    def __init__(self) -> None:
        self._all: dict[Kind, None] = {}
        self._strangers: dict[Kind, str] = {}
        self._networks: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._all)

    def all(self) -> list[Kind]:
        """Return all connections, in the order in which they were made."""
        return list(self._all)

    @property
    def unproven(self) -> int:
        """How many are strangers'."""
        return len(self._strangers)

    def strangers(self, address: str) -> int:
        """Return how many from the network of that IP address have proven nothing yet."""
        return self._networks[network_of(address)]

    def add(self, connection: Kind, *, stranger: bool = True) -> None:
        """Take a connection in."""
        self._all[connection] = None
        if stranger:
            network = self._strangers[connection] = network_of(connection.address)
            self._networks[network] += 1

    def proven(self, connection: Kind) -> None:
        """Count it among the strangers no more."""
        network = self._strangers.pop(connection, None)
        if network is not None:
            less(self._networks, network)

    def remove(self, connection: Kind) -> bool:
        """Forget a connection; return whether it was known."""
        if connection not in self._all:
            return False
        del self._all[connection]
        self.proven(connection)
        return True


def less(counts: "Counter[str]", key: str) -> None:
    """Count one less; what is not there any more takes no room."""
    counts[key] -= 1
    if counts[key] <= 0:
        del counts[key]
