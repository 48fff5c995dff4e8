"""One commit's writes merged into a handful of SQL statements: one per table and kind of change.

Merging must not change the outcome (`xmppd.storage.state` defines it). Within a segment all
deletions go before all insertions, and a write that undoes an earlier one of the same segment
takes that one out. There is one case for which this is not enough, see `Segment.takes`; then a
new segment begins, so nearly every batch is one segment.
"""

from collections.abc import Iterable, Iterator

from xmppd.api.storage import Account
from xmppd.storage import sqlite_statements as sql
from xmppd.storage.checks import LATEST
from xmppd.storage.sqlite_accounts import account_columns
from xmppd.storage.sqlite_statements import Statement, bind, pack
from xmppd.storage.state import Owned
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


def statements(writes: Iterable[Write]) -> list[Statement]:
    """Return statements which, executed in order, do what `writes` say."""
    segments = [Segment()]
    for write in writes:
        if not segments[-1].takes(write):
            segments.append(Segment())
        segments[-1].add(write)
    return [statement for segment in segments for statement in segment.statements()]


class Segment:
    """Writes that may be carried out as deletions first, insertions after.

    Bounds of purges are kept as the last microsecond that goes.
    """

    def __init__(self) -> None:
        self._values: dict[Owned, bytes | None] = {}
        self._cleared: dict[Owned, None] = {}
        self._pairs: dict[Owned, dict[str, bytes | None]] = {}
        self._removed: dict[tuple[int, str, str], None] = {}
        self._purged: dict[Owned, int] = {}
        self._purged_all: dict[int, int] = {}
        self._appended: dict[Owned, dict[str, Append]] = {}
        self._chosen: set[Owned] = set()
        self._accounts: dict[Owned, Account | None] = {}

    def takes(self, write: Write) -> bool:
        """Whether `write` may be merged with those that are here.

        An entry with a chosen id is passed over if the database has that id. A purge by time
        behind it could remove just the one in the database; done first, it would let the entry in.
        """
        match write:
            case Purge(store=store, owner=owner, before=int()):
                return (store, owner) not in self._chosen
            case PurgeAll(store=store):
                return all(number != store for number, _ in self._chosen)
        return True

    def add(self, write: Write) -> None:
        """Merge one write."""
        match write:
            case Append() | RemoveEntry() | Purge() | PurgeAll():
                self._add_entry(write)
            case PutValue(store=store, owner=owner, value=value):
                self._values[store, owner] = value
            case PutPair(store=store, owner=owner, key=key, value=value):
                self._pairs.setdefault((store, owner), {})[key] = value
            case ClearPairs(store=store, owner=owner):
                self._pairs.pop((store, owner), None)
                self._cleared[store, owner] = None
            case PutAccount(store=store, account=account):
                self._accounts[store, account.localpart] = account
            case DropAccount(store=store, localpart=localpart):
                self._accounts[store, localpart] = None

    def statements(self) -> Iterator[Statement]:
        """Return the statements in the order in which to execute them, none for nothing."""
        for sql_text, rows in self._deletions():
            if rows:
                yield bind(sql_text, rows)
        for sql_text, valued in self._insertions():
            if valued:
                yield pack(sql_text, valued)
        accounts = [
            (store, *account_columns(account))
            for (store, _), account in self._accounts.items()
            if account is not None
        ]
        if accounts:
            yield bind(sql.PUT_ACCOUNTS, accounts)

    def _add_entry(self, write: Append | RemoveEntry | Purge | PurgeAll) -> None:
        match write:
            case Append(store=store, owner=owner, id=id, chosen=chosen):
                self._appended.setdefault((store, owner), {}).setdefault(id, write)
                if chosen:
                    self._chosen.add((store, owner))
            case RemoveEntry(store=store, owner=owner, id=id):
                self._appended.get((store, owner), {}).pop(id, None)
                self._removed[store, owner, id] = None
            case Purge(store=store, owner=owner, before=before):
                last = LATEST if before is None else before - 1
                self._forget((store, owner), last)
                self._purged[store, owner] = max(last, self._purged.get((store, owner), last))
            case PurgeAll(store=store, before=before):
                for owned in self._appended:
                    if owned[0] == store:
                        self._forget(owned, before - 1)
                self._purged_all[store] = max(before - 1, self._purged_all.get(store, before - 1))

    def _forget(self, owned: Owned, last: int) -> None:
        entries = self._appended.get(owned, {})
        for id in [id for id, entry in entries.items() if entry.when <= last]:
            del entries[id]

    def _deletions(self) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
        deleted = [owned for owned, value in self._values.items() if value is None]
        pairs = [
            (*owned, key)
            for owned, values in self._pairs.items()
            for key, value in values.items()
            if value is None
        ]
        yield sql.DELETE_VALUES, [*deleted]
        yield sql.CLEAR_PAIRS, [*self._cleared]
        yield sql.DELETE_PAIRS, [*pairs]
        yield sql.REMOVE_ENTRIES, [*self._removed]
        yield sql.PURGE, [(*owned, last) for owned, last in self._purged.items()]
        yield sql.PURGE_ALL, [*self._purged_all.items()]
        # Those that stay are inserted anew: so skeletons may change hands in any order.
        yield sql.DROP_ACCOUNTS, [*self._accounts]

    def _insertions(self) -> Iterator[tuple[str, list[tuple[tuple[object, ...], bytes]]]]:
        yield (
            sql.PUT_VALUES,
            [(owned, value) for owned, value in self._values.items() if value is not None],
        )
        yield (
            sql.PUT_PAIRS,
            [
                ((*owned, key), value)
                for owned, values in self._pairs.items()
                for key, value in values.items()
                if value is not None
            ],
        )
        yield (
            sql.APPEND,
            [
                ((row.store, row.owner, row.id, row.when, row.contact), row.value)
                for entries in self._appended.values()
                for row in entries.values()
            ],
        )
