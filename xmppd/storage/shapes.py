"""The three shapes over any engine: what features ask for, checked and turned into writes."""

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, execute, fail

from xmppd.api.storage import Entry, Page, Range, Ticket, UnknownEntry
from xmppd.storage.catalogue import Place
from xmppd.storage.checks import micros, seconds, storable, text
from xmppd.storage.engine import Engine
from xmppd.storage.writes import (
    Append,
    ClearPairs,
    Purge,
    PurgeAll,
    PutPair,
    PutValue,
    RemoveEntry,
)


class KeyValueStore:
    """Implements `xmppd.api.storage.KeyValue`."""

    def __init__(self, engine: Engine, place: Place) -> None:
        self._engine = engine
        self._place = place

    def get(self, owner: str) -> Deferred[bytes | None]:
        """Return the owner's value or None."""
        return execute(self._engine.value, self._place.number, text(owner))

    def put(self, owner: str, value: bytes) -> Ticket:
        """Set the owner's value."""
        write = PutValue(self._place.number, text(owner), value)
        return self._engine.write(write, size=len(value))

    def delete(self, owner: str) -> Ticket:
        """Forget the owner's value."""
        return self._engine.write(PutValue(self._place.number, text(owner), None))


class MapStore:
    """Implements `xmppd.api.storage.Map`."""

    def __init__(self, engine: Engine, place: Place) -> None:
        self._engine = engine
        self._place = place

    def get(self, owner: str, key: str) -> Deferred[bytes | None]:
        """Return the value under `key` or None."""
        return execute(self._engine.pair, self._place.number, text(owner), text(key))

    def items(self, owner: str) -> Deferred[list[tuple[str, bytes]]]:
        """Return all the owner's pairs, in the order of their keys."""
        return self._engine.pairs(self._place.number, text(owner))

    def put(self, owner: str, key: str, value: bytes) -> Ticket:
        """Set the value under `key`."""
        write = PutPair(self._place.number, text(owner), text(key), value)
        return self._engine.write(write, size=len(value))

    def delete(self, owner: str, key: str) -> Ticket:
        """Forget the value under `key`."""
        return self._engine.write(PutPair(self._place.number, text(owner), text(key), None))

    def clear(self, owner: str) -> Ticket:
        """Forget all the owner's values."""
        return self._engine.write(ClearPairs(self._place.number, text(owner)))


class ArchiveStore:
    """Implements `xmppd.api.storage.Archive`; `new_id` makes the ids nobody chose."""

    def __init__(self, engine: Engine, place: Place, new_id: Callable[[], str]) -> None:
        self._engine = engine
        self._place = place
        self._new_id = new_id

    def append(
        self, owner: str, value: bytes, *, when: float, contact: str = "", id: str | None = None
    ) -> Entry:
        """Add an entry and return it with its ticket."""
        chosen = id is not None
        name = self._new_id() if id is None else text(id)
        time = micros(when)
        write = Append(
            self._place.number, text(owner), name, time, text(contact), value, chosen=chosen
        )
        ticket = self._engine.write(write, size=len(value))
        return Entry(name, seconds(time), contact, value, ticket)

    def page(
        self, owner: str, range: Range, limit: int, *, backwards: bool = False
    ) -> Deferred[Page]:
        """Return at most `limit` entries of the range."""
        if limit < 0:
            raise ValueError("a page of less than no entries")
        if range.contact is not None:
            text(range.contact)
        for id in named(range):
            # No such entry can exist, and a back end might cut the id short and find another.
            if not storable(id):
                return fail(UnknownEntry(id))
        return self._engine.page(self._place.number, text(owner), range, limit, backwards)

    def count(self, owner: str) -> Deferred[int]:
        """Return how many entries the owner has."""
        return self._engine.entries(self._place.number, text(owner))

    def remove(self, owner: str, ids: Sequence[str]) -> Ticket:
        """Remove these entries; ids that are not there are passed over."""
        owner = text(owner)
        number = self._place.number
        return self._engine.write(*(RemoveEntry(number, owner, id) for id in ids if storable(id)))

    def purge(self, owner: str, before: float | None = None) -> Ticket:
        """Remove the owner's entries older than `before`, all of them without it."""
        time = None if before is None else micros(before)
        return self._engine.write(Purge(self._place.number, text(owner), time))

    def purge_all(self, before: float) -> Ticket:
        """Remove every owner's entries older than `before`."""
        return self._engine.write(PurgeAll(self._place.number, micros(before)))


def named(range: Range) -> list[str]:
    """Return the ids a range names, in the order in which they are missed if unknown."""
    ids = [id for id in (range.after, range.before) if id is not None]
    ids.extend(range.ids or ())
    return ids
