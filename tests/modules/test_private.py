"""Private XML Storage (XEP-0049)."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.plays import refusal
from xmppd.api.moments import AccountDeleted
from xmppd.api.registrations import HOST, OWN_ACCOUNT
from xmppd.api.storage import Map
from xmppd.modules.private import PrivateSettings, PrivateStorage
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession

JULIET = "juliet@example.org"
BALCONY = f"{JULIET}/balcony"
PREFS = "<exodus xmlns='exodus:prefs'><defaultnick>Hamlet &amp; co</defaultnick></exodus>"


class PrivateTestCase(SynchronousTestCase):
    """Juliet and what her clients keep."""

    settings = PrivateSettings(elements=3, bytes=200)

    def setUp(self) -> None:
        self.host = FakeHost()
        self.host.load(PrivateStorage, self.settings)
        self.juliet = self.host.login("juliet/balcony")

    def sets(self, *elements: str) -> None:
        content = "".join(elements)
        self.juliet.sends(
            f"<iq type='set' id='1'><query xmlns='jabber:iq:private'>{content}</query></iq>"
        )

    def gets(self, content: str, who: FakeSession | None = None) -> None:
        (who or self.juliet).sends(
            f"<iq type='get' id='2'><query xmlns='jabber:iq:private'>{content}</query></iq>"
        )

    def assert_kept(self, *elements: str) -> None:
        self.sets(*elements)
        self.juliet.receives(f"<iq type='result' id='1' from='{JULIET}' to='{BALCONY}'/>")

    def assert_refused(self, condition: str, type: str, text: str, id: str = "1") -> None:
        self.juliet.receives(
            refusal(condition, type=type, id=id, from_=JULIET, to=BALCONY, text=text)
        )

    def assert_found(self, asked: str, found: str) -> None:
        self.gets(asked)
        self.juliet.receives(
            f"<iq type='result' id='2' from='{JULIET}' to='{BALCONY}'>"
            f"<query xmlns='jabber:iq:private'>{found}</query></iq>"
        )


class StoringTests(PrivateTestCase):
    """What is kept can be had again (section 2)."""

    def test_it_comes_back(self) -> None:
        self.assert_kept(PREFS)
        self.assert_found("<exodus xmlns='exodus:prefs'/>", PREFS)
        self.assert_found("<exodus xmlns='exodus:prefs' a='1'><b/></exodus>", PREFS)

    def test_what_was_never_kept_is_empty(self) -> None:
        for asked in ("<exodus xmlns='exodus:prefs'/>", "<x xmlns='urn:x'/>"):
            self.assert_found(asked, asked)

    def test_names_and_namespaces_are_apart(self) -> None:
        one, two, three = "<a xmlns='urn:x'>1</a>", "<b xmlns='urn:x'>2</b>", "<a xmlns='y'>3</a>"
        self.assert_kept(one, two, three)
        for element in (one, two, three):
            self.assert_found(element, element)

    def test_the_latest_counts(self) -> None:
        self.assert_kept("<a xmlns='urn:x'>1</a>")
        self.assert_kept("<a xmlns='urn:x'>2</a>")
        self.assert_found("<a xmlns='urn:x'/>", "<a xmlns='urn:x'>2</a>")

    def test_storage_is_per_account(self) -> None:
        self.assert_kept(PREFS)
        nurse = self.host.login("nurse/kitchen")
        self.gets("<exodus xmlns='exodus:prefs'/>", nurse)
        [answer] = nurse.take()
        self.assertNotIn("Hamlet", answer)

    def test_the_answer_is_a_promise(self) -> None:
        self.host.storage.latency = 5.0
        self.sets(PREFS, "<a xmlns='urn:x'>1</a>")
        self.juliet.receives()
        self.host.clock.advance(5.0)
        self.assertEqual(1, len(self.juliet.take()))
        self.host = self.host.crashed()
        self.juliet = self.host.login("juliet/balcony")
        self.assert_found("<exodus xmlns='exodus:prefs'/>", PREFS)
        self.assert_found("<a xmlns='urn:x'/>", "<a xmlns='urn:x'>1</a>")

    def test_it_is_announced(self) -> None:
        for at in (HOST, OWN_ACCOUNT):
            self.assertEqual(("jabber:iq:private",), self.host.features(at))


class RefusalTests(PrivateTestCase):
    """What is refused, and how (section 2.3, table 3)."""

    def test_nothing_asked_for(self) -> None:
        for content in ("", " text ", PREFS + "<a xmlns='urn:x'/>"):
            self.gets(content)
            self.assert_refused("bad-request", "modify", "name the one element you want", "2")

    def test_nothing_to_keep(self) -> None:
        for content in ("", "text"):
            self.sets(content)
            self.assert_refused("not-acceptable", "modify", "nothing is there to be kept")

    def test_reserved_namespaces(self) -> None:
        """And elements without a namespace of their own."""
        for element in (
            "<vCard xmlns='vcard-temp'/>",
            "<x xmlns='jabber:'/>",
            "<query xmlns='jabber:iq:roster'/>",
            "<x xmlns='http://jabber.org/protocol/muc'/>",
            "<x xmlns='jabber:client'/>",
            "<inherited/>",
            "<none xmlns=''/>",
        ):
            self.sets(PREFS, element)
            self.assert_refused("not-acceptable", "modify", "this namespace is reserved")
            self.gets(element)
            self.assert_refused("not-acceptable", "modify", "this namespace is reserved", "2")
        self.assert_found("<exodus xmlns='exodus:prefs'/>", "<exodus xmlns='exodus:prefs'/>")

    def test_an_element_twice(self) -> None:
        self.sets("<a xmlns='urn:x'>1</a>", "<a xmlns='urn:x'>2</a>")
        self.assert_refused("not-acceptable", "modify", "an element is there twice")

    def test_other_people(self) -> None:
        nurse, romeo = self.host.login("nurse/x"), self.host.remote("romeo@example.net/x")
        self.assert_kept(PREFS)
        for who in (nurse, romeo):
            for type in ("get", "set"):
                for to in (JULIET, "nobody@example.org"):
                    who.sends(
                        f"<iq type='{type}' id='1' to='{to}'><query xmlns='jabber:iq:private'>"
                        "<exodus xmlns='exodus:prefs'/></query></iq>"
                    )
                    who.receives(
                        refusal("forbidden", type="auth", id="1", from_=to, to=str(who.jid))
                    )
        self.assert_found("<exodus xmlns='exodus:prefs'/>", PREFS)

    def test_guests(self) -> None:
        self.host = FakeHost(anonymous=True)
        self.host.load(PrivateStorage)
        guest = self.juliet = self.host.login("juliet/balcony", anonymous=True)
        self.sets(PREFS)
        self.assert_refused("not-allowed", "cancel", "nothing is kept for guests")
        self.assert_found("<exodus xmlns='exodus:prefs'/>", "<exodus xmlns='exodus:prefs'/>")
        self.assertEqual("", guest.closed_with)


class LimitTests(PrivateTestCase):
    """So many elements, of so many bytes."""

    def test_bytes(self) -> None:
        around = len("<a xmlns='urn:x'></a>")
        fits = f"<a xmlns='urn:x'>{'é' * ((200 - around) // 2)}</a>"
        self.assert_kept(fits)
        self.sets("<b xmlns='urn:x'>1</b>", fits.replace("<a ", "<a b='' "))
        self.assert_refused("policy-violation", "modify", "an element has at most 200 bytes")
        self.assert_found("<a xmlns='urn:x'/>", fits)
        self.assert_found("<b xmlns='urn:x'/>", "<b xmlns='urn:x'/>")

    def test_elements(self) -> None:
        one, two, three, four = (f"<{name} xmlns='urn:x'>1</{name}>" for name in "abcd")
        self.assert_kept(one, two)
        self.assert_kept(three)
        for elements in ((four,), (one, four), (one, two, three, four)):
            self.sets(*elements)
            self.assert_refused("resource-constraint", "wait", "too much is kept already")
        self.assert_kept(one, three)  # they are there already
        self.assert_found("<d xmlns='urn:x'/>", "<d xmlns='urn:x'/>")

    def test_empty_ones_make_room(self) -> None:
        one, two, three, four = (f"<{name} xmlns='urn:x' n='1'/>" for name in "abcd")
        self.assert_kept(one, two, three)
        self.assert_kept("<e xmlns='urn:x'/>")
        self.assert_kept(four, "<b xmlns='urn:x'/>")
        for element, found in ((one, one), (two, "<b xmlns='urn:x'/>"), (four, four)):
            self.assert_found(element, found)

    def count_slowly(self) -> "list[Deferred[list[tuple[str, bytes]]]]":
        """Let counting wait; return where its Deferreds will be found."""
        counting: list[Deferred[list[tuple[str, bytes]]]] = []

        def items(_store: object, _owner: str) -> "Deferred[list[tuple[str, bytes]]]":
            counting.append(Deferred())
            return counting[-1]

        self.patch(type(self.host.open("private", Map)), "items", items)
        return counting

    def test_two_clients_at_once(self) -> None:
        """What both want to keep is counted, however long counting takes."""
        counting = self.count_slowly()
        chamber = self.host.login("juliet/chamber")
        self.sets("<a xmlns='urn:x'>1</a>", "<b xmlns='urn:x'>1</b>")
        chamber.sends(
            "<iq type='set' id='3'><query xmlns='jabber:iq:private'>"
            "<c xmlns='urn:x'>1</c><d xmlns='urn:x'>1</d></query></iq>"
        )
        [first] = counting
        first.callback([])
        self.host.turn()
        self.juliet.receives(f"<iq type='result' id='1' from='{JULIET}' to='{BALCONY}'/>")
        [_, second] = counting
        second.callback([("urn:x a", b""), ("urn:x b", b"")])
        self.host.turn()
        [answer] = chamber.take()
        self.assertIn("resource-constraint", answer)

    def test_an_account_deleted_meanwhile_leaves_nothing(self) -> None:
        real = type(self.host.open("private", Map)).items
        counting = self.count_slowly()
        self.sets(PREFS)
        self.juliet.close("not-authorized")
        self.successResultOf(self.host.accounts.delete("juliet"))
        self.host.announce(AccountDeleted, "juliet")
        counting[0].callback([])
        self.host.turn()
        self.assertEqual([], self.successResultOf(real(self.host.open("private", Map), "juliet")))
