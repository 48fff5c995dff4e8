"""Presence subscriptions (RFC 6121 section 3); every state and stanza is in `tests.im`."""

from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.modules.people import (
    BALCONY,
    JULIET,
    ORCHARD,
    ROMEO,
    PeopleCase,
    install,
    presence,
)
from xmppd.api.moments import AccountEnding
from xmppd.api.registrations import StreamContext, StreamFeature
from xmppd.modules.roster import ENDED_AT_ONCE, Rosters, RosterSettings
from xmppd.modules.subscriptions import REPEATED, Subscriptions
from xmppd.stanza.stanza import Presence
from xmppd.testing.fake_host import FakeHost


class HandshakeTests(PeopleCase):
    """One user asks, the other one answers."""

    def test_asking_and_granting(self) -> None:
        """3.1, in the order in which each has to hear of it."""
        self.available()
        more = "<x xmlns='y'/>"
        self.juliet.sends(presence("subscribe", f"{ROMEO}/orchard", id="s1", inner=more))
        self.assertEqual(["none subscribe"], self.pushes(self.juliet))
        self.romeo.receives(presence("subscribe", ROMEO, JULIET, id="s1", inner=more))
        self.romeo.sends(presence("subscribed", JULIET, id="s2"))
        self.assertEqual(["from"], self.pushes(self.romeo))
        self.assertEqual(
            [f"subscribed from {ROMEO}", "to", f"available from {ORCHARD}"],
            self.pushes(self.juliet),
        )

    def test_refusing(self) -> None:
        self.available()
        self.juliet.sends(presence("subscribe", ROMEO))
        self.capulet.unread()
        self.romeo.sends(presence("unsubscribed", JULIET))
        self.assertEqual([], self.pushes(self.romeo))
        self.assertEqual([f"unsubscribed from {ROMEO}", "none"], self.pushes(self.juliet))

    def test_ending_either_way(self) -> None:
        """3.2.2 and 3.3.3: unavailable presence goes to who sees no longer."""
        self.available()
        self.befriend()
        self.juliet.sends(presence("unsubscribe", ROMEO))
        self.assertEqual(["from", f"unavailable from {ORCHARD}"], self.pushes(self.juliet))
        self.assertEqual([f"unsubscribe from {JULIET}", "to"], self.pushes(self.romeo))
        self.juliet.sends(presence("unsubscribed", ROMEO))
        self.assertEqual(["none"], self.pushes(self.juliet))
        self.assertEqual(
            [f"unavailable from {BALCONY}", f"unsubscribed from {JULIET}", "none"],
            self.pushes(self.romeo),
        )

    def test_removing_an_item_ends_it_both_ways(self) -> None:
        """2.5.2."""
        self.available()
        self.befriend()
        item = f"<item jid='{ROMEO}' subscription='remove'/>"
        self.juliet.sends(
            f"<iq type='set' id='1'><query xmlns='jabber:iq:roster'>{item}</query></iq>"
        )
        self.assertEqual(
            ["remove", f"unavailable from {ORCHARD}", f"result from {JULIET}"],
            self.pushes(self.juliet),
        )
        self.assertEqual(
            [
                f"unavailable from {BALCONY}",
                f"unsubscribe from {JULIET}",
                "to",
                f"unsubscribed from {JULIET}",
                "none",
            ],
            self.pushes(self.romeo),
        )

    def test_pre_approval(self) -> None:
        """3.4: remembered, shown, granted without asking, and taken back."""
        self.available()
        self.romeo.sends(presence("subscribed", JULIET))
        self.assertEqual(["none true"], self.pushes(self.romeo))
        self.juliet.sends(presence("subscribe", ROMEO))
        self.assertEqual(["from true"], self.pushes(self.romeo))
        self.assertEqual(
            ["none subscribe", f"subscribed from {ROMEO}", "to", f"available from {ORCHARD}"],
            self.pushes(self.juliet),
        )
        self.romeo.sends(presence("unsubscribed", JULIET))
        self.assertEqual(["none"], self.pushes(self.romeo))

    def test_asking_oneself(self) -> None:
        self.juliet.sends(presence("subscribe", JULIET), presence("subscribe", BALCONY))
        self.assertEqual({}, self.capulet.unread())
        remote = self.capulet.remote("romeo@example.com/x")
        remote.sends(presence("subscribe", JULIET))
        self.assertEqual({}, self.capulet.unread())

    def test_nobody_there(self) -> None:
        """8.5.1: nobody learns that an account does not exist."""
        self.juliet.sends(presence("subscribe", "nobody@example.net"))
        self.assertEqual(["none subscribe"], self.pushes(self.juliet))

    def test_no_such_server(self) -> None:
        """3.1.2: what cannot be routed comes back."""
        self.available()
        self.juliet.sends(presence("subscribe", "tybalt@example.com"))
        self.assertEqual(
            ["error from tybalt@example.com", "none subscribe"], sorted(self.pushes(self.juliet))
        )


