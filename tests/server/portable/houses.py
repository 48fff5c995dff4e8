"""What the tests share: servers that import and export, samples, accounts with everything."""

from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from tests.server.house import House
from xmppd.sasl.exchange import ScramKeys
from xmppd.sasl.scram_keys import make_keys
from xmppd.server.config import HostConfig
from xmppd.server.portable.stores import HostStores
from xmppd.server.portable.values import KeptMessage, LastSeen, User
from xmppd.service.control_messages import check_arguments, with_progress
from xmppd.stanza.jid import JID
from xmppd.stanza.roster import RosterItem
from xmppd.stanza.stanza import Message, Presence
from xmppd.stanza.subscription import Subscription
from xmppd.wire.element import Element
from xmppd.wire.namespaces import VCARD_TEMP

SAMPLES = Path(__file__).parents[2] / "data" / "portable"
PROSODY = SAMPLES / "prosody"
EJABBERD = SAMPLES / "ejabberd"
CAPULET, MONTAGUE = "capulet.example", "montague.example"

Result = TypeVar("Result")


class Movers(House):
    """A server in memory, for two hosts unless told otherwise; keeps lines about progress."""

    def __init__(self, *hosts: HostConfig) -> None:
        super().__init__(*(hosts or (HostConfig(CAPULET), HostConfig(MONTAGUE))))
        self.told: list[str] = []

    def move(self, name: str, **arguments: Any) -> Any:
        """Run a command to its end and return its result, or raise what it raises."""
        command = self.commands[name]
        checked = check_arguments(command, arguments)
        given = with_progress(command, checked, self.told.append)
        return self.end(maybeDeferred(command.run, **given))

    def wait(self, work: Awaitable[Result]) -> Result:
        """Return what an awaitable comes to, or raise what it raises."""

        async def waiting() -> Result:
            return await work

        result: Result = self.end(Deferred.fromCoroutine(waiting()))
        return result

    def end(self, running: "Deferred[Any]") -> Any:
        outcome: list[Any] = []
        running.addBoth(outcome.append)
        while not outcome:
            self.clock.advance(0.01)
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
        return outcome[0]

    def users(self, domain: str = CAPULET) -> dict[str, User]:
        """Return everything a host keeps of its accounts, by localpart."""
        host = self.server.hosts[domain].local

        async def read() -> dict[str, User]:
            found = {}
            for name in await host.accounts.localparts():
                account = await host.accounts.get(name)
                assert account is not None
                found[name] = await HostStores(host).user(account)
            return found

        return self.wait(read())

    def is_password(self, name: str, password: str, domain: str = CAPULET) -> bool:
        """Tell whether somebody can log in with a password."""
        passwords = self.server.hosts[domain].passwords
        return bool(self.end(passwords.check_password(name, password)))


def keys(password: str = "pencil", *hashes: str) -> dict[str, ScramKeys]:
    """Return keys of a password."""
    return {hash: make_keys(hash, password, b"salt", 4096) for hash in hashes or ("SHA-1",)}


def everything(name: str = "juliet", host: str = CAPULET) -> User:
    """Return an account that has all there can be."""
    owner = JID.parse(f"{name}@{host}")
    romeo, nurse = JID.parse("romeo@montague.example"), JID.parse("nurse@capulet.example")
    request = Presence(Element("status", children=["<&>"]), type="subscribe", from_=romeo, to=owner)
    items = [
        RosterItem(JID.parse("both@a.example"), "", (), Subscription.BOTH, listed=True),
        RosterItem(JID.parse("early@a.example"), approved=True),
        RosterItem(JID.parse("from@a.example"), "F", ("b", "a"), Subscription.FROM, listed=True),
        RosterItem(JID.parse("ready@a.example"), "", (), Subscription.NONE_OUT, True, listed=True),
        RosterItem(
            JID.parse("to@a.example"),
            "T",
            ("x",),
            Subscription.TO_IN,
            listed=True,
            request=bytes(_asking("to@a.example", owner)),
        ),
        RosterItem(romeo, subscription=Subscription.NONE_IN, request=bytes(request)),
    ]
    messages = (
        KeptMessage(_said("first", nurse, owner), 1_700_000_000.25),
        KeptMessage(_said("second <&>", romeo, owner), 1_700_000_000.25),
        KeptMessage(_said("third", romeo, owner), 1_700_000_001.0),
    )
    return User(
        name,
        keys=keys("pencil", "SHA-1", "SHA-256", "SHA-512"),
        created=1_600_000_000.5,
        disabled=True,
        roster=tuple(sorted(items, key=lambda item: item.jid)),
        messages=messages,
        vcard=Element("vCard", VCARD_TEMP, {}, [Element("FN", VCARD_TEMP, {}, ["Jül \n<&>"])]),
        private=(
            Element("a", "urn:a", {"k": "v'\""}, [Element("b", "urn:b")]),
            Element("z", "urn:a", {"{urn:q}k": "v"}),
        ),
        blocked=(JID.parse("b.example"), JID.parse("x@b.example/r s")),
        last=LastSeen(1_700_000_100.125, "gone <to> bed"),
    )


def _asking(who: str, owner: JID) -> Presence:
    return Presence(type="subscribe", from_=JID.parse(who), to=owner, id="i")


def _said(body: str, sender: JID, owner: JID) -> Message:
    text = Element("body", children=[body])
    return Message(text, type="chat", from_=sender.with_resource("r"), to=owner, lang="it")
