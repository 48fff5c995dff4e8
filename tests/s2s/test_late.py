"""What comes behind a polite end of ours: RFC 6120 4.4, rule 2, and XEP-0198 4."""

from typing import Any, ClassVar

from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from tests.c2s.texts import CLOSE, stream_error
from tests.s2s.test_incoming import message
from tests.s2s.test_life import TakingCase
from tests.s2s.test_outgoing import SM, OutgoingCase, header, sent
from tests.s2s.test_outgoing import message as hello
from tests.s2s.world import CAPULET, MONTAGUE, Peer, service
from xmppd.s2s.dialled import DialledStream
from xmppd.s2s.pairs import Pair

CLOSING_SECONDS = 5


class LateCase(TakingCase):
    """A peer whose stream we have closed because it was idle, and which has not closed its own."""

    settings: ClassVar[dict[str, Any]] = {"inbox_stanzas": 5, "idle_seconds": 50.0}

    def idle(self, *before: str) -> Peer:
        """Return a peer that has sent something once, and then nothing until we closed."""
        peer = self.sender()
        peer.sends(*before)
        self.heard()
        self.world.passes(51)
        self.assertTrue(peer.reader.ended)
        self.assertIsNone(peer.lost)
        peer.takes()
        return peer

    def ids(self) -> list[str]:
        """Return the ids of what has come to Juliet."""
        return [text.partition('id="')[2].partition('"')[0] for text in self.heard()]

    def over(self, peer: Peer) -> None:
        """Fail unless the connection is gone, nothing was said, and nothing is left."""
        peer.receives()
        self.assertIsNotNone(peer.lost)
        self.assertEqual(len(service(self.server)), 0)


class TakenTests(LateCase):
    """Stanzas that were on their way."""

    def test_they_arrive(self) -> None:
        peer = self.idle()
        peer.sends(message(id="1"), message(id="2"))
        self.assertEqual(self.ids(), ["1", "2"])
        self.world.passes(CLOSING_SECONDS - 2)
        peer.sends(message(id="3") + message(id="4") + CLOSE + message(id="5"))
        self.assertEqual(self.ids(), ["3", "4"])
        self.over(peer)

    def test_in_pieces(self) -> None:
        peer = self.idle(message(id="1")[:30])
        for byte in message(id="1")[30:] + CLOSE:
            peer.transport.write(byte.encode())
        self.world.turn(20)
        self.assertEqual(self.ids(), ["1"])
        self.over(peer)

    def test_in_order(self) -> None:
        """What waits is worked off though the connection is gone meanwhile."""
        peer = self.idle()
        peer.sends(self.said("1"), self.said("2"), CLOSE)
        self.over(peer)
        self.assertEqual(self.busy.taken, ["1"])
        self.busy.done("1")
        self.assertEqual(self.busy.taken, ["1", "2"])
        self.busy.done("2")

    def test_answers_go_another_way(self) -> None:
        """Nothing is sent over this stream any more (RFC 6120 4.4)."""
        peer = self.idle()
        before = len(self.place.peers)
        addresses = f"from='{MONTAGUE}' to='{CAPULET}'"
        peer.sends(f"<iq {addresses} id='p' type='get'><ping xmlns='urn:xmpp:ping'/></iq>")
        peer.receives()
        self.assertEqual(len(self.place.peers), before + 1)
        peer.sends(CLOSE)
        peer.receives()

    def test_what_is_no_stanza_is_passed_over(self) -> None:
        peer = self.idle()
        for passed in (
            "<x xmlns='urn:x'/>",
            f"<db:result from='other.example' to='{CAPULET}'>k</db:result>",
            "<r xmlns='urn:xmpp:sm:3'/>",
            "<enable xmlns='urn:xmpp:sm:3'/>",
        ):
            peer.sends(passed + message(id=passed[1]))
            self.assertEqual(self.ids(), [passed[1]])
        peer.sends(CLOSE)
        self.over(peer)

    def test_an_error_of_theirs_is_an_end(self) -> None:
        peer = self.idle()
        peer.sends(message(id="1"), stream_error("reset") + CLOSE)
        self.assertEqual(self.ids(), ["1"])
        self.over(peer)

    def test_with_bidi(self) -> None:
        """What Juliet sends goes over a new stream, what comes over the old one arrives."""
        peer = self.logged_in("<bidi xmlns='urn:xmpp:bidi'/>")
        before = len(self.place.peers)
        self.world.passes(51)
        self.assertTrue(peer.reader.ended)
        self.juliet.sends(f"<message to='romeo@{MONTAGUE}'><body>Hello</body></message>")
        self.world.passes(3)
        self.assertEqual(len(self.place.peers), before + 1)
        peer.sends(message(id="1"), CLOSE)
        self.assertEqual(self.ids(), ["1"])
        peer.receives()


