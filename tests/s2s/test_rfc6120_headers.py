"""Stream headers between servers, byte for byte as RFC 6120 4.2, 4.7 and 4.8 have them."""

from typing import Any, ClassVar
from xml.etree.ElementTree import tostring

from tests.c2s.texts import CLOSE, PROCEED, STARTTLS
from tests.net import pairs
from tests.s2s.test_incoming import (
    DIALBACK,
    REQUIRED,
    IncomingCase,
    answer,
    auth,
    features,
    message,
    result,
)
from tests.s2s.world import CAPULET, MONTAGUE, Peer, certificate, connect
from xmppd.server.config import RemoteConfig
from xmppd.wire.namespaces import CLIENT, COMPONENT, SERVER, STREAMS

DB = "xmlns:db='jabber:server:dialback'"
NAMESPACES = f"xmlns='{SERVER}' xmlns:stream='{STREAMS}' {DB}"
WHO = f"from='{MONTAGUE}' to='{CAPULET}' version='1.0'"


def head(attributes: str = WHO, namespaces: str = NAMESPACES, tag: str = "stream:stream") -> str:
    return f"<?xml version='1.0'?><{tag} {namespaces} {attributes}>"


class HeaderCase(IncomingCase):
    """Headers as they come."""

    def opened(self, text: str) -> Peer:
        peer = connect(self.world)
        peer.sends(text)
        return peer


class ExactTests(HeaderCase):
    """What is answered, byte for byte."""

    def test_the_answer(self) -> None:
        """4.2, 4.7: an XML declaration, whom it is for, an id, our language, the version."""
        peer = self.opened(head())
        self.assertEqual(
            peer.raw.decode(),
            f"<?xml version='1.0'?><stream:stream xmlns='{SERVER}' xmlns:stream='{STREAMS}' {DB}"
            f" id='{peer.id}' from='{CAPULET}' to='{MONTAGUE}' version='1.0' xml:lang='en'>"
            '<stream:features><starttls xmlns="urn:ietf:params:xml:ns:xmpp-tls"><required/>'
            "</starttls></stream:features>",
        )
        self.assertGreater(len(peer.id), 5)

    def test_an_error_in_answer_to_a_header(self) -> None:
        """4.9.1.2: our header, the error and the end, all at once."""
        peer = self.opened(head(WHO.replace(CAPULET, "elsewhere.example")))
        self.assertEqual(
            peer.raw.decode().partition(" xml:lang='en'>")[2],
            '<stream:error><host-unknown xmlns="urn:ietf:params:xml:ns:xmpp-streams"/>'
            '<text xmlns="urn:ietf:params:xml:ns:xmpp-streams" xml:lang="en">'
            "that domain is not served here</text></stream:error></stream:stream>",
        )
        self.assertEqual(peer.reader.header["from"], CAPULET)  # 4.9.1.3
        self.assertEqual(peer.reader.header["to"], MONTAGUE)


