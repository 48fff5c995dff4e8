"""Blocking (XEP-0191): what is stopped, on every way, and the presence that follows."""

from collections.abc import Awaitable

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.modules.block_lists import CHAMBER, command, element, is_blocked
from tests.modules.people import BALCONY, JULIET, ORCHARD, ROMEO, PeopleCase, presence
from tests.plays import refusal
from xmppd.api.roster import IBlocking
from xmppd.modules.blocking.feature import Blocking
from xmppd.stanza.jid import JID
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession

STRANGERS = (
    "romeo@example.net/orchard",  # of another server
    "romeo@example.org/orchard",  # of this host
    "romeo@example.com/orchard",  # of another host of this server
)
FORMS = ("full", "bare", "domain")


class StoppedTests(SynchronousTestCase):
    """Section 3.3: every kind and type of stanza, both ways, by each form of address."""

    def setUp(self) -> None:
        self.capulet = FakeHost()
        self.montague = FakeHost("example.com", beside=self.capulet)
        for host in (self.capulet, self.montague):
            host.load(Blocking)
        self.juliet = self.capulet.login("juliet/balcony")
        self.juliet.sends("<presence/>")

    def stranger(self, address: str) -> "FakeSession":
        """Return Romeo, wherever he is; remote ones answer to the same methods."""
        localpart, _, rest = address.partition("@")
        domain, _, resource = rest.partition("/")
        for host in (self.capulet, self.montague):
            if host.domain == domain:
                romeo = host.login(f"{localpart}/{resource}")
                romeo.sends("<presence/>")
                return romeo
        return self.capulet.remote(address)  # type: ignore[return-value]

    def form(self, address: str, form: str) -> str:
        jid = JID.parse(address)
        return {"full": str(jid), "bare": str(jid.bare), "domain": jid.domainpart}[form]

    def change(self, name: str, *items: str) -> None:
        self.juliet.sends(command(name, *items))
        self.assertEqual([stanza.type for stanza in self.juliet.stanzas], ["result"])
        self.capulet.unread()

    MESSAGES = (
        ("", "service-unavailable"),
        ("normal", "service-unavailable"),
        ("chat", "service-unavailable"),
        ("groupchat", ""),
        ("headline", ""),
        ("error", ""),
    )
    PRESENCES = ("", "unavailable", "probe", "subscribe", "subscribed", "unsubscribe", "error")

    def test_inbound(self) -> None:
        for address in STRANGERS:
            romeo = self.stranger(address)
            for form in FORMS:
                self.change("block", self.form(address, form))
                for to in (JULIET, BALCONY):
                    self.check_inbound(romeo, address, to)
                self.change("unblock")
            romeo.sends(f"<message to='{JULIET}'/>")
            self.juliet.receives(f"<message from='{address}' to='{JULIET}'/>")
            romeo.receives()

    def check_inbound(self, romeo: FakeSession, address: str, to: str) -> None:
        for type, condition in self.MESSAGES:
            romeo.sends(f"<message id='1' type='{type}' to='{to}'><body>Hi</body></message>")
            if condition:
                romeo.receives(refusal(condition, kind="message", id="1", from_=to, to=address))
        for type in self.PRESENCES:
            romeo.sends(f"<presence id='1' type='{type}' to='{to}'/>")
        for type in ("result", "error"):
            romeo.sends(f"<iq id='1' type='{type}' to='{to}'/>")
        romeo.receives()
        for type in ("get", "set"):
            romeo.sends(f"<iq id='1' type='{type}' to='{to}'><q xmlns='urn:q'/></iq>")
            romeo.receives(refusal("service-unavailable", id="1", from_=to, to=address))
        self.juliet.receives()

    def test_inbound_for_an_account_offline(self) -> None:
        for address in STRANGERS:
            romeo = self.stranger(address)
            for form in FORMS:
                self.change("block", self.form(address, form))
                self.juliet.disconnects()
                self.check_offline(romeo, address)
                self.juliet = self.capulet.login("juliet/balcony")
                self.change("unblock")
                self.juliet.sends("<presence/>")

    def check_offline(self, romeo: FakeSession, address: str) -> None:
        """Look from outside as if there were no list."""
        for stanza in (
            f"<message id='1' type='headline' to='{JULIET}'/>",
            f"<presence to='{JULIET}' type='subscribe'/>",
            f"<presence to='{JULIET}'/>",
            f"<iq id='1' type='result' to='{BALCONY}'/>",
        ):
            romeo.sends(stanza)
            romeo.receives()
        romeo.sends(f"<message id='1' to='{JULIET}'/>")
        romeo.receives(
            refusal("service-unavailable", kind="message", id="1", from_=JULIET, to=address)
        )

    def test_outbound(self) -> None:
        for address in STRANGERS:
            romeo = self.stranger(address)
            for form in FORMS:
                self.change("block", self.form(address, form))
                for to in (address, str(JID.parse(address).bare)):
                    if to == address or form != "full":
                        self.check_outbound(to)
                romeo.receives()
                self.change("unblock")
            self.juliet.sends(f"<message to='{address}'/>")
            romeo.receives(f"<message from='{BALCONY}' to='{address}'/>")

    def check_outbound(self, to: str) -> None:
        for kind, types in (
            ("message", ("", "normal", "chat", "groupchat", "headline")),
            ("presence", ("", "unavailable", "probe", "subscribe", "unsubscribed")),
            ("iq", ("get", "set")),
        ):
            for type in types:
                self.juliet.sends(f"<{kind} id='1' type='{type}' to='{to}'><q xmlns='q'/></{kind}>")
                self.juliet.receives(is_blocked(kind, to))
            self.juliet.sends(f"<{kind} id='1' type='error' to='{to}'/>")
        self.juliet.sends(f"<iq id='1' type='result' to='{to}'/>")
        self.juliet.receives()

    def test_what_matches(self) -> None:
        """Section 6: (on the list, the entity, whether it is blocked)."""
        table = (
            ("a@b.c/d", "a@b.c/d", True),
            ("a@b.c/d", "a@b.c/D", False),
            ("a@b.c/d", "a@b.c", False),
            ("a@b.c", "a@b.c", True),
            ("a@b.c", "a@b.c/any", True),
            ("a@b.c", "x@b.c", False),
            ("a@b.c", "b.c", False),
            ("b.c/d", "b.c/d", True),
            ("b.c/d", "b.c", False),
            ("b.c/d", "b.c/e", False),
            ("b.c/d", "a@b.c/d", False),
            ("b.c", "b.c", True),
            ("b.c", "b.c/d", True),
            ("b.c", "a@b.c/d", True),
            ("b.c", "x.b.c", False),
            ("b.c", "c", False),
            # Of one's own, nothing is.
            (JULIET, BALCONY, False),
            (CHAMBER, CHAMBER, False),
            ("example.org", JULIET, False),
            ("example.org", BALCONY, False),
            ("example.org", "example.org", False),
            ("example.org", "nurse@example.org", True),
            ("example.org/x", "example.org/x", True),
        )
        provider = self.capulet.find(IBlocking)
        assert provider is not None
        for entry, entity, expected in table:
            self.change("block", entry)
            self.assertIs(provider.blocks("juliet", JID.parse(entity)), expected, (entry, entity))
            self.juliet.disconnects()
            waiting = provider.blocks("juliet", JID.parse(entity))
            assert not isinstance(waiting, bool)
            self.assertIs(self.successResultOf(_awaited(waiting)), expected, (entry, entity))
            self.juliet = self.capulet.login("juliet/balcony")
            self.change("unblock")

    def test_ones_own_clients(self) -> None:
        """Section 5: never blocked, whatever is on the list."""
        chamber = self.capulet.login("juliet/chamber")
        self.change("block", JULIET, CHAMBER, "example.org")
        self.juliet.sends(f"<message to='{CHAMBER}' id='1'/>")
        chamber.receives(f"<message from='{BALCONY}' to='{CHAMBER}' id='1'/>")
        chamber.sends(f"<iq type='get' id='2' to='{BALCONY}'><q xmlns='q'/></iq>")
        self.juliet.receives(
            f"<iq type='get' id='2' from='{CHAMBER}' to='{BALCONY}'><q xmlns='q'/></iq>"
        )
        self.juliet.sends("<message id='3'/>", "<iq type='get' id='4' to='example.org'><q/></iq>")
        self.assertEqual(
            [(stanza.id, stanza.type) for stanza in self.juliet.stanzas],
            [("3", ""), ("4", "error")],
        )
        self.assertFalse(self.juliet.stanzas[1].child("error") is None)

    def test_a_block_is_one_sided(self) -> None:
        """Whom Juliet has blocked has a list of its own."""
        romeo = self.stranger(STRANGERS[1])
        nurse = self.stranger("nurse@example.org/kitchen")
        self.change("block", STRANGERS[1])
        romeo.sends("<message to='nurse@example.org/kitchen'/>")
        nurse.receives(f"<message from='{STRANGERS[1]}' to='nurse@example.org/kitchen'/>")

    def test_presence_for_all_is_nobodys(self) -> None:
        self.change("block", STRANGERS[0])
        self.juliet.sends("<presence><show>away</show></presence>")
        self.juliet.receives()
        self.assertEqual("away", self.juliet.record.presence.child("show").text)  # type: ignore[union-attr]

    def test_a_feature_that_comes_late(self) -> None:
        """Sessions that were there before have no list in memory; the stored one counts."""
        self.change("block", STRANGERS[0])
        romeo = self.stranger(STRANGERS[0])
        self.capulet.remove("blocking")
        self.capulet.load(Blocking)
        romeo.sends(f"<message id='1' to='{BALCONY}'/>")
        self.juliet.sends(f"<message id='1' to='{STRANGERS[0]}'/>", f"<message to='{JULIET}'/>")
        self.juliet.receives(
            is_blocked("message", STRANGERS[0]), f"<message from='{BALCONY}' to='{JULIET}'/>"
        )
        romeo.receives(
            refusal("service-unavailable", kind="message", id="1", from_=BALCONY, to=STRANGERS[0])
        )


