"""Tests of xmppd.net.transport, over stock transports and with real TLS."""

import gc
from collections.abc import Callable
from typing import Any, cast
from weakref import ref

from OpenSSL import SSL
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.net.pairs import join
from tests.net.pki import server
from tests.net.sockets import Wire
from xmppd.net.tls import ServerContexts
from xmppd.net.transport import PIECE, Channel, Flusher, Writer

HOST = "a.example"
LIMIT = 1000


def contexts() -> ServerContexts:
    return ServerContexts({HOST: server(HOST).identity()}, HOST)


class Memory(StringTransport):
    """Counts writes; each is kept apart."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        super().write(data)
        self.writes.append(data)


class WriterCase(SynchronousTestCase):
    """A test with a flusher, and writers over transports that keep what they are given."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.flusher = Flusher(self.clock)
        self.overflows = 0
        self.drains = 0

        self.at_overflow: list[Callable[[], None]] = []

    def overflow(self) -> None:
        self.overflows += 1
        for call in self.at_overflow:
            call()

    def drained(self) -> None:
        self.drains += 1

    def writer(self, transport: object, limit: int = LIMIT) -> Writer:
        return Writer(cast(Channel, transport), self.flusher, limit, self.overflow)

    def pair(self) -> tuple[Memory, Writer]:
        transport = Memory()
        return transport, self.writer(transport)


class FlushTests(WriterCase):
    """Many writes, one a turn."""

    def test_one_write_a_turn(self) -> None:
        transport, writer = self.pair()
        for data in (b"a", b"b", b"c"):
            writer.write(data)
        self.assertEqual(transport.writes, [])
        self.clock.advance(0)
        self.assertEqual(transport.writes, [b"abc"])
        writer.write(b"d")
        self.clock.advance(0)
        self.assertEqual(transport.writes, [b"abc", b"d"])

    def test_one_call_for_all(self) -> None:
        pairs = [self.pair() for _ in range(5)]
        for _ in range(3):
            for _, writer in pairs:
                writer.write(b"x")
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)
            self.clock.advance(0)
        self.assertEqual([transport.writes for transport, _ in pairs], [[b"x"] * 3] * 5)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nothing_is_copied(self) -> None:
        transport, writer = self.pair()
        data = b"x" * 100
        writer.write(data)
        self.clock.advance(0)
        self.assertIs(transport.writes[0], data)

    def test_flush_now(self) -> None:
        transport, writer = self.pair()
        writer.flush_now()
        writer.write(b"a")
        writer.write(b"b")
        writer.flush_now()
        self.assertEqual(transport.writes, [b"ab"])
        writer.write(b"c")
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(0)
        self.assertEqual(transport.writes, [b"ab", b"c"])

    def test_written_while_flushing(self) -> None:
        """What is written because of a write is not lost, nor put among what is being sent."""
        first, one = self.pair()
        second, two = self.pair()

        class Echo(Memory):
            def write(self, data: bytes) -> None:
                super().write(data)
                if data == b"go":
                    one.write(b"1")
                    two.write(b"2")

        echo = self.writer(Echo())
        two.write(b"0")
        echo.write(b"go")
        self.clock.advance(0)
        self.assertEqual((first.writes, second.writes), ([b"1"], [b"0", b"2"]))

    def test_a_broken_transport_does_not_stop_the_others(self) -> None:
        broken, bad = self.pair()
        whole, good = self.pair()
        bad.write(cast(Any, "no bytes"))
        good.write(b"a")
        self.clock.advance(0)
        self.assertEqual(whole.writes, [b"a"])
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)
        self.assertTrue(broken.disconnected)
        self.assertIsNone(broken.producer)

    def test_interface(self) -> None:
        transport, writer = self.pair()
        verifyObject(IPushProducer, writer)
        self.assertIs(transport.producer, writer)
        self.assertTrue(transport.streaming)
        self.assertFalse(hasattr(writer, "__dict__"))