class VariationTests(HeaderCase):
    """The same said otherwise."""

    def test_who_it_is(self) -> None:
        """4.7.1, 4.7.2: what is written otherwise is the same domain."""
        for attributes, to in (
            (WHO, MONTAGUE),
            (f"to='{CAPULET}' version='1.0'", None),
            (f"from='{MONTAGUE}' version='1.0'", MONTAGUE),
            ("version='1.0'", None),
            (f"from='MONTAGUE.Example' to='Capulet.EXAMPLE' {WHO[-13:]}", MONTAGUE),
            (f"from='{MONTAGUE}.' to='{CAPULET}.' version='1.0'", MONTAGUE),
            (f"from='b\u00fccher.example' to='{CAPULET}' version='1.0'", "xn--bcher-kva.example"),
            (f"from='B\u00dcCHER.example' to='{CAPULET}' version='1.0'", "xn--bcher-kva.example"),
            (
                f"from='xn--bcher-kva.example' to='{CAPULET}' version='1.0'",
                "xn--bcher-kva.example",
            ),
            (f"from='192.0.2.7' to='{CAPULET}' version='1.0'", "192.0.2.7"),
            (f"from='[2001:db8::7]' to='{CAPULET}' version='1.0'", "[2001:db8::7]"),
            (f"{WHO} id='mine' xml:lang='de-CH' foo='bar'", MONTAGUE),
            (f"{WHO} xml:lang='no language'", MONTAGUE),
        ):
            peer = self.opened(head(attributes))
            peer.receives(REQUIRED)
            self.assertFalse(peer.reader.ended)
            said = peer.reader.header
            self.assertEqual((said["from"], said.get("to")), (CAPULET, to), attributes)
            self.assertEqual(said["{http://www.w3.org/XML/1998/namespace}lang"], "en")

    def test_who_it_cannot_be(self) -> None:
        for attributes, condition in (
            (f"from='romeo@{MONTAGUE}' to='{CAPULET}' version='1.0'", "invalid-from"),
            (f"from='{MONTAGUE}/x' to='{CAPULET}' version='1.0'", "invalid-from"),
            (f"from='{CAPULET}' to='{CAPULET}' version='1.0'", "invalid-from"),
            (f"from='Capulet.Example.' to='{CAPULET}' version='1.0'", "invalid-from"),
            (f"from='' to='{CAPULET}' version='1.0'", "improper-addressing"),
            (f"from='a b' to='{CAPULET}' version='1.0'", "improper-addressing"),
            (f"from='a..b' to='{CAPULET}' version='1.0'", "improper-addressing"),
            (f"from='{'a' * 64}.example' to='{CAPULET}' version='1.0'", "improper-addressing"),
            (f"from='{MONTAGUE}' to='' version='1.0'", "improper-addressing"),
            (f"from='{MONTAGUE}' to='@' version='1.0'", "improper-addressing"),
            (f"from='{MONTAGUE}' to='sub.{CAPULET}' version='1.0'", "host-unknown"),
            (f"from='{MONTAGUE}' to='{MONTAGUE}' version='1.0'", "host-unknown"),
            (f"from='{MONTAGUE}' to='{CAPULET}/x' version='1.0'", "host-unknown"),
            (f"from='{MONTAGUE}' to='192.0.2.99' version='1.0'", "host-unknown"),
            (f"from='{MONTAGUE}' to='{CAPULET}' version='x'", "unsupported-version"),
        ):
            peer = self.opened(head(attributes))
            self.fails(peer, condition)
            self.assertEqual(peer.reader.header["from"], CAPULET)

    def test_versions(self) -> None:
        """4.7.5: as numbers, the lower of both."""
        for version, answered in (
            ("1.0", "1.0"),
            ("1.1", "1.0"),
            ("1.10", "1.0"),
            ("2.0", "1.0"),
            ("01.00", "1.0"),
            ("11.0", "1.0"),
        ):
            peer = self.opened(head(WHO.replace("1.0", version)))
            peer.receives(REQUIRED)
            self.assertEqual(peer.reader.header["version"], answered)

    def test_namespaces(self) -> None:
        """4.8: either style will do, and any prefix; the content has to be that of servers."""
        prefixed = f"xmlns='{STREAMS}' {DB}"
        for text in (
            head(namespaces=NAMESPACES.replace("stream=", "s="), tag="s:stream"),
            head(namespaces=prefixed, tag="stream"),
            head(namespaces=f"xmlns:stream='{STREAMS}'"),
            head(namespaces=f"xmlns='{SERVER}' xmlns:stream='{STREAMS}'"),
            head(namespaces=f"{NAMESPACES} xmlns:x='urn:x'"),
            head().replace("<?xml version='1.0'?>", ""),
            head().replace("?>", " encoding='UTF-8'?>"),
            head().replace("?>", " encoding='utf-8' standalone='no'?>"),
            f"\n  {head()}",
            f"{head()}\n",
        ):
            self.opened(text).receives(REQUIRED)

    def test_namespaces_that_are_others(self) -> None:
        for text, condition in (
            (head(namespaces=NAMESPACES.replace(SERVER, CLIENT)), "invalid-namespace"),
            (head(namespaces=NAMESPACES.replace(SERVER, COMPONENT)), "invalid-namespace"),
            (head(namespaces=NAMESPACES.replace(SERVER, "urn:x")), "invalid-namespace"),
            (head(namespaces=NAMESPACES.replace("etherx", "other")), "invalid-namespace"),
            (head(namespaces=f"xmlns='{SERVER}'", tag="stream"), "invalid-namespace"),
            (head(tag="stream:streams"), "bad-format"),
            (head(namespaces=""), "not-well-formed"),
            ("<message/>", "invalid-namespace"),
            (f"{head()[:21]}<!DOCTYPE x><x/>", "restricted-xml"),
            (head().replace("?>", " encoding='UTF-16'?>"), "unsupported-encoding"),
            (head().replace("1.0'?>", "2.0'?>"), "not-well-formed"),
        ):
            self.fails(self.opened(text), condition)

    def test_prefix_free(self) -> None:
        """4.8.2: then each element says its namespace; so does a stanza, and it is rewritten."""
        peer = self.secured(certificate(MONTAGUE))
        peer.takes()
        peer.sends(auth())
        peer.takes()
        peer.sends(head(namespaces=f"xmlns='{STREAMS}'", tag="stream"))
        peer.takes()
        peer.sends(message().replace("<message", f"<message xmlns='{SERVER}'"))
        self.assertIn("<body>Hello</body>", self.heard()[0])
        peer.sends(message().replace("<message", "<message xmlns='jabber:client'"))
        self.fails(peer, "invalid-namespace")

    def test_a_prefix_for_the_content(self) -> None:
        """4.8.5: never to be passed on like that."""
        peer = self.logged_in()
        peer.sends(
            f"<s:message xmlns:s='{SERVER}' from='romeo@{MONTAGUE}' to='juliet@{CAPULET}'>"
            "<s:body>Hello</s:body></s:message>"
        )
        (got,) = self.heard()
        self.assertIn("<body>Hello</body>", got)
        self.assertNotIn("s:", got)

    def test_the_language_of_a_stream(self) -> None:
        """It is the server's, not that of those it writes for: nothing is made of it (8.1.5)."""
        peer = self.secured(certificate(MONTAGUE))
        peer.sends(auth(), head(f"{WHO} xml:lang='de'"))
        peer.takes()
        peer.sends(message(), message().replace("<message", "<message xml:lang='cs'"))
        first, second = self.heard()
        self.assertNotIn("lang", first)
        self.assertIn('xml:lang="cs"', second)


