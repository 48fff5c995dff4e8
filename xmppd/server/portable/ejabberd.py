"""Where in a directory of `ejabberdctl export_piefxis` to begin (ejabberd 23.01).

It writes the format of XEP-0227: TIME.xml includes TIME_HOST.xml for each host, the dots of whose
name are underscores there.
"""

import re
from pathlib import Path

from xmppd.server.portable.values import SourceError

_MAIN = re.compile(r"[0-9]{8}-[0-9]{6}\.xml")
_LATEST = -1


def main_file(path: Path) -> Path:
    """Return the main file of the latest export in a directory; `path` itself if it is none.

    Raises `SourceError` if there is no export.
    """
    if not path.is_dir():
        return path
    try:
        names = sorted(each.name for each in path.iterdir() if _MAIN.fullmatch(each.name))
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from None
    if not names:
        raise SourceError(f"{path}: there is no export of ejabberd, such as 20260131-120000.xml")
    return path / names[_LATEST]
