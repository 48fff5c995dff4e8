"""The feature of blocking (XEP-0191): the commands, the lists in memory, and what is stopped."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from weakref import WeakValueDictionary

from twisted.python.failure import Failure
from zope.interface import implementer

from xmppd.api.host import IHost
from xmppd.api.moments import (
    PASS,
    STOP,
    AccountDeleted,
    SentByClient,
    SessionClosed,
    SessionOpened,
    Stage,
    ToAccount,
    Verdict,
)
from xmppd.api.registrations import (
    Answer,
    Feature,
    HandleIq,
    PerAccount,
    Promised,
    Provide,
    Registration,
    Request,
    Watch,
)
from xmppd.api.roster import IBlocking
from xmppd.api.sessions import ISession
from xmppd.api.settings import Count
from xmppd.api.storage import Map, StorageError
from xmppd.api.turns import Turns
from xmppd.modules.blocking.lists import (
    BlockList,
    Change,
    Entries,
    element_of,
    forms,
    is_own,
    items_of,
    matches,
)
from xmppd.modules.blocking.presence import Showing
from xmppd.stanza.errors import ErrorType, StanzaError, can_be_answered, error_reply
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Stanza
from xmppd.wire.element import Element
from xmppd.wire.namespaces import BLOCKING, BLOCKING_ERRORS


@dataclass(frozen=True, slots=True)
class BlockingSettings:
    """How much a block list may hold.

    - `items`: addresses and domains one account may block; `bytes`: of all these together.
    """

    items: Count = 2_000
    bytes: Count = 262_144


DEFAULTS = BlockingSettings()


@implementer(IBlocking)
class Blocking:
    """Keeps the block lists of a host's accounts and stops what they forbid.

    Nothing from one of an account's clients to another is ever stopped (XEP-0191 section 5), nor
    what they and the host's own address have to say to each other, whatever is on the list.
    """

    def __init__(self, host: IHost, settings: BlockingSettings = DEFAULTS) -> None:
        self._host = host
        self._settings = settings
        self._rows = host.open("blocking", Map)
        # Of accounts online, or about to be. They go with the account's state.
        self._lists: WeakValueDictionary[str, BlockList] = WeakValueDictionary()
        self._turns = Turns()
        self._showing = Showing(host)
        # Accounts online that block nobody: whoever is not in here is looked up.
        self._open: set[str] = set()

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield HandleIq("get", BLOCKING, "blocklist", self.get)
        yield HandleIq("set", BLOCKING, "block", self.block)
        yield HandleIq("set", BLOCKING, "unblock", self.unblock)
        if self._host.anonymous:
            return
        yield Feature(BLOCKING)
        yield Provide(IBlocking, self)
        yield PerAccount(BlockList, self._load)
        yield Watch(SentByClient, self.outbound, Stage.FIRST, not_for=self._open)
        yield Watch(ToAccount, self.inbound, Stage.FIRST, not_for=self._open)
        yield Watch(SessionOpened, self.opened)
        yield Watch(SessionClosed, self.closed)
        yield Watch(AccountDeleted, self.deleted)

    # What clients ask for.

    async def get(self, request: Request) -> Answer:
        """Return the block list; who asks is told of changes from now on (section 3.2)."""
        if self._host.anonymous:
            return Element("blocklist", BLOCKING)
        found = self._lists.get(request.owner)
        if found is None:
            found = await self._read(request.owner)
        elif self._host.session(request.sender) is not None:
            found.asked[request.sender] = None
        return Promised(element_of("blocklist", sorted(found.entries)), found.ticket)

    async def block(self, request: Request) -> Answer:
        """Block what is named (section 3.3)."""
        items = items_of(request.payload)
        if not items:
            raise StanzaError("bad-request", "there is nobody to be blocked")
        return await self._set(request, items, lambda before: before | set(map(str, items)))

    async def unblock(self, request: Request) -> Answer:
        """Unblock what is named (section 3.4), or everybody (section 3.5)."""
        items = items_of(request.payload)
        if items:
            return await self._set(request, items, lambda before: before - set(map(str, items)))
        return await self._set(request, items, lambda _before: frozenset())

    async def _set(
        self, request: Request, named: tuple[JID, ...], edit: Callable[[Entries], Entries]
    ) -> Answer:
        if self._host.anonymous:
            raise StanzaError("not-allowed", "guests have no block list")
        owner = request.owner
        async with self._turns.of(owner):
            found = self._lists.get(owner)
            if found is None:  # asked for before a resource is bound
                found = await self._read(owner)
            if await self._host.accounts.get(owner) is None:  # deleted meanwhile
                raise StanzaError("service-unavailable")
            before = found.entries
            change = Change(named, before, edit(before))
            if len(change.after) > len(before):
                self._check_room(change.after)
            self._carry_out(owner, found, change, request.payload.name)
            return Promised(None, found.ticket)

    def _check_room(self, entries: Entries) -> None:
        size = sum(len(entry.encode()) for entry in entries)
        if len(entries) > self._settings.items or size > self._settings.bytes:
            raise StanzaError("resource-constraint", "the block list is full")

    def _carry_out(self, owner: str, found: BlockList, change: Change, command: str) -> None:
        """Write a change, and let those know whom it concerns."""
        for key in sorted(change.before - change.after):
            found.ticket = self._rows.delete(owner, key)
        for key in sorted(change.after - change.before):
            found.ticket = self._rows.put(owner, key, b"")
        if command == "block":
            self._showing.hide(owner, change, found.ticket)
        found.entries = change.after
        self._note(owner)
        self._host.committed(found.ticket).addErrback(self._lost, owner)
        for client in list(found.asked):
            payload = element_of(command, map(str, change.named))
            push = Iq(payload, to=client, from_=client.bare, type="set")
            push.id, push.ticket = self._host.entropy.token(), found.ticket
            self._host.route(push)
        if command == "unblock":
            self._showing.show(owner, change, found.ticket)

    # What is stopped.

    def blocks(self, owner: str, entity: JID) -> bool | Awaitable[bool]:
        """Tell whether an account has blocked an entity (see `IBlocking`)."""
        found = self._lists.get(owner)
        if found is None:
            return self._look_up(owner, entity)
        entries = found.entries
        return (
            bool(entries) and matches(entries, entity) and not is_own(self._host.jid, owner, entity)
        )

    async def _look_up(self, owner: str, entity: JID) -> bool:
        """Ask the storage: the account is offline, or is being loaded."""
        if is_own(self._host.jid, owner, entity):
            return False
        for form in forms(entity):
            if await self._rows.get(owner, form) is not None:
                return True
        return False

    def outbound(self, stanza: Stanza, session: ISession) -> Verdict | Awaitable[Verdict]:
        """Refuse what a user sends to somebody they have blocked (section 3.3)."""
        if stanza.to is None:
            return PASS
        blocked = self.blocks(session.account, stanza.to)
        return PASS if blocked is False else self._refuse(stanza, session, blocked)

    async def _refuse(
        self, stanza: Stanza, session: ISession, blocked: bool | Awaitable[bool]
    ) -> Verdict:
        if not isinstance(blocked, bool) and not await blocked:
            return PASS
        if can_be_answered(stanza):
            detail = Element("blocked", BLOCKING_ERRORS)
            error = StanzaError("not-acceptable", type=ErrorType.CANCEL, detail=detail)
            # On the usual way this would be stopped: it is from somebody who is blocked.
            self._host.deliver(error_reply(stanza, error), (session.record,))
        return STOP

    def inbound(self, stanza: Stanza, owner: str) -> Verdict | Awaitable[Verdict]:
        """Keep from a user what comes from somebody they have blocked (section 3.3)."""
        if stanza.from_ is None:
            return PASS
        blocked = self.blocks(owner, stanza.from_)
        return PASS if blocked is False else self._keep_out(stanza, blocked)

    async def _keep_out(self, stanza: Stanza, blocked: bool | Awaitable[bool]) -> Verdict:
        if not isinstance(blocked, bool) and not await blocked:
            return PASS
        if stanza.kind == "presence" or stanza.type in _SILENT:
            return STOP
        raise StanzaError("service-unavailable")

    # The lists themselves.

    async def _load(self, owner: str) -> BlockList:
        """Read the list of an account that comes online; it counts from now on."""
        async with self._turns.of(owner):
            found = self._lists[owner] = await self._read(owner)
            return found

    async def _read(self, owner: str) -> BlockList:
        return BlockList(frozenset(key for key, _ in await self._rows.items(owner)))

    def _lost(self, failure: Failure, owner: str) -> None:
        """Go back to what is on disk: what memory knows beyond that is not so any more."""
        failure.trap(StorageError)  # type: ignore[no-untyped-call]  # untyped in Twisted
        self._host.spawn(self._read_again(owner))

    async def _read_again(self, owner: str) -> None:
        async with self._turns.of(owner):
            found = self._lists.get(owner)
            if found is not None:
                found.entries = (await self._read(owner)).entries
                self._note(owner)

    def _note(self, owner: str) -> None:
        """Note whether an account that has a session here blocks nobody."""
        found = self._lists.get(owner)
        if found is not None and not found.entries and self._host.sessions(owner):
            self._open.add(owner)
        else:
            self._open.discard(owner)

    def opened(self, session: ISession) -> Verdict:
        """Note whether there is anything to be stopped for that account."""
        self._note(session.account)
        return PASS

    def closed(self, session: ISession) -> Verdict:
        """Forget that a session has asked for the list, and with the last one what was noted."""
        owner = session.account
        found = self._lists.get(owner)
        if found is not None:
            found.asked.pop(session.jid, None)
        if not any(each.node == session.record.node for each in self._host.sessions(owner)):
            self._open.discard(owner)
        return PASS

    def deleted(self, owner: str) -> Verdict:
        """Forget the list: the name may get a new one."""
        self._lists.pop(owner, None)
        self._note(owner)
        return PASS


_SILENT = ("headline", "groupchat", "error", "result")
"""Types of messages and IQs that are dropped without an answer, as if nobody were there."""
