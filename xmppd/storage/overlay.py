"""What is written but not committed yet, so that point reads see it before the database has it.

Entries go when their commit is settled, whether it succeeded or not: from then on the database is
asked, and shows the truth.
"""

from collections import deque
from collections.abc import Hashable
from typing import Any, Generic, TypeVar

from xmppd.api.storage import Account, Ticket
from xmppd.storage.writes import (
    Append,
    ClearPairs,
    DropAccount,
    Purge,
    PurgeAll,
    PutAccount,
    PutPair,
    PutValue,
    RemoveEntry,
    Write,
)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

Seen = tuple[Ticket, V | None]
"""What was written last, by which ticket; None is a deletion."""


class Pending(Generic[K, V]):
    """The last unsettled value of each key."""

    def __init__(self) -> None:
        self._seen: dict[K, Seen[V]] = {}
        self._order: deque[tuple[Ticket, K]] = deque()

    def __len__(self) -> int:
        return len(self._seen)

    def put(self, key: K, ticket: Ticket, value: V | None) -> None:
        """Note that `ticket`, no lower than any before, sets or deletes the value of `key`."""
        self._seen[key] = ticket, value
        self._order.append((ticket, key))

    def get(self, key: K) -> Seen[V] | None:
        """Return what was written last under `key` and is not settled."""
        return self._seen.get(key)

    def settle(self, upto: Ticket) -> None:
        """Forget what tickets up to `upto` wrote."""
        order = self._order
        while order and order[0][0] <= upto:
            _, key = order.popleft()
            seen = self._seen.get(key)
            if seen is not None and seen[0] <= upto:
                del self._seen[key]


class Overlay:
    """The unsettled writes of all shapes that have point reads.

    A lookup returns None where the database is to be asked, else a pair whose second part is the
    value or None.
    """

    def __init__(self) -> None:
        self._values: Pending[tuple[int, str], bytes] = Pending()
        self._pairs: Pending[tuple[int, str, str], bytes] = Pending()
        self._cleared: Pending[tuple[int, str], bytes] = Pending()
        self._accounts: Pending[tuple[int, str], Account] = Pending()
        self._skeletons: Pending[tuple[int, str], Account] = Pending()

    def __len__(self) -> int:
        return sum(len(pending) for pending in self._all())

    def note(self, ticket: Ticket, write: Write) -> None:
        """Take over what `write` will make of point reads."""
        match write:
            case Append() | RemoveEntry() | Purge() | PurgeAll():
                return  # archives have no point reads
            case PutValue(store=store, owner=owner, value=value):
                self._values.put((store, owner), ticket, value)
            case PutPair(store=store, owner=owner, key=key, value=value):
                self._pairs.put((store, owner, key), ticket, value)
            case ClearPairs(store=store, owner=owner):
                self._cleared.put((store, owner), ticket, None)
            case PutAccount(store=store, account=account):
                self._accounts.put((store, account.localpart), ticket, account)
                self._skeletons.put((store, account.skeleton), ticket, account)
            case DropAccount(store=store, localpart=localpart, skeleton=skeleton):
                self._accounts.put((store, localpart), ticket, None)
                self._skeletons.put((store, skeleton), ticket, None)

    def settle(self, upto: Ticket) -> None:
        """Forget what tickets up to `upto` wrote."""
        for pending in self._all():
            pending.settle(upto)

    def value(self, store: int, owner: str) -> Seen[bytes] | None:
        """Look up the owner's value."""
        return self._values.get((store, owner))

    def pair(self, store: int, owner: str, key: str) -> Seen[bytes] | None:
        """Look up the owner's value under `key`."""
        pair = self._pairs.get((store, owner, key))
        cleared = self._cleared.get((store, owner))
        if pair is None or (cleared is not None and cleared[0] > pair[0]):
            return cleared
        return pair

    def account(self, store: int, localpart: str) -> Seen[Account] | None:
        """Look up the account of that localpart."""
        return self._accounts.get((store, localpart))

    def account_like(self, store: int, skeleton: str) -> Seen[Account] | None:
        """Look up the account of that skeleton."""
        return self._skeletons.get((store, skeleton))

    def _all(self) -> tuple[Pending[Any, Any], ...]:
        return self._values, self._pairs, self._cleared, self._accounts, self._skeletons