class BoundsTests(LateCase):
    """The bounds of before, and the time to close."""

    def test_time(self) -> None:
        """What comes lengthens it not."""
        peer = self.idle()
        for number in range(2 * CLOSING_SECONDS):
            peer.sends(message(id=str(number)))
            self.world.passes(1)
        self.assertLess(len(self.ids()), CLOSING_SECONDS + 2)
        self.over(peer)

    def test_nothing_is_read_while_too_much_waits(self) -> None:
        peer = self.idle()
        peer.sends(*(self.said(str(number), to=f"x{number}") for number in range(5)))
        peer.sends(self.said("late", to="z"), CLOSE)
        self.assertEqual(len(self.busy.taken), 5)
        self.assertIsNone(peer.lost)
        self.busy.done("3")
        self.assertEqual(self.busy.taken[5:], ["late"])
        self.over(peer)

    def test_what_is_not_worked_off_in_time(self) -> None:
        """It is not waited for: reading goes on, for the end of the connection."""
        peer = self.idle()
        peer.sends(*(self.said(str(number), to=f"x{number}") for number in range(5)))
        peer.sends(self.said("late", to="z"))
        self.world.passes(CLOSING_SECONDS + 1)
        self.over(peer)
        for number in range(5):
            self.busy.done(str(number))
        self.assertEqual(len(self.busy.taken), 5)


class BadTests(LateCase):
    """What ends it at once, without a word; what came before has arrived."""

    def test_table(self) -> None:
        for wrong in (
            message(from_="x@other.example", id="b"),
            message(to="x@other.example", id="b"),
            message(id="b").replace(f"from='romeo@{MONTAGUE}'", ""),
            message(id="b").replace("to=", "no="),
            message(from_="a b@c d", id="b"),
            "<message></iq>",
            "<!DOCTYPE x>",
            "<message>" + "<x>" * 200,
            "</wrong>",
        ):
            peer = self.idle()
            peer.sends(message(id="a"), wrong, message(id="c"))
            self.assertEqual(self.ids(), ["a"], wrong)
            self.over(peer)

    def test_an_address_nobody_can_have(self) -> None:
        """That is answered, as ever: the sender is proven."""
        peer = self.idle()
        before = len(self.place.peers)
        peer.sends(message(to=f"a b@{CAPULET}"), message(id="c"), CLOSE)
        self.assertEqual(self.ids(), ["c"])
        self.assertEqual(len(self.place.peers), before + 1)
        peer.receives()

    def test_a_fault_of_ours(self) -> None:
        peer = self.idle()
        patched = self.patch(self.server.router, "route", _fault)
        peer.sends(message(id="a"))
        patched.restore()
        peer.sends(message(id="b"))
        self.assertEqual(self.ids(), [])
        self.over(peer)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class NotTakenTests(LateCase):
    """Where the peer knows that it is not."""

    def test_counted(self) -> None:
        """Our last count came before our end (XEP-0198 4)."""
        peer = self.sender()
        peer.sends("<enable xmlns='urn:xmpp:sm:3'/>", message(id="1"))
        peer.receives("<enabled xmlns='urn:xmpp:sm:3'/>")
        self.heard()
        self.world.passes(51)
        peer.receives("<a xmlns='urn:xmpp:sm:3' h='1'/>")
        self.assertTrue(peer.reader.ended)
        peer.sends(message(id="2"), CLOSE)
        self.assertEqual(self.ids(), [])
        self.over(peer)

    def test_behind_an_error(self) -> None:
        peer = self.sender()
        peer.sends("<x xmlns='urn:x'/>")
        self.fails(peer, "unsupported-stanza-type")
        peer.sends(message(id="1"), CLOSE)
        self.assertEqual(self.ids(), [])
        self.over(peer)

    def test_behind_an_error_while_nothing_is_read(self) -> None:
        """Then it is read on, to the end."""
        peer = self.sender()
        peer.sends(*(self.said(str(number), to=f"x{number}") for number in range(5)))
        service(self.server).stop()
        peer.sends(self.said("late", to="z"), CLOSE)
        self.fails(peer, "system-shutdown")
        self.assertIsNotNone(peer.lost)
        for number in range(5):
            self.busy.done(str(number))
        self.assertEqual(len(self.busy.taken), 5)

    def test_behind_the_end_of_the_connection(self) -> None:
        protocol = service(self.server).accept("192.0.2.1", secure=False)
        protocol.makeConnection(StringTransport())
        protocol.connectionLost(Failure(ConnectionLost()))  # type: ignore[no-untyped-call]
        protocol.dataReceived(message().encode())
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_when_the_server_stops(self) -> None:
        """The end there is stays polite, though the others get an error."""
        peer, other = self.idle(), self.sender()
        service(self.server).stop()
        self.world.turn()
        self.fails(other, "system-shutdown")
        peer.sends(message(id="1"))
        other.sends(message(id="2"))
        self.assertEqual(self.ids(), ["1"])
        peer.sends(CLOSE)
        peer.receives()