class RestartTests(HeaderCase):
    """Headers behind the first (4.3.3)."""

    def test_one_too_many(self) -> None:
        """Nobody waits for the end of it: the other side waits for an answer."""
        for peer, condition in (
            (self.opened(head()), "unsupported-stanza-type"),
            (self.secured(certificate(MONTAGUE)), "unsupported-stanza-type"),
            (self.logged_in(), "unsupported-stanza-type"),
        ):
            peer.takes()
            peer.sends(head().partition("?>")[2])
            self.fails(peer, condition)

    def test_a_declaration_in_the_middle(self) -> None:
        for peer in (self.opened(head()), self.logged_in()):
            peer.takes()
            peer.sends(head())
            self.fails(peer, "not-well-formed")

    def test_everything_is_new(self) -> None:
        """5.4.3.3: what was said in clear is forgotten, its names too."""
        peer = self.opened(head(WHO.replace(MONTAGUE, "other.example")))
        peer.receives(REQUIRED)
        peer.sends(STARTTLS)
        peer.receives(PROCEED)
        peer.begin_tls(pairs.Client(shows=certificate(MONTAGUE)))
        peer.sends(head(f"to='{CAPULET}' version='1.0'"))
        peer.takes()
        self.assertNotIn("to", peer.reader.header)
        peer.sends(auth())
        (said,) = peer.takes()
        self.assertIn("not-authorized", tostring(said).decode())


class DialbackNamespaceTests(HeaderCase):
    """The namespace of dialback, and its prefix (XEP-0220 2, 2.4.1)."""

    settings: ClassVar[dict[str, Any]] = {
        "domains": (RemoteConfig(MONTAGUE, require_tls=False),),
    }

    def test_any_prefix_will_do(self) -> None:
        """What is answered has the prefix that our header declares."""
        for text in (
            head(namespaces=f"xmlns='{SERVER}' xmlns:stream='{STREAMS}'"),
            head(namespaces=f"xmlns='{SERVER}' xmlns:stream='{STREAMS}' xmlns:db='urn:x'"),
            head(),
        ):
            peer = self.opened(text)
            peer.takes()
            asked = result("k", to="elsewhere.example").replace("db:", "x:")
            peer.sends(asked.replace("<x:result", "<x:result xmlns:x='jabber:server:dialback'"))
            peer.receives(answer("error", from_="elsewhere.example", error="item-not-found"))
            self.assertIn(b"<db:result from='elsewhere.example'", peer.raw)

    def test_a_prefix_that_is_not_declared(self) -> None:
        peer = self.opened(head(namespaces=f"xmlns='{SERVER}' xmlns:stream='{STREAMS}'"))
        peer.takes()
        peer.sends(result("k"))
        self.fails(peer, "not-well-formed")

    def test_without_tls(self) -> None:
        """TLS is on offer, and not more than on offer (5.3.1)."""
        peer = self.opened(head())
        peer.receives(features("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", DIALBACK))
        peer.sends(CLOSE)
        peer.receives()
        self.assertTrue(peer.reader.ended)


class KeepaliveTests(HeaderCase):
    """White space between elements (4.6.1, 11.7)."""

    def test_at_any_time(self) -> None:
        peer = self.opened(head())
        peer.sends(" ", "\n", " \t\r\n")
        peer.receives(REQUIRED)
        peer.sends(STARTTLS)
        peer.receives(PROCEED)
        peer.begin_tls(pairs.Client(server_name=CAPULET.encode(), shows=certificate(MONTAGUE)))
        peer.sends(head(), " ", auth(), "\n", head(), "  ", message(), " ", message(id="2"), "\n")
        self.assertEqual(len(self.heard()), 2)
        self.assertFalse(peer.reader.ended)

    def test_other_text(self) -> None:
        peer = self.logged_in()
        peer.sends(" x")
        self.fails(peer, "bad-format")
