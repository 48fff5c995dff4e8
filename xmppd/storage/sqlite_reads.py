"""The SQL that reads. Every function takes a connection and gets its answer in one row.

A thread gives up the interpreter lock for each row it fetches and waits for it beside a busy
reactor; so lists come as one JSON array with the values joined behind it, to be cut up here.
Statements are run to their end (`fetchall`): an open one would hold its snapshot and keep the
write-ahead log from being emptied.

What a stranger chose (ids, contacts, times) is only ever bound as a parameter.
"""

import json
from collections.abc import Iterator
from sqlite3 import Connection
from typing import Any, cast

from xmppd.api.storage import Account, Entry, Page, Range, UnknownEntry
from xmppd.storage.catalogue import Kind, Place
from xmppd.storage.checks import LATEST, micros, seconds
from xmppd.storage.engine import Census
from xmppd.storage.shapes import named
from xmppd.storage.sqlite_accounts import COLUMNS, read_account

_PAIRS = """
SELECT json_group_array(json_array(key, length(value))), CAST(group_concat(value, '') AS BLOB)
FROM (SELECT key, value FROM map WHERE store = ? AND owner = ? ORDER BY key)
"""
_LOCALPARTS = """
SELECT json_group_array(localpart) FROM
    (SELECT localpart FROM accounts WHERE store = ? AND localpart > ? ORDER BY localpart LIMIT ?)
"""
FEW_ROWS = 100
FEW_BYTES = 65_536
"""What of one owner is read at once, without another thread: it takes less than handing over."""

_FEW = """
SELECT count(*) <= :rows AND coalesce(sum(length(value)), 0) <= :bytes FROM
    (SELECT value FROM {table} WHERE store = :store AND owner = :owner LIMIT :rows + 1)
"""
_PAGE = """
WITH
    named (id, seq) AS (SELECT id, seq FROM archive WHERE store = :store AND owner = :owner
        AND id IN (SELECT value FROM json_each(:named))),
    page (seq, id, time, contact, value) AS (SELECT seq, id, time, contact, value FROM archive
        WHERE {between} ORDER BY seq {order} LIMIT :limit),
    listed (first, rows, bytes) AS (SELECT min(seq),
        json_group_array(json_array(seq, id, time, contact, length(value))),
        CAST(group_concat(value, '') AS BLOB) FROM page)
SELECT rows, bytes, (SELECT count(*) FROM archive WHERE {match}),
    (SELECT count(*) FROM archive WHERE {match} AND seq < first),
    (SELECT json_group_array(id) FROM named)
FROM listed
"""


def places(connection: Connection) -> list[Place]:
    """Return all stores of the database."""
    rows = connection.execute("SELECT host, name, shape, id FROM stores").fetchall()
    return [Place(host, name, Kind(shape), number) for host, name, shape, number in rows]


def few_pairs(connection: Connection, store: int, owner: str) -> bool:
    """Tell whether the owner has few pairs, and short ones."""
    return _few(connection, "map", store, owner)


def few_entries(connection: Connection, store: int, owner: str) -> bool:
    """Tell whether the owner's archive has few entries, and short ones."""
    return _few(connection, "archive", store, owner)


def _few(connection: Connection, table: str, store: int, owner: str) -> bool:
    bound = {"store": store, "owner": owner, "rows": FEW_ROWS, "bytes": FEW_BYTES}
    ((few,),) = connection.execute(_FEW.format(table=table), bound).fetchall()
    return bool(few)


def value(connection: Connection, store: int, owner: str) -> bytes | None:
    """Return the owner's value."""
    sql = "SELECT value FROM keyvalue WHERE store = ? AND owner = ?"
    rows = connection.execute(sql, (store, owner)).fetchall()
    return rows[0][0] if rows else None


def pair(connection: Connection, store: int, owner: str, key: str) -> bytes | None:
    """Return the owner's value under `key`."""
    sql = "SELECT value FROM map WHERE store = ? AND owner = ? AND key = ?"
    rows = connection.execute(sql, (store, owner, key)).fetchall()
    return rows[0][0] if rows else None


def account(connection: Connection, store: int, localpart: str) -> Account | None:
    """Return the account of that localpart."""
    sql = f"SELECT {COLUMNS} FROM accounts WHERE store = ? AND localpart = ?"
    rows = connection.execute(sql, (store, localpart)).fetchall()
    return read_account(rows[0]) if rows else None


