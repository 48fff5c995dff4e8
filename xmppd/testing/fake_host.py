"""A host with everything around it and nothing outside: for the tests of features."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from xmppd.api.gate import Gate
from xmppd.api.registrations import Registration
from xmppd.api.sessions import SessionRecord
from xmppd.api.storage import Account
from xmppd.cluster.single import SingleNode
from xmppd.routing.host import LocalHost
from xmppd.routing.router import Router
from xmppd.stanza.jid import JID
from xmppd.stanza.prep import skeleton
from xmppd.storage.simulated import SimulatedStorage
from xmppd.testing.collaborators import CountingEntropy, FixedWall, InlineWorkers
from xmppd.testing.fake_session import FakeSession
from xmppd.testing.remote import Elsewhere, FakeRemote


class Module(Protocol):
    """A feature, as its tests load it."""

    def registrations(self) -> Iterable[Registration]:
        """Return what the feature hooks."""


AnyModule = TypeVar("AnyModule", bound=Module)


class _World:
    """What hosts beside each other share."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.wall = FixedWall()
        self.entropy = CountingEntropy()
        self.workers = InlineWorkers()
        self.storage = SimulatedStorage(self.clock, self.entropy.token)
        self.storage.start()
        self.gate = Gate(self.storage.tickets)
        self.router = Router(self.clock)
        self.cluster = SingleNode()
        self.elsewhere = self.router.elsewhere = Elsewhere()
        self.sessions: list[FakeSession] = []


class FakeHost(LocalHost):
    """A real host on virtual time, with simulated storage, without modules.

    - `clock`: the only timers; `wall`, `entropy`, `workers`: see `xmppd.testing.collaborators`.
    - `storage`: commits at the end of a turn unless told otherwise (`latency`, `fail_next_commit`).
    - `router`, `cluster`: shared with the hosts made `beside` this one, as in one server.
    """

    clock: Clock
    wall: FixedWall
    entropy: CountingEntropy
    workers: InlineWorkers
    _world: _World

    def __init__(
        self,
        domain: str = "example.org",
        *,
        beside: "FakeHost | None" = None,
        anonymous: bool = False,
    ) -> None:
        world = _World() if beside is None else beside._world
        super().__init__(
            domain,
            storage=world.storage.host(domain),
            router=world.router,
            cluster=world.cluster,
            clock=world.clock,
            wall=world.wall,
            entropy=world.entropy,
            workers=world.workers,
            anonymous=anonymous,
        )
        self._world = world
        self.storage = world.storage
        self.router = world.router
        self.cluster = world.cluster
        world.router.add(domain, self.accounts_domain)

    def load(self, make: Callable[..., AnyModule], *settings: object, name: str = "") -> AnyModule:
        """Make a feature of its class, install it and return it.

        It gets this host and, if given, its settings. Its name is `name`, or its class's in lower
        case.
        """
        module = make(self, *settings)
        self.install(name or type(module).__name__.lower(), module.registrations())
        return module

    def turn(self) -> None:
        """Let the reactor's turn end: what was written is committed."""
        self.clock.advance(0)

    def add_account(self, localpart: str) -> None:
        """Create an account, which nobody has a password for.

        Raises `AccountExists` if it, or one like it, is there.
        """
        account = Account(localpart, skeleton(localpart), {}, self.wall.now())
        _raise_if_failed(self.accounts.create(account))
        self.turn()

    def login(self, client: str, *, anonymous: bool = False) -> FakeSession:
        """Return a new session of `client`, "juliet/balcony"; it has sent no presence yet.

        Its account is created if it is not there, unless it is anonymous. Raises what opening the
        session raises. Where opening has to wait for something, the session is not open yet.
        """
        localpart, _, resource = client.partition("/")
        if not (anonymous or self.sessions(localpart) or self._has_account(localpart)):
            self.add_account(localpart)
        jid = JID.make(localpart, self.domain).with_resource(resource)
        now = self.wall.now()
        record = SessionRecord(jid, self.cluster.node, since=now, active=now)
        session = FakeSession(jid, record, self.accounts_domain, self._world.gate, self.turn)
        session.opening = self.accounts_domain.open(session)
        _raise_if_failed(session.opening.addCallback(lambda _: session.start()))
        self._world.sessions.append(session)
        return session

    def _has_account(self, localpart: str) -> bool:
        found: list[Account | None] = []
        self.accounts.get(localpart).addCallback(found.append)
        return found != [None]

    def remote(self, jid: str) -> FakeRemote:
        """Return somebody of another server, a new one each time."""
        remote = FakeRemote(JID.parse(jid), self.router, self.turn)
        self._world.elsewhere.remotes[remote.jid] = remote
        return remote

    def unread(self) -> dict[str, list[str]]:
        """Return what has come for anybody, here or elsewhere, and was not looked at; it now is."""
        boxes = {str(session.jid): session.take() for session in self._world.sessions}
        boxes |= {str(jid): each.take() for jid, each in self._world.elsewhere.remotes.items()}
        return {owner: texts for owner, texts in boxes.items() if texts}


def _raise_if_failed(deferred: "Deferred[Any]") -> None:
    """Raise what it has failed with by now; what is still to come is left alone."""
    failures: list[Failure] = []
    if deferred.called:
        deferred.addErrback(failures.append)
    if failures:
        failures[0].raiseException()
