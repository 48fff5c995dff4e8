"""The life of connections with other servers: deadlines, ends, slow readers, faults of ours."""

from typing import Any, ClassVar

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.c2s.texts import CLOSE
from tests.s2s.test_incoming import (
    BIDI,
    DIALBACK,
    DialbackCase,
    IncomingCase,
    features,
    message,
    result,
)
from tests.s2s.wires import join
from tests.s2s.world import ADDRESSES, CAPULET, MONTAGUE, Peer, World, connect, opening, service
from xmppd.api.pace import SECONDS
from xmppd.api.router import IDomain
from xmppd.api.storage import KeyValue
from xmppd.s2s.factory import ServerFactory
from xmppd.s2s.incoming import IncomingStream
from xmppd.s2s.traffic import Traffic
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message, Stanza
from xmppd.stream.acks import Acks


@implementer(IDomain)
class Busy:
    """A domain that takes time: each stanza is in work until it is `done`; `costs` seconds."""

    def __init__(self, world: World, *, waits: bool = True, costs: float = 0.0) -> None:
        self.world = world
        self.waits = waits
        self.costs = costs
        self.taken: list[str] = []
        self.waiting: dict[str, Deferred[None]] = {}

    def receive(self, stanza: Stanza) -> Deferred[None] | None:
        self.taken.append(stanza.id)
        self.world.clock.rightNow += self.costs
        if not self.waits:
            return None
        waiting = self.waiting[stanza.id] = Deferred()
        return waiting

    def done(self, id: str) -> None:
        self.waiting.pop(id).callback(None)
        self.world.turn()


BUSY = "busy.example"


class TakingCase(DialbackCase):
    """A peer that sends to somebody busy."""

    def setUp(self) -> None:
        super().setUp()
        self.busy = Busy(self.world)
        self.server.router.add(BUSY, self.busy)

    def sender(self) -> Peer:
        """Return a peer that may send to that domain and to ours."""
        peer = self.logged_in()
        peer.sends(result("k", to=BUSY))
        self.judges()
        self.place.peers[-1].sends(CLOSE)
        peer.takes()
        return peer

    def said(self, id: str, from_: str = "romeo", to: str = "x") -> str:
        return message(f"{from_}@{MONTAGUE}", f"{to}@{BUSY}", id)


class OrderTests(TakingCase):
    """Order, and who waits for whom (RFC 6120 10.1)."""

    settings: ClassVar[dict[str, Any]] = {"inbox_stanzas": 5, "idle_seconds": 50.0}

    def test_a_pair_waits_for_itself_alone(self) -> None:
        peer = self.sender()
        peer.sends(
            self.said("1"),
            self.said("2"),
            self.said("3", to="y"),
            self.said("4", from_="nurse"),
            message(),
        )
        self.assertEqual(self.busy.taken, ["1", "3", "4"])
        self.assertEqual(len(self.heard()), 1)
        self.busy.done("1")
        self.assertEqual(self.busy.taken, ["1", "3", "4", "2"])

    def test_nothing_is_read_while_too_much_waits(self) -> None:
        peer = self.sender()
        peer.sends(*(self.said(str(number), to=f"x{number}") for number in range(5)))
        peer.sends(self.said("late", to="z"), CLOSE)
        self.assertEqual(len(self.busy.taken), 5)
        self.assertFalse(peer.reader.ended)
        self.busy.done("3")
        self.assertEqual(self.busy.taken[5:], ["late"])
        self.assertTrue(peer.reader.ended)

    def test_what_is_in_work_when_the_connection_is_lost(self) -> None:
        peer = self.sender()
        peer.sends(self.said("1"), self.said("2"))
        peer.transport.abortConnection()
        self.world.turn()
        self.assertEqual(len(service(self.server)), 0)
        self.busy.done("1")
        self.assertEqual(self.busy.taken, ["1", "2"])
        self.busy.done("2")

    def test_what_is_in_work_is_not_acknowledged(self) -> None:
        peer = self.sender()
        peer.sends("<enable xmlns='urn:xmpp:sm:3'/>", message(), self.said("1"), message())
        peer.sends("<r xmlns='urn:xmpp:sm:3'/>")
        peer.receives("<enabled xmlns='urn:xmpp:sm:3'/>", "<a xmlns='urn:xmpp:sm:3' h='1'/>")
        self.busy.done("1")
        peer.sends("<r xmlns='urn:xmpp:sm:3'/>")
        peer.receives("<a xmlns='urn:xmpp:sm:3' h='3'/>")

    def test_what_is_lost_is_never_acknowledged(self) -> None:
        """Whether that is asked for before storage has failed, or behind it."""
        storage = self.world.storage(CAPULET)
        store = storage.host(CAPULET).open("kept", KeyValue)
        for early in (True, False):
            peer = self.sender()
            peer.sends("<enable xmlns='urn:xmpp:sm:3'/>", self.said("1"), self.said("2"))
            peer.takes()
            storage.latency = 1.0
            store.put("juliet", b"x")
            self.busy.done("1")
            storage.fail_next_commit()
            if early:
                peer.sends("<r xmlns='urn:xmpp:sm:3'/>")
            self.world.passes(2)
            self.fails(peer, "internal-server-error")
            self.assertEqual(len(service(self.server).around.gate), 0)
            self.busy.done("2")
            self.assertEqual(len(service(self.server).around.gate), 0)

    def test_a_stream_is_not_idle_while_something_is_in_work(self) -> None:
        peer = self.sender()
        peer.sends("<enable xmlns='urn:xmpp:sm:3'/>", self.said("1"))
        self.world.passes(55)
        self.assertFalse(peer.reader.ended)
        self.busy.done("1")
        self.world.passes(2)
        self.assertTrue(peer.reader.ended)

    def test_idle(self) -> None:
        peer = self.logged_in()
        for _ in range(3):
            self.world.passes(45)
            peer.sends(message())
            self.assertFalse(peer.reader.ended)
        for _ in range(6):
            self.world.passes(10)
            peer.sends(" ")
        self.assertTrue(peer.reader.ended)
        peer.sends(CLOSE)
        self.assertEqual(len(service(self.server)), 0)

    def test_requests_that_take_too_long(self) -> None:
        self.world.publish(MONTAGUE, ADDRESSES[MONTAGUE])
        peer = self.sender()
        peer.sends(f"<iq from='{MONTAGUE}' to='{BUSY}' id='1' type='get'><x xmlns='urn:x'/></iq>")
        peer.takes()
        self.assertEqual(self.busy.taken, ["1"])
        self.world.passes(61)
        self.assertTrue(self.world.network.asked)  # the answer goes over a stream of our own


