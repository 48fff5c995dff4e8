"""Stanzas from other servers: what is taken, answered, refused (RFC 6120 4.9.3, 8, 10, 11)."""

from typing import Any, ClassVar

from tests.c2s.texts import CLOSE
from tests.s2s.test_incoming import ERRORS, JULIET, DialbackCase, answer, auth, message
from tests.s2s.world import ADDRESSES, CAPULET, MONTAGUE, Peer, certificate, opening
from xmppd.server.config import ComponentConfig

CHAT = f"chat.{CAPULET}"
ROMEO = f"romeo@{MONTAGUE}/orchard"
BIDI = "<bidi xmlns='urn:xmpp:bidi'/>"


class StanzaCase(DialbackCase):
    """A stream over which answers come back."""

    settings: ClassVar[dict[str, Any]] = {"components": (ComponentConfig(CHAT, "secret"),)}

    def bidi(self) -> Peer:
        peer = self.secured(certificate(MONTAGUE))
        peer.sends(BIDI, auth(), opening())
        peer.takes()
        return peer


class AddressTests(StanzaCase):
    """RFC 6120 8.1.1.2, 8.1.2.2, and the errors of 4.9.3."""

    def test_addresses(self) -> None:
        table = (
            ("", JULIET, "improper-addressing"),
            ("from=''", JULIET, "improper-addressing"),
            ("from='@'", JULIET, "improper-addressing"),
            ("from='a b'", JULIET, "improper-addressing"),
            (f"from='@{MONTAGUE}'", JULIET, "improper-addressing"),
            (f"from='{ROMEO}'", "", "improper-addressing"),
            ("from='romeo@other.example'", JULIET, "invalid-from"),
            (f"from='romeo@sub.{MONTAGUE}'", JULIET, "invalid-from"),
            (f"from='romeo@x{MONTAGUE}'", JULIET, "invalid-from"),
            ("from='example'", JULIET, "invalid-from"),
            (f"from='{JULIET}'", JULIET, "invalid-from"),
            (f"from='{CAPULET}'", JULIET, "invalid-from"),
            (f"from='{ROMEO}'", "romeo@elsewhere.example/x", "host-unknown"),
            (f"from='{ROMEO}'", f"romeo@sub.{CAPULET}", "host-unknown"),
            (f"from='{ROMEO}'", MONTAGUE, "host-unknown"),
            (f"from='{ROMEO}'", ROMEO, "host-unknown"),
            (f"from='{ROMEO}'", CHAT, "host-unknown"),
            (f"from='{ROMEO}'", f"room@{CHAT}/nick", "host-unknown"),
        )
        for from_, to, condition in table:
            for kind, rest in (
                ("message", "type='chat'><body>Hello</body></message>"),
                ("presence", "/>"),
                ("iq", "type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>"),
                ("message", "type='error'/>"),
            ):
                peer = self.logged_in()
                peer.sends(f"<{kind} {from_} {f'to={to!r}' if to else ''} {rest}")
                self.fails(peer, condition)
        self.assertEqual(self.heard(), [])

    def test_what_is_the_same_address(self) -> None:
        peer = self.logged_in()
        for from_, to in (
            (f"romeo@{MONTAGUE.upper()}/orchard", JULIET),
            (f"ROMEO@{MONTAGUE}./orchard", f"JULIET@{CAPULET.upper()}."),
            (MONTAGUE, JULIET),
            (f"{MONTAGUE}/x", JULIET),
        ):
            peer.sends(message(from_, to))
            self.assertEqual(len(self.heard()), 1, from_)
        peer.receives()
        self.assertFalse(peer.reader.ended)


