"""The lock on the data: one process works with them at a time, server or `xmppdctl`.

The kernel gives it up when its holder ends, however that happens.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class DataUnusable(Exception):
    """Somebody else works with the data, or they cannot be reached; one plain sentence."""


def make_private(directory: Path) -> None:
    """Make a directory that is for its owner only, unless it is there. Raises `DataUnusable`."""
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        if directory.is_symlink() and not directory.exists():
            leads = f"is a symbolic link to {directory.readlink()}, which is not there"
            raise DataUnusable(f"{directory}: {leads}") from None
        raise DataUnusable(f"{directory}: cannot be made ({error.strerror})") from None


class DataLock:
    """Holds the lock file `path` from `acquire` to `release`; it makes its directory (0700)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock. Raises `DataUnusable`."""
        make_private(self._path.parent)
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataUnusable(f"{self._path}: cannot be opened ({error.strerror})") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(file, 20).decode("ascii", "replace").strip()
            os.close(file)
            by = f" by process {holder}" if holder.isdecimal() else ""
            raise DataUnusable(f"the data in {self._path.parent} are in use{by}") from None
        self._leave_to_owner(file)
        os.ftruncate(file, 0)
        os.pwrite(file, b"%d\n" % os.getpid(), 0)
        self._file = file

    def _leave_to_owner(self, file: int) -> None:
        """Let the owner of the data open the lock if root, who may drop privileges, has made it."""
        if os.geteuid() == 0:
            owner = self._path.parent.stat()
            os.fchown(file, owner.st_uid, owner.st_gid)

    def release(self) -> None:
        """Give the lock up, if it is held."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
