"""Blocking Command (XEP-0191): the list itself, what it stops on every way, and what follows."""

from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.modules.people import BALCONY, JULIET, ORCHARD, ROMEO, PeopleCase, presence
from tests.plays import refusal
from xmppd.api.moments import AccountDeleted
from xmppd.api.registrations import HOST
from xmppd.api.roster import IBlocking
from xmppd.modules.blocking import Blocking, BlockingSettings
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Stanza
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession
from xmppd.wire.element import Element
from xmppd.wire.namespaces import BLOCKING, BLOCKING_ERRORS, STANZA_ERRORS

CHAMBER = f"{JULIET}/chamber"


def command(name: str, *items: str, id: str = "1") -> str:
    """Return a block or unblock command."""
    return f"<iq type='set' id='{id}'>{element(name, *items)}</iq>"


def element(name: str, *items: str) -> str:
    inner = "".join(f"<item jid='{item}'/>" for item in items)
    return f"<{name} xmlns='{BLOCKING}'>{inner}</{name}>"


def push(name: str, *items: str, to: str, id: str) -> str:
    return f"<iq type='set' id='{id}' from='{JULIET}' to='{to}'>{element(name, *items)}</iq>"


def result(to: str = BALCONY, id: str = "1", inner: str = "") -> str:
    return f"<iq type='result' id='{id}' from='{JULIET}' to='{to}'>{inner}</iq>"


def is_blocked(kind: str, from_: str, to: str = BALCONY, id: str = "1") -> str:
    """Return the answer to a stanza for somebody who is blocked."""
    return (
        f"<{kind} type='error' from='{from_}' to='{to}' id='{id}'><error type='cancel'>"
        f"<not-acceptable xmlns='{STANZA_ERRORS}'/><blocked xmlns='{BLOCKING_ERRORS}'/>"
        f"</error></{kind}>"
    )


class BlockingCase(SynchronousTestCase):
    """Juliet's balcony on a host with nothing but this feature, which takes four items."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.blocking = self.host.load(Blocking, BlockingSettings(items=4))
        self.juliet = self.host.login("juliet/balcony")

    def list(self, client: FakeSession | None = None) -> list[str]:
        """Return what is on Juliet's list, as she is told."""
        client = client or self.juliet
        client.sends(f"<iq type='get' id='list'><blocklist xmlns='{BLOCKING}'/></iq>")
        answer = client.stanzas[-1]
        client.take()
        found = answer.child("blocklist", BLOCKING)
        assert found is not None
        return [item.attrs["jid"] for item in found.elements("item", BLOCKING)]


