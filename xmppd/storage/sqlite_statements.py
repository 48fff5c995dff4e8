"""The SQL that writes: one statement per table and kind of change, for any number of rows.

Each statement a thread executes costs it the interpreter lock, which takes milliseconds to come
back beside a busy reactor; so the rows of a statement are bound as one JSON array of arrays, and
their values, which JSON cannot carry, as one run of bytes which SQL cuts up (`pack`).
"""

import json
from collections.abc import Iterable, Sequence

Row = Sequence[object]
"""One row's columns, of what JSON can carry."""

Statement = tuple[str, tuple[str | bytes, ...]]
"""An SQL statement and its parameters."""

PUT_STORES = """
INSERT INTO stores (id, host, name, shape)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
    json_extract(value, '$[3]')
FROM json_each(?1) WHERE true
ON CONFLICT (id) DO NOTHING
"""
DELETE_VALUES = """
DELETE FROM keyvalue WHERE (store, owner) IN
    (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1))
"""
PUT_VALUES = """
INSERT INTO keyvalue (store, owner, value)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'),
    substr(?2, json_extract(value, '$[2]'), json_extract(value, '$[3]'))
FROM json_each(?1) WHERE true
ON CONFLICT (store, owner) DO UPDATE SET value = excluded.value
"""
CLEAR_PAIRS = """
DELETE FROM map WHERE (store, owner) IN
    (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1))
"""
DELETE_PAIRS = """
DELETE FROM map WHERE (store, owner, key) IN
    (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')
    FROM json_each(?1))
"""
PUT_PAIRS = """
INSERT INTO map (store, owner, key, value)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
    substr(?2, json_extract(value, '$[3]'), json_extract(value, '$[4]'))
FROM json_each(?1) WHERE true
ON CONFLICT (store, owner, key) DO UPDATE SET value = excluded.value
"""
REMOVE_ENTRIES = """
DELETE FROM archive WHERE (store, owner, id) IN
    (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')
    FROM json_each(?1))
"""
PURGE = """
DELETE FROM archive WHERE seq IN (
    SELECT archive.seq FROM json_each(?1) AS gone CROSS JOIN archive
    WHERE archive.store = json_extract(gone.value, '$[0]')
        AND archive.owner = json_extract(gone.value, '$[1]')
        AND archive.time <= json_extract(gone.value, '$[2]'))
"""
# The owners of a store are found by hopping from one to the next, so that no index by time alone
# is needed.
PURGE_ALL = """
WITH RECURSIVE
    gone (store, time) AS (
        SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1)),
    owners (store, time, owner) AS (
        SELECT store, time, (SELECT min(owner) FROM archive WHERE archive.store = gone.store)
        FROM gone
        UNION ALL
        SELECT store, time, (SELECT min(owner) FROM archive
            WHERE archive.store = owners.store AND archive.owner > owners.owner)
        FROM owners WHERE owner IS NOT NULL)
DELETE FROM archive WHERE seq IN (
    SELECT archive.seq FROM owners CROSS JOIN archive
    WHERE archive.store = owners.store AND archive.owner = owners.owner
        AND archive.time <= owners.time)
"""
APPEND = """
INSERT INTO archive (store, owner, id, time, contact, value)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
    json_extract(value, '$[3]'), json_extract(value, '$[4]'),
    substr(?2, json_extract(value, '$[5]'), json_extract(value, '$[6]'))
FROM json_each(?1) WHERE true ORDER BY key
ON CONFLICT (store, owner, id) DO NOTHING
"""
DROP_ACCOUNTS = """
DELETE FROM accounts WHERE (store, localpart) IN
    (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1))
"""
PUT_ACCOUNTS = """
INSERT INTO accounts (store, localpart, skeleton, keys, created, disabled)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
    json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]')
FROM json_each(?1)
"""


def bind(sql: str, rows: Iterable[Row]) -> Statement:
    """Return the statement for rows without values."""
    return sql, (json.dumps(list(rows), ensure_ascii=False),)


def pack(sql: str, rows: Iterable[tuple[Row, bytes]]) -> Statement:
    """Return the statement for rows with a value each: its offset and length end the row."""
    columns: list[Row] = []
    values = [b"-"]  # a run of no bytes at all would be NULL
    offset = 2
    for row, value in rows:
        columns.append((*row, offset, len(value)))
        values.append(value)
        offset += len(value)
    return sql, (json.dumps(columns, ensure_ascii=False), b"".join(values))
