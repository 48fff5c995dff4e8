"""Writing a file in the portable format, one user after the other (XEP-0227 section 4).

Nobody else can read it, it holds all there is to log in with; and it has its name only once it is
complete.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from xmppd.server.portable.users import write_user
from xmppd.server.portable.values import User
from xmppd.wire.namespaces import PORTABLE
from xmppd.wire.serializer import escape_attr, serialize


class FileIsThere(Exception):
    """There is a file of that name already."""


@contextmanager
def new_file(path: Path, overwrite: bool) -> Iterator[BinaryIO]:
    """Open a file for writing, which appears under its name when the block has ended well.

    It is readable by its owner only, and synchronised. Raises `OSError`, and `FileIsThere` if the
    name is taken, unless `overwrite`.
    """
    if not overwrite and os.path.lexists(path):
        raise FileIsThere(str(path))
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    handle = os.open(unfinished, flags, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            unfinished.replace(path)
        else:
            _name(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _name(unfinished: Path, path: Path) -> None:
    """Give a finished file its name, which nobody may have taken meanwhile."""
    try:
        path.hardlink_to(unfinished)
    except FileExistsError:
        raise FileIsThere(str(path)) from None


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
