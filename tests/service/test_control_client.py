"""xmppdctl: what it asks for, prints and returns; on the data alone and with a server."""

import contextlib
import io
import json
import os
import sys
import warnings
from collections.abc import Sequence
from getpass import GetPassWarning
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import maybeDeferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.service.sockets import Commands, short_directory
from xmppd.api.commands import Argument, Command
from xmppd.service import control_client
from xmppd.service.control import ControlFactory, listen
from xmppd.service.control_client import DONE, FAILED, INTERRUPTED, NOT_RUNNING, main
from xmppd.service.control_connection import NotRunning
from xmppd.service.control_messages import CommandInfo, plain, with_help

REACTOR: Any = reactor

CONFIG = """
data = "data"
[tls]
development = true
[host."example.org"]
[listen]
addresses = ["127.0.0.1"]
c2s = 1
[storage]
store = "memory"
"""


class Printed:
    """What a run of xmppdctl printed and returned."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err


def run(*arguments: str) -> Printed:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(arguments)
    return Printed(status, out.getvalue(), err.getvalue())


class Direct:
    """Commands without a server between."""

    def __init__(self, commands: Sequence[Command]) -> None:
        self._commands = with_help(commands)

    def described(self) -> list[CommandInfo]:
        return [CommandInfo.of(command) for command in self._commands.values()]

    def run(self, command: str, arguments: dict[str, Any]) -> Any:
        return plain(self._commands[command].run(**arguments))


class ClientTests(SynchronousTestCase):
    """Arguments, secrets, results and exit statuses."""

    def setUp(self) -> None:
        self.commands = Commands()
        self.typed: list[str] = []
        self.rows: list[dict[str, str]] = []
        rows = Command("check", "Check.", lambda: self.rows, list)
        after = Argument("after", "x", required=False)
        limit = Argument("limit", "x", int, False, 2)
        paged = Command("rows", "Rows.", lambda **_: self.rows, list, (after, limit))
        interrupt = Command("interrupt", "Stop.", self.interrupt, str)
        leave = Command("leave", "Leave.", self.leave, str)
        target = Direct((*self.commands.all(), rows, paged, interrupt, leave))
        self.patch(control_client, "_target", lambda *_: (target, target.described()))
        self.patch(control_client, "getpass", self.type)

    def interrupt(self) -> str:
        raise KeyboardInterrupt

    def leave(self) -> str:
        raise NotRunning("the server hung up")

    def type(self, prompt: str) -> str:
        if not self.typed:
            raise EOFError
        return self.typed.pop(0)

    def test_results(self) -> None:
        printed = run("check")
        self.assertEqual((printed.status, printed.out, printed.err), (DONE, "(none)\n", ""))
        printed = run("--json", "check")
        self.assertEqual(json.loads(printed.out), [])

    def test_findings_decide_the_status(self) -> None:
        table = [(["ok"], DONE), (["ok", "warn"], DONE), (["ok", "error"], FAILED)]
        for levels, status in table:
            with self.subTest(levels=levels):
                self.rows = [{"level": level, "finding": "x"} for level in levels]
                self.assertEqual(run("check").status, status)

    def test_what_goes_wrong(self) -> None:
        table = [
            (("refuse",), FAILED, "xmppdctl: it will not be done\n"),
            (("leave",), NOT_RUNNING, "xmppdctl: the server hung up\n"),
            (("interrupt",), INTERRUPTED, ""),
            (("-c", "/nowhere\x1b", "refuse"), FAILED, "xmppdctl: /nowhere\\x1b: cannot be read ("),
        ]
        for arguments, status, message in table:
            with self.subTest(arguments=arguments):
                printed = run(*arguments)
                self.assertEqual((printed.status, printed.out), (status, ""))
                self.assertEqual(printed.err[: len(message)], message)
                self.assertLessEqual(printed.err.count("\n"), 1)

    def test_errors_as_json(self) -> None:
        table = [
            (("refuse", "--json"), FAILED, "it will not be done"),
            (("--json", "leave"), NOT_RUNNING, "the server hung up"),
        ]
        for arguments, status, message in table:
            with self.subTest(arguments=arguments):
                printed = run(*arguments)
                self.assertEqual((printed.status, printed.out), (status, ""))
                self.assertEqual(json.loads(printed.err), {"error": message})

    def test_rows_that_were_cut(self) -> None:
        more = "xmppdctl: these are the first 2, there may be more: --after 'b@x/it'\"'\"'s'\n"
        table = [
            (("rows", "--limit", "2"), ["a@x", "b@x/it's"], more),
            (("rows",), ["a@x", "b@x/it's"], more),
            (("rows", "--json"), ["a@x", "b@x/it's"], ""),
            (("rows", "--limit", "3"), ["a@x", "b@x/it's"], ""),
            (("rows",), [], ""),
            (("check",), ["a@x", "b@x"], ""),
        ]
        for arguments, addresses, said in table:
            with self.subTest(arguments=arguments):
                self.rows = [{"address": each, "since": "now"} for each in addresses]
                self.assertEqual(run(*arguments).err, said)

    def test_secrets_are_asked_for_twice(self) -> None:
        table = [
            (["pencil", "pencil"], DONE, ""),
            (["pencil", "pen"], FAILED, "xmppdctl: what you typed was not the same both times\n"),
            (["pencil"], FAILED, "xmppdctl: there is nobody to ask; use --secret-stdin and sta"),
        ]
        for typed, status, message in table:
            with self.subTest(typed=typed):
                self.commands.secrets.clear()
                self.typed = list(typed)
                printed = run("secret", "keep")
                self.assertEqual(printed.status, status)
                self.assertTrue(printed.err.startswith(message))
                self.assertEqual(self.commands.secrets, ["pencil"] if status == DONE else [])
                self.assertNotIn("pencil", printed.out + printed.err)

    def test_secrets_are_not_shown_while_they_are_typed(self) -> None:
        def show(prompt: str) -> str:
            warnings.warn("Can not control echo on the terminal.", GetPassWarning, stacklevel=2)
            return "pencil"

        self.patch(control_client, "getpass", show)
        printed = run("secret", "keep")
        self.assertEqual(printed.status, FAILED)
        self.assertTrue(printed.err.startswith("xmppdctl: there is nobody to ask; use "))
        self.assertEqual(self.commands.secrets, [])

    def test_secrets_from_standard_input(self) -> None:
        table = [("pencil\nmore\n", ["pencil"]), (" p \n", [" p "]), ("p", ["p"]), ("\n", [""])]
        for given, kept in table:
            with self.subTest(given=given):
                self.commands.secrets.clear()
                self.patch(sys, "stdin", io.StringIO(given))
                self.assertEqual(run("secret", "keep", "--secret-stdin").status, DONE)
                self.assertEqual(self.commands.secrets, kept)
        self.patch(sys, "stdin", io.StringIO(""))
        printed = run("secret", "keep", "--secret-stdin")
        self.assertEqual(printed.err, "xmppdctl: standard input is empty\n")

    def test_secrets_are_never_arguments(self) -> None:
        with contextlib.redirect_stderr(io.StringIO()):
            self.assertRaises(SystemExit, main, ["secret", "keep", "pencil"])

    def test_the_command_line_of_the_process(self) -> None:
        self.patch(sys, "argv", ["xmppdctl", "check"])
        with contextlib.redirect_stdout(io.StringIO()) as out:
            self.assertEqual(main(), DONE)
        self.assertEqual(out.getvalue(), "(none)\n")

    def test_a_reader_that_has_seen_enough(self) -> None:
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "w") as out, contextlib.redirect_stdout(out):
            self.assertEqual(main(["check"]), DONE)


class TargetTests(TestCase):
    """Which server is meant, and what to do if it does not run."""

    def setUp(self) -> None:
        self.folder = short_directory(self)
        self.config = self.folder / "xmppd.toml"
        self.config.write_text(CONFIG)
        self.data = self.folder / "data"

    def ctl(self, *arguments: str) -> Printed:
        return run("--config", str(self.config), *arguments)

    async def test_a_running_server(self) -> None:
        self.data.mkdir(mode=0o700)
        factory = ControlFactory(Commands().all(), REACTOR)
        port = listen(REACTOR, self.data / "control.sock", factory)
        self.addCleanup(lambda: maybeDeferred(port.stopListening))
        printed = await deferToThread(self.ctl, "echo", "hello", "--json")
        self.assertEqual(json.loads(printed.out)["text"], "hello")
        printed = await deferToThread(self.ctl, "refuse")
        self.assertEqual((printed.status, printed.err), (FAILED, "xmppdctl: it will not be done\n"))

    def test_commands_that_need_a_running_server(self) -> None:
        for command in (("status",), ("session", "list"), ("reload",)):
            with self.subTest(command=command):
                printed = self.ctl(*command)
                self.assertEqual(
                    (printed.status, printed.err),
                    (NOT_RUNNING, "xmppdctl: the server is not running\n"),
                )

    def test_they_are_offered_all_the_same(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            self.assertRaises(SystemExit, main, ["-c", str(self.config), "--help"])
        for word in ("user", "session", "status", "reload", "check"):
            self.assertIn(word, out.getvalue())