class FloodTests(TakingCase):
    """One who sends much leaves others their turns (RFC 6120 13.12)."""

    def test_turns(self) -> None:
        self.busy.waits, self.busy.costs = False, SECONDS
        loud, quiet = self.sender(), self.sender()
        loud.transport.write(
            "".join(self.said(str(number), to=f"x{number}") for number in range(40)).encode()
        )
        quiet.transport.write(self.said("quiet", from_="nurse").encode())
        self.world.turn(200)
        self.assertLess(self.busy.taken.index("quiet"), 3)
        self.busy.taken.remove("quiet")
        self.assertEqual(self.busy.taken, [str(number) for number in range(40)])

    def test_presence_for_many(self) -> None:
        """A flood of presence does not keep another server's request."""
        self.busy.waits, self.busy.costs = False, SECONDS
        loud, quiet = self.sender(), self.sender()
        flood = f"<presence from='romeo@{MONTAGUE}/x' to='y@{BUSY}'/>" * 50
        loud.transport.write(flood.encode())
        quiet.transport.write(self.said("quiet", from_="nurse").encode())
        self.world.turn(200)
        self.assertLess(self.busy.taken.index("quiet"), 3)
        self.assertEqual(len(self.busy.taken), 51)


class DrippingTests(IncomingCase):
    """A few bytes now and then."""

    def test_before_proof(self) -> None:
        """What comes does not lengthen the time to prove oneself."""
        peer = connect(self.world)
        for byte in opening() + "<x" + "y" * 200:
            peer.transport.write(byte.encode())
            self.world.passes(1)
        self.fails(peer, "connection-timeout")

    def test_afterwards(self) -> None:
        """A stanza that never ends does not keep a stream alive."""
        peer = self.logged_in()
        peer.sends(message()[:30])
        for _ in range(91):
            self.world.passes(10)
            peer.sends("x")
        self.assertTrue(peer.reader.ended)

    def test_a_tag_that_does_not_end(self) -> None:
        peer = self.logged_in()
        peer.sends("<message a='")
        for _ in range(70):
            peer.sends("x" * 1000)
        self.fails(peer, "policy-violation")

    def test_depth_and_attributes(self) -> None:
        for wrong in (
            "<message>" + "<x>" * 200,
            "<message " + " ".join(f"a{number}=''" for number in range(200)) + ">",
        ):
            peer = self.logged_in()
            peer.sends(wrong)
            self.fails(peer, "policy-violation")

    def test_nobody_who_does_not_close(self) -> None:
        """Once we have closed our side, the other has some seconds; what it sends is nothing."""
        peer = self.logged_in()
        peer.sends("<x/>")
        self.fails(peer, "unsupported-stanza-type")
        for _ in range(12):
            self.world.passes(1)
            peer.sends(message())
        self.assertIsNotNone(peer.lost)
        self.assertEqual(self.heard(), [])

    def test_nobody_who_does_not_read_either(self) -> None:
        peer = connect(self.world)
        peer.sends(opening())
        (stream,) = service(self.server).around.connections.all()
        assert isinstance(stream, IncomingStream)
        assert stream._writer is not None
        stream._writer.pauseProducing()
        self.world.passes(121)
        self.world.passes(12)
        self.assertEqual(len(service(self.server)), 0)
        self.assertIsNotNone(peer.lost)


