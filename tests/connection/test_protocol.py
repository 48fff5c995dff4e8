"""What holds for any stream over a connection: how it ends (RFC 6120 4.4, 4.9)."""

from collections.abc import Callable

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from xmppd.connection.protocol import StreamProtocol
from xmppd.net.transport import Flusher
from xmppd.stanza.stanza import Stanza
from xmppd.stream.errors import StreamError
from xmppd.stream.inbound import InboundStream, State
from xmppd.stream.limits import StreamLimits
from xmppd.wire.namespaces import SERVER, STREAMS

HEADER = f"<stream:stream xmlns='{SERVER}' xmlns:stream='{STREAMS}' to='a' version='1.0'>".encode()
CLOSE = b"</stream:stream>"
SECONDS = 5.0


class Plain(StreamProtocol):
    """A protocol whose stream is opened and established at once; it notes what comes."""

    _stream: InboundStream

    def __init__(self, clock: Clock, *, opens: bool = True, establishes: bool = True) -> None:
        super().__init__(InboundStream(SERVER, "a", StreamLimits()), "192.0.2.1")
        self.clock = clock
        self.opens, self.establishes = opens, establishes
        self.over = self.full = False
        self.noted: list[object] = []
        self.then: Callable[[], object] = bool

    def connectionMade(self) -> None:
        self._write_to(Flusher(self.clock), 1000, bool, bool)
        if self.opens:
            self._stream.receive(HEADER)
            self.write(self._stream.open("a", "id"))
        if self.establishes:
            self._stream.establish()

    @property
    def is_over(self) -> bool:
        return self.over

    @property
    def _is_full(self) -> bool:
        return self.full and self._stream.state is not State.CLOSED

    def _take_in(self, data: bytes) -> None:
        if self.over:
            self._await_end(data)
            return
        self.noted += self._stream.receive(data)
        self.then()

    @override
    def _take_late(self, stanza: Stanza) -> None:
        self.noted.append(f"late {stanza.id}")
        self.then()

    @override
    def _confirmed(self) -> None:
        self.noted.append("confirmed")

    def _failure(self, error: StreamError) -> bytes:
        return self._stream.fail(error, "id")

    def _finish(self, reason: str) -> None:
        self.noted.append(reason)
        self.over = True

    def _limit_end(self) -> None:
        self.deadline = self.clock.seconds() + SECONDS

    def _gone(self, reason: Failure) -> None:
        self.noted.append("gone")


