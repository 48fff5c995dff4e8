"""Writing a file in the portable format, one user after the other (XEP-0227 section 4).

Nobody else can read it, it holds all there is to log in with; and it has its name only once it is
complete.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from xmppd.server.portable.users import write_user
from xmppd.server.portable.values import User
from xmppd.wire.namespaces import PORTABLE
from xmppd.wire.serializer import escape_attr, serialize

_TAKEN = "is there already; --overwrite replaces it"


class NameTaken(Exception):
    """A file cannot have its name; what is there, in a few words."""


@contextmanager
def new_file(path: Path, overwrite: bool) -> Iterator[BinaryIO]:
    """Open a file for writing, which appears under its name when the block has ended well.

    It is readable by its owner only, and synchronised. Raises `OSError`, and `NameTaken` if the
    name is, unless by a plain file and with `overwrite`.
    """
    _check_name(path, overwrite)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(_made(unfinished), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if not overwrite:
            _reserve(path)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _check_name(path: Path, overwrite: bool) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise NameTaken("is there, and no plain file")
    if not overwrite:
        raise NameTaken(_TAKEN)


def _reserve(path: Path) -> None:
    """Take a name which nobody may have taken meanwhile."""
    try:
        os.close(_made(path))
    except FileExistsError:
        raise NameTaken(_TAKEN) from None


def _made(path: Path) -> int:
    """Make a file of one's own and return its descriptor."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)


class PortableWriter:
    """Writes the accounts of one host; `for_ejabberd` as in `write_keys`."""

    def __init__(self, file: BinaryIO, domain: str, for_ejabberd: bool = False) -> None:
        self._file = file
        self._domain = domain
        self._for_ejabberd = for_ejabberd
        file.write(
            f"<?xml version='1.0' encoding='UTF-8'?>\n<server-data xmlns='{PORTABLE}'>\n"
            f"<host jid='{escape_attr(domain)}'>\n".encode()
        )

    def add(self, user: User) -> None:
        """Write an account. Raises `ValueError` for what cannot be written in XML."""
        element = write_user(user, self._domain, self._for_ejabberd)
        self._file.write(serialize(element, PORTABLE) + b"\n")

    def end(self) -> None:
        """Write what ends the document."""
        self._file.write(b"</host>\n</server-data>\n")
