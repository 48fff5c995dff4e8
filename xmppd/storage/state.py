"""A whole storage as plain dictionaries: what each write means, one at a time.

The back end in memory keeps its data here, and tests hold the others against it.
"""

from collections.abc import Iterable

from xmppd.api.storage import Account
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

Owned = tuple[int, str]
"""A store's number and an owner."""


class State:
    """The rows of all stores, and what writes do to them."""

    def __init__(self) -> None:
        self.values: dict[Owned, bytes] = {}
        self.pairs: dict[Owned, dict[str, bytes]] = {}
        self.archives: dict[Owned, dict[str, Append]] = {}
        self.accounts: dict[int, dict[str, Account]] = {}
        self._localparts: dict[Owned, str] = {}

    def copy(self) -> "State":
        """Return a state of its own with the same rows."""
        other = State()
        other.values = dict(self.values)
        other.pairs = {owned: dict(pairs) for owned, pairs in self.pairs.items()}
        other.archives = {owned: dict(entries) for owned, entries in self.archives.items()}
        other.accounts = {store: dict(accounts) for store, accounts in self.accounts.items()}
        other._localparts = dict(self._localparts)
        return other

    def like(self, store: int, skeleton: str) -> Account | None:
        """Return the account of that skeleton."""
        localpart = self._localparts.get((store, skeleton))
        return None if localpart is None else self.accounts[store].get(localpart)

    def apply(self, writes: Iterable[Write]) -> None:
        """Carry out writes in order."""
        for write in writes:
            match write:
                case PutValue() | PutPair() | ClearPairs():
                    self._apply_value(write)
                case Append() | RemoveEntry() | Purge() | PurgeAll():
                    self._apply_entry(write)
                case PutAccount() | DropAccount():
                    self._apply_account(write)

    def _apply_value(self, write: PutValue | PutPair | ClearPairs) -> None:
        owned = write.store, write.owner
        match write:
            case PutValue(value=None):
                self.values.pop(owned, None)
            case PutValue(value=bytes(value)):
                self.values[owned] = value
            case PutPair(key=key, value=None):
                self.pairs.get(owned, {}).pop(key, None)
            case PutPair(key=key, value=bytes(value)):
                self.pairs.setdefault(owned, {})[key] = value
            case ClearPairs():
                self.pairs.pop(owned, None)

    def _apply_entry(self, write: Append | RemoveEntry | Purge | PurgeAll) -> None:
        match write:
            case Append(store=store, owner=owner, id=id):
                self.archives.setdefault((store, owner), {}).setdefault(id, write)
            case RemoveEntry(store=store, owner=owner, id=id):
                self.archives.get((store, owner), {}).pop(id, None)
            case Purge(store=store, owner=owner, before=None):
                self.archives.pop((store, owner), None)
            case Purge(store=store, owner=owner, before=int(before)):
                self._purge((store, owner), before)
            case PurgeAll(store=store, before=before):
                for owned in self.archives:
                    if owned[0] == store:
                        self._purge(owned, before)

    def _purge(self, owned: Owned, before: int) -> None:
        entries = self.archives.get(owned, {})
        for id in [id for id, entry in entries.items() if entry.when < before]:
            del entries[id]

    def _apply_account(self, write: PutAccount | DropAccount) -> None:
        match write:
            case PutAccount(store=store, account=account):
                self.accounts.setdefault(store, {})[account.localpart] = account
                self._localparts[store, account.skeleton] = account.localpart
            case DropAccount(store=store, localpart=localpart, skeleton=skeleton):
                # Both may be gone with a commit that failed after this was written.
                self.accounts.get(store, {}).pop(localpart, None)
                self._localparts.pop((store, skeleton), None)
