"""What leans on its sender's stream breaks no other stream, whichever way it goes (RFC 6120 4.8.5).

A prefix that is bound on the root of the sender's stream only is unbound on the receiver's, and
whoever passes it on as it came ends the stream of whoever is to read it.
"""

import re
from collections.abc import Callable
from hashlib import sha1
from typing import Any, ClassVar
from xml.etree.ElementTree import fromstring

from twisted.internet.address import IPv4Address

from tests.s2s.test_incoming import JULIET, DialbackCase, auth, result
from tests.s2s.wires import join
from tests.s2s.world import ADDRESSES, CAPULET, MONTAGUE, Peer, certificate, opening
from xmppd.server.config import ComponentConfig
from xmppd.wire.namespaces import COMPONENT, STREAMS

PLAYS = f"plays.{CAPULET}"
_CONTENT = re.compile(r"\{jabber:(client|server|component:accept)\}")
SECRET = "verona's fair"
ROMEO = f"romeo@{MONTAGUE}/orchard"
DECLARED = "xmlns:e='urn:example' xmlns:own='{content}' xmlns:cl='jabber:client'"
LEANING = (
    ("<e:x/>", "{urn:example}x"),
    ("<e:x xmlns:e='urn:other'/>", "{urn:other}x"),
    ("<x xmlns='urn:a' e:b='1'/>", "{urn:a}x"),
    ("<x xmlns='urn:a'><y><e:z/></y></x>", "{urn:a}x"),
    ("<db:y/>", "{jabber:server:dialback}y"),
    ("<stream:z/>", "{http://etherx.jabber.org/streams}z"),
    ("<own:body>Hello</own:body>", "{CONTENT}body"),
    ("<cl:body>Hello</cl:body>", "{CONTENT}body"),
    ("<x xmlns='jabber:client'/>", "{CONTENT}x"),
    ("<x xmlns='jabber:server'/>", "{CONTENT}x"),
    ("<x xmlns='urn:a' xml:base='/'/>", "{urn:a}x"),
    ("<xml:x/>", "{http://www.w3.org/XML/1998/namespace}x"),
    ("<body xmlns=''>Hello</body>", "body"),
    ("<body>e:x db:y &lt;e:x/&gt;</body>", "{CONTENT}body"),
    ("<body><![CDATA[</message><e:x>]]></body>", "{CONTENT}body"),
    ("<x xmlns='urn:a' y='&apos;/>&lt;e:z'/>", "{urn:a}x"),
)


class PrefixCase(DialbackCase):
    """A server with a component, and another server that has a stream in both directions."""

    settings: ClassVar[dict[str, Any]] = {"components": (ComponentConfig(PLAYS, SECRET),)}

    def other(self) -> Peer:
        """Return another server whose stream's root binds prefixes."""
        peer = self.secured(certificate(MONTAGUE))
        peer.sends("<bidi xmlns='urn:xmpp:bidi'/>", auth())
        declared = DECLARED.format(content="jabber:server")
        peer.sends(opening(more=f"version='1.0' {declared}"))
        peer.sends(result("k", to=PLAYS))
        self.judges()
        peer.takes()
        return peer

    def component(self) -> Peer:
        """Return a component whose stream's root binds prefixes."""
        peer = Peer(self.world)
        port = self.world.network.listening[ADDRESSES[CAPULET], 5347]
        answers = port.buildProtocol(IPv4Address("TCP", "127.0.0.1", 40000))
        assert answers is not None
        peer.wire, _ = join(self.world.clock, peer, answers, "127.0.0.1")  # type: ignore[arg-type]
        declared = DECLARED.format(content=COMPONENT)
        peer.sends(
            f"<stream:stream xmlns='{COMPONENT}' xmlns:stream='{STREAMS}' to='{PLAYS}'"
            f" xmlns:db='jabber:server:dialback' {declared}>"
        )
        digest = sha1((peer.id + SECRET).encode()).hexdigest()
        peer.sends(f"<handshake>{digest}</handshake>")
        peer.takes()
        return peer

    def seen(self, element: Any) -> list[str]:
        """Return the names of an element's children, whatever the content namespace is called."""
        return [_CONTENT.sub("{CONTENT}", child.tag) for child in element]


class MatrixTests(PrefixCase):
    """Each leaning message, from each kind of stream to each other."""

    def passes(self, sender: Peer, from_: str, to: str, takes: Callable[[], list[Any]]) -> None:
        for payload, name in LEANING:
            sender.sends(f"<message from='{from_}' to='{to}' id='1'>{payload}</message>")
            (came,) = takes()
            self.assertIn(name, self.seen(came), payload)
        self.assertFalse(sender.reader.ended)

    def client(self) -> list[Any]:
        """Return what Juliet has received, read as on a fresh stream to her."""
        return [
            fromstring(f"<s:s xmlns='jabber:client' xmlns:s='{STREAMS}'>{text}</s:s>")[0]
            for text in self.juliet.take()
        ]

    def test_from_a_server_to_a_client(self) -> None:
        self.passes(self.other(), ROMEO, f"{JULIET}/balcony", self.client)

    def test_from_a_server_to_a_component(self) -> None:
        component = self.component()
        self.passes(self.other(), ROMEO, f"x@{PLAYS}", component.takes)

    def test_from_a_component_to_a_server(self) -> None:
        other = self.other()
        self.passes(self.component(), f"x@{PLAYS}", ROMEO, other.takes)

    def test_from_a_component_to_a_client(self) -> None:
        self.passes(self.component(), f"x@{PLAYS}", f"{JULIET}/balcony", self.client)

    def test_out_and_back(self) -> None:
        """What is returned is as harmless as what is passed on."""
        other = self.other()
        for payload, _ in LEANING:
            other.sends(f"<message from='{ROMEO}' to='nobody@{CAPULET}' id='1'>{payload}</message>")
            (came,) = other.takes()
            self.assertEqual(came.get("type"), "error")
        self.assertFalse(other.reader.ended)

    def test_requests_and_presence(self) -> None:
        other = self.other()
        other.sends(f"<iq from='{ROMEO}' to='{CAPULET}' id='1' type='get'><e:x/></iq>")
        (came,) = other.takes()
        self.assertEqual(came.get("type"), "error")
        other.sends(
            f"<presence from='{ROMEO}' to='{JULIET}'><e:x/><status>db:y</status></presence>"
        )
        other.sends(
            f"<own:message from='{ROMEO}' to='{JULIET}/balcony'><body>Hello</body></own:message>"
        )
        self.assertEqual(self.client()[-1].tag, "{jabber:client}message")
        self.assertFalse(other.reader.ended)

    def test_attributes(self) -> None:
        """Prefixes in attributes of the stanza itself, and quotes that would end one."""
        other = self.other()
        component = self.component()
        for attributes in (
            "e:a='1'",
            "xmlns:e='urn:other' e:a='1'",
            "own:id='2'",
            "id=\"1'/&gt;&lt;e:x a='\"",
            "id='&quot;/&gt;&lt;x/&gt;'",
        ):
            to = f"x@{PLAYS}/&apos;/&gt;&lt;e:x a=&quot;"
            other.sends(f"<message from='{ROMEO}' to='{to}' {attributes}><body>Hi</body></message>")
            (came,) = component.takes()
            self.assertEqual([each.tag for each in came], [f"{{{COMPONENT}}}body"], attributes)
        self.assertFalse(other.reader.ended)
