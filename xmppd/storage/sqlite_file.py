"""The file of the SQLite back end: made, locked, opened and brought up to date.

- Folder and file are for their owner only (0700, 0600); SQLite gives its side files the same mode.
- A lock file beside it (`NAME.lock`) keeps a second server out. The database itself must not be
  opened for that: closing any descriptor of it would drop SQLite's own locks in this process.
- Write-ahead log with `synchronous=FULL`: a commit is on disk when it returns. With NORMAL it would
  not be, so the setting is read back.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from sqlite3 import Connection

from xmppd.api.storage import StorageError
from xmppd.storage.upgrade import check, upgrade

OLDEST = (3, 34, 0)
"""The oldest SQLite that has all we use."""

FULL = 2
"""What `PRAGMA synchronous` says for FULL."""

LOG_LIMIT = 64 * 1024 * 1024
"""The bytes the write-ahead log is cut down to where long reads let it grow beyond."""

Connect = Callable[..., Connection]
"""Like `sqlite3.connect`."""


class SqliteFile:
    """One database file.

    `patience` is how many seconds to wait for another program's lock on the database.
    """

    def __init__(self, path: Path, connect: Connect, patience: float) -> None:
        self._path = path.absolute()
        self._connect = connect
        self._patience = patience
        self._lock: int | None = None

    def open(self, steps: Sequence[str]) -> Connection:
        """Make or upgrade the file (`upgrade`) and return the connection that writes.

        Raises `StorageError` with one plain sentence; nothing stays open or locked then.
        """
        if sqlite3.sqlite_version_info < OLDEST:
            raise StorageError(f"SQLite {sqlite3.sqlite_version} is too old; 3.34 is needed")
        with self.plainly():
            try:
                self._make()
                return self._open(steps)
            except BaseException:
                self.release()
                raise

    def reader(self) -> Connection:
        """Return a connection that only reads; any one thread at a time may use it."""
        with self.plainly():
            return self._connection(f"{self._path.as_uri()}?mode=ro")

    def release(self) -> None:
        """Let another process have the file; all connections are closed."""
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    def _make(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._path.with_name(f"{self._path.name}.lock")
        self._lock = os.open(beside, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StorageError(f"{self._path} is in use by another process") from None
        with suppress(FileExistsError):
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))

    def _open(self, steps: Sequence[str]) -> Connection:
        connection = self._connection(f"{self._path.as_uri()}?mode=rw")
        try:
            check(connection, self._path, len(steps))
            self._configure(connection)
            upgrade(connection, self._path, steps)
            # A file that cannot be written is better found now than at the first message. (To
            # begin a transaction is not enough: SQLite notices with the first change.)
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(f"PRAGMA user_version = {len(steps)}")
            connection.execute("ROLLBACK")
        except BaseException:
            connection.close()
            raise
        return connection

    def _configure(self, connection: Connection) -> None:
        for setting, wanted in (
            ("journal_mode = WAL", "wal"),
            ("synchronous = FULL", None),
            (f"journal_size_limit = {LOG_LIMIT}", LOG_LIMIT),
            ("synchronous", FULL),
        ):
            rows = connection.execute(f"PRAGMA {setting}").fetchall()
            if wanted is not None and rows != [(wanted,)]:
                raise StorageError(f"{self._path}: SQLite does not keep to {setting}")

    def _connection(self, uri: str) -> Connection:
        return self._connect(
            uri,
            uri=True,
            timeout=self._patience,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )

    @contextmanager
    def plainly(self) -> Iterator[None]:
        """Turn errors of the operating system and SQLite into a sentence."""
        try:
            yield
        except OSError as error:
            raise StorageError(f"{self._path} cannot be opened: {error.strerror}") from error
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            reason = _REASONS.get(code, f"cannot be used: {error}")
            raise StorageError(f"{self._path} {reason}") from error


_REASONS = {
    sqlite3.SQLITE_BUSY: "is in use by another process",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_NOTADB: "is not a database",
    sqlite3.SQLITE_READONLY: "cannot be written",
}
