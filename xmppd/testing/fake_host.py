"""A host with everything around it and nothing outside: for the tests of features."""

from collections.abc import Callable, Iterable, Mapping
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
Loading = tuple[Callable[..., Module], tuple[object, ...]]
"""What makes a feature, called with a host and these settings."""


class _World:
    """What hosts beside each other share: a server's process, and what outlasts it."""

    storage: SimulatedStorage

    def __init__(self) -> None:
        self.clock = Clock()
        self.wall = FixedWall()
        self.entropy = CountingEntropy()
        self.workers = InlineWorkers()
        self.elsewhere = Elsewhere()
        self.begin(SimulatedStorage(self.clock, self.entropy.token))

    def begin(self, storage: SimulatedStorage) -> None:
        """Begin a process over these data; it has no hosts yet."""
        self.storage = storage
        self.storage.start()
        self.gate = Gate(storage.tickets)
        self.router = Router(self.clock)
        self.router.elsewhere = self.elsewhere
        self.elsewhere.connect(self.router, self.gate)
        self.cluster = SingleNode()
        self.sessions: list[FakeSession] = []
        self.hosts: dict[str, FakeHost] = {}

    def stop(self) -> None:
        """Stop as a server does: sessions end, features are removed, storage commits."""
        for session in self.sessions:
            session.close("system-shutdown")
        for host in self.hosts.values():
            host.shut_down()
        stopped = self.storage.stop()
        while not stopped.called:
            self.clock.advance(self.storage.latency)
        self.kill()

    def kill(self) -> None:
        """Stop as a killed process does: nobody gets to do anything any more."""
        for session in self.sessions:
            session.drop()
        for call in self.clock.getDelayedCalls():
            call.cancel()


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
            tickets=world.storage.tickets,
            router=world.router,
            cluster=world.cluster,
            clock=world.clock,
            wall=world.wall,
            entropy=world.entropy,
            workers=world.workers,
            anonymous=anonymous,
        )
        self._world = world
        self._loaded: dict[str, Loading] = {}
        self.storage = world.storage
        self.router = world.router
        self.cluster = world.cluster
        world.router.add(domain, self.accounts_domain)
        self.start()
        world.hosts[domain] = self

    def load(self, make: Callable[..., AnyModule], *settings: object, name: str = "") -> AnyModule:
        """Make a feature of its class, install it and return it.

        It gets this host and, if given, its settings. Its name is `name`, or its class's in lower
        case. It is loaded again after a restart.
        """
        module = make(self, *settings)
        name = name or type(module).__name__.lower()
        self.install(name, module.registrations())
        self._loaded[name] = make, settings
        return module

    def load_all(self, features: Mapping[str, Loading]) -> None:
        """Make features by their names, then install them all, as a server does at its start.

        Raises `RegistrationError` if two of them clash; none is then installed.
        """
        made = {name: make(self, *settings) for name, (make, settings) in features.items()}
        self.install_all({name: module.registrations() for name, module in made.items()})
        self._loaded |= features

    def turn(self) -> None:
        """Let the reactor's turn end: what was written is committed."""
        self.clock.advance(0)

    def beside(self, domain: str) -> "FakeHost":
        """Return the host of that domain in the same server. Raises `KeyError` if there is none."""
        return self._world.hosts[domain]

    def restarted(self) -> "FakeHost":
        """Stop the server, all its hosts, in good order and start it; return this host anew.

        The new hosts have the same data and load the same features; clock, entropy and remote
        entities go on. All sessions have ended: their clients have to log in again. What they
        have received is theirs to show; `unread` no longer does.
        """
        self._world.stop()
        return self._start_again(self._world.storage.crash())

    def crashed(self, *, landed: bool = False) -> "FakeHost":
        """Kill the server and start it, as `restarted`; what was not committed is lost.

        Nobody is told anything. Timers are gone, those of the test as well. `landed` tells that
        the commit under way reached the disk.
        """
        after = self._world.storage.crash(landed=landed)
        self._world.kill()
        return self._start_again(after)

    def _start_again(self, storage: SimulatedStorage) -> "FakeHost":
        old = list(self._world.hosts.values())
        self._world.begin(storage)
        for host in old:
            again = FakeHost(host.domain, beside=host, anonymous=host.anonymous)
            again.load_all(host._loaded)
        return self._world.hosts[self.domain]

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
        remote = FakeRemote(JID.parse(jid), self._world.elsewhere.send, self.turn)
        self._world.elsewhere.remotes[remote.jid] = remote
        return remote

    def unread(self) -> dict[str, list[str]]:
        """Return what has come for anybody, here or elsewhere, and was not looked at; it now is."""
        boxes = {str(session.jid): session.take() for session in self._world.sessions}
        boxes |= {str(jid): each.take() for jid, each in self._world.elsewhere.remotes.items()}
        return {owner: texts for owner, texts in boxes.items() if texts}

    def overlook(self) -> None:
        """Let what has come for anybody count as looked at."""
        for session in self._world.sessions:
            session.overlook()
        for remote in self._world.elsewhere.remotes.values():
            remote.mailbox.stanzas.clear()


def _raise_if_failed(deferred: "Deferred[Any]") -> None:
    """Raise what it has failed with by now; what is still to come is left alone."""
    failures: list[Failure] = []
    if deferred.called:
        deferred.addErrback(failures.append)
    if failures:
        failures[0].raiseException()
