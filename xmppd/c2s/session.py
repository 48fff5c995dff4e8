"""A client's session: an account's presence on this server, whatever carries it."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from xmppd.api.gate import Gate
from xmppd.api.router import ISessionHost
from xmppd.api.sessions import ISession, SessionRecord
from xmppd.api.storage import Ticket
from xmppd.c2s.link import ILink
from xmppd.c2s.settings import ClientSettings
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza
from xmppd.stanza.weight import weight
from xmppd.stream.errors import StreamError

State = TypeVar("State")


def _gone() -> None:
    """Stand for a client whose connection is gone: there is nobody to tell of the end."""


@implementer(ISession)
class Session:
    """What is bound to a full JID.

    Stanzas of the client come in by `receive`, one after the other: while the work on one waits,
    the next ones stay in a small inbox, and beyond that are not read. Stanzas for the client go
    out by `write`, in order, none before what it promises is committed, and none before `start`.

    - `jid`: its full JID; `account`: the localpart; `record`: what is published of it.
    - `lang`: the `xml:lang` of the client's stream, "" for none.
    - `logout`: called once, when the session ends; must not raise.
    """

    __slots__ = (
        "_ended",
        "_gate",
        "_host",
        "_inbox",
        "_inbox_bytes",
        "_leaving",
        "_link",
        "_logout",
        "_outbox",
        "_outbox_bytes",
        "_settings",
        "_states",
        "account",
        "jid",
        "lang",
        "record",
    )

    _log = Logger()

    def __init__(
        self,
        jid: JID,
        account: str,
        record: SessionRecord,
        *,
        host: ISessionHost,
        link: ILink,
        gate: Gate,
        settings: ClientSettings,
        lang: str,
        logout: Callable[[], None],
    ) -> None:
        self.jid = jid
        self.account = account
        self.record = record
        self._logout: Callable[[], None] | None = logout
        self.lang = lang
        self._host = host
        self._link: ILink | None = link
        self._gate = gate
        self._settings = settings
        self._states: dict[type, Any] | None = None
        self._leaving: Callable[[], None] | None = None
        self._ended = False
        self._inbox: deque[Stanza] | None = None
        self._inbox_bytes = 0
        self._outbox: deque[Stanza] | None = deque()
        self._outbox_bytes = 0

    # From the client.

    def receive(self, stanza: Stanza) -> None:
        """Take a stanza the client has sent.

        Ends the stream with `invalid-from` if it claims another sender (RFC 6120 8.1.2.1).
        """
        if self._ended:
            return
        sender = stanza.from_
        if stanza.malformed == "from" or not (
            sender is None or sender == self.jid or sender == self.jid.bare
        ):
            self.close("invalid-from", "'from' is not your address")
            return
        stanza.from_ = self.jid
        if self.lang and not stanza.lang:
            stanza.lang = self.lang  # RFC 6120 8.1.5
        if self._inbox is None:
            waiting = self._submit(stanza)
            if waiting is not None:
                self._wait(waiting)
        elif self._host.urgent(stanza):
            self._host.submit(stanza, self)
        else:
            self._queue(stanza)

    def _submit(self, stanza: Stanza) -> "Deferred[None] | None":
        """Have a stanza worked on; return what the next one has to wait for."""
        waiting = self._host.submit(stanza, self)
        if waiting is None and self._link is not None:
            return self._link.rest()
        return waiting

    def _wait(self, waiting: "Deferred[None]") -> None:
        if self._inbox is None:
            self._inbox = deque()
        waiting.addCallback(self._go_on)
        waiting.addErrback(self._crashed)

    def _crashed(self, failure: Failure) -> None:
        self._log.failure("a client's stanzas could not be worked off", failure=failure)
        self.close("internal-server-error")

    def _queue(self, stanza: Stanza) -> None:
        assert self._inbox is not None
        self._inbox.append(stanza)
        self._inbox_bytes += weight(stanza)
        if self._inbox_full and self._link is not None:
            self._link.pause()

    @property
    def _inbox_full(self) -> bool:
        return self._inbox is not None and (
            len(self._inbox) >= self._settings.inbox_stanzas
            or self._inbox_bytes >= self._settings.inbox_bytes
        )

    def _go_on(self, _done: None) -> None:
        """Take up the stanzas that came meanwhile."""
        inbox = self._inbox
        was_full = self._inbox_full
        if self._link is not None:
            self._link.begin()
        while inbox and self._link is not None:
            stanza = inbox.popleft()
            self._inbox_bytes -= weight(stanza)
            waiting = self._submit(stanza)
            if waiting is not None:
                self._wait(waiting)
                break
        else:
            self._inbox = None
            self._inbox_bytes = 0
        if was_full and not self._inbox_full and self._link is not None:
            self._link.resume()
        self._left()

    # To the client.

    def start(self) -> None:
        """Begin to send, with what was written meanwhile."""
        self.release(self._gate.settled, range(0))

    def write(self, stanza: Stanza) -> None:
        """Deliver a stanza to the client, behind everything written before."""
        is_free = self._outbox is None and stanza.ticket <= self._gate.settled
        if is_free and self._leaving is not _gone:
            if self._link is not None:
                self._link.send(stanza)
        else:
            self._hold(stanza)

    @property
    def writable(self) -> bool:
        """Whether the client keeps up: it is there, takes bytes, and not much waits for storage."""
        waits = self._outbox_bytes * 4 > self._settings.output
        return self._link is not None and self._link.writable and not waits

    def _hold(self, stanza: Stanza) -> None:
        if self._link is None:
            return
        if self._outbox is None:
            self._outbox = deque()
            if self._leaving is not _gone:
                self._gate.add(self)
        self._outbox.append(stanza)
        self._outbox_bytes += weight(stanza)
        if self._outbox_bytes > self._settings.output:
            self.close("resource-constraint", "too much is waiting to be sent")

    def release(self, settled: Ticket, failed: range) -> bool:
        """Send what waited for storage and need not wait any more (see `Held`)."""
        outbox = self._outbox
        broken = bool(failed) and any(stanza.ticket in failed for stanza in outbox or ())
        while outbox and outbox[0].ticket <= settled and self._link is not None:
            if outbox[0].ticket in failed:
                break
            stanza = outbox.popleft()
            self._outbox_bytes -= weight(stanza)
            self._link.send(stanza)
        if broken:
            self.close("internal-server-error", "something you were to be told could not be kept")
        elif outbox and self._link is not None:
            self._gate.add(self)
            return True
        self._outbox = None
        self._outbox_bytes = 0
        self._left()
        return False

    # The session itself.

    def publish(self, **changes: Any) -> None:
        """Change fields of the record and let everybody see, as long as the session lasts."""
        self.record = replace(self.record, **changes)
        if self._link is not None:
            self._host.publish(self.record)

    def state(self, kind: type[State]) -> State:
        """Return the session's one instance of `kind`, made at the first call."""
        if self._states is None:
            self._states = {}
        found = self._states.get(kind)
        if found is None:
            self._host.check_state(kind)
            found = self._states[kind] = kind()
        state: State = found
        return state

    def kinds(self) -> tuple[type, ...]:
        """Return the types `state` has been asked for."""
        return tuple(self._states or ())

    def withdraw(self) -> None:
        """Become unavailable and unreachable at once; the stream stays for some last words."""
        if not self._ended:
            self._host.close(self)

    def close(self, condition: str, text: str = "") -> None:
        """End the session with that stream error."""
        link = self._link
        if link is not None and not self._ended:
            self.end()
            link.fail(StreamError(condition, text))

    def leave(self, then: Callable[[], None] | None = None) -> None:
        """End once everything the client has sent is worked off (RFC 6120 10.1), and call `then`.

        The client has closed its stream and still gets what it is to be told (RFC 6120 4.4); or,
        without `then`, its connection is gone.
        """
        if then is None:
            self._gate.remove(self)
        self._leaving = then or _gone
        self._left()

    def _left(self) -> None:
        then = self._leaving
        if then is not None and self._inbox is None and (self._outbox is None or then is _gone):
            self.end()
            then()

    def end(self) -> None:
        """Leave at once: the connection is gone or is about to be. Further stanzas go nowhere.

        What still waited for storage was never sent: the host takes it back.
        """
        if self._ended:
            return
        self._ended = True
        self._host.close(self)
        self._link = self._leaving = None
        self._gate.remove(self)
        unsent, self._outbox, self._inbox = self._outbox, None, None
        if unsent:
            self._host.take_back(unsent, self)
        logout, self._logout = self._logout, None
        if logout is not None:
            logout()