class ListTests(BlockingCase):
    """Sections 3.2 to 3.5: what clients ask for and are told."""

    def test_empty(self) -> None:
        self.juliet.sends(f"<iq type='get' id='1'><blocklist xmlns='{BLOCKING}'/></iq>")
        self.juliet.receives(result(inner=element("blocklist")))

    def test_discovered(self) -> None:
        self.assertIn(BLOCKING, self.host.features(HOST))

    def test_block_and_unblock(self) -> None:
        self.juliet.sends(
            command("block", "romeo@example.net", "Tybalt@EXAMPLE.org", "example.com")
        )
        self.juliet.receives(result())
        self.assertEqual(self.list(), ["example.com", "romeo@example.net", "tybalt@example.org"])
        self.juliet.sends(command("unblock", "romeo@example.net", "nobody@example.net"))
        self.juliet.take()
        self.assertEqual(self.list(), ["example.com", "tybalt@example.org"])
        self.juliet.sends(command("unblock"))
        self.juliet.take()
        self.assertEqual(self.list(), [])

    def test_it_is_kept(self) -> None:
        self.juliet.sends(command("block", "romeo@example.net/orchard"))
        self.juliet.disconnects()
        again = self.host.login("juliet/balcony")
        self.assertEqual(self.list(again), ["romeo@example.net/orchard"])

    def test_pushes(self) -> None:
        """To the resources that have asked for the list, the one that changes it, too."""
        chamber = self.host.login("juliet/chamber")
        garden = self.host.login("juliet/garden")
        self.list()
        self.list(chamber)
        for name, items in (
            ("block", ("romeo@example.net", "example.com")),
            ("unblock", ("romeo@example.net",)),
            ("unblock", ()),
        ):
            self.juliet.sends(command(name, *items))
            first, second = (stanza.id for stanza in (*self.juliet.stanzas[:1], *chamber.stanzas))
            self.juliet.receives(push(name, *items, to=BALCONY, id=first), result())
            chamber.receives(push(name, *items, to=CHAMBER, id=second))
            self.assertNotEqual(first, second)
        garden.receives()

    def test_who_has_left_is_not_told(self) -> None:
        chamber = self.host.login("juliet/chamber")
        self.list(chamber)
        chamber.disconnects()
        again = self.host.login("juliet/chamber")
        self.juliet.sends(command("block", "romeo@example.net"))
        self.juliet.receives(result())
        again.receives()

    def test_a_client_that_does_not_take_its_push(self) -> None:
        """It is cut off on the way; the others are told all the same."""
        chamber = self.host.login("juliet/chamber")
        self.list()
        self.list(chamber)
        self.patch(type(chamber), "write", _closing(chamber, type(chamber).write))
        self.juliet.sends(command("block", "romeo@example.net"))
        self.assertEqual([stanza.type for stanza in self.juliet.stanzas], ["set", "result"])
        self.assertEqual(chamber.closed_with, "resource-constraint")

    def test_refused(self) -> None:
        item = "<item jid='{}'/>".format
        table = (
            ("<block xmlns='{}'/>", "bad-request", "there is nobody to be blocked"),
            ("<block xmlns='{}'><x/></block>", "bad-request", "there is nobody to be blocked"),
            ("<block xmlns='{}'><item/></block>", "bad-request", "an item needs an address"),
            ("<unblock xmlns='{}'><item/></unblock>", "bad-request", "an item needs an address"),
            (f"<block xmlns='{{}}'>{item('a@b')}{item('@')}</block>", "jid-malformed", ""),
            (f"<unblock xmlns='{{}}'>{item('a b@c')}</unblock>", "jid-malformed", ""),
        )
        for payload, condition, text in table:
            self.juliet.sends(f"<iq type='set' id='1'>{payload.format(BLOCKING)}</iq>")
            self.juliet.receives(
                refusal(condition, type="modify", text=text, id="1", from_=JULIET, to=BALCONY)
            )
        self.assertEqual(self.list(), [])

    def test_limit(self) -> None:
        """What is too much changes nothing; the same again is not more."""
        four = [f"r{number}@example.net" for number in range(4)]
        self.juliet.sends(command("block", *four))
        self.juliet.receives(result())
        self.juliet.sends(command("block", four[0], "one-more@example.net"))
        self.juliet.receives(
            refusal(
                "resource-constraint",
                type="wait",
                text="the block list is full",
                id="1",
                from_=JULIET,
                to=BALCONY,
            )
        )
        self.juliet.sends(command("block", *four, four[1]))
        self.juliet.receives(result())
        self.assertEqual(self.list(), four)

    def test_answers_wait_for_storage(self) -> None:
        self.list()
        self.host.storage.latency = 5.0
        self.juliet.sends(command("block", "romeo@example.net"))
        self.juliet.sends(f"<iq type='get' id='2'><blocklist xmlns='{BLOCKING}'/></iq>")
        self.juliet.receives()
        self.host.clock.advance(5)
        self.assertEqual(
            [stanza.type for stanza in self.juliet.stanzas], ["set", "result", "result"]
        )

    def test_what_could_not_be_kept_is_not_promised(self) -> None:
        self.host.storage.fail_next_commit()
        self.juliet.sends(command("block", "romeo@example.net"))
        self.juliet.receives()
        self.assertEqual(self.juliet.closed_with, "internal-server-error")

    def test_guests(self) -> None:
        """Nothing is kept of them."""
        guests = FakeHost("guests.example", beside=self.host, anonymous=True)
        guests.load(Blocking)
        guest = guests.login("somebody/x", anonymous=True)
        own = "somebody@guests.example"
        guest.sends(f"<iq type='get' id='1'><blocklist xmlns='{BLOCKING}'/></iq>")
        inner = element("blocklist")
        guest.receives(f"<iq type='result' id='1' from='{own}' to='{own}/x'>{inner}</iq>")
        for name in ("block", "unblock"):
            guest.sends(command(name, "romeo@example.net"))
            guest.receives(
                refusal(
                    "not-allowed",
                    text="guests have no block list",
                    id="1",
                    from_=own,
                    to=f"{own}/x",
                )
            )
        self.assertIsNone(guests.find(IBlocking))


def _closing(victim: FakeSession, write: object) -> object:
    def closing(session: FakeSession, stanza: object) -> None:
        if session is victim:
            session.close("resource-constraint")
        else:
            write(session, stanza)  # type: ignore[operator]

    return closing


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

    def test_who_was_shown_presence_by_name(self) -> None:
        self.juliet.sends(presence("", ORCHARD))
        self.romeo.take()
        self.assertEqual(self.change("block", ORCHARD), [])
        self.assertEqual(self.pushes(self.romeo), [])  # not available: nothing to take back
        self.change("unblock")
        self.available()
        self.change("block", ORCHARD)
        self.assertEqual(self.pushes(self.romeo), [f"unavailable from {BALCONY}"])
        self.assertEqual(self.change("unblock"), [])
        self.assertEqual(self.pushes(self.romeo), [])

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

    def test_without_presence_there_is_none_to_be_told(self) -> None:
        for host in (self.capulet, self.montague):
            host.remove("presencesessions")
        self.befriend()
        self.assertEqual(self.change("block", ROMEO), [])
        self.assertEqual(self.change("unblock"), [])
        self.assertEqual({}, self.capulet.unread())


