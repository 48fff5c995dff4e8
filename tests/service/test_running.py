"""The service: what is done when it comes up, while it runs and when it goes down."""

import socket
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from twisted.application.service import Service
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from tests.server.house import INVENTORY, config
from tests.service.processes import free_ports
from tests.service.sockets import short_directory
from xmppd.api.commands import CommandError
from xmppd.net.certificates import CertificateError
from xmppd.net.development import ensure_development_identity
from xmppd.server.assemble import Reloaded, Server, build
from xmppd.server.config import HostConfig, ListenConfig, ServersConfig, TlsConfig
from xmppd.service.collaborators import real
from xmppd.service.control_connection import RunningServer
from xmppd.service.listening import PortError
from xmppd.service.lock import DataLock, DataUnusable
from xmppd.service.notify import Notifier
from xmppd.service.running import XmppService
from xmppd.testing.resolver import FixedResolver

REACTOR: Any = reactor


class Told(Notifier):
    """Notes what systemd would be told."""

    def __init__(self) -> None:
        super().__init__({})
        self.states: list[str] = []

    def _send(self, state: str) -> None:
        self.states.append(state)


class NotYetRunning:
    """The reactor, but for what waits until it runs."""

    def __init__(self, waiting: list[Any]) -> None:
        self._waiting = waiting

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)

    def callWhenRunning(self, function: Any) -> None:
        self._waiting.append(function)


