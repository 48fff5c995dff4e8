"""Tests of xmppd.c2s.intake."""

from collections.abc import Coroutine
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from xmppd.c2s.channel import IChannel
from xmppd.c2s.intake import Intake
from xmppd.stream.errors import StreamError
from xmppd.stream.inbound import InboundStream

ROOM = 10


class Stream:
    """Has one event for each byte it was fed."""

    def __init__(self) -> None:
        self.rest = b""

    @property
    def unread(self) -> int:
        return len(self.rest)

    def receive(self, data: bytes) -> list[object]:
        data = self.rest + data
        self.rest = data[1:]
        return [data[:1].decode()] if data else []


class Channel:
    """Passes what it is given on to the intake, and writes down the rest."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self.paused = False
        self.passed_on: list[bytes] = []
        self.intake: Intake | None = None

    def fail(self, error: StreamError) -> None:
        self.failed.append(error.condition)
        assert self.intake is not None
        self.intake.stop()

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def dataReceived(self, data: bytes) -> None:
        self.passed_on.append(data)
        assert self.intake is not None
        self.intake.receive(data)


class IntakeTests(SynchronousTestCase):
    """Each event is a letter; capitals wait, others do what `do` says."""

    def setUp(self) -> None:
        self.taken = ""
        self.waits: list[Deferred[None]] = []
        self.cancelled = 0
        self.stream, self.channel = Stream(), Channel()
        self.intake = Intake(
            cast(IChannel, self.channel), cast(InboundStream, self.stream), self.take, ROOM
        )
        self.channel.intake = self.intake

    def take(self, event: object) -> Coroutine[Any, Any, None]:
        return self.act(str(event))

    async def act(self, letter: str) -> None:
        self.taken += letter
        if letter == "f":
            self.intake.finish()
        elif letter == "s":
            raise StreamError("conflict")
        elif letter == "x":
            raise ZeroDivisionError
        elif letter == "e":
            self.channel.fail(StreamError("reset"))
            await self.wait()
        elif letter.isupper():
            await self.wait()
            if letter == "F":
                self.intake.finish()
            elif letter == "S":
                raise StreamError("conflict")

    def wait(self) -> "Deferred[None]":
        def cancel(_: object) -> None:
            self.cancelled += 1

        self.waits.append(Deferred(cancel))
        return self.waits[-1]

    def test_one_after_the_other(self) -> None:
        self.intake.receive(b"abc")
        self.assertEqual((self.taken, self.channel.paused), ("abc", False))

    def test_waiting(self) -> None:
        self.intake.receive(b"aBcDe"[:4])
        self.assertEqual((self.taken, self.channel.paused), ("aB", True))
        self.intake.receive(b"gh")
        self.waits.pop(0).callback(None)
        self.assertEqual((self.taken, self.channel.paused), ("aBcD", True))
        self.waits.pop(0).callback(None)
        self.assertEqual((self.taken, self.channel.paused), ("aBcDgh", False))

    def test_what_is_held_is_bounded(self) -> None:
        self.intake.receive(b"A")
        self.intake.receive(b"x" * ROOM)
        self.assertEqual(self.channel.failed, [])
        self.intake.receive(b"x")
        self.assertEqual(self.channel.failed, ["policy-violation"])
        self.assertEqual((self.taken, self.cancelled), ("A", 1))

    def test_faults(self) -> None:
        for letters, condition in ((b"sa", "conflict"), (b"xa", "internal-server-error")):
            self.setUp()
            self.intake.receive(letters)
            self.assertEqual(self.channel.failed, [condition])
            self.assertEqual(self.taken, letters[:1].decode())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_faults_behind_a_wait(self) -> None:
        self.intake.receive(b"Sa")
        self.waits.pop().callback(None)
        self.assertEqual((self.channel.failed, self.taken), (["conflict"], "S"))
        self.assertEqual(self.channel.passed_on, [])

    def test_stopped(self) -> None:
        self.intake.receive(b"Ab")
        self.intake.receive(b"c")
        self.intake.stop()
        self.assertEqual((self.taken, self.cancelled, self.channel.failed), ("A", 1, []))
        self.assertEqual(self.channel.passed_on, [])

    def test_ended_on_the_way(self) -> None:
        """Work that ends the stream and then would wait is not waited for."""
        self.intake.receive(b"ea")
        self.assertEqual(self.channel.failed, ["reset"])
        self.assertEqual((self.taken, self.cancelled, self.channel.paused), ("e", 1, False))

    def test_finished(self) -> None:
        """What follows is left for whoever comes next."""
        self.intake.receive(b"fabc")
        self.assertEqual((self.taken, self.stream.rest), ("f", b"abc"))

    def test_finished_behind_a_wait(self) -> None:
        self.intake.receive(b"Fa")
        self.intake.receive(b"bc")
        self.waits.pop().callback(None)
        self.assertEqual(self.channel.passed_on, [b"bc"])
        self.assertFalse(self.channel.paused)
        self.assertEqual(self.taken, "F")
