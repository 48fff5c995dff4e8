"""What `xmppdctl` prints: tables for people, JSON for programs.

Names in results are strangers' text, so nothing of it may control the terminal.
"""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xmppd.service.control_messages import CommandInfo
from xmppd.service.logs import escape


def as_json(result: Any) -> str:
    """Return a result as one JSON document."""
    return json.dumps(result, indent=2)


def as_table(result: Any) -> str:
    """Return rows under a heading, or the fields of one record each on its line."""
    if isinstance(result, Mapping):
        return _record(result)
    if not isinstance(result, list):
        return _text(result)
    if not all(isinstance(row, Mapping) for row in result):
        return "\n".join(map(_text, result))
    return _rows(result) if result else "(none)"


def how_to_go_on(command: CommandInfo, given: Mapping[str, Any], result: Any) -> Iterator[str]:
    """Say how to get further rows, if as many came as were asked for at most.

    That is known of commands that take `after`, the first field of a row, and `limit`.
    """
    defaults = {argument.name: argument.default for argument in command.arguments}
    limit = given.get("limit", defaults.get("limit"))
    if "after" not in defaults or not isinstance(result, list) or len(result) != limit:
        return
    last = next(iter(result[-1].values()))
    yield f"these are the first {limit}, there may be more: --after {shlex.quote(str(last))}"


def _record(record: Mapping[str, Any]) -> str:
    width = max(map(len, record), default=0)
    lines = []
    for name, value in record.items():
        heading = _heading(name)
        for each in value if _is_prose(value) else [value]:
            lines.append(f"{heading:<{width}}  {_text(each)}".rstrip())
            heading = ""
    return "\n".join(lines)


def _is_prose(value: Any) -> bool:
    """Tell whether a value is a list of sentences, which have a line each."""
    return isinstance(value, list) and any(isinstance(each, str) and " " in each for each in value)


def _rows(rows: Sequence[Mapping[str, Any]]) -> str:
    table = [[_heading(name) for name in rows[0]]]
    table += [[_text(value) for value in row.values()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )


def _heading(name: str) -> str:
    return escape(name.replace("_", " "))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "-"
    if isinstance(value, Mapping):
        return ", ".join(f"{_heading(name)} {_text(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, float):
        return f"{value:.1f}"
    return escape(str(value))
