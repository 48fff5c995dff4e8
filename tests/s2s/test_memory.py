"""What connections with other servers leave behind: nothing, without the help of the collector."""

import gc
from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

from tests.c2s.texts import CLOSE, stream_error
from tests.s2s.test_incoming import DialbackCase, message, result
from tests.s2s.test_outgoing import DIALBACK, HOST, SM, OutgoingCase, features, header, ping, sent
from tests.s2s.test_outgoing import message as hello
from tests.s2s.world import (
    ADDRESSES,
    CAPULET,
    MONTAGUE,
    Listening,
    Peer,
    World,
    connect,
    opening,
    service,
)
from xmppd.api.lanes import Lanes
from xmppd.net.transport import Writer
from xmppd.s2s.dialled import DialledStream
from xmppd.s2s.incoming import IncomingStream
from xmppd.s2s.pairs import Pairs
from xmppd.s2s.protocol import ServerProtocol
from xmppd.s2s.receiving import Receiving
from xmppd.s2s.route import Route
from xmppd.s2s.traffic import Traffic
from xmppd.s2s.unreached import Unreached
from xmppd.server.config import RemoteConfig
from xmppd.stream.acks import Acks
from xmppd.stream.errors import StreamError
from xmppd.stream.inbound import InboundStream
from xmppd.stream.outbound import OutboundStream
from xmppd.wire.parser import StreamParser

OURS = (
    Acks,
    DialledStream,
    IncomingStream,
    InboundStream,
    Lanes,
    OutboundStream,
    Pairs,
    Receiving,
    Route,
    StreamParser,
    Traffic,
    Unreached,
    Writer,
)


def alive() -> Counter[str]:
    """Count the objects of streams, what waits, and expat's."""
    kinds = Counter(type(each) for each in gc.get_objects())
    found = Counter({kind.__name__: kinds[kind] for kind in OURS if kinds[kind]})
    # Deferreds are left out: where tests run side by side, each line they log makes one of trial's.
    for kind, count in kinds.items():
        if kind.__name__ in ("xmlparser", "coroutine"):
            found[kind.__name__] += count
    return found


def left(world: World, domain: str = CAPULET) -> dict[str, int]:
    """Count what a server keeps of others, in its tables."""
    server = world.servers[domain]
    service_ = service(server)
    around = service_.around
    return {
        "connections": len(around.connections),
        "strangers": len(around.connections._strangers),
        "networks": len(around.connections._networks),
        "incoming": len(around.incoming),
        "routes": len(service_.outgoing),
        "questions": len(service_._verifier) + len(service_._verifier._networks),
        "waiting": len(around.gate),
        "timers": len(world.clock.getDelayedCalls()),
        "kept": len(service_.outgoing._spool),
        "senders": len(list(service_.outgoing._spool._senders)),
        "openers": len(service_.outgoing._openers),
        "returned": len(service_.absent) + len(service_.absent._visits),
        "without": len(service_.dialler._without),
    }


def forget(world: World, place: Listening) -> None:
    """Let go of our own ends of the connections that were made to that place."""
    for peer in place.peers:
        peer.transport.abortConnection()
        peer.transport = None
    place.peers.clear()
    world.turn()
    for near, far in world.network.wires:
        near.protocol = far.protocol = None
        del near.other, far.other
    world.network.wires.clear()


def _cut(peer: Peer) -> None:
    peer.transport = peer.wire.protocol = peer.wire.other.protocol = None
    del peer.wire.other.other
    del peer.wire


