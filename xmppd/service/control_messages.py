r"""What `xmppdctl` and the server say to each other: JSON objects, one on a line.

Request: `{"command": "user add", "arguments": {"address": "...", ...}}`. Answer: `{"result": ...}`,
or `{"error": "one plain sentence"}`. Commands that take long say how far they have got before that,
`{"progress": "a line of text"}` any number of times. The command `commands` tells what there is.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

from xmppd.api.commands import Argument, Command, CommandError, Progress

LONGEST_REQUEST = 64 * 1024
"""The most bytes of a request, its newline included."""

_KINDS: Mapping[str, type] = {"str": str, "int": int, "float": float, "bool": bool}


@dataclass(frozen=True, slots=True)
class ArgumentInfo:
    """An `Argument`, as it travels; `kind` is the name of its type."""

    name: str
    help: str
    kind: str
    required: bool
    default: Any
    secret: bool
    path: bool = False


@dataclass(frozen=True, slots=True)
class CommandInfo:
    """A `Command`, as it travels."""

    name: str
    help: str
    arguments: tuple[ArgumentInfo, ...]
    offline: bool
    since: str

    @classmethod
    def of(cls, command: Command) -> "CommandInfo":
        """Describe a command."""
        arguments = tuple(
            ArgumentInfo(a.name, a.help, a.kind.__name__, a.required, a.default, a.secret, a.path)
            for a in command.arguments
        )
        return cls(command.name, command.help, arguments, command.offline, command.since)

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "CommandInfo":
        """Make a description of what was received."""
        arguments = tuple(ArgumentInfo(**argument) for argument in row["arguments"])
        return cls(row["name"], row["help"], arguments, row["offline"], row["since"])


def with_help(commands: Sequence[Command]) -> dict[str, Command]:
    """Return commands by name, with `commands`, which describes them, among them."""
    listing = [CommandInfo.of(command) for command in commands]
    help = Command("commands", "List the commands.", lambda: listing, list[CommandInfo])
    return {command.name: command for command in (*commands, help)}


def write_request(command: str, arguments: Mapping[str, Any]) -> bytes:
    """Return the line that asks for a command."""
    return _line({"command": command, "arguments": dict(arguments)})


def read_request(line: bytes, commands: Mapping[str, Command]) -> tuple[Command, dict[str, Any]]:
    """Return the command that a line asks for, and its arguments, complete and of their kinds.

    Raises `CommandError`.
    """
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        raise CommandError("the request is not JSON") from None
    if not isinstance(request, dict):
        raise CommandError("the request is no JSON object")
    name, given = request.get("command"), request.get("arguments", {})
    command = commands.get(name) if isinstance(name, str) else None
    if command is None:
        raise CommandError("there is no such command; the command `commands` lists them")
    if not isinstance(given, dict):
        raise CommandError("the arguments are no JSON object")
    return command, check_arguments(command, given)


def check_arguments(command: Command, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a command's arguments by name, defaults put in. Raises `CommandError`."""
    known = {argument.name: argument for argument in command.arguments}
    for name in given:
        if name not in known:
            raise CommandError(f"{command.name} takes no argument {name[:80]!r}")
    return {name: _checked(argument, given) for name, argument in known.items()}


def _checked(argument: Argument, given: Mapping[str, Any]) -> Any:
    if argument.name not in given:
        if argument.required:
            raise CommandError(f"the argument {argument.name} is missing")
        return argument.default
    value = given[argument.name]
    if value is None and argument.default is None and not argument.required:
        return None
    if argument.kind is float and type(value) is int:
        return float(value)
    if type(value) is not argument.kind:
        raise CommandError(f"the argument {argument.name} has to be a {argument.kind.__name__}")
    return value


def with_progress(
    command: Command, arguments: Mapping[str, Any], progress: Progress
) -> dict[str, Any]:
    """Return what to call a command with: its arguments, and `progress` if it wants that."""
    return {**arguments, "progress": progress} if command.progress else dict(arguments)


def write_progress(text: str) -> bytes:
    """Return the line that says how far a command has got."""
    return _line({"progress": text})


def write_result(result: object) -> bytes:
    """Return the line that answers with what a command returned."""
    return _line({"result": plain(result)})


def write_error(text: str) -> bytes:
    """Return the line that answers with what went wrong."""
    return _line({"error": text})


def read_progress(line: bytes) -> str | None:
    """Return the text of a line about progress; None if the line is an answer."""
    text: str | None = json.loads(line).get("progress")
    return text


def read_answer(line: bytes) -> Any:
    """Return the result in an answer. Raises `CommandError` with the error in it."""
    answer = json.loads(line)
    if "error" in answer:
        raise CommandError(answer["error"])
    return answer["result"]


def plain(result: Any) -> Any:
    """Return a command's result as lists and dictionaries."""
    if isinstance(result, list | tuple):
        return [plain(row) for row in result]
    if is_dataclass(result) and not isinstance(result, type):
        return {name: plain(value) for name, value in asdict(result).items()}
    return result


def _line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"