class DialledTests(OutgoingCase):
    """The same on streams of ours, over which nothing may come."""

    settings: ClassVar[dict[str, Any]] = {"idle_seconds": 50.0}

    def test_reading_goes_on(self) -> None:
        """It rests while nobody takes what has come, but not behind our end."""
        stream = DialledStream(service(self.server).around, "192.0.2.1", 5269, direct=False)
        transport = StringTransport()
        stream.makeConnection(transport)
        stream.begin(Pair(CAPULET, MONTAGUE))
        stream.dataReceived(header().encode())
        self.assertEqual(transport.producerState, "paused")
        stream.close()
        self.assertEqual(transport.producerState, "producing")
        stream.connectionLost(Failure(ConnectionLost()))  # type: ignore[no-untyped-call]

    def test_nothing_is_proven_there(self) -> None:
        for offered in ((), (SM,)):
            self.sends(hello())
            peer = self.ready(*offered)
            if offered:
                peer.sends("<enabled xmlns='urn:xmpp:sm:3'/>", "<a xmlns='urn:xmpp:sm:3' h='1'/>")
            self.world.passes(60)
            self.assertTrue(peer.reader.ended)
            peer.sends(message(f"romeo@{MONTAGUE}"), CLOSE)
            self.assertEqual(self.juliet.take(), [])
            self.assertIsNotNone(peer.lost)
            self.assertEqual(len(service(self.server)), 0)


class DoubtTests(OutgoingCase):
    """What becomes of what was sent shortly before our end."""

    settings: ClassVar[dict[str, Any]] = {"idle_seconds": 50.0, "quiet_seconds": 100.0}

    def test_what_they_have_read(self) -> None:
        """An end of theirs behind ours says that all has arrived; nothing else does.

        Who ends with an error has a reason of its own, and might not have read ours.
        """
        for last, is_known in (
            (CLOSE, True),
            ("", False),
            (stream_error("connection-timeout") + CLOSE, False),
            (stream_error("connection-timeout"), False),
            ("</x>", False),
        ):
            self.sends(hello())
            self.world.passes(4)
            peer = self.ready()
            self.world.passes(51)
            peer.receives(sent())
            self.assertTrue(peer.reader.ended)
            if last:
                peer.sends(last)
            else:
                peer.transport.abortConnection()
                self.world.turn()
            if is_known:
                self.assertEqual(self.juliet.take(), [])
            else:
                self.bounced()
            self.world.passes(4000)


def _fault(*arguments: object) -> Any:
    raise RuntimeError("a fault")