class EndTests(SynchronousTestCase):
    """Both sides close; who does not is not waited for."""

    def setUp(self) -> None:
        self.connect()

    def connect(self, *, opens: bool = True, establishes: bool = True) -> None:
        self.clock = Clock()
        self.transport = StringTransport()
        self.protocol = Plain(self.clock, opens=opens, establishes=establishes)
        self.protocol.makeConnection(self.transport)
        self.written()

    def written(self) -> bytes:
        """Return what has been sent since the last look."""
        self.clock.advance(0)
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def gone(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))  # type: ignore[no-untyped-call]

    def noted(self, *expected: object) -> None:
        """Fail unless exactly this has been noted."""
        noted, self.protocol.noted = self.protocol.noted, []
        self.assertEqual(noted, list(expected))

    def test_a_polite_end(self) -> None:
        self.protocol.close("we are done")
        self.assertEqual(self.written(), CLOSE)
        self.noted("we are done")
        self.assertEqual(self.protocol.deadline, SECONDS)
        self.protocol.close()
        self.protocol.fail(StreamError("reset"))
        self.protocol.dataReceived(b"<message id='1'/><iq id='2'/>")
        self.noted("late 1", "late 2")
        self.assertFalse(self.transport.disconnecting)
        self.protocol.dataReceived(b"<message id='3'/></stream:stream>")
        self.noted("late 3", "confirmed")
        self.assertTrue(self.transport.disconnecting)
        self.assertEqual(self.written(), b"")

    def test_an_error(self) -> None:
        self.protocol.leave()
        self.assertIn(b"<system-shutdown ", self.written())
        self.noted("we ended the stream (system-shutdown)")
        self.protocol.dataReceived(b"<message/></stream:stream>")
        self.noted("confirmed")
        self.assertTrue(self.transport.disconnecting)

    def test_a_side_that_does_not_read(self) -> None:
        """No end is waited for."""
        writer = self.protocol._writer
        assert writer is not None
        writer.pauseProducing()
        self.protocol.overflow()
        self.assertTrue(self.transport.disconnecting)
        self.noted("we ended the stream (resource-constraint: you read too slowly)")

    def test_a_side_that_does_not_close(self) -> None:
        for end in (Plain.close, Plain.leave):
            self.setUp()
            end(self.protocol)
            self.protocol.overdue()
            self.assertTrue(self.transport.disconnecting)
            self.assertFalse(self.transport.disconnected)
            self.protocol.dataReceived(b"<message/>")
            self.assertNotIn("late ", self.protocol.noted)
            self.protocol.overdue()
            self.assertTrue(self.transport.disconnected)

    def test_reading_goes_on_for_the_end_of_the_connection(self) -> None:
        self.protocol.full = True
        self.protocol.close()
        self.assertEqual(self.transport.producerState, "paused")
        self.clock.advance(SECONDS)
        self.protocol.overdue()
        self.assertEqual(self.transport.producerState, "producing")
        self.assertEqual(self.protocol.deadline, 2 * SECONDS)

    def test_an_end_that_is_there_before(self) -> None:
        """It does not tell whether ours has been read, whether it was read itself or not."""
        for establishes, data in ((True, CLOSE), (False, b"<x xmlns='urn:x'/>" + CLOSE)):
            self.connect(establishes=establishes)
            self.protocol.then = self.protocol.close
            self.protocol.dataReceived(data)
            self.assertTrue(self.transport.disconnecting)
            self.assertEqual(self.written(), CLOSE)
            self.assertNotIn("confirmed", self.protocol.noted)

    def test_a_stream_that_was_not_opened(self) -> None:
        """Nobody would know what to close."""
        self.connect(opens=False)
        self.protocol.close()
        self.assertTrue(self.transport.disconnecting)
        self.assertEqual(self.written(), b"")

    def test_what_is_wrong_behind_our_end(self) -> None:
        for wrong in (StreamError("invalid-from"), RuntimeError("a fault")):
            self.setUp()
            self.protocol.close()
            self.written()
            self.protocol.then = lambda wrong=wrong: _raise(wrong)  # type: ignore[misc]
            self.protocol.noted.clear()
            self.protocol.dataReceived(b"<message id='1'/><message id='2'/>")
            self.protocol.dataReceived(b"<message id='3'/>")
            self.noted("late 1")
            self.assertEqual(self.written(), b"")
            self.assertTrue(self.transport.disconnecting)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_what_is_wrong_before(self) -> None:
        for wrong, condition in (
            (StreamError("invalid-from"), b"<invalid-from "),
            (RuntimeError("a fault"), b"<internal-server-error "),
        ):
            self.setUp()
            self.protocol.then = lambda wrong=wrong: _raise(wrong)  # type: ignore[misc]
            self.protocol.dataReceived(b" ")
            self.assertIn(condition, self.written())
            self.assertFalse(self.transport.disconnecting)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_a_connection_that_is_lost_meanwhile(self) -> None:
        """What was read behind that goes nowhere."""
        self.protocol.close("we are done")
        self.protocol.then = self.gone
        self.protocol.dataReceived(b"<message id='1'/><message id='2'/></stream:stream>")
        self.noted("we are done", "late 1", "gone")

    def test_nothing_is_done_to_a_connection_that_is_lost(self) -> None:
        self.gone()
        self.protocol.full = True
        for act in (
            self.protocol.regulate,
            self.protocol.abort,
            self.protocol.close,
            self.protocol.leave,
            self.protocol.overdue,
            lambda: self.protocol.write(b"x"),
            lambda: self.protocol.dataReceived(b"<message/>"),
        ):
            act()
        self.noted("gone")
        self.assertEqual((self.written(), self.protocol.writable), (b"", False))
        self.assertIsNone(self.protocol.transport)

    def test_reading(self) -> None:
        for full, state in ((True, "paused"), (True, "paused"), (False, "producing")):
            self.protocol.full = full
            self.protocol.regulate()
            self.assertEqual(self.transport.producerState, state)


def _raise(error: Exception) -> None:
    raise error
