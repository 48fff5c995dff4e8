"""Slow readers: who writes to them has to wait, and they do not have for ever (RFC 6120 13.12).

A client that does not take what it is sent makes the server keep it. So it is not read itself, and
who goes on sending to it is not read either, until it has caught up. Answers do not count, nor do
a few stanzas: else somebody could stop others by asking them and not reading. Slow is not stuck: as
long as bytes go, the client may have the rest; but the others do not wait for that.
"""

from typing import Protocol

from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza

SHARE = 64 * 1024
"""Bytes a client may send to a congested one before it has to wait."""

LONGEST = 30
"""How many times its patience a congestion may last, however the client goes on reading."""

_ANSWERS = ("error", "result")


class Connection(Protocol):
    """A client's connection, as it reads and is read."""

    def hold(self) -> None:
        """Do not read from the client until `let_go` has been called as often."""

    def let_go(self) -> None:
        """Take one `hold` back."""

    def overflow(self) -> None:
        """Cut the client off: it reads too slowly."""

    def abort(self) -> None:
        """Close the connection at once."""


class _Congested:
    """A congested connection: since when, how much others have sent to it, and who waits for it.

    `moved`: when it took something last; `sent` is None once nobody waits for it any more.
    """

    __slots__ = ("moved", "sent", "since", "waiting")

    def __init__(self, since: float) -> None:
        self.since = self.moved = since
        self.sent: dict[JID, int] | None = {}
        self.waiting: list[Connection] = []


class Congestion:
    """Knows the connections that are congested, and who waits for each.

    `patience`: how many seconds a connection may take nothing, and others wait for it.
    """

    __slots__ = ("_by_address", "_congested", "_patience")

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._by_address: dict[JID, Connection] = {}
        self._congested: dict[Connection, _Congested] = {}

    def __len__(self) -> int:
        """Return how many connections are congested."""
        return len(self._congested)

    def enter(self, jid: JID, connection: Connection) -> None:
        """Take note of the connection of a session."""
        self._by_address[jid] = connection

    def leave(self, jid: JID, connection: Connection) -> None:
        """Forget it; nobody needs to wait for it any more."""
        if self._by_address.get(jid) is connection:
            del self._by_address[jid]
        self.clear(connection)

    def congested(self, connection: Connection, stanza: Stanza, size: int, now: float) -> None:
        """Much is waiting for a client, and `stanza` of `size` bytes more now."""
        state = self._congested.get(connection)
        if state is None:
            state = self._congested[connection] = _Congested(now)
            self._wait(state, connection)
        sender = stanza.from_
        origin = None if sender is None else self._by_address.get(sender)
        if sender is None or origin is None or origin is connection or stanza.type in _ANSWERS:
            return
        if state.sent is None:
            return
        before = state.sent.get(sender, 0)
        state.sent[sender] = before + size
        if before < SHARE <= before + size:
            self._wait(state, origin)

    def moved(self, connection: Connection, now: float) -> None:
        """A client has taken some of what waits for it, and has not caught up yet."""
        state = self._congested.get(connection)
        if state is not None:
            state.moved = now

    def clear(self, connection: Connection) -> None:
        """A client has caught up, or is gone: nobody needs to wait for it any more."""
        state = self._congested.pop(connection, None)
        if state is not None:
            for waiting in state.waiting:
                waiting.let_go()

    def _wait(self, state: _Congested, connection: Connection) -> None:
        state.waiting.append(connection)
        connection.hold()

    def overdue(self, now: float) -> list[Connection]:
        """Return the connections that are stuck; nobody waits any longer for slow ones."""
        stuck = []
        for connection, state in list(self._congested.items()):
            lasts = now - state.since
            if now - state.moved >= self._patience or lasts >= self._patience * LONGEST:
                stuck.append(connection)
            elif lasts >= self._patience and state.sent is not None:
                self._relieve(state, connection)
        return stuck

    def _relieve(self, state: _Congested, connection: Connection) -> None:
        """Let everybody go but the slow one itself."""
        state.sent = None
        others = [waiting for waiting in state.waiting if waiting is not connection]
        state.waiting = [waiting for waiting in state.waiting if waiting is connection]
        for waiting in others:
            waiting.let_go()
