"""What was sent to a server that acknowledges nothing, and when it counts as arrived."""

from collections.abc import Callable
from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.network.watcher import said
from tests.s2s.test_keeping import KeepingCase
from tests.s2s.test_outgoing import message
from tests.s2s.world import Peer, service
from xmppd.s2s.unsure import Unsure


class UnsureTests(SynchronousTestCase):
    """Three stanzas, and a hundred bytes, are not too many."""

    def setUp(self) -> None:
        self.unsure = Unsure(3, 100)
        self.sure: list[str] = []

    def receipt(self, name: str) -> Callable[[bool], None]:
        def receipt(arrived: bool) -> None:
            self.sure.append(f"{name} {arrived}")

        return receipt

    def test_table(self) -> None:
        """After ten seconds of quiet."""
        for sent, now, expected in (
            ([], 50.0, ""),
            ([(0.0, 10), (1.0, 10)], 9.9, ""),
            ([(0.0, 10), (1.0, 10)], 10.0, "0"),
            ([(0.0, 10), (1.0, 10)], 11.0, "01"),
            ([(0.0, 10)] * 3, 9.0, ""),
            ([(0.0, 10)] * 5, 9.0, "01"),
            ([(0.0, 50)] * 3, 9.0, "0"),
            ([(0.0, 500), (0.0, 10)], 9.0, "0"),
            ([(0.0, 500)], 9.0, "0"),
            # What may not have left yet, and what is behind it.
            ([(9.0, 10)] * 5, 9.05, ""),
            ([(9.0, 10)] * 5, 9.1, "01"),
            ([(0.0, 10), *[(9.0, 10)] * 5], 9.05, "0"),
        ):
            self.setUp()
            for number, (at, size) in enumerate(sent):
                self.unsure.add(self.receipt(str(number)), size, at)
            for receipt in self.unsure.take(now - 10.0, now):
                receipt(True)
            self.assertEqual(self.sure, [f"{name} True" for name in expected], (sent, now))
            self.assertEqual(len(self.unsure), len(sent) - len(expected))

    def test_all(self) -> None:
        for number in range(5):
            self.unsure.add(self.receipt(str(number)), 100, 0.0)
        self.assertTrue(self.unsure.are_many)
        for receipt in self.unsure.take_all():
            receipt(False)
        self.assertEqual(self.sure, [f"{number} False" for number in range(5)])
        self.assertEqual((len(self.unsure), self.unsure.are_many), (0, False))


class RateTests(KeepingCase):
    """Sixteen messages may be kept for a domain, eight of one account; four may be in doubt."""

    settings: ClassVar[dict[str, Any]] = {"retry_longest_seconds": 10.0, "spool_stanzas": 16}

    def connected(self, *offered: str) -> Peer:
        self.comes()
        self.sends(message("0"))
        peer = self.ready(*offered)
        peer.takes()
        return peer

    def writes(self, count: int) -> None:
        for number in range(count):
            self.sends(message(str(number)))
            self.world.clock.advance(0.1)

    def refused(self) -> list[str]:
        found = [said(stanza) for stanza in self.juliet.stanzas]
        self.juliet.overlook()
        return found

    def test_as_fast_as_the_connection_takes_it(self) -> None:
        """Far more, within the quiet time, than may be kept."""
        peer = self.connected()
        self.writes(100)
        self.assertEqual((len(peer.takes()), self.refused()), (100, []))
        self.assertEqual(self.kept(), (0, 4))
        self.world.passes(31)
        self.assertEqual(self.kept(), (0, 0))

    def test_not_all_at_once(self) -> None:
        """What may not have left this machine yet has not arrived."""
        peer = self.connected()
        self.sends(*(message(str(number)) for number in range(20)))
        mine = "resource-constraint: too much of yours waits for other servers"
        self.assertEqual((len(peer.takes()), self.refused()), (7, [mine] * 13))

    def test_not_while_the_connection_takes_nothing(self) -> None:
        peer = self.connected()
        self.writes(4)
        (stream,) = service(self.server).around.connections.all()
        stream._writer.pauseProducing()  # type: ignore[attr-defined]  # as a full transport does
        self.writes(10)
        self.world.passes(15)
        self.assertEqual((self.kept(), len(self.refused())), ((0, 8), 6))
        stream._writer.resumeProducing()  # type: ignore[attr-defined]
        self.world.passes(2)
        self.assertEqual((self.kept(), len(peer.takes())), ((0, 4), 8))

    def test_what_is_in_doubt_comes_back(self) -> None:
        """The last four only, when the connection is lost."""
        peer = self.connected()
        self.writes(10)
        self.assertEqual(self.refused(), [])
        peer.transport.abortConnection()
        self.world.turn()
        ids = [stanza.id for stanza in self.juliet.stanzas]
        self.assertEqual(ids, ["6", "7", "8", "9"])
