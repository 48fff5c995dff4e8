"""Presence sessions (RFC 6121 section 4), among an account's own clients and by name."""

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.modules.people import ROMEO as JULIET_S_FRIEND
from tests.modules.people import PeopleCase, presence
from tests.plays import refusal
from xmppd.api.registrations import Provide
from xmppd.api.roster import IBlocking
from xmppd.modules.presence import PresenceSessions, PresenceSettings
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession
from xmppd.testing.remote import FakeRemote
from xmppd.testing.texts import normal
from xmppd.wire.element import Element
from xmppd.wire.namespaces import PING

JULIET = "juliet@example.org"
BALCONY = "juliet@example.org/balcony"
CHAMBER = "juliet@example.org/chamber"
ROMEO = "romeo@example.net/orchard"


class PresenceTestCase(SynchronousTestCase):
    """Juliet on her balcony; nobody has sent presence yet."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.host.load(PresenceSessions, PresenceSettings(directed=10))
        self.balcony = self.host.login("juliet/balcony")
        self.chamber = self.host.login("juliet/chamber")
        self.romeo = self.host.remote(ROMEO)

    def assert_silence(self) -> None:
        self.assertEqual({}, self.host.unread())

    def both_available(self) -> None:
        self.balcony.sends("<presence/>")
        self.chamber.sends("<presence/>")
        self.host.unread()


class BroadcastTests(PresenceTestCase):
    """What the account's clients learn of each other."""

    def test_initial_presence(self) -> None:
        """4.2.2: to the available ones, the new one too; it learns of those that were there."""
        self.balcony.sends("<presence id='1'><status>Here</status></presence>")
        self.balcony.receives(
            f"<presence id='1' from='{BALCONY}' to='{JULIET}'><status>Here</status></presence>"
        )
        self.chamber.receives()
        self.chamber.sends("<presence id='2'/>")
        self.balcony.receives(f"<presence id='2' from='{CHAMBER}' to='{JULIET}'/>")
        self.chamber.receives(
            f"<presence id='2' from='{CHAMBER}' to='{JULIET}'/>",
            f"<presence id='1' from='{BALCONY}' to='{CHAMBER}'><status>Here</status></presence>",
        )
        self.assert_silence()

    def test_priority_makes_no_difference(self) -> None:
        """8.5.2.1.2: presence goes to all that are available."""
        self.balcony.sends("<presence><priority>-1</priority></presence>")
        self.assertEqual(1, len(self.balcony.take()))
        self.chamber.sends("<presence/>")
        self.assertEqual(1, len(self.balcony.take()))

    def test_subsequent_presence(self) -> None:
        """4.4.2."""
        self.both_available()
        self.balcony.sends("<presence><show>away</show></presence>")
        for client in (self.balcony, self.chamber):
            client.receives(
                f"<presence from='{BALCONY}' to='{client.jid}'><show>away</show></presence>"
            )
        self.assert_silence()

    def test_who_comes_later_sees_the_latest(self) -> None:
        self.balcony.sends("<presence/>", "<presence><show>dnd</show></presence>")
        self.host.unread()
        self.chamber.sends("<presence/>")
        self.chamber.receives(
            f"<presence from='{CHAMBER}' to='{JULIET}'/>",
            f"<presence from='{BALCONY}' to='{CHAMBER}'><show>dnd</show></presence>",
        )

    def test_unavailable_presence(self) -> None:
        """4.5.2: the whole stanza, to the one that goes as well."""
        self.both_available()
        self.balcony.sends("<presence type='unavailable'><status>Bye</status></presence>")
        for client in (self.balcony, self.chamber):
            client.receives(
                f"<presence type='unavailable' from='{BALCONY}' to='{client.jid}'>"
                "<status>Bye</status></presence>"
            )
        self.assert_silence()
        self.chamber.sends("<presence/>")
        self.balcony.receives()
        self.assertEqual(1, len(self.chamber.take()))

    def test_after_unavailable_it_begins_anew(self) -> None:
        """4.5.2, last implementation note."""
        self.both_available()
        self.balcony.sends("<presence type='unavailable'/>")
        self.host.unread()
        self.balcony.sends("<presence/>")
        self.chamber.receives(f"<presence from='{BALCONY}' to='{JULIET}'/>")
        self.balcony.receives(
            f"<presence from='{BALCONY}' to='{JULIET}'/>",
            f"<presence from='{CHAMBER}' to='{BALCONY}'/>",
        )

    def test_a_client_that_is_lost(self) -> None:
        """4.5.2: unavailable presence is made for it."""
        self.both_available()
        self.balcony.disconnects()
        self.chamber.receives(f"<presence type='unavailable' from='{BALCONY}' to='{CHAMBER}'/>")
        self.romeo.receives()

    def test_one_that_was_never_available(self) -> None:
        self.chamber.sends("<presence/>")
        self.host.unread()
        self.balcony.sends("<presence type='unavailable'/>")
        self.balcony.disconnects()
        self.assert_silence()

    def test_bad_presence_changes_nothing(self) -> None:
        self.balcony.sends("<presence id='1'><show>asleep</show></presence>")
        self.assertEqual(1, len(self.balcony.take()))
        self.chamber.sends("<presence/>")
        self.balcony.receives()

    def test_guests_have_clients_too(self) -> None:
        web = self.host.login("guest7/web", anonymous=True)
        web.sends("<presence/>")
        web.receives(f"<presence from='{web.jid}' to='guest7@example.org'/>")