def _awaited(waiting: Awaitable[bool]) -> "Deferred[bool]":
    async def wait() -> bool:
        return await waiting

    return Deferred.fromCoroutine(wait())


class WhatFollowsTests(PeopleCase):
    """Sections 3.3 and 3.4: presence on the way out, and back in."""

    def setUp(self) -> None:
        super().setUp()
        for host in (self.capulet, self.montague):
            host.load(Blocking)
        self.juliet.disconnects()
        self.romeo.disconnects()
        self.juliet = self.interested(self.capulet.login("juliet/balcony"))
        self.romeo = self.interested(self.montague.login("romeo/orchard"))

    def change(self, name: str, *items: str) -> list[str]:
        """Have Juliet block or unblock; return what she is told besides the result."""
        self.juliet.sends(command(name, *items))
        told = self.pushes(self.juliet)
        self.assertIn(f"result from {JULIET}", told)
        told.remove(f"result from {JULIET}")
        return told

    def test_friends(self) -> None:
        """Whatever form it takes; to the contact itself where its whole domain is blocked."""
        self.befriend()
        self.available()
        chamber = self.capulet.login("juliet/chamber")
        chamber.sends("<presence><show>dnd</show></presence>")
        self.capulet.login("juliet/cellar")
        self.capulet.unread()
        for item in (ROMEO, ORCHARD, "example.net"):
            to = ORCHARD if item == ORCHARD else ROMEO
            self.assertEqual(self.change("block", item), [])
            self.romeo.receives(
                presence("unavailable", to, BALCONY), presence("unavailable", to, CHAMBER)
            )
            self.assertEqual(self.change("block", item, "example.net"), [])
            self.romeo.take()
            self.assertEqual(self.change("unblock"), [f"available from {ORCHARD}"])
            self.assertEqual(
                sorted(self.pushes(self.romeo)),
                [f"available from {BALCONY}", f"available from {CHAMBER}"] * (item != ORCHARD)
                or sorted([f"available from {BALCONY}", f"available from {CHAMBER}"] * 2),
            )
            self.assertEqual(self.pushes(chamber), [f"available from {ORCHARD}"])

    def test_what_is_blocked_twice(self) -> None:
        """Only what really changes is told."""
        self.befriend()
        self.available()
        self.change("block", "example.net")
        self.assertEqual(self.pushes(self.romeo), [f"unavailable from {BALCONY}"])
        self.assertEqual(self.change("block", ROMEO, ORCHARD), [])
        self.romeo.receives()
        self.assertEqual(self.change("unblock", ROMEO, "nobody@example.com"), [])
        garden = self.montague.login("romeo/garden")
        garden.sends("<presence/>")
        # The orchard is still on the list.
        self.romeo.take()
        self.assertEqual(self.change("unblock", "example.net"), [f"available from {ROMEO}/garden"])
        self.assertEqual(self.pushes(self.romeo), [f"available from {BALCONY}"])
        self.romeo.sends("<message id='1' to='juliet@example.org'/>")
        self.assertEqual(self.pushes(self.romeo), [f"error from {JULIET}"])

    def test_strangers_are_told_nothing(self) -> None:
        self.available()
        self.assertEqual(self.change("block", ROMEO, "example.net", ORCHARD), [])
        self.assertEqual(self.change("unblock"), [])
        self.assertEqual({}, self.capulet.unread())

    def test_one_way(self) -> None:
        """Presence for those who see the user, a probe for those the user sees."""
        self.juliet.sends(presence("subscribe", ROMEO))
        self.romeo.sends(presence("subscribed", JULIET))
        self.available()
        self.assertEqual(self.change("block", ROMEO), [])
        self.assertEqual(self.pushes(self.romeo), [])
        self.assertEqual(self.change("unblock", ROMEO), [f"available from {ORCHARD}"])
        self.assertEqual(self.pushes(self.romeo), [])
        self.romeo.sends(f"<iq type='set' id='1'>{element('block', JULIET)}</iq>")
        self.assertEqual(self.pushes(self.juliet), [f"unavailable from {ORCHARD}"])
        self.romeo.sends(f"<iq type='set' id='1'>{element('unblock')}</iq>")
        self.assertEqual(self.pushes(self.juliet), [f"available from {ORCHARD}"])
        self.assertEqual(self.pushes(self.romeo), [f"result from {ROMEO}"] * 2)

    def test_ones_own(self) -> None:
        """They are on the list, and nothing comes of it."""
        self.available()
        chamber = self.capulet.login("juliet/chamber")
        chamber.sends("<presence/>")
        self.capulet.unread()
        self.assertEqual(self.change("block", JULIET, CHAMBER, "example.org"), [])
        self.assertEqual(self.change("unblock"), [])
        self.assertEqual({}, self.capulet.unread())

    def test_presence_waits_for_the_disk(self) -> None:
        """What a crash takes back was not told."""
        self.befriend()
        self.available()
        for name, told in (("block", "unavailable"), ("unblock", "available")):
            self.capulet.storage.latency = 5.0
            self.juliet.sends(command(name, ROMEO))
            self.romeo.receives()
            self.capulet.clock.advance(5)
            self.assertEqual(self.pushes(self.romeo)[:1], [f"{told} from {BALCONY}"])
            self.capulet.clock.advance(5)
            self.capulet.unread()

    def test_who_was_shown_presence_by_name(self) -> None:
        """Each address it was shown to is told, available to others or not, and once."""
        for item in (ORCHARD, ROMEO, "example.net"):
            self.juliet.sends(presence("", ORCHARD))
            self.romeo.take()
            self.assertEqual(self.change("block", item), [])
            self.romeo.receives(presence("unavailable", ORCHARD, BALCONY))
            self.assertEqual(self.change("unblock"), [])
            self.assertEqual(self.pushes(self.romeo), [])
            self.available()

    def test_the_end_of_a_client_is_not_told(self) -> None:
        """To whom it had shown itself by name before the block."""
        self.juliet.sends(presence("", ORCHARD))
        self.change("block", ROMEO)
        self.romeo.take()
        self.juliet.disconnects()
        self.romeo.receives()

    def test_logging_in_is_not_told(self) -> None:
        """Nobody blocked is asked for presence or a subscription, nor are their requests shown."""
        tybalt = self.capulet.remote("tybalt@example.com/street")
        self.juliet.sends(presence("subscribe", "tybalt@example.com"))
        tybalt.sends(presence("subscribe", JULIET))
        self.change("block", "example.com")
        self.capulet.unread()
        self.juliet.sends("<presence/>")
        self.assertEqual(self.pushes(self.juliet), [f"available from {BALCONY}"])
        self.assertEqual(tybalt.take(), [])
        tybalt.sends(presence("subscribed", JULIET))  # which is kept out, too
        self.change("unblock")
        tybalt.sends(presence("subscribed", JULIET))
        self.capulet.unread()
        self.change("block", "example.com")
        self.juliet.sends("<presence type='unavailable'/>", "<presence/>")
        self.assertEqual(tybalt.take(), [])

    def test_while_it_lasts(self) -> None:
        """Presence stays where it is, both ways, for subscribers and by probe."""
        self.befriend()
        self.available()
        self.change("block", ROMEO)
        self.romeo.take()
        self.juliet.sends("<presence><show>away</show></presence>")
        self.romeo.sends("<presence><show>away</show></presence>")
        self.assertEqual(self.pushes(self.juliet), [f"available from {BALCONY}"])
        self.assertEqual(self.pushes(self.romeo), [f"available from {ORCHARD}"])
        again = self.interested(self.montague.login("romeo/garden"))
        again.sends("<presence/>")
        self.assertEqual(
            self.pushes(again), [f"available from {ROMEO}/garden", f"available from {ORCHARD}"]
        )
        self.juliet.disconnects()
        self.romeo.take()
        self.juliet = self.interested(self.capulet.login("juliet/balcony"))
        self.juliet.sends("<presence/>")
        self.assertEqual(self.pushes(self.juliet), [f"available from {BALCONY}"])
        self.assertEqual(self.pushes(self.romeo), [])

    def test_who_is_removed_learns_of_no_client(self) -> None:
        """Only that the subscriptions have ended (RFC 6121 2.5.2)."""
        self.befriend()
        self.available()
        for block in (False, True):
            if block:
                self.change("block", ROMEO)
                self.romeo.take()
            remove = f"<item jid='{ROMEO}' subscription='remove'/>"
            self.juliet.sends(
                f"<iq type='set' id='1'><query xmlns='jabber:iq:roster'>{remove}</query></iq>"
            )
            told = self.pushes(self.romeo)
            self.assertIn(f"unsubscribed from {JULIET}", told)
            self.assertEqual(f"unavailable from {BALCONY}" in told, not block)
            self.change("unblock")
            self.befriend()

    def test_without_presence_there_is_none_to_be_told(self) -> None:
        for host in (self.capulet, self.montague):
            host.remove("presencesessions")
        self.befriend()
        self.assertEqual(self.change("block", ROMEO), [])
        self.assertEqual(self.change("unblock"), [])
        self.assertEqual({}, self.capulet.unread())
