"""Stanzas from a component and to it: whose they are, in what order, in which words."""

from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from tests.c2s.reading import exact
from tests.component.house import (
    HOST,
    IRC,
    JULIET,
    PLAYS,
    ComponentCase,
    handshake,
    of_component,
    opening,
)
from tests.plays import refusal
from xmppd.api.moments import PASS, ToAccount, Verdict
from xmppd.api.registrations import HOST as AT_HOST
from xmppd.api.registrations import HandleIq, Identity, Request, Serve, Watch
from xmppd.api.services import IService
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Stanza
from xmppd.testing.texts import normal
from xmppd.wire.element import Element
from xmppd.wire.namespaces import COMPONENT

PING = "<ping xmlns='urn:xmpp:ping'/>"
INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"


class StanzaCase(ComponentCase):
    """A connected component, and Juliet."""

    def setUp(self) -> None:
        super().setUp()
        self.juliet = self.house.login()
        self.plays = self.house.component()


class WayTests(StanzaCase):
    """Both ways."""

    def test_from_any_address_of_its_own(self) -> None:
        for from_ in (PLAYS, f"romeo@{PLAYS}", f"romeo@{PLAYS}/act 1", f"{PLAYS}/x"):
            for kind, more in (("message", "<body>a</body>"), ("presence", "<show>dnd</show>")):
                text = f"<{kind} from='{from_}' to='{JULIET}'>{more}</{kind}>"
                self.plays.sends(text)
                self.juliet.receives(text)
        self.plays.receives()

    def test_to_any_address_of_its_own(self) -> None:
        for to in (PLAYS, f"romeo@{PLAYS}", f"romeo@{PLAYS}/act 1", f"{PLAYS}/x"):
            for kind, more in (("message", "<body>a</body>"), ("presence", "<show>dnd</show>")):
                self.juliet.sends(f"<{kind} to='{to}'>{more}</{kind}>")
                self.plays.receives(f"<{kind} from='{JULIET}' to='{to}'>{more}</{kind}>")
        self.juliet.receives()

    def test_requests_both_ways(self) -> None:
        self.juliet.sends(f"<iq type='get' id='1' to='{PLAYS}'>{PING}</iq>")
        self.plays.receives(f"<iq type='get' id='1' from='{JULIET}' to='{PLAYS}'>{PING}</iq>")
        self.plays.sends(f"<iq type='result' id='1' from='{PLAYS}' to='{JULIET}'/>")
        self.juliet.receives(f"<iq type='result' id='1' from='{PLAYS}' to='{JULIET}'/>")
        self.plays.sends(f"<iq type='get' id='2' from='{PLAYS}' to='{HOST}'>{PING}</iq>")
        self.plays.receives(f"<iq type='result' id='2' from='{HOST}' to='{PLAYS}'/>")

    def test_to_itself_and_another_component(self) -> None:
        irc = self.house.component(IRC)
        for to, receiver in ((PLAYS, self.plays), (f"romeo@{IRC}", irc)):
            text = f"<message from='{PLAYS}' to='{to}' id='1'/>"
            self.plays.sends(text)
            receiver.receives(text)

    def test_to_another_domain(self) -> None:
        self.plays.sends(f"<message from='{PLAYS}' to='romeo@nowhere.example' id='1'/>")
        self.plays.receives(
            refusal(
                "remote-server-not-found",
                kind="message",
                id="1",
                from_="romeo@nowhere.example",
                to=PLAYS,
            )
        )

    def test_a_request_of_ours(self) -> None:
        answer = self.house.server.host().request(
            Iq(Element("ping", "urn:xmpp:ping"), to=JID.parse(PLAYS), type="get", id="1")
        )
        self.house.turn()
        self.plays.receives(f"<iq type='get' id='1' from='{HOST}' to='{PLAYS}'>{PING}</iq>")
        self.plays.sends(f"<iq type='result' id='1' from='{PLAYS}' to='{HOST}'/>")
        self.successResultOf(answer)

    def test_directed_presence_is_taken_back(self) -> None:
        """RFC 6121 4.6.3: a component learns that somebody is gone."""
        self.juliet.sends(f"<presence to='{PLAYS}'/>")
        self.plays.receives(f"<presence from='{JULIET}' to='{PLAYS}'/>")
        self.juliet.disconnects()
        self.plays.receives(f"<presence type='unavailable' from='{JULIET}' to='{PLAYS}'/>")

    def test_no_language_is_added(self) -> None:
        """RFC 6120 8.1.5 is about clients."""
        irc = self.house.connect()
        irc.sends(opening(IRC, "xml:lang='de'"))
        irc.read()
        irc.sends(handshake(irc.reader.header["id"]))
        irc.receives("<handshake/>")
        irc.sends(f"<message from='{IRC}' to='{JULIET}'/>")
        self.juliet.receives(f"<message from='{IRC}' to='{JULIET}'/>")


