"""A domain of accounts: what becomes of every stanza for this host and its users.

RFC 6120 section 10 (the host's own addresses) and RFC 6121 section 8 (its users').
"""

from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from xmppd.api.cluster import ICluster
from xmppd.api.host import IWallClock
from xmppd.api.moments import PASS, STOP
from xmppd.api.registrations import ACCOUNT, HOST, OWN_ACCOUNT, At
from xmppd.api.router import IDomain, IRouter, ISessionHost
from xmppd.api.sessions import ISession, SessionRecord
from xmppd.api.storage import Accounts
from xmppd.api.waiting import begin, settle
from xmppd.routing.delivery import Fate, is_left, plan
from xmppd.routing.dispatch import check_iq, handle, refusal
from xmppd.routing.hooks import consult, consult_now
from xmppd.routing.pending import PendingRequests
from xmppd.routing.presence import availability
from xmppd.routing.registry import Registry
from xmppd.routing.sessions import Sessions
from xmppd.stanza import subscription
from xmppd.stanza.errors import StanzaError, can_be_answered, error_reply
from xmppd.stanza.jid import JID
from xmppd.stanza.prep import skeleton
from xmppd.stanza.stanza import Iq, Presence, Stanza

MANAGED = (*subscription.TYPES, "probe")
"""Types of presence that servers deal with and no client is sent without a feature's doing."""


