"""Counts stanzas and their bytes by whom they are for or from, within bounds for each."""

from collections import Counter
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)


class Tally(Generic[Name]):
    """What there is of each name; at most `stanzas` and `bytes` of one.

    The bounds hold for who asks (`has_room`). There may be one of each, however large. Names of
    which there is nothing are forgotten.
    """

    __slots__ = ("_bytes", "_most_bytes", "_most_stanzas", "_stanzas")

    def __init__(self, stanzas: int, bytes: int) -> None:
        self._most_stanzas = stanzas
        self._most_bytes = bytes
        self._stanzas: Counter[Name] = Counter()
        self._bytes: Counter[Name] = Counter()

    def __len__(self) -> int:
        """Return how many stanzas there are of all names."""
        return sum(self._stanzas.values())

    def __contains__(self, name: Name) -> bool:
        return name in self._stanzas

    def __iter__(self) -> Iterator[Name]:
        """Yield the names there are, in the order in which they came."""
        return iter(list(self._stanzas))

    def has_room(self, name: Name, size: int) -> bool:
        """Tell whether there may be one more of that size."""
        stanzas = self._stanzas[name]
        return not stanzas or (
            stanzas < self._most_stanzas and self._bytes[name] + size <= self._most_bytes
        )

    def add(self, name: Name, size: int) -> None:
        """Count one more."""
        self._stanzas[name] += 1
        self._bytes[name] += size

    def remove(self, name: Name, size: int) -> None:
        """Count one less; nothing happens where there is none."""
        self._stanzas[name] -= 1
        self._bytes[name] -= size
        if self._stanzas[name] <= 0:
            self.clear(name)

    def clear(self, name: Name) -> None:
        """Forget a name; nothing happens if it is not known."""
        del self._stanzas[name], self._bytes[name]