class OwnershipTests(StanzaCase):
    """What a component may not send."""

    def test_what_ends_the_stream(self) -> None:
        for text, condition in (
            (f"<message from='{HOST}' to='{JULIET}'/>", "invalid-from"),
            (f"<message from='{IRC}' to='{JULIET}'/>", "invalid-from"),
            (f"<message from='romeo@{HOST}' to='{JULIET}'/>", "invalid-from"),
            (f"<message from='x.{PLAYS}' to='{JULIET}'/>", "invalid-from"),
            (f"<message to='{JULIET}'/>", "improper-addressing"),
            (f"<message from='' to='{JULIET}'/>", "improper-addressing"),
            (f"<message from='a@b@c' to='{JULIET}'/>", "improper-addressing"),
            (f"<message from='{PLAYS}'/>", "improper-addressing"),
            ("<presence/>", "improper-addressing"),
            ("<message from='a@b@c' to='a@b@c'/>", "improper-addressing"),
            ("<message to='a@b@c'/>", "improper-addressing"),
            ("<handshake/>", "unsupported-stanza-type"),
            ("<message xmlns='urn:example'/>", "unsupported-stanza-type"),
            ("<message xmlns='jabber:client'/>", "invalid-namespace"),
            ("<message xmlns='jabber:server'/>", "invalid-namespace"),
            ("text", "bad-format"),
            ("<!-- -->", "restricted-xml"),
            ("<a></b>", "not-well-formed"),
        ):
            with self.subTest(text=text):
                after = f"<message from='{PLAYS}' to='{JULIET}' id='2'/>"
                self.plays.sends(text + after)
                self.plays.fails_with(condition)
                self.plays.hangs_up()
                self.plays = self.house.component()
        self.juliet.receives()

    def test_what_a_user_got_wrong_does_not(self) -> None:
        """An address that is none is answered: others speak over this stream as well."""
        self.plays.sends(f"<message from='romeo@{PLAYS}' to='a@b@c' id='1'/>")
        self.plays.receives(
            refusal(
                "jid-malformed",
                kind="message",
                type="modify",
                id="1",
                from_=f"romeo@{PLAYS}",
                to=f"romeo@{PLAYS}",
            )
        )
        self.plays.sends(f"<iq type='get' from='{PLAYS}' to='{HOST}'>{PING}</iq>")
        [answer] = self.plays.takes()
        self.assertIsNotNone(answer.find(f".//{{{COMPONENT}}}error"))
        self.assertFalse(self.plays.reader.ended)

    def test_the_stream_error_of_the_component(self) -> None:
        """RFC 6120 4.9.1.1."""
        ns = "urn:ietf:params:xml:ns:xmpp-streams"
        self.plays.sends(f"<stream:error><reset xmlns='{ns}'/></stream:error>")
        self.plays.receives()
        self.assertTrue(self.plays.reader.ended)
        self.assertTrue(self.plays.wire.disconnecting)


