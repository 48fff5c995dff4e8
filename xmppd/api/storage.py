"""Storage as features see it: three shapes, accounts, and tickets for what is promised.

A feature asks its host for a store by name and shape and gets the same behaviour from every back
end (one contract suite runs over all of them)::

    self.offline = host.open("offline", Archive)
    entry = self.offline.append("juliet", bytes(stanza), when=host.now())
    return Promised(None, entry.ticket)

*Owners* are localparts of the host, prepared; "" owns what belongs to the host itself. *Keys* are
text, *values* are bytes; neither is looked into. Text holding NUL or a lone surrogate raises
`ValueError`. Times are seconds since 1970 in UTC (float), kept to the microsecond; NaN raises
`ValueError`.

**Writes** return at once with a `Ticket` and are seen by every later read; they raise
`StorageError` if the storage is not running or its disk is too far behind. All writes of one
reactor turn are committed together or not at all, turn after turn in order. What a write makes
true may be promised to the outside (an answer, an acknowledgement, an archive id) only once its
ticket is committed: hand the ticket on with the answer and the session holds that answer back.

**Reads** return Deferreds that may already have fired, and fail with `StorageError` if the data
cannot be had.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NewType, Protocol, TypeVar

from twisted.internet.defer import Deferred

from xmppd.sasl.exchange import ScramKeys

Ticket = NewType("Ticket", int)
"""A place in the order of writes of one storage. Higher is later; see `Tickets`."""

NO_TICKET = Ticket(0)
"""The ticket of what promises nothing: always committed."""


class StorageError(Exception):
    """The back end cannot do what was asked: disk full, database damaged or newer than we are."""


class AccountExists(Exception):
    """An account of that localpart, or one confusable with it, is there already."""


class Tickets(Protocol):
    """How far a storage has got. One per storage; tickets of two storages do not compare."""

    @property
    def issued(self) -> Ticket:
        """The ticket of the latest write."""

    @property
    def settled(self) -> Ticket:
        """Every ticket up to this one is committed, or has failed."""

    @property
    def trouble(self) -> str:
        """Why writes were lost the last time, in words for the operator; "" if none ever were."""

    def watch(self, settled: "Callable[[Ticket, range], None]") -> None:
        """Call `settled(ticket, failed)` each time `settled` moves, on the reactor's thread.

        `failed` is the range of tickets whose writes were lost, empty when all is well.
        """

    def unwatch(self, settled: "Callable[[Ticket, range], None]") -> None:
        """Stop calling `settled`."""


class KeyValue(Protocol):
    """One value per owner: a vCard, a roster version."""

    def get(self, owner: str) -> Deferred[bytes | None]:
        """Return the owner's value or None."""

    def put(self, owner: str, value: bytes) -> Ticket:
        """Set the owner's value."""

    def delete(self, owner: str) -> Ticket:
        """Forget the owner's value; nothing happens where there is none."""


class Map(Protocol):
    """Many values per owner, each under a key and in a row of its own: a roster, a block list."""

    def get(self, owner: str, key: str) -> Deferred[bytes | None]:
        """Return the value under `key` or None."""

    def items(self, owner: str) -> Deferred[list[tuple[str, bytes]]]:
        """Return all the owner's pairs, in the order of their keys."""

    def put(self, owner: str, key: str, value: bytes) -> Ticket:
        """Set the value under `key`."""

    def delete(self, owner: str, key: str) -> Ticket:
        """Forget the value under `key`; nothing happens where there is none."""

    def clear(self, owner: str) -> Ticket:
        """Forget all the owner's values."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an archive.

    `id` is unique within the archive of one owner; `contact` is what the entry can be found by
    ("" if nothing); `ticket` is set only on what `append` returns.
    """

    id: str
    when: float
    contact: str
    value: bytes = field(repr=False)
    ticket: Ticket = NO_TICKET


@dataclass(frozen=True, slots=True)
class Range:
    """Which entries of an archive are meant; every field given narrows it.

    - `contact`: entries with exactly this contact.
    - `start`, `end`: entries with `start <= when <= end`.
    - `after`, `before`: entries behind or ahead of the entry of that id, in archive order; an id
      that is not in the archive raises `UnknownEntry`.
    - `ids`: just these entries; an id not in the archive raises `UnknownEntry`.
    """

    contact: str | None = None
    start: float | None = None
    end: float | None = None
    after: str | None = None
    before: str | None = None
    ids: Sequence[str] | None = None


class UnknownEntry(Exception):
    """A range names an id which the archive does not hold; `args[0]` is that id."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries in archive order, and where they stand.

    `total` counts all entries that match the range regardless of `after`, `before` and the page's
    size; `index` is the position of the first one among them (0 if the page is empty);
    `complete` tells that nothing lies beyond the page in the direction of paging.
    """

    entries: Sequence[Entry]
    total: int
    index: int
    complete: bool


