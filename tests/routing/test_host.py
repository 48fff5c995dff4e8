"""A host as its features see it, and the life of features."""

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface
from zope.interface.verify import verifyObject

from tests.plays import refusal
from xmppd.api.host import IHost
from xmppd.api.moments import PASS, AccountCreated, Verdict
from xmppd.api.registrations import (
    ACCOUNT,
    HOST,
    OWN_ACCOUNT,
    Every,
    Extension,
    Feature,
    HandleIq,
    Identity,
    Item,
    Node,
    Provide,
    Registration,
    Watch,
)
from xmppd.routing.registry import RegistrationError
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.texts import normal
from xmppd.wire.element import Element


class IThing(Interface):
    """Something a feature provides."""


class HostTestCase(SynchronousTestCase):
    """A host."""

    def setUp(self) -> None:
        self.host = FakeHost()

    def assert_no_timers(self) -> None:
        self.assertEqual([], self.host.clock.getDelayedCalls())


class TimerTests(HostTestCase):
    """`Every`."""

    def setUp(self) -> None:
        super().setUp()
        self.runs: list[float] = []

    def run_at(self) -> None:
        self.runs.append(self.host.clock.seconds())

    def every(self, seconds: float, run: Callable[[], object]) -> None:
        self.host.install("sweeper", [Every(seconds, run)])

    def test_it_runs(self) -> None:
        self.every(10, self.run_at)
        self.host.clock.pump([9.9, 0.1, 10, 10])
        self.assertEqual([10, 20, 30], self.runs)

    def test_removing_stops_it(self) -> None:
        self.every(10, self.run_at)
        self.host.remove("sweeper")
        self.host.clock.advance(20)
        self.assertEqual([], self.runs)
        self.assert_no_timers()

    def test_a_crash_does_not(self) -> None:
        async def crash() -> None:
            self.run_at()
            raise KeyError

        def crash_at_once() -> None:
            self.run_at()
            raise KeyError

        for run in (crash, crash_at_once):
            self.setUp()
            self.every(10, run)
            with capturedLogs() as events:
                self.host.clock.pump([10, 10])
            self.assertEqual([10, 20], self.runs)
            self.assertEqual(["sweeper"] * 2, [event["feature"] for event in events])
            self.assertEqual(2, len(self.flushLoggedErrors(KeyError)))

    def test_it_waits_for_itself(self) -> None:
        waiting: Deferred[None] = Deferred()

        async def slow() -> None:
            self.run_at()
            await waiting

        self.every(10, slow)
        self.host.clock.pump([10, 10, 10])
        self.assertEqual([10], self.runs)
        with capturedLogs() as events:
            waiting.errback(KeyError())
        self.assertEqual(["sweeper"], [event["feature"] for event in events])
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))
        self.host.clock.advance(10)
        self.assertEqual([10, 40], self.runs)

    def test_clashing_features_start_nothing(self) -> None:
        self.host.install("one", [Provide(IThing, 1)])
        clash: Iterable[Registration] = [Every(10, self.run_at), Provide(IThing, 2)]
        self.assertRaises(RegistrationError, self.host.install, "two", clash)
        self.assert_no_timers()
        self.host.install("two", [])


