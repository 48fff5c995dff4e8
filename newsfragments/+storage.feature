Everything is kept in one SQLite file, and what was promised to a client is on disk before the promise leaves.