@implementer(IDomain, ISessionHost)
class AccountsDomain:
    """Everything that is sent to one host, or by its clients.

    Each step of a stanza's way returns None when it is done with it, or an awaitable of the rest.
    """

    def __init__(
        self,
        domain: str,
        accounts: Accounts,
        registry: Registry,
        router: IRouter,
        cluster: ICluster,
        pending: PendingRequests,
        wall: IWallClock,
    ) -> None:
        self.domain = domain
        self.registry = registry
        self.sessions = Sessions(domain, registry, cluster, accounts)
        self.node = cluster.node
        self.bound = self.sessions.get
        self.count = self.sessions.count
        self._accounts = accounts
        self._router = router
        self._cluster = cluster
        self._pending = pending
        self._wall = wall

    # What clients send (ISessionHost).

    def open(self, session: ISession, created: float | None = None) -> "Deferred[None]":
        """Make a session reachable (see `ISessionHost`)."""
        return begin(self.sessions.open(session, created))

    def close(self, session: ISession) -> None:
        """Make a session unreachable; it goes unavailable first (RFC 6121 4.5.2)."""
        if self.sessions.get(session.jid) is session and session.record.available:
            gone = Presence(from_=session.jid, type="unavailable")
            self._router.attempt(gone, self._own_presence, gone, session)
        self.sessions.close(session)

    def take_back(self, stanzas: Iterable[Stanza], session: ISession) -> None:
        """Take what a closed session was to be sent and was not (see `ISessionHost`)."""
        for stanza in stanzas:
            if is_left(stanza, session.record, self._cluster.account(session.jid.bare)):
                again = stanza.copy()  # others may have the same one
                self._router.attempt(again, self._deliver_again, again, session.account)

    async def _deliver_again(self, stanza: Stanza, owner: str) -> None:
        """Do what is done for an account, past those who have seen the stanza already."""
        if await self._accounts.get(owner) is None:
            raise StanzaError("service-unavailable")
        hooks = self.registry.undeliverable[stanza.kind]
        if stanza.type != "error":
            rest = self._deliver(stanza, owner)
        elif hooks is not None:  # others are dropped, but this one had found its session
            rest = _unless_stopped(consult(hooks, stanza, owner, owner), stanza, owner, _done)
        else:
            rest = None
        if rest is not None:
            await rest

    def urgent(self, stanza: Stanza) -> bool:
        """Tell whether this answers a request of ours."""
        return isinstance(stanza, Iq) and not stanza.is_request and self._pending.knows(stanza)

    def publish(self, record: SessionRecord) -> None:
        """Let everybody see the new record of an open session."""
        if record.jid in self.sessions:
            self._cluster.publish(record)

    def check_state(self, kind: type) -> None:
        """Raise `LookupError` unless a feature has registered `PerSession(kind)`."""
        if kind not in self.registry.per_session:
            raise LookupError(f"no feature has registered PerSession({kind.__name__})")

    async def _answer_unbound(self, stanza: Stanza, created: float | None) -> Stanza | None:
        try:
            sender = stanza.from_
            assert sender is not None
            if not await self.sessions.is_there(sender.localpart, created):
                raise StanzaError("not-authorized", "this account is not there any more")
            if not isinstance(stanza, Iq):
                raise StanzaError("unexpected-request", "bind a resource first")
            check_iq(stanza)
            if not stanza.is_request:
                return None
            if stanza.to is None or stanza.to == sender:
                at, owner = OWN_ACCOUNT | ACCOUNT, sender.localpart
            else:
                at, owner = HOST, ""
            result = handle(self.registry, stanza, at, owner)
            answers = await result if isinstance(result, Coroutine) else result
        except StanzaError as error:
            return error_reply(stanza, error) if can_be_answered(stanza) else None
        answer: Stanza = answers[0]
        return answer

    def answer(self, stanza: Stanza, created: float | None = None) -> "Deferred[Stanza | None]":
        """Have a stanza answered before binding (see `ISessionHost`)."""
        return begin(self._answer_unbound(stanza, created))

    def submit(self, stanza: Stanza, session: ISession) -> "Deferred[None] | None":
        """Take what a client sends (see `ISessionHost`)."""
        return self._router.attempt(stanza, self._sent, stanza, session)

    def _sent(self, stanza: Stanza, session: ISession) -> Any:
        if stanza.malformed:
            raise StanzaError("jid-malformed")
        if stanza.to is None and stanza.kind != "presence":
            stanza.to = session.jid.bare  # RFC 6120 10.3.1, 10.3.3
        hooks = self.registry.sent[stanza.kind]
        if hooks is not None:
            verdict = consult(hooks, stanza, session, session.account)
            if verdict is not PASS:
                return _unless_stopped(verdict, stanza, session, self._pass_on)
        return self._pass_on(stanza, session)

    def _pass_on(self, stanza: Stanza, session: ISession) -> Any:
        if stanza.to is None and isinstance(stanza, Presence):
            return self._own_presence(stanza, session)
        return self._router.deliver(stanza)

    def _own_presence(self, presence: Presence, session: ISession) -> Any:
        """Take presence that is meant for everybody who may see it (RFC 6121 4)."""
        changes = availability(presence)
        if changes is None:
            return None
        session.publish(active=self._wall.now(), **changes)
        hooks = self.registry.presence_changed
        if hooks is None:
            return None
        verdict = consult(hooks, presence, session, session.account)
        return _unless_stopped(verdict, presence, session, _done)

    # What is sent here (IDomain).

    def receive(self, stanza: Stanza) -> Any:
        """Take a stanza for the host or one of its accounts (see `IDomain`)."""
        to = stanza.to
        assert to is not None  # the router found us by it
        session = self.sessions.named(to.text)
        if session is not None:
            owner = session.account
            if stanza.kind == "presence":
                return self._to_account(stanza, owner)
            hooks = self.registry.to_account[stanza.kind]
            if hooks is not None:
                verdict = consult(hooks, stanza, owner, owner)
                if verdict is not PASS or self.sessions.named(to.text) is not session:
                    return _unless_stopped(verdict, stanza, owner, self._deliver)
            return self._to_session(stanza, session)
        if not to.localpart:
            return self._to_host(stanza, to)
        if self._cluster.account(to.bare):
            return self._to_account(stanza, to.localpart)
        if stanza.kind == "presence" and stanza.type in ("", "unavailable") and to.is_ascii:
            return None  # RFC 6121 8.5.1 and 8.5.2.2.2 come to the same, most contacts being away
        return self._look_up(stanza, to)

    async def _look_up(self, stanza: Stanza, to: JID) -> None:
        """Find the account of an address nobody is bound to."""
        account = await self._accounts.get(to.localpart)
        if account is None:
            account = await self._accounts.find(skeleton(to.localpart))
            if account is None:
                self._no_such_user(stanza)
                return
            await self._to_namesake(stanza, JID.make(account.localpart, to.domainpart), to)
            return
        rest = self._to_account(stanza, account.localpart)
        if rest is not None:
            await rest

    async def _to_namesake(self, stanza: Stanza, account: JID, asked: JID) -> None:
        """Take a stanza whose address, prepared by older rules (RFC 6122), names an account.

        What is refused is refused at the address asked for, or strangers would learn of the other.
        """
        known = stanza.copy()
        known.to = JID.make(account.localpart, account.domainpart, asked.resourcepart)

        def deny(_probe: Stanza, _owner: str) -> None:
            self._deny(stanza)

        is_probe = stanza.kind == "presence" and stanza.type == "probe"
        step = deny if is_probe else self._deliver
        rest = self._to_account(known, account.localpart, step)
        if rest is not None:
            await rest
        stanza.ticket = known.ticket

    def _no_such_user(self, stanza: Stanza) -> None:
        """RFC 6121 8.5.1."""
        if isinstance(stanza, Iq) and stanza.is_request and stanza.to and stanza.to.is_bare:
            raise refusal(self.registry, stanza)
        if stanza.kind == "presence":
            _check_presence(stanza)
            if stanza.type == "probe":
                self._deny(stanza)
            return
        headline = stanza.type == "headline" and stanza.to is not None and stanza.to.is_bare
        if headline or stanza.type in ("error", "result"):
            return
        # A headline to a full address, too, is answered as for an account that is there.
        raise StanzaError("service-unavailable")

    def _deny(self, probe: Stanza) -> None:
        """Answer a probe as for any account the asker has no subscription to (RFC 6121 4.3.2)."""
        if probe.to is not None and probe.from_ is not None:
            bare = probe.to.bare
            denial = Presence(to=probe.from_, from_=bare, type="unsubscribed", id=probe.id)
            self._router.route(denial)

    def _to_account(
        self, stanza: Stanza, owner: str, step: Callable[[Any, str], Any] | None = None
    ) -> Any:
        step = step or self._deliver
        hooks = self.registry.to_account[stanza.kind]
        if hooks is not None:
            verdict = consult(hooks, stanza, owner, owner)
            if verdict is not PASS:
                return _unless_stopped(verdict, stanza, owner, step)
        return step(stanza, owner)

    def _deliver(self, stanza: Stanza, owner: str) -> Any:
        """Bring a stanza to an account's sessions, or do what RFC 6121 8.5 says instead."""
        to = stanza.to
        assert to is not None
        if stanza.kind == "presence":
            _check_presence(stanza)
            if stanza.type == "probe":
                self._deny(stanza)
            if stanza.type in MANAGED:
                return None  # nobody has taken care of it
        session = self.sessions.named(to.text)
        if session is not None:
            return self._to_session(stanza, session)
        full = to.is_full
        if not full and isinstance(stanza, Iq):
            own = stanza.from_ is not None and stanza.from_.bare == to
            return self._answer(stanza, OWN_ACCOUNT | ACCOUNT if own else ACCOUNT, owner)
        match = self._cluster.record(to) if full else None
        fate, records = plan(stanza.kind, stanza.type, match, full, self._cluster.account(to.bare))
        if fate is Fate.DELIVER:
            self.write(stanza, records)
        elif fate is Fate.BOUNCE:
            raise StanzaError("service-unavailable")
        elif fate is Fate.KEEP:
            hooks = self.registry.undeliverable[stanza.kind]
            if hooks is None:
                raise StanzaError("service-unavailable")
            verdict = consult(hooks, stanza, owner, owner)
            return _unless_stopped(verdict, stanza, owner, _bounce)
        return None

    def _to_session(self, stanza: Stanza, session: ISession) -> None:
        """RFC 6121 8.5.3.1, for a session of this process."""
        hooks = self.registry.to_resource[stanza.kind]
        if hooks is None or consult_now(hooks, stanza, session, session.account) is PASS:
            session.write(stanza)

    def write(self, stanza: Stanza, records: Iterable[SessionRecord]) -> None:
        """Write a stanza to these sessions, on whatever node they are."""
        for record in records:
            if record.node != self._cluster.node:
                self._cluster.send(record.node, record.jid, stanza)
                continue
            session = self.sessions.named(record.jid.text)
            if session is not None:
                self._to_session(stanza, session)

    def _to_host(self, stanza: Stanza, to: JID) -> Any:
        """RFC 6120 10.5.1 and 10.5.2."""
        if isinstance(stanza, Iq):
            if stanza.is_request and to.is_full:
                raise StanzaError("service-unavailable")
            return self._answer(stanza, HOST, "")
        if stanza.kind == "message" and stanza.type not in ("headline", "error"):
            raise StanzaError("service-unavailable")
        return None

    def _answer(self, iq: Iq, at: At, owner: str) -> Any:
        """Answer a request, or take an answer to one of ours."""
        if not iq.is_request:
            self._pending.answer(iq)
            return None
        result = settle(handle(self.registry, iq, at, owner))
        if isinstance(result, Deferred):
            return self._answer_later(result)
        for stanza in result:
            self._router.route(stanza)
        return None

    async def _answer_later(self, waiting: "Deferred[Sequence[Stanza]]") -> None:
        for stanza in await waiting:
            self._router.route(stanza)


def _unless_stopped(
    verdict: Any, stanza: Stanza, subject: Any, step: Callable[[Any, Any], Any]
) -> Any:
    """Take `step(stanza, subject)` if the watchers let the stanza pass, maybe later."""
    if verdict is PASS:
        return step(stanza, subject)
    return None if verdict is STOP else _once_passed(verdict, stanza, subject, step)


async def _once_passed(
    waiting: Any, stanza: Stanza, subject: Any, step: Callable[[Any, Any], Any]
) -> None:
    if await waiting is PASS:
        rest = step(stanza, subject)
        if rest is not None:
            await rest


def _done(_stanza: Stanza, _subject: object) -> None:
    """Nothing remains to be done."""


def _check_presence(presence: Stanza) -> None:
    """Refuse what is no presence (RFC 6121 4.7.1), at accounts that do not exist as well."""
    if presence.type not in ("", "unavailable", "error", *MANAGED):
        raise StanzaError("bad-request", "there is no such type of presence")


def _bounce(_stanza: Stanza, _owner: str) -> None:
    """Nobody keeps the stanza (RFC 6121 8.5.2.2.1)."""
    raise StanzaError("service-unavailable")
