"""Streams on the wire (RFC 6120 sections 4 and 11)."""

from tests.c2s.house import HouseCase
from tests.c2s.texts import (
    BIND,
    CAPULET,
    CLOSE,
    ERRORS,
    MONTAGUE,
    SUCCESS,
    TLS,
    binding,
    opening,
    plain,
)

LANG = "{http://www.w3.org/XML/1998/namespace}lang"
HELLO = "<message to='romeo@capulet.example/orchard'><body>hello</body></message>"
HEARD = (
    "<message from='juliet@capulet.example/balcony' to='romeo@capulet.example/orchard'>"
    "<body>hello</body></message>"
)


class HeaderTests(HouseCase):
    """Attributes of headers, both ways (4.7)."""

    def test_attributes(self) -> None:
        for to, extra, expected in (
            (CAPULET, "version='1.0'", {"from": CAPULET}),
            (MONTAGUE, "version='1.0'", {"from": MONTAGUE}),
            ("Capulet.Example.", "version='1.7'", {"from": CAPULET}),
            (CAPULET, "version='11.3' xml:lang='cs'", {"from": CAPULET}),
            (CAPULET, "version='1.0' id='mine'", {"from": CAPULET}),
            (
                CAPULET,
                "version='1.0' from='Juliet@capulet.example/balcony'",
                {"from": CAPULET, "to": "juliet@capulet.example"},
            ),
            (
                CAPULET,
                "version='1.0' from='somebody.else'",
                {"from": CAPULET, "to": "somebody.else"},
            ),
        ):
            client = self.house.connect()
            client.opens(to, extra)
            header = client.reader.header
            self.assertNotIn(header.pop("id"), ("", "mine"))
            self.assertEqual(header, {"version": "1.0", LANG: "en", **expected}, extra)

    def test_every_stream_has_an_id_of_its_own(self) -> None:
        """Also each of the streams of one connection (4.3.3, 4.7.3)."""
        ids = []
        for _ in range(2):
            client = self.house.connect()
            client.opens()
            ids.append(client.reader.header["id"])
            client.sends(plain("juliet"), opening())
            client.receives(SUCCESS, f"<stream:features><bind xmlns='{BIND}'/></stream:features>")
            ids.append(client.reader.header["id"])
        self.assertEqual(len(set(ids)), 4)

    def test_an_xml_declaration_goes_before_each(self) -> None:
        client = self.house.connect()
        client.logs_in()
        self.assertEqual(client.raw.count(b"<?xml version='1.0'?><stream:stream "), 2)
        self.assertEqual(client.raw.count(b"<?xml"), 2)

    def test_any_prefix_for_the_streams_namespace(self) -> None:
        for name, declaration in (
            ("s:stream", "xmlns:s='http://etherx.jabber.org/streams' xmlns='jabber:client'"),
            ("stream", "xmlns='http://etherx.jabber.org/streams'"),
        ):
            client = self.house.connect()
            client.sends(f"<{name} {declaration} to='{CAPULET}' version='1.0'>")
            self.assertEqual(len(client.takes()), 1)
            client.sends(plain("juliet"))
            client.receives(SUCCESS)
            client.sends(f"<{name} {declaration} to='{CAPULET}' version='1.0'>")
            client.takes()
            client.sends(
                f"<iq type='set' id='1' xmlns='jabber:client'><bind xmlns='{BIND}'/></iq>",
                f"</{name}>",
            )
            client.receives(
                f"<iq type='result' id='1'><bind xmlns='{BIND}'><jid>*</jid></bind></iq>"
            )
            self.assertTrue(client.reader.ended)

    def test_languages_are_remembered(self) -> None:
        """What a stanza does not say for itself its stream says for it (4.7.4, 8.1.5)."""
        romeo = self.house.login("romeo", "orchard")
        for lang, expected in (("cs", "cs"), ("x' y='", ""), ("", "")):
            juliet = self.house.connect()
            juliet.logs_in(extra=f"version='1.0' xml:lang=\"{lang}\"")
            juliet.binds()
            juliet.sends(HELLO, HELLO.replace("<message ", "<message xml:lang='de' "))
            for element, spoken in zip(romeo.takes(), (expected, "de"), strict=True):
                self.assertEqual(element.get(LANG, ""), spoken)


