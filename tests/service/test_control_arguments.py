"""The command line of xmppdctl."""

import argparse
import contextlib
import io
import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

import xmppd
from tests.service.sockets import Commands
from xmppd.api.commands import Argument, Command
from xmppd.service.control_arguments import command_line, general_options
from xmppd.service.control_messages import CommandInfo

PERCENT = Command("status", "How 100% fine.", print, str, (Argument("of", "50%", required=False),))
PARSER = command_line([CommandInfo.of(each) for each in (*Commands().all(), PERCENT)])


def parsed(line: str) -> dict[str, Any]:
    options = vars(PARSER.parse_args(line.split()))
    return {**options, "command": options["command"].name}


FETCH = (
    Command("fetch", "Fetch 1% of a file.", print, str, (Argument("file", "which"),)),
    Command("fetch mail", "Fetch mail.", print, str, (Argument("server", "from where"),)),
    Command("fetch nothing", "Fetch nothing.", print, str),
)


class WordAloneTests(SynchronousTestCase):
    """A command that is the first word of others, and takes an argument instead of the second."""

    def parser(self, json: bool = False) -> argparse.ArgumentParser:
        return command_line([CommandInfo.of(each) for each in FETCH], json=json)

    def test_lines(self) -> None:
        for line, expected in (
            ("fetch x", {"command": "fetch", "file": "x"}),
            ("fetch x --json", {"command": "fetch", "file": "x", "json": True}),
            ("fetch -c y x", {"command": "fetch", "file": "x", "config": "y"}),
            ("fetch ./mail", {"command": "fetch", "file": "./mail"}),
            ("fetch mail x", {"command": "fetch mail", "server": "x"}),
            ("fetch nothing", {"command": "fetch nothing"}),
        ):
            options = vars(self.parser().parse_args(line.split()))
            self.assertEqual(expected, {**options, "command": options["command"].name}, line)

    def test_mistakes(self) -> None:
        for as_json in (False, True):
            for line in ("fetch", "fetch x y", "fetch mail", "fetch nothing x", "fetch --loud x"):
                with contextlib.redirect_stderr(io.StringIO()) as said:
                    parser = self.parser(as_json)
                    stop = self.assertRaises(SystemExit, parser.parse_args, line.split())
                self.assertEqual(2, stop.code)
                self.assertIn('"error"' if as_json else "usage: xmppdctl", said.getvalue())

    def test_help(self) -> None:
        for line, words in (
            ("--help", ["Fetch 1% of a file. Or: mail, nothing"]),
            (
                "fetch --help",
                ["usage: xmppdctl fetch [-h]", "FILE xmppdctl fetch COMMAND ...", "Fetch mail."],
            ),
        ):
            with contextlib.redirect_stdout(io.StringIO()) as said:
                self.assertRaises(SystemExit, self.parser().parse_args, line.split())
            for each in words:
                self.assertIn(each, " ".join(said.getvalue().split()))


class CommandLineTests(SynchronousTestCase):
    """What may be typed."""

    def test_lines(self) -> None:
        table: list[tuple[str, dict[str, Any]]] = [
            ("status", {"command": "status"}),
            ("status --of x", {"command": "status", "of": "x"}),
            ("echo hello", {"command": "echo", "text": "hello"}),
            (
                "echo hello --times 3 --scale 0.5 --loud",
                {"command": "echo", "text": "hello", "times": 3, "scale": 0.5, "loud": True},
            ),
            ("--json echo x", {"command": "echo", "text": "x", "json": True}),
            ("echo x --json", {"command": "echo", "text": "x", "json": True}),
            ("-c a echo x", {"command": "echo", "text": "x", "config": "a"}),
            ("echo x --config a", {"command": "echo", "text": "x", "config": "a"}),
            ("secret keep", {"command": "secret keep"}),
            ("secret keep --secret-stdin", {"command": "secret keep", "secret_stdin": True}),
        ]
        for line, expected in table:
            with self.subTest(line=line):
                self.assertEqual(parsed(line), expected)

    def test_mistakes_end_with_status_2(self) -> None:
        lines = [
            "",
            "secret",
            "sing",
            "echo",
            "echo x y",
            "echo x --times y",
            "secret keep x",
            "secret keep --secret x",
            "echo x --lou",
        ]
        for line in lines:
            with self.subTest(line=line):
                with contextlib.redirect_stderr(io.StringIO()) as said:
                    stop = self.assertRaises(SystemExit, parsed, line)
                self.assertEqual(stop.code, 2)
                self.assertIn("usage: xmppdctl", said.getvalue())

    def test_mistakes_as_json(self) -> None:
        commands = [CommandInfo.of(each) for each in Commands().all()]
        for line in ("--json sing", "echo --json", "echo x --times y --json", "-c --json"):
            with self.subTest(line=line):
                with contextlib.redirect_stderr(io.StringIO()) as said:
                    parser = command_line(commands, json=True)
                    stop = self.assertRaises(SystemExit, parser.parse_args, line.split())
                self.assertEqual(stop.code, 2)
                self.assertEqual(list(json.loads(said.getvalue())), ["error"])

    def test_version(self) -> None:
        for line in ("--version", "echo x --version"):
            with contextlib.redirect_stdout(io.StringIO()) as said:
                parser = general_options()
                stop = self.assertRaises(SystemExit, parser.parse_known_args, line.split())
            self.assertEqual((stop.code, said.getvalue()), (0, f"xmppdctl {xmppd.__version__}\n"))

    def test_help(self) -> None:
        table = [
            ("--help", ["Say it again.", "secret", "keep", "How 100% fine.", "exit status: 0"]),
            ("status --help", ["How 100% fine.", "50%"]),
            ("secret --help", ["Keep a secret."]),
            ("secret keep --help", ["--secret-stdin", "what nobody may see"]),
        ]
        for line, expected in table:
            with self.subTest(line=line):
                with contextlib.redirect_stdout(io.StringIO()) as said:
                    stop = self.assertRaises(SystemExit, parsed, line)
                self.assertEqual(stop.code, 0)
                for words in expected:
                    self.assertIn(words, said.getvalue())

    def test_general_options_are_found_anywhere(self) -> None:
        table = [
            ("user add x --config a --json", {"config": "a", "json": True}),
            ("-c a user", {"config": "a"}),
            ("user --conf a", {}),
            ("", {}),
        ]
        for line, expected in table:
            with self.subTest(line=line):
                found, _ = general_options().parse_known_args(line.split())
                self.assertEqual(vars(found), expected)
