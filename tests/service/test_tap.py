"""The options of `twistd xmppd`, and what is made of them; starting it is tested as a process."""

import contextlib
import io
import os
import sys
from pathlib import Path
from typing import Any

from twisted.application.service import Application, IServiceCollection, IServiceMaker
from twisted.internet import reactor
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

import xmppd
from tests.service.processes import free_ports
from tests.service.sockets import short_directory
from twisted.plugins import xmppd_server
from xmppd.api.storage import StorageError
from xmppd.service import tap
from xmppd.service.logs import LogFile
from xmppd.service.tap import Options, makeService

REACTOR: Any = reactor

CONFIG = """
data = "data"
[tls]
development = true
[host."example.org"]
[listen]
addresses = ["127.0.0.1"]
c2s = {}
c2s_tls = {}
[s2s]
enable = false
[storage]
store = "memory"
[log]
format = "json"
"""

TWISTD: dict[str, Any] = {"nodaemon": True, "logger": None, "syslog": False, "logfile": None}


class Tap(TestCase):
    """A configuration in a directory of its own."""

    def setUp(self) -> None:
        self.folder = short_directory(self)
        self.config = self.folder / "xmppd.toml"
        self.config.write_text(CONFIG.format(*free_ports(2)))
        self.patch(sys, "excepthook", sys.excepthook)
        self.patch(os, "environ", {})

    def options(self, *arguments: str, parent: Any = None) -> Options:
        options: Any = Options()  # type: ignore[no-untyped-call]
        options.parent = parent
        options.parseOptions(arguments)
        return options  # type: ignore[no-any-return]


