"""The configuration file: TOML, read strictly into `xmppd.server.config` or refused with its line.

What is wrong is said as `FILE:LINE: key: what is wrong; what would be right`.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from xmppd.makers import MakerError
from xmppd.server.config import ServerConfig
from xmppd.server.inventory import Inventory
from xmppd.server.validation import validate
from xmppd.service.composing import Composer, Table
from xmppd.service.plugins import discover
from xmppd.service.reading import Key, Misfit, Reader
from xmppd.service.toml_lines import line_numbers

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class ConfigError(Exception):
    """A configuration cannot be used; the text is one line for the operator."""


def load(path: str | Path, inventory: Inventory | None = None) -> ServerConfig:
    """Read a configuration file; `inventory` is what it may name, by default all that is installed.

    Raises `ConfigError` for a file that cannot be read, is no TOML or describes no possible server.
    """
    file = Path(path).absolute()
    text = _text(file)
    raw = _parse(file, text)
    try:
        if inventory is None:
            inventory = discover()
        config = Composer(Reader(file.parent), inventory).server(raw)
    except MakerError as error:
        raise ConfigError(f"{file}: {error}") from None
    except Misfit as misfit:
        raise _error(file, text, misfit.key, misfit.what, misfit.remedy) from None
    for problem in validate(config, inventory):
        raise _error(file, text, problem.key, problem.what, problem.remedy)
    return config


def at_line(path: str | Path, key: Key, what: str) -> ConfigError:
    """Return the error that says what turned out to be wrong with the value of a key, and where."""
    file = Path(path).absolute()
    return _error(file, _text(file), key, what, "")


def _text(file: Path) -> str:
    try:
        text = file.read_bytes().decode()
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{file}:{line}: is not UTF-8; save the file as UTF-8") from None
    if text.startswith("\ufeff"):
        raise ConfigError(
            f"{file}:1: begins with a byte order mark (BOM); save it as UTF-8 without"
        )
    return text


def _parse(file: Path, text: str) -> Table:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = _PLACE.search(message)
        line = text.count("\n") + 1 if place is None or not place[1] else int(place[1])
        what = _PLACE.sub("", message)
        raise ConfigError(f"{file}:{line}: is no TOML: {what}") from None


def _error(file: Path, text: str, key: Key, what: str, remedy: str) -> ConfigError:
    line = _line(line_numbers(text), key)
    where = f"{file}:{line}" if line else f"{file}"
    name = ".".join(part if _BARE.fullmatch(part) else f'"{part}"' for part in key)
    said = ": ".join(part for part in (where, name, what) if part)
    return ConfigError(f"{said}; {remedy}" if remedy else said)


def _line(lines: Mapping[Key, int], key: Key) -> int:
    """Find the line of a key, or of what it is in; 0 if nothing of it is in the file.

    What a host does not set itself comes from the table of that name for all hosts.
    """
    own = _known_part(lines, key)
    general = _known_part(lines, key[2:]) if key[:1] == ("host",) else ()
    return lines.get(own if len(own) >= len(general) + 2 or not general else general, 0)


def _known_part(lines: Mapping[Key, int], key: Key) -> Key:
    while key and key not in lines:
        key = key[:-1]
    return key