class AbsentTests(ComponentCase):
    """While a component is not connected."""

    def test_what_is_sent_to_it(self) -> None:
        juliet = self.house.login()
        for text, answered in (
            (f"<message to='{PLAYS}' id='1'><body>a</body></message>", True),
            (f"<message to='romeo@{PLAYS}' type='headline' id='1'/>", True),
            (f"<iq type='get' to='{PLAYS}' id='1'>{PING}</iq>", True),
            (f"<presence to='{PLAYS}' id='1'/>", False),
            (f"<presence type='subscribe' to='{PLAYS}' id='1'/>", False),
            (f"<message type='error' to='{PLAYS}' id='1'/>", False),
            (f"<iq type='result' to='{PLAYS}' id='1'/>", False),
        ):
            with self.subTest(text=text):
                juliet.sends(text)
                answers = juliet.take()
                self.assertEqual(len(answers), answered)
                for answer in answers:
                    self.assertIn("<remote-server-timeout ", answer)
                    self.assertIn('<error type="wait">', answer)

    def test_it_comes_and_goes(self) -> None:
        juliet = self.house.login()
        for _ in range(2):
            plays = self.house.component()
            juliet.sends(f"<message to='{PLAYS}' id='1'/>")
            plays.receives(f"<message from='{JULIET}' to='{PLAYS}' id='1'/>")
            juliet.receives()
            plays.hangs_up()
            juliet.sends(f"<message to='{PLAYS}' id='1'/>")
            [answer] = juliet.take()
            self.assertIn("remote-server-timeout", answer)


class DiscoTests(ComponentCase):
    """XEP-0030: which components a host shows."""

    def test_items(self) -> None:
        """Those below the host, unless they are not to be shown."""
        juliet = self.house.login()
        for host, items in ((HOST, f"<item jid='{PLAYS}'/>"), ("montague.example", "")):
            juliet.sends(f"<iq type='get' to='{host}' id='1'><query xmlns='{ITEMS}'/></iq>")
            juliet.receives(
                f"<iq type='result' id='1' from='{host}' to='{JULIET}'>"
                f"<query xmlns='{ITEMS}'>{items}</query></iq>"
            )

    def test_the_rest_is_for_the_component_to_say(self) -> None:
        juliet, plays = self.house.login(), self.house.component()
        for ns in (INFO, ITEMS):
            juliet.sends(f"<iq type='get' to='{PLAYS}' id='1'><query xmlns='{ns}'/></iq>")
            plays.receives(
                f"<iq type='get' from='{JULIET}' to='{PLAYS}' id='1'><query xmlns='{ns}'/></iq>"
            )


