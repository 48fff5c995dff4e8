"""One `<user/>`, read and written: a table of what is in it and what is left of that."""

from base64 import b64encode

from twisted.trial.unittest import SynchronousTestCase

from tests.server.portable.houses import CAPULET, everything, keys
from xmppd.sasl.scram_keys import digest_size
from xmppd.server.portable.users import OURS, read_user, write_user
from xmppd.server.portable.values import User
from xmppd.stanza.jid import JID
from xmppd.stanza.roster import RosterItem
from xmppd.stanza.subscription import Subscription
from xmppd.wire.document import parse_document
from xmppd.wire.element import Element
from xmppd.wire.namespaces import PORTABLE
from xmppd.wire.serializer import serialize

ROSTER = "<query xmlns='jabber:iq:roster'>{}</query>"
OFFLINE = "<offline-messages>{}</offline-messages>"
PRIVACY = "<query xmlns='jabber:iq:privacy'>{}</query>"
FROM_HOST = "<delay xmlns='urn:xmpp:delay' from='capulet.example' stamp='{}'/>"
SUBSCRIBE = "<presence xmlns='jabber:client' type='subscribe' {}/>"


def read(inner: str, attributes: str = "") -> User:
    text = f"<user xmlns='{PORTABLE}' name='juliet'{attributes}>{inner}</user>"
    return read_user(parse_document(text.encode()), CAPULET)


def message(inner: str = "", attributes: str = "from='romeo@montague.example/x'") -> str:
    return OFFLINE.format(f"<message xmlns='jabber:client' {attributes}>{inner}</message>")


def scram(
    mechanism: str = "SCRAM-SHA-1", times: int = 1, change: dict[str, str] | None = None
) -> str:
    known = keys("pencil", mechanism.removeprefix("SCRAM-"))[mechanism.removeprefix("SCRAM-")]
    values = {"salt": known.salt, "server-key": known.server_key, "stored-key": known.stored_key}
    texts = {"iter-count": "4096"}
    for name, value in values.items():
        for _ in range(times):
            value = b64encode(value)
        texts[name] = value.decode()
    inner = "".join(
        f"<{name}>{text}</{name}>" for name, text in {**texts, **(change or {})}.items()
    )
    return (
        f"<scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='{mechanism}'>"
        f"{inner}</scram-credentials>"
    )


class RosterTests(SynchronousTestCase):
    """Items, requests, approvals."""

    def test_states(self) -> None:
        table = [
            ("", Subscription.NONE),
            ("subscription='none'", Subscription.NONE),
            ("subscription='none' ask='subscribe'", Subscription.NONE_OUT),
            ("subscription='to'", Subscription.TO),
            ("subscription='to' ask='subscribe'", Subscription.TO),
            ("subscription='from'", Subscription.FROM),
            ("subscription='from' ask='subscribe'", Subscription.FROM_OUT),
            ("subscription='both'", Subscription.BOTH),
        ]
        for attributes, expected in table:
            with self.subTest(attributes=attributes):
                (item,) = read(ROSTER.format(f"<item jid='a@b.example' {attributes}/>")).roster
                self.assertIs(item.subscription, expected)
                self.assertTrue(item.listed)

    def test_requests(self) -> None:
        table = [
            ("", Subscription.NONE_IN, False),
            ("<item jid='a@b.example'/>", Subscription.NONE_IN, True),
            ("<item jid='a@b.example' ask='subscribe'/>", Subscription.NONE_OUT_IN, True),
            ("<item jid='a@b.example' subscription='to'/>", Subscription.TO_IN, True),
            ("<item jid='a@b.example' subscription='from'/>", Subscription.FROM, True),
            ("<item jid='a@b.example' subscription='both'/>", Subscription.BOTH, True),
        ]
        request = SUBSCRIBE.format("from='a@b.example/there'")
        for item, state, listed in table:
            for order in (ROSTER.format(item) + request, request + ROSTER.format(item)):
                with self.subTest(order=order):
                    (found,) = read(order).roster
                    self.assertEqual((found.subscription, found.listed), (state, listed))
                    expected = b'<presence from="a@b.example" to="juliet@capulet.example" '
                    waits = expected + b'type="subscribe"/>' if state.is_asked else b""
                    self.assertEqual(found.request, waits)

    def test_details(self) -> None:
        groups = "<group>b</group><group>a</group><group>b</group><group/>"
        item = f"<item jid='A@B.example' name='N' approved='1'>{groups}</item>"
        (found,) = read(ROSTER.format(item)).roster
        expected = RosterItem(JID.parse("a@b.example"), "N", ("b", "a"), approved=True, listed=True)
        self.assertEqual(found, expected)

    def test_the_last_of_two_items_counts(self) -> None:
        found = read(ROSTER.format("<item jid='a@b.example'/><item jid='A@b.example' name='2'/>"))
        self.assertEqual([item.name for item in found.roster], ["2"])


