"""Strangers at other people's accounts, for every shipped feature.

Made of what the features register: a new one is held to it without a test of its own.
"""

import importlib
import pkgutil
from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.modules.passwords import PlainPasswords
from tests.plays import refusal
from twisted.plugins import xmppd_builtin
from xmppd import modules
from xmppd.api.adhoc import Done, Level
from xmppd.api.registrations import (
    ACCOUNT,
    HOST,
    OWN_ACCOUNT,
    SERVICE,
    AdHoc,
    HandleIq,
    Identity,
    Serve,
)
from xmppd.api.services import IService
from xmppd.makers import ModuleMaker
from xmppd.stanza.errors import DEFAULT_TYPES, StanzaError
from xmppd.stanza.stanza import Stanza
from xmppd.testing.fake_host import FakeHost
from xmppd.wire.namespaces import BLOCKING, COMMANDS, PRIVATE, REGISTER, ROSTER

OPEN: frozenset[tuple[str, str]] = frozenset()
"""The (type, namespace) of requests which strangers may be answered, each for a reason."""

USERS = frozenset({("get", REGISTER), ("set", REGISTER)})
"""Those which at the host only its own users are answered: it is about their accounts."""

PAYLOADS = {
    ("set", BLOCKING): f"<block xmlns='{BLOCKING}'><item jid='tybalt@example.com'/></block>",
    ("set", COMMANDS): f"<command xmlns='{COMMANDS}' node='nothing'/>",
    ("get", PRIVATE): f"<query xmlns='{PRIVATE}'><prefs xmlns='urn:prefs'/></query>",
    ("set", PRIVATE): f"<query xmlns='{PRIVATE}'><prefs xmlns='urn:prefs'/></query>",
    ("set", REGISTER): f"<query xmlns='{REGISTER}'><username>juliet</username>"
    "<password>w1nd0w</password></query>",
    ("set", ROSTER): f"<query xmlns='{ROSTER}'><item jid='nurse@example.org'/></query>",
}
"""Payloads by (type, namespace), where an empty one is not answered to anybody."""


def shipped() -> Iterator[type]:
    """Yield the class of every shipped feature."""
    for found in pkgutil.walk_packages(modules.__path__, f"{modules.__name__}."):
        module = importlib.import_module(found.name)
        for value in vars(module).values():
            ours = isinstance(value, type) and value.__module__ == found.name
            if ours and hasattr(value, "registrations"):
                yield value


@implementer(IService)
class Doll:
    """A service that refuses everything, in words of its own."""

    def receive(self, stanza: Stanza) -> None:
        """Refuse it."""
        raise StanzaError("gone")


class StrangersTests(SynchronousTestCase):
    """All shipped features on one host, and somebody asking for Juliet's."""

    def setUp(self) -> None:
        self.host = FakeHost()
        for feature in (PlainPasswords, *shipped()):
            self.host.load(feature)
        identity = Identity("component", "generic")
        self.host.install("doll", [Serve("doll.example.org", Doll(), identity)])
        everybody = Level.ANYBODY
        nothing = AdHoc("nothing", "", lambda _: Done(), everybody, HOST | OWN_ACCOUNT)
        self.host.install("nothing", [nothing])
        self.host.add_account("juliet")
        self.handlers = [record for _, record in self.host.registry.records(HandleIq)]

    def request(self, handler: HandleIq, to: str) -> str:
        empty = f"<{handler.name} xmlns='{handler.ns}'/>"
        payload = PAYLOADS.get((handler.type, handler.ns), empty)
        if not payload.startswith(f"<{handler.name} "):
            payload = empty
        return f"<iq type='{handler.type}' id='1' to='{to}'>{payload}</iq>"

    def test_all_are_there(self) -> None:
        """What the plugin file names is what is found beside each other, and the reverse."""
        named = {
            maker.code for maker in vars(xmppd_builtin).values() if isinstance(maker, ModuleMaker)
        }
        self.assertEqual(named, {f"{each.__module__}.{each.__qualname__}" for each in shipped()})

    def test_they_are_refused(self) -> None:
        """Over c2s and s2s, and just as if there were no such account (RFC 6120 13.11)."""
        strangers = (
            self.host.login("nurse/kitchen"),
            self.host.remote("romeo@example.net/orchard"),
            self.host.remote("juliet@example.net/balcony"),
            FakeHost("example.com", beside=self.host).login("juliet/balcony"),
        )
        for handler in self.handlers:
            if ACCOUNT in handler.at and (handler.type, handler.ns) in OPEN:
                continue
            for stranger in strangers:
                for to in ("juliet@example.org", "nobody@example.org"):
                    stranger.sends(self.request(handler, to))
                    stranger.receives(
                        refusal(
                            handler.refusal,
                            type=DEFAULT_TYPES[handler.refusal],
                            id="1",
                            from_=to,
                            to=str(stranger.jid),
                        )
                    )

    def test_the_owner_is_not(self) -> None:
        """The requests are such as are answered to whoever may ask."""
        juliet = self.host.login("juliet/balcony")
        answered = 0
        for handler in self.handlers:
            if not handler.at & (OWN_ACCOUNT | ACCOUNT):
                continue
            juliet.sends(self.request(handler, "juliet@example.org"))
            answer = juliet.take()[-1]  # behind what it brings about
            self.assertIn('type="result"', answer, handler)
            answered += 1
        self.assertGreater(answered, 3)

    def test_nor_anybody_at_the_host(self) -> None:
        romeo = self.host.remote("romeo@example.net/orchard")
        juliet = self.host.login("juliet/balcony")
        for handler in self.handlers:
            if HOST in handler.at:
                for who in (romeo, juliet):
                    who.sends(self.request(handler, "example.org"))
                    [answer] = who.take()
                    may = who is juliet or (handler.type, handler.ns) not in USERS
                    expected = 'type="result"' if may else 'type="error"'
                    self.assertIn(expected, answer, handler)

    def test_nor_at_services(self) -> None:
        """Their bare domains, that is; what is inside of them is nobody's but theirs."""
        romeo = self.host.remote("romeo@example.net/orchard")
        answered = 0
        for handler in self.handlers:
            for to in ("doll.example.org", "juliet@doll.example.org", "doll.example.org/x"):
                romeo.sends(self.request(handler, to))
                [answer] = romeo.take()
                if SERVICE in handler.at and to == "doll.example.org":
                    self.assertIn('type="result"', answer, handler)
                    answered += 1
                else:
                    self.assertIn("<gone ", answer, handler)
        self.assertGreater(answered, 3)

    def test_features_leave_nothing_behind(self) -> None:
        for feature in self.host.registry.features:
            self.host.remove(feature)
        juliet = self.host.login("juliet/balcony")
        for handler in self.handlers:
            juliet.sends(self.request(handler, "example.org"))
            juliet.receives(
                refusal("service-unavailable", id="1", from_="example.org", to=str(juliet.jid))
            )
        self.assertEqual([], self.host.clock.getDelayedCalls())