class AddressTests(PeopleCase):
    """Subscriptions are between bare JIDs (3.1.2); full ones are taken where that is meant."""

    def test_full_addresses(self) -> None:
        self.available()
        tybalt = self.capulet.remote("tybalt@example.com/street")
        self.juliet.sends(presence("subscribe", str(tybalt.jid)))
        tybalt.receives(presence("subscribe", "tybalt@example.com", JULIET))
        self.juliet.take()
        for to, told in (
            (f"{JULIET}/nowhere", []),  # 8.5.3.2.2
            (BALCONY, ["subscribed from tybalt@example.com", "to"]),
        ):
            tybalt.sends(presence("subscribed", to))
            self.assertEqual(told, self.pushes(self.juliet))
        tybalt.sends(presence("subscribe", f"{JULIET}/nowhere"))
        self.juliet.receives(presence("subscribe", JULIET, "tybalt@example.com"))


class WaitingTests(PeopleCase):
    """Requests wait for whoever is away (3.1.3)."""

    def ask(self) -> None:
        self.juliet.sends(presence("subscribe", ROMEO, inner="<status>It is me</status>"))
        self.juliet.take()

    def test_until_the_user_decides(self) -> None:
        self.ask()
        self.ask()
        self.romeo.receives()
        shown = presence("subscribe", ROMEO, JULIET, inner="<status>It is me</status>")
        for _ in range(2):
            self.romeo.sends("<presence/>")
            self.romeo.receives(presence("", ROMEO, ORCHARD), shown)
            self.romeo.sends("<presence><show>away</show></presence>")
            self.assertNotIn("subscribe", self.romeo.take()[0])
            self.romeo.sends("<presence type='unavailable'/>")
            self.romeo.take()
        self.romeo.sends(presence("unsubscribed", JULIET), "<presence/>")
        self.assertEqual(1, len(self.romeo.take()))

    def test_a_request_is_taken_back(self) -> None:
        self.ask()
        self.juliet.sends(presence("unsubscribe", ROMEO))
        self.romeo.take()
        self.romeo.sends("<presence/>")
        self.assertEqual(1, len(self.romeo.take()))

    def test_which_does_not_tell_who_has_an_account(self) -> None:
        """3.3.3: the record of the request is removed, and that is all."""
        tybalt = self.capulet.remote("tybalt@example.com/x")
        for to in (ROMEO, "nobody@example.net"):
            for type in ("subscribe", "unsubscribe", "unsubscribe"):
                tybalt.sends(presence(type, to))
                tybalt.receives()

    def test_ones_own_are_repeated(self) -> None:
        """3.1.2: what got lost on the way to another server heals."""
        remote = self.capulet.remote("tybalt@example.com/x")
        self.juliet.sends(presence("subscribe", "tybalt@example.com"))
        self.assertEqual(1, len(remote.take()))
        self.juliet.sends("<presence/>")
        self.assertEqual(1, len(remote.take()))
        self.juliet.sends("<presence><show>away</show></presence>")
        self.assertEqual([], remote.take())

    def test_some_of_them_if_there_are_many(self) -> None:
        """Two short stanzas must not make thousands, over and over; but each has its day."""
        self.montague.add_account("nurse")
        patience = self.capulet.remote("nurse@example.com/x")
        self.juliet.sends(presence("subscribe", "nurse@example.com"))
        for number in range(2 * REPEATED):
            self.juliet.sends(presence("subscribe", f"n{number}@example.net"))
        heard = 0
        patience.take()
        for _ in range(30):
            self.juliet.take()
            routed: list[Presence] = []
            self.patch(self.capulet, "route", routed.append)
            self.juliet.sends("<presence/>", "<presence type='unavailable'/>")
            asked = [str(each.to) for each in routed if each.type == "subscribe"]
            self.assertEqual(len(set(asked)), REPEATED)
            heard += "nurse@example.com" in asked
        self.assertIn(heard, range(1, 30))

    def test_long_requests_are_kept_short(self) -> None:
        self.juliet.sends(presence("subscribe", ROMEO, inner=f"<status>{'x' * 5_000}</status>"))
        self.romeo.sends("<presence/>")
        self.romeo.receives(presence("", ROMEO, ORCHARD), presence("subscribe", ROMEO, JULIET))

    def test_too_many_are_dropped(self) -> None:
        host = FakeHost("example.com", beside=self.capulet)
        host.load(Rosters, RosterSettings(requests=1))
        host.load(Subscriptions)
        host.add_account("tybalt")
        for sender in (self.juliet, self.romeo):
            sender.sends(presence("subscribe", "tybalt@example.com"))
            self.assertEqual(["none subscribe"], self.pushes(sender))
        tybalt = host.login("tybalt/x")
        tybalt.sends("<presence/>")
        tybalt.receives(presence("subscribe", "tybalt@example.com", JULIET))

    def test_which_fills_no_log(self) -> None:
        """What strangers can bring about at will is for those who look for it."""
        with capturedLogs() as noted:
            self.test_too_many_are_dropped()
        self.assertEqual(
            [event["log_level"] for event in noted if "dropped" in event.get("log_format", "")],
            [LogLevel.debug],
        )