class AnswerTests(StanzaCase):
    """RFC 6120 8.2.3, 8.3.1, 10.5: what comes back, and what never does."""

    def test_table(self) -> None:
        ping = "<ping xmlns='urn:xmpp:ping'/>"
        to_host = f"from='{ROMEO}' to='{CAPULET}'"
        nobody = f"nobody@{CAPULET}"
        for sent, answered in (
            (f"<iq {to_host} id='1' type='get'>{ping}</iq>", "result"),
            (f"<iq {to_host} type='get'>{ping}</iq>", "bad-request"),
            (f"<iq {to_host} id='1'>{ping}</iq>", "bad-request"),
            (f"<iq {to_host} id='1' type='subscribe'>{ping}</iq>", "bad-request"),
            (f"<iq {to_host} id='1' type='get'/>", "bad-request"),
            (f"<iq {to_host} id='1' type='get'>{ping}{ping}</iq>", "bad-request"),
            (f"<iq {to_host} id='1' type='get'><x xmlns='urn:x'/></iq>", "service-unavailable"),
            (f"<iq {to_host} id='1' type='result'/>", ""),
            (f"<iq {to_host} id='1' type='error'><error type='cancel'/></iq>", ""),
            (f"<iq {to_host} type='result'/>", ""),
            (
                f"<iq from='{ROMEO}' to='{nobody}' id='1' type='get'>{ping}</iq>",
                "service-unavailable",
            ),
            (
                f"<iq from='{ROMEO}' to='{nobody}/x' id='1' type='get'>{ping}</iq>",
                "service-unavailable",
            ),
            (
                f"<message from='{ROMEO}' to='{nobody}' id='1'><body>x</body></message>",
                "service-unavailable",
            ),
            (f"<message from='{ROMEO}' to='{nobody}' id='1' type='error'/>", ""),
            (f"<message from='{ROMEO}' to='@' id='1' type='chat'/>", "jid-malformed"),
            (f"<message from='{ROMEO}' to='' id='1' type='chat'/>", "jid-malformed"),
            (f"<message from='{ROMEO}' to='@' id='1' type='error'/>", ""),
            (f"<iq from='{ROMEO}' to='@' id='1' type='result'/>", ""),
            (f"<iq from='{ROMEO}' to='@' id='1' type='set'>{ping}</iq>", "jid-malformed"),
            (f"<presence from='{ROMEO}' to='{nobody}'/>", ""),
            (f"<presence from='{ROMEO}' to='{CAPULET}'/>", ""),
        ):
            peer = self.bidi()
            peer.sends(sent)
            came = peer.takes()
            names = []
            for each in came:
                reason = each.find(f".//*/{{{ERRORS}}}*")
                names.append("result" if reason is None else reason.tag.rpartition("}")[2])
            self.assertEqual(names, [answered] if answered else [], sent)
            for each in came:
                self.assertEqual(each.get("to"), ROMEO)
                self.assertEqual(each.get("id", ""), "1" if "id='1'" in sent else "")
            self.assertFalse(peer.reader.ended, sent)
            peer.sends(CLOSE)

    def test_a_service_of_ours(self) -> None:
        """RFC 6120 10.5: it has a pair of its own, and what is for it comes back without it."""
        peer = self.bidi()
        peer.sends(f"<db:result from='{MONTAGUE}' to='{CHAT}'>k</db:result>")
        if self.place.peers:
            home, question = self.asked()
            home.sends(self.verdict(question, "valid"))
        peer.receives(answer("valid", from_=CHAT))
        peer.sends(f"<message from='{ROMEO}' to='room@{CHAT}/nick' id='p'/>")
        (said,) = peer.takes()
        self.assertEqual((said.get("type"), said.get("from")), ("error", f"room@{CHAT}/nick"))

    def test_other_first_level_elements(self) -> None:
        """RFC 6120 4.8.4, 4.9.3.24: never passed on, whatever they look like."""
        for sent, condition in (
            (f"<message xmlns='urn:x' from='{ROMEO}' to='{JULIET}'/>", "unsupported-stanza-type"),
            (
                f"<x:message xmlns:x='urn:x' from='{ROMEO}' to='{JULIET}'/>",
                "unsupported-stanza-type",
            ),
            (f"<pubsub from='{ROMEO}' to='{JULIET}'/>", "unsupported-stanza-type"),
            ("<message xmlns=''/>", "unsupported-stanza-type"),
            (f"<message xmlns='jabber:client' from='{ROMEO}'/>", "invalid-namespace"),
            ("<handshake xmlns='jabber:component:accept'/>", "invalid-namespace"),
            ("<stream:features/>", "unsupported-stanza-type"),
            ("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", "unsupported-stanza-type"),
            ("<bidi xmlns='urn:xmpp:bidi'/>", "unsupported-stanza-type"),
            ("<compress xmlns='http://jabber.org/protocol/compress'/>", "unsupported-stanza-type"),
        ):
            peer = self.logged_in()
            peer.sends(sent)
            self.fails(peer, condition)
        self.assertEqual(self.heard(), [])