class Archive(Protocol):
    """An ordered record per owner, appended to and read in pages: messages kept for later.

    The order is the order of appending.
    """

    def append(
        self, owner: str, value: bytes, *, when: float, contact: str = "", id: str | None = None
    ) -> Entry:
        """Add an entry and return it with its ticket.

        Without `id` one is made, unpredictable and never used before. An `id` that is already in
        the owner's archive replaces nothing: the entry that is there stays, and is not returned.
        """

    def page(
        self, owner: str, range: Range, limit: int, *, backwards: bool = False
    ) -> Deferred[Page]:
        """Return at most `limit` entries of the range: its first ones, or its last if `backwards`.

        A page is in archive order either way. `limit` 0 returns just the count.
        """

    def count(self, owner: str) -> Deferred[int]:
        """Return how many entries the owner has."""

    def remove(self, owner: str, ids: Sequence[str]) -> Ticket:
        """Remove these entries; ids that are not there are passed over."""

    def purge(self, owner: str, before: float | None = None) -> Ticket:
        """Remove the owner's entries older than `before`, all of them without it."""

    def purge_all(self, before: float) -> Ticket:
        """Remove every owner's entries older than `before`."""


Shape = TypeVar("Shape", KeyValue, Map, Archive)


@dataclass(frozen=True, slots=True)
class Account:
    """One account of a host.

    - `localpart`: the prepared localpart.
    - `skeleton`: `xmppd.stanza.prep.skeleton(localpart)`; unique on the host, so that no two
      accounts can be mistaken for each other under old or new preparation rules.
    - `keys`: SCRAM keys by hash name ("SHA-256"); passwords themselves are never kept.
    - `created`: when (seconds since 1970).
    - `disabled`: whether logging in is refused.
    """

    localpart: str
    skeleton: str
    keys: Mapping[str, ScramKeys] = field(repr=False)
    created: float
    disabled: bool = False


class Accounts(Protocol):
    """The accounts of one host."""

    def get(self, localpart: str) -> Deferred[Account | None]:
        """Return the account of that prepared localpart or None."""

    def find(self, skeleton: str) -> Deferred[Account | None]:
        """Return the account of that skeleton or None."""

    def create(self, account: Account) -> Deferred[Ticket]:
        """Add an account.

        Fails with `AccountExists` if its localpart or its skeleton is taken.
        """

    def update(self, account: Account) -> Deferred[Ticket]:
        """Replace the account of that localpart.

        Fails with `KeyError` if there is none, with `AccountExists` if its skeleton has changed
        to that of another account.
        """

    def delete(self, localpart: str) -> Deferred[Ticket]:
        """Remove the account and everything any shape holds for that owner, in one commit.

        Fails with `KeyError` if there is none.
        """

    def localparts(self, after: str = "", limit: int = 1000) -> Deferred[list[str]]:
        """Return at most `limit` localparts behind `after`, in order."""

    def count(self) -> Deferred[int]:
        """Return how many accounts there are."""

    def lacking(self, hash: str) -> Deferred[int]:
        """Return how many accounts have keys, but none for that SCRAM hash.

        Those without any keys have their passwords elsewhere.
        """


class HostStorage(Protocol):
    """The part of a storage that belongs to one host."""

    @property
    def accounts(self) -> Accounts:
        """The host's accounts."""

    def open(self, name: str, shape: type[Shape]) -> Shape:
        """Return the store of that name, made at its first use; possible before `start`.

        A name has one shape: asking for another raises `StorageError` (if it was opened before
        `start`, and had another shape in an earlier run, `start` does). Names are lower-case
        words joined by hyphens, anything else raises `ValueError`; third parties begin theirs
        with the name of their distribution. "accounts" is taken.
        """


class Storage(Protocol):
    """A back end: what a store plugin makes.

    Life: constructed without effects; `start` opens (and upgrades) and may block, before the
    reactor serves anybody; `stop` commits what is outstanding and closes.
    """

    @property
    def tickets(self) -> Tickets:
        """How far commits have got."""

    def start(self) -> None:
        """Open the data. Raises `StorageError` with one plain sentence if that cannot be done."""

    def host(self, domain: str) -> HostStorage:
        """Return the part that belongs to the host `domain` (an A-label)."""

    def stop(self) -> Deferred[None]:
        """Commit what is outstanding and close; fires when all is on disk."""


def when_settled(tickets: Tickets, ticket: Ticket) -> Deferred[None]:
    """Fire once `ticket` is committed; fail with `StorageError` if its write was lost.

    Ask in the turn of the write: a ticket that is settled already counts as committed. Cancelling
    ends the waiting, not the write.
    """

    def settled(upto: Ticket, failed: range) -> None:
        if upto < ticket:
            return
        tickets.unwatch(settled)
        if ticket in failed:
            why = tickets.trouble or "the storage does not say why"
            waiting.errback(StorageError(f"it could not be kept: {why}"))
        else:
            waiting.callback(None)

    waiting: Deferred[None] = Deferred(lambda _: tickets.unwatch(settled))
    if ticket <= tickets.settled:
        waiting.callback(None)
    else:
        tickets.watch(settled)
    return waiting