class RunningTests(TestCase):
    """A real server on real ports, with storage in memory."""

    def setUp(self) -> Any:
        self.folder = short_directory(self)
        self.data = self.folder / "data"
        self.clear, self.direct = free_ports(2)
        self.config = replace(
            config(HostConfig("localhost"), data=self.data),
            listen=ListenConfig(("127.0.0.1",), self.clear, self.direct),
            s2s=ServersConfig(enable=False),
        )
        self.told = Told()
        self.events: list[LogEvent] = []
        observe = implementer(ILogObserver)(lambda event: self.events.append(event))
        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        # Until the reactor runs, nothing is said to be ready.
        return deferLater(REACTOR, 0)

    def service(self, reopen_log: Any = lambda: None, **changes: Any) -> XmppService:
        inventory = changes.pop("inventory", INVENTORY)
        outside = replace(real(reactor), resolver=FixedResolver())
        self.server: Server = build(replace(self.config, **changes), inventory, outside)
        return XmppService(
            self.server, reactor, lambda: self.data / "control.sock", self.told, reopen_log
        )

    def logged(self, words: str) -> list[LogEvent]:
        return [event for event in self.events if words in str(event.get("log_format"))]

    async def ask(self, command: str) -> Any:
        server = RunningServer([self.data / "control.sock"])
        return await deferToThread(server.run, command, {})

    def connects(self, port: int) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    async def test_up_and_down(self) -> None:
        service = self.service()
        service.privilegedStartService()
        self.assertTrue(self.connects(self.clear))
        self.assertRaises(DataUnusable, DataLock(self.data / "lock").acquire)
        service.startService()
        self.assertEqual(self.told.states, ["READY=1"])
        self.assertEqual((await self.ask("status"))["hosts"], ["localhost"])
        self.assertTrue(self.connects(self.direct))
        self.assertRaises(DataUnusable, DataLock(self.data / "lock").acquire)
        self.assertEqual(self.data.stat().st_mode & 0o777, 0o700)
        await service.stopService()
        self.assertEqual(self.told.states, ["READY=1", "STOPPING=1"])
        self.assertFalse(self.connects(self.clear) or self.connects(self.direct))
        self.assertFalse((self.data / "control.sock").exists())
        with DataLock(self.data / "lock"):
            self.assertFalse(service.running)

    async def test_it_says_what_is_running(self) -> None:
        service = self.service(inventory=replace(INVENTORY, troubles=("a.py is broken",)))
        service.startService()
        (event,) = self.logged("serves {hosts}")
        self.assertEqual((event["hosts"], event["data"]), ("localhost", self.data))
        listening = {event["address"] for event in self.logged("listening on {address}")}
        self.assertEqual(
            listening,
            {
                f"127.0.0.1 port {self.clear}",
                f"127.0.0.1 port {self.direct}",
                str(self.data / "control.sock"),
            },
        )
        self.assertEqual(
            [event["trouble"] for event in self.logged("{trouble}")], ["a.py is broken"]
        )
        await service.stopService()

    async def test_stopped_before_the_reactor_ran(self) -> None:
        service = self.service()
        waiting: list[Any] = []
        self.patch(service, "_reactor", NotYetRunning(waiting))
        service.startService()
        await service.stopService()
        waiting[0]()
        self.assertEqual(self.told.states, ["STOPPING=1"])

    async def test_without_privileges_to_drop(self) -> None:
        service = self.service()
        service.startService()
        self.assertTrue(self.connects(self.clear))
        await service.stopService()

    async def test_services_added_to_it(self) -> None:
        service, child = self.service(), Service()
        child.setServiceParent(service)  # type: ignore[no-untyped-call]
        service.startService()
        self.assertTrue(child.running)
        await service.stopService()
        self.assertFalse(child.running)

    async def test_reload(self) -> None:
        reopened: list[None] = []
        service = self.service(lambda: reopened.append(None))
        service.startService()
        expected = {"hosts": ["localhost"], "errors": [], "notes": []}
        self.assertEqual(await self.ask("reload"), expected)
        self.assertEqual(self.told.states, ["READY=1", "RELOADING=1", "READY=1"])
        self.assertEqual(len(reopened), 1)
        self.assertEqual(len(self.logged("reloaded")), 1)
        await service.stopService()

    async def test_check(self) -> None:
        now = datetime.now(UTC)
        made = ensure_development_identity(self.folder / "made", ["localhost"], now)
        tls = TlsConfig(certificate=made.chain, key=made.key)
        listen = replace(self.config.listen, c2s_tls=0)
        service = self.service(tls=tls, listen=listen)
        service.startService()
        found = await self.ask("check")
        self.assertEqual({each["level"] for each in found}, {"ok", "warn"})
        self.assertIn(
            f"127.0.0.1 port {self.clear}: nobody else has it.",
            [each["finding"] for each in found],
        )
        await service.stopService()

    async def test_a_reload_that_fails(self) -> None:
        def no_log() -> None:
            raise OSError("no such directory")

        service = self.service(no_log)
        service.startService()
        self.patch(self.server, "reload", lambda: Reloaded(("localhost",), ("x: is bad.",)))
        asking: Deferred[Any] = Deferred.fromCoroutine(self.ask("reload"))
        error = await self.assertFailure(asking, CommandError)
        self.assertEqual(str(error), "nothing has changed: x: is bad.")
        self.assertEqual(self.logged("reloaded"), [])
        self.assertEqual(len(self.logged("the log cannot be opened anew")), 1)
        self.assertEqual(self.told.states[-1], "READY=1")
        await service.stopService()

    async def test_what_stops_the_start_before_privileges_are_dropped(self) -> None:
        def no_certificate() -> None:
            raise CertificateError("x.pem: expired")

        taken = socket.create_server(("127.0.0.1", self.direct))
        self.addCleanup(taken.close)
        service = self.service()
        self.assertRaises(PortError, service.privilegedStartService)
        self.assertFalse(self.connects(self.clear))
        self.patch(self.server, "load_certificates", no_certificate)
        self.assertRaises(CertificateError, service.privilegedStartService)
        self.assertEqual(self.told.states, [])

    async def test_data_in_use(self) -> None:
        service = self.service()
        with DataLock(self.data / "lock"):
            self.assertRaises(DataUnusable, service.startService)
        self.assertEqual({file.name for file in self.data.iterdir()}, {"lock"})
        self.assertEqual(self.told.states, [])
        await service.stopService()

    async def test_stopping_takes_so_long_at_most(self) -> None:
        service = self.service(shutdown_seconds=0.1)
        service.startService()
        stop = self.server.stop
        self.patch(self.server, "stop", lambda: Deferred())
        await service.stopService()
        self.assertEqual(len(self.logged("something had not stopped")), 1)
        DataLock(self.data / "lock").acquire()
        await stop()

    async def test_stopping_goes_on_when_something_fails(self) -> None:
        service = self.service()
        service.startService()
        stop = self.server.stop
        self.patch(self.server, "stop", lambda: fail(RuntimeError("broken")))
        await service.stopService()
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        DataLock(self.data / "lock").acquire()
        await stop()
