"""The real world for a server: the system's clock and randomness, the reactor's threads."""

import secrets
import time
from base64 import b32encode
from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorThreads, IReactorTime
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from xmppd.api.host import Busy, IEntropy, IWallClock, IWorkers
from xmppd.server.collaborators import Collaborators
from xmppd.server.config import DnsConfig
from xmppd.service.network import TcpConnector, resolver


@implementer(IWallClock)
class SystemWall:
    """The system's time of day."""

    def now(self) -> float:
        """Return seconds since 1970 in UTC."""
        return time.time()


@implementer(IEntropy)
class SystemEntropy:
    """The operating system's randomness."""

    def token_bytes(self, count: int) -> bytes:
        """Return `count` unpredictable bytes."""
        return secrets.token_bytes(count)

    def token(self) -> str:
        """Return an unpredictable id of 24 lower-case letters and digits (120 bits)."""
        return b32encode(secrets.token_bytes(15)).decode("ascii").lower()


@implementer(IWorkers)
class Threads:
    """Runs work in the reactor's thread pool, `at_once` pieces at a time.

    What is more waits its turn, up to `waiting` pieces.
    """

    def __init__(self, reactor: Any, at_once: int = 2, waiting: int = 1000) -> None:
        self._reactor: IReactorThreads = reactor
        self._free = at_once
        self._limit = waiting
        self._queue: deque[tuple[Deferred[Any], Callable[..., Any], tuple[Any, ...]]] = deque()

    def run(self, function: Callable[..., Any], *args: Any) -> "Deferred[Any]":
        """Call `function(*args)` in a thread; fails with `Busy` when too much is waiting."""
        done: Deferred[Any] = Deferred()
        if len(self._queue) >= self._limit:
            done.errback(Busy("too much work is waiting"))
            return done
        self._queue.append((done, function, args))
        self._next()
        return done

    def _next(self) -> None:
        while self._free and self._queue:
            done, function, args = self._queue.popleft()
            if done.called:  # cancelled while it waited
                continue
            self._free -= 1
            pool: ThreadPool = self._reactor.getThreadPool()
            working = deferToThreadPool(self._reactor, pool, function, *args)
            working.addBoth(self._finished, done)

    def _finished(self, result: Any, done: "Deferred[Any]") -> None:
        self._free += 1
        if not done.called:
            done.callback(result)  # a Failure becomes the Deferred's own
        self._next()


def real(reactor: Any, dns: DnsConfig | None = None) -> Collaborators:
    """Return what a server needs to run in this process on that reactor.

    Raises ValueError for DNS servers that are no IP addresses.
    """
    clock: IReactorTime = reactor
    connector = TcpConnector(reactor)
    return Collaborators(
        clock=clock,
        wall=SystemWall(),
        entropy=SystemEntropy(),
        workers=Threads(reactor),
        to_reactor=reactor.callFromThread,
        resolver=resolver(reactor, connector, dns or DnsConfig()),
        connector=connector,
    )
