"""All traffic with other servers: connections of both kinds, one timer, beginning and end."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from typing_extensions import override

from xmppd.connection.connections import Watched
from xmppd.connection.service import StreamService
from xmppd.s2s.absent import Absent
from xmppd.s2s.dialling import Dialler
from xmppd.s2s.incoming import IncomingStream
from xmppd.s2s.outgoing import Outgoing
from xmppd.s2s.spool import Spool
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.verifying import Verifier


class ServerService(StreamService[Watched]):
    """Serves other servers, and is served by them.

    - `around`: what all streams share; `outgoing`: what is to be put behind the router.
    - `dialler`: makes streams to others; `absent`: has what accounts are told when they are there.
    """

    def __init__(
        self,
        around: Surroundings,
        spool: Spool,
        absent: Absent,
        may_keep: Callable[[str], bool],
    ) -> None:
        super().__init__(around.connections, around.clock)
        self.around = around
        self.dialler = Dialler(around)
        self.outgoing = Outgoing(around, self.dialler, spool, absent, may_keep)
        self.absent = absent
        self._verifier = Verifier(around, self.dialler)

    def states(self) -> dict[str, int]:
        """Return how many of each kind of thing there is to count."""
        return {
            "connections with other servers": len(self),
            "stanzas waiting for other servers": sum(map(len, self.outgoing)),
            "errors waiting for their senders": len(self.absent),
        }

    # Life.

    @override
    def start(self) -> None:
        """Begin to work: storage is open. What an earlier run has left is taken up."""
        super().start()
        loading: Deferred[None] = Deferred.fromCoroutine(self.outgoing.load())
        loading.addErrback(
            lambda failure: self._log.failure("messages that wait could not be read", failure)
        )

    @override
    def stop(self) -> None:
        """Admit nobody any more and end every stream with `system-shutdown`.

        Streams on which something has to be acknowledged end when it is. The connections close in
        their own time; what is on disk stays there.
        """
        self.outgoing.end()
        super().stop()

    # Connections that others make.

    def admits(self, address: str) -> bool:
        """Tell whether one more connection may come from that IP address (RFC 6120 13.12)."""
        most = self.around.settings.strangers
        return not self._stopping and self.connections.strangers(address) < most

    def accept(self, address: str, *, secure: bool) -> IncomingStream:
        """Return the protocol for a connection that was admitted."""
        return IncomingStream(
            self.around, address, self._verifier, self.outgoing.proven, secure=secure
        )

    # Time.

    @override
    def sweep(self) -> None:
        """Look after all connections and all that waits for one."""
        super().sweep()
        self.outgoing.look_after()