class RequestTests(HostTestCase):
    """`request`: we ask, somebody answers, nobody else can."""

    PING = Element("ping", "urn:xmpp:ping")

    def setUp(self) -> None:
        super().setUp()
        self.juliet = self.host.login("juliet/balcony")

    def ask(self, **more: Any) -> "Deferred[Iq]":
        answer = self.host.request(Iq(self.PING, to=self.juliet.jid, type="get", **more))
        self.asked = self.juliet.stanzas[-1]
        self.juliet.take()
        return answer

    def test_what_is_sent(self) -> None:
        self.host.request(Iq(self.PING, to=self.juliet.jid, type="get"))
        [sent] = self.juliet.stanzas
        self.assertTrue(sent.id.isalnum())
        self.juliet.receives(
            f"<iq type='get' id='{sent.id}' from='example.org' to='{self.juliet.jid}'>"
            "<ping xmlns='urn:xmpp:ping'/></iq>"
        )

    def test_result(self) -> None:
        answer = self.ask()
        self.juliet.sends(f"<iq type='result' id='{self.asked.id}' to='example.org'/>")
        self.assertEqual("result", self.successResultOf(answer).type)
        self.assert_no_timers()

    def test_error(self) -> None:
        answer = self.ask(id="mine")
        self.juliet.sends(refusal("forbidden", id="mine", type="auth", to="example.org"))
        error = self.failureResultOf(answer, StanzaError).value
        assert isinstance(error, StanzaError)
        self.assertEqual("forbidden", error.condition)

    def test_on_behalf_of_an_account(self) -> None:
        answer = self.ask(id="push", from_=self.juliet.jid.bare)
        self.juliet.sends("<iq type='result' id='push'/>")
        self.successResultOf(answer)

    def test_on_behalf_of_an_account_that_has_gone(self) -> None:
        romeo = self.host.remote("romeo@example.net/orchard")
        self.host.add_account("nurse")
        nurse = JID.parse("nurse@example.org")
        answer = self.host.request(Iq(self.PING, to=romeo.jid, from_=nurse, type="get", id="1"))
        romeo.sends("<iq type='result' id='1' to='nurse@example.org'/>")
        self.successResultOf(answer)

    def test_nobody_there(self) -> None:
        self.juliet.disconnects()
        answer = self.host.request(Iq(self.PING, to=self.juliet.jid, type="get"))
        error = self.failureResultOf(answer, StanzaError).value
        assert isinstance(error, StanzaError)
        self.assertEqual("service-unavailable", error.condition)

    def test_a_third_party_cannot_answer(self) -> None:
        mallory = self.host.remote("mallory@example.net/den")
        nurse = self.host.login("nurse/kitchen")
        chamber = self.host.login("juliet/chamber")
        answer = self.ask(id="1")
        for text in (
            "<iq type='result' id='1' to='example.org'/>",
            refusal("forbidden", id="1", type="auth", to="example.org"),
        ):
            for somebody in (mallory, nurse, chamber):
                somebody.sends(text)
        self.assertNoResult(answer)
        self.assertEqual({}, self.host.unread())
        self.juliet.sends("<iq type='result' id='1' to='example.org'/>")
        self.successResultOf(answer)

    def test_no_answer(self) -> None:
        answer = self.ask()
        self.host.clock.advance(30)
        error = self.failureResultOf(answer, StanzaError).value
        assert isinstance(error, StanzaError)
        self.assertEqual("remote-server-timeout", error.condition)

    def test_what_is_refused_is_not_sent(self) -> None:
        self.ask(id="1")
        again = self.host.request(Iq(self.PING, to=self.juliet.jid, type="get", id="1"))
        self.failureResultOf(again, StanzaError)
        self.juliet.receives()


class SpawnTests(HostTestCase):
    """`spawn`."""

    def test_it_runs_beside(self) -> None:
        waiting: Deferred[int] = Deferred()
        came: list[int] = []

        async def work() -> None:
            came.append(await waiting)

        self.host.spawn(work())
        waiting.callback(3)
        self.assertEqual([3], came)

    def test_failures_are_logged(self) -> None:
        async def work() -> None:
            raise KeyError

        self.host.spawn(work())
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))

    def test_it_ends_with_the_host(self) -> None:
        ended: list[str] = []

        async def work(name: str) -> None:
            try:
                await Deferred()
            except CancelledError:
                ended.append(name)
                raise

        for name in ("first", "second", "third"):
            self.host.spawn(work(name))
        self.host.shut_down()
        self.assertEqual(["first", "second", "third"], ended)
        self.assertEqual([], self.flushLoggedErrors())


