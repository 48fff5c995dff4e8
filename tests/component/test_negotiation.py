"""From a connection to an accepted component (XEP-0114)."""

from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.component.house import (
    HOST,
    IRC,
    PLAYS,
    SECRET,
    Component,
    ComponentCase,
    handshake,
    opening,
)
from xmppd.api.router import IDomain
from xmppd.component.factory import ComponentFactory
from xmppd.component.handshake import digest, proves
from xmppd.wire.namespaces import COMPONENT, STREAMS


class DigestTests(SynchronousTestCase):
    """What proves that a component knows the secret."""

    def test_digests(self) -> None:
        """sha1sum of the id and the secret."""
        for id, secret, expected in (
            ("3BF96D32", "test", "07b2e04ffd17e8bb67a2dc1aac1ec4bdc7a7e1d1"),
            ("", "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ):
            found = digest(id, secret.encode())
            self.assertEqual(len(found), 40)
            if not id:
                self.assertEqual(found, expected)
            self.assertTrue(proves(found, id, secret.encode()))

    def test_what_does_not_prove(self) -> None:
        right = digest("id", b"secret")
        for given in ("", right[:-1], right + "0", right.upper(), f" {right}", "\u00e4", "secret"):
            self.assertFalse(proves(given, "id", b"secret"), given)
        self.assertFalse(proves(right, "other", b"secret"))
        self.assertFalse(proves(right, "id", b"other"))


class HandshakeTests(ComponentCase):
    """Streams that begin well, and others."""

    def test_a_stream(self) -> None:
        component = self.house.connect()
        component.sends(opening())
        component.receives()
        header = component.reader.header
        self.assertEqual(header["from"], PLAYS)
        self.assertTrue(header["id"])
        self.assertNotIn("version", header)
        component.sends(handshake(header["id"]))
        component.receives("<handshake/>")
        self.assertFalse(component.reader.ended)

    def test_any_domain_and_spelling(self) -> None:
        for domain in (IRC, IRC.upper()):
            component = self.house.connect()
            component.logs_in(domain)
            component.receives("<handshake/>")
            self.assertEqual(component.reader.header["from"], IRC)
            component.hangs_up()

    def test_byte_by_byte(self) -> None:
        component = self.house.connect()
        for letter in f"<?xml version='1.0'?>\n{opening()}\n":
            component.sends(letter)
        component.read()
        for letter in handshake(component.reader.header["id"]) + "\n":
            component.sends(letter)
        component.receives("<handshake/>")

    def test_all_at_once_behind_the_handshake(self) -> None:
        juliet = self.house.login()
        component = self.house.connect()
        component.sends(opening())
        component.read()
        message = f"<message from='{PLAYS}' to='{juliet.jid}' id='1'/>"
        component.sends(handshake(component.reader.header["id"]) + message * 2 + "</stream:stream>")
        component.receives("<handshake/>")
        self.assertTrue(component.reader.ended)
        juliet.receives(message, message)

    def test_headers_that_cannot_be(self) -> None:
        for text, condition in (
            (opening(HOST), "host-unknown"),
            (opening("nothing.example"), "host-unknown"),
            (opening(f"a@{PLAYS}"), "host-unknown"),
            (opening(f"{PLAYS}/a"), "host-unknown"),
            (opening(""), "improper-addressing"),
            (opening("a@b@c"), "improper-addressing"),
            (opening().replace(COMPONENT, "jabber:client"), "invalid-namespace"),
            (opening().replace(COMPONENT, "jabber:component:connect"), "invalid-namespace"),
            (opening().replace(STREAMS, "urn:example"), "invalid-namespace"),
            ("<message/>", "invalid-namespace"),
            ("nonsense<", "not-well-formed"),
            ("<?xml version='1.0' encoding='latin-1'?>", "unsupported-encoding"),
        ):
            with self.subTest(text=text):
                component = self.house.connect()
                component.sends(text)
                component.fails_with(condition)
                self.assertEqual(component.reader.headers, 1)

    def test_what_is_no_handshake(self) -> None:
        juliet = self.house.login()
        for text in (
            f"<message from='{PLAYS}' to='{juliet.jid}'/>",
            "<handshake xmlns='urn:example'/>",
            "<handshakes/>",
            "<handshake/>",
            "<handshake>secret</handshake>",
            handshake("another id"),
            f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{SECRET}</auth>",
        ):
            with self.subTest(text=text):
                component = self.house.connect()
                component.sends(opening(), text + f"<message from='{PLAYS}' to='{juliet.jid}'/>")
                component.fails_with("not-authorized")
        juliet.receives()

    def test_of_another_component(self) -> None:
        """Each domain has its own secret."""
        self.house.server.components.secrets = {PLAYS: b"a", IRC: b"b"}
        component = self.house.connect()
        component.logs_in(PLAYS, "b")
        component.fails_with("not-authorized")

    def test_without_a_secret_nobody_gets_in(self) -> None:
        for secrets in ({}, {PLAYS: b""}):
            self.house.server.components.secrets = secrets
            component = self.house.connect()
            component.logs_in(PLAYS, "")
            component.fails_with("not-authorized")

    def test_refusals_are_logged_without_the_secret(self) -> None:
        component = self.house.connect("192.0.2.7")
        with capturedLogs() as events:
            component.logs_in(PLAYS, "guess")
        lines = [formatEvent(event) for event in events]
        self.assertEqual(
            lines, [f"component {PLAYS} was refused from 192.0.2.7: it does not know the secret"]
        )

    def test_a_new_secret(self) -> None:
        self.house.server.components.secrets = {PLAYS: b"new"}
        component = self.house.connect()
        component.logs_in(PLAYS, SECRET)
        component.fails_with("not-authorized")
        component = self.house.connect()
        component.logs_in(PLAYS, "new")
        component.receives("<handshake/>")

    def test_who_closes_at_once_is_not_waited_for(self) -> None:
        component = self.house.connect()
        component.sends(f"{opening()}<a/></stream:stream>")
        component.fails_with("not-authorized")
        self.assertTrue(component.wire.disconnecting)

    def test_closing_before_it_has_begun(self) -> None:
        component = self.house.connect()
        component.sends(opening(), "</stream:stream>")
        component.receives()
        self.assertTrue(component.reader.ended)
        self.assertTrue(component.wire.disconnecting)

    def test_interfaces(self) -> None:
        factory = ComponentFactory(self.house.server.components)
        self.assertTrue(verifyObject(IProtocolFactory, factory))
        component = self.house.component()
        self.assertTrue(verifyObject(IProtocol, component.protocol))
        for domain in self.house.server.components.domains.values():
            self.assertTrue(verifyObject(IDomain, domain))


class ConflictTests(ComponentCase):
    """A second connection for a domain: the old one stays."""

    def second(self) -> Component:
        second = self.house.connect()
        second.logs_in()
        return second

    def test_the_old_one_stays(self) -> None:
        first = self.house.component()
        self.second().fails_with("conflict")
        juliet = self.house.login()
        first.takes()
        juliet.sends(f"<message to='{PLAYS}' id='1'/>")
        first.receives(f"<message from='{juliet.jid}' to='{PLAYS}' id='1'/>")

    def test_whoever_does_not_know_the_secret_learns_nothing(self) -> None:
        self.house.component()
        second = self.house.connect()
        second.logs_in(secret="guess")
        second.fails_with("not-authorized")

    def test_the_old_one_has_to_show_that_it_is_alive(self) -> None:
        """It may be gone without our knowing; then the second one soon gets in."""
        first = self.house.component()
        self.second()
        [ping] = first.takes()
        self.assertEqual((ping.get("from"), ping.get("to")), (HOST, PLAYS))
        self.house.passes(59)
        self.second().fails_with("conflict")
        self.house.passes(2)
        first.fails_with("connection-timeout")
        self.second().receives("<handshake/>")

    def test_which_it_does_by_answering(self) -> None:
        first = self.house.component()
        self.second()
        [ping] = first.takes()
        first.sends(f"<iq type='result' id='{ping.get('id')}' from='{PLAYS}' to='{HOST}'/>")
        self.house.passes(120)
        first.receives()
        self.assertFalse(first.reader.ended)
        self.second().fails_with("conflict")

    def test_one_after_the_other(self) -> None:
        first = self.house.component()
        first.sends("</stream:stream>")
        self.house.component().hangs_up()
        self.house.component()

    def test_domains_do_not_conflict(self) -> None:
        self.house.component()
        self.house.component(IRC)