class MessageTests(SynchronousTestCase):
    """Offline messages, and when they came."""

    def test_when(self) -> None:
        stamp = "2023-11-14T22:13:20.25Z"
        ours = FROM_HOST.format(stamp)
        other = f"<delay xmlns='urn:xmpp:delay' from='montague.example' stamp='{stamp}'/>"
        table: list[tuple[str, float | None, int]] = [
            ("", None, 0),
            (ours, 1_700_000_000.25, 0),
            (other, 1_700_000_000.25, 1),
            (other.replace("2023", "2022") + ours, 1_700_000_000.25, 1),
            (FROM_HOST.format("yesterday"), None, 0),
            (FROM_HOST.format("yesterday") + ours, 1_700_000_000.25, 0),
            (f"<delay xmlns='urn:xmpp:delay' stamp='{stamp}'/>", 1_700_000_000.25, 1),
        ]
        for inner, when, delays in table:
            with self.subTest(inner=inner):
                (kept,) = read(message(f"<body>x</body>{inner}")).messages
                self.assertEqual(kept.when, when)
                self.assertEqual(len(kept.stanza.children), 1 + delays)

    def test_order_and_attributes(self) -> None:
        one = "<message xmlns='jabber:client' from='a@b.example' id='1' xml:lang='it' x='y'/>"
        two = "<message xmlns='jabber:client' from='a@b.example' id='2'/>"
        found = read(OFFLINE.format(one + two)).messages
        self.assertEqual(
            bytes(found[0].stanza), b'<message from="a@b.example" id="1" xml:lang="it" x="y"/>'
        )
        self.assertEqual(found[1].stanza.id, "2")


class CredentialTests(SynchronousTestCase):
    """Passwords and keys."""

    def test_keys(self) -> None:
        for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"):
            for times in (1, 2):  # as the XEP has it, and as ejabberd does
                with self.subTest(mechanism=mechanism, times=times):
                    hash = mechanism.removeprefix("SCRAM-")
                    found = read(scram(mechanism, times))
                    self.assertEqual(found.keys, keys("pencil", hash))
                    self.assertEqual(found.left_out, ())

    def test_damaged_keys(self) -> None:
        sha1 = "damaged or weak keys for the mechanism SCRAM-SHA-1"
        table = [
            (scram(change={"iter-count": "x"}), sha1),
            (scram(change={"iter-count": ""}), sha1),
            (scram(change={"iter-count": "4095"}), sha1),
            (scram(change={"iter-count": "10000001"}), sha1),
            (scram(change={"iter-count": "9" * 30}), sha1),
            (scram(change={"salt": ""}), sha1),
            (scram(change={"salt": b64encode(b"x" * 1025).decode()}), sha1),
            (scram(change={"salt": "%"}), sha1),
            (scram(change={"stored-key": b64encode(b"x" * 19).decode()}), sha1),
            (scram(change={"server-key": b64encode(b"x" * 21).decode()}), sha1),
            (scram(times=3), sha1),
            (scram().replace("SHA-1", "MD5"), "keys for the mechanism 'SCRAM-MD5'"),
            (scram().replace("SCRAM-SHA-1", "SHA-1"), "keys for the mechanism 'SHA-1'"),
        ]
        for text, why in table:
            with self.subTest(text=text):
                found = read(text)
                self.assertEqual((found.keys, found.left_out), ({}, (why,)))

    def test_for_ejabberd(self) -> None:
        element = write_user(everything(), CAPULET, for_ejabberd=True)
        written = list(element.elements("scram-credentials"))
        self.assertEqual([each.attrs["mechanism"] for each in written], ["SCRAM-SHA-1"])
        self.assertNotEqual(written, list(write_user(everything(), CAPULET).elements())[1:2])
        found = read_user(element, CAPULET)
        self.assertEqual(found.keys, keys("pencil", "SHA-1"))
        self.assertEqual(len(found.keys["SHA-1"].stored_key), digest_size("SHA-1"))

    def test_secrets_are_not_shown(self) -> None:
        found = read(scram() + message("<body>words</body>"), " password='pencil'")
        self.assertEqual(found.password, "pencil")
        for secret in ("pencil", "words", "stored"):
            self.assertNotIn(secret, repr(found))


