"""What goes wrong in a federation: with servers, disks, ways, names and certificates."""

from tests.network.attackers import ATTACKS, HOST, attack
from tests.network.people import Actions, say, say_to_who_is_away
from tests.network.scenario import DOMAINS, Scenario
from xmppd.api.network import Trouble
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message, Stanza
from xmppd.testing.network import Certificate, Weather

ELSEWHERE = "another server"
HOME = "home.example"
"""A name of the machine of who asks."""


def crash(scenario: Scenario, name: str = "") -> None:
    """Kill a server; it comes up again some time later."""
    network, dice = scenario.network, scenario.dice
    name = name or dice.pick(scenario.troubled)
    node = network.nodes[name]
    if node.server is None:
        return
    pending = node.disk.tickets.issued - node.disk.tickets.settled
    scenario.crashed.add(name)
    landed, power = dice.chance(0.5), dice.chance(0.3)
    scenario.counts["crashes with pending writes" if pending else "crashes"] += 1
    scenario.counts["power failures"] += power
    network.crash(name, landed=landed, power=power)
    scenario.down[name] = network.clock.seconds() + dice.pick((0.0, 1.0, 5.0, 30.0))


def crash_at_work(scenario: Scenario) -> None:
    """Kill a server while it writes what came of a message."""
    network, dice = scenario.network, scenario.dice
    say(scenario)
    for _ in range(dice.pick((1, 20, 40))):
        network.run(0.01)
    network.run_until(lambda: bool(_writing(scenario)), 0.5, step=0.01)
    network.run(dice.between(0.0, 0.1))
    crash(scenario, dice.pick(_writing(scenario) or scenario.troubled))


def crash_as_it_keeps(scenario: Scenario) -> None:
    """Kill a server while it writes a message for somebody who is away."""
    network = scenario.network
    domain = say_to_who_is_away(scenario)
    if domain in scenario.troubled:
        network.run_until(lambda: domain in _writing(scenario), 1.0, step=0.01)
        network.run(scenario.dice.between(0.0, 0.15))
        crash(scenario, domain)


def _writing(scenario: Scenario) -> list[str]:
    """Return which servers have not committed all."""
    nodes = [scenario.network.nodes[name] for name in scenario.troubled]
    return [
        node.name
        for node in nodes
        if node.server is not None and node.disk.tickets.issued > node.disk.tickets.settled
    ]


def stop(scenario: Scenario) -> None:
    """Stop a server in good order, for longer perhaps than messages for it wait."""
    network = scenario.network
    name = scenario.dice.pick(scenario.troubled)
    if network.nodes[name].server is not None:
        away = scenario.dice.pick((12.0, 20.0, 45.0))
        scenario.counts["stops"] += 1
        scenario.counts["stops for longer than messages wait"] += away > 40
        network.stop(name)
        scenario.down[name] = network.clock.seconds() + away


def _two(scenario: Scenario) -> tuple[str, str]:
    """Draw two servers."""
    first = scenario.dice.pick(scenario.troubled)
    return first, scenario.dice.pick([each for each in DOMAINS if each != first])


def cut(scenario: Scenario) -> None:
    """Let nothing through between two servers."""
    scenario.counts["cuts"] += 1
    scenario.network.cut(*_two(scenario))


def reset(scenario: Scenario) -> None:
    """Lose the connections between two servers, perhaps with something on its way."""
    network, dice = scenario.network, scenario.dice
    pair = _two(scenario)
    if dice.chance(0.5):
        say(scenario)
        network.run(dice.between(0.0, 0.3))
        busy = _busy(scenario)
        pair = dice.pick(busy) if busy else pair
    scenario.counts["resets"] += network.reset(*pair)


def _busy(scenario: Scenario) -> list[tuple[str, str]]:
    """Return the pairs of servers between which something waits to be sent over a stream."""
    return [
        (name, route.pair.remote)
        for name, node in scenario.network.nodes.items()
        if node.server is not None and node.server.servers is not None
        for route in node.server.servers.outgoing
        if len(route)
        and route.traffic is not None
        and route.pair.remote in DOMAINS
        and not scenario.calm((name, route.pair.remote))
    ]


def slow_down(scenario: Scenario) -> None:
    """Make a server slow."""
    scenario.counts["slow servers"] += 1
    slower = scenario.dice.between(5, 40)
    scenario.network.slow_down(scenario.dice.pick(scenario.troubled), slower)


