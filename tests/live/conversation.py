"""Everything two people on two servers do with each other (RFC 6120 and 6121)."""

from collections.abc import Callable
from typing import Any

from tests.live.clients import SlixmppClient

MANY = 50
"""How many messages are sent at once."""

_ROSTER = '<query xmlns="jabber:iq:roster"/>'


class Person:
    """A client and its address; `again` logs in once more with the same one."""

    def __init__(self, jid: str, log_in: Callable[[], SlixmppClient]) -> None:
        self.jid = jid
        self.bare = jid.partition("/")[0]
        self.domain = self.bare.partition("@")[2]
        self._log_in = log_in
        self.client = log_in()

    def arrive(self) -> None:
        """Be available, and interested in requests."""
        self.client.ask("query", type="get", to="", payload=_ROSTER)
        self.client.expect("answer")
        self.client.ask("presence", to="", status="here")
        self.client.expect("presence", sender=self.jid, type="available")

    def leave(self) -> None:
        """Log out."""
        self.client.ask("disconnect")
        self.client.expect("disconnected")

    def again(self) -> None:
        """Log in."""
        self.client = self._log_in()
        self.arrive()

    def presence(self, to: "Person", type: str) -> None:
        """Send presence of a type to somebody's account, who gets it from ours."""
        self.client.ask("send", xml=f'<presence to="{to.bare}" type="{type}"/>')
        to.client.expect("presence", sender=self.bare, type=type)

    def sees(self, other: "Person", type: str) -> None:
        """Wait for the presence of another's client."""
        self.client.expect("presence", sender=other.jid, type=type)

    def says(self, to: "Person", address: str, body: str) -> None:
        """Send a message; it has to arrive."""
        self.client.ask("message", to=address, body=body)
        to.client.expect("message", sender=self.jid, to=address, body=body)


def converse(first: Person, second: Person) -> None:
    """Have two people do everything; the first one's server makes the first connection."""
    first.arrive()
    second.arrive()
    befriend(first, second)
    befriend(second, first)
    for one, other in ((first, second), (second, first)):
        messages(one, other)
        requests(one, other)
        nobody(one, other.domain)
    second.leave()
    first.sees(second, "unavailable")
    second.again()
    first.sees(second, "available")
    second.sees(first, "available")
    part(second, first)


def befriend(one: Person, other: Person) -> None:
    """One subscribes to the other (RFC 6121 3.1)."""
    one.presence(other, "subscribe")
    other.presence(one, "subscribed")
    one.sees(other, "available")


def part(one: Person, other: Person) -> None:
    """One subscribes no more; what the other does is not seen any more (RFC 6121 3.3)."""
    one.presence(other, "unsubscribe")
    other.client.ask("presence", to="", status="away")
    other.client.expect("presence", sender=other.jid, status="away")
    other.says(one, one.jid, "Do you see me?")
    statuses = [seen["status"] for seen in one.client.seen("presence")]
    assert "away" not in statuses, statuses


def messages(one: Person, other: Person) -> None:
    """Messages arrive, at full and at bare addresses, in their order."""
    for address in (other.jid, other.bare):
        one.says(other, address, "a < b && c > d ]]> Gr\u00fc\u00dfe, \U0001f469\u200d\U0001f680")
    bodies = [f"{number} of {one.bare}" for number in range(MANY)]
    for body in bodies:
        one.client.ask("message", to=other.jid, body=body)
    other.client.expect("message", body=bodies[-1])
    received = [event["body"] for event in other.client.seen("message")]
    assert [body for body in received if body in bodies] == bodies, received


def requests(one: Person, other: Person) -> None:
    """Servers and contacts' clients answer requests; nobody there is answered for."""
    for address in (other.domain, other.jid):
        one.client.ask("version", to=address)
        one.client.expect("answer")
    one.client.ask("ping", to=f"{other.bare}/nowhere")
    one.client.expect("error", condition="service-unavailable")


def nobody(one: Person, domain: str) -> None:
    """A message to a user there is not comes back (RFC 6121 8.5.1)."""
    address = f"nobody@{domain}"
    one.client.ask("message", to=address, body="Is anybody there?")
    bounce: dict[str, Any] = one.client.expect("bounce", sender=address)
    assert bounce["condition"] == "service-unavailable", bounce
