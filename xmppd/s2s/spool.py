"""Messages for other servers on disk, from when they are accepted until they have arrived.

There are two archives. In one are messages that wait for their server, in the other those that may
have been sent: after a crash nobody can tell whether they arrived, so they are never sent again.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from functools import partial

from twisted.logger import Logger

from xmppd.api.storage import (
    NO_TICKET,
    Archive,
    Entry,
    HostStorage,
    Page,
    Range,
    StorageError,
    Ticket,
)
from xmppd.s2s.losses import Losses
from xmppd.s2s.tally import Tally
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza, restore
from xmppd.stanza.weight import weight

WAITING, SENT = "s2s-spool", "s2s-sent"
OWNER = ""  # the host itself
SHARE_OF_ONE = 2
"""One account's messages have this part, for all domains together, of what one domain has."""

_PAGE = 200


class Full(Exception):
    """As much is kept as may be; the text says of what."""


@dataclass(slots=True)
class Kept:
    """A message that is kept.

    - `going`: whether it is among those that may have been sent; `since`: when it was accepted
      (seconds since 1970); `size`: about how many bytes it costs.
    - `sender`: the account it counts for, None if it counts for none.
    - `moved`: the ticket with which it was noted that it may be sent, if it had to wait before.
    """

    id: str
    domain: str
    since: float
    size: int
    going: bool
    sender: JID | None = None
    moved: Ticket = NO_TICKET


class Spool:
    """Keeps messages.

    - `stanzas`, `bytes`: bounds of what is kept for one domain.
    - `account(jid)`: the account that what an earlier run has left of a sender counts for, None for
      who speaks for a domain.
    - `losses`: has done again what storage has lost.

    One account cannot fill what there is for a domain, nor the disk for many domains.
    """

    _log = Logger()

    def __init__(
        self,
        storage: HostStorage,
        stanzas: int,
        bytes: int,
        account: Callable[[JID], JID | None],
        losses: Losses,
    ) -> None:
        self._waiting = storage.open(WAITING, Archive)
        self._sent = storage.open(SENT, Archive)
        self._account = account
        self._losses = losses
        self._domains: Tally[str] = Tally(stanzas, bytes)
        self._senders: Tally[JID] = Tally(
            max(1, stanzas // SHARE_OF_ONE), max(1, bytes // SHARE_OF_ONE)
        )
        # What this run has kept while it reads what an earlier one has left.
        self._fresh: set[str] | None = None

    def __len__(self) -> int:
        """Return how many messages are kept."""
        return len(self._domains)

    def keep(
        self, stanza: Stanza, domain: str, sender: JID | None, since: float, *, going: bool
    ) -> tuple[Kept, Ticket]:
        """Keep a message for a domain, which counts for the account `sender` if there is one.

        `going` is whether it is sent as soon as it is on disk. Raises `Full`, and `StorageError`.
        """
        size = weight(stanza)
        if not self._domains.has_room(domain, size):
            raise Full("too much waits for that server")
        if sender is not None and not self._senders.has_room(sender, size):
            raise Full("too much of yours waits for other servers")
        entry = self._archive(going).append(OWNER, bytes(stanza), when=since, contact=domain)
        kept = Kept(entry.id, domain, since, size, going, sender)
        self._count(kept)
        if self._fresh is not None:
            self._fresh.add(entry.id)
        return kept, entry.ticket

    def go(self, messages: Iterable[tuple[Kept, Stanza]]) -> Ticket | None:
        """Note that these may be sent once that is on disk; None if nothing had to be noted.

        Raises `StorageError`.
        """
        ids = []
        for kept, stanza in messages:
            if not kept.going:
                entry = self._sent.append(
                    OWNER, bytes(stanza), when=kept.since, contact=kept.domain, id=kept.id
                )
                kept.going, kept.moved = True, entry.ticket
                ids.append(kept.id)
        return self._waiting.remove(OWNER, ids) if ids else None

    def lost(self, kept: Kept, failed: range) -> None:
        """Writes with the tickets in `failed` were lost: what they were to move still waits."""
        if kept.moved in failed:
            kept.going = False

    def forget(self, kept: Kept, again: Callable[[], None] | None = None) -> None:
        """Keep a message no more: it has arrived, or is returned.

        Where storage cannot do that, or loses it, the message counts on and `again` is called
        later, which has to forget it; without `again` it is forgotten then, and that is all.
        """
        self._discount(kept)
        work = again or partial(self.forget, kept)
        try:
            if kept.moved != NO_TICKET:
                # Whether that is committed or lost, it may be in either archive.
                self._archive(not kept.going).remove(OWNER, [kept.id])
            ticket = self._archive(kept.going).remove(OWNER, [kept.id])
        except StorageError:
            self._still_there(kept, work)
        else:
            self._losses.watch(ticket, partial(self._still_there, kept, work))

    def _still_there(self, kept: Kept, work: Callable[[], None]) -> None:
        self._count(kept)
        self._losses.later(work)

    async def load(self) -> AsyncIterator[tuple[Kept, Stanza]]:
        """Yield what an earlier run has left, those that may have been sent first.

        It is asked for once, before anything is kept. What is yielded may be forgotten at once.
        """
        fresh = self._fresh = set()
        for going in (True, False):
            async for kept, stanza in self._load(going, fresh):
                self._count(kept)
                yield kept, stanza
        self._fresh = None

    async def _load(self, going: bool, fresh: set[str]) -> AsyncIterator[tuple[Kept, Stanza]]:
        archive = self._archive(going)
        page: Page | None = await archive.page(OWNER, Range(), _PAGE)
        while page is not None:
            following = await self._following(archive, page, fresh)
            for entry in page.entries:
                found = None if entry.id in fresh else self._read(entry, going)
                if found is not None:
                    yield found
            page = following

    async def _following(self, archive: Archive, page: Page, fresh: set[str]) -> Page | None:
        """Read the page behind one of which nothing is forgotten yet, or it could not be asked for.

        What this run has kept is behind all that an earlier one has left.
        """
        if page.complete or page.entries[-1].id in fresh:
            return None
        return await archive.page(OWNER, Range(after=page.entries[-1].id), _PAGE)

    def _read(self, entry: Entry, going: bool) -> tuple[Kept, Stanza] | None:
        try:
            stanza = restore(entry.value)
        except ValueError:
            self._log.error("a message that was kept cannot be read and is dropped")
            self._archive(going).remove(OWNER, [entry.id])
            return None
        sender = None if stanza.from_ is None else self._account(stanza.from_)
        size = weight(stanza)
        return Kept(entry.id, entry.contact, entry.when, size, going, sender), stanza

    def _archive(self, going: bool) -> Archive:
        return self._sent if going else self._waiting

    def _count(self, kept: Kept) -> None:
        self._domains.add(kept.domain, kept.size)
        if kept.sender is not None:
            self._senders.add(kept.sender, kept.size)

    def _discount(self, kept: Kept) -> None:
        self._domains.remove(kept.domain, kept.size)
        if kept.sender is not None:
            self._senders.remove(kept.sender, kept.size)
