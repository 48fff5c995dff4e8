"""What a log looks like: one line for people or one JSON object for programs, for each event.

Text of strangers is in many events, so nothing of it may look like a line of its own or reach the
terminal as a control sequence. Fields whose names say that they are secret are never written.
"""

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from string import Formatter
from typing import IO, Any, Protocol, cast

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
)

from xmppd.server.config import LogConfig

# C0 and C1 controls, the line and paragraph separators, bidirectional overrides, and what stands
# for undecodable bytes.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SECRET = re.compile("password|passwd|secret|token|credential|payload|body|stanza|_key|keys?$")
_PLAIN = (str, int, float, bool)
_WORD = re.compile(r"[^\s\"=]+")
# What twisted.python.log puts into events besides.
_LEGACY = frozenset(("message", "time", "system", "isError", "format", "why", "threadable"))
_UNFORMATTABLE = "an event that cannot be put into words"
_CONTINUED = "    | "


class Target(Protocol):
    """What log lines are written to."""

    def write(self, text: str, /) -> object:
        """Append text."""

    def flush(self) -> object:
        """Hand what was written to the system."""


def observer(file: Target, config: LogConfig) -> ILogObserver:
    """Return what writes events of the configured level and above to `file` as configured."""
    write = FileLogObserver(cast(IO[str], file), as_json if config.format == "json" else as_text)
    level = LogLevel.levelWithName(config.level)
    return FilteringLogObserver(write, [LogLevelFilterPredicate(defaultLogLevel=level)])


def as_text(event: LogEvent) -> str:
    """Return a line "time level system message key=value"; a traceback follows, indented."""
    said = _named_in(event)
    fields = "".join(f" {key}={_quoted(value)}" for key, value in _fields(event) if key not in said)
    lines = [f"{_time(event)} {_level(event)} {_system(event)} {_message(event)}{fields}"]
    lines += (_CONTINUED + line for line in _traceback(event).splitlines())
    return "".join(f"{escape(line)}\n" for line in lines)


def as_json(event: LogEvent) -> str:
    """Return one JSON object on one line."""
    record: dict[str, Any] = dict(_fields(event))
    record |= {
        "time": _time(event),
        "level": _level(event),
        "system": _system(event),
        "message": _message(event),
    }
    if traceback := _traceback(event):
        record["traceback"] = traceback
    return f"{json.dumps(record)}\n"


def escape(text: str) -> str:
    r"""Return text in which no character controls anything: a newline becomes `\x0a`."""
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _fields(event: LogEvent) -> Iterator[tuple[str, str | int | float]]:
    """Yield what an event was given besides its text, as far as it is plain and no secret."""
    for key, value in event.items():
        if not isinstance(value, _PLAIN) or key.startswith("log_") or key in _LEGACY:
            continue
        yield key, "***" if _SECRET.search(key) else value


def _named_in(event: LogEvent) -> set[str]:
    """Return the fields which an event's text shows already."""
    try:
        parts = list(Formatter().parse(event.get("log_format") or ""))
    except ValueError:  # a brace too many: `_message` says so
        return set()
    return {re.split(r"[.\[(]", name, maxsplit=1)[0] for _, name, _, _ in parts if name}


def _message(event: LogEvent) -> str:
    text = formatEvent(event)
    # What Twisted says then repeats the whole event, whatever is in it.
    return _UNFORMATTABLE if text.startswith("Unable to format event") else text


def _time(event: LogEvent) -> str:
    moment = datetime.fromtimestamp(event.get("log_time", 0.0), UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _level(event: LogEvent) -> str:
    level = event.get("log_level")
    return "info" if level is None else str(level.name)


def _system(event: LogEvent) -> str:
    return str(event.get("log_system") or event.get("log_namespace") or "-")


def _traceback(event: LogEvent) -> str:
    failure = event.get("log_failure")
    return "" if failure is None else str(failure.getTraceback())


def _quoted(value: str | int | float) -> str:
    text = str(value)
    return text if _WORD.fullmatch(text) else json.dumps(text, ensure_ascii=False)


class LogFile:
    """A log file that can be opened anew once it was moved away, by logrotate for instance."""

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)
        self._file = self._open()

    def write(self, text: str) -> None:
        """Append text."""
        self._file.write(text)

    def flush(self) -> None:
        """Hand what was written to the system."""
        self._file.flush()

    def reopen(self) -> None:
        """Go on in the file that now has the name. Raises OSError, and goes on in the old one."""
        opened = self._open()
        self._file.close()
        self._file = opened

    def _open(self) -> IO[str]:
        return open(self._path, "a", encoding="utf-8", errors="backslashreplace")
