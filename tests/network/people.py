"""What people do in a federation while all is well, and while it is not."""

from collections.abc import Callable, Sequence

from tests.network.scenario import DOMAINS, HERE, Scenario
from xmppd.stanza.jid import JID
from xmppd.testing.network import NetworkClient
from xmppd.wire.namespaces import BLOCKING, ROSTER


def say(scenario: Scenario) -> None:
    """Send a message, or some."""
    client = scenario.somebody()
    if client is not None:
        to = _address(scenario, client)
        for _ in range(scenario.dice.pick((1, 1, 2, 5))):
            _send(scenario, client, to, scenario.dice.pick((5, 50, 3000)))


def say_to_who_is_away(scenario: Scenario) -> str:
    """Send a message that has to be kept; return the domain it is for, "" if nobody is away."""
    client = scenario.somebody()
    there = {each.jid.bare for each in scenario.online()}
    away = [each.jid.bare for each in scenario.clients() if each.jid.bare not in there]
    if client is None or not away:
        return ""
    to = scenario.dice.pick(away)
    _send(scenario, client, to, 50)
    return to.domainpart


def pour(scenario: Scenario) -> None:
    """Send more at once than a connection takes."""
    client = scenario.somebody()
    if client is not None:
        scenario.counts["floods"] += 1
        to = _address(scenario, client)
        for _ in range(40):
            _send(scenario, client, to, 3000)


def _address(scenario: Scenario, client: NetworkClient) -> JID:
    to = scenario.another(client)
    return to if scenario.dice.chance(0.5) else to.bare


def _send(scenario: Scenario, client: NetworkClient, to: JID, size: int) -> None:
    if client.online:
        client.send(
            f"<message to='{to}' type='chat' id='{scenario.next_id('m')}'>"
            f"<body>{'x' * size}</body></message>"
        )


def say_to_nobody(scenario: Scenario) -> None:
    """Send a message to an account or a domain that does not exist."""
    client = scenario.somebody()
    if client is not None:
        nobodies = (f"nobody@{scenario.dice.pick(DOMAINS)}", "x@nowhere.example")
        client.send(
            f"<message to='{scenario.dice.pick(nobodies)}' type='chat' "
            f"id='{scenario.next_id('n')}'><body>x</body></message>"
        )


def ask(scenario: Scenario) -> None:
    """Send a request."""
    client = scenario.somebody()
    if client is not None:
        to = scenario.another(client)
        address = scenario.dice.pick((str(to), str(to.bare), to.domainpart))
        client.send(
            f"<iq to='{address}' type='get' id='{scenario.next_id('q')}'>"
            "<ping xmlns='urn:xmpp:ping'/></iq>"
        )


def subscribe(scenario: Scenario) -> None:
    """Do something about who sees whom."""
    client = scenario.somebody()
    if client is not None:
        type = scenario.dice.weighted(
            (("subscribe", 6), ("subscribed", 6), ("unsubscribe", 1), ("unsubscribed", 1))
        )
        client.send(f"<presence to='{scenario.another(client).bare}' type='{type}'/>")


def leave_as_it_waits(scenario: Scenario) -> None:
    """Be gone with a message behind an answer that is not on disk yet."""
    client, other = scenario.somebody(), scenario.somebody()
    if client is None or other is None or client is other:
        return
    scenario.counts["left with something to be sent"] += 1
    for _ in range(scenario.dice.pick((1, 3))):
        _name(scenario, client)
        _send(scenario, other, client.jid, 50)
        scenario.network.run(scenario.dice.between(0.0, 0.1))
    client.logout()


def befriend(scenario: Scenario) -> None:
    """Have two who are there ask and admit each other."""
    one, other = scenario.somebody(), scenario.somebody()
    if one is None or other is None or one.jid.bare == other.jid.bare:
        return
    for client, peer in ((one, other), (other, one)):
        client.send(
            f"<presence to='{peer.jid.bare}' type='subscribed'/>"
            f"<presence to='{peer.jid.bare}' type='subscribe'/>"
        )


def edit_roster(scenario: Scenario) -> None:
    """Name a contact, or remove one."""
    client = scenario.somebody()
    if client is not None:
        _name(scenario, client, remove=scenario.dice.chance(0.2))


def _name(scenario: Scenario, client: NetworkClient, *, remove: bool = False) -> None:
    if client.online:
        change = " subscription='remove'" if remove else " name='x'"
        client.send(
            f"<iq type='set' id='{scenario.next_id('q')}'><query xmlns='{ROSTER}'>"
            f"<item jid='{scenario.another(client).bare}'{change}/></query></iq>"
        )


def block(scenario: Scenario) -> None:
    """Want to hear nothing of somebody, of a whole server, or of nobody any more."""
    client = scenario.somebody()
    if client is None:
        return
    other = scenario.another(client).bare
    address = scenario.dice.pick((str(other), str(other), other.domainpart, ""))
    command = f"<block xmlns='{BLOCKING}'><item jid='{address}'/></block>"
    if address:
        scenario.blocking[client.jid.bare].add(address)
    else:
        command = f"<unblock xmlns='{BLOCKING}'/>"
    scenario.counts["block lists changed"] += 1
    client.send(f"<iq type='set' id='{scenario.next_id('q')}'>{command}</iq>")


def change_presence(scenario: Scenario) -> None:
    """Be there in another way."""
    client = scenario.somebody()
    if client is not None:
        client.send(scenario.dice.pick((HERE, "<presence><show>away</show></presence>")))


def come_or_go(scenario: Scenario) -> None:
    """Log in, or out."""
    client = scenario.dice.pick(scenario.clients())
    if client.online:
        client.logout()
    else:
        scenario.enter(client)


Action = Callable[[Scenario], None]

Actions = Sequence[tuple[Action, int]]
"""What happens, each with how often."""

PEACE: Actions = (
    (say, 30),
    (pour, 1),
    (say_to_nobody, 2),
    (ask, 6),
    (subscribe, 6),
    (befriend, 3),
    (edit_roster, 3),
    (block, 2),
    (change_presence, 3),
    (come_or_go, 8),
    (leave_as_it_waits, 1),
)
"""What people do, and how often."""