class DirectedTests(PresenceTestCase):
    """Presence with `to` (4.6)."""

    def test_it_is_sent_and_answers_for_its_end(self) -> None:
        """4.6.3 rule 2: the end of the presence session is told, changes are not."""
        self.balcony.sends("<presence/>", f"<presence to='{ROMEO}'><status>Hi</status></presence>")
        self.romeo.receives(
            f"<presence from='{BALCONY}' to='{ROMEO}'><status>Hi</status></presence>"
        )
        self.balcony.sends("<presence><show>away</show></presence>")
        self.romeo.receives()
        self.balcony.sends("<presence type='unavailable'><status>Bye</status></presence>")
        self.romeo.receives(
            f"<presence type='unavailable' from='{BALCONY}' to='{ROMEO}'>"
            "<status>Bye</status></presence>"
        )
        self.balcony.sends("<presence type='unavailable'/>")
        self.balcony.disconnects()
        self.romeo.receives()

    def test_without_a_presence_session(self) -> None:
        """4.6.3 rule 3, ended by unavailable presence or by losing the connection."""
        for by_connection in (False, True):
            self.setUp()
            self.balcony.sends(f"<presence to='{ROMEO}'/>")
            self.romeo.take()
            if by_connection:
                self.balcony.disconnects()
            else:
                self.balcony.sends("<presence type='unavailable'/>")
            self.romeo.receives(f"<presence type='unavailable' from='{BALCONY}' to='{ROMEO}'/>")
            self.assert_silence()

    def test_a_client_that_is_lost(self) -> None:
        self.balcony.sends("<presence/>", f"<presence to='{ROMEO}'/>")
        self.romeo.take()
        self.balcony.disconnects()
        self.romeo.receives(f"<presence type='unavailable' from='{BALCONY}' to='{ROMEO}'/>")

    def test_everybody_once_in_order(self) -> None:
        rooms = [self.host.remote(f"{name}@rooms.example.net/juliet") for name in "cab"]
        for room in rooms * 2:
            self.balcony.sends(f"<presence to='{room.jid}'/>")
        self.host.unread()
        told: list[str] = []
        self.patch(self.host, "route", lambda stanza: told.append(str(stanza.to)))
        self.balcony.disconnects()
        self.assertEqual([str(room.jid) for room in rooms], told)

    def test_each_client_for_itself(self) -> None:
        self.balcony.sends(f"<presence to='{ROMEO}'/>")
        self.romeo.take()
        self.chamber.disconnects()
        self.romeo.receives()

    def test_taking_leave_by_name(self) -> None:
        """4.6.1: whoever was told need not be told again."""
        self.balcony.sends(
            f"<presence to='{ROMEO}'/>", f"<presence type='unavailable' to='{ROMEO}'/>"
        )
        self.romeo.take()
        self.balcony.sends(f"<presence type='unavailable' to='{ROMEO}'/>")  # he was not told
        self.romeo.take()
        self.balcony.disconnects()
        self.romeo.receives()

    def test_who_goes_first_need_not_be_told(self) -> None:
        """4.6.1."""
        self.balcony.sends(f"<presence to='{ROMEO}'/>")
        self.romeo.sends(f"<presence to='{BALCONY}'/>")
        self.balcony.sends("<presence/>")
        self.host.unread()
        self.romeo.sends(f"<presence type='unavailable' to='{JULIET}'/>")
        self.balcony.receives(f"<presence type='unavailable' from='{ROMEO}' to='{JULIET}'/>")
        self.balcony.disconnects()
        self.romeo.receives()

    def test_only_who_goes(self) -> None:
        """Another resource of his may still be there."""
        bare = self.host.remote("romeo@example.net")
        self.balcony.sends("<presence/>", "<presence to='romeo@example.net'/>")
        self.host.unread()
        self.romeo.sends(f"<presence type='unavailable' to='{BALCONY}'/>")
        self.balcony.disconnects()
        bare.receives(f"<presence type='unavailable' from='{BALCONY}' to='romeo@example.net'/>")

    def test_ones_own_clients_hear_anyway(self) -> None:
        self.both_available()
        self.balcony.sends(f"<presence to='{CHAMBER}'/>", f"<presence to='{JULIET}'/>")
        self.host.unread()
        self.balcony.disconnects()
        self.chamber.receives(f"<presence type='unavailable' from='{BALCONY}' to='{CHAMBER}'/>")

    def test_other_types_are_not_remembered(self) -> None:
        for type in ("subscribe", "unsubscribed", "probe", "error"):
            self.balcony.sends(f"<presence type='{type}' to='{ROMEO}'/>")
        self.romeo.take()
        self.balcony.disconnects()
        self.romeo.receives()

    def test_bytes(self) -> None:
        """Addresses are remembered, and may be three kilobytes long."""
        self.host.remove("presencesessions")
        self.host.load(PresenceSessions, PresenceSettings(directed_bytes=2_100))
        for name, taken in (("a", True), ("b", True), ("c", False)):
            self.balcony.sends(f"<presence id='1' to='{ROMEO}/{name * 1_000}'/>")
            told = [str(each) for each in self.balcony.take()]
            self.assertEqual("resource-constraint" not in "".join(told), taken)

    def test_limit(self) -> None:
        """So many and no more; those that are known may be told again, and places come free."""
        for n in range(10):
            self.host.remote(f"room{n}@example.net")
            self.balcony.sends(f"<presence to='room{n}@example.net'/>")
        self.balcony.receives()
        full = refusal(
            "resource-constraint",
            kind="presence",
            id="1",
            type="wait",
            from_=ROMEO,
            to=BALCONY,
            text="too many have your presence already",
        )
        self.balcony.sends(f"<presence id='1' to='{ROMEO}'/>")
        self.balcony.receives(full)
        self.romeo.receives()
        self.balcony.sends("<presence to='room7@example.net'/>")
        self.balcony.receives()
        self.balcony.sends("<presence type='unavailable' to='room7@example.net'/>")
        self.balcony.sends(f"<presence id='1' to='{ROMEO}'/>")
        self.balcony.receives()
        self.assertEqual(1, len(self.romeo.take()))