class OptionTests(Tap):
    """What may stand behind `twistd xmppd`."""

    def test_a_configuration(self) -> None:
        for arguments in (["--config", str(self.config)], ["-c", str(self.config)]):
            with self.subTest(arguments=arguments):
                options = self.options(*arguments)
                self.assertEqual(options["configuration"].hosts[0].name, "example.org")
                self.assertEqual(options["file"], self.config)

    def test_none(self) -> None:
        options = self.options()
        self.assertEqual(options["configuration"].hosts[0].name, "localhost")
        self.assertIsNone(options["file"])
        self.assertIn("ping", options["inventory"].modules)

    def test_one_that_cannot_be_used(self) -> None:
        self.config.write_text(self.config.read_text() + 'level = "l\\u001bud"\n')
        stop = self.assertRaises(SystemExit, self.options, "-c", str(self.config))
        self.assertEqual(
            stop.code,
            f"xmppd: {self.config}:16: log.level: 'l\\x1bud' is not known; "
            'use "debug", "info", "warn" or "error"',
        )

    def test_mistakes(self) -> None:
        for arguments in (["--confg", "x"], ["x"]):
            with self.subTest(arguments=arguments):
                self.assertRaises(UsageError, self.options, *arguments)

    def test_version(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            stop = self.assertRaises(SystemExit, self.options, "--version")
        self.assertEqual((stop.code, out.getvalue()), (0, f"xmppd {xmppd.__version__}\n"))

    def test_the_plugin(self) -> None:
        maker: Any = xmppd_server.xmppd
        self.assertTrue(verifyObject(IServiceMaker, maker))
        self.assertEqual((maker.tapname, maker.options), ("xmppd", Options))
        self.assertIs(maker.makeService, makeService)


class ServiceTests(Tap):
    """What twistd gets."""

    def make(self, parent: Any = None) -> tap.TwistdService:
        return makeService(self.options("-c", str(self.config), parent=parent))

    def test_making_it_opens_nothing(self) -> None:
        self.make()
        self.assertEqual(list(self.folder.iterdir()), [self.config])

    def test_what_cannot_be_put_together(self) -> None:
        config = self.config.read_text()
        self.config.write_text(config.replace("[listen]", 'users = ["memory:x"]\n[listen]'))
        stop = self.assertRaises(SystemExit, self.make)
        line = self.config.read_text().split("\n").index('users = ["memory:x"]') + 1
        self.assertEqual(
            stop.code,
            f"xmppd: {self.config}:{line}: host.\"example.org\".users: the user store 'memory' "
            "cannot be made of its string (InvalidAuthArgumentString)",
        )

    def test_logs(self) -> None:
        file = str(self.folder / "x.log")
        table: list[tuple[Any, type | None]] = [
            (None, None),
            ({**TWISTD}, io.TextIOBase),
            ({**TWISTD, "logfile": "-"}, io.TextIOBase),
            ({**TWISTD, "logfile": file}, LogFile),
            ({**TWISTD, "nodaemon": False, "logfile": file}, LogFile),
            ({**TWISTD, "nodaemon": False, "logfile": "-"}, None),
            ({**TWISTD, "syslog": True}, None),
            ({**TWISTD, "logger": print}, None),
        ]
        out = io.StringIO()
        self.patch(sys, "stdout", out)
        for parent, kind in table:
            with self.subTest(parent=parent):
                application: Any = Application("xmppd")  # type: ignore[no-untyped-call]
                service: Any = self.make(parent)
                service.setServiceParent(application)
                self.assertIn(service, list(IServiceCollection(application)))
                observer = application.getComponent(ILogObserver, None)
                self.assertIs(observer is None, kind is None)
                if observer is not None:
                    event = {"log_format": "hello", "log_namespace": "x"}
                    observer({**event, "log_level": LogLevel.info})
                    written = out.getvalue() if kind is not LogFile else Path(file).read_text()
                    self.assertIn('"message": "hello"', written)

    def test_a_log_of_its_own_is_opened_anew_at_a_reload(self) -> None:
        file = self.folder / "x.log"
        service = self.make({**TWISTD, "logfile": str(file)})
        moved = file.rename(self.folder / "x.log.1")
        service.reload()
        self.assertTrue(file.exists() and moved.exists())

    def test_a_changed_file_is_told_of_at_a_reload(self) -> None:
        service = self.make(TWISTD)
        self.assertEqual(service.reload().notes, ())
        text = self.config.read_text()
        self.config.write_text(f"shutdown_seconds = 3.0\n{text}")
        (note,) = service.reload().notes
        self.assertIn("has changed (shutdown_seconds); restart", note)

    async def test_starting_it(self) -> None:
        self.patch(sys, "__stdin__", None)
        self.patch(sys, "__stdout__", io.StringIO())
        self.patch(REACTOR, "adoptStreamPort", lambda *arguments: _Port())
        service = self.make()
        service._greeting = "welcome"
        service.startService()
        service._greet()
        self.assertIn("welcome", sys.__stdout__.getvalue())  # type: ignore[union-attr]
        self.patch(sys, "__stdout__", None)
        service._greet()
        await service.stopService()

    async def test_hanging_up(self) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        done: list[str] = []
        self.patch(REACTOR, "adoptStreamPort", lambda *arguments: _Port())
        self.patch(REACTOR, "stop", lambda: done.append("stopped"))
        self.patch(tap.TwistdService, "reload", lambda self: done.append("reloaded"))
        for stdin, expected in (
            (Terminal(), "stopped"),
            (io.StringIO(), "reloaded"),
            (None, "reloaded"),
        ):
            with self.subTest(stdin=stdin):
                self.patch(sys, "__stdin__", stdin)
                service = self.make()
                service.startService()
                self.patch(sys, "__stdin__", None)
                service._hung_up()
                self.assertEqual(done.pop(), expected)
                await service.stopService()


class _Port:
    """A port that nobody can reach."""

    def stopListening(self) -> None:
        """Stop."""

    def getHost(self) -> Any:
        from twisted.internet.address import IPv4Address

        return IPv4Address("TCP", "127.0.0.1", 1)


class FaultTests(SynchronousTestCase):
    """What stops the start is one line."""

    def setUp(self) -> None:
        self.err = io.StringIO()
        self.patch(sys, "__stderr__", self.err)
        self.others: list[BaseException] = []
        self.events: list[LogEvent] = []
        observe = implementer(ILogObserver)(lambda event: self.events.append(event))
        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)

    def show(self, error: BaseException, in_log: bool = False) -> None:
        hook = tap._show_plainly(lambda kind, value, trace: self.others.append(value), in_log)
        hook(type(error), error, None)

    def test_faults(self) -> None:
        self.show(StorageError("the disk\n is full"))
        self.assertEqual(self.err.getvalue(), "xmppd: the disk\\x0a is full\n")
        self.assertEqual((self.others, self.events), ([], []))

    def test_faults_where_the_log_is_elsewhere(self) -> None:
        self.patch(sys, "__stderr__", None)
        self.show(StorageError("the disk is full"), in_log=True)
        (event,) = self.events
        self.assertEqual(event["fault"], "the disk is full")

    def test_anything_else_is_shown_as_ever(self) -> None:
        error = RuntimeError("x")
        self.show(error)
        self.assertEqual(self.others, [error])
        self.assertEqual(self.err.getvalue(), "")