def narrow(scenario: Scenario) -> None:
    """Let little through at a time, everywhere."""
    if scenario.troubled == DOMAINS:
        scenario.counts["narrow ways"] += 1
        scenario.network.trace.note("network", "is narrow")
        scenario.network.weather = Weather(bytes_per_second=3000.0)


def break_names(scenario: Scenario) -> None:
    """Have the DNS not know a domain for a while."""
    scenario.counts["DNS failures"] += 1
    domain = scenario.dice.pick(scenario.troubled)
    trouble = scenario.dice.pick((Trouble.TIMEOUT, Trouble.BROKEN, Trouble.NO_NAME))
    scenario.network.trace.note(domain, f"has trouble with its name: {trouble.value}")
    scenario.network.names.troubles[domain] = trouble


def lie_about_names(scenario: Scenario) -> None:
    """Have the DNS lead elsewhere: to another server, to an attacker, or to who asks."""
    domain, other = _two(scenario)
    places = [ELSEWHERE, HOME]
    if scenario.kinds[domain].proven:
        places.append(HOST)  # else whoever has the DNS is that server
    place = scenario.dice.pick(places)
    scenario.counts[f"the DNS has lied: {place}"] += 1
    host = f"xmpp.{other}" if place == ELSEWHERE else place
    scenario.network.trace.note(domain, f"is said to be at {host}")
    scenario.network.names.hosts[HOME] = ("127.0.0.1",)
    scenario.network.names.lies[domain] = host


def spoil_certificate(scenario: Scenario) -> None:
    """Have a server show a certificate that is no good, for a while."""
    name = scenario.dice.pick(scenario.troubled)
    flaw = scenario.dice.pick(tuple(Certificate))
    scenario.counts[f"shown: {flaw.value}"] += 1
    scenario.network.spoil(name, flaw)
    if scenario.dice.chance(0.7):
        for other in DOMAINS:
            if other != name:
                scenario.network.reset(name, other)


def fail_commit(scenario: Scenario) -> None:
    """Have a server's next commit fail."""
    name = scenario.dice.pick(scenario.troubled)
    if scenario.network.nodes[name].server is not None:
        scenario.counts["failed commits"] += 1
        scenario.bad_disks.add(name)
        scenario.crashed.add(name)
        scenario.network.fail_commit(name)


def forge(scenario: Scenario) -> None:
    """Have a server send a message of somebody of another one."""
    node = scenario.network.nodes[scenario.dice.pick(scenario.troubled)]
    victim = scenario.dice.pick([each for each in DOMAINS if each not in node.domains])
    if node.server is None or node.server.servers is None:
        return
    for route in node.server.servers.outgoing:
        if route.traffic is not None and route.pair.remote != victim:
            id = scenario.next_id("forged")
            scenario.forged.append(id)
            scenario.counts["forgeries"] += 1
            scenario.network.trace.note(node.name, f"forges {id} of {victim}")
            route.traffic.send(forgery(id, victim, route.pair.remote), None)
            return


def forgery(id: str, victim: str, target: str) -> Stanza:
    """Return a message that claims to come from somebody else."""
    to = JID.make("juliet", target, "phone")
    return Message(to=to, from_=JID.make("romeo", victim, "phone"), type="chat", id=id)


def be_attacked(scenario: Scenario) -> None:
    """Have somebody on the network attack a server."""
    kind = scenario.dice.pick(tuple(ATTACKS))
    scenario.counts[f"attacks: {kind}"] += 1
    attack(scenario, kind, scenario.dice.pick(DOMAINS), scenario.dice.pick(DOMAINS))


def mend(scenario: Scenario) -> None:
    """Let everything through again."""
    scenario.mend()


MISCHIEF: Actions = ((be_attacked, 3),)
"""What may happen to servers that nothing goes wrong with."""

WAR: Actions = (
    (crash, 3),
    (crash_at_work, 2),
    (crash_as_it_keeps, 2),
    (stop, 1),
    (cut, 3),
    (mend, 2),
    (reset, 5),
    (slow_down, 1),
    (narrow, 1),
    (break_names, 2),
    (lie_about_names, 2),
    (spoil_certificate, 2),
    (fail_commit, 1),
    (forge, 1),
)
"""What goes wrong, and how often."""