class OrderTests(StanzaCase):
    """RFC 6120 10.1, for each pair of addresses by itself."""

    def setUp(self) -> None:
        super().setUp()
        self.waits: list[Deferred[Verdict]] = []

    def wait(self, stanza: Stanza, _owner: str) -> "Deferred[Verdict]":
        waiting: Deferred[Verdict] = Deferred()
        self.waits.append(waiting)
        return waiting

    def watch(self, name: str) -> None:
        self.house.install(
            Watch(ToAccount, self.wait, kinds=("message",), payload=(("urn:slow", name),))
        )

    def message(self, id: str, from_: str = f"a@{PLAYS}", slow: str = "") -> str:
        more = f"<{slow} xmlns='urn:slow'/>" if slow else ""
        return f"<message from='{from_}' to='{JULIET}' id='{id}'>{more}</message>"

    def ids(self) -> list[str]:
        """Return the ids of what Juliet has got."""
        ids = [stanza.id for stanza in self.juliet.stanzas]
        self.juliet.take()
        return ids

    def test_one_pair_waits_and_others_go_on(self) -> None:
        self.watch("slow")
        other = f"b@{PLAYS}/x"
        self.plays.sends(
            self.message("1", slow="slow"),
            self.message("2"),
            self.message("3", f"a@{PLAYS}/x"),
            self.message("4", other),
            self.message("5", slow="slow"),
            self.message("6"),
        )
        self.assertEqual(self.ids(), ["4"])
        self.waits[0].callback(PASS)
        self.assertEqual(self.ids(), ["1", "2", "3"])
        self.plays.sends(self.message("7"), self.message("8", other))
        self.assertEqual(self.ids(), ["8"])
        self.waits[1].callback(PASS)
        self.assertEqual(self.ids(), ["5", "6", "7"])
        self.plays.sends(self.message("9"))
        self.assertEqual(self.ids(), ["9"])

    def test_answers_to_requests_of_ours_pass(self) -> None:
        """The one who waits may be waiting for just that."""

        def handler(_request: Request) -> Any:
            return self.house.server.host().request(
                Iq(Element("ping", "urn:xmpp:ping"), to=JID.parse(PLAYS), type="get", id="ours")
            )

        self.house.install(HandleIq("get", "urn:slow", "slow", handler, at=AT_HOST))
        self.plays.sends(
            f"<iq type='get' from='{PLAYS}' to='{HOST}' id='1'><slow xmlns='urn:slow'/></iq>"
        )
        self.plays.takes()
        self.plays.sends(f"<message from='{PLAYS}' to='{HOST}' id='2'/>")
        self.plays.receives()
        self.plays.sends(f"<iq type='result' from='{PLAYS}' to='{HOST}' id='ours'/>")
        # The handler returns what is no answer; it is the order that counts.
        first, second = self.plays.takes()
        self.assertEqual((first.get("id"), second.get("id")), ("1", "2"))
        self.flushLoggedErrors(TypeError)

    def test_what_came_before_the_end_is_worked_off(self) -> None:
        self.watch("slow")
        self.plays.sends(self.message("1", slow="slow"), self.message("2"), "</stream:stream>")
        self.plays.hangs_up()
        self.assertEqual(self.ids(), [])
        self.waits[0].callback(PASS)
        self.assertEqual(self.ids(), ["1", "2"])

    def test_a_wait_has_an_end(self) -> None:
        self.watch("slow")
        self.plays.sends(self.message("1", slow="slow"), self.message("2"))
        self.house.clock.advance(60)
        self.house.turn()
        self.assertEqual(self.ids(), ["2"])
        [answer] = self.plays.takes()
        self.assertEqual(answer.get("id"), "1")
        self.flushLoggedErrors()


