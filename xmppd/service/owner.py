"""Root works with a server's data as their owner, or else leaves files the server cannot open."""

import os
import pwd
from pathlib import Path

from xmppd.service.lock import DataUnusable


def become_owner(data: Path) -> None:
    """Become the user whose the data are, for good, if this process is root's and they are not.

    Raises `DataUnusable` if that cannot be done.
    """
    if os.geteuid() != 0 or not data.exists():
        return
    found = data.stat()
    if found.st_uid == 0:
        return
    try:
        _join_groups(found.st_uid, found.st_gid)
        os.setgid(found.st_gid)
        os.setuid(found.st_uid)
    except OSError as error:
        raise DataUnusable(f"{data}: cannot become its owner ({error.strerror})") from None


def _join_groups(user: int, group: int) -> None:
    """Take on the owner's groups: by one of them it may have the right to read private keys."""
    try:
        os.initgroups(pwd.getpwuid(user).pw_name, group)
    except KeyError:  # a user without a name, as in containers
        os.setgroups([group])
