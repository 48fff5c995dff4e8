"""The envelope of stanzas: what is received, made, changed and written (RFC 6120 section 8)."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import MAKERS, Iq, Message, Presence, Stanza, restore
from xmppd.wire.canonical import inner_of
from xmppd.wire.document import parse_document
from xmppd.wire.element import Element
from xmppd.wire.namespaces import CLIENT, XML_LANG

JULIET = JID.parse("juliet@example.org/balcony")
ROMEO = JID.parse("romeo@example.net")
HINTS = "urn:xmpp:hints"


def received(text: str) -> Stanza:
    """Return a stanza as the parser makes it of its XML text."""
    tree = parse_document(f"<root xmlns='{CLIENT}'>{text}</root>".encode()).child()
    assert tree is not None
    stanza = MAKERS[tree.name](dict(tree.attrs), *inner_of(tree))
    assert isinstance(stanza, Stanza)
    return stanza


class ReceivedTests(SynchronousTestCase):
    """What the parser cut out becomes an envelope."""

    def test_everything(self) -> None:
        stanza = received(
            "<message to='juliet@example.org/balcony' from='romeo@example.net' type='chat'"
            " id='a&amp;b' xml:lang='de' other='x'><body>hi</body></message>"
        )
        self.assertIsInstance(stanza, Message)
        self.assertEqual((stanza.to, stanza.from_), (JULIET, ROMEO))
        self.assertEqual((stanza.type, stanza.id, stanza.lang), ("chat", "a&b", "de"))
        self.assertEqual(stanza.extra, ' other="x"')
        self.assertEqual(stanza.inner, b"<body>hi</body>")
        self.assertEqual(stanza.children, [(f"{CLIENT} body", 0, 8)])
        self.assertEqual((stanza.malformed, stanza.ticket), ("", 0))

    def test_nothing(self) -> None:
        stanza = received("<presence/>")
        self.assertIsInstance(stanza, Presence)
        self.assertEqual((stanza.to, stanza.from_), (None, None))
        self.assertEqual((stanza.type, stanza.id, stanza.lang, stanza.extra), ("", "", "", ""))
        self.assertEqual((stanza.inner, stanza.children), (b"", []))

    def test_addresses_that_are_none(self) -> None:
        for name in ("to", "from"):
            stanza = received(f"<iq {name}='@@' type='get' id='1'/>")
            self.assertEqual(stanza.malformed, name)
            self.assertEqual((stanza.to, stanza.from_), (None, None))

    def test_from_a_tree(self) -> None:
        tree = Element("message", CLIENT, {"to": str(JULIET), XML_LANG: "en"})
        tree.add("body", text="hi")
        message = Message.from_element(tree)
        self.assertEqual((message.to, message.lang), (JULIET, "en"))
        self.assertEqual(message.to_element(), tree)
        self.assertEqual(tree.attrs["to"], str(JULIET))

    def test_from_a_tree_without_an_address(self) -> None:
        for name in ("to", "from"):
            tree = Element("message", CLIENT, {name: "a@"})
            error = self.assertRaises(ValueError, Message.from_element, tree)
            self.assertEqual(str(error), f"the {name} attribute is not an address")


class WrittenTests(SynchronousTestCase):
    """Every envelope is written so that a reader finds the same in it."""

    def test_all_attributes(self) -> None:
        message = Message(
            Element("body", children=["a < b"]),
            to=JULIET,
            from_=ROMEO,
            type="chat",
            id="1",
            lang="en",
        )
        self.assertEqual(
            bytes(message),
            b'<message from="romeo@example.net" to="juliet@example.org/balcony" type="chat"'
            b' id="1" xml:lang="en"><body>a &lt; b</body></message>',
        )

    def test_empty(self) -> None:
        self.assertEqual(bytes(Presence()), b"<presence/>")
        self.assertEqual(Presence().to_bytes(CLIENT), b'<presence xmlns="jabber:client"/>')

    def test_framed(self) -> None:
        message = Message(Element("body", children=["x"]))
        self.assertEqual(
            message.to_bytes(CLIENT), b'<message xmlns="jabber:client"><body>x</body></message>'
        )

    def test_strangers_text_stays_text(self) -> None:
        for text in ("'/><x a='", '"/><x a="', "<!--", "]]>", "&amp;", "a\tb\nc"):
            made = JID.make("a", "example.org", text)
            stanza = Iq(to=made, from_=made, type=text, id=text, lang=text)
            stanza.extra = ' n="x"'
            tree = parse_document(bytes(stanza))
            expected = {
                "to": str(made),
                "from": str(made),
                "type": text,
                "id": text,
                XML_LANG: text,
                "n": "x",
            }
            self.assertEqual(tree.attrs, expected)
            self.assertEqual(tree.children, [])

    def test_attributes_in_namespaces(self) -> None:
        stanza = received("<message xmlns:e='urn:e' e:a='1' xml:base='b'/>")
        tree = parse_document(bytes(stanza))
        xml_base = "{http://www.w3.org/XML/1998/namespace}base"
        self.assertEqual(tree.attrs, {"{urn:e}a": "1", xml_base: "b"})

    def test_what_is_inside_does_not_show(self) -> None:
        message = Message(Element("body", children=["secret"]), to=JULIET, type="chat", id="1")
        self.assertEqual(
            repr(message), "<message 'chat' to=juliet@example.org/balcony from=None id='1'>"
        )


class CopyTests(SynchronousTestCase):
    """A copy is equal, and changing it changes nothing else."""

    def test_copy(self) -> None:
        message = received(
            "<message to='juliet@example.org' type='chat' id='1' xml:lang='en' x='y'>"
            "<body>hi</body></message>"
        )
        message.ticket = 7
        copy = message.copy()
        self.assertIs(type(copy), Message)
        for name in Stanza.__slots__:
            self.assertEqual(getattr(copy, name), getattr(message, name), name)
        self.assertIs(copy.inner, message.inner)
        copy.to = ROMEO
        copy.add(Element("no-store", HINTS))
        self.assertEqual(bytes(message).count(b"<"), 4)
        self.assertEqual(message.to, JULIET.bare)
        self.assertEqual(len(message.children), 1)


class ChildrenTests(SynchronousTestCase):
    """First-level children are found, built, added and removed."""

    def setUp(self) -> None:
        self.stanza = received(
            "<message>text<body>one</body><x xmlns='urn:a'/>more<x xmlns='urn:a'><y/></x >"
            "<body xmlns=''>none</body></message>"
        )

    def test_has(self) -> None:
        self.assertTrue(self.stanza.has("body"))
        self.assertTrue(self.stanza.has("x", "urn:a"))
        self.assertFalse(self.stanza.has("x"))
        self.assertFalse(self.stanza.has("y", "urn:a"))

    def test_child(self) -> None:
        body = self.stanza.child("body")
        assert body is not None
        self.assertEqual((body.ns, body.text), (CLIENT, "one"))
        self.assertIsNone(self.stanza.child("subject"))

    def test_each_child(self) -> None:
        built = [self.stanza.child_element(child) for child in self.stanza.children]
        self.assertEqual(built, list(self.stanza.to_element().elements()))
        self.assertEqual([element.ns for element in built], [CLIENT, "urn:a", "urn:a", ""])

    def test_add(self) -> None:
        self.stanza.add(Element("no-store", HINTS, {"a": "<"}))
        added = self.stanza.child("no-store", HINTS)
        self.assertEqual(added, Element("no-store", HINTS, {"a": "<"}))
        self.assertEqual(self.stanza.to_element().children[-1], added)

    def test_remove_each(self) -> None:
        count = len(self.stanza.children)
        for index in range(count):
            changed = self.stanza.copy()
            changed.remove([changed.children[index]])
            expected = self.stanza.to_element()
            expected.children.remove(list(expected.elements())[index])
            self.assertEqual(merged(changed.to_element()), merged(expected))
            self.assertEqual(
                [changed.child_element(child) for child in changed.children],
                list(expected.elements()),
            )
        self.assertEqual(len(self.stanza.children), count)

    def test_remove_all_and_none(self) -> None:
        changed = self.stanza.copy()
        changed.remove([])
        self.assertEqual(bytes(changed), bytes(self.stanza))
        changed.remove(changed.children)
        self.assertEqual(bytes(changed), b"<message>textmore</message>")
        self.assertEqual(changed.children, [])


class IqTests(SynchronousTestCase):
    """Requests, payloads and results."""

    def test_requests(self) -> None:
        table = [("get", True), ("set", True), ("result", False), ("error", False), ("", False)]
        for type, expected in table:
            self.assertEqual(Iq(type=type).is_request, expected, type)

    def test_payload(self) -> None:
        query = Element("query", "urn:q", {"node": "n"})
        self.assertEqual(Iq(query).payload(), query)
        self.assertIsNone(Iq().payload())

    def test_result(self) -> None:
        request = Iq(Element("q", "urn:q"), to=ROMEO, from_=JULIET, type="get", id="7", lang="de")
        self.assertEqual(
            bytes(request.result()),
            b'<iq from="romeo@example.net" to="juliet@example.org/balcony" type="result" id="7"/>',
        )
        answer = request.result(Element("a", "urn:q"))
        self.assertEqual(answer.payload(), Element("a", "urn:q"))


def merged(element: Element) -> Element:
    """Join texts that stand side by side."""
    children: list[Element | str] = []
    for child in element.children:
        if isinstance(child, str) and children and isinstance(children[-1], str):
            children[-1] += child
        else:
            children.append(child)
    element.children = children
    return element


class RestoreTests(SynchronousTestCase):
    """`restore`: what was kept comes back."""

    def test_stanzas(self) -> None:
        for text in (
            "<message from='a@b/c' id='1'><body>Good &lt;morrow&gt;</body></message>",
            "<presence type='subscribe' xml:lang='de'><x xmlns='urn:x'><y/></x></presence>",
            "<iq type='get' id='1'/>",
        ):
            stanza = received(text)
            again = restore(bytes(stanza))
            self.assertIs(type(stanza), type(again))
            self.assertEqual(bytes(stanza), bytes(again))

    def test_anything_else(self) -> None:
        for stored in (b"<body/>", b"<message xmlns='urn:x'/>", b"<message", b""):
            self.assertRaises(ValueError, restore, stored)
