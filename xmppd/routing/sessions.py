"""The sessions of one host in this process, and the state of accounts while they have some."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred, FirstError, gatherResults

from xmppd.api.cluster import ICluster
from xmppd.api.moments import Moment, SessionClosed, SessionOpened
from xmppd.api.registrations import PerAccount
from xmppd.api.sessions import ISession
from xmppd.api.storage import Accounts
from xmppd.api.waiting import begin, settle
from xmppd.routing.hooks import announce, crashed
from xmppd.routing.registry import Registry
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID

State = TypeVar("State")


class _Online:
    """An account with sessions here: how many, its state by type, and whether that is loaded."""

    __slots__ = ("loading", "sessions", "state", "waiting")

    def __init__(self) -> None:
        self.sessions = 0
        self.state: dict[type, Any] = {}
        self.loading = False
        self.waiting: list[Deferred[None]] = []


class Sessions:
    """Opens and closes sessions, and finds them by address.

    - `named(text)`: the session bound to the full JID of that text, or None; it costs one lookup.
    """

    def __init__(
        self, domain: str, registry: Registry, cluster: ICluster, accounts: Accounts
    ) -> None:
        self._domain = domain
        self._registry = registry
        self._cluster = cluster
        self._accounts = accounts
        self._opening: dict[ISession, None] = {}
        self._bound: dict[str, ISession] = {}
        self._online: dict[str, _Online] = {}
        self.named = self._bound.get

    def __len__(self) -> int:
        return len(self._bound)

    def __contains__(self, jid: JID) -> bool:
        return jid.text in self._bound

    def get(self, jid: JID) -> ISession | None:
        """Return the session bound to that full JID, or None."""
        return self._bound.get(jid.text)

    def all(self) -> list[ISession]:
        """Return every session, in the order of opening."""
        return list(self._bound.values())

    def of(self, account: str) -> list[ISession]:
        """Return the sessions of an account in this process, those on their way included."""
        sessions = [*self._bound.values(), *self._opening]
        return [session for session in sessions if session.account == account]

    def count(self, account: str) -> int:
        """Return how many sessions an account has, on all nodes."""
        return len(self._cluster.account(JID.make(account, self._domain)))

    async def open(self, session: ISession, created: float | None = None) -> None:
        """Make a session reachable, once its account's state is loaded.

        Closes the session unless its account, where it has one, is that `created` then. Raises
        `StanzaError` if loading fails (logged under the feature's name) or the session was closed
        meanwhile; it is then not open. The full JID must be free.
        """
        online = self._online.setdefault(session.account, _Online())
        online.sessions += 1
        # Whoever deletes the account finds it from here on, so that no deletion slips through.
        self._opening[session] = None
        try:
            if not await self.is_there(session.account, created):
                session.close("not-authorized", "this account is not there any more")
            if session in self._opening:
                await self._load(session.account, online)
            if session not in self._opening:
                raise StanzaError("not-authorized", "the session was closed before it was open")
        except BaseException:
            self._leave(session.account)
            raise
        finally:
            self._opening.pop(session, None)
        self._bound[session.jid.text] = session
        self._cluster.publish(session.record)
        self._announce(SessionOpened, session)

    async def is_there(self, account: str, created: float | None) -> bool:
        """Tell whether an account of that name is `created` then and may be used.

        Nobody asks that of guests, who have none: None.
        """
        if created is None:
            return True
        found = await self._accounts.get(account)
        return found is not None and not found.disabled and found.created == created

    async def _load(self, account: str, online: _Online) -> None:
        """Load the account's state; the first session does, further ones wait for it."""
        while online.loading:
            turn: Deferred[None] = Deferred()
            online.waiting.append(turn)
            await turn
        missing = [each for each in self._registry.per_account if each[1].kind not in online.state]
        if not missing:
            return
        online.loading = True
        try:
            loads = [begin(_load(*each, account)) for each in missing]
            states = await gatherResults(loads, consumeErrors=True)
            online.state.update(zip((record.kind for _, record in missing), states, strict=True))
        except FirstError as error:
            error.subFailure.raiseException()
        finally:
            online.loading = False
            waiting, online.waiting = online.waiting, []
            for turn in waiting:
                turn.callback(None)

    def close(self, session: ISession) -> None:
        """Make a session unreachable and drop what belonged to it, or let it never be open."""
        self._opening.pop(session, None)
        if self._bound.get(session.jid.text) is not session:
            return
        del self._bound[session.jid.text]
        self._cluster.withdraw(session.jid)
        self._announce(SessionClosed, session)
        self._leave(session.account)

    def forget(self, kinds: Sequence[type]) -> None:
        """Drop the accounts' state of these types."""
        for online in self._online.values():
            for kind in kinds:
                online.state.pop(kind, None)

    def _leave(self, account: str) -> None:
        online = self._online[account]
        online.sessions -= 1
        if not online.sessions:
            del self._online[account]

    def account_state(self, account: str, kind: type[State]) -> State | None:
        """Return an online account's instance of `kind`, or None."""
        online = self._online.get(account)
        return None if online is None else online.state.get(kind)

    def states(self) -> Counter[str]:
        """Count what features keep for sessions and for accounts online, by the types' names."""
        kinds = [kind for session in self._bound.values() for kind in session.kinds()]
        kinds += [kind for online in self._online.values() for kind in online.state]
        return Counter(kind.__name__ for kind in kinds)

    def _announce(self, moment: Moment[[ISession]], session: ISession) -> None:
        announce(self._registry.watching(moment), session)


async def _load(feature: str, record: PerAccount, account: str) -> Any:
    try:
        state = settle(record.load(account))
        return await state if isinstance(state, Deferred) else state
    except CancelledError:
        raise
    except Exception:
        raise crashed(feature, f"loading {record.kind.__name__}") from None
