"""Commands that take long: how they say so, over the socket and on the data alone; their files."""

import json
import os
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.server.house import House
from tests.service.sockets import short_directory
from tests.service.test_control_client import CONFIG, Direct, run
from tests.service.test_offline import OneRun
from xmppd.api.commands import Argument, Command, CommandError, Progress, no_progress
from xmppd.server.portable.report import ImportReport
from xmppd.service import control_client
from xmppd.service.control import ControlFactory, listen
from xmppd.service.control_connection import RunningServer
from xmppd.service.control_messages import plain, write_request
from xmppd.service.control_output import as_table
from xmppd.service.offline import StoppedServer

REACTOR: Any = reactor
LONG = write_request("long", {"file": "/f"})


class Long:
    """A command in three steps; `step` takes one."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self._waiting: Deferred[None] = Deferred()

    def command(self) -> Command:
        file = Argument("file", "a file", path=True)
        return Command("long", "Long.", self.run, str, (file,), progress=True)

    def step(self) -> None:
        waiting, self._waiting = self._waiting, Deferred()
        waiting.callback(None)

    async def run(self, file: str, progress: Progress = no_progress) -> str:
        try:
            for number in (1, 2):
                await self._waiting
                progress(f"step {number}")
            return file
        except CommandError as error:
            self.ended.append(str(error))
            raise


class SocketTests(SynchronousTestCase):
    """Over the control socket."""

    def setUp(self) -> None:
        self.long = Long()
        factory = ControlFactory([self.long.command()], Clock(), lambda transport: os.geteuid())
        self.transport: Any = StringTransport()
        protocol: Any = factory.buildProtocol(None)
        self.protocol = protocol
        protocol.makeConnection(self.transport)

    def heard(self) -> list[Any]:
        lines = self.transport.value().splitlines()
        self.transport.clear()
        return [json.loads(line) for line in lines]

    def test_lines_come_before_the_answer(self) -> None:
        self.protocol.dataReceived(LONG)
        self.assertEqual(self.heard(), [])
        self.long.step()
        self.assertEqual(self.heard(), [{"progress": "step 1"}])
        self.long.step()
        self.assertEqual(self.heard(), [{"progress": "step 2"}, {"result": "/f"}])

    def test_who_leaves_ends_the_command(self) -> None:
        self.protocol.dataReceived(LONG)
        self.long.step()
        self.protocol.connectionLost(Failure(ConnectionError()))  # type: ignore[no-untyped-call]
        self.heard()
        self.long.step()
        self.assertEqual(self.long.ended, ["whoever asked for the command has gone"])
        self.assertNotIn("progress", str(self.heard()))


class ClientTests(TestCase):
    """xmppdctl and a server on a real socket."""

    def test_lines_are_shown(self) -> Deferred[None]:
        path = short_directory(self) / "sock"
        long = Long()
        port = listen(REACTOR, path, ControlFactory([long.command()], REACTOR))
        self.addCleanup(port.stopListening)
        told: list[str] = []

        def tell(line: str) -> None:
            told.append(line)
            REACTOR.callFromThread(long.step)

        REACTOR.callLater(0.1, long.step)
        running: Deferred[Any] = deferToThread(
            RunningServer([path], tell).run, "long", {"file": "/f"}
        )

        def check(result: Any) -> None:
            self.assertEqual((result, told), ("/f", ["step 1", "step 2"]))

        return running.addCallback(check)


class CommandLineTests(SynchronousTestCase):
    """What xmppdctl makes of such commands."""

    def setUp(self) -> None:
        self.given: list[dict[str, Any]] = []
        file = Argument("file", "x", path=True)
        other = Argument("other", "x", required=False, path=True)
        self.result: object = "done"
        self.command = Command("take", "Take.", self.take, str, (file, other))
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder)
        self.folder = Path(os.getcwd())
        (folder / "xmppd.toml").write_text(CONFIG)

        def target(*_: object) -> tuple[Any, Any]:
            direct = Direct([self.command])
            return direct, direct.described()

        self.patch(control_client, "_target", target)

    def take(self, **arguments: Any) -> object:
        self.given.append(arguments)
        return self.result

    def test_files_are_those_of_the_caller(self) -> None:
        for given, expected in (
            ("x.xml", f"{self.folder}/x.xml"),
            ("../x.xml", f"{self.folder}/../x.xml"),
            ("/x.xml", "/x.xml"),
        ):
            run("take", given, "--other", given)
            self.assertEqual(self.given.pop(), {"file": expected, "other": expected})
        run("take", "/x.xml")
        self.assertEqual(self.given.pop(), {"file": "/x.xml"})

    def test_errors_in_a_result_show_in_the_exit_status(self) -> None:
        for errors, status in (((), control_client.DONE), (("lost",), control_client.FAILED)):
            self.result = report(errors=errors)
            self.assertEqual(run("take", "x").status, status)


class OfflineTests(SynchronousTestCase):
    """On the data alone."""

    def test_lines_are_told(self) -> None:
        data = Path(self.mktemp()).absolute() / "data"
        house = House(data=data, opened=False)
        told: list[str] = []
        stopped = StoppedServer(house.server, OneRun(house.clock), "", tell=told.append)

        async def run(progress: Progress) -> str:
            progress("step")
            return "done"

        for opens_data in (True, False):
            command = Command(
                "quick", "x", run, str, offline=True, opens_data=opens_data, progress=True
            )
            stopped._commands["quick"] = command
            self.assertEqual(stopped.run("quick", {}), "done")
        self.assertEqual([line for line in told if line == "step"], ["step", "step"])


class InterruptedTests(SynchronousTestCase):
    """Ctrl-C while a command works on the data alone."""

    def test_it_cleans_up(self) -> None:
        data = Path(self.mktemp()).absolute() / "data"
        house = House(data=data, opened=False)
        stopped = StoppedServer(house.server, OneRun(house.clock), "")
        said: list[str] = []

        async def run() -> None:
            try:
                await Deferred()
            finally:
                said.append("cleaned up")

        stopped._commands["stuck"] = Command("stuck", "x", run, str, offline=True)
        self.assertRaises(KeyboardInterrupt, stopped.run, "stuck", {})
        self.assertEqual(said, ["cleaned up"])


def report(**changes: Any) -> ImportReport:
    numbers = dict.fromkeys(ImportReport.__slots__, 0)
    return ImportReport(**{**numbers, "dry_run": False, "notes": (), "errors": (), **changes})


class OutputTests(SynchronousTestCase):
    """Results with sentences in them."""

    def test_a_sentence_has_a_line(self) -> None:
        shown = as_table(plain(report(added=1, notes=("a b", "c"), errors=())))
        self.assertEqual(shown.splitlines()[0], "added             1")
        self.assertEqual(
            shown.splitlines()[-3:],
            ["notes             a b", "                  c", "errors"],
        )
