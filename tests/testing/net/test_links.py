"""Connections between machines: bytes, ends, pauses, TLS, and all that can happen to them."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import (
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    TCPTimedOutError,
)
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IHandshakeListener,
    IProtocol,
    IProtocolFactory,
    IPushProducer,
    ITransport,
)
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.net.pki import NOW
from xmppd.api.network import IConnector
from xmppd.net.certificates import load_identity
from xmppd.net.tls import ServerContexts, tls_facts
from xmppd.net.tls_client import ClientContexts
from xmppd.testing.net.certificates import chain_of, issued
from xmppd.testing.net.dice import Dice
from xmppd.testing.net.internet import Internet, Weather
from xmppd.testing.net.links import NOT_XML, PATIENCE, WINDOW, End
from xmppd.testing.net.machine import Machines
from xmppd.testing.net.time import VirtualClock
from xmppd.testing.net.trace import Trace


@implementer(IProtocol, IHandshakeListener)
class Peer:
    """Notes what happens to it."""

    transport: End

    def __init__(self) -> None:
        self.received = b""
        self.pieces = 0
        self.shaken = 0
        self.lost: list[type[BaseException] | None] = []

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        self.connectionMade()

    def connectionMade(self) -> None:
        """Have a connection."""

    def handshakeCompleted(self) -> None:
        self.shaken += 1

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self.pieces += 1

    def connectionLost(self, reason: Failure) -> None:
        self.lost.append(reason.type)


@implementer(IProtocolFactory)
class Peers:
    """Makes peers; `refuses` has it make none."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.made: list[Peer] = []
        self._refuses = refuses

    def doStart(self) -> None:
        """Begin."""

    def doStop(self) -> None:
        """End."""

    def buildProtocol(self, addr: IAddress | None) -> Peer | None:
        if self._refuses:
            return None
        self.made.append(Peer())
        return self.made[-1]


