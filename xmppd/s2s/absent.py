"""What is returned to accounts that nobody is at, kept until somebody is (RFC 6121 8.5).

An error that finds no session is dropped, whoever sends it. Those which tell our own users what
became of their messages wait on disk instead, and go to a session once the account has one.
"""

from collections.abc import Iterator, Sequence
from enum import Enum
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from xmppd.api.moments import (
    PASS,
    STOP,
    AccountDeleted,
    PresenceChanged,
    Stage,
    Undeliverable,
    Verdict,
)
from xmppd.api.registrations import Registration, Watch
from xmppd.api.sessions import ISession
from xmppd.api.storage import Archive, Entry, HostStorage, Range, StorageError
from xmppd.s2s.spool import OWNER, SHARE_OF_ONE
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.tally import Tally
from xmppd.stanza.errors import StanzaError, can_be_answered, error_reply
from xmppd.stanza.jid import JID, JIDError
from xmppd.stanza.stanza import Presence, Stanza, restore

RETURNED = "s2s-returned"
"""The archive: errors as they will be sent, when the message was accepted, for whom (bare)."""

TIDY_SECONDS = 3_600.0
"""How often all that is kept is looked after."""

_PAGE = 50
_PAUSE = 0.1
"""Seconds between pages, for a client to take what it was sent."""


class Fate(Enum):
    """What has become of an error for the sender of a message."""

    TOLD = "on its way, or wanted by nobody: the message may be forgotten"
    KEPT = "written in this turn: the message may be forgotten in the same"
    OPEN = "not written: the message has to be returned later"


class _Visit:
    """Somebody's being given what is kept; `again` is whether there is to be another look."""

    __slots__ = ("again", "work")

    def __init__(self) -> None:
        self.again = True
        self.work: Deferred[None] | None = None