class PressureTests(WriterCase):
    """The transport says when to pause."""

    def test_pause_and_resume(self) -> None:
        transport, writer = self.pair()
        self.assertTrue(writer.writable)
        writer.pauseProducing()
        self.assertFalse(writer.writable)
        writer.write(b"a")
        writer.write(b"b")
        writer.flush_now()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(0)
        self.assertEqual(transport.writes, [])
        writer.resumeProducing()
        self.assertTrue(writer.writable)
        self.assertEqual(transport.writes, [b"ab"])

    def test_pause_before_the_flush(self) -> None:
        transport, writer = self.pair()
        writer.write(b"a")
        writer.pauseProducing()
        self.clock.advance(0)
        self.assertEqual(transport.writes, [])
        writer.write(b"b")
        writer.resumeProducing()
        self.assertEqual(transport.writes, [b"ab"])
        writer.write(b"c")
        self.clock.advance(0)
        self.assertEqual(transport.writes, [b"ab", b"c"])

    def test_writing_says_when_to_stop(self) -> None:
        writer = self.writer(Memory(), limit=1000)
        self.assertFalse(writer.write(b"x" * 900))  # it is not the transport that makes us wait
        self.clock.advance(0)
        writer.pauseProducing()
        self.assertFalse(writer.write(b"x" * 250))
        self.assertTrue(writer.write(b"x"))
        self.assertFalse(writer.write(b"x" * 1000))  # dropped
        writer.resumeProducing()
        self.assertFalse(writer.write(b"x"))

    def test_drained(self) -> None:
        _, writer = self.pair()
        writer.pauseProducing()
        writer.resumeProducing()
        writer.drained = self.drained
        writer.write(b"a")
        self.clock.advance(0)
        self.assertEqual(self.drains, 0)
        for count in (1, 2):
            writer.pauseProducing()
            writer.write(b"a")
            writer.resumeProducing()
            self.assertEqual(self.drains, count)

    def test_not_drained_when_paused_again(self) -> None:
        class Small(Memory):
            def write(self, data: bytes) -> None:
                super().write(data)
                writer.pauseProducing()

        transport = Small()
        writer = self.writer(transport)
        writer.drained = self.drained
        writer.pauseProducing()
        writer.write(b"a")
        writer.resumeProducing()
        self.assertEqual((transport.writes, writer.writable, self.drains), ([b"a"], False, 0))

    def test_much_is_handed_over_in_pieces(self) -> None:
        data = bytes(range(256)) * (PIECE // 64)  # four pieces
        transport = Memory()
        writer = self.writer(transport, 10 * PIECE)
        writer.write(b"a")
        writer.write(data)
        self.clock.advance(0)
        self.assertEqual([PIECE] * 4 + [1], [len(write) for write in transport.writes])
        self.assertEqual(b"a" + data, transport.value())

    def test_one_piece_for_each_pause(self) -> None:
        """So that a slow reader is seen to read."""

        class Small(Memory):
            def write(self, data: bytes) -> None:
                super().write(data)
                writer.pauseProducing()

        transport, advances = Small(), []
        writer = self.writer(transport, 10 * PIECE)
        writer.drained = self.drained
        writer.advanced = lambda: advances.append(len(transport.writes))
        writer.write(b"x" * (2 * PIECE + 1))
        self.clock.advance(0)
        for _ in range(2):
            writer.resumeProducing()
        self.assertEqual(([2], 0), (advances, self.drains))
        self.assertEqual([PIECE, PIECE, 1], [len(write) for write in transport.writes])
        writer.resumeProducing()
        self.assertEqual(([2], 1), (advances, self.drains))

    def test_closing_hands_over_everything(self) -> None:
        transport = Memory()
        writer = self.writer(transport, 10 * PIECE)
        writer.pauseProducing()
        writer.write(b"x" * (2 * PIECE))
        writer.close(b"bye")
        self.assertEqual(b"x" * (2 * PIECE) + b"bye", transport.value())

    def test_overflow_comes_once_and_drops_whole_writes(self) -> None:
        transport, writer = self.pair()
        writer.pauseProducing()
        writer.write(b"a" * 600)
        writer.write(b"b" * 400)
        self.assertEqual(self.overflows, 0)
        writer.write(b"c")
        self.assertEqual(self.overflows, 1)
        self.assertFalse(writer.writable)
        for _ in range(3):
            writer.write(b"d")
        self.assertEqual(self.overflows, 1)
        writer.resumeProducing()
        self.assertEqual(transport.writes, [b"a" * 600 + b"b" * 400])
        self.assertFalse(writer.writable)
        writer.close(b"</stream:stream>")
        self.assertEqual(transport.writes[1:], [b"</stream:stream>"])

    def test_no_overflow_while_the_transport_takes_bytes(self) -> None:
        transport, writer = self.pair()
        for count in range(5):
            writer.write(b"x" * 600)
            self.assertEqual(transport.writes, [b"x" * 600] * count)
        writer.write(b"y" * 5000)
        self.clock.advance(0)
        self.assertEqual(self.overflows, 0)
        self.assertEqual(b"".join(transport.writes), b"x" * 3000 + b"y" * 5000)

    def test_overflow_may_end_the_connection(self) -> None:
        """The callback is called from within a write and may close or abort."""
        for end, left in ((Writer.close, [b"a" * 999]), (Writer.abort, [])):
            transport, writer = self.pair()
            self.patch(self, "at_overflow", [lambda end=end, writer=writer: end(writer)])
            writer.pauseProducing()
            writer.write(b"a" * 999)
            writer.write(b"bb")
            writer.write(b"c")
            self.assertEqual(transport.writes, left)
            self.assertTrue(transport.disconnecting)


class EndTests(WriterCase):
    """Closing, aborting and letting go."""

    def test_close_sends_everything(self) -> None:
        for paused in (False, True):
            transport, writer = self.pair()
            writer.write(b"a")
            if paused:
                writer.pauseProducing()
            writer.close(b"bye")
            self.assertEqual(transport.writes, [b"abye"])
            self.assertTrue(transport.disconnecting)
            self.assertFalse(transport.disconnected)
            self.assertIsNone(transport.producer)
            self.assertFalse(writer.writable)

    def test_close_with_nothing_to_say(self) -> None:
        transport, writer = self.pair()
        writer.close()
        self.assertEqual(transport.writes, [])
        self.assertTrue(transport.disconnecting)

    def test_abort_drops_everything(self) -> None:
        transport, writer = self.pair()
        writer.write(b"a")
        writer.abort()
        self.clock.advance(0)
        self.assertEqual(transport.writes, [])
        self.assertTrue(transport.disconnected)
        self.assertIsNone(transport.producer)

    def test_abort_after_close(self) -> None:
        """A peer that does not read the end is cut off."""
        transport, writer = self.pair()
        writer.close(b"bye")
        self.assertFalse(transport.disconnected)
        writer.abort()
        self.assertTrue(transport.disconnected)

    def test_nothing_works_afterwards(self) -> None:
        ends: tuple[Callable[[Writer], None], ...] = (
            Writer.close,
            Writer.abort,
            Writer.detach,
            Writer.stopProducing,
        )
        for end in ends:
            transport, writer = self.pair()
            writer.drained = self.drained
            writer.write(b"a")
            end(writer)
            before = list(transport.writes)
            self.assertFalse(writer.writable)
            writer.write(b"x" * 2 * LIMIT)
            writer.flush_now()
            writer.start_tls(contexts().creator())
            writer.close(b"y")
            writer.resumeProducing()
            writer.detach()
            writer.detach()
            writer.abort()
            self.clock.advance(0)
            self.assertEqual(transport.writes, before)
            self.assertEqual((self.overflows, self.drains), (0, 0))

    def test_a_transport_already_lost(self) -> None:
        wire = Wire(self)
        wire.peer.close()
        wire.reactor.turn()
        self.assertIsNotNone(wire.protocol.lost)
        writer = self.writer(wire.transport)
        self.assertFalse(writer.writable)
        writer.write(b"a")
        self.assertEqual(self.clock.getDelayedCalls(), [])


class Watched(Writer):
    """A writer whose end can be seen."""

    __slots__ = ("__weakref__",)


class Owner:
    """What holds a writer, and is called back by it."""

    def __init__(self, transport: object, flusher: Flusher) -> None:
        self.writer = Watched(cast(Channel, transport), flusher, LIMIT, self.overflow)
        self.writer.drained = self.drained

    def overflow(self) -> None:
        self.writer.abort()

    def drained(self) -> None:
        self.writer.write(b"more")


class FreedTests(WriterCase):
    """Nothing is left to the garbage collector."""

    def setUp(self) -> None:
        super().setUp()
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)

    def test_detached(self) -> None:
        transport = Memory()
        owner = Owner(transport, self.flusher)
        owner.writer.write(b"a")
        watched: list[ref[Any]] = [ref(owner), ref(owner.writer), ref(transport)]
        self.clock.advance(0)
        owner.writer.detach()
        del owner, transport
        self.assertEqual([one() for one in watched], [None, None, None])

    def test_detached_with_something_to_say(self) -> None:
        """The flusher holds the writer no longer than to the end of the turn."""
        transport = Memory()
        owner = Owner(transport, self.flusher)
        owner.writer.write(b"a")
        watched: list[ref[Any]] = [ref(owner), ref(transport)]
        writer = ref(owner.writer)
        owner.writer.detach()
        del owner, transport
        self.assertEqual([one() for one in watched], [None, None])
        self.assertIsNotNone(writer())
        self.clock.advance(0)
        self.assertIsNone(writer())

    def test_lost_while_paused_under_tls(self) -> None:
        """The transport's own leftovers do not hold the writer."""
        wire = Wire(self)
        owner = Owner(wire.transport, Flusher(wire.reactor))
        owner.writer.start_tls(contexts().creator())
        owner.writer.write(b"hello")
        watched: list[ref[Any]] = [ref(owner), ref(owner.writer)]
        wire.peer.close()
        wire.reactor.turn()
        wire.reactor.turn()
        self.assertIsNotNone(wire.protocol.lost)
        del owner
        self.assertEqual([one() for one in watched], [None, None])

    def test_tls_on_a_socket(self) -> None:
        wire = Wire(self)
        owner = Owner(wire.transport, Flusher(wire.reactor))
        owner.writer.start_tls(contexts().creator())
        owner.writer.write(b"hello")
        wire.start_tls(client())
        self.assertEqual(wire.talk(), b"hello" + b"more")
        watched: list[ref[Any]] = [ref(owner), ref(owner.writer), ref(wire.transport.getHandle())]
        owner.writer.close(b"bye")
        self.assertEqual(wire.talk(), b"bye")
        self.assertIsNotNone(wire.protocol.lost)
        owner.writer.detach()
        del owner
        self.assertEqual([one() for one in watched], [None, None, None])