class CanonicalTests(StanzaCase):
    """What is inside means the same on either kind of stream."""

    # What stands inside a stanza on the one stream, and inside it on the other.
    SAME = (
        "<body>Hello</body>",
        "<body>a &lt; b &amp;&amp; ]]&gt; 'c' \"d\"</body>",
        "<x xmlns='urn:example'><body>a</body></x>",
        "<body xml:lang='de'>Hallo</body>",
        "<e:x xmlns:e='urn:example' e:a='1'><e:y>a</e:y></e:x>",
        "<x xmlns='urn:example'><message xmlns='jabber:client'><body>a</body></message></x>",
        "<x xmlns='urn:example'><message xmlns='jabber:component:accept'/></x>",
        "<x xmlns='urn:example' xml:base='http://example.org/'/>",
        "<x xmlns='urn:example'>jabber:component:accept jabber:client stream:</x>",
        "<body><![CDATA[<a/>]]></body>",
        "text",
    )

    def exchange(self, inner: str, declarations: str = "") -> None:
        text = f"<message from='{PLAYS}' to='{JULIET}' {declarations}>{inner}</message>"
        self.plays.sends(text)
        self.juliet.receives(text)
        self.juliet.sends(f"<message to='{PLAYS}' {declarations}>{inner}</message>")
        [came] = self.plays.takes()
        [sent] = of_component(
            f"<message from='{JULIET}' to='{PLAYS}' {declarations}>{inner}</message>"
        )
        self.assertEqual(exact(sent), exact(came))

    def test_same(self) -> None:
        for inner in self.SAME:
            with self.subTest(inner=inner):
                self.exchange(inner)

    def test_prefixes_of_the_stanza(self) -> None:
        self.exchange("<e:x e:a='1'/>", "xmlns:e='urn:example'")

    def test_errors_and_forwarded_content(self) -> None:
        ns = "urn:ietf:params:xml:ns:xmpp-stanzas"
        error = f"<error type='cancel'><gone xmlns='{ns}'/></error>"
        self.plays.sends(f"<message type='error' from='{PLAYS}' to='{JULIET}'>{error}</message>")
        [stanza] = self.juliet.stanzas
        self.assertTrue(stanza.has("error"))
        self.juliet.take()
        self.juliet.sends(f"<message type='error' to='{PLAYS}'>{error}</message>")
        self.plays.receives(f"<message type='error' from='{JULIET}' to='{PLAYS}'>{error}</message>")

    def test_the_content_namespace_spelled_out(self) -> None:
        """By its own name, by that of another kind of stream, by a prefix, by one of the root."""
        plain = f"<message from='{PLAYS}' to='{JULIET}'><body>a</body></message>"
        for text in (
            f"<message xmlns='{COMPONENT}' from='{PLAYS}' to='{JULIET}'><body>a</body></message>",
            f"<message from='{PLAYS}' to='{JULIET}'><body xmlns='{COMPONENT}'>a</body></message>",
            f"<message from='{PLAYS}' to='{JULIET}'><body xmlns='jabber:client'>a</body></message>",
            f"<c:message xmlns:c='{COMPONENT}' from='{PLAYS}' to='{JULIET}'><c:body>a</c:body>"
            "</c:message>",
        ):
            with self.subTest(text=text):
                self.plays.sends(text)
                self.juliet.receives(plain)

    def test_prefixes_of_the_root(self) -> None:
        """One message that leans on its sender's root would break its reader's stream."""
        irc = self.house.connect()
        irc.sends(
            f"<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='{COMPONENT}'"
            f" xmlns:c='{COMPONENT}' xmlns:e='urn:example' to='{IRC}'>"
        )
        irc.read()
        irc.sends(handshake(irc.reader.header["id"]))
        irc.receives("<handshake/>")
        for text, plain in (
            (
                "<e:x e:a='1'><e:y/></e:x>",
                "<x xmlns='urn:example' xmlns:e='urn:example' e:a='1'><y/></x>",
            ),
            ("<c:body>a</c:body>", "<body>a</body>"),
            ("<body>e:x</body>", "<body>e:x</body>"),
        ):
            irc.sends(f"<message from='{IRC}' to='{JULIET}'>{text}</message>")
            self.juliet.receives(f"<message from='{IRC}' to='{JULIET}'>{plain}</message>")
            irc.sends(f"<message from='{IRC}' to='{PLAYS}'>{text}</message>")
            [came] = self.plays.takes()
            [wanted] = of_component(f"<message from='{IRC}' to='{PLAYS}'>{plain}</message>")
            self.assertEqual(exact(wanted), exact(came))

    def test_addresses_are_text(self) -> None:
        """What looks like markup in an address does not become any."""
        odd = JID.parse(f"{PLAYS}/'/><x a='")
        self.plays.sends(
            f"<message from='{PLAYS}/&apos;/&gt;&lt;x a=&apos;' to='{JULIET}' id='&quot;&lt;'/>"
        )
        [stanza] = self.juliet.stanzas
        self.assertEqual((stanza.from_, stanza.id), (odd, '"<'))
        self.juliet.take()
        self.juliet.sends(f"<message to='{PLAYS}/&apos;/&gt;&lt;x a=&apos;'/>")
        [came] = self.plays.takes()
        self.assertEqual(came.get("to"), str(odd))

    def test_a_service_hears_it_as_from_anywhere(self) -> None:
        heard: list[str] = []

        @implementer(IService)
        class Ear:
            def receive(self, stanza: Stanza) -> None:
                heard.append(normal(stanza))

        self.house.install(Serve("ear.example", Ear(), Identity("component", "generic")))
        self.plays.sends(f"<message from='{PLAYS}' to='ear.example'><body>a</body></message>")
        wanted = normal(f"<message from='{PLAYS}' to='ear.example'><body>a</body></message>")
        self.assertEqual(heard, [wanted])