class XmlTests(StanzaCase):
    """RFC 6120 11, 13.12: XML that is none, that is restricted, or too much."""

    def test_table(self) -> None:
        open_ = f"<message from='{ROMEO}' to='{JULIET}'>"
        for sent, condition in (
            (f"{open_}<body>x</message>", "not-well-formed"),
            (f"{open_}<x:y/></message>", "not-well-formed"),
            (f"{open_}<body x='1' x='2'/></message>", "not-well-formed"),
            (f"{open_}&#0;</message>", "not-well-formed"),
            (f"{open_}\x01</message>", "not-well-formed"),
            (f"{open_}\ufffe</message>", "not-well-formed"),
            (f"{open_}<!-- x --></message>", "restricted-xml"),
            (f"{open_}<?x y?></message>", "restricted-xml"),
            (f"{open_}&x;</message>", "restricted-xml"),
            ("<!DOCTYPE x>", "not-well-formed"),
            ("</message>", "not-well-formed"),
            ("</stream:other>", "not-well-formed"),
            (f"{open_}{'<a>' * 200}", "policy-violation"),
            (f"{open_[:-1]} x='{'y' * 70_000}'/>", "policy-violation"),
            ("<message " + " ".join(f"a{n}=''" for n in range(500)) + "/>", "policy-violation"),
            (open_ + "<a/>" * 100_000, "policy-violation"),
        ):
            peer = self.logged_in()
            peer.sends(sent)
            self.fails(peer, condition)
        self.assertEqual(self.heard(), [])

    def test_encodings(self) -> None:
        for sent in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"):
            peer = self.logged_in()
            peer.transport.write(f"<message from='{ROMEO}' to='{JULIET}'>".encode() + sent)
            peer.sends("<body/></message>")
            self.fails(peer, "unsupported-encoding")

    def test_a_mark_in_the_text(self) -> None:
        """RFC 6120 11.6: there it is no byte order mark, but a character like others."""
        peer = self.logged_in()
        peer.sends(message().replace("Hello", "Hel\ufefflo"))
        self.assertIn("Hel\ufefflo", self.heard()[0])

    def test_the_longest(self) -> None:
        """The limit is that of the configuration, to the byte."""
        most = self.server.config.s2s.stanza_bytes
        for more, arrives in ((0, True), (1, False)):
            peer = self.logged_in()
            text = message().replace("Hello", "%s")
            long = text % ("x" * (most - len(text) + 2 + more))
            peer.sends(*(long[at : at + 50_000] for at in range(0, len(long), 50_000)))
            self.assertEqual(len(self.heard()), int(arrives))
            self.assertEqual(peer.reader.ended, not arrives)


class LocalDomainTests(DialbackCase):
    """RFC 6120 10.1: one order for one stream."""

    def test_order(self) -> None:
        self.world.publish(MONTAGUE, ADDRESSES[MONTAGUE])
        peer = self.logged_in()
        to = (JULIET, f"{JULIET}/balcony")
        peer.sends("".join(message(to=to[n % 2], id=str(n)) for n in range(50)))
        ids = [each.partition('id="')[2].partition('"')[0] for each in self.heard()]
        self.assertEqual(ids, [str(n) for n in range(50)])
