"""Connections in memory on which TLS is real, and a network of addresses to connect to."""

from typing import Any

from twisted.internet._newtls import startTLS
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.interfaces import IProtocol, IProtocolFactory, ISystemHandle
from twisted.internet.task import Clock
from twisted.protocols import tls
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from xmppd.api.network import IConnector


class Pipe:
    """One end of a connection, without TLS: what `startTLS` writes records to."""

    def __init__(self, clock: Clock, address: str) -> None:
        self.clock = clock
        self.address = address
        self.other: Pipe
        self.protocol: Any = None
        self.connected = True
        self.disconnecting = False
        self.producer: Any = None
        self.streamingProducer = False
        self.paused = False
        self.deaf = False
        """While true, nothing is taken from the other side, which is told to pause."""
        self._coming: list[bytes] = []

    def write(self, data: bytes) -> None:
        if data and self.connected and not self.disconnecting:
            self.clock.callLater(0, self.other.come, bytes(data))

    def writeSequence(self, pieces: Any) -> None:
        self.write(b"".join(pieces))

    def come(self, data: bytes) -> None:
        """Take what the other side has written."""
        if not self.connected:
            return
        self._coming.append(data)
        self.hand_over()

    def hand_over(self) -> None:
        while self._coming and not self.paused and not self.deaf and self.connected:
            self.protocol.dataReceived(self._coming.pop(0))

    def loseConnection(self) -> None:
        if self.connected and not self.disconnecting:
            self.disconnecting = True
            self.clock.callLater(0, self._close)

    def _close(self) -> None:
        self.other.over(Failure(ConnectionDone()))  # type: ignore[no-untyped-call]  # untyped in Twisted
        self.over(Failure(ConnectionDone()))  # type: ignore[no-untyped-call]  # untyped in Twisted

    def abortConnection(self) -> None:
        if self.connected:
            self.clock.callLater(0, self.other.over, Failure(ConnectionLost()))  # type: ignore[no-untyped-call]  # untyped in Twisted
            self.over(Failure(ConnectionLost()))  # type: ignore[no-untyped-call]  # untyped in Twisted

    def over(self, reason: Failure) -> None:
        if self.connected:
            self.connected = False
            self.protocol.connectionLost(reason)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert self.producer is None
        self.producer, self.streamingProducer = producer, streaming

    def unregisterProducer(self) -> None:
        self.producer = None

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False
        self.hand_over()

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", self.address, 40000)

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "192.0.2.99", 5269)


@implementer(ISystemHandle)
class Wire(Pipe):
    """One end of a connection, which can go over to TLS as stock transports do."""

    def __init__(self, clock: Clock, address: str, *, client: bool) -> None:
        super().__init__(clock, address)
        self.TLS = False
        self._tlsClientDefault = client

    def startTLS(self, creator: Any) -> None:
        start: Any = startTLS
        start(self, creator, True, Pipe)

    def getHandle(self) -> object:
        return self  # no TLS yet

    def write(self, data: bytes) -> None:
        if self.TLS:
            if self.connected:
                self.protocol.write(bytes(data))
        else:
            super().write(data)

    def writeSequence(self, pieces: Any) -> None:
        self.write(b"".join(pieces))

    def loseConnection(self) -> None:
        if self.TLS:
            if self.connected and not self.disconnecting:
                self.protocol.loseConnection()
        else:
            super().loseConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        if self.TLS:
            self.protocol.registerProducer(producer, streaming)
        else:
            super().registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        if self.TLS:
            self.protocol.unregisterProducer()
        else:
            super().unregisterProducer()


def join(clock: Clock, one: IProtocol, other: IProtocol, address: str) -> tuple[Wire, Wire]:
    """Connect a client's protocol to a server's, which sees it come from that address."""
    near, far = Wire(clock, "192.0.2.98", client=True), Wire(clock, address, client=False)
    near.other, far.other = far, near
    near.protocol, far.protocol = one, other
    other.makeConnection(far)  # type: ignore[arg-type]  # enough of a transport
    one.makeConnection(near)  # type: ignore[arg-type]  # the same
    return near, far


@implementer(IConnector)
class Network:
    """Addresses and who listens there.

    - `listening`: by IP address and port. `silent`: addresses that never answer.
    - `wires`: both ends of each connection made, that of who made it first; `asked`: where to.
    """

    def __init__(self, case: SynchronousTestCase, clock: Clock) -> None:
        self.clock = clock
        self.listening: dict[tuple[str, int], IProtocolFactory] = {}
        self.silent: set[str] = set()
        self.wires: list[tuple[Wire, Wire]] = []
        self.asked: list[tuple[str, int]] = []
        # startTLS takes the global reactor for a clock, and this is how Twisted lets tests differ.
        case.patch(tls, "_get_default_clock", lambda: clock)

    def connect(
        self, ip: str, port: int, factory: IProtocolFactory, timeout: float
    ) -> "Deferred[IProtocol]":
        """Connect to whoever listens there."""
        self.asked.append((ip, port))
        if ip in self.silent:
            return Deferred()
        there = self.listening.get((ip, port))
        answers = None if there is None else there.buildProtocol(_from("192.0.2.98"))
        if answers is None:
            return fail(ConnectionRefusedError())  # type: ignore[no-untyped-call]  # untyped in Twisted
        done: Deferred[IProtocol] = Deferred()
        self.clock.callLater(0, self._made, factory, answers, done)
        return done

    def _made(
        self, factory: IProtocolFactory, answers: IProtocol, done: "Deferred[IProtocol]"
    ) -> None:
        protocol = factory.buildProtocol(_from("192.0.2.97"))
        assert protocol is not None
        self.wires.append(join(self.clock, protocol, answers, "192.0.2.98"))
        done.callback(protocol)


def _from(address: str) -> IPv4Address:
    return IPv4Address("TCP", address, 40000)
