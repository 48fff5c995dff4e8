"""A connection between two machines, as each of its ends sees it: a transport without a socket.

Bytes travel in pieces, each with a delay, and in order. TLS is only reported: after `startTLS` both
ends say hello, with the certificates that the real thing would show, and go on in clear.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IHandshakeListener,
    IOpenSSLServerConnectionCreator,
    IProducer,
    IProtocol,
    IPushProducer,
    ITransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from xmppd.net.tls import ITellsTlsFacts, TlsFacts
from xmppd.testing.net.certificates import shown_by

PATIENCE = 60.0
"""After how many seconds in which nothing gets through a connection is lost."""

WINDOW = 64 * 1024
"""How many bytes may be on their way, or lie unread at the other end, before the writer pauses."""

NOT_XML = b"\x16\x03\x01"
"""What TLS looks like to those who do not expect it."""


@dataclass(frozen=True, slots=True)
class Hello:
    """One side of a TLS handshake: its certificates in DER, and whom it calls ("" for nobody)."""

    chain: tuple[bytes, ...] = field(repr=False)
    server_name: str = ""


class _Finish:
    """The end of what one side sends."""


class _Reset:
    """The connection is gone."""


Item = bytes | Hello | _Finish | _Reset
FINISH, RESET = _Finish(), _Reset()


class Road(Protocol):
    """What lies between two machines, one way."""

    @property
    def open(self) -> bool:
        """Whether anything gets through."""

    def delay(self) -> float:
        """Return how many seconds something takes to get there."""

    def width(self, size: int) -> float:
        """Return how many seconds so many bytes take after those before them."""

    def pieces(self, data: bytes) -> list[bytes]:
        """Cut what is written into what arrives at a time."""

    def later(self, seconds: float, step: Callable[..., None], /, *arguments: object) -> object:
        """Call something after so many seconds, whatever becomes of either machine."""

    def seconds(self) -> float:
        """Return the time."""

    def shown(self, chain: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Return what is shown of one's own certificates, in DER."""

    def note(self, what: str) -> None:
        """Note what happens on it."""

    def arrived(self, data: bytes) -> None:
        """Note what arrives at its end."""


