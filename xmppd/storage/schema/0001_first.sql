-- The first schema. Times are microseconds since 1970 in UTC; "store" is a number from stores.

PRAGMA application_id = 1481461828;  -- "XMPD", so that no other program's file is taken for ours

CREATE TABLE stores (
    id INTEGER PRIMARY KEY,
    host TEXT NOT NULL,
    name TEXT NOT NULL,
    shape TEXT NOT NULL,
    UNIQUE (host, name)
);

-- keys: {"SHA-256": [salt, iterations, stored key, server key], ...}, bytes in base64
CREATE TABLE accounts (
    store INTEGER NOT NULL,
    localpart TEXT NOT NULL,
    skeleton TEXT NOT NULL,
    keys TEXT NOT NULL,
    created INTEGER NOT NULL,
    disabled INTEGER NOT NULL,
    PRIMARY KEY (store, localpart),
    UNIQUE (store, skeleton)
) WITHOUT ROWID;

-- How many accounts a host has (hash ''), how many have any keys ('*'), and how many keys for a
-- hash: asked for each connection, so counted as accounts come and go. An account's row is never
-- updated, but deleted and inserted anew.
CREATE TABLE census (
    store INTEGER NOT NULL,
    hash TEXT NOT NULL,
    accounts INTEGER NOT NULL,
    PRIMARY KEY (store, hash)
) WITHOUT ROWID;

CREATE TRIGGER account_comes AFTER INSERT ON accounts BEGIN
    INSERT INTO census (store, hash, accounts) VALUES (new.store, '', 1)
        ON CONFLICT (store, hash) DO UPDATE SET accounts = accounts + 1;
    INSERT INTO census (store, hash, accounts) SELECT new.store, key, 1
        FROM (SELECT key FROM json_each(new.keys) UNION SELECT '*' WHERE new.keys != '{}')
        WHERE true
        ON CONFLICT (store, hash) DO UPDATE SET accounts = accounts + 1;
END;

CREATE TRIGGER account_goes AFTER DELETE ON accounts BEGIN
    UPDATE census SET accounts = accounts - 1
        WHERE store = old.store AND (hash = '' OR (hash = '*' AND old.keys != '{}')
            OR hash IN (SELECT key FROM json_each(old.keys)));
END;

-- A table with row ids: values may be large (a vCard with its photo), which a clustered table
-- would have to read past.
CREATE TABLE keyvalue (
    store INTEGER NOT NULL,
    owner TEXT NOT NULL,
    value BLOB NOT NULL,
    UNIQUE (store, owner)
);

CREATE TABLE map (
    store INTEGER NOT NULL,
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (store, owner, key)
) WITHOUT ROWID;

-- seq is the order of an archive; AUTOINCREMENT keeps it from being given twice. Every index ends
-- in seq, being the row id.
CREATE TABLE archive (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    store INTEGER NOT NULL,
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    time INTEGER NOT NULL,
    contact TEXT NOT NULL,
    value BLOB NOT NULL,
    UNIQUE (store, owner, id)
);
CREATE INDEX archive_order ON archive (store, owner);
CREATE INDEX archive_time ON archive (store, owner, time);
CREATE INDEX archive_contact ON archive (store, owner, contact);
