"""A client in a network: its session is a real one, and it remembers what it sends and gets."""

from collections.abc import Callable
from dataclasses import dataclass

from typing_extensions import override
from zope.interface import implementer

from xmppd.api.router import ISessionHost
from xmppd.api.sessions import SessionRecord
from xmppd.api.storage import Ticket, Tickets
from xmppd.c2s.link import ILink
from xmppd.c2s.session import Session
from xmppd.server.assemble import Server, client_settings
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza
from xmppd.stream.errors import StreamError
from xmppd.testing.texts import read_stanzas


@dataclass(frozen=True, slots=True)
class Got:
    """A stanza that has come for a client, and when (seconds of the network's clock)."""

    when: float
    stanza: Stanza


@dataclass(slots=True)
class Sent:
    """A stanza that a client has sent.

    - `accepted`: whether the server has it on disk, with all that it has led to so far: what a
      server that acknowledges stanzas (XEP-0198) has to wait for.
    """

    when: float
    stanza: Stanza
    accepted: bool = False


class _ClientSession(Session):
    """A session that tells what it was given, and whether it is done with what came in."""

    handed: list[Stanza]

    @override
    def write(self, stanza: Stanza) -> None:
        self.handed.append(stanza)
        super().write(stanza)

    @property
    def idle(self) -> bool:
        """Whether nothing of what the client has sent is still to be worked off."""
        return self._inbox is None

    def drop(self) -> None:
        """Let go of a server that is no more."""
        self._ended = True
        self._link = None


@implementer(ILink)
class _Link:
    """Carries a session to its client, with nothing in between."""

    writable = True

    def __init__(
        self, got: Callable[[Stanza], None], failed: Callable[[StreamError], None]
    ) -> None:
        self.send = got
        self.fail = failed

    def pause(self) -> None:
        """Stop reading: a client here does not mind how fast it is read."""

    def resume(self) -> None:
        """Go on reading."""

    def begin(self) -> None:
        """Time stands still while stanzas are worked off."""

    def rest(self) -> None:
        """Let the client go on at once."""


class NetworkClient:
    """Somebody at a device; `Network.client` makes them.

    - `jid`: the full JID; `sent` and `got`: everything, over all sessions, in order.
    - `handed`: what its server has written to its sessions; what then waits for storage may not
      have come by the time a session ends.
    - `closed_with`: the stream error that ended its last session, "" without one.
    """

    def __init__(
        self, jid: JID, server: Callable[[], Server | None], note: Callable[[str, str], None]
    ) -> None:
        self.jid = jid
        self.sent: list[Sent] = []
        self.got: list[Got] = []
        self.handed: list[Stanza] = []
        self._handed_before = 0
        self.closed_with = ""
        self._server = server
        self._note = note
        self._session: _ClientSession | None = None
        self._ready = False
        self._unsure: list[tuple[Ticket | None, Sent]] = []
        self._seen = 0

    @property
    def online(self) -> bool:
        """Whether it is logged in and may send."""
        return self._session is not None and self._ready

    def login(self) -> bool:
        """Log in, unless the server is down or the client is there; return whether it may send.

        Where the server has to read something before, that takes a moment.
        """
        server = self._server()
        if server is None or self._session is not None:
            return False
        host: ISessionHost = server.host(self.jid.domainpart).accounts_domain
        old = host.bound(self.jid)
        if old is not None:
            old.close("conflict")
        now = server.outside.wall.now()
        session = _ClientSession(
            self.jid,
            self.jid.localpart,
            SessionRecord(self.jid, server.cluster.node, since=now, active=now),
            host=host,
            link=_Link(self._take, self._closed),
            gate=server.clients.gate,
            settings=client_settings(server.config),
            lang="",
            logout=self._logged_out,
        )
        session.handed = self.handed
        self._handed_before = len(self.handed)
        self._note(str(self.jid), "logs in")
        self._session = session
        self.closed_with = ""
        tickets = server.storage.tickets
        tickets.watch(self._settled)
        opening = host.open(session)
        opening.addCallbacks(lambda _: self._opened(session), lambda _: session.end())
        return self.online

    def _opened(self, session: _ClientSession) -> None:
        if self._session is session:
            self._ready = True
            session.start()

    def _closed(self, error: StreamError) -> None:
        self.closed_with = error.condition

    def _logged_out(self) -> None:
        self._note(str(self.jid), "is logged out")
        self._session, self._ready = None, False
        self._unsure.clear()
        server = self._server()
        if server is not None:
            server.storage.tickets.unwatch(self._settled)

    def send(self, *texts: str) -> list[Sent]:
        """Send stanzas, as many as each text holds; what comes of it comes later.

        Raises `ValueError` for text that no stream would take, `RuntimeError` when not logged in.
        """
        sent = []
        for text in texts:
            for stanza in read_stanzas(text):
                if self._session is None or not self._ready:
                    raise RuntimeError(f"{self.jid} is not logged in")
                self._note(str(self.jid), f"sends {stanza.to_bytes().decode()}")
                sent.append(Sent(self._seconds(), stanza.copy()))
                self._session.receive(stanza)
        self.sent += sent
        self._watch(sent)
        return sent

    def _seconds(self) -> float:
        server = self._server()
        return 0.0 if server is None else server.outside.clock.seconds()

    def logout(self) -> None:
        """Lose the connection; nothing happens if there is none."""
        if self._session is not None:
            self._session.leave()

    def drop(self) -> None:
        """Find the server gone: nobody there does anything any more."""
        if self._session is not None:
            self._session.drop()
            self._session, self._ready = None, False
            self._unsure.clear()
            self._note(str(self.jid), "has lost its server")

    def take(self) -> list[Stanza]:
        """Return what has come since the last time."""
        new = self.got_since(self._seen)
        self._seen = len(self.got)
        return new

    def got_since(self, count: int) -> list[Stanza]:
        """Return what has come since there were so many in `got`."""
        return [each.stanza for each in self.got[count:]]

    def handed_now(self) -> list[Stanza]:
        """Return what was written to the session of now; nothing without one."""
        return self.handed[self._handed_before :] if self.online else []

    # What has been accepted.

    def _watch(self, sent: list[Sent]) -> None:
        server = self._server()
        if self._session is None or server is None:
            return
        tickets: Tickets = server.storage.tickets
        idle = self._session.idle
        for each in sent:
            if idle and tickets.issued <= tickets.settled:
                each.accepted = True
            else:
                self._unsure.append((tickets.issued if idle else None, each))

    def _settled(self, settled: Ticket, failed: range) -> None:
        """See what is on disk now; what a failed commit has taken with it never will be."""
        session, server = self._session, self._server()
        if session is None or server is None or not self._unsure:
            return
        waiting = []
        for ticket, sent in self._unsure:
            if ticket is None and session.idle:
                ticket = server.storage.tickets.issued
            if ticket is None or ticket > settled:
                waiting.append((ticket, sent))
            elif not failed:
                sent.accepted = True
        self._unsure = waiting

    def _take(self, stanza: Stanza) -> None:
        """Take a stanza from the server."""
        self._note(str(self.jid), f"gets {stanza.to_bytes().decode()}")
        self.got.append(Got(self._seconds(), stanza.copy()))
