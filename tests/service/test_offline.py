"""Commands on the data alone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.server.house import House
from tests.service.processes import child_environment
from tests.service.sockets import short_directory
from xmppd.api.commands import CommandError
from xmppd.api.storage import StorageError
from xmppd.service import offline
from xmppd.service.control_connection import NotRunning
from xmppd.service.lock import DataLock
from xmppd.service.offline import StoppedServer

CONFIG = """
data = "data"
[tls]
development = true
[host."example.org"]
[listen]
addresses = ["127.0.0.1"]
"""


class OneRun:
    """A reactor that runs what it was given, once; `interrupted` stops it before."""

    def __init__(self, clock: Any, interrupted: bool = False) -> None:
        self._clock = clock
        self._interrupted = interrupted
        self._begin: Any = None
        self.stopped = 0

    def callWhenRunning(self, function: Any) -> None:
        self._begin = function

    def run(self) -> None:
        if not self._interrupted:
            self._begin()
            for _ in range(10):
                self._clock.advance(0)

    def stop(self) -> None:
        self.stopped += 1


class StoppedServerTests(SynchronousTestCase):
    """A server in memory that was put together and never started."""

    def setUp(self) -> None:
        self.data = Path(self.mktemp()).absolute() / "data"
        self.house = House(data=self.data, opened=False)
        self.reactor = OneRun(self.house.clock)
        self.stopped = StoppedServer(self.house.server, self.reactor, "the server is not running")

    def test_a_command(self) -> None:
        result = self.stopped.run("user list", {})
        self.assertEqual(result, [])
        self.assertEqual(self.reactor.stopped, 1)
        self.assertEqual((self.data / "lock").stat().st_mode & 0o777, 0o600)
        reading = self.house.server.storage.host("example.org").accounts.get("juliet")
        self.failureResultOf(reading, StorageError)

    def test_everything_is_described(self) -> None:
        described = {each.name: each.offline for each in self.stopped.described()}
        self.assertEqual(
            described,
            {
                "user add": True,
                "user delete": True,
                "user password": True,
                "user list": True,
                "user count": True,
                "user disable": True,
                "user enable": True,
                "user roster": False,
                "session list": False,
                "session kick": False,
                "announce": False,
                "status": False,
                "export": True,
                "component list": False,
                "s2s list": False,
                "s2s explain": False,
                "import": True,
                "import prosody": True,
                "import ejabberd": True,
                "reload": False,
                "check": True,
            },
        )

    def test_refusals(self) -> None:
        table: list[tuple[str, dict[str, Any], str]] = [
            ("user delete", {"address": "juliet@example.org"}, "there is no account juliet@"),
            ("user delete", {}, "the argument address is missing"),
            ("user list", {"limit": "x"}, "the argument limit has to be a int"),
        ]
        for name, arguments, message in table:
            with self.subTest(message=message):
                stopped = StoppedServer(
                    House(data=self.data, opened=False).server, self.reactor, ""
                )
                error = self.assertRaises(CommandError, stopped.run, name, arguments)
                self.assertIn(message, str(error))

    def test_what_needs_the_server(self) -> None:
        error = self.assertRaises(NotRunning, self.stopped.run, "status", {})
        self.assertEqual(str(error), "the server is not running")
        self.assertFalse(self.data.exists())

    def test_where_no_server_has_run(self) -> None:
        stopped = StoppedServer(self.house.server, self.reactor, "", only_old_data=True)
        error = self.assertRaises(NotRunning, stopped.run, "user list", {})
        self.assertIn(f"no server has run here, there is no {self.data}; ", str(error))
        self.assertFalse(self.data.exists())
        self.data.mkdir(mode=0o700, parents=True)
        self.assertEqual(stopped.run("user list", {}), [])

    def test_a_check_makes_nothing(self) -> None:
        stopped = StoppedServer(self.house.server, self.reactor, "", only_old_data=True)
        findings = [row["finding"] for row in stopped.run("check", {})]
        self.assertIn(f"{self.data}: is not there yet (No such file or directory).", findings)
        self.assertFalse(self.data.exists())

    def test_root_works_as_the_owner_of_the_data(self) -> None:
        became: list[Path] = []
        self.patch(offline, "become_owner", became.append)
        self.stopped.run("user list", {})
        self.assertEqual(became, [self.data])

    def test_it_tells_of_the_data(self) -> None:
        told: list[str] = []
        stopped = StoppedServer(self.house.server, self.reactor, "", tell=told.append)
        stopped.run("check", {})
        self.assertEqual(told, [])
        stopped.run("user list", {})
        (sentence,) = told
        self.assertTrue(sentence.startswith("WARNING: no server is running, and there were no"))
        self.assertIn(f"{self.data} is NEW; ", sentence)
        again = House(data=self.data, opened=False)
        told.clear()
        StoppedServer(again.server, OneRun(again.clock), "", tell=told.append).run("user list", {})
        self.assertEqual(told, [f"no server is running; worked on {self.data}"])
        told.clear()
        with DataLock(self.data / "lock"):
            self.assertRaises(CommandError, stopped.run, "user list", {})
        self.assertEqual(told, [])

    def test_somebody_else_has_the_data(self) -> None:
        with DataLock(self.data / "lock"):
            error = self.assertRaises(CommandError, self.stopped.run, "user list", {})
        self.assertIn(f"the data in {self.data} are in use by process", str(error))

    def test_data_that_cannot_be_opened(self) -> None:
        def refuse() -> None:
            raise StorageError("the disk is full")

        self.patch(self.house.server, "open_storage", refuse)
        error = self.assertRaises(CommandError, self.stopped.run, "user list", {})
        self.assertEqual(str(error), "the disk is full")
        DataLock(self.data / "lock").acquire()

    def test_interrupted(self) -> None:
        self.reactor = OneRun(self.house.clock, interrupted=True)
        stopped = StoppedServer(self.house.server, self.reactor, "")
        self.assertRaises(KeyboardInterrupt, stopped.run, "user list", {})

    def test_reload_is_for_running_servers(self) -> None:
        command = self.stopped._commands["reload"]
        error = self.assertRaises(CommandError, command.run)
        self.assertEqual(str(error), "the server is not running")


class ProcessTests(SynchronousTestCase):
    """xmppdctl as a process, on data in SQLite."""

    def setUp(self) -> None:
        self.folder = short_directory(self)
        self.config = self.folder / "xmppd.toml"
        self.config.write_text(CONFIG)

    def ctl(self, *arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "xmppd.service.control_client",
                "--config",
                str(self.config),
                *arguments,
            ],
            input=given,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=child_environment(),
            timeout=60,
            check=False,
        )

    def test_the_life_of_an_account(self) -> None:
        added = self.ctl("user", "add", "juliet@example.org", "--password-stdin", given="pencil\n")
        database = self.folder / "data" / "xmppd.sqlite"
        self.assertEqual((added.returncode, added.stderr.count("\n")), (0, 1))
        self.assertIn(
            f"WARNING: no server is running, and there were no data: {database} is NEW",
            added.stderr,
        )
        self.assertIn("added", added.stdout)
        listed = self.ctl("user", "list", "--json")
        self.assertEqual(listed.stderr, "")
        self.assertEqual(
            [row["address"] for row in json.loads(listed.stdout)], ["juliet@example.org"]
        )
        again = self.ctl("user", "add", "Juliet@example.org", "--password-stdin", given="x\n")
        self.assertEqual(again.returncode, 1)
        self.assertEqual(
            again.stderr,
            "xmppdctl: Juliet@example.org is taken, or too much like a name that is "
            f"(no server is running; worked on {database})\n",
        )
        self.assertEqual((self.folder / "data").stat().st_mode & 0o777, 0o700)
        for file in (self.folder / "data").iterdir():
            self.assertEqual(file.stat().st_mode & 0o077, 0, file)
