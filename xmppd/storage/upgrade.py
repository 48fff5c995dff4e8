"""Schema versions of the SQLite back end: numbered scripts, run in one transaction.

The version of a file is its `PRAGMA user_version`; script N of `schema/` takes a file from version
N - 1 to N. Before a file with data is touched it is copied to `NAME.before-N`, N being the version
it is taken to.
"""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from sqlite3 import Connection

from xmppd.api.storage import StorageError

APPLICATION = 1481461828
"""What `PRAGMA application_id` says in our files."""


def scripts() -> list[str]:
    """Return the texts of `schema/*.sql` in order of their numbers."""
    folder = files("xmppd.storage") / "schema"
    found = sorted(
        (item for item in folder.iterdir() if item.name.endswith(".sql")),
        key=lambda item: item.name,
    )
    return [item.read_text("utf-8") for item in found]


def check(connection: Connection, path: Path, newest: int) -> int:
    """Return the schema version of the file, 0 if it is empty.

    Raises `StorageError` if it is not ours or newer than `newest`.
    """
    version = _pragma(connection, "user_version")
    ours = _pragma(connection, "application_id") == APPLICATION
    ((objects,),) = connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    if objects and not ours:
        raise StorageError(f"{path} is a database of another program")
    if version > newest:
        raise StorageError(
            f"{path} was written by a newer xmppd (schema {version}, this one knows {newest})"
        )
    return version


def upgrade(connection: Connection, path: Path, steps: Sequence[str]) -> None:
    """Bring the file to version `len(steps)`, all of the way or not at all.

    Raises `StorageError` as `check` does and `sqlite3.Error` if a step fails.
    """
    version = check(connection, path, len(steps))
    if version == len(steps):
        return
    if version:
        back_up(connection, path.with_name(f"{path.name}.before-{len(steps)}"))
    try:
        connection.executescript(
            "\n".join(
                [
                    "BEGIN EXCLUSIVE;",
                    *steps[version:],
                    f"PRAGMA user_version = {len(steps)};",
                    "COMMIT;",
                ]
            )
        )
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def back_up(connection: Connection, target: Path) -> None:
    """Copy the database to `target`, readable for its owner only; it appears when it is whole."""
    unfinished = target.with_name(f"{target.name}.part")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(unfinished)) as copy:
        connection.backup(copy)
    unfinished.replace(target)


def _pragma(connection: Connection, name: str) -> int:
    ((value,),) = connection.execute(f"PRAGMA {name}").fetchall()
    return int(value)
