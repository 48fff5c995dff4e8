"""A federation of five servers, drawn from a seed, and what is known of it while things happen."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from xmppd.server.assemble import Server
from xmppd.server.config import LimitsConfig, RemoteConfig, ServerConfig, ServersConfig
from xmppd.stanza.jid import JID
from xmppd.testing.net.dice import Dice
from xmppd.testing.network import Network, NetworkClient, Weather, settings
from xmppd.wire.namespaces import BLOCKING

DOMAINS = ("a.example", "b.example", "c.example", "d.example", "e.example")
ATTACKER = "mallory.example"
PEOPLE = ("juliet", "romeo")
DEVICES = ("phone", "desk")

S2S = ServersConfig(
    negotiation_seconds=10.0,
    connect_seconds=4.0,
    idle_seconds=60.0,
    answer_seconds=8.0,
    quiet_seconds=4.0,
    retry_seconds=0.5,
    retry_longest_seconds=3.0,
    give_up_seconds=20.0,
)
"""What may take long in the world takes less here."""

STRANGERS = 10
"""How many connections who has proven nothing may have to a server."""

STEPS = 60
"""How many things happen in one run."""

SQLITE_SHARE = 0.04
"""The share of runs whose servers keep their data in SQLite."""

HERE = "<presence/>"
UNBLOCK = f"<iq type='set' id='unblock'><unblock xmlns='{BLOCKING}'/></iq>"


@dataclass(frozen=True, slots=True)
class Kind:
    """How one server is.

    - `proven`: whether others believe its certificate; else it proves itself by dialback.
    - `direct`: whether it is reached by direct TLS; `counts`, `bidi`: whether it offers stream
      management, and to be sent stanzas over streams of its own.
    """

    proven: bool
    direct: bool
    counts: bool
    bidi: bool

    @classmethod
    def draw(cls, dice: Dice) -> "Kind":
        """Draw one."""
        return cls(dice.chance(0.8), dice.chance(0.3), dice.chance(0.8), dice.chance(0.6))

    def prepare(self, server: Server) -> None:
        """Have a server be so."""
        if server.servers is not None:
            around = server.servers.around
            around.settings = replace(
                around.settings, stream_management=self.counts, bidi=self.bidi
            )


class Scenario:
    """A federation, and what happens in it until everything is mended again.

    - `counts`: how often what was reached; `kinds`: how each server is.
    - `troubled`: the servers that something may go wrong with; `quiet`: whether there are none.
    - `forged`: ids of stanzas that claim to be somebody else's; `stolen`: what an attacker was
      given of what is not for it.
    - `bad_disks`, `crashed`: servers that have failed to commit, or forgotten what was not on disk.
    - `blocking`: whom accounts have blocked at any time; `attacker`: a machine that is no server.
    - `down`: servers that are down, with when they come up again.
    """

    def __init__(self, seed: int, *, bodies: bool = False, sqlite: bool = False) -> None:
        self.network = Network(seed, bodies=bodies)
        self.dice = self.network.dice.fork("scenario")
        self.counts: Counter[str] = Counter()
        self.troubled: Sequence[str] = self.dice.weighted(
            (((), 10), ((self.dice.pick(DOMAINS),), 20), (DOMAINS, 70))
        )
        self.sqlite = self.dice.chance(SQLITE_SHARE) or sqlite
        self.kinds = {domain: Kind.draw(self.dice) for domain in DOMAINS}
        self.forged: list[str] = []
        self.stolen: list[str] = []
        self.bad_disks: set[str] = set()
        self.crashed: set[str] = set()
        self.blocking: dict[JID, set[str]] = defaultdict(set)
        self.down: dict[str, float] = {}
        self.attacker = self.network.machine(ATTACKER)
        self._numbers: Counter[str] = Counter()
        self._uncounted: set[frozenset[str]] = set()

    @property
    def quiet(self) -> bool:
        """Whether nothing goes wrong."""
        return not self.troubled

    def calm(self, domains: Iterable[str]) -> bool:
        """Tell whether nothing goes wrong with any of these servers."""
        return not set(domains) & set(self.troubled)

    def counting(self, domains: Iterable[str]) -> bool:
        """Tell whether these have always acknowledged to each other what has arrived.

        COMPAT(XEP-0220): behind dialback there is no stream management. Servers with certificates
        come to that, too, when one dies just as it is shown one.
        """
        pair = frozenset(domains)
        kinds = [self.kinds[domain] for domain in pair if domain in self.kinds]
        return pair not in self._uncounted and all(kind.proven and kind.counts for kind in kinds)

    def _look_at_streams(self) -> None:
        for name, node in self.network.nodes.items():
            servers = None if node.server is None else node.server.servers
            for route in () if servers is None else servers.outgoing:
                if route.traffic is not None and route.traffic.acks is not None:
                    self.counts["streams that acknowledge"] += 1
                elif route.traffic is not None and route.traffic.writable:
                    self._uncounted.add(frozenset((name, route.pair.remote)))

    def blocked(self, one: JID, other: JID) -> bool:
        """Tell whether somebody has blocked somebody at any time."""
        return not self.blocking[one.bare].isdisjoint((str(other.bare), other.domainpart))

    # Who is there.

    def build(self, prepare: Callable[[Server], None]) -> None:
        """Start the servers and log some of the people in.

        `prepare` is called with each server before it starts, in each of its lives.
        """
        self.counts["runs on SQLite"] += self.sqlite
        self.counts["runs in which nothing goes wrong"] += self.quiet
        self.network.weather = self.weather()
        config = self._config()
        for domain, kind in self.kinds.items():
            self.counts["servers behind dialback"] += not kind.proven
            self.counts["servers reached by direct TLS"] += kind.direct
            self.counts["servers without stream management"] += not kind.counts
            self.counts["servers with streams both ways"] += kind.bidi
            self.network.add(
                domain,
                config=config,
                sqlite=self.sqlite,
                latency=self.dice.pick((0.0, 0.005, 0.05, 0.2)),
                direct_tls=kind.direct,
                authority="authority" if kind.proven else "nobody's",
                prepare=self._preparing(kind, prepare),
            )
        self._admit()

    def _preparing(self, kind: Kind, prepare: Callable[[Server], None]) -> Callable[[Server], None]:
        def both(server: Server) -> None:
            kind.prepare(server)
            prepare(server)

        return both

    def _config(self) -> ServerConfig:
        unproven = tuple(
            RemoteConfig(domain, require_valid_certificate=False)
            for domain, kind in self.kinds.items()
            if not kind.proven
        )
        return replace(
            settings(replace(S2S, domains=unproven)),
            limits=LimitsConfig(unauthenticated_per_address=STRANGERS),
        )

    def _admit(self) -> None:
        for domain in DOMAINS:
            for person in PEOPLE:
                for device in DEVICES:
                    self.network.client(f"{person}@{domain}/{device}", login=False)
        for client in self.clients():
            if self.dice.chance(0.6):
                self.enter(client)
        self.network.run(0.5)

    def weather(self) -> Weather:
        """Draw how connections are while nothing is wrong."""
        return Weather(bytes_per_second=self.dice.pick((1_000_000.0, 1_000_000.0, 30_000.0)))

    def clients(self) -> list[NetworkClient]:
        """Return everybody."""
        return list(self.network.clients.values())

    def online(self) -> list[NetworkClient]:
        """Return who is logged in."""
        return [client for client in self.clients() if client.online]

    def somebody(self) -> NetworkClient | None:
        """Draw one of those who are there."""
        online = self.online()
        return self.dice.pick(online) if online else None

    def another(self, client: NetworkClient) -> JID:
        """Draw another one's device, mostly of another server."""
        others = [each.jid for each in self.clients() if each.jid.bare != client.jid.bare]
        return self.dice.pick(others)

    def next_id(self, letter: str) -> str:
        """Return the id of the next stanza of a kind."""
        self._numbers[letter] += 1
        return f"{letter}{self._numbers[letter]}"

    def enter(self, client: NetworkClient, first: str = "") -> None:
        """Log in, send what comes first, and be available."""
        if not client.online:
            client.login()
            self.network.run_until(lambda: client.online, 0.5, step=0.02)
        if client.online:
            client.send(first + HERE)

    # A run.

    def play(self, actions: Sequence[tuple[Callable[["Scenario"], None], int]]) -> None:
        """Have things happen, one after the other, each as often as its weight says."""
        for _ in range(STEPS):
            self.dice.weighted(actions)(self)
            self.network.run(self.dice.pick((0.0, 0.0, 0.02, 0.2, 0.5, 2.0)))
            self._look_at_streams()
            for name, until in list(self.down.items()):
                if self.network.clock.seconds() >= until:
                    self.bring_up(name)

    def bring_up(self, name: str) -> None:
        """Start a server that is down, once it is."""
        node = self.network.nodes[name]
        self.network.run_until(lambda: node.server is None, 20)
        del self.down[name]
        self.network.start(name)

    def mend(self) -> None:
        """Let everything get through."""
        self.network.weather = self.weather()
        self.network.mend()

    def heal(self) -> None:
        """Have all servers up and everything get through, and let time pass."""
        for name in list(self.down):
            self.bring_up(name)
        self.mend()
        self.network.run(70)

    def gather(self) -> None:
        """Have everybody come anew, with presence, so that what was lost can be found out."""
        for client in self.clients():
            client.logout()
        self.network.run(5)
        for client in self.clients():
            self.enter(client, UNBLOCK if self.blocking[client.jid.bare] else "")
        self.network.run(30)

    def part(self) -> None:
        """Have everybody leave, and streams end that nobody needs."""
        for client in self.clients():
            client.logout()
        self.network.run(100)