class EndingTests(PeopleCase):
    """An account is about to be deleted."""

    def test_all_contacts_hear_of_it(self) -> None:
        self.available()
        self.befriend()
        self.juliet.disconnects()
        self.romeo.take()
        ending = self.capulet.announce_and_wait(AccountEnding, "juliet")
        self.successResultOf(Deferred.fromCoroutine(ending))
        self.capulet.turn()
        self.assertEqual(
            [f"unsubscribe from {JULIET}", "to", f"unsubscribed from {JULIET}", "none"],
            self.pushes(self.romeo),
        )

    def test_many_hear_of_it_in_turns(self) -> None:
        for number in range(ENDED_AT_ONCE + 1):
            self.juliet.sends(presence("subscribe", f"n{number}@example.com"))
        self.juliet.disconnects()
        routed: list[Presence] = []
        self.patch(self.capulet, "route", routed.append)
        ending = Deferred.fromCoroutine(self.capulet.announce_and_wait(AccountEnding, "juliet"))
        self.assertNoResult(ending)
        self.assertEqual(len(routed), ENDED_AT_ONCE)
        self.capulet.turn()
        self.successResultOf(ending)
        self.assertEqual({each.type for each in routed}, {"unsubscribe"})
        self.assertEqual(len({each.to for each in routed}), ENDED_AT_ONCE + 1)


class FeatureTests(SynchronousTestCase):
    """What streams are told, and what is left when rosters are switched off."""

    def test_stream_feature(self) -> None:
        host = FakeHost()
        host.load(Subscriptions)
        [(_, feature)] = host.registry.records(StreamFeature)
        shown = feature.element(StreamContext("example.org", True))
        assert shown is not None
        self.assertEqual(("sub", "urn:xmpp:features:pre-approval"), (shown.name, shown.ns))

    def test_without_rosters(self) -> None:
        host = install(FakeHost())
        host.remove("rosters")
        juliet, nurse = host.login("juliet/balcony"), host.login("nurse/kitchen")
        juliet.sends("<presence/>", presence("subscribe", "nurse@example.org"))
        nurse.sends(presence("probe", JULIET))
        host.unread()
        self.assertEqual({}, host.unread())