@implementer(IBlocking)
class BlocksRomeo:
    """Everybody has blocked Romeo."""

    def blocks(self, owner: str, entity: JID) -> bool:
        return entity == JID.parse(JULIET_S_FRIEND)


class SubscriberTests(PeopleCase):
    """Contacts with a subscription hear of everything that is for everybody."""

    def test_coming_changing_going(self) -> None:
        self.befriend()
        for sent in (
            "<presence id='1'><show>chat</show></presence>",
            "<presence id='2'/>",
            "<presence id='3' type='unavailable'><status>Good night</status></presence>",
        ):
            self.romeo.sends("<presence/>")
            self.capulet.unread()
            self.juliet.sends(sent)
            stamped = f"<presence from='{BALCONY}' to='{JULIET_S_FRIEND}'"
            self.romeo.receives(sent.replace("<presence", stamped))

    def test_a_lost_connection(self) -> None:
        """4.5.2."""
        self.available()
        self.befriend()
        self.juliet.disconnects()
        self.romeo.receives(presence("unavailable", JULIET_S_FRIEND, BALCONY))

    def test_who_is_only_seen_is_not_told(self) -> None:
        self.available()
        self.romeo.sends(presence("subscribe", JULIET))
        self.juliet.sends(presence("subscribed", JULIET_S_FRIEND))
        self.capulet.unread()
        self.romeo.sends("<presence><show>away</show></presence>")
        self.juliet.receives()
        self.romeo.take()
        self.juliet.sends("<presence><show>away</show></presence>")
        self.assertEqual(1, len(self.romeo.take()))

    def test_blocked_contacts_are_not_told(self) -> None:
        self.befriend()
        self.romeo.sends("<presence/>")
        self.capulet.unread()
        self.capulet.install("blocking", [Provide(IBlocking, BlocksRomeo())])
        self.juliet.sends("<presence/>")
        self.romeo.receives()

    def test_subscribers_are_told_once(self) -> None:
        """4.6.3, rule 1: presence by name adds nothing, whenever the subscription came."""
        self.available()
        self.juliet.sends(presence("", JULIET_S_FRIEND))
        self.befriend()
        self.juliet.sends(presence("", JULIET_S_FRIEND))
        self.romeo.take()
        self.juliet.sends("<presence type='unavailable'/>")
        self.romeo.receives(presence("unavailable", JULIET_S_FRIEND, BALCONY))

    def test_subscribers_are_told_without_a_presence_session(self) -> None:
        """4.6.3, rule 3."""
        self.befriend()
        self.romeo.sends("<presence/>")
        self.romeo.take()
        self.juliet.sends(presence("", JULIET_S_FRIEND))
        self.romeo.receives(presence("", JULIET_S_FRIEND, BALCONY))
        self.juliet.disconnects()
        self.romeo.receives(presence("unavailable", JULIET_S_FRIEND, BALCONY))


