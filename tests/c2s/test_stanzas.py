"""Stanzas from client to client: the receiver's stream stays well-formed, and nothing is changed.

What is expected is read out of the sender's own stream by a parser that is none of ours.
"""

from typing import Any
from xml.etree.ElementTree import fromstring

from tests.c2s.client import Client
from tests.c2s.house import HouseCase
from tests.c2s.reading import exact
from tests.c2s.texts import CAPULET, CLOSE, JULIET, ROMEO, binding, opening, plain
from tests.c2s.watchers import noting
from xmppd.api.moments import ToAccount
from xmppd.api.registrations import Watch
from xmppd.wire.namespaces import CLIENT

TO = f"to='{ROMEO}/orchard'"
VERSION = "version='1.0'"
BOUND = f"{VERSION} xmlns:x='urn:x' xmlns:y='urn:y' xmlns:c='jabber:client'"

# What else the sender's root declares, and a stanza.
STANZAS = (
    (VERSION, f"<message {TO}/>"),
    (VERSION, f"<message {TO}></message>"),
    (VERSION, f"<message {TO}><body>O Romeo, Romeo!</body></message>"),
    (VERSION, f"<presence {TO}><show>away</show></presence>"),
    (VERSION, f"<iq {TO} type='get' id='1'><query xmlns='urn:x'/></iq>"),
    (VERSION, f"<message {TO} id='&lt;&amp;&quot;&apos;&#10;&#9;&#13;' type='a&gt;b'/>"),
    (VERSION, f"<message {TO} xml:lang='cs' other='1' xml:base='urn:b' xml:space='preserve'/>"),
    (VERSION, f"<message {TO}><body> \n&#13;\t<![CDATA[<&]]]]><![CDATA[>]]></body> \n </message>"),
    (VERSION, f"<message {TO}><body>\u00e9\u20ac\U0001f339 &#x1f339; ]]&gt;</body></message>"),
    (VERSION, f"<message {TO}><body>stream:stream xmlns: jabber:client x: xml:</body></message>"),
    (VERSION, f"<message {TO}><a xmlns='urn:a' b='&quot;&#10;'><c xmlns=''/></a></message>"),
    (VERSION, f"<message {TO}><p:a xmlns:p='urn:a' p:b='1' b='2'><c/></p:a></message>"),
    (VERSION, f"<message {TO} xmlns:p='urn:p' p:q='1'><p:a/><a p:b='2'/></message>"),
    (VERSION, f"<message {TO}><body xml:lang='en' xml:base='urn:b'>x</body></message>"),
    (VERSION, f"<message {TO}><xml:z/><a xmlns='urn:a'><xml:z>t</xml:z></a></message>"),
    (VERSION, f"<message {TO} xmlns='jabber:client'><body>x</body></message>"),
    (VERSION, f"<message {TO}><body xmlns='jabber:client'>x</body></message>"),
    (VERSION, f"<message {TO}><body xmlns='jabber:&#99;lient'>x</body></message>"),
    (VERSION, f"<message {TO}><x xmlns='urn:x'><body xmlns='jabber:client'/></x></message>"),
    (VERSION, f"<message {TO}><x xmlns='urn:x'><body xmlns='jabber:server'/></x></message>"),
    (VERSION, f"<message {TO}><stream:stream/></message>"),
    (VERSION, f"<message {TO} stream:a='1'><a xmlns='urn:a' stream:b='2'/></message>"),
    (
        VERSION,
        f"<message {TO}><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'"
        " from='a@b'><body>x</body></message></forwarded></message>",
    ),
    (BOUND, f"<message {TO}><x:a y:b='1'><y:c/></x:a></message>"),
    (BOUND, f"<message {TO} x:a='1'><body y:b='2'>x</body></message>"),
    (BOUND, f"<message {TO}><x:a xmlns:x='urn:other'/><x:a/></message>"),
    (BOUND, f"<message {TO}><a xmlns='urn:a' xmlns:y='urn:other'><y:b/></a><y:b/></message>"),
    (BOUND, f"<c:message {TO}><c:body>x</c:body><x:a/></c:message>"),
    (BOUND, f"<c:message {TO}><x:a><c:body/></x:a></c:message>"),
    (BOUND, f"<d:message {TO} xmlns:d='jabber:client'><d:body/></d:message>"),
)


def read(header: str, stanza: str, sender: str) -> Any:
    """Return what a stanza says within its stream, stamped with its sender."""
    (element,) = fromstring(header + stanza + CLOSE)
    element.set("from", sender)
    return exact(element)


