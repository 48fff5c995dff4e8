"""All traffic with other servers: connections of both kinds, one timer, beginning and end."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from xmppd.s2s.dialling import Dialler
from xmppd.s2s.incoming import IncomingStream
from xmppd.s2s.outgoing import Outgoing
from xmppd.s2s.spool import Spool
from xmppd.s2s.surroundings import Connection, Surroundings
from xmppd.s2s.verifying import Verifier

SWEEP_SECONDS = 1.0


class ServerService:
    """Serves other servers, and is served by them.

    - `around`: what all streams share; `outgoing`: what is to be put behind the router.
    - `dialler`: makes streams to others.
    """

    _log = Logger()

    def __init__(self, around: Surroundings, spool: Spool, may_keep: Callable[[str], bool]) -> None:
        self.around = around
        self.dialler = Dialler(around)
        self.outgoing = Outgoing(around, self.dialler, spool, may_keep)
        self._verifier = Verifier(around, self.dialler)
        self._stopping = False
        self._sweep = LoopingCall(self.sweep)
        self._sweep.clock = around.clock

    def __len__(self) -> int:
        """Return how many connections there are."""
        return len(self.around.connections)

    def states(self) -> dict[str, int]:
        """Return how many of each kind of thing there is to count."""
        return {
            "connections with other servers": len(self),
            "stanzas waiting for other servers": sum(map(len, self.outgoing)),
        }

    # Life.

    def start(self) -> None:
        """Begin to work: storage is open. What an earlier run has left is taken up."""
        self._sweep.start(SWEEP_SECONDS, now=False)
        loading: Deferred[None] = Deferred.fromCoroutine(self.outgoing.load())
        loading.addErrback(
            lambda failure: self._log.failure("messages that wait could not be read", failure)
        )

    def stop(self) -> None:
        """Admit nobody any more and end every stream with `system-shutdown`.

        Streams on which something has to be acknowledged end when it is. The connections close in
        their own time; what is on disk stays there.
        """
        self._stopping = True
        self.outgoing.end()
        for connection in self.around.connections.all():
            try:
                connection.leave()
            except Exception:
                self._give_up(connection)

    def abandon(self) -> None:
        """Close every connection at once and stop watching."""
        for connection in self.around.connections.all():
            connection.abort()
        if self._sweep.running:
            self._sweep.stop()

    # Connections that others make.

    def admits(self, address: str) -> bool:
        """Tell whether one more connection may come from that IP address (RFC 6120 13.12)."""
        most = self.around.settings.strangers
        return not self._stopping and self.around.connections.strangers(address) < most

    def accept(self, address: str, *, secure: bool) -> IncomingStream:
        """Return the protocol for a connection that was admitted."""
        return IncomingStream(
            self.around, address, self._verifier, self.outgoing.proven, secure=secure
        )

    # Time.

    def sweep(self) -> None:
        """Look after all connections and all that waits for one."""
        now = self.around.clock.seconds()
        for connection in self.around.connections.all():
            try:
                connection.look_after(now)
            except Exception:
                self._give_up(connection)
        self.outgoing.look_after()

    def _give_up(self, connection: Connection) -> None:
        """Close a connection that what was done with it has failed for; no other may suffer."""
        self._log.failure("a connection with another server could not be looked after")
        connection.abort()
