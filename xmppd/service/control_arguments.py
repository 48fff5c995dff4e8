"""The command line of `xmppdctl`, made of the descriptions of the commands there are."""

import argparse
from collections.abc import Mapping, Sequence
from types import MappingProxyType
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


class _Group(argparse.ArgumentParser):
    """Commands that begin with the same word; one of them may be that word alone.

    `alone` parses that one, what comes behind it being no second word of the others (`second`).
    """

    alone: argparse.ArgumentParser | None = None
    second: Mapping[str, object] = MappingProxyType({})

    @override
    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Hand over to `alone` if the command is that one."""
        words = list(args)
        if self.alone is not None and _first_word(words) not in (None, *self.second):
            return self.alone.parse_known_args(words, namespace)
        return super().parse_known_args(words, namespace)


class _JsonGroup(_Group, _JsonParser):
    """Does both."""


def _first_word(words: Sequence[str]) -> str | None:
    """Return the first word that is neither an option nor its value."""
    before = ""
    for word in words:
        if not word.startswith("-") and before not in ("-c", "--config"):
            return word
        before = word
    return None


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
    words = parser.add_subparsers(
        metavar="COMMAND", required=True, parser_class=_JsonGroup if json else _Group
    )
    by_first: dict[str, dict[str, CommandInfo]] = {}
    for command in commands:
        first, _, second = command.name.partition(" ")
        by_first.setdefault(first, {})[second] = command
    for first, several in by_first.items():
        if list(several) == [""]:
            _add(words, first, several[""], general)
        else:
            _add_group(words, first, several, general, json)
    return parser


def _add_group(
    words: Any,
    first: str,
    several: Mapping[str, CommandInfo],
    general: argparse.ArgumentParser,
    json: bool,
) -> None:
    """Add commands that begin with the same word, by the second one ("" for none)."""
    alone = several.get("")
    with_second = {second: command for second, command in several.items() if second}
    listed = ", ".join(with_second)
    made = words.add_parser(
        first,
        help=listed if alone is None else f"{_literal(alone.help)} Or: {listed}",
        allow_abbrev=False,
    )
    seconds = made.add_subparsers(metavar="COMMAND", required=True, parser_class=_kind(json))
    for second, command in with_second.items():
        _add(seconds, second, command, general)
    if alone is not None:
        made.second = with_second
        made.alone = _kind(json)(f"xmppdctl {first}", **_made_of(alone, general))
        _fill(made.alone, alone)
        made.description = alone.help
        used_alone = made.alone.format_usage().removeprefix("usage: ")
        made.usage = f"{_literal(used_alone)}       {made.prog} COMMAND ..."


def _add(words: Any, word: str, command: CommandInfo, general: argparse.ArgumentParser) -> None:
    parser = words.add_parser(word, help=_literal(command.help), **_made_of(command, general))
    _fill(parser, command)


def _made_of(command: CommandInfo, general: argparse.ArgumentParser) -> dict[str, Any]:
    """Return what the parser of a command is made with."""
    return {
        "description": command.help,
        "parents": [general],
        "allow_abbrev": False,
        "argument_default": argparse.SUPPRESS,
    }


def _fill(parser: argparse.ArgumentParser, command: CommandInfo) -> None:
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