class SlowReaderTests(DialbackCase):
    """Whoever does not read what it has asked for (RFC 6120 13.12)."""

    settings: ClassVar[dict[str, Any]] = {"output_bytes": 65_536}

    def test_answers_to_questions(self) -> None:
        peer = self.secured()
        peer.takes()
        stream = next(iter(service(self.server).around.connections.all()))
        assert isinstance(stream, IncomingStream)
        assert stream._writer is not None
        stream._writer.pauseProducing()
        question = f"<db:verify from='{MONTAGUE}' to='{CAPULET}' id='s'>k</db:verify>"
        for _ in range(20):
            peer.sends(question * 50)
        self.world.passes(12)
        self.assertEqual(len(service(self.server)), 0)


class FaultTests(IncomingCase):
    """A fault of ours costs the stream it happens on, and no other."""

    def breaks(self, name: str) -> None:
        """Have a method of the first stream's traffic fail."""
        stream = service(self.server).around.connections.all()[0]
        assert isinstance(stream, IncomingStream)
        broken, works = stream.traffic, getattr(Traffic, name)
        self.patch(
            Traffic,
            name,
            lambda traffic, *given: _fault() if traffic is broken else works(traffic, *given),
        )

    def test_while_taking(self) -> None:
        peer, other = self.logged_in(), self.logged_in()

        def fails(_stanza: Stanza) -> None:
            raise RuntimeError("a fault")

        patched = self.patch(self.server.router, "route", fails)
        peer.sends(message())
        patched.restore()
        self.fails(peer, "internal-server-error")
        other.sends(message())
        self.assertEqual(len(self.heard()), 1)
        (logged,) = self.flushLoggedErrors(RuntimeError)
        self.assertNotIn("Hello", str(logged.value))

    def test_while_looking_after(self) -> None:
        self.logged_in()
        other = self.logged_in()
        self.breaks("look_after")
        self.world.passes(2)
        self.assertEqual(len(service(self.server)), 1)
        other.sends(message())
        self.assertEqual(len(self.heard()), 1)
        self.flushLoggedErrors(RuntimeError)

    def test_while_stopping(self) -> None:
        self.logged_in()
        other = self.logged_in()
        self.breaks("when_acknowledged")
        service(self.server).stop()
        self.world.turn()
        self.fails(other, "system-shutdown")
        self.flushLoggedErrors(RuntimeError)
        self.assertFalse(service(self.server).admits("192.0.2.1"))

    def test_while_a_key_is_asked_about(self) -> None:
        peer = self.secured()
        peer.takes()
        self.patch(service(self.server)._verifier._dialler, "reach", _fault)
        peer.sends(result("k"))
        self.fails(peer, "internal-server-error")
        self.flushLoggedErrors(RuntimeError)

    def test_what_cannot_be_written(self) -> None:
        """It is logged, told to its sender, and counted by nobody."""
        peer = self.logged_in()
        stream = service(self.server).around.connections.all()[0]
        assert isinstance(stream, IncomingStream)
        told: list[bool] = []
        stanza = Message(to=JID.parse(f"romeo@{MONTAGUE}"))
        self.patch(Message, "to_bytes", _no_value)
        stream.traffic.acks = Acks()
        stream.traffic.send(stanza, told.append)
        self.world.turn()
        peer.receives()
        self.assertEqual(told, [False])
        self.assertEqual(len(stream.traffic.acks), 0)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


def _fault(*arguments: object, **named: object) -> Any:
    raise RuntimeError("a fault")


def _no_value(*arguments: object) -> bytes:
    raise ValueError("cannot be written")


class FactoryTests(IncomingCase):
    """Ports."""

    def test_too_many(self) -> None:
        most = self.server.config.limits.unauthenticated_per_address
        for _ in range(most):
            connect(self.world)
        address = IPv4Address("TCP", "198.51.100.7", 1)
        clear, direct = (
            ServerFactory(service(self.server), direct_tls=kind) for kind in (False, True)
        )
        for factory in (clear, direct):
            factory.doStart()
            factory.doStop()
        self.assertIsNone(clear.buildProtocol(address))
        refused = direct.buildProtocol(address)
        assert refused is not None
        transport = StringTransport()
        refused.makeConnection(transport)
        self.assertTrue(transport.disconnecting)

    def test_direct_tls(self) -> None:
        """TLS is there: none is offered, and none has to be asked for (XEP-0368)."""
        peer = Peer(self.world)
        factory = ServerFactory(service(self.server), direct_tls=True)
        answers = factory.buildProtocol(IPv4Address("TCP", "198.51.100.7", 1))
        assert answers is not None
        peer.wire, _ = join(self.world.clock, peer, answers, "198.51.100.7")  # type: ignore[arg-type]
        peer.sends(opening())
        peer.receives(features(DIALBACK, BIDI))

    def test_keep_alive(self) -> None:
        asked: list[bool] = []
        transport = StringTransport()
        transport.setTcpKeepAlive = asked.append  # type: ignore[attr-defined]
        protocol = service(self.server).accept("192.0.2.1", secure=False)
        protocol.makeConnection(transport)
        self.assertEqual(asked, [True])
        protocol.connectionLost(Failure(ConnectionLost()))  # type: ignore[no-untyped-call]
        protocol.close()  # it is over: nothing happens
        protocol.abort()
        protocol.write(b"x")