class ErrorTests(HouseCase):
    """Each stream error a client can bring about, always inside an opened stream (4.9.3)."""

    def test_in_the_header(self) -> None:
        for header, condition in (
            (opening().replace("etherx", "wrong"), "invalid-namespace"),
            (opening().replace("jabber:client", "jabber:server"), "invalid-namespace"),
            (opening().replace("jabber:client", "urn:other"), "invalid-namespace"),
            ("<message xmlns='jabber:client'/>", "invalid-namespace"),
            ("<stream:x xmlns:stream='http://etherx.jabber.org/streams'>", "bad-format"),
            (opening(extra=""), "unsupported-version"),
            (opening(extra="version='0.9'"), "unsupported-version"),
            (opening().replace(" to=", " t="), "improper-addressing"),
            (opening(to=""), "improper-addressing"),
            (opening(to="@"), "improper-addressing"),
            (opening(extra="version='1.0' from='@'"), "improper-addressing"),
            (opening(to="verona.example"), "host-unknown"),
            (opening(to=f"juliet@{CAPULET}"), "host-unknown"),
            (opening(to=f"{CAPULET}/x"), "host-unknown"),
        ):
            client = self.house.connect()
            client.sends(header)
            client.fails_with(condition)
            self.assertEqual(client.reader.headers, 1)
            self.assertEqual(client.reader.header["from"], CAPULET)

    def test_versions_in_answer_to_old_peers(self) -> None:
        """RFC 6120 4.7.5, rules 2 and 4."""
        for extra, version in (("", None), ("version='0.9'", "0.9"), ("version='x'", None)):
            client = self.house.connect()
            client.sends(opening(extra=extra + " from='a@b/c'"))
            client.fails_with("unsupported-version")
            self.assertEqual(client.reader.header.get("version"), version)
            self.assertEqual(client.reader.header["to"], "a@b")

    def test_xml_that_must_not_be(self) -> None:
        """RFC 6120 11, at the beginning of a stream and within it."""
        for data, condition in (
            ("<?xml version='1.0' encoding='ISO-8859-1'?>", "unsupported-encoding"),
            (b"\xff\xfe<\0", "unsupported-encoding"),
            ("<?xml version='2.0'?>", "not-well-formed"),
            ("<!DOCTYPE stream [<!ENTITY x 'y'>]>", "restricted-xml"),
            ("<!-- -->", "restricted-xml"),
            ("<?php ?>", "restricted-xml"),
            ("</stream>", "not-well-formed"),
            ("nothing<", "not-well-formed"),
        ):
            client = self.house.connect()
            client.sends(data)
            client.fails_with(condition)
        for data, condition in (
            ("<!-- -->", "restricted-xml"),
            ("<?php ?>", "restricted-xml"),
            ("<message><!-- --></message>", "restricted-xml"),
            ("<message>&nbsp;</message>", "restricted-xml"),
            ("<message>&#0;</message>", "not-well-formed"),
            ("<message><foo:body/></message>", "not-well-formed"),
            ("<message><body>No closing tag!</message>", "not-well-formed"),
            ("</stream:message>", "not-well-formed"),
            ("<message a='1' a='2'/>", "not-well-formed"),
            (b"<message>\xc0\x80</message>", "unsupported-encoding"),
            ("text<a/>", "bad-format"),
            (opening(), "not-well-formed"),
        ):
            for client in (self.house.connect(), self.house.login()):
                if client.reader.headers == 0:
                    client.opens()
                client.sends(data)
                client.fails_with(condition)

    def test_first_level_elements_that_are_no_stanzas(self) -> None:
        for data, condition in (
            ("<pubsub/>", "unsupported-stanza-type"),
            ("<message xmlns='urn:other'/>", "unsupported-stanza-type"),
            ("<message xmlns=''/>", "unsupported-stanza-type"),
            ("<stream:features/>", "unsupported-stanza-type"),
            ("<message xmlns='jabber:server'/>", "invalid-namespace"),
            ("<message xmlns='jabber:component:accept'/>", "invalid-namespace"),
            (plain("juliet"), "unsupported-stanza-type"),
            (f"<starttls xmlns='{TLS}'/>", "unsupported-stanza-type"),
        ):
            client = self.house.login()
            client.sends(data)
            client.fails_with(condition)

    def test_before_login(self) -> None:
        """Nothing is answered that a stranger need not have answered (4.9.3.12)."""
        for data in (
            HELLO,
            "<presence/>",
            f"<iq type='get' id='1' to='{CAPULET}'><ping xmlns='urn:xmpp:ping'/></iq>",
            f"<iq type='set' id='1'><bind xmlns='{BIND}'/></iq>",
            "<iq/>",
            "<enable xmlns='urn:xmpp:sm:3'/>",
            "<pubsub/>",
        ):
            client = self.house.connect()
            client.opens()
            client.sends(data)
            client.fails_with("not-authorized")

    def test_what_follows_an_error_does_not_count(self) -> None:
        romeo = self.house.login("romeo", "orchard")
        juliet = self.house.login()
        juliet.sends(HELLO + "<x/>" + HELLO)
        juliet.fails_with("unsupported-stanza-type")
        romeo.receives(HEARD)

    def test_errors_have_one_condition_and_a_text(self) -> None:
        client = self.house.connect()
        client.opens()
        client.sends(HELLO)
        (error,) = client.takes()
        self.assertEqual(
            [child.tag for child in error], [f"{{{ERRORS}}}not-authorized", f"{{{ERRORS}}}text"]
        )
        self.assertEqual(error[1].get(LANG), "en")


