"""Sessions coming and going, and the state of their accounts."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.gate import Gate
from xmppd.api.moments import PASS, SessionClosed, SessionOpened, Verdict
from xmppd.api.registrations import PerAccount, Watch
from xmppd.api.sessions import ISession, SessionRecord
from xmppd.api.storage import Account
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession

BALCONY = JID.parse("juliet@example.org/balcony")


class Roster(list[str]):
    """What an account has loaded."""


def _noting(loads: list[str], localpart: str) -> Roster:
    loads.append(localpart)
    return Roster()


class SessionsTestCase(SynchronousTestCase):
    """A host, and its sessions as the domain keeps them."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.sessions = self.host.accounts_domain.sessions

    def load_by(self, load: Callable[[str], Any], feature: str = "roster") -> None:
        self.host.install(feature, [PerAccount(Roster, load)])


class OpenAndCloseTests(SessionsTestCase):
    """Who can be reached, and who hears of it."""

    def test_opening_makes_reachable(self) -> None:
        self.assertIsNone(self.sessions.get(BALCONY))
        juliet = self.host.login("juliet/balcony")
        self.assertIs(juliet, self.sessions.get(BALCONY))
        self.assertIn(BALCONY, self.sessions)
        self.assertEqual(juliet.record, self.host.session(BALCONY))

    def test_counting(self) -> None:
        balcony, orchard = self.host.login("juliet/balcony"), self.host.login("romeo/orchard")
        chamber = self.host.login("juliet/chamber")
        abroad = FakeHost("example.net", beside=self.host).login("juliet/balcony")
        self.assertEqual(3, len(self.sessions))
        self.assertEqual([balcony, orchard, chamber], self.sessions.all())
        self.assertEqual([balcony, chamber], self.sessions.of("juliet"))
        self.assertEqual((2, 0), (self.sessions.count("juliet"), self.sessions.count("nurse")))
        self.assertNotIn(abroad.jid, self.sessions)

    def test_closing(self) -> None:
        juliet = self.host.login("juliet/balcony")
        juliet.disconnects()
        self.assertNotIn(BALCONY, self.sessions)
        self.assertIsNone(self.host.session(BALCONY))
        self.assertEqual((0, 0), (len(self.sessions), self.sessions.count("juliet")))
        self.assertEqual(1, juliet.logouts)

    def test_only_who_holds_an_address_gives_it_up(self) -> None:
        old = self.host.login("juliet/balcony")
        old.disconnects()
        new = self.host.login("juliet/balcony")
        self.host.accounts_domain.close(old)
        self.sessions.close(old)
        self.assertIs(new, self.sessions.get(BALCONY))

    def test_who_hears_of_it(self) -> None:
        heard: list[str] = []

        def opened(session: ISession) -> Verdict:
            heard.append(
                f"opened {session.jid}, known: {self.host.session(session.jid) is not None}"
            )
            return PASS

        def closed(session: ISession) -> Verdict:
            heard.append(
                f"closed {session.jid}, known: {self.host.session(session.jid) is not None}"
            )
            return PASS

        self.host.install("ear", [Watch(SessionOpened, opened), Watch(SessionClosed, closed)])
        juliet = self.host.login("juliet/balcony")
        juliet.disconnects()
        juliet.disconnects()
        self.assertEqual(
            [f"opened {BALCONY}, known: True", f"closed {BALCONY}, known: False"], heard
        )

    def test_a_crash_of_who_hears_hinders_nobody(self) -> None:
        def crash(_session: ISession) -> Verdict:
            raise KeyError

        self.host.install("faulty", [Watch(SessionOpened, crash), Watch(SessionClosed, crash)])
        with capturedLogs() as events:
            juliet = self.host.login("juliet/balcony")
            self.assertIn(BALCONY, self.sessions)
            juliet.disconnects()
        self.assertNotIn(BALCONY, self.sessions)
        self.assertEqual(["faulty"] * 2, [event["feature"] for event in events])
        self.assertEqual(2, len(self.flushLoggedErrors(KeyError)))


class AccountGoneTests(SessionsTestCase):
    """Who has logged in to an account that is not there any more gets no session."""

    def setUp(self) -> None:
        super().setUp()
        self.waiting: Deferred[Account | None] = Deferred()
        self.asked: list[str] = []
        self.patch(self.host.accounts, "get", self.get)

    def get(self, localpart: str) -> "Deferred[Account | None]":
        self.asked.append(localpart)
        return self.waiting

    def open(self, created: float | None) -> FakeSession:
        """Return a session that is on its way."""
        domain = self.host.accounts_domain
        record = SessionRecord(BALCONY, self.host.cluster.node)
        gate = Gate(self.host.storage.tickets)
        session = FakeSession(BALCONY, record, domain, gate, self.host.turn)
        session.opening = domain.open(session, created)
        return session

    def test_the_look_at_it(self) -> None:
        account = Account("juliet", "juliet", {}, 5.0)
        for found, welcome in (
            (account, True),
            (None, False),
            (replace(account, disabled=True), False),
            (replace(account, created=6.0), False),
        ):
            self.setUp()
            loads: list[str] = []
            self.load_by(partial(_noting, loads))
            juliet = self.open(5.0)
            self.assertEqual((["juliet"], 0), (self.asked, len(self.sessions)))
            self.waiting.callback(found)
            self.assertEqual("" if welcome else "not-authorized", juliet.closed_with)
            self.assertEqual(int(welcome), len(self.sessions))
            self.assertEqual(int(welcome), len(loads))
            if welcome:
                self.successResultOf(juliet.opening)
            else:
                self.failureResultOf(juliet.opening, StanzaError)
                self.assertEqual(1, juliet.logouts)
                self.assertEqual([], self.sessions.of("juliet"))

    def test_who_has_no_account_is_not_looked_up(self) -> None:
        juliet = self.open(None)
        self.successResultOf(juliet.opening)
        self.assertEqual(([], [juliet]), (self.asked, self.sessions.of("juliet")))

    def test_closed_on_its_way(self) -> None:
        """While the account is looked up, or its state loaded: it never becomes reachable."""
        loading: Deferred[Roster] = Deferred()
        self.load_by(lambda _: loading)
        for created in (5.0, None):
            juliet = self.open(created)
            self.assertEqual([juliet], self.sessions.of("juliet"))
            juliet.close("not-authorized", "deleted")
            self.assertEqual([], self.sessions.of("juliet"))
            if created is not None:
                self.waiting.callback(Account("juliet", "juliet", {}, created))
            else:
                loading.callback(Roster())
            self.failureResultOf(juliet.opening, StanzaError)
            self.assertEqual((0, {}), (len(self.sessions), self.sessions._online))