class RacesTests(BlockingCase):
    """Lists that are read while they change, and accounts that go."""

    def unbound(self, name: str, *items: str) -> "Deferred[Stanza | None]":
        """Send a command over a stream of Juliet's that has not bound a resource."""
        payload = Element(
            name, BLOCKING, children=[Element("item", BLOCKING, {"jid": item}) for item in items]
        )
        own = JID.parse(JULIET)
        iq = Iq(payload, from_=own, to=own, type="set", id="1")
        return self.host.accounts_domain.answer(iq)

    def slowly(self) -> "list[Callable[[], None]]":
        """Let lists be read only when what is appended here is called."""
        waiting: list[Callable[[], None]] = []
        rows = self.blocking._rows
        items = rows.items

        def later(owner: str) -> "Deferred[list[tuple[str, bytes]]]":
            answer: Deferred[list[tuple[str, bytes]]] = Deferred()
            found = items(owner)  # as of now
            waiting.append(lambda: answer.callback(self.successResultOf(found)))
            return answer

        self.patch(rows, "items", later)
        return waiting

    def test_before_binding(self) -> None:
        """With a session elsewhere, and without one."""
        self.list()
        self.unbound("block", "romeo@example.net")
        self.host.turn()
        self.assertEqual(["set"], [stanza.type for stanza in self.juliet.stanzas])
        self.assertEqual(self.list(), ["romeo@example.net"])
        self.juliet.disconnects()
        answer = self.successResultOf(self.unbound("block", "example.com"))
        assert answer is not None
        self.assertEqual(answer.type, "result")
        self.assertEqual(
            self.list(self.host.login("juliet/x")), ["example.com", "romeo@example.net"]
        )

    def test_the_list_before_binding(self) -> None:
        self.juliet.sends(command("block", "romeo@example.net"))
        self.juliet.disconnects()
        own = JID.parse(JULIET)
        iq = Iq(Element("blocklist", BLOCKING), from_=own, to=own, type="get", id="1")
        answer = self.successResultOf(self.host.accounts_domain.answer(iq))
        assert answer is not None
        self.assertIn(b"romeo@example.net", bytes(answer))

    def test_a_change_while_the_list_is_loaded(self) -> None:
        self.juliet.disconnects()
        waiting = self.slowly()
        juliet = self.host.login("juliet/balcony")
        answer = self.unbound("block", "romeo@example.net")
        self.assertNoResult(juliet.opening)
        waiting.pop(0)()
        self.successResultOf(juliet.opening)
        self.assertEqual(waiting, [])
        self.successResultOf(answer)
        self.assertEqual(self.list(juliet), ["romeo@example.net"])

    def test_a_login_while_a_change_waits(self) -> None:
        self.juliet.disconnects()
        waiting = self.slowly()
        answer = self.unbound("block", "romeo@example.net")
        juliet = self.host.login("juliet/balcony")
        self.assertEqual(1, len(waiting))
        waiting.pop(0)()
        self.successResultOf(answer)
        waiting.pop(0)()
        self.successResultOf(juliet.opening)
        self.assertEqual(self.list(juliet), ["romeo@example.net"])

    def test_what_comes_while_the_list_is_loaded(self) -> None:
        self.juliet.sends(command("block", "romeo@example.net"))
        self.juliet.disconnects()
        romeo = self.host.remote("romeo@example.net/orchard")
        waiting = self.slowly()
        juliet = self.host.login("juliet/balcony")
        romeo.sends(f"<message id='1' to='{JULIET}'/>")
        self.assertEqual(1, len(romeo.take()))
        waiting.pop(0)()
        self.successResultOf(juliet.opening)
        romeo.sends(f"<message id='1' to='{BALCONY}'/>")
        self.assertEqual(1, len(romeo.take()))
        juliet.receives()

    def test_a_change_of_an_account_that_is_deleted(self) -> None:
        """Nothing of it is left for the next one of that name."""
        self.juliet.disconnects()
        waiting = self.slowly()
        answer = self.unbound("block", "romeo@example.net")
        self.host.accounts.delete("juliet")
        self.host.announce(AccountDeleted, "juliet")
        waiting.pop(0)()
        refused = self.successResultOf(answer)
        assert refused is not None
        self.assertEqual(refused.type, "error")
        next_one = self.host.login("juliet/balcony")
        waiting.pop(0)()
        next_one.sends(f"<iq type='get' id='1'><blocklist xmlns='{BLOCKING}'/></iq>")
        next_one.receives(result(inner=element("blocklist")))

    def test_the_next_account_of_that_name(self) -> None:
        self.juliet.sends(command("block", "romeo@example.net"))
        self.host.accounts.delete("juliet")
        self.host.announce(AccountDeleted, "juliet")
        self.juliet.disconnects()
        self.assertEqual(self.list(self.host.login("juliet/balcony")), [])

    def test_lost_writes(self) -> None:
        """Memory goes back to what is on disk; nobody was told otherwise."""
        chamber = self.host.login("juliet/chamber")
        self.host.storage.fail_next_commit()
        self.juliet.sends(command("block", "romeo@example.net"))
        self.assertEqual("internal-server-error", self.juliet.closed_with)
        self.assertEqual([], self.list(chamber))

    def test_nothing_stays_in_memory(self) -> None:
        self.list()
        self.juliet.sends(command("block", "romeo@example.net"))
        self.juliet.disconnects()
        self.assertEqual((len(self.blocking._lists), len(self.blocking._turns)), (0, 0))