class OtherTests(HouseCase):
    """The rest of a stream's life."""

    def test_whitespace_between_stanzas(self) -> None:
        """RFC 6120 4.6.1, 11.7."""
        romeo = self.house.login("romeo", "orchard")
        juliet = self.house.login()
        for space in (" ", "\n", " \t\r\n "):
            juliet.sends(space, HELLO + space, space)
            romeo.receives(HEARD)
        juliet.closes()
        juliet.receives()
        self.assertTrue(juliet.reader.ended)

    def test_pipelining(self) -> None:
        """A client may send all it has to say at once; each thing is answered in its turn."""
        romeo = self.house.login("romeo", "orchard")
        juliet = self.house.connect()
        juliet.sends(opening() + plain("juliet") + opening() + binding("balcony") + HELLO + CLOSE)
        romeo.receives(HEARD)
        self.assertEqual(juliet.reader.headers, 2)
        self.assertEqual(len(juliet.takes()), 4)
        self.assertTrue(juliet.reader.ended)
        self.assertTrue(juliet.lost)

    def test_every_byte_on_its_own(self) -> None:
        romeo = self.house.login("romeo", "orchard")
        juliet = self.house.connect()
        wire = opening() + plain("juliet") + opening()
        wire += (
            f"<iq type='set' id='1'><bind xmlns='{BIND}'><resource>balcony</resource></bind></iq>"
        )
        for letter in wire + HELLO + CLOSE:
            juliet.sends(letter)
        romeo.receives(HEARD)
        self.assertTrue(juliet.reader.ended)

    def test_an_error_of_theirs_is_their_end(self) -> None:
        """RFC 6120 4.9.1.1: whoever receives a stream error closes the stream."""
        for client in (self.house.connect(), self.house.login()):
            if client.reader.headers == 0:
                client.opens()
            client.sends(f"<stream:error><reset xmlns='{ERRORS}'/></stream:error>" + CLOSE)
            client.receives()
            self.assertTrue(client.reader.ended)
            self.assertTrue(client.lost)
