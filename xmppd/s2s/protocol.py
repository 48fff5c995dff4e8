"""A connection between servers: bytes, TLS, deadlines, the end of its streams (RFC 6120 4 and 5).

What the elements mean is said in `incoming` for connections that others make and in `dialled` for
those that we make. Stanzas go through `traffic` in either direction.
"""

from enum import Enum
from math import inf

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from xmppd.connection.protocol import StreamProtocol
from xmppd.net.tls_client import tls_failure
from xmppd.s2s.pairs import Pairs
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.traffic import Traffic
from xmppd.s2s.trust import Judgement
from xmppd.stanza.stanza import Stanza
from xmppd.stream.errors import StreamError
from xmppd.stream.stream import State, Stream


class Phase(Enum):
    """How far a connection has come."""

    NEGOTIATING = "negotiating"
    """No stanza may go in any direction yet."""
    READY = "ready"
    """At least one pair of domains is proven."""
    ENDED = "ended"
    """We have closed our side and read on for the end of the other."""


class ServerProtocol(StreamProtocol):
    """One connection between servers (see `StreamProtocol`).

    - `phase`: how far it has come; `pairs`: what is proven on it.
    - `since`: when it was made (seconds since 1970); `last_used`: when a stanza went last.
    - `until`: when the first certificate expires that has proven something on it (seconds since
      1970), infinite if there is none.
    """

    __slots__ = (
        "_around",
        "_polite",
        "last_used",
        "pairs",
        "phase",
        "since",
        "traffic",
        "until",
    )

    def __init__(self, around: Surroundings, stream: Stream, address: str, *, secure: bool) -> None:
        super().__init__(stream, address, secure=secure)
        self._around = around
        self._polite = False
        self.phase = Phase.NEGOTIATING
        self.deadline = around.clock.seconds() + around.settings.negotiation_seconds
        self.since = around.wall.now()
        self.last_used = around.clock.seconds()
        self.until = inf
        self.pairs = Pairs(around.settings.pairs)
        self.traffic = Traffic(around, self)

    # The connection.

    @override
    def connectionMade(self) -> None:
        """Begin: there is a connection."""
        around, traffic = self._around, self.traffic
        self._write_to(around.flusher, around.settings.output, traffic.drained, traffic.advanced)
        keep_alive = getattr(self._transport, "setTcpKeepAlive", None)
        if keep_alive is not None:
            keep_alive(True)
        self._begin()

    @override
    def _take_in(self, data: bytes) -> None:
        if self._transport is None:
            return
        self.traffic.begin()
        if self.phase is Phase.ENDED:
            self._await_end(data)
        else:
            self._read(data)

    @override
    def _gone(self, reason: Failure) -> None:
        self._around.connections.remove(self)
        if self.phase is not Phase.ENDED:
            self._finish(_lost(reason))
        self.traffic.settle(read=False)
        self.traffic.let_go()
        del self.traffic  # it refers to us

    # For those who say what the elements mean.

    def _begin(self) -> None:
        """Act on the connection that was made."""
        raise NotImplementedError

    def _read(self, data: bytes) -> None:
        """Act on what came in, while the stream has not been ended by us."""
        raise NotImplementedError

    def _ended(self, reason: str) -> None:
        """Act on the end of the stream, for a reason in plain words; it comes once."""
        raise NotImplementedError

    # Sending.

    def send(self, stanza: Stanza) -> bool:
        """Write a stanza; return whether it could be: where not, by a fault of ours, it is logged.

        The other side does not count what was not written.
        """
        try:
            data = stanza.to_bytes()
        except ValueError:
            self._log.failure("{stanza} cannot be written", stanza=repr(stanza))
            return False
        self.write(data)
        self.last_used = self._around.clock.seconds()
        return True

    # The end.

    @property
    @override
    def is_over(self) -> bool:
        """Whether our side of the stream is closed."""
        return self.phase is Phase.ENDED

    @override
    def leave(self) -> None:
        """End the stream because this server is being stopped, as soon as nothing is in doubt."""
        self.traffic.when_acknowledged(super().leave)

    @override
    def close(self, reason: str = "we closed the stream", *, broken: bool = False) -> None:
        """End the stream without an error; `broken`: what was on its way may be lost."""
        self._polite = not broken
        super().close(reason)

    @override
    def _finish(self, reason: str) -> None:
        self.phase = Phase.ENDED
        if not self._polite:
            for proven in self.pairs.all():
                self._around.missed.lost(*proven.pair)
        self.traffic.end()
        self._ended(reason)

    @override
    def _limit_end(self) -> None:
        self.deadline = self._around.clock.seconds() + self._around.settings.closing_seconds

    @property
    @override
    def _is_full(self) -> bool:
        return self.traffic.full and (
            self.phase is not Phase.ENDED or self._stream.state is State.LISTENING
        )

    @override
    def _take_late(self, stanza: Stanza) -> None:
        # Where they are counted, our last count has said what was taken (XEP-0198 4).
        if self.traffic.acks is None:
            self.traffic.take(stanza)

    @override
    def _confirmed(self) -> None:
        self.traffic.settle(read=True)

    # Time.

    def look_after(self, now: float) -> None:
        """Act on what has become due."""
        if self.deadline and now >= self.deadline:
            self.overdue()
        elif self.phase is Phase.READY:
            self.traffic.look_after(now)
            self._expire(self._around.wall.now() - self.until)

    def _expire(self, late: float) -> None:
        """End the stream when a certificate has expired (RFC 6120 13.7.2.3).

        What is on its way is left some time to be acknowledged.
        """
        if late <= 0:
            return
        on_its_way = self.traffic.acks and late < self._around.settings.answer_seconds
        if not on_its_way:
            self.fail(StreamError("reset", "a certificate has expired"))

    def believe(self, judgement: Judgement) -> bool:
        """Take note of how long a certificate shown on the stream proves something, if it does."""
        if judgement.valid and judgement.until is not None:
            self.until = min(self.until, judgement.until.timestamp())
        return judgement.valid


def _lost(reason: Failure) -> str:
    """Say why a connection is gone."""
    failure = tls_failure(reason.value)
    if failure:
        return f"TLS failed ({failure})"
    if isinstance(reason.value, ConnectionDone):
        return "the connection was closed"
    return "the connection was lost"