class AccountStateTests(SessionsTestCase):
    """`PerAccount`: loaded before the first session is reachable, dropped with the last."""

    def setUp(self) -> None:
        super().setUp()
        self.loads: list[str] = []

    def load(self, localpart: str) -> Roster:
        self.loads.append(localpart)
        return Roster([localpart])

    def state(self, localpart: str = "juliet") -> Roster | None:
        return self.host.account_state(localpart, Roster)

    def test_life(self) -> None:
        self.load_by(self.load)
        self.assertIsNone(self.state())
        first, second = self.host.login("juliet/balcony"), self.host.login("juliet/chamber")
        loaded = self.state()
        self.assertEqual(Roster(["juliet"]), loaded)
        self.assertIsNone(self.state("romeo"))
        first.disconnects()
        self.assertIs(loaded, self.state())
        second.disconnects()
        self.assertIsNone(self.state())
        self.host.login("juliet/balcony")
        self.assertEqual(["juliet", "juliet"], self.loads)

    def test_ways_to_load(self) -> None:
        async def coroutine(localpart: str) -> Roster:
            return self.load(localpart)

        def deferred(localpart: str) -> Deferred[Roster]:
            return succeed(self.load(localpart))

        for load in (self.load, coroutine, deferred):
            self.host = FakeHost()
            self.load_by(load)
            self.host.login("juliet/balcony")
            self.assertEqual(["juliet"], self.state())

    def test_nobody_is_reachable_before_it_is_loaded(self) -> None:
        waiting: Deferred[Roster] = Deferred()
        self.load_by(lambda localpart: self.load(localpart) and waiting)
        self.host.login("juliet/balcony")
        self.host.login("juliet/chamber")
        self.assertEqual(0, len(self.sessions))
        self.assertIsNone(self.state())
        waiting.callback(Roster())
        self.assertEqual(2, len(self.sessions))
        self.assertEqual((["juliet"], Roster()), (self.loads, self.state()))

    def test_failing(self) -> None:
        async def broken(_localpart: str) -> Roster:
            raise KeyError

        for load in (broken, lambda _: fail(KeyError()), lambda name: {"x": Roster()}[name]):
            self.setUp()
            self.load_by(load)
            with capturedLogs() as events:
                error = self.assertRaises(StanzaError, self.host.login, "juliet/balcony")
            self.assertEqual("internal-server-error", error.condition)
            self.assertEqual(["roster"], [event["feature"] for event in events])
            self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))
            self.assertEqual(0, len(self.sessions))
            self.assertIsNone(self.state())

    def test_whoever_waited_for_one_that_failed_tries_again(self) -> None:
        first: Deferred[Roster] = Deferred()
        answers = [first, succeed(Roster(["second"]))]
        self.load_by(lambda localpart: self.load(localpart) and answers[len(self.loads) - 1])
        balcony = self.host.login("juliet/balcony")
        self.host.login("juliet/chamber")
        first.errback(StanzaError("internal-server-error"))
        self.assertEqual(["second"], self.state())
        self.assertEqual(["juliet@example.org/chamber"], [str(s.jid) for s in self.sessions.all()])
        self.failureResultOf(balcony.opening, StanzaError)
        self.assertEqual(1, len(self.flushLoggedErrors(StanzaError)))

    def test_being_given_up_leaves_nothing(self) -> None:
        """The clients are gone before their sessions are open."""
        self.load_by(lambda _: Deferred())
        for client in [self.host.login("juliet/balcony"), self.host.login("juliet/chamber")]:
            client.disconnects()
            client.opening.cancel()
            self.failureResultOf(client.opening, CancelledError)
        self.assertEqual(0, len(self.sessions))
        self.assertEqual({}, self.sessions._online)

    def test_two_kinds(self) -> None:
        self.load_by(self.load)
        self.host.install("other", [PerAccount(dict, lambda _: {"a": 1})])
        self.host.login("juliet/balcony")
        self.assertEqual(["juliet"], self.state())
        self.assertEqual({"a": 1}, self.host.account_state("juliet", dict))

    def test_a_feature_that_comes_later(self) -> None:
        """Accounts that are online have no state of it before their next session."""
        self.host.login("juliet/balcony")
        self.load_by(self.load)
        self.assertIsNone(self.state())
        self.host.login("juliet/chamber")
        self.assertEqual(["juliet"], self.state())

    def test_removing_the_feature_drops_its_state(self) -> None:
        self.load_by(self.load)
        self.host.login("juliet/balcony")
        self.host.remove("roster")
        self.assertIsNone(self.state())
