"""Tests of xmppd.stream.acks."""

from hypothesis import given, settings
from hypothesis.strategies import integers, lists, tuples
from twisted.trial.unittest import SynchronousTestCase

from xmppd.stream.acks import MODULUS, Acks
from xmppd.stream.errors import StreamError
from xmppd.wire.element import Element
from xmppd.wire.namespaces import STREAM_MANAGEMENT
from xmppd.wire.serializer import serialize

LAST = MODULUS - 1


class AcksTests(SynchronousTestCase):
    """What was sent, and what of it is acknowledged."""

    def assert_too_high(self, acks: Acks[str], h: int) -> StreamError:
        """Check that a count is refused and changes nothing."""
        before = acks.unacknowledged, acks.sent
        error: StreamError = self.assertRaises(StreamError, acks.acknowledge, h)
        self.assertEqual(error.condition, "undefined-condition")
        self.assertEqual((acks.unacknowledged, acks.sent), before)
        return error

    def test_a_session(self) -> None:
        acks: Acks[str] = Acks()
        self.assertEqual((acks.sent, acks.handled, len(acks)), (0, 0, 0))
        self.assertEqual(acks.acknowledge(0), [])
        acks.send("ab")
        acks.send("c")
        self.assertEqual((acks.sent, acks.unacknowledged), (3, ("a", "b", "c")))
        self.assertEqual(acks.acknowledge(2), ["a", "b"])
        self.assertEqual(acks.acknowledge(2), [])
        acks.send("d")
        self.assertEqual((acks.sent, acks.unacknowledged, len(acks)), (4, ("c", "d"), 2))
        self.assertEqual(acks.acknowledge(4), ["c", "d"])
        self.assertEqual((acks.sent, acks.unacknowledged, len(acks)), (4, (), 0))

    def test_handled(self) -> None:
        for start, count, expected in ((0, 1, 1), (7, 3, 10), (LAST, 1, 0), (LAST - 1, 5, 3)):
            acks: Acks[str] = Acks(start)
            acks.handle(count)
            self.assertEqual(acks.handled, expected)
        acks = Acks()
        acks.handle()
        self.assertEqual((acks.handled, acks.sent), (1, 0))

    def test_counts_start_again(self) -> None:
        """Section 4: 2**32 - 1 is followed by 0."""
        acks: Acks[str] = Acks(0, LAST - 1)
        acks.send("abcd")
        self.assertEqual(acks.sent, 2)
        self.assertEqual(acks.acknowledge(LAST), ["a"])
        self.assert_too_high(acks, LAST - 1)
        self.assertEqual(acks.acknowledge(1), ["b", "c"])
        self.assert_too_high(acks, LAST)
        self.assertEqual(acks.acknowledge(2), ["d"])

    def test_too_high(self) -> None:
        acks: Acks[str] = Acks()
        self.assert_too_high(acks, 1)
        acks.send("abc")
        acks.acknowledge(2)
        for h in (4, 1, 0, LAST, 2**31):
            self.assert_too_high(acks, h)
        self.assertEqual(acks.acknowledge(3), ["c"])

    def test_what_the_peer_is_told(self) -> None:
        """Section 6, the example there."""
        acks: Acks[str] = Acks()
        acks.send("abcdefgh")
        error = self.assert_too_high(acks, 10)
        self.assertEqual(
            error.detail,
            Element("handled-count-too-high", STREAM_MANAGEMENT, {"h": "10", "send-count": "8"}),
        )
        self.assertIn(b"10 stanzas acknowledged, 8 sent", serialize(error.to_element()))

    @settings(deadline=None, derandomize=True, database=None)
    @given(integers(0, LAST), lists(tuples(integers(0, 5), integers(0, 7))))
    def test_a_model(self, start: int, steps: list[tuple[int, int]]) -> None:
        """Against a list of all that was sent, and plain numbers."""
        acks: Acks[int] = Acks(0, start)
        sent = done = 0
        for more, ahead in steps:
            acks.send(range(sent, sent + more))
            sent += more
            target = done + ahead
            if target > sent:
                with self.assertRaises(StreamError):
                    acks.acknowledge((start + target) % MODULUS)
                continue
            found = acks.acknowledge((start + target) % MODULUS)
            self.assertEqual(found, list(range(done, target)))
            done = target
            self.assertEqual(acks.unacknowledged, tuple(range(done, sent)))
            self.assertEqual(acks.sent, (start + sent) % MODULUS)