@implementer(IPushProducer)
class Source:
    """Notes when it is to pause."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")

    def stopProducing(self) -> None:
        self.told.append("stop")


class LinkCase(SynchronousTestCase):
    """Two machines; on the second something answers at port 1."""

    def setUp(self) -> None:
        self.clock = VirtualClock()
        self.trace = Trace(self.clock.seconds)
        self.internet = Internet(self.clock, self.trace, Dice("links"))
        self.machines = Machines(self.internet)
        self.near = self.machines.add("near", "203.0.113.1")
        self.far = self.machines.add("far", "203.0.113.2", "2001:db8::2")
        self.peers = Peers()
        self.far.listen(1, self.peers)

    def dial(self, port: int = 1, ip: str = "203.0.113.2") -> "Deferred[IProtocol]":
        return self.near.connect(ip, port, Peers(), 10)

    def connect(self) -> tuple[Peer, Peer]:
        """Return both ends of a new connection."""
        dialling = self.dial()
        self.clock.run(1)
        near = self.successResultOf(dialling)
        assert isinstance(near, Peer)
        return near, self.peers.made[-1]


class ConnectTests(LinkCase):
    """Getting through, or not."""

    def test_interfaces(self) -> None:
        near, _ = self.connect()
        verifyObject(IConnector, self.near)
        verifyObject(ITransport, near.transport)
        verifyObject(IConsumer, near.transport)
        verifyObject(IPushProducer, near.transport)

    def test_both_ends_know_each_other(self) -> None:
        dialling = self.dial(ip="2001:db8::2")
        self.clock.run(1)
        self.successResultOf(dialling)
        far = self.peers.made[-1].transport
        self.assertEqual("203.0.113.1", getattr(far.getPeer(), "host", ""))
        self.assertEqual("2001:db8::2", getattr(far.getHost(), "host", ""))

    def test_nobody_listens(self) -> None:
        dialling = self.dial(port=2)
        self.clock.run(1)
        self.failureResultOf(dialling, ConnectionRefusedError)

    def test_nothing_gets_there(self) -> None:
        for name, ip in (("no such machine", "203.0.113.9"), ("cut off", "203.0.113.2")):
            with self.subTest(name):
                self.internet.cut(self.near, self.far)
                dialling = self.dial(ip=ip)
                self.clock.run(9.9)
                self.assertNoResult(dialling)
                self.clock.run(1)
                self.failureResultOf(dialling, TCPTimedOutError)

    def test_a_partition_that_ends_while_one_tries(self) -> None:
        self.internet.cut(self.near, self.far)
        dialling = self.dial()
        self.clock.run(2)
        self.internet.mend()
        self.assertNoResult(dialling)
        self.clock.run(2)
        self.successResultOf(dialling)
        self.assertEqual(1, len(self.peers.made))

    def test_nobody_wants_it_any_more(self) -> None:
        dialling = self.dial()
        self.clock.run(0.04)
        dialling.cancel()
        self.failureResultOf(dialling)
        self.clock.run(1)
        self.assertEqual(0, self.far.connections())
        self.assertEqual(0, self.near.connections())

    def test_whoever_listens_does_not_want_it(self) -> None:
        self.far.listen(1, Peers(refuses=True))
        dialling = self.dial()
        self.clock.run(1)
        near = self.successResultOf(dialling)
        assert isinstance(near, Peer)
        self.assertEqual([ConnectionDone], near.lost)

    def test_a_crash_on_the_way(self) -> None:
        """Of either machine, at any moment."""
        for machine in (self.near, self.far):
            for when in range(12):
                for silently in (False, True):
                    with self.subTest(machine=machine.name, when=when, silently=silently):
                        self.setUp()
                        self.crash_while_dialling(machine.name, when * 0.01, silently)

    def crash_while_dialling(self, name: str, when: float, silently: bool) -> None:
        dialling = self.dial()
        outcome: list[object] = []
        dialling.addBoth(outcome.append)
        self.clock.run(when)
        victim = {"near": self.near, "far": self.far}[name]
        before = len(outcome)
        victim.end(silently=silently)
        self.clock.run(1)
        if name == "near":
            self.assertEqual(before, len(outcome))
        elif not silently:
            [made] = outcome
            if isinstance(made, Peer):
                self.assertEqual([ConnectionLost], made.lost)
            self.assertEqual(0, self.near.connections())
        self.clock.run(20)
        self.assertEqual([], self.near.clock.getDelayedCalls())


class ByteTests(LinkCase):
    """What is written arrives, in order, in pieces."""

    def test_every_byte_in_order(self) -> None:
        self.internet.weather = Weather(splits=0.9)
        near, far = self.connect()
        sent = b""
        for number in range(200):
            data = b"%d," % number * (number % 7)
            sent += data
            near.transport.write(data)
            if number % 9 == 0:
                self.clock.run(0.01)
        far.transport.writeSequence([b"a", b"b"])
        self.clock.run(2)
        self.assertEqual(sent, far.received)
        self.assertGreater(far.pieces, 250)
        self.assertEqual(b"ab", near.received)

    def test_it_takes_time(self) -> None:
        self.internet.weather = Weather((0.1, 0.1), bytes_per_second=1000, splits=0)
        near, far = self.connect()
        near.transport.write(b"x" * 100)
        self.clock.run(0.19)
        self.assertEqual(b"", far.received)
        self.clock.run(0.02)
        self.assertEqual(100, len(far.received))
        self.far.slowness = 10
        near.transport.write(b"y")
        self.clock.run(1.0)
        self.assertEqual(100, len(far.received))
        self.clock.run(0.1)
        self.assertEqual(101, len(far.received))

    def test_who_does_not_read(self) -> None:
        near, far = self.connect()
        source = Source()
        near.transport.registerProducer(source, True)
        self.assertRaises(RuntimeError, near.transport.registerProducer, source, True)
        far.transport.pauseProducing()
        for _ in range(5):
            near.transport.write(b"x" * (WINDOW // 4))
        self.clock.run(1)
        self.assertEqual((["pause"], b""), (source.told, far.received))
        far.transport.resumeProducing()
        far.transport.resumeProducing()
        self.clock.run(1)
        self.assertEqual(["pause", "resume"], source.told)
        self.assertEqual(5 * (WINDOW // 4), len(far.received))
        near.transport.unregisterProducer()
        far.transport.pauseProducing()
        near.transport.write(b"x" * WINDOW * 2)
        self.assertEqual(["pause", "resume"], source.told)

    def test_a_producer_that_comes_late_is_told(self) -> None:
        near, far = self.connect()
        far.transport.pauseProducing()
        near.transport.write(b"x" * (WINDOW + 1))
        source = Source()
        near.transport.registerProducer(source, True)
        self.assertEqual(["pause"], source.told)


class EndTests(LinkCase):
    """How connections end."""

    def test_closing_sends_everything(self) -> None:
        near, far = self.connect()
        near.transport.write(b"the last")
        near.transport.loseConnection()
        near.transport.loseConnection()
        near.transport.write(b"not this")
        self.clock.run(1)
        self.assertEqual(b"the last", far.received)
        self.assertEqual(([ConnectionDone], [ConnectionDone]), (near.lost, far.lost))

    def test_closing_waits_for_who_does_not_read(self) -> None:
        near, far = self.connect()
        far.transport.pauseProducing()
        near.transport.write(b"x" * (WINDOW + 1))
        near.transport.stopProducing()
        self.clock.run(1)
        self.assertEqual([], near.lost)
        far.transport.resumeProducing()
        self.clock.run(1)
        self.assertEqual([ConnectionDone], near.lost)

    def test_aborting(self) -> None:
        near, far = self.connect()
        far.transport.pauseProducing()
        near.transport.write(b"unread")
        self.clock.run(1)
        near.transport.abortConnection()
        self.clock.run(1)
        near.transport.abortConnection()
        near.transport.loseConnection()
        self.assertEqual(b"", far.received)
        self.assertEqual(([ConnectionAborted], [ConnectionLost]), (near.lost, far.lost))

    def test_writing_to_who_has_gone(self) -> None:
        near, far = self.connect()
        far.transport.loseConnection()
        near.transport.write(b"too late")
        self.clock.run(1)
        self.assertEqual((b"", [ConnectionDone]), (far.received, far.lost))
        self.assertEqual([ConnectionDone], near.lost)

    def test_a_killed_process(self) -> None:
        near, far = self.connect()
        near.transport.write(b"on its way")
        self.clock.run(1)
        self.far.end(silently=False)
        self.clock.run(1)
        self.assertEqual([ConnectionLost], near.lost)
        self.assertEqual([], far.lost)

    def test_a_machine_without_power(self) -> None:
        """Nobody is told; once it is up again it says that it knows nothing."""
        near, far = self.connect()
        far.transport.write(b"never arrives")
        self.far.end(silently=True)
        self.clock.run(5)
        near.transport.write(b"hello?")
        self.clock.run(PATIENCE / 2)
        self.assertEqual(([], b""), (near.lost, near.received))
        self.far.dark = False
        self.machines.go_on()
        self.clock.run(1)
        self.assertEqual([ConnectionLost], near.lost)

    def test_patience_ends(self) -> None:
        near, far = self.connect()
        self.internet.cut(self.near, self.far)
        near.transport.write(b"hello?")
        self.clock.run(PATIENCE - 1)
        self.assertEqual([], near.lost)
        self.clock.run(2)
        self.assertEqual(([ConnectionLost], []), (near.lost, far.lost))

    def test_a_partition_that_ends(self) -> None:
        near, far = self.connect()
        self.internet.cut(self.near, self.far)
        near.transport.write(b"one ")
        near.transport.write(b"two ")
        self.clock.run(5)
        self.assertEqual(b"", far.received)
        self.internet.mend()
        self.machines.go_on()
        near.transport.write(b"three")
        self.clock.run(PATIENCE)
        self.assertEqual(b"one two three", far.received)
        self.assertEqual([], near.lost)

    def test_what_is_lost_is_forgotten(self) -> None:
        for _ in range(300):
            near, _ = self.connect()
            near.transport.abortConnection()
        self.clock.run(1)
        self.assertLess(len(self.near._ends), 202)
        self.assertEqual([], self.near.ends())


class TlsTests(LinkCase):
    """TLS that is only reported."""

    def setUp(self) -> None:
        super().setUp()
        files = issued(("near.example", "far.example"))
        self.identity = load_identity(files.chain, files.key, ["far.example"], NOW)
        identities = {"near.example": self.identity, "far.example": self.identity}
        self.servers = ServerContexts(identities, "far.example", (), True)
        self.clients = ClientContexts(identities, "xmpp-server")

    def test_facts(self) -> None:
        near, far = self.connect()
        self.assertIsNone(tls_facts(near.transport))
        far.transport.write(b"in clear")
        far.transport.startTLS(self.servers.creator("far.example"))
        self.clock.run(1)
        self.assertIsNone(tls_facts(far.transport))
        near.transport.startTLS(self.clients.creator("near.example", "far.example"))
        near.transport.write(b"secret")
        self.clock.run(1)
        self.assertEqual((1, 1), (near.shaken, far.shaken))
        for peer in (near, far):
            facts = tls_facts(peer.transport)
            assert facts is not None
            self.assertEqual(chain_of(self.identity), facts.peer_chain)
            self.assertEqual(("far.example", {}), (facts.server_name, facts.bindings))
        self.assertEqual((b"in clear", b"secret"), (near.received, far.received))

    def test_without_a_certificate(self) -> None:
        near, far = self.connect()
        far.transport.startTLS(self.servers.creator())
        creator = self.clients.creator("near.example", "far.example", certificate=False)
        near.transport.startTLS(creator)
        self.clock.run(1)
        facts = tls_facts(far.transport)
        assert facts is not None
        self.assertEqual((), facts.peer_chain)

    def test_another_certificate_than_its_own(self) -> None:
        """Where a machine shows one; who shows none goes on showing none."""
        self.near.shows = self.far.shows = (b"another",)
        near, far = self.connect()
        far.transport.startTLS(self.servers.creator())
        creator = self.clients.creator("near.example", "far.example", certificate=False)
        near.transport.startTLS(creator)
        self.clock.run(1)
        facts = tls_facts(near.transport), tls_facts(far.transport)
        self.assertEqual([(b"another",), ()], [each.peer_chain for each in facts if each])

    def test_from_the_start(self) -> None:
        called = []

        def certificates(name: str) -> tuple[bytes, ...]:
            called.append(name)
            return chain_of(self.identity)

        self.far.listen(1, self.peers, certificates)
        near, far = self.connect()
        near.transport.startTLS(self.clients.creator("near.example", "far.example", direct=True))
        self.clock.run(1)
        facts = tls_facts(near.transport)
        assert facts is not None
        self.assertEqual(chain_of(self.identity), facts.peer_chain)
        self.assertEqual((["far.example"], 1, 1), (called, near.shaken, far.shaken))

    def test_one_side_alone(self) -> None:
        near, far = self.connect()
        near.transport.startTLS(self.clients.creator("near.example", "far.example"))
        self.clock.run(1)
        self.assertEqual((NOT_XML, 0), (far.received, near.shaken))
        far.transport.write(b"what?")
        self.clock.run(1)
        self.assertEqual((b"", [ConnectionAborted]), (near.received, near.lost))

    def test_both_sides_close(self) -> None:
        near, far = self.connect()
        far.transport.startTLS(self.servers.creator())
        near.transport.startTLS(self.clients.creator("near.example", "far.example"))
        self.clock.run(1)
        far.transport.write(b"on its way")
        near.transport.loseConnection()
        self.assertEqual([], near.lost)
        self.clock.run(1)
        self.assertEqual(b"on its way", near.received)
        self.assertEqual(([ConnectionDone], [ConnectionDone]), (near.lost, far.lost))

    def test_what_makes_no_connections(self) -> None:
        near, _ = self.connect()
        self.assertRaises(TypeError, near.transport.startTLS, object())
