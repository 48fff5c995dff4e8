"""Entities of other servers: what comes from them and what is sent to them."""

from collections import deque
from collections.abc import Callable

from zope.interface import implementer

from xmppd.api.gate import Gate
from xmppd.api.router import IDomain, IRouter
from xmppd.api.storage import Ticket
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza
from xmppd.testing.mailbox import Mailbox
from xmppd.testing.texts import read_stanzas


class FakeRemote:
    """Somebody on another server who sends and receives XML text; `FakeHost.remote` makes them."""

    def __init__(self, jid: JID, send: Callable[[Stanza], None], turn: Callable[[], None]) -> None:
        self.jid = jid
        self.mailbox = Mailbox(str(jid))
        self._send = send
        self._turn = turn

    def sends(self, *texts: str) -> None:
        """Send stanzas with `to`, from this address where they do not say, then end the turn.

        Raises `ValueError` if one names a sender of another domain.
        """
        for text in texts:
            for stanza in read_stanzas(text):
                stanza.from_ = stanza.from_ or self.jid
                if stanza.from_.domainpart != self.jid.domainpart:
                    raise ValueError(f"{self.jid} cannot speak for {stanza.from_}")
                self._send(stanza)
        self._turn()

    def receives(self, *expected: str) -> None:
        """Raise `AssertionError` unless exactly these stanzas have come since the last look."""
        self.mailbox.check(expected)

    def take(self) -> list[str]:
        """Return what has come since the last look, as normal text."""
        return self.mailbox.take()


@implementer(IDomain)
class Elsewhere:
    """All other servers. What is for nobody known there bounces (`remote-server-not-found`).

    What promises something leaves once storage has committed it, in order, as on a stream. `router`
    and `gate` are those of our server, which may be another one after a restart.
    """

    def __init__(self) -> None:
        self.remotes: dict[JID, FakeRemote] = {}
        self._held: deque[tuple[Stanza, list[FakeRemote]]] = deque()

    def connect(self, router: IRouter, gate: Gate) -> None:
        """Talk to that server from now on; what another one had not sent yet is lost."""
        self.router = router
        self._gate = gate
        self._held.clear()

    def send(self, stanza: Stanza) -> None:
        """Let a stanza come in from another server."""
        self.router.route(stanza)

    def receive(self, stanza: Stanza) -> None:
        """Take a stanza for another server; one for a bare JID goes to all who have it."""
        to = stanza.to
        found = [remote for jid, remote in self.remotes.items() if to in (jid, jid.bare)]
        if not found:
            raise StanzaError("remote-server-not-found")
        self._held.append((stanza, found))
        if self.release(self._gate.settled, range(0)):
            self._gate.add(self)

    def release(self, settled: Ticket, failed: range) -> bool:
        """Let go what is committed (see `xmppd.api.gate.Held`)."""
        while self._held and self._held[0][0].ticket <= settled:
            stanza, remotes = self._held.popleft()
            if stanza.ticket not in failed:
                for remote in remotes:
                    remote.mailbox.stanzas.append(stanza)
        return bool(self._held)