class BlockListTests(SynchronousTestCase):
    """Privacy lists as far as they are block lists (XEP-0191 section 5)."""

    def test_blocked(self) -> None:
        lists = "privacy lists that are not the default"
        rules = "rules of privacy lists that do not just block"
        deny = "<item type='jid' value='a@b.example' action='deny' order='1'>{}</item>"
        most = "<message/><iq/><presence-in/>"
        table: list[tuple[str, list[str], tuple[str, ...]]] = [
            (
                "<default name='x'/><list name='x'>" + deny.format("") + "</list>",
                ["a@b.example"],
                (),
            ),
            (
                "<default name='x'/><list name='x'>" + deny.format(most) + "</list>",
                ["a@b.example"],
                (),
            ),
            ("<default name='x'/><list name='x'>" + deny.format("<iq/>") + "</list>", [], (rules,)),
            ("<list name='x'>" + deny.format("") + "</list>", [], (lists,)),
            ("<default name='y'/><list name='x'>" + deny.format("") + "</list>", [], (lists,)),
            ("<default name='x'/><list name='x'><item action='allow' order='9'/></list>", [], ()),
            (
                "<default name='x'/><list name='x'><item action='deny' order='9'/></list>",
                [],
                (rules,),
            ),
            (
                "<default name='x'/><list name='x'>"
                "<item type='subscription' value='none' action='deny' order='1'/></list>",
                [],
                (rules,),
            ),
            ("", [], ()),
        ]
        for inner, expected, left_out in table:
            with self.subTest(inner=inner):
                found = read(PRIVACY.format(inner))
                self.assertEqual([str(jid) for jid in found.blocked], expected)
                self.assertEqual(found.left_out, left_out)

    def test_a_block_list_as_it_is(self) -> None:
        items = "<item jid='a@b.example'/><item jid='A@b.example'/><item/>"
        found = read(f"<blocklist xmlns='urn:xmpp:blocking'>{items}</blocklist>")
        self.assertEqual(found.blocked, (JID.parse("a@b.example"),))
        self.assertEqual(found.left_out, ("blocked addresses that are none",))


class UserTests(SynchronousTestCase):
    """Users as wholes."""

    def test_everything_comes_back(self) -> None:
        before = everything()
        written = serialize(write_user(before, CAPULET))
        after = read_user(parse_document(written), CAPULET)
        for name in User.__slots__:
            if name != "messages":
                self.assertEqual(getattr(before, name), getattr(after, name), name)
        pairs = [[(bytes(m.stanza), m.when) for m in each.messages] for each in (before, after)]
        self.assertEqual(*pairs)
        self.assertEqual(serialize(write_user(after, CAPULET)), written)

    def test_next_to_nothing_comes_back(self) -> None:
        written = serialize(write_user(User("a", password="b"), CAPULET))
        self.assertEqual(written, b'<user xmlns="urn:xmpp:pie:0" name="a" password="b"/>')

    def test_what_is_left_out(self) -> None:
        table = [
            ("<x xmlns='urn:x'/>", "<x xmlns='urn:x'/>"),
            ("<host/>", f"<host xmlns='{PORTABLE}'/>"),
            (ROSTER.format("<item jid='@'/>"), "an address that is none"),
            (ROSTER.format("<item/>"), "an address that is none"),
            (
                ROSTER.format("<item jid='a@b.example' subscription='remove'/>"),
                "the subscription 'remove'",
            ),
            (ROSTER.format("<x/>"), "<x xmlns='jabber:iq:roster'/> in rosters"),
            ("<presence xmlns='jabber:client'/>", "presences that are no requests"),
            (SUBSCRIBE.format(""), "a request of nobody"),
            (SUBSCRIBE.format("from='@'"), "the from attribute is not an address"),
            (message(attributes=""), "messages of nobody"),
            (message(attributes="from='@'"), "the from attribute is not an address"),
            (OFFLINE.format("<x/>"), f"<x xmlns='{PORTABLE}'/> among offline messages"),
            (f"<account xmlns='{OURS}' created='once'/>", "dates that are none"),
            (f"<account xmlns='{OURS}'><last when='once'/></account>", "dates that are none"),
            (f"<account xmlns='{OURS}'><approved/></account>", "an address that is none"),
        ]
        for inner, left_out in table:
            with self.subTest(inner=inner):
                found = read(inner)
                self.assertEqual(found, User("juliet", left_out=(left_out,)))

    def test_names_that_are_none(self) -> None:
        for name in ("", "@", "a b", "x" * 1024, "a@b", "a/b", "a@b/c"):
            with self.subTest(name=name):
                element = Element("user", PORTABLE, {"name": name})
                self.assertRaises(ValueError, read_user, element, CAPULET)

    def test_requests_without_their_stanzas(self) -> None:
        jid = JID.parse("a@b.example")
        for request in (b"", b"<", b"<message/>"):
            item = RosterItem(jid, subscription=Subscription.NONE_IN, request=request)
            element = write_user(User("a", roster=(item,)), CAPULET)
            self.assertEqual(
                serialize(element),
                b'<user xmlns="urn:xmpp:pie:0" name="a"><presence xmlns="jabber:client" '
                b'from="a@b.example" type="subscribe"/></user>',
            )