class IncomingMemoryTests(DialbackCase):
    """Streams to us."""

    def setUp(self) -> None:
        super().setUp()
        self.leave(self.logged_in())
        self.world.passes(10)
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)

    def leave(self, peer: Peer) -> None:
        peer.transport.abortConnection()
        self.world.turn()
        _cut(peer)

    def leaves_nothing(self, bring: Callable[[], Peer]) -> None:
        for way in (self.hangs_up, self.closes, self.is_ended):
            before, kept = alive(), left(self.world)
            peer = bring()
            way(peer)
            self.world.passes(130)
            self.leave(peer)
            del peer
            forget(self.world, self.place)
            self.assertEqual(alive() - before, Counter(), way)
            self.assertEqual(left(self.world), kept)

    def hangs_up(self, peer: Peer) -> None:
        peer.transport.abortConnection()
        self.world.turn()

    def closes(self, peer: Peer) -> None:
        if peer.reader.headers:
            peer.sends(CLOSE)
        self.world.turn()

    def is_ended(self, peer: Peer) -> None:
        for connection in service(self.server).around.connections.all():
            if isinstance(connection, ServerProtocol):
                connection.fail(StreamError("reset"))
        self.world.turn()

    def test_connected(self) -> None:
        self.leaves_nothing(lambda: connect(self.world))

    def test_opened(self) -> None:
        def bring() -> Peer:
            peer = connect(self.world)
            peer.sends(opening())
            return peer

        self.leaves_nothing(bring)

    def test_under_tls(self) -> None:
        self.leaves_nothing(self.secured)

    def test_logged_in(self) -> None:
        def bring() -> Peer:
            peer = self.logged_in()
            peer.sends("<enable xmlns='urn:xmpp:sm:3'/>" + message() + message()[:-5])
            return peer

        self.leaves_nothing(bring)

    def test_after_a_polite_end(self) -> None:
        """Stanzas are still taken then, whole ones and others."""
        for late in (message() * 3, message() + message()[:-5], message(from_="x@other.example")):

            def bring(late: str = late) -> Peer:
                peer = self.logged_in()
                (connection,) = service(self.server).around.connections.all()
                assert isinstance(connection, ServerProtocol)
                connection.close("it was idle")
                peer.sends(late)
                return peer

            self.leaves_nothing(bring)

    def test_after_errors(self) -> None:
        for wrong in ("</x>", "<x/>", message(from_="x@other.example"), "<!-- -->"):

            def bring(wrong: str = wrong) -> Peer:
                peer = self.logged_in()
                peer.sends(wrong)
                return peer

            self.leaves_nothing(bring)

    def test_asking(self) -> None:
        def bring() -> Peer:
            peer = self.secured()
            peer.sends(result("k3y"))
            self.asked()
            return peer

        self.leaves_nothing(bring)

    def test_told(self) -> None:
        for type in ("valid", "invalid", "error"):

            def bring(type: str = type) -> Peer:
                peer = self.secured()
                peer.sends(result("k3y"))
                home, question = self.asked()
                home.sends(self.verdict(question, type))
                return peer

            self.leaves_nothing(bring)

    def test_two_thousand(self) -> None:
        before, kept = alive(), left(self.world)
        for number in range(2000):
            peer = connect(self.world, address=f"198.51.{number % 256}.7")
            peer.transport.write(opening(from_=f"d{number}.example").encode())
            self.world.turn(3)
            if number % 2:
                peer.transport.write(CLOSE.encode())
                self.world.turn(3)
            self.leave(peer)
            del peer
        self.assertEqual(alive() - before, Counter())
        self.assertEqual(left(self.world), kept)


class OutgoingMemoryTests(OutgoingCase):
    """Streams of ours, and those that come to nothing."""

    settings: ClassVar[dict[str, Any]] = {
        "domains": (
            RemoteConfig("open.example", require_tls=False, require_valid_certificate=False),
        ),
        "give_up_seconds": 60.0,
        "retry_longest_seconds": 10.0,
    }

    def setUp(self) -> None:
        super().setUp()
        self.world.publish("open.example", ADDRESSES[MONTAGUE])
        self.works()
        self.world.passes(1000)
        self.juliet.take()
        forget(self.world, self.place)
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)

    def leaves_nothing(self, happens: Callable[[], None], seconds: int = 1000) -> None:
        before, kept = alive(), left(self.world)
        happens()
        self.world.passes(seconds)
        self.juliet.take()
        self.world.network.asked.clear()
        forget(self.world, self.place)
        self.world.passes(2)
        self.assertEqual(alive() - before, Counter())
        self.assertEqual(left(self.world), kept)

    def works(self) -> None:
        self.sends(hello())
        self.ready()
        self.called().receives(sent())

    def test_one_that_works(self) -> None:
        self.leaves_nothing(self.works)

    def test_one_that_counts(self) -> None:
        def happens() -> None:
            self.sends(hello())
            peer = self.ready(SM)
            peer.sends("<enabled xmlns='urn:xmpp:sm:3'/>")
            peer.transport.abortConnection()

        self.leaves_nothing(happens)

    def test_silence(self) -> None:
        self.leaves_nothing(lambda: self.sends(ping()))

    def test_no_answer_at_all(self) -> None:
        def happens() -> None:
            self.world.network.silent.add(ADDRESSES[MONTAGUE])
            self.sends(ping(), hello())
            self.world.passes(120)
            self.world.network.silent.clear()

        self.leaves_nothing(happens)

    def test_errors(self) -> None:
        for said in ("</x>", CLOSE, header() + stream_error("host-unknown"), header() + "<x/>"):

            def happens(said: str = said) -> None:
                self.sends(ping())
                self.called().sends(said)

            self.leaves_nothing(happens)

    def test_certificates(self) -> None:
        def happens() -> None:
            self.show("other.example")
            self.sends(ping())
            self.secured()

        self.leaves_nothing(happens)

    def test_nowhere(self) -> None:
        def happens() -> None:
            for number in range(100):
                self.sends(hello(str(number), f"romeo@d{number}.example"))

        self.leaves_nothing(happens)

    def test_refused(self) -> None:
        self.world.publish("refusing.example", HOST)
        self.leaves_nothing(lambda: self.sends(hello("1", "romeo@refusing.example")))

    def test_two_thousand(self) -> None:
        """Streams in clear, for TLS would take its time."""
        romeo = "romeo@open.example/orchard"

        def happens() -> None:
            for number in range(2000):
                self.juliet.sends(hello(str(number), romeo))
                self.world.turn(6)
                peer = self.called()
                peer.transport.write((header(from_="open.example") + features(DIALBACK)).encode())
                self.world.turn(6)
                peer.transport.write(
                    f"<db:result from='open.example' to='{CAPULET}' type='valid'/>".encode()
                )
                self.world.turn(6)
                self.assertIn(b"<message", peer.raw)
                peer.transport.write(CLOSE.encode())
                self.world.turn(4)
                del peer
                forget(self.world, self.place)
                self.world.clock.advance(5)

        self.leaves_nothing(happens)
