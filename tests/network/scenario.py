"""What people do and what goes wrong in a federation, drawn from a seed."""

from collections import Counter
from collections.abc import Callable

from xmppd.api.network import Trouble
from xmppd.server.config import RemoteConfig, ServersConfig
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message, Stanza
from xmppd.testing.network import Network, NetworkClient, Node, settings

DOMAINS = ("a.example", "b.example", "c.example", "d.example", "e.example")
UNPROVEN = "e.example"
"""Nobody believes its certificate; it proves itself by dialback."""
DIRECT = "d.example"
"""It is reached by direct TLS."""
PEOPLE = ("juliet", "romeo")
DEVICES = ("phone", "desk")

S2S = ServersConfig(
    domains=(RemoteConfig(UNPROVEN, require_valid_certificate=False),),
    negotiation_seconds=10.0,
    connect_seconds=4.0,
    idle_seconds=25.0,
    answer_seconds=8.0,
    quiet_seconds=4.0,
    retry_seconds=0.5,
    retry_longest_seconds=3.0,
    give_up_seconds=20.0,
)
"""What may take long in the world takes less here."""

STEPS = 60
"""How many things happen in one run."""

HERE = "<presence/>"


class Scenario:
    """A federation, and what happens in it until everything is mended again.

    - `counts`: how often what was reached; `quiet`: whether nothing goes wrong.
    - `forged`: ids of messages that claim to be somebody else's; `bad_disks`, `crashed`: servers
      that have failed to commit, or forgotten what was not on disk.
    """

    def __init__(self, seed: int, *, bodies: bool = False, sqlite: bool = False) -> None:
        self.network = Network(seed, bodies=bodies)
        self.dice = self.network.dice.fork("scenario")
        self.counts: Counter[str] = Counter()
        self.quiet = self.dice.chance(0.1)
        self.sqlite = self.dice.chance(SQLITE_SHARE) or sqlite
        self.forged: list[str] = []
        self.bad_disks: set[str] = set()
        self.crashed: set[str] = set()
        self._messages = 0
        self._requests = 0
        self._down: dict[str, float] = {}

    def build(self, prepare: Callable[[Node], None]) -> None:
        """Start the servers and log some of the people in."""
        self.counts["runs on SQLite"] += self.sqlite
        for domain in DOMAINS:
            node = self.network.add(
                domain,
                config=settings(S2S),
                sqlite=self.sqlite,
                latency=self.dice.pick((0.0, 0.005, 0.05, 0.2)),
                direct_tls=domain == DIRECT,
                authority="nobody's" if domain == UNPROVEN else "authority",
            )
            prepare(node)
        for domain in DOMAINS:
            for person in PEOPLE:
                for device in DEVICES:
                    self.network.client(f"{person}@{domain}/{device}", login=False)
        for client in self.clients():
            if self.dice.chance(0.6):
                self.enter(client)
        self.network.run(0.5)

    def clients(self) -> list[NetworkClient]:
        """Return everybody."""
        return list(self.network.clients.values())

    def online(self) -> list[NetworkClient]:
        """Return who is logged in."""
        return [client for client in self.clients() if client.online]

    # A run.

    def play(self) -> None:
        """Have things happen, one after the other."""
        for _ in range(STEPS):
            action = self.dice.weighted(PEACE if self.quiet else PEACE + WAR)
            action(self)
            self.network.run(self.dice.pick((0.0, 0.0, 0.02, 0.2, 0.5, 2.0)))
            for name, until in list(self._down.items()):
                if self.network.clock.seconds() >= until:
                    self.bring_up(name)

    def heal(self) -> None:
        """Have all servers up and everything get through, and let time pass."""
        for name in list(self._down):
            self.bring_up(name)
        self.network.mend()
        self.network.run(40)

    def gather(self) -> None:
        """Have everybody come anew, with presence, so that what was lost can be found out."""
        for client in self.clients():
            client.logout()
        self.network.run(5)
        for client in self.clients():
            self.enter(client)
        self.network.run(30)

    def part(self) -> None:
        """Have everybody leave, and streams end that nobody needs."""
        for client in self.clients():
            client.logout()
        self.network.run(60)

    def enter(self, client: NetworkClient) -> None:
        """Log in and be available."""
        if not client.online:
            client.login()
            self.network.run_until(lambda: client.online, 0.5, step=0.02)
        if client.online:
            client.send(HERE)

    # What people do.

    def somebody(self) -> NetworkClient | None:
        """Draw one of those who are there."""
        online = self.online()
        return self.dice.pick(online) if online else None

    def another(self, client: NetworkClient) -> JID:
        """Draw another one's device, mostly of another server."""
        others = [each.jid for each in self.clients() if each.jid.bare != client.jid.bare]
        return self.dice.pick(others)

    def say(self) -> None:
        """Send a message, or some."""
        client = self.somebody()
        if client is None:
            return
        to = self.another(client)
        address = to if self.dice.chance(0.5) else to.bare
        for _ in range(self.dice.pick((1, 1, 2, 5))):
            self._messages += 1
            body = "x" * self.dice.pick((5, 50, 3000))
            client.send(
                f"<message to='{address}' type='chat' id='m{self._messages}'>"
                f"<body>{body}</body></message>"
            )

    def say_to_nobody(self) -> None:
        """Send a message to an account or a domain that does not exist."""
        client = self.somebody()
        if client is None:
            return
        self._messages += 1
        address = self.dice.pick(("nobody@b.example", "nobody@e.example", "x@nowhere.example"))
        client.send(
            f"<message to='{address}' type='chat' id='n{self._messages}'><body>x</body></message>"
        )

    def ask(self) -> None:
        """Send a request."""
        client = self.somebody()
        if client is None:
            return
        to = self.another(client)
        address = self.dice.pick((str(to), str(to.bare), to.domainpart))
        self._requests += 1
        client.send(
            f"<iq to='{address}' type='get' id='q{self._requests}'>"
            "<ping xmlns='urn:xmpp:ping'/></iq>"
        )

    def subscribe(self) -> None:
        """Do something about who sees whom."""
        client = self.somebody()
        if client is not None:
            type = self.dice.weighted(
                (("subscribe", 6), ("subscribed", 6), ("unsubscribe", 1), ("unsubscribed", 1))
            )
            client.send(f"<presence to='{self.another(client).bare}' type='{type}'/>")

    def befriend(self) -> None:
        """Have two who are there ask and admit each other."""
        one, other = self.somebody(), self.somebody()
        if one is None or other is None or one.jid.bare == other.jid.bare:
            return
        for client, peer in ((one, other), (other, one)):
            client.send(
                f"<presence to='{peer.jid.bare}' type='subscribed'/>"
                f"<presence to='{peer.jid.bare}' type='subscribe'/>"
            )

    def edit_roster(self) -> None:
        """Name a contact, or remove one."""
        client = self.somebody()
        if client is None:
            return
        contact = self.another(client).bare
        self._requests += 1
        gone = " subscription='remove'" if self.dice.chance(0.2) else " name='x'"
        client.send(
            f"<iq type='set' id='q{self._requests}'><query xmlns='jabber:iq:roster'>"
            f"<item jid='{contact}'{gone}/></query></iq>"
        )

    def change_presence(self) -> None:
        """Be there in another way."""
        client = self.somebody()
        if client is not None:
            client.send(self.dice.pick((HERE, "<presence><show>away</show></presence>")))

    def come_or_go(self) -> None:
        """Log in, or out."""
        client = self.dice.pick(self.clients())
        if client.online:
            client.logout()
        else:
            self.enter(client)

    # What goes wrong.

    def crash(self, name: str = "") -> None:
        """Kill a server; it comes up again some time later."""
        name = name or self.dice.pick(DOMAINS)
        node = self.network.nodes[name]
        if node.server is None:
            return
        pending = node.disk.tickets.issued - node.disk.tickets.settled
        self.crashed.add(name)
        landed, power = self.dice.chance(0.5), self.dice.chance(0.3)
        self.counts["crashes with pending writes" if pending else "crashes"] += 1
        self.counts["power failures"] += power
        self.network.crash(name, landed=landed, power=power)
        self._down[name] = self.network.clock.seconds() + self.dice.pick((0.0, 1.0, 5.0, 30.0))

    def crash_at_work(self) -> None:
        """Kill a server while it writes what came of a message."""
        self.say()
        for _ in range(self.dice.pick((1, 20, 40))):
            self.network.run(0.01)
        self.network.run_until(lambda: bool(self.writing()), 0.5, step=0.01)
        self.network.run(self.dice.between(0.0, 0.1))
        self.crash(self.dice.pick(self.writing() or DOMAINS))

    def writing(self) -> list[str]:
        """Return which servers have not committed all."""
        return [
            name
            for name, node in self.network.nodes.items()
            if node.server is not None and node.disk.tickets.issued > node.disk.tickets.settled
        ]

    def stop(self) -> None:
        """Stop a server in good order."""
        name = self.dice.pick(DOMAINS)
        if self.network.nodes[name].server is not None:
            self.counts["stops"] += 1
            self.network.stop(name)
            self._down[name] = self.network.clock.seconds() + self.dice.pick((12.0, 20.0))

    def bring_up(self, name: str) -> None:
        """Start a server that is down, once it is."""
        node = self.network.nodes[name]
        self.network.run_until(lambda: node.server is None, 20)
        del self._down[name]
        self.network.start(name)

    def two(self) -> tuple[str, str]:
        """Draw two servers."""
        first = self.dice.pick(DOMAINS)
        return first, self.dice.pick([each for each in DOMAINS if each != first])

    def cut(self) -> None:
        """Let nothing through between two servers."""
        self.counts["cuts"] += 1
        self.network.cut(*self.two())

    def mend(self) -> None:
        """Let everything through again."""
        self.network.mend()

    def reset(self) -> None:
        """Lose the connections between two servers, perhaps with something on its way."""
        pair = self.two()
        if self.dice.chance(0.5):
            self.say()
            self.network.run(self.dice.between(0.0, 0.3))
            busy = self.busy()
            pair = self.dice.pick(busy) if busy else pair
        self.counts["resets"] += self.network.reset(*pair)

    def busy(self) -> list[tuple[str, str]]:
        """Return the pairs of servers between which something waits to be sent over a stream."""
        return [
            (name, route.pair.remote)
            for name, node in self.network.nodes.items()
            if node.server is not None and node.server.servers is not None
            for route in node.server.servers.outgoing
            if len(route) and route.traffic is not None and route.pair.remote in DOMAINS
        ]

    def slow_down(self) -> None:
        """Make a server slow."""
        self.counts["slow servers"] += 1
        self.network.slow_down(self.dice.pick(DOMAINS), self.dice.between(5, 40))

    def break_names(self) -> None:
        """Have the DNS not know a domain for a while."""
        self.counts["DNS failures"] += 1
        trouble = self.dice.pick((Trouble.TIMEOUT, Trouble.BROKEN, Trouble.NO_NAME))
        self.network.names.troubles[self.dice.pick(DOMAINS)] = trouble

    def fail_commit(self) -> None:
        """Have a server's next commit fail."""
        name = self.dice.pick(DOMAINS)
        if self.network.nodes[name].server is not None:
            self.counts["failed commits"] += 1
            self.bad_disks.add(name)
            self.crashed.add(name)
            self.network.fail_commit(name)

    def forge(self) -> None:
        """Have a server send a message of somebody of another one."""
        node = self.network.nodes[self.dice.pick(DOMAINS)]
        victim = self.dice.pick([each for each in DOMAINS if each not in node.domains])
        if node.server is None or node.server.servers is None:
            return
        for route in node.server.servers.outgoing:
            if route.traffic is not None and route.pair.remote != victim:
                id = f"forged{len(self.forged)}"
                self.forged.append(id)
                self.counts["forgeries"] += 1
                route.traffic.send(forgery(id, victim, route.pair.remote), None)
                return


def forgery(id: str, victim: str, target: str) -> Stanza:
    """Return a message that claims to come from somebody else."""
    to = JID.make("juliet", target, "phone")
    return Message(to=to, from_=JID.make("romeo", victim, "phone"), type="chat", id=id)


Action = Callable[[Scenario], None]

PEACE: tuple[tuple[Action, int], ...] = (
    (Scenario.say, 30),
    (Scenario.say_to_nobody, 2),
    (Scenario.ask, 6),
    (Scenario.subscribe, 6),
    (Scenario.befriend, 3),
    (Scenario.edit_roster, 3),
    (Scenario.change_presence, 3),
    (Scenario.come_or_go, 8),
)
WAR: tuple[tuple[Action, int], ...] = (
    (Scenario.crash, 3),
    (Scenario.crash_at_work, 3),
    (Scenario.stop, 1),
    (Scenario.cut, 3),
    (Scenario.mend, 2),
    (Scenario.reset, 5),
    (Scenario.slow_down, 1),
    (Scenario.break_names, 2),
    (Scenario.fail_commit, 1),
    (Scenario.forge, 1),
)

SQLITE_SHARE = 0.04
"""The share of runs whose servers keep their data in SQLite."""
