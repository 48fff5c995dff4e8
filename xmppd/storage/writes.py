"""The writes of all shapes as values: made by `shapes` and `accounts`, done by each back end.

A write is one row's worth of change. `store` is the number of the store it goes to (`catalogue`);
times are microseconds. What a write does is defined by `xmppd.storage.state.State`, which carries
them out one by one; a back end may merge them as long as the outcome is the same.
"""

from dataclasses import dataclass, field

from xmppd.api.storage import Account


@dataclass(frozen=True, slots=True)
class PutValue:
    """Set the owner's value; None deletes it."""

    store: int
    owner: str
    value: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class PutPair:
    """Set the owner's value under `key`; None deletes it."""

    store: int
    owner: str
    key: str
    value: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClearPairs:
    """Delete all the owner's pairs."""

    store: int
    owner: str


@dataclass(frozen=True, slots=True)
class Append:
    """Add an entry at the end of the owner's archive unless its id is there.

    `chosen` tells that a caller chose the id, so that it may be there already; ids made by the
    storage are new.
    """

    store: int
    owner: str
    id: str
    when: int
    contact: str
    value: bytes = field(repr=False)
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class RemoveEntry:
    """Remove the entry of that id."""

    store: int
    owner: str
    id: str


@dataclass(frozen=True, slots=True)
class Purge:
    """Remove the owner's entries older than `before`, all of them if it is None."""

    store: int
    owner: str
    before: int | None


@dataclass(frozen=True, slots=True)
class PurgeAll:
    """Remove every owner's entries older than `before`."""

    store: int
    before: int


@dataclass(frozen=True, slots=True)
class PutAccount:
    """Add the account or replace the one of its localpart, which has the same skeleton."""

    store: int
    account: Account


@dataclass(frozen=True, slots=True)
class DropAccount:
    """Remove the account of that localpart, whose skeleton is given."""

    store: int
    localpart: str
    skeleton: str


Write = (
    PutValue
    | PutPair
    | ClearPairs
    | Append
    | RemoveEntry
    | Purge
    | PurgeAll
    | PutAccount
    | DropAccount
)
