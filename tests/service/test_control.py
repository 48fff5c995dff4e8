"""The control socket: real sockets for who may use it, bytes in memory for what is said."""

import json
import os
import socket
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.service.sockets import Commands, short_directory
from xmppd.api.commands import CommandError
from xmppd.service import control
from xmppd.service.control import IDLE_SECONDS, MOST_CLIENTS, ControlError, ControlFactory, listen
from xmppd.service.control_connection import NotRunning, RunningServer
from xmppd.service.control_messages import LONGEST_REQUEST, write_request

REACTOR: Any = reactor
ECHO = write_request("echo", {"text": "x"})
REFUSE = write_request("refuse", {})
WAIT = write_request("wait", {})


class Client(StringTransport):
    """One connection in memory."""

    def __init__(self, factory: ControlFactory) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.protocol: Any = factory.buildProtocol(None)
        self.protocol.makeConnection(self)  # type: ignore[no-untyped-call]

    def says(self, data: bytes) -> list[Any]:
        """Send bytes and return the answers that have come."""
        self.protocol.dataReceived(data)
        return self.heard()

    def heard(self) -> list[Any]:
        lines = self.value().splitlines()
        self.clear()
        return [json.loads(line) for line in lines]

    def hangs_up(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionError()))  # type: ignore[no-untyped-call]


