"""A logged-in client without a socket: the session is real, its link is a mailbox."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from zope.interface import implementer

from xmppd.api.gate import Gate
from xmppd.api.router import ISessionHost
from xmppd.api.sessions import SessionRecord
from xmppd.c2s.link import ILink
from xmppd.c2s.session import Session
from xmppd.server.assemble import client_settings
from xmppd.server.config import ServerConfig
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza
from xmppd.stream.errors import StreamError
from xmppd.testing.mailbox import Mailbox
from xmppd.testing.texts import read_stanzas


@implementer(ILink)
class _Link:
    """Keeps what is sent, and why the stream ended."""

    def __init__(self, owner: str) -> None:
        self.mailbox = Mailbox(owner)
        self.error: StreamError | None = None
        self.paused = False
        self.writable = True

    def send(self, stanza: Stanza) -> None:
        self.mailbox.stanzas.append(stanza)

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def begin(self) -> None:
        """Time stands still while stanzas are worked off."""

    def rest(self) -> None:
        return None

    def fail(self, error: StreamError) -> None:
        self.error = error


class FakeSession(Session):
    """An `ISession` that sends and receives XML text; `FakeHost.login` makes them.

    It is the very session a client on TCP has: it stamps `from`, keeps the order of stanzas while
    one waits, and holds back what promises something until storage has committed it.

    - `opening`: fires when the session is open; it mostly has.
    - `logouts`: how often its account was told that it has left; once is right.
    """

    opening: "Deferred[None]"

    def __init__(
        self,
        jid: JID,
        record: SessionRecord,
        host: ISessionHost,
        gate: Gate,
        turn: Callable[[], None],
    ) -> None:
        link = _Link(str(jid))
        super().__init__(
            jid,
            jid.localpart,
            record,
            host=host,
            link=link,
            gate=gate,
            settings=client_settings(ServerConfig()),
            lang="",
            logout=self._logged_out,
        )
        self.logouts = 0
        self._mailbox = link.mailbox
        self._carrier = link
        self._turn = turn

    def _logged_out(self) -> None:
        self.logouts += 1

    def sends(self, *texts: str) -> None:
        """Send stanzas, as many as each text holds, then let the reactor's turn end.

        Raises `ValueError` for text that no stream would take.
        """
        for text in texts:
            for stanza in read_stanzas(text):
                self.receive(stanza)
        self._turn()

    def receives(self, *expected: str) -> None:
        """Raise `AssertionError` unless exactly these stanzas have come since the last look."""
        self._mailbox.check(expected)

    def take(self) -> list[str]:
        """Return what has come since the last look, as normal text (see `normal`)."""
        return self._mailbox.take()

    def overlook(self) -> None:
        """Let what has come count as looked at."""
        self._mailbox.stanzas.clear()

    @property
    def stanzas(self) -> tuple[Stanza, ...]:
        """What has come since the last look, as stanzas; they still count as not looked at."""
        return tuple(self._mailbox.stanzas)

    @property
    def closed_with(self) -> str:
        """The condition of the stream error that ended the session, "" while it goes on."""
        return "" if self._carrier.error is None else self._carrier.error.condition

    @property
    def paused(self) -> bool:
        """Whether the client is not read at the moment."""
        return self._carrier.paused

    def reads(self, reads: bool = True) -> None:
        """Stop taking what is sent, as a slow client does, or go on; here it still arrives."""
        self._carrier.writable = reads

    def disconnects(self) -> None:
        """Lose the connection."""
        self.end()
        self._turn()

    def drop(self) -> None:
        """Let go of a server that is no more: nothing is sent or received from now on."""
        self._ended = True
        self._link = None
