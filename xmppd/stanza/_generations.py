"""A cache of bounded size that forgets in generations instead of one entry at a time."""

from typing import Generic, TypeVar

Value = TypeVar("Value", bound=object)


class Generations(Generic[Value]):
    """Values by text, at most `2 * limit` of them; what is asked for stays, the rest is forgotten.

    Entries are made in the young generation. When it has `limit` of them it becomes the old one,
    and the old one is dropped whole; an entry found only in the old one is made anew. Finding a
    recent entry is one dict lookup, and no order is kept.
    """

    __slots__ = ("_limit", "_old", "_young")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._young: dict[str, Value] = {}
        self._old: dict[str, Value] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: str) -> Value | None:
        """Return the value of `key`, or None."""
        value = self._young.get(key)
        if value is None:
            value = self._old.get(key)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: str, value: Value) -> None:
        """Remember `value`, which is not None, under `key`."""
        if len(self._young) >= self._limit:
            self._old = self._young
            self._young = {}
        self._young[key] = value