class SocketTests(WriterCase):
    """A stock TCP transport with a real socket, slow readers and STARTTLS."""

    def setUp(self) -> None:
        super().setUp()
        self.wire = Wire(self)
        self.flusher = Flusher(self.wire.reactor)
        self.reader = self.writer(self.wire.transport, 200_000)

    def fill(self) -> bytes:
        """Write without being read until the writer is told to pause; return what was written."""
        sent = b""
        while self.reader.writable:
            data = bytes((65 + len(sent) // 10_000 % 26,)) * 10_000
            self.reader.write(data)
            sent += data
            self.wire.reactor.turn()
        return sent

    def drain(self) -> bytes:
        """Let the peer read everything."""
        taken = b""
        for _ in range(500):
            taken += self.wire.read()
            self.wire.reactor.turn()
        return taken

    def test_slow_reader(self) -> None:
        self.reader.drained = self.drained
        sent = self.fill()
        for _ in range(20):
            self.reader.write(b"y" * 10_000)
        self.assertEqual(self.overflows, 0)
        self.reader.write(b"z")
        self.assertEqual((self.overflows, self.drains), (1, 0))
        self.assertEqual(self.drain(), sent + b"y" * 200_000)

    def test_pause_and_drain(self) -> None:
        self.reader.drained = self.drained
        sent = self.fill()
        self.reader.write(b"y")
        self.assertEqual(self.drains, 0)
        self.assertEqual(self.drain(), sent + b"y")
        self.assertEqual((self.drains, self.reader.writable), (1, True))

    def test_close_waits_for_a_slow_reader(self) -> None:
        sent = self.fill()
        self.reader.close(b"bye")
        self.wire.reactor.turn()
        self.assertIsNone(self.wire.protocol.lost)
        self.assertEqual(self.drain(), sent + b"bye")
        self.assertIsNotNone(self.wire.protocol.lost)

    def test_abort_does_not(self) -> None:
        self.fill()
        self.reader.abort()
        self.wire.reactor.turn()
        self.assertIsNotNone(self.wire.protocol.lost)

    def test_starttls(self) -> None:
        """RFC 6120 section 5.4.2.3: TLS begins right behind <proceed/>."""
        self.reader.write(b"<features/>")
        self.reader.write(b"<proceed/>")
        self.reader.start_tls(contexts().creator(HOST))
        self.reader.write(b"secret")
        self.reader.flush_now()
        self.assertEqual(self.drain(), b"<features/><proceed/>")
        self.wire.start_tls(client())
        self.assertEqual(self.wire.talk(), b"secret")
        self.reader.write(b" and more")
        self.assertEqual(self.wire.talk(), b" and more")
        self.assertNotIn(b"secret", self.wire.wire)
        self.assertNotIn(b"more", self.wire.wire)

    def test_starttls_while_paused(self) -> None:
        self.reader.drained = self.drained
        clear = self.fill()
        self.reader.write(b"<proceed/>")
        self.reader.start_tls(contexts().creator())
        self.reader.write(b"secret")
        self.assertEqual(self.drain(), clear + b"<proceed/>")
        self.wire.start_tls(client())
        self.assertEqual(self.wire.talk(), b"secret")
        self.assertTrue(self.reader.writable)
        self.assertNotIn(b"secret", self.wire.wire)

    def secure(self) -> None:
        self.reader.start_tls(contexts().creator())
        self.wire.start_tls(client())
        self.assertEqual(self.wire.talk(), b"")

    def test_slow_reader_under_tls(self) -> None:
        self.secure()
        self.reader.drained = self.drained
        sent = self.fill()
        for _ in range(20):
            self.reader.write(b"y" * 10_000)
        self.assertEqual((self.overflows, self.drains), (0, 0))
        self.assertEqual(self.wire.talk(), sent + b"y" * 200_000)
        self.assertTrue(self.drains)
        self.assertTrue(self.reader.writable)

    def test_close_under_tls(self) -> None:
        self.secure()
        sent = self.fill()
        self.reader.close(b"bye")
        self.assertEqual(self.wire.talk(), sent + b"bye")
        self.assertIsNotNone(self.wire.protocol.lost)
        assert self.wire.tls is not None
        self.assertEqual(self.wire.tls.get_shutdown() & SSL.RECEIVED_SHUTDOWN, 2)

    def test_abort_under_tls(self) -> None:
        self.secure()
        self.fill()
        self.reader.abort()
        self.wire.reactor.turn()
        self.assertIsNotNone(self.wire.protocol.lost)

    def test_lost_while_paused(self) -> None:
        self.fill()
        self.reader.write(b"y")
        self.wire.peer.close()
        self.wire.reactor.turn()
        self.assertIsNotNone(self.wire.protocol.lost)
        self.assertFalse(self.reader.writable)
        self.reader.detach()


class DirectTlsTests(WriterCase):
    """Twisted's TLS transport from the first byte."""

    def test_write_and_close(self) -> None:
        pair = join(contexts().creator())
        writer = Writer(
            cast(Channel, pair.server.transport), Flusher(pair.pump.clock), LIMIT, self.overflow
        )
        writer.write(b"a")
        writer.write(b"b")
        pair.pump.flush()
        self.assertEqual(pair.client.received, b"ab")
        writer.close(b"c")
        pair.pump.flush()
        self.assertEqual(pair.client.received, b"abc")
        self.assertIsNotNone(pair.client.lost)


def client() -> SSL.Connection:
    return SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
