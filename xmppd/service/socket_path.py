"""Where the control socket is: in the data directory, or near it where that path is too long.

Server and client find the same place without being told, whoever runs the client.
"""

import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from xmppd.server.config import ServerConfig

NAME = "control.sock"

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH

LONGEST = 107 if sys.platform == "linux" else 103
"""The most bytes in the path of a Unix socket (unix(7): sun_path, less its final null)."""


class NoPlace(Exception):
    """There is no safe place for the socket; one plain sentence."""


def place_to_listen(config: ServerConfig, environ: Mapping[str, str]) -> Path:
    """Return a path for the server's socket; its directory is there, and safe from other users.

    Raises `NoPlace`.
    """
    wanted = _wanted(config)
    if _fits(wanted):
        _make(wanted.parent)
        _check_ours(wanted.parent)
        return wanted
    if config.control is None:
        for path in _elsewhere(config.data, os.geteuid(), environ):
            if path.parent.parent.is_dir() and _fits(path):
                _make(path.parent)
                _check_private(path.parent, os.geteuid())
                return path
    raise NoPlace(f"{wanted}: is longer than {LONGEST} bytes; set a shorter control path")


def places_to_connect(config: ServerConfig, environ: Mapping[str, str]) -> list[Path]:
    """Return where the socket of a server with that configuration may be, likeliest first.

    Raises `NoPlace` for one that is not safe from other users.
    """
    wanted = _wanted(config)
    if _fits(wanted) or config.control is not None:
        _check_ours(wanted.parent)
        return [wanted]
    owner = _owner(config.data)
    found = [
        path
        for path in _elsewhere(config.data, owner, environ)
        if _fits(path) and path.parent.is_dir()
    ]
    for path in found:
        _check_private(path.parent, owner)
    return found


def _owner(data: Path) -> int:
    try:
        return data.stat().st_uid
    except OSError:  # no data: no server has run
        return os.geteuid()


def _wanted(config: ServerConfig) -> Path:
    return config.data / NAME if config.control is None else config.control


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= LONGEST


def _elsewhere(data: Path, owner: int, environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield short paths that follow from the data directory and its owner."""
    name = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:16]
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime) / "xmppd" / name
    yield Path(f"/run/user/{owner}/xmppd/{name}")
    yield Path(f"/tmp/xmppd-{owner}/{name}")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise NoPlace(f"{folder}: cannot be made ({error.strerror})") from None


def _check_ours(folder: Path) -> None:
    """Refuse a directory where anybody could put a socket of their own."""
    if folder.is_dir() and folder.stat().st_mode & _OTHERS_WRITE:
        raise NoPlace(
            f"{folder}: others may write there; take that right away (chmod go-w) or set another "
            "control path"
        )


def _check_private(folder: Path, owner: int) -> None:
    """Refuse a directory that somebody else has put where we look: /tmp is everybody's."""
    found = folder.lstat()
    if (
        not stat.S_ISDIR(found.st_mode)
        or found.st_uid != owner
        or stat.S_IMODE(found.st_mode) != 0o700
    ):
        raise NoPlace(f"{folder}: is not private; remove it, or set a control path")