class ConversationTests(SynchronousTestCase):
    """What a client hears."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.commands = Commands()
        self.user: int | None = os.geteuid()
        self.factory = ControlFactory(self.commands.all(), self.clock, lambda transport: self.user)

    def client(self) -> Client:
        return Client(self.factory)

    def test_answers(self) -> None:
        result = {"text": "x", "times": 1, "scale": 1.0, "loud": False}
        table: list[tuple[bytes, list[Any]]] = [
            (ECHO, [{"result": result}]),
            (REFUSE, [{"error": "it will not be done"}]),
            (ECHO + REFUSE, [{"result": result}, {"error": "it will not be done"}]),
            (b"nonsense\n", [{"error": "the request is not JSON"}]),
            (b"", []),
            (ECHO[:-1], []),
        ]
        for data, expected in table:
            with self.subTest(data=data):
                client = self.client()
                self.assertEqual(client.says(data), expected)
                self.assertFalse(client.disconnecting)
                client.hangs_up()

    def test_byte_by_byte(self) -> None:
        client = self.client()
        heard = [client.says(bytes([byte])) for byte in REFUSE + REFUSE]
        self.assertEqual(
            [answer for answer in heard if answer], 2 * [[{"error": "it will not be done"}]]
        )

    def test_many_small_requests_in_one_piece(self) -> None:
        self.assertEqual(
            len(self.client().says(b"\n" * (LONGEST_REQUEST - 1))), LONGEST_REQUEST - 1
        )

    def test_exceptions_are_logged_and_kept_to_ourselves(self) -> None:
        answers = self.client().says(write_request("break", {}))
        self.assertEqual(answers, [{"error": "the command failed; the log of the server says why"}])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_one_after_the_other(self) -> None:
        client = self.client()
        self.assertEqual(client.says(WAIT + REFUSE), [])
        self.assertEqual(client.producerState, "paused")
        self.clock.advance(2 * IDLE_SECONDS)
        self.assertFalse(client.disconnecting)
        self.commands.waiting.callback("done")
        self.assertEqual(client.heard(), [{"result": "done"}, {"error": "it will not be done"}])
        self.assertEqual(client.producerState, "producing")

    def test_a_client_that_leaves_while_it_waits(self) -> None:
        client = self.client()
        client.says(WAIT + REFUSE)
        client.hangs_up()
        self.commands.waiting.callback("done")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(len(client.heard()), 1)

    def test_requests_have_a_length(self) -> None:
        padding = b" " * (LONGEST_REQUEST - len(ECHO))
        table = [
            (padding + ECHO, False),
            (b" " + padding + ECHO, True),
            (b" " * (LONGEST_REQUEST - 1), False),
            (b" " * LONGEST_REQUEST, True),
            (b" " * (10 * LONGEST_REQUEST), True),
        ]
        for data, refused in table:
            with self.subTest(length=len(data)):
                client = self.client()
                heard = client.says(data)
                self.assertIs(client.disconnecting, refused)
                error = [{"error": "a request has at most 65536 bytes"}]
                self.assertIs(heard == error, refused)
                client.hangs_up()

    def test_silence_has_an_end(self) -> None:
        client = self.client()
        self.clock.advance(IDLE_SECONDS - 1)
        client.says(ECHO)
        self.clock.advance(IDLE_SECONDS - 1)
        self.assertFalse(client.disconnecting)
        self.clock.advance(1)
        self.assertEqual(client.heard(), [{"error": "no request came"}])
        self.assertTrue(client.disconnecting)
        client.hangs_up()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_few_at_a_time(self) -> None:
        clients = [self.client() for _ in range(MOST_CLIENTS)]
        self.assertTrue(all(client.says(ECHO) for client in clients))
        for _ in range(2):
            late = self.client()
            self.assertEqual(
                late.heard(), [{"error": "there are too many connections to the control socket"}]
            )
            self.assertTrue(late.disconnecting)
            self.assertEqual(late.says(ECHO), [])
            late.hangs_up()
        clients[0].hangs_up()
        self.assertTrue(self.client().says(ECHO))

    def test_users(self) -> None:
        table = [(os.geteuid(), True), (0, True), (None, True), (os.geteuid() + 1, False)]
        for user, admitted in table:
            with self.subTest(user=user):
                self.user = user
                client = self.client()
                self.assertIs(client.disconnecting, not admitted)
                self.assertIs("result" in str(client.says(ECHO)), admitted)
                client.hangs_up()


class SocketTests(TestCase):
    """A server and blocking clients on a real socket."""

    def setUp(self) -> None:
        self.folder = short_directory(self)
        self.path = self.folder / "socket"
        self.commands = Commands()
        self.factory = ControlFactory(self.commands.all(), REACTOR)

    def listen(self) -> None:
        port = listen(REACTOR, self.path, self.factory)
        self.addCleanup(lambda: maybeDeferred(port.stopListening))

    async def ask(self, *paths: Path, command: str = "echo", **arguments: Any) -> Any:
        server = RunningServer(paths or (self.path,))
        return await deferToThread(server.run, command, arguments)

    async def test_a_command(self) -> None:
        self.listen()
        answer = await self.ask(self.folder / "missing", self.path, text="x", loud=True)
        self.assertEqual(answer, {"text": "x", "times": 1, "scale": 1.0, "loud": True})
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    async def test_commands_are_described(self) -> None:
        self.listen()
        described = await deferToThread(RunningServer([self.path]).described)
        self.assertEqual(described[0].name, "echo")

    async def test_the_user_of_the_peer(self) -> None:
        users: list[int | None] = []

        def note(transport: Any) -> int | None:
            users.append(control.peer_user(transport))
            return users[-1]

        self.factory = ControlFactory(self.commands.all(), REACTOR, note)
        self.listen()
        await self.ask(text="x")
        self.assertEqual(users, [os.geteuid()])

    def test_systems_that_do_not_tell(self) -> None:
        self.patch(control, "socket", object())
        self.assertIsNone(control.peer_user(None))

    async def test_refusals(self) -> None:
        self.listen()
        error = await self.assertFailure(
            deferToThread(RunningServer([self.path]).run, "refuse", {}), CommandError
        )
        self.assertEqual(str(error), "it will not be done")

    async def test_nobody_there(self) -> None:
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(str(self.path))
        dead.close()
        file = self.folder / "file"
        file.touch()
        table = [
            ((), "the server is not running"),
            ((self.path, self.folder / "missing", file / "x"), "the server is not running"),
            ((self.folder / ("x" * 200),), "cannot be reached (AF_UNIX path too long)"),
        ]
        for paths, message in table:
            with self.subTest(message=message):
                error = self.assertRaises(NotRunning, RunningServer(paths).run, "echo", {})
                self.assertIn(message, str(error))

    async def test_a_server_that_hangs_up(self) -> None:
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(self.path))
        listener.listen(2)

        def hang_up(answer: bytes) -> None:
            connection, _ = listener.accept()
            connection.recv(1000)
            connection.sendall(answer)
            connection.close()

        for answer in (b"", b'{"result": 1}'):
            with self.subTest(answer=answer):
                hanging = deferToThread(hang_up, answer)
                asking = deferToThread(RunningServer([self.path]).run, "echo", {})
                error = await self.assertFailure(asking, NotRunning)
                self.assertIn("hung up without an answer", str(error))
                await hanging

    async def test_a_server_that_breaks_off(self) -> None:
        class Broken(RunningServer):
            def _connect(self) -> Any:
                one, other = socket.socketpair()
                other.close()
                return one

        error = self.assertRaises(NotRunning, Broken([]).run, "echo", {"text": "x" * 10})
        self.assertIn("the server does not answer", str(error))

    async def test_a_stale_socket_is_replaced(self) -> None:
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(str(self.path))
        dead.close()
        self.listen()
        self.assertEqual((await self.ask(text="x"))["text"], "x")

    async def test_places_that_cannot_be_used(self) -> None:
        alive = socket.socket(socket.AF_UNIX)
        self.addCleanup(alive.close)
        alive.bind(str(self.path))
        alive.listen()
        file = self.folder / "file"
        file.touch()
        datagrams = self.folder / "datagrams"
        other = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(other.close)
        other.bind(str(datagrams))
        table = [
            (self.path, f"{self.path}: another server answers there"),
            (file, f"{file}: is there and is no socket; remove it"),
            (datagrams, f"{datagrams}: cannot be used (Protocol wrong type for socket)"),
            (self.folder / "no" / "x", "cannot be listened on (["),
        ]
        for path, message in table:
            with self.subTest(message=message):
                error = self.assertRaises(ControlError, listen, REACTOR, path, self.factory)
                self.assertIn(message, str(error))
        self.assertTrue(file.exists())