class LifeTests(HostTestCase):
    """Installing, removing, shutting down."""

    def test_interface(self) -> None:
        self.assertTrue(verifyObject(IHost, self.host))

    def test_a_removed_feature_answers_no_more(self) -> None:
        answer = HandleIq("get", "urn:example", "query", lambda _: None, HOST)
        juliet = self.host.login("juliet/balcony")
        ask = "<iq type='get' id='1' to='example.org'><query xmlns='urn:example'/></iq>"
        self.host.install("acme", [answer])
        juliet.sends(ask)
        juliet.receives(f"<iq type='result' id='1' from='example.org' to='{juliet.jid}'/>")
        self.host.remove("acme")
        juliet.sends(ask)
        juliet.receives(
            refusal("service-unavailable", id="1", from_="example.org", to=str(juliet.jid))
        )

    def test_shutting_down_leaves_nothing(self) -> None:
        self.host.install("one", [Every(10, lambda: None)])
        self.host.install("two", [Every(5, lambda: None), Provide(IThing, 1)])
        juliet = self.host.login("juliet/balcony")
        answer = self.host.request(Iq(Element("ping"), to=juliet.jid, type="get"))
        self.host.shut_down()
        self.failureResultOf(answer, StanzaError)
        self.assertEqual((), self.host.registry.features)
        self.assertIsNone(self.host.find(IThing))
        self.assert_no_timers()

    def test_announcing(self) -> None:
        heard: list[str] = []

        def created(localpart: str) -> Verdict:
            heard.append(localpart)
            return PASS

        self.host.install("ear", [Watch(AccountCreated, created)])
        self.host.announce(AccountCreated, "juliet")
        self.assertEqual(["juliet"], heard)


class LookupTests(HostTestCase):
    """What features ask a host."""

    def test_sessions(self) -> None:
        balcony, orchard = self.host.login("juliet/balcony"), self.host.login("romeo/orchard")
        FakeHost("example.net", beside=self.host).login("juliet/balcony")
        self.assertEqual((balcony.record,), self.host.sessions("juliet"))
        self.assertEqual((), self.host.sessions("nurse"))
        self.assertEqual([balcony.record, orchard.record], list(self.host.all_sessions()))
        self.assertIs(orchard.record, self.host.session(orchard.jid))
        self.assertIsNone(self.host.session(orchard.jid.bare))

    def test_providers(self) -> None:
        self.assertIsNone(self.host.find(IThing))
        self.host.install("acme", [Provide(IThing, self)])
        self.assertIs(self, self.host.find(IThing))

    def test_discovery(self) -> None:
        identity = Identity("server", "im")
        extension = Extension(lambda: Element("x", "jabber:x:data"))
        item = Item(JID.parse("muc.example.org"))
        node = Node("n", lambda _: None, lambda _: None)
        self.host.install(
            "one", [Feature("urn:b"), identity, extension, item, node, Feature("urn:b")]
        )
        self.host.install(
            "two", [Feature("urn:a", HOST | ACCOUNT), Node("n", node.items, node.info)]
        )
        self.assertEqual(("urn:a", "urn:b"), self.host.features(HOST))
        self.assertEqual(("urn:a",), self.host.features(ACCOUNT))
        self.assertEqual((identity,), self.host.identities(HOST))
        self.assertEqual((extension,), self.host.extensions(HOST))
        self.assertEqual((item,), self.host.items(HOST))
        self.assertIs(node, self.host.node("n", HOST))
        self.assertIsNone(self.host.node("other", HOST))
        for at in (OWN_ACCOUNT, ACCOUNT):
            self.assertEqual(
                ((), (), ()),
                (self.host.identities(at), self.host.extensions(at), self.host.items(at)),
            )
            self.assertIsNone(self.host.node("n", at))

    def test_route(self) -> None:
        juliet = self.host.login("juliet/balcony")
        self.host.route(Iq(to=juliet.jid, from_=self.host.jid, type="result", id="1"))
        self.assertEqual(
            {
                str(juliet.jid): [
                    normal(f"<iq type='result' id='1' from='example.org' to='{juliet.jid}'/>")
                ]
            },
            self.host.unread(),
        )
