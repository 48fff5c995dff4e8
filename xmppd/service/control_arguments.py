"""The command line of `xmppdctl`, made of the descriptions of the commands there are."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from typing_extensions import override

import xmppd
from xmppd.service.control_messages import ArgumentInfo, CommandInfo
from xmppd.service.control_output import as_json

JSON = "--json"
"""The option that asks for results and errors that programs can read."""

_KINDS: Mapping[str, type] = {"str": str, "int": int, "float": float}

EPILOG = """exit status: 0 it is done; 1 it could not be done, or a check found errors;
2 wrong usage; 3 the server is not running, or does not answer"""


class _JsonParser(argparse.ArgumentParser):
    """Says what is wrong as JSON."""

    @override
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{as_json({'error': message})}\n")


def general_options(json: bool = False) -> argparse.ArgumentParser:
    """Return the options that may stand anywhere; values that are not given are left out.

    `json`: whether mistakes are to be said as JSON.
    """
    parser = _kind(json)(
        "xmppdctl", add_help=False, argument_default=argparse.SUPPRESS, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"xmppdctl {xmppd.__version__}")
    parser.add_argument(
        "-c", "--config", metavar="FILE", help="the configuration file of the server"
    )
    parser.add_argument(JSON, action="store_true", help="print results and errors as JSON")
    return parser


def _kind(json: bool) -> type[argparse.ArgumentParser]:
    return _JsonParser if json else argparse.ArgumentParser


def command_line(commands: Sequence[CommandInfo], json: bool = False) -> argparse.ArgumentParser:
    """Return the parser; what it returns has the chosen `CommandInfo` as `command`.

    `json`: as in `general_options`.
    """
    general = general_options(json)
    parser = _kind(json)(
        "xmppdctl",
        description="Administers an XMPP server.",
        epilog=EPILOG,
        parents=[general],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    words = parser.add_subparsers(metavar="COMMAND", required=True)
    groups: dict[str, Any] = {}
    for command in commands:
        first, _, second = command.name.partition(" ")
        if not second:
            _add(words, first, command, general)
            continue
        if first not in groups:
            names = [other.name.partition(" ") for other in commands]
            listed = ", ".join(name for group, _, name in names if group == first)
            group = words.add_parser(first, help=listed, allow_abbrev=False)
            groups[first] = group.add_subparsers(metavar="COMMAND", required=True)
        _add(groups[first], second, command, general)
    return parser


def _add(words: Any, word: str, command: CommandInfo, general: argparse.ArgumentParser) -> None:
    parser = words.add_parser(
        word,
        help=_literal(command.help),
        description=command.help,
        parents=[general],
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    parser.set_defaults(command=command)
    for argument in command.arguments:
        _add_argument(parser, argument)


def _add_argument(parser: argparse.ArgumentParser, argument: ArgumentInfo) -> None:
    option = argument.name.replace("_", "-")
    help = _literal(argument.help)
    if argument.secret:
        parser.add_argument(
            f"--{option}-stdin",
            action="store_true",
            help=f"read {help} from the first line of standard input",
        )
    elif argument.kind == "bool":
        parser.add_argument(f"--{option}", action="store_true", dest=argument.name, help=help)
    elif argument.required:
        parser.add_argument(
            argument.name, type=_KINDS[argument.kind], metavar=option.upper(), help=help
        )
    else:
        parser.add_argument(
            f"--{option}",
            type=_KINDS[argument.kind],
            dest=argument.name,
            metavar=argument.kind.upper() if argument.kind != "str" else option.upper(),
            help=help,
        )


def _literal(text: str) -> str:
    """Return help in which argparse finds nothing to fill in."""
    return text.replace("%", "%%")
