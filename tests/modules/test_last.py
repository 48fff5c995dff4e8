"""Last Activity (XEP-0012)."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.modules.contacts import Contacts
from tests.plays import refusal
from xmppd.api.moments import AccountDeleted
from xmppd.api.registrations import ACCOUNT, HOST, OWN_ACCOUNT
from xmppd.api.roster import ILastSeen
from xmppd.api.storage import KeyValue
from xmppd.modules.last import LastActivity, LastSettings
from xmppd.stanza.subscription import Subscription
from xmppd.testing.collaborators import NOON
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession
from xmppd.testing.remote import FakeRemote

JULIET = "juliet@example.org"
QUERY = "<query xmlns='jabber:iq:last'/>"


class LastTestCase(SynchronousTestCase):
    """Juliet, whose account was made at noon, and Romeo, who may see her presence."""

    settings = LastSettings(status_length=10)

    def setUp(self) -> None:
        self.host = FakeHost()
        self.host.load(LastActivity, self.settings)
        self.contacts = self.host.load(Contacts)
        self.contacts.states["juliet", "romeo@example.net"] = Subscription.FROM
        self.balcony = self.host.login("juliet/balcony")
        self.romeo = self.host.remote("romeo@example.net/orchard")

    def passes(self, seconds: float) -> None:
        self.host.wall.seconds += seconds

    def asks(self, who: FakeSession | FakeRemote, to: str = JULIET) -> None:
        who.sends(f"<iq type='get' id='1' to='{to}'>{QUERY}</iq>")

    def assert_away(
        self,
        seconds: int,
        status: str = "",
        who: FakeSession | FakeRemote | None = None,
        to: str = JULIET,
    ) -> None:
        who = who or self.romeo
        self.asks(who, to)
        who.receives(
            f"<iq type='result' id='1' from='{to}' to='{who.jid}'>"
            f"<query xmlns='jabber:iq:last' seconds='{seconds}'>{status}</query></iq>"
        )

    def seen(self) -> tuple[float, str] | None:
        """Return what other features learn."""
        last: Any = self.host.find(ILastSeen)
        found: tuple[float, str] | None = self.successResultOf(
            Deferred.fromCoroutine(last.last_seen("juliet"))
        )
        return found


class UptimeTests(LastTestCase):
    """The host (section 5)."""

    def test_anybody_may_ask(self) -> None:
        self.host.clock.advance(42.9)
        for who in (self.balcony, self.romeo):
            self.assert_away(42, "", who, "example.org")

    def test_it_begins_anew(self) -> None:
        self.host.clock.advance(42)
        self.host = self.host.restarted()
        self.host.clock.advance(7)
        self.assert_away(7, "", self.host.remote("nurse@example.net"), "example.org")

    def test_it_is_announced(self) -> None:
        for at in (HOST, OWN_ACCOUNT, ACCOUNT):
            self.assertEqual(("jabber:iq:last",), self.host.features(at))


class AwayTests(LastTestCase):
    """An account (section 3)."""

    def test_available(self) -> None:
        self.balcony.sends("<presence><status>Here</status></presence>")
        self.passes(60)
        self.assert_away(0)
        self.balcony.sends("<presence><priority>-1</priority></presence>")
        self.assert_away(0)

    def test_with_a_status(self) -> None:
        self.balcony.sends("<presence/>")
        self.balcony.sends(
            "<presence type='unavailable'><status>Home &amp; out</status></presence>"
        )
        self.passes(903.7)
        self.assert_away(903, "Home &amp; out")
        self.assertEqual((NOON, "Home & out"), self.seen())

    def test_the_status_is_cut_off(self) -> None:
        self.balcony.sends("<presence/>")
        self.balcony.sends("<presence type='unavailable'><status>0123456789ab</status></presence>")
        self.assert_away(0, "0123456789")

    def test_a_client_that_is_lost(self) -> None:
        self.balcony.sends("<presence><status>Here</status></presence>")
        self.passes(10)
        self.balcony.disconnects()
        self.passes(5)
        self.assert_away(5)
        self.assertEqual((NOON + 10, ""), self.seen())

    def test_the_last_one_counts(self) -> None:
        chamber = self.host.login("juliet/chamber")
        for client in (self.balcony, chamber):
            client.sends("<presence/>")
        self.balcony.sends("<presence type='unavailable'><status>1</status></presence>")
        self.assertIsNone(self.seen())
        self.passes(10)
        chamber.sends("<presence type='unavailable'><status>2</status></presence>")
        self.passes(10)
        self.assert_away(10, "2")

    def test_who_was_not_available_does_not_go(self) -> None:
        self.balcony.sends("<presence/>", "<presence type='unavailable'/>")
        self.passes(10)
        self.balcony.sends("<presence type='unavailable'><status>Still</status></presence>")
        self.host.login("juliet/chamber").sends("<presence type='unavailable'/>")
        self.balcony.disconnects()
        self.assertEqual((NOON, ""), self.seen())

    def test_coming_and_going_again(self) -> None:
        for wait in (10, 20):
            self.balcony.sends("<presence/>")
            self.passes(wait)
            self.balcony.sends("<presence type='unavailable'/>")
        self.assertEqual((NOON + 30, ""), self.seen())

    def test_never_available(self) -> None:
        """Since the account is there."""
        self.passes(100)
        self.assert_away(100)
        self.assertIsNone(self.seen())

    def test_it_is_kept(self) -> None:
        self.balcony.sends("<presence/>")
        self.passes(10)
        self.host = self.host.restarted()
        self.passes(20)
        self.assertEqual((NOON + 10, ""), self.seen())

    def test_the_time_of_day_is_set_back(self) -> None:
        self.balcony.sends("<presence/>", "<presence type='unavailable'/>")
        self.passes(-100)
        self.assert_away(0)

    def test_full_addresses_are_the_clients_business(self) -> None:
        self.asks(self.romeo, f"{JULIET}/balcony")
        self.romeo.receives()
        self.assertEqual(1, len(self.balcony.take()))

    def test_a_deleted_account_leaves_nothing(self) -> None:
        """Though its sessions are closed behind it."""
        self.balcony.sends("<presence/>")
        self.successResultOf(self.host.accounts.delete("juliet"))
        self.balcony.close("not-authorized")
        self.host.announce(AccountDeleted, "juliet")
        self.host.turn()
        kept = self.host.open("last", KeyValue)
        self.assertIsNone(self.successResultOf(kept.get("juliet")))


class PermissionTests(LastTestCase):
    """Who may know (section 8)."""

    def assert_forbidden(self, who: FakeSession | FakeRemote, to: str = JULIET) -> None:
        self.asks(who, to)
        who.receives(refusal("forbidden", type="auth", id="1", from_=to, to=str(who.jid)))

    def test_the_owner(self) -> None:
        self.contacts.states.clear()
        self.passes(5)
        self.assert_away(5, "", self.balcony)

    def test_subscribers(self) -> None:
        for state in Subscription:
            self.contacts.states["juliet", "romeo@example.net"] = state
            if state.is_seen:
                self.assert_away(0)
            else:
                self.assert_forbidden(self.romeo)

    def test_strangers_do_not_learn_who_exists(self) -> None:
        nurse = self.host.login("nurse/kitchen")
        for available in (False, True):
            if available:
                self.balcony.sends("<presence/>")
            self.assert_forbidden(nurse)
            self.assert_forbidden(nurse, "nobody@example.org")

    def test_without_rosters(self) -> None:
        self.host.remove("contacts")
        self.assert_forbidden(self.romeo)
        self.assert_away(0, "", self.balcony)


class GuestsTests(SynchronousTestCase):
    """Nothing is kept of guests."""

    def test_they_were_never_here(self) -> None:
        host = FakeHost(anonymous=True)
        host.load(LastActivity)
        guest = host.login("guest7/web", anonymous=True)
        guest.sends("<presence/>", "<presence type='unavailable'/>")
        host.wall.seconds += 10
        guest.take()
        guest.sends(f"<iq type='get' id='1'>{QUERY}</iq>")
        guest.receives(
            f"<iq type='result' id='1' from='guest7@example.org' to='{guest.jid}'>"
            "<query xmlns='jabber:iq:last' seconds='0'/></iq>"
        )
        self.assertIsNone(self.successResultOf(host.open("last", KeyValue).get("guest7")))