class UnknownTypeTests(PresenceTestCase):
    """4.7.1."""

    def test_on_the_way_out_and_in(self) -> None:
        for to in (ROMEO, "nurse@example.org"):
            self.balcony.sends(f"<presence to='{to}' type='available' id='1'/>")
            self.assertIn("bad-request", self.balcony.take()[0])
        self.romeo.sends(f"<presence to='{JULIET}' type='available' id='1'/>")
        self.assertIn("bad-request", self.romeo.take()[0])
        self.assert_silence()


class RequestTests(PeopleCase):
    """8.5.3.1: requests come only from those who are shown presence."""

    PING = "<iq type='get' id='1' to='{}'><ping xmlns='urn:xmpp:ping'/></iq>"

    def reaches(self, sender: FakeSession | FakeRemote, to: str = BALCONY) -> bool:
        """Tell whether a ping reaches Juliet's balcony; if not, it must have been refused."""
        sender.sends(self.PING.format(to))
        came = self.juliet.take()
        refused = sender.take() if sender is not self.juliet else []
        if came:
            return True
        error = refusal("service-unavailable", id="1", from_=to, to=str(sender.jid))
        self.assertEqual([normal(error)], refused)
        return False

    def test_strangers(self) -> None:
        self.assertFalse(self.reaches(self.romeo))

    def test_ones_own_resources(self) -> None:
        self.assertTrue(self.reaches(self.capulet.login("juliet/chamber")))
        self.assertTrue(self.reaches(self.juliet))

    def test_subscriptions(self) -> None:
        self.juliet.sends(presence("subscribe", JULIET_S_FRIEND))
        self.romeo.sends(presence("subscribed", JULIET))
        self.capulet.unread()
        self.assertFalse(self.reaches(self.romeo))
        self.romeo.sends(presence("subscribe", JULIET))
        self.juliet.sends(presence("subscribed", JULIET_S_FRIEND))
        self.capulet.unread()
        self.assertTrue(self.reaches(self.romeo))

    def test_directed_presence(self) -> None:
        room = self.capulet.remote("room@rooms.example.com/nick")
        other = self.capulet.remote("room@rooms.example.com/other")
        self.juliet.sends(presence("", str(room.jid)))
        room.take()
        self.assertTrue(self.reaches(room))
        self.assertTrue(self.reaches(other))
        self.assertFalse(self.reaches(self.capulet.remote("hall@rooms.example.com/nick")))
        self.juliet.sends(presence("unavailable", str(room.jid)))
        room.take()
        self.assertFalse(self.reaches(room))

    def test_this_server(self) -> None:
        for sender in ("example.org", "example.net"):
            iq = Iq(Element("ping", PING), to=self.juliet.jid, type="get", id="1")
            iq.from_ = JID.parse(sender)
            self.capulet.route(iq)
            self.assertEqual(1, len(self.juliet.take()))

    def test_answers_pass(self) -> None:
        self.romeo.sends(f"<iq type='result' id='1' to='{BALCONY}'/>")
        self.assertEqual(1, len(self.juliet.take()))