@implementer(ITransport, IConsumer, IPushProducer, ITellsTlsFacts)
class End:
    """One end of a connection, as the transport of the protocol there.

    - `disconnecting`: whether this side has closed it; `lost`: whether it is no more.
    """

    def __init__(self, road: Road, host: tuple[str, int], peer: tuple[str, int]) -> None:
        self._road = road
        self._host = IPv4Address("TCP", *host)
        self._peer = IPv4Address("TCP", *peer)
        self.other: End
        self.protocol: IProtocol | None = None
        self.disconnecting = self.lost = False
        self._secure = False
        self._finished = False  # both sides are told to end
        self._facts: TlsFacts | None = None
        self._mine: Hello | None = None
        self._theirs: Hello | None = None
        self._certificates: Callable[[str], tuple[bytes, ...]] | None = None
        # What has come and cannot be taken yet.
        self._unread: deque[Item] = deque()
        self._stuck: deque[Item] = deque()
        self._jams = 0
        self._silent = False
        self._reading = True
        self._due = 0.0  # when what was written last arrives
        self._passed = 0.0  # when the last of it has left
        self._on_way = 0
        self._producer: IPushProducer | None = None
        self._producer_paused = False

    # Coming up and going down.

    def connect(self, protocol: IProtocol | None) -> None:
        """Begin: `protocol` is what this end is for; without one the connection is closed."""
        self.protocol = protocol
        if protocol is None:
            self.loseConnection()
            return
        protocol.makeConnection(self)
        if self.lost:
            self._road.later(0, protocol.connectionLost, _why(ConnectionLost()))
        else:
            self._road.later(0, self._read_on)

    def die(self, *, silently: bool) -> None:
        """The process of this end is no more: nobody there is told anything.

        The other end is, unless the whole machine has gone.
        """
        if not (self.lost or silently):
            self._send(RESET)
        self._silent = silently
        self.lost = True
        self.protocol = None
        self._unread.clear()

    def reset(self) -> None:
        """Tell this end that the connection was lost on the way."""
        self._lose(ConnectionLost())

    def _lose(self, reason: Exception) -> None:
        if self.lost:
            return
        protocol, self.protocol = self.protocol, None
        self.lost = True
        self._producer = None
        self._unread.clear()
        self._road.note(f"lost ({type(reason).__name__})")
        if protocol is not None:
            protocol.connectionLost(_why(reason))

    # ITransport.

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if self.lost or self.disconnecting or not data:
            return
        for piece in self._road.pieces(data):
            self._send(piece, len(piece))
        self._regulate()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Send bytes."""
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Close once everything is sent; under TLS, once the other side has closed, too."""
        if self.lost or self.disconnecting:
            return
        self.disconnecting = True
        self._send(FINISH)
        if not self._secure:
            self._finished = True
            self._road.later(0, self._finish)

    def abortConnection(self) -> None:
        """Close at once."""
        if self.lost:
            return
        self.disconnecting = True
        self._send(RESET)
        self._road.later(0, self._lose, ConnectionAborted())

    def getPeer(self) -> IAddress:
        """Return the address of the other end."""
        return self._peer

    def getHost(self) -> IAddress:
        """Return the address of this end."""
        return self._host

    # IPushProducer: reading.

    def pauseProducing(self) -> None:
        """Read nothing until told to."""
        self._reading = False

    def resumeProducing(self) -> None:
        """Read on."""
        if not self._reading:
            self._reading = True
            self._road.later(0, self._read_on)

    def stopProducing(self) -> None:
        """Close."""
        self.loseConnection()

    # IConsumer: who writes is told when to pause.

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Take a push producer."""
        if self._producer is not None:
            raise RuntimeError("there is a producer already")
        self._producer = cast(IPushProducer, producer)
        self._producer_paused = False
        self._regulate()

    def unregisterProducer(self) -> None:
        """Let go of the producer."""
        self._producer = None
        self._producer_paused = False
        self._finish()

    def _regulate(self) -> None:
        producer = self._producer
        if producer is None:
            return
        full = self._on_way > WINDOW // 2 if self._producer_paused else self._on_way > WINDOW
        if full != self._producer_paused:
            self._producer_paused = full
            if full:
                producer.pauseProducing()
            else:
                producer.resumeProducing()

    # TLS.

    def startTLS(self, contextFactory: Any) -> None:
        """Report TLS from now on, with what `contextFactory` would show."""
        chain, server_name = shown_by(contextFactory)
        if IOpenSSLServerConnectionCreator.providedBy(contextFactory):
            self.expect_tls(lambda _name: chain)
        else:
            self._secure = True
            self._say_hello(Hello(self._road.shown(chain), server_name))

    def expect_tls(self, certificates: Callable[[str], tuple[bytes, ...]]) -> None:
        """Report TLS once the other side begins it; `certificates` is given the name it calls."""
        self._secure = True
        self._certificates = certificates

    def tls_facts(self) -> TlsFacts | None:
        """Return what the handshake came to, None while it has not."""
        return self._facts

    def _say_hello(self, hello: Hello) -> None:
        self._mine = hello
        self._send(hello)
        self._shake_hands()

    def _take_hello(self, hello: Hello) -> None:
        if not self._secure or self._theirs is not None:
            self._hand_over(NOT_XML)
            return
        self._theirs = hello
        if self._mine is None and self._certificates is not None:
            chain = self._certificates(hello.server_name)
            self._say_hello(Hello(self._road.shown(chain)))
        else:
            self._shake_hands()

    def _shake_hands(self) -> None:
        mine, theirs = self._mine, self._theirs
        if mine is None or theirs is None:
            return
        name = mine.server_name or theirs.server_name
        self._facts = TlsFacts("TLSv1.3", "simulated", "", name, theirs.chain, {})
        protocol: Any = self.protocol
        if IHandshakeListener.providedBy(protocol):
            protocol.handshakeCompleted()

    # On the way.

    def _send(self, item: Item, size: int = 0) -> None:
        now, road = self._road.seconds(), self._road
        self._passed = max(self._passed, now) + road.width(size)
        self._due = max(self._due, self._passed + road.delay())
        self._on_way += size
        self._road.later(self._due - now, self._travelled, item)

    def _travelled(self, item: Item) -> None:
        if self._silent:
            return
        if not (self._stuck or self._road.open):
            self._jams += 1
            self._road.later(PATIENCE, self._lose_patience, self._jams)
        if self._stuck or not self._road.open:
            self._stuck.append(item)
        else:
            self.other.take(item)

    def go_on(self) -> None:
        """Let what was stuck arrive, if the way is open again."""
        while self._stuck and self._road.open:
            self.other.take(self._stuck.popleft())

    @property
    def stuck(self) -> bool:
        """Whether something has not got through."""
        return bool(self._stuck)

    def _lose_patience(self, jam: int) -> None:
        """Lose the connection if nothing has got through since."""
        if self._stuck and jam == self._jams:
            self._stuck.clear()
            self._lose(ConnectionLost())

    # What comes.

    def take(self, item: Item) -> None:
        """Take what has arrived at this end."""
        if item is RESET:
            self.reset()
        elif self.lost:
            if item is not FINISH and not self.other.lost:
                self._road.later(self._road.delay(), self.other.reset)
        else:
            self._unread.append(item)
            self._read_on()

    def _read_on(self) -> None:
        while self._unread and self._reading and self.protocol is not None and not self.lost:
            item = self._unread.popleft()
            if isinstance(item, bytes):
                self.other.consumed(len(item))
                self._hand_over(item)
            elif isinstance(item, Hello):
                self._take_hello(item)
            else:
                self._take_end()

    def _hand_over(self, data: bytes) -> None:
        if self._finished or self.protocol is None:
            return
        if self._secure and self._facts is None:
            self.abortConnection()  # that is no TLS
            return
        self._road.arrived(data)
        self.protocol.dataReceived(data)

    def _take_end(self) -> None:
        if self._secure and not self.disconnecting:
            self.disconnecting = True
            self._send(FINISH)
        self._lose(ConnectionDone())

    def consumed(self, size: int) -> None:
        """Take note that so many bytes have been read at the other end."""
        self._on_way -= size
        if not self.lost:
            self._road.later(0, self._go_on_writing)

    def _go_on_writing(self) -> None:
        self._regulate()
        self._finish()

    def _finish(self) -> None:
        """Be gone: everything has been handed to the system, and this side wants nothing more."""
        if self._finished and self._on_way <= WINDOW:
            self._lose(ConnectionDone())


def _why(reason: Exception) -> Failure:
    return Failure(reason)  # type: ignore[no-untyped-call]  # untyped in Twisted