def account_like(connection: Connection, store: int, skeleton: str) -> Account | None:
    """Return the account of that skeleton."""
    sql = f"SELECT {COLUMNS} FROM accounts WHERE store = ? AND skeleton = ?"
    rows = connection.execute(sql, (store, skeleton)).fetchall()
    return read_account(rows[0]) if rows else None


def census(connection: Connection, store: int) -> Census:
    """Read how many accounts there are."""
    sql = "SELECT hash, accounts FROM census WHERE store = ?"
    having = dict(connection.execute(sql, (store,)).fetchall())
    return Census(having.pop("", 0), having.pop("*", 0), having)


def localparts(connection: Connection, store: int, after: str, limit: int) -> list[str]:
    """Return at most `limit` localparts behind `after`, in order."""
    ((names,),) = connection.execute(_LOCALPARTS, (store, after, _count(limit))).fetchall()
    return cast("list[str]", json.loads(names))


def pairs(connection: Connection, store: int, owner: str) -> list[tuple[str, bytes]]:
    """Return all the owner's pairs in the order of their keys."""
    ((rows, joined),) = connection.execute(_PAIRS, (store, owner)).fetchall()
    return sorted((columns[0], value) for columns, value in _cut(rows, joined))


def entries(connection: Connection, store: int, owner: str) -> int:
    """Return how many entries the owner's archive has."""
    sql = "SELECT count(*) FROM archive WHERE store = ? AND owner = ?"
    ((count,),) = connection.execute(sql, (store, owner)).fetchall()
    return cast("int", count)


def page(
    connection: Connection, store: int, owner: str, range: Range, limit: int, backwards: bool
) -> Page:
    """Return a page of the owner's archive, all of it as of one moment."""
    limit = _count(limit)
    sql, bound = _page_query(range, backwards)
    # One more than asked for, which tells whether there is anything beyond.
    bound |= {"store": store, "owner": owner, "limit": limit + 1}
    ((rows, joined, total, index, known),) = connection.execute(sql, bound).fetchall()
    _refuse_unknown(range, frozenset(json.loads(known)))
    found = sorted(_cut(rows, joined), key=lambda row: row[0][0])
    complete = len(found) <= limit
    if not complete:
        del found[0 if backwards else -1]
        index += backwards
    return Page(
        entries=[
            Entry(id, seconds(when), contact, value) for (_, id, when, contact), value in found
        ],
        total=total,
        index=index if found else 0,
        complete=complete,
    )


def _page_query(range: Range, backwards: bool) -> tuple[str, dict[str, object]]:
    """Return the statement for a range, put together of constants, and its parameters."""
    bound: dict[str, object] = {"named": json.dumps(named(range))}
    match = ["store = :store", "owner = :owner"]
    if range.contact is not None:
        match.append("contact = :contact")
        bound["contact"] = range.contact
    if range.start is not None:
        match.append("time >= :start")
        bound["start"] = micros(range.start)
    if range.end is not None:
        match.append("time <= :end")
        bound["end"] = micros(range.end)
    if range.ids is not None:
        match.append("id IN (SELECT value FROM json_each(:ids))")
        bound["ids"] = json.dumps(list(range.ids))
    between = []
    if range.after is not None:
        between.append("seq > (SELECT seq FROM named WHERE id = :after)")
        bound["after"] = range.after
    if range.before is not None:
        between.append("seq < (SELECT seq FROM named WHERE id = :before)")
        bound["before"] = range.before
    sql = _PAGE.format(
        match=" AND ".join(match),
        between=" AND ".join(match + between),
        order="DESC" if backwards else "ASC",
    )
    return sql, bound


def _refuse_unknown(range: Range, known: frozenset[str]) -> None:
    for id in named(range):
        if id not in known:
            raise UnknownEntry(id)


def _cut(rows: str, joined: bytes | None) -> Iterator[tuple[list[Any], bytes]]:
    """Cut joined values up: the last column of each row says how long its value is."""
    offset = 0
    for *columns, length in json.loads(rows):
        yield columns, (joined or b"")[offset : offset + length]
        offset += length


def _count(limit: int) -> int:
    """Return `limit` held within what a parameter can say."""
    return min(limit, LATEST - 1)
