"""`xmppdctl`: administers a server from the shell, whether it runs or not."""

import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from getpass import GetPassWarning, getpass
from pathlib import Path
from typing import Any, Protocol

from twisted.internet import reactor

from xmppd.api.commands import CommandError
from xmppd.server.config import ServerConfig
from xmppd.server.inventory import Inventory
from xmppd.service.configuration import configuration, put_together
from xmppd.service.control_arguments import JSON, command_line, general_options
from xmppd.service.control_connection import NotRunning, RunningServer
from xmppd.service.control_messages import ArgumentInfo, CommandInfo
from xmppd.service.control_output import as_json, as_table, how_to_go_on
from xmppd.service.faults import FAULTS
from xmppd.service.logs import escape
from xmppd.service.offline import StoppedServer
from xmppd.service.plugins import discover
from xmppd.service.socket_path import places_to_connect

# 2 is argparse's, for wrong usage.
DONE, FAILED, NOT_RUNNING, INTERRUPTED = 0, 1, 3, 130


class Target(Protocol):
    """What commands are run on."""

    def described(self) -> list[CommandInfo]:
        """Describe the commands there are."""

    def run(self, command: str, arguments: Mapping[str, Any]) -> Any:
        """Run one and return its result as plain data."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    complain = _say_as_json if JSON in given else _say
    try:
        return _main(given)
    except NotRunning as error:
        complain(str(error))
        return NOT_RUNNING
    except (CommandError, *FAULTS) as error:
        complain(str(error))
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _say(sentence: str) -> None:
    sys.stderr.write(f"xmppdctl: {escape(sentence)}\n")


def _say_as_json(error: str) -> None:
    sys.stderr.write(f"{as_json({'error': error})}\n")


def _say_nothing(sentence: str) -> None:
    """Leave standard error to errors: a program reads it."""


def _main(arguments: list[str]) -> int:
    general, _ = general_options(json=JSON in arguments).parse_known_args(arguments)
    inventory = discover()
    config, file = configuration(getattr(general, "config", None), inventory, os.environ)
    tell = _say_nothing if JSON in arguments else _say
    target, commands = _target(config, file, inventory, tell)
    options = vars(command_line(commands, json=JSON in arguments).parse_args(arguments))
    command: CommandInfo = options["command"]
    chosen = _arguments(command, options)
    result = target.run(command.name, chosen)
    _print(as_json(result) if "json" in options else as_table(result))
    for hint in how_to_go_on(command, chosen, result):
        tell(hint)
    return FAILED if _has_errors(result) else DONE


def _target(
    config: ServerConfig, file: Path | None, inventory: Inventory, tell: Callable[[str], object]
) -> tuple[Target, list[CommandInfo]]:
    """Return the running server, or what there is of it while it does not run."""
    target: Target = RunningServer(places_to_connect(config, os.environ), tell)
    try:
        return target, target.described()
    except NotRunning as error:
        server = put_together(config, file, inventory, reactor)
        target = StoppedServer(server, reactor, str(error), file is None, tell)
        return target, target.described()


def _arguments(command: CommandInfo, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given for a command; what is secret is asked for now."""
    given = {a.name: options[a.name] for a in command.arguments if a.name in options}
    for argument in command.arguments:
        if argument.path and argument.name in given:
            # The server has a directory of its own.
            given[argument.name] = os.path.join(os.getcwd(), given[argument.name])
        if argument.secret:
            from_stdin = f"{argument.name}_stdin" in options
            given[argument.name] = _first_line() if from_stdin else _asked_for(argument)
    return given


def _first_line() -> str:
    line = sys.stdin.readline()
    if not line:
        raise CommandError("standard input is empty")
    return line.removesuffix("\n")


def _asked_for(argument: ArgumentInfo) -> str:
    """Ask twice: what is typed cannot be seen."""
    try:
        with warnings.catch_warnings():
            # It warns where it cannot but show what is typed.
            warnings.simplefilter("error", GetPassWarning)
            first = getpass(f"{argument.name}: ")
            again = getpass(f"{argument.name} again: ")
    except (EOFError, GetPassWarning):
        raise CommandError(
            f"there is nobody to ask; use --{argument.name}-stdin and standard input"
        ) from None
    if first != again:
        raise CommandError("what you typed was not the same both times")
    return first


def _print(text: str) -> None:
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough; the interpreter must not try to flush again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _has_errors(result: Any) -> bool:
    """Tell whether something is wrong: in one of the rows, as of `check`, or in `errors`."""
    if isinstance(result, Mapping):
        return bool(result.get("errors"))
    rows = result if isinstance(result, list) else []
    return any(isinstance(row, Mapping) and row.get("level") == "error" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
