"""Asks DNS servers, each question on a socket of its own (RFC 1035 section 4.2, RFC 5452).

By UDP first, and by TCP if the answer did not fit into a datagram (RFC 7766). A server that fails
or does not answer in time is passed over for the next.
"""

import secrets
import socket
from collections.abc import Callable, Sequence
from typing import Any, cast

from twisted.internet import defer, error
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor, ITCPTransport
from twisted.internet.protocol import Factory, connectionDone
from twisted.names import dns
from twisted.protocols.basic import Int16StringReceiver
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from xmppd.api.network import IConnector, LookupFailed, Trouble
from xmppd.net.dns_question import LARGEST, Question

Server = tuple[str, int]
"""The IP address and port of a DNS server."""

TIMEOUTS = (1.0, 2.0, 4.0)
"""Seconds that each server has for its answer, the first time around and later ones."""

TCP_TIMEOUT = 5.0
"""Seconds for an answer by TCP, the connection included."""

_USEFUL = (dns.OK, dns.ENAME)
_LATE = (defer.TimeoutError, error.TimeoutError, error.TCPTimedOutError)


class _OfNoUse(Exception):
    """The server refused, hung up, or sent what is no answer."""


_FAILED = (_OfNoUse, error.ConnectError, OSError)


class DnsClient:
    """Asks the servers that `servers()` returns, in that order.

    `reactor` is one with descriptors and timers. Each server has the seconds in `timeouts` for its
    answer, the first time around and later ones.
    """

    def __init__(
        self,
        reactor: Any,
        connector: IConnector,
        servers: Callable[[], Sequence[Server]],
        timeouts: Sequence[float] = TIMEOUTS,
    ) -> None:
        self._reactor = reactor
        self._connector = connector
        self._servers = servers
        self._timeouts = timeouts

    async def ask(self, name: str, kind: int) -> dns.Message:
        """Return the first answer that says what there is, or that there is no such name.

        `name` is one that `askable` has returned. Raises `LookupFailed`: with `BROKEN` if every
        server has failed, with `TIMEOUT` if one might yet have answered.
        """
        servers = list(self._servers())
        for timeout in self._timeouts:
            for server in tuple(servers):
                try:
                    message = await self._ask(server, name, kind, timeout)
                except _LATE:
                    continue
                except _FAILED:
                    servers.remove(server)
                    continue
                if message.rCode in _USEFUL:
                    return message
                servers.remove(server)
        raise LookupFailed(name, Trouble.TIMEOUT if servers else Trouble.BROKEN)

    async def _ask(self, server: Server, name: str, kind: int, timeout: float) -> dns.Message:
        question = Question(name, kind, secrets.randbelow(1 << 16))
        message = await self._by_udp(server, question, timeout)
        return await self._by_tcp(server, question) if message.trunc else message

    async def _by_udp(self, server: Server, question: Question, timeout: float) -> dns.Message:
        exchange = _Datagrams(self._reactor, question)
        try:
            exchange.begin(server)
            return await exchange.answer.addTimeout(timeout, self._reactor)
        finally:
            exchange.end()

    async def _by_tcp(self, server: Server, question: Question) -> dns.Message:
        exchange = _Exchange(question)
        factory = Factory.forProtocol(lambda: exchange)
        factory.noisy = False
        try:
            await self._connector.connect(*server, factory, TCP_TIMEOUT)
            return await exchange.answer.addTimeout(TCP_TIMEOUT, self._reactor)
        finally:
            exchange.end()


@implementer(IReadDescriptor)
class _Datagrams:
    """Asks by UDP and waits for the answer among whatever comes.

    A port of the reactor would write two lines to the log for each question.
    """

    def __init__(self, reactor: IReactorFDSet, question: Question) -> None:
        self._reactor = reactor
        self._question = question
        self._socket: socket.socket | None = None
        self.answer: Deferred[dns.Message] = Deferred()

    def begin(self, server: Server) -> None:
        """Ask. Raises OSError where that is not possible."""
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        # Connected, it takes packets from that server only, and hears of refusals. The kernel gives
        # it a port that nobody can foresee, as RFC 5452 section 9.2 wants.
        self._socket.connect(server)
        self._socket.send(self._question.to_bytes())
        self._reactor.addReader(self)

    def end(self) -> None:
        """Wait no more."""
        if self._socket is not None:
            self._reactor.removeReader(self)
            self._socket.close()

    def fileno(self) -> int:
        """Return the socket's descriptor, -1 when it is closed."""
        return -1 if self._socket is None else self._socket.fileno()

    def logPrefix(self) -> str:
        """Say who this is."""
        return "DNS"

    def doRead(self) -> None:
        """Take one packet, or word that there will be none."""
        assert self._socket is not None
        try:
            message = self._question.read(self._socket.recv(LARGEST))
        except BlockingIOError:
            return
        except OSError:
            self.answer.errback(_OfNoUse())
        else:
            if message is not None:
                self.answer.callback(message)

    def connectionLost(self, reason: Failure) -> None:
        """Hear from the reactor that the socket is of no use any more."""
        if not self.answer.called:
            self.answer.errback(_OfNoUse())


class _Exchange(Int16StringReceiver):
    """Asks once connected; what comes first is the answer or none."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self.answer: Deferred[dns.Message] = Deferred()

    @override
    def connectionMade(self) -> None:
        self.sendString(self._question.to_bytes())  # type: ignore[no-untyped-call]

    @override
    def stringReceived(self, string: bytes) -> None:
        message = self._question.read(string)
        if self.answer.called:
            return
        if message is None:
            self.answer.errback(_OfNoUse())
        else:
            self.answer.callback(message)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.answer.called:
            self.answer.errback(_OfNoUse())

    def end(self) -> None:
        """Hang up, if there is anybody to hang up on."""
        if self.transport is not None:
            cast(ITCPTransport, self.transport).abortConnection()