class Absent:
    """Returns messages to their senders, now or when they are there.

    `settings.return_seconds` after a message was accepted nobody waits for its sender any more.
    """

    _log = Logger()

    def __init__(self, around: Surroundings, storage: HostStorage) -> None:
        settings = around.settings
        self._around = around
        self._archive = storage.open(RETURNED, Archive)
        self._kept: Tally[JID] = Tally(
            max(1, settings.spool_stanzas // SHARE_OF_ONE), settings.spool_bytes // SHARE_OF_ONE
        )
        self._visits: dict[JID, _Visit] = {}
        self._tidying: Deferred[None] | None = None
        self._tidy_at = 0.0
        self._is_loaded = False
        self._is_over = False

    def __len__(self) -> int:
        """Return how many errors are kept."""
        return len(self._kept)

    def registrations(self, host: JID) -> Iterator[Registration]:
        """Return what a host of accounts has to tell of them."""

        def deleted(localpart: str) -> Verdict:
            self._see_to(JID.make(localpart, host.domainpart))
            return PASS

        yield Watch(Undeliverable, self._taken_back, Stage.FIRST, kinds=("message",))
        # Last: whoever comes is there for all others before.
        yield Watch(PresenceChanged, self._changed, Stage.AFTER)
        yield Watch(AccountDeleted, deleted)

    def _changed(self, _presence: Presence, session: ISession) -> Verdict:
        account = session.jid.bare
        if account in self._kept and session.record.available:
            self._see_to(account)
        return PASS

    # What comes back.

    def give_back(self, stanza: Stanza, error: StanzaError, since: float) -> Fate:
        """Return a message that was accepted at `since` (seconds since 1970) with an error."""
        sender, around = stanza.from_, self._around
        if sender is None or not can_be_answered(stanza):
            return Fate.TOLD
        reply = error_reply(stanza, error)
        if around.senders.has_client(sender):
            reply.to = around.senders.reach(sender)
            if reply.to is None:
                reply.to = sender
                return self._keep(sender.bare, reply, since)
        around.router.route(reply)
        return Fate.TOLD

    def _taken_back(self, message: Stanza, _owner: str) -> Verdict:
        """Keep an error that a session has ended with before it was sent (see `ISessionHost`)."""
        to = message.to
        if message.type != "error" or to is None:
            return PASS
        self._keep(to.bare, message, self._around.wall.now())
        return STOP

    def _keep(self, account: JID, reply: Stanza, since: float) -> Fate:
        value = bytes(reply)
        if not self._kept.has_room(account, len(value)):
            self._log_dropped(reply, "too much waits for it already")
            return Fate.TOLD
        try:
            entry = self._archive.append(OWNER, value, when=since, contact=str(account))
        except StorageError:
            return Fate.OPEN
        self._kept.add(account, len(value))
        self._around.losses.watch(entry.ticket, partial(self._kept.remove, account, len(value)))
        self._see_to(account)  # there may be no such account any more
        return Fate.KEPT

    def _log_dropped(self, reply: Stanza, why: str) -> None:
        self._log.info(
            "{account} is not told that its message to {contact} has come back: {why}",
            account=str(reply.to),
            contact=str(reply.from_),
            why=why,
        )

    # Who comes, and who is no more.

    def _see_to(self, account: JID) -> None:
        """Give what is kept to an account that somebody is at; drop it if there is none."""
        if self._is_over or not self._is_loaded or account not in self._kept:
            return
        if account in self._visits:
            self._visits[account].again = True
            return
        visit = self._visits[account] = _Visit()
        visit.work = Deferred.fromCoroutine(self._visit(account, visit))
        visit.work.addErrback(self._failed)

    async def _visit(self, account: JID, visit: _Visit) -> None:
        try:
            while visit.again:
                visit.again = False
                if await self._give_all(account) and not visit.again:
                    self._kept.clear(account)
        finally:
            del self._visits[account]

    async def _give_all(self, account: JID) -> bool:
        """Give or drop what is kept for an account; tell whether nothing is left."""
        created = await self._around.senders.created(account)
        while created is None or self._around.senders.reach(account) is not None:
            page = await self._archive.page(OWNER, Range(contact=str(account)), _PAGE)
            if not self._hand_over(account, page.entries, created):
                return False
            if page.complete:
                return True
            await deferLater(self._around.clock, _PAUSE)
        return False

    def _hand_over(self, account: JID, page: Sequence[Entry], created: float | None) -> bool:
        """Give a page to whoever is there; False if nobody is, by its end.

        Each is forgotten in the turn in which it is given, and before: what cannot be would be
        given again.
        """
        for entry in page:
            # What an earlier account of that name has sent is nothing for this one.
            is_theirs = created is not None and entry.when >= created
            if is_theirs and self._around.senders.reach(account) is None:
                return False
            self._forget(account, entry)
            if is_theirs:
                self._give(account, entry)
        return True

    def _give(self, account: JID, entry: Entry) -> None:
        """Send an error to the session its message came from, or to another."""
        reply = self._read(entry)
        if reply is not None:
            reply.to = self._around.senders.reach(reply.to or account)
            self._around.router.route(reply)

    def _read(self, entry: Entry) -> Stanza | None:
        try:
            return restore(entry.value)
        except ValueError:
            self._log.error("an error kept for {account} cannot be read", account=entry.contact)
            return None

    def _forget(self, account: JID | None, entry: Entry) -> None:
        self._archive.remove(OWNER, [entry.id])
        if account is not None:
            self._kept.remove(account, len(entry.value))

    def _failed(self, failure: Failure) -> None:
        if not isinstance(failure.value, CancelledError):
            self._log.failure("what has come back could not be given to its senders", failure)

    # Life.

    async def load(self) -> None:
        """Take up what an earlier run has left on disk. Raises `StorageError`."""
        after: str | None = None
        complete = False
        while not complete:
            page = await self._archive.page(OWNER, Range(after=after), _PAGE)
            for entry in page.entries:
                account, after = _account(entry), entry.id
                if account is not None:
                    self._kept.add(account, len(entry.value))
            complete = page.complete
        self._is_loaded = True

    def look_after(self) -> None:
        """Act on what has become due."""
        now = self._around.clock.seconds()
        if now >= self._tidy_at and self._is_loaded and not self._is_over:
            self._tidy_at = now + TIDY_SECONDS
            self._tidying = Deferred.fromCoroutine(self._tidy())
            self._tidying.addErrback(self._failed)

    async def _tidy(self) -> None:
        """Drop what nobody has come for, and see to what a fault or a crash has left undone."""
        oldest = self._around.wall.now() - self._around.settings.return_seconds
        complete = False
        while not complete:
            page = await self._archive.page(OWNER, Range(end=oldest), _PAGE)
            for entry in page.entries:
                reply = self._read(entry)
                if reply is not None:
                    self._log_dropped(reply, "nobody was there for too long")
                self._forget(_account(entry), entry)
            complete = page.complete
        for number, account in enumerate(self._kept, 1):
            self._see_to(account)
            if not number % _PAGE:
                await deferLater(self._around.clock, 0)

    def end(self) -> None:
        """Give nobody anything any more; what is kept stays on disk."""
        self._is_over = True
        works: list[Deferred[Any] | None] = [visit.work for visit in self._visits.values()]
        for work in (*works, self._tidying):
            if work is not None:
                work.cancel()


def _account(entry: Entry) -> JID | None:
    """Return for whom an error is kept; None if nobody can tell."""
    try:
        return JID.parse(entry.contact)
    except JIDError:
        return None