class MatrixTests(HouseCase):
    """What leaves equals what came, in a stream and in a document of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.routed: list[Any] = []
        self.house.install(Watch(ToAccount, noting(self.routed)))
        self.romeo = self.house.login("romeo", "orchard")

    def compare(self, sender: Client, header: str, stanza: str, jid: str) -> None:
        expected = read(header, stanza, jid)
        sender.sends(stanza)
        (element,) = self.romeo.takes()
        self.assertEqual(exact(element), expected, stanza)
        (routed,) = self.routed
        self.routed.clear()
        self.assertEqual(exact(fromstring(routed.to_bytes(CLIENT))), expected, stanza)
        inside = f"<a xmlns='urn:a'>{routed.to_bytes(CLIENT).decode()}</a>"
        self.assertEqual(exact(fromstring(inside)[0]), expected, stanza)

    def test_stanzas(self) -> None:
        for extra, stanza in STANZAS:
            header = opening(extra=extra)
            juliet = self.house.connect()
            juliet.logs_in(extra=extra)
            juliet.binds("balcony")
            for _ in range(2):
                self.compare(juliet, header, stanza, f"{JULIET}/balcony")
            juliet.closes()

    def test_a_prefix_free_stream(self) -> None:
        """RFC 6120 4.8.2: the content namespace is spelled out on each stanza."""
        header = opening().replace("xmlns='jabber:client'", "").replace("stream:stream", "stream")
        header = header.replace("xmlns:stream=", "xmlns=")
        juliet = self.house.connect()
        juliet.sends(header, plain("juliet"), header)
        client = "xmlns='jabber:client'"
        juliet.sends(binding("balcony").replace("<iq ", f"<iq {client} "))
        self.assertEqual(len(juliet.takes()), 4)
        for _, stanza in STANZAS[:8]:
            kind = stanza.split()[0]
            stanza = stanza.replace(kind, f"{kind} {client}", 1)
            sent = header.replace("<?xml version='1.0'?>", "") + stanza + "</stream>"
            (element,) = fromstring(sent)
            element.set("from", f"{JULIET}/balcony")
            juliet.sends(stanza)
            (received,) = self.romeo.takes()
            self.assertEqual(exact(received), exact(element), stanza)

    def test_resources(self) -> None:
        """A resource is text, whatever it looks like."""
        for resource in ("'/><x a='", '"/><x a="', "&amp;", "</stream:stream>", "]]>", "\u00e9 /@"):
            juliet = self.house.connect()
            juliet.logs_in()
            written = resource.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            self.assertEqual(str(juliet.binds(written)), f"{JULIET}/{resource}")
            self.compare(juliet, opening(), f"<message {TO}/>", f"{JULIET}/{resource}")
            to = written.replace("'", "&apos;")
            self.romeo.sends(f"<message to='{JULIET}/{to}' id='back'/>")
            (element,) = juliet.takes()
            self.assertEqual(element.get("to"), f"{JULIET}/{resource}")
            self.routed.clear()
            juliet.closes()


class SenderTests(HouseCase):
    """Who a stanza is from (RFC 6120 8.1.2.1)."""

    def test_stamped(self) -> None:
        romeo = self.house.login("romeo", "orchard")
        juliet = self.house.login()
        for sender in (
            "",
            f"from='{JULIET}'",
            f"from='{JULIET}/balcony'",
            f"from='JULIET@{CAPULET}'",
        ):
            juliet.sends(f"<message {sender} {TO}/>")
            romeo.receives(f"<message from='{JULIET}/balcony' {TO}/>")

    def test_somebody_else(self) -> None:
        romeo = self.house.login("romeo", "orchard")
        for sender in (f"{JULIET}/Balcony", ROMEO, "juliet@montague.example", CAPULET, "@", ""):
            juliet = self.house.login()
            juliet.sends(f"<message from='{sender}' {TO}/>")
            juliet.fails_with("invalid-from")
        romeo.receives()

    def test_no_address(self) -> None:
        """RFC 6120 8.3.3.8; an answer is from the own account, and an answer's none."""
        juliet = self.house.login()
        for kind, answered in (
            ("message", True),
            ("iq type='get'", True),
            ("iq type='result'", False),
        ):
            juliet.sends(f"<{kind} to='@' id='1'/>")
            answers = juliet.takes()
            self.assertEqual(len(answers), answered, kind)
            for answer in answers:
                self.assertEqual(answer.get("type"), "error")
                self.assertEqual(answer.get("id"), "1")
                condition = "{urn:ietf:params:xml:ns:xmpp-stanzas}jid-malformed"
                self.assertIsNotNone(answer.find(f".//{condition}"))

    def test_to_oneself(self) -> None:
        juliet = self.house.login()
        juliet.sends(f"<message to='{JULIET}/balcony'><body>echo</body></message>")
        juliet.receives(
            f"<message from='{JULIET}/balcony' to='{JULIET}/balcony'><body>echo</body></message>"
        )
