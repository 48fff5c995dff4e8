"""A host as its features see it (`IHost`), and the life of those features."""

from collections.abc import Coroutine, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from zope.interface import implementer

from xmppd.api.cluster import ICluster
from xmppd.api.host import IEntropy, IHost, IWallClock, IWorkers
from xmppd.api.registrations import (
    AdHoc,
    AdHocs,
    At,
    Every,
    Extension,
    Feature,
    Identity,
    Item,
    Node,
    Registration,
    Serve,
)
from xmppd.api.router import IRouter
from xmppd.api.sessions import SessionRecord
from xmppd.api.storage import HostStorage, Ticket, Tickets, when_settled
from xmppd.api.waiting import begin, settle
from xmppd.routing.domain import AccountsDomain
from xmppd.routing.hooks import announce, crashed
from xmppd.routing.pending import PendingRequests
from xmppd.routing.registry import RegistrationError, Registry
from xmppd.routing.service import ServiceDomain
from xmppd.stanza import prep
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Stanza

State = TypeVar("State")
Provider = TypeVar("Provider")
Record = TypeVar("Record")


ANNOUNCE_SECONDS = 60.0
"""How long is waited for what features have to do before something happens."""


@implementer(IHost)
class LocalHost:
    """One host of this server, with its features installed."""

    _log = Logger()

    def __init__(
        self,
        domain: str,
        *,
        storage: HostStorage,
        tickets: Tickets,
        router: IRouter,
        cluster: ICluster,
        clock: IReactorTime,
        wall: IWallClock,
        entropy: IEntropy,
        workers: IWorkers,
        anonymous: bool = False,
    ) -> None:
        self.domain = domain
        self.anonymous = anonymous
        self.jid = JID.make("", domain)
        self.accounts = storage.accounts
        self.clock = clock
        self.wall = wall
        self.entropy = entropy
        self.workers = workers
        self.open = storage.open
        self._tickets = tickets
        self.registry = Registry()
        self._router = router
        self._cluster = cluster
        self._pending = PendingRequests(clock)
        self.accounts_domain = AccountsDomain(
            domain, storage.accounts, self.registry, router, cluster, self._pending, wall
        )
        self._timers: dict[str, list[tuple[LoopingCall, float]]] = {}
        self._started = False
        self._work: dict[Deferred[Any], None] = {}

    # The life of features.

    def install(self, feature: str, registrations: Iterable[Registration]) -> None:
        """Install what a feature registers. Raises `RegistrationError` if it clashes."""
        self.install_all({feature: registrations})

    def install_all(self, features: Mapping[str, Iterable[Registration]]) -> None:
        """Install what several features register, in that order, or nothing at all.

        It takes less time than one after the other. Raises `RegistrationError` if one clashes with
        what is there, or with another one.
        """
        installed = {feature: tuple(records) for feature, records in features.items()}
        for feature, records in installed.items():
            self._check_services(feature, _only(Serve, records))
        self.registry.install_all(installed)
        for feature, records in installed.items():
            for serve in _only(Serve, records):
                domain = ServiceDomain(feature, serve, self.registry, self._router, self._pending)
                self._router.add(serve.domain, domain)
            self._timers[feature] = [self._timer(feature, every) for every in _only(Every, records)]

    def _timer(self, feature: str, every: Every) -> tuple[LoopingCall, float]:
        timer = LoopingCall(self._tick, feature, every)
        timer.clock = self.clock
        if self._started:
            timer.start(every.seconds, now=False)
        return timer, every.seconds

    def start(self) -> None:
        """Begin to call what is to be called every so often: storage is open."""
        self._started = True
        for timers in self._timers.values():
            for timer, seconds in timers:
                timer.start(seconds, now=False)

    def remove(self, *features: str) -> None:
        """Remove everything these registered, with their timers and their accounts' state.

        Raises `KeyError` if one is not installed.
        """
        kinds = [record.kind for owner, record in self.registry.per_account if owner in features]
        services = [
            serve.domain for owner, serve in self.registry.services.values() if owner in features
        ]
        self.registry.remove(*features)
        for domain in services:
            self._router.remove(domain)
        self.accounts_domain.sessions.forget(kinds)
        for feature in features:
            for timer, _seconds in self._timers.pop(feature):
                if timer.running:
                    timer.stop()

    def shut_down(self) -> None:
        """Remove all features and give up what they wait for."""
        self.remove(*self.registry.features)
        self._pending.abandon()
        for work in list(self._work):
            work.cancel()

    def _check_services(self, feature: str, services: Iterable[Serve]) -> None:
        """Raise `RegistrationError` unless the router can bring these services what is theirs."""
        for domain in (serve.domain for serve in services):
            if not _is_domain(domain):
                raise RegistrationError(f"{feature} cannot answer for {domain!r}: it is no domain")
            if self._router.answering(domain) is not None:
                raise RegistrationError(
                    f"{feature} of {self.domain} cannot answer for {domain}: that is served already"
                )

    def _tick(self, feature: str, every: Every) -> Any:
        try:
            waiting = settle(every.run())
        except Exception:
            crashed(feature, f"Every({every.seconds})")
            return None
        if isinstance(waiting, Deferred):
            waiting.addErrback(lambda failure: self._log_failure(feature, failure))
            return waiting
        return None

    def _log_failure(self, feature: str, failure: Any) -> None:
        if not failure.check(CancelledError):
            self._log.failure("{feature} failed", failure=failure, feature=feature)

    # What features ask for (IHost).

    def committed(self, ticket: Ticket) -> "Deferred[None]":
        """Fire once that write is on disk (see `IHost`)."""
        return when_settled(self._tickets, ticket)

    def route(self, stanza: Stanza) -> None:
        """Send a stanza on its way."""
        self._router.route(stanza)

    def deliver(self, stanza: Stanza, records: Iterable[SessionRecord]) -> None:
        """Write a stanza to these sessions of the host as it is (see `IHost`)."""
        self.accounts_domain.write(stanza, records)

    def is_service(self, jid: JID) -> bool:
        """Tell whether an address is of this server and nobody's account."""
        answering: object = self._router.answering(jid.domainpart)
        if isinstance(answering, AccountsDomain):
            return not jid.localpart
        return answering is not None

    def request(self, iq: Iq, timeout: float = 30.0) -> "Deferred[Iq]":
        """Send a request and fire with the result (see `IHost`)."""
        if not iq.id:
            iq.id = self.entropy.token()
        if iq.from_ is None:
            iq.from_ = self.jid
        answer = self._pending.expect(iq, timeout)
        if not answer.called:  # else it was refused
            self._router.route(iq)
        return answer

    def sessions(self, localpart: str) -> tuple[SessionRecord, ...]:
        """Return the records of an account's sessions, in the order of binding."""
        return self._cluster.account(JID.make(localpart, self.domain))

    def all_sessions(self) -> Iterator[SessionRecord]:
        """Yield the record of every session of the host."""
        return self._cluster.records(self.domain)

    def session(self, jid: JID) -> SessionRecord | None:
        """Return the record of the session bound to that full JID, or None."""
        return self._cluster.record(jid)

    def account_state(self, localpart: str, kind: type[State]) -> State | None:
        """Return an online account's one instance of `kind`, or None."""
        return self.accounts_domain.sessions.account_state(localpart, kind)

    def find(self, interface: type[Provider]) -> Provider | None:
        """Return what a feature of this host provides under `interface`, or None."""
        found: Provider | None = self.registry.provider(interface)
        return found

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run something beside the stanza at hand."""
        running = begin(work)
        self._work[running] = None
        running.addErrback(lambda failure: self._log_failure("spawned work", failure))
        running.addBoth(lambda _: self._work.pop(running))

    def announce(self, moment: Any, *args: object) -> None:
        """Call the watchers of a moment which is not about a stanza on its way."""
        announce(self.registry.watching(moment), *args)

    async def announce_and_wait(self, moment: Any, *args: object) -> None:
        """Do the same and wait for what the watchers return, `ANNOUNCE_SECONDS` at most."""
        waiting = announce(self.registry.watching(moment), *args)
        if waiting:
            done = DeferredList(waiting)
            done.addTimeout(ANNOUNCE_SECONDS, self.clock, lambda result, _seconds: None)
            await done

    # Service discovery (XEP-0030, XEP-0128).

    def services(self) -> tuple[Serve, ...]:
        """Return the services of this host, in the order of their features."""
        return tuple(serve for _, serve in self.registry.services.values())

    def identities(self, at: At) -> tuple[Identity, ...]:
        """Return the identities registered for those addresses, in order."""
        return self.registry.list(Identity, at)

    def features(self, at: At) -> tuple[str, ...]:
        """Return the features registered for those addresses, sorted, once each."""
        return tuple(sorted({feature.ns for feature in self.registry.list(Feature, at)}))

    def extensions(self, at: At) -> tuple[Extension, ...]:
        """Return the XEP-0128 extensions registered for those addresses, in order."""
        return self.registry.list(Extension, at)

    def items(self, at: At) -> tuple[Item, ...]:
        """Return the items registered for those addresses, in order."""
        return self.registry.list(Item, at)

    def adhoc_commands(self, at: At) -> tuple[AdHoc, ...]:
        """Return the ad-hoc commands registered for those addresses, each node once, in order."""
        found = {command.node: command for command in self.registry.list(AdHoc, at)}
        for feature, more in self.registry.records(AdHocs):
            for command in self._listed(feature, more):
                if at in command.at:
                    found.setdefault(command.node, command)
        return tuple(found.values())

    def _listed(self, feature: str, more: AdHocs) -> tuple[AdHoc, ...]:
        """Ask a feature for its commands; one that fails hides no others."""
        try:
            return tuple(more.list())
        except Exception:
            crashed(feature, more)
            return ()

    def node(self, name: str, at: At) -> Node | None:
        """Return the node of that name registered for those addresses, or None."""
        return next((node for node in self.registry.list(Node, at) if node.answers(name)), None)


def _only(kind: type[Record], records: Iterable[Registration]) -> list[Record]:
    return [record for record in records if isinstance(record, kind)]


def _is_domain(text: str) -> bool:
    try:
        return prep.domainpart(text) == text
    except prep.PrepError:
        return False
