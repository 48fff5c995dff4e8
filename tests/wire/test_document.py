"""Bytes to trees."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.wire import document
from xmppd.wire.document import (
    DocumentError,
    bare_root,
    clark,
    new_expat,
    parse_document,
    parse_fragment,
)
from xmppd.wire.element import Element
from xmppd.wire.namespaces import CLIENT, XML_LANG

DOCUMENTS = [
    (b"<a/>", Element("a", "")),
    (b"<?xml version='1.0'?>\n<!-- x --><a></a>\n<?x y?>", Element("a", "")),
    (b"<p:a xmlns:p='u' xmlns='v'><b/></p:a>", Element("a", "u", {}, [Element("b", "v")])),
    (b"<a xmlns='u'><b xmlns=''/></a>", Element("a", "u", {}, [Element("b", "")])),
    (b"<a b='1' xml:lang='de'/>", Element("a", "", {"b": "1", XML_LANG: "de"})),
    (b"<a xmlns:p='u' p:b='1' b='2'/>", Element("a", "", {"{u}b": "1", "b": "2"})),
    (
        b"<a>x<b/>y<c>z</c></a>",
        Element("a", "", {}, ["x", Element("b", ""), "y", Element("c", "", {}, ["z"])]),
    ),
    (
        b"<a>x&lt;&#65;<![CDATA[<&]]>\xc3\xa9\r\n<!-- -->y</a>",
        Element("a", "", {}, ["x<A<&\u00e9\ny"]),
    ),
]
NOT_DOCUMENTS = [
    b"",
    b"  ",
    b"a",
    b"<a>",
    b"<a></b>",
    b"<a/><b/>",
    b"<a/>b",
    b"<p:a/>",
    b"<a>&b;</a>",
    b"<a b='1' b='2'/>",
    b"<!DOCTYPE a><a/>",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
    b"<a>\xff</a>",
    "<a>\u00e9</a>".encode("latin-1"),
]


class DocumentTests(SynchronousTestCase):
    """One document."""

    def test_trees(self) -> None:
        for data, expected in DOCUMENTS:
            self.assertEqual(parse_document(data), expected, data)

    def test_errors(self) -> None:
        for data in NOT_DOCUMENTS:
            self.assertRaises(DocumentError, parse_document, data)

    def test_always_utf8(self) -> None:
        """Whatever it declares."""
        for encoding in (b"ISO-8859-1", b"US-ASCII", b"UTF-16", b"x-none"):
            data = b"<?xml version='1.0' encoding='%b'?><a>\xc3\xa9</a>" % encoding
            self.assertEqual(parse_document(data), Element("a", "", {}, ["\u00e9"]), encoding)

    def test_errors_tell_nothing(self) -> None:
        error = self.assertRaises(DocumentError, parse_document, b"<a>secret</secret>")
        self.assertNotIn("secret", str(error))
        self.assertIsInstance(error, ValueError)

    def test_a_long_text_is_one_child(self) -> None:
        text = "\u20ac&<\n" * 30_000
        data = f"<a><![CDATA[{text}]]>x&amp;<b/>{'y' * 9000}</a>".encode()
        expected = Element("a", "", {}, [text + "x&", Element("b", ""), "y" * 9000])
        self.assertEqual(parse_document(data), expected)

    def test_names_are_shared(self) -> None:
        """A long namespace name is not kept once for each element."""
        tree = parse_document(b"<a xmlns='%b'><b/><c/></a>" % (b"u" * 1000))
        self.assertEqual(len({id(element.ns) for element in (tree, *tree.elements())}), 1)


class FragmentTests(SynchronousTestCase):
    """One element where it stands."""

    def test_leans_on_its_root(self) -> None:
        root = b"<s:stream xmlns='jabber:client' xmlns:s='u'>"
        table = [
            (b"<a/>", Element("a", CLIENT)),
            (b"<s:a s:b='1'>x</s:a>", Element("a", "u", {"{u}b": "1"}, ["x"])),
            (b" <a xmlns=''/> ", Element("a", "")),
        ]
        for data, expected in table:
            self.assertEqual(parse_fragment(data, root), expected)

    def test_any_root(self) -> None:
        for root in (b"<a>", b"<a >", b"<a\n xmlns:b='c'>"):
            self.assertEqual(parse_fragment(b"<d/>", root), Element("d", ""))

    def test_errors(self) -> None:
        for data in (b"", b"text", b"<a>", b"<p:a/>", b"</r>", b"<!DOCTYPE a>"):
            self.assertRaises(DocumentError, parse_fragment, data, b"<r>")


class PartsTests(SynchronousTestCase):
    """What the parser uses of this room."""

    def test_clark(self) -> None:
        table = [("a", "a"), ("u a", "{u}a"), ("http://x/#y a", "{http://x/#y}a")]
        for name, expected in table:
            self.assertEqual(clark(name), expected)

    def test_bare_root(self) -> None:
        table: list[tuple[str, dict[str, str], bytes]] = [
            ("a", {}, b"<a>"),
            ("a", {"": "u"}, b'<a xmlns="u">'),
            ("a", {"": ""}, b'<a xmlns="">'),
            ("p:a", {"p": "u'&", "": "v"}, b'<p:a xmlns:p="u&apos;&amp;" xmlns="v">'),
            ("\u00e9:a", {"\u00e9": "u"}, b'<\xc3\xa9:a xmlns:\xc3\xa9="u">'),
        ]
        for name, declarations, expected in table:
            self.assertEqual(bare_root(name, declarations), expected)

    def test_interns_nothing(self) -> None:
        self.assertIsNone(new_expat().intern)

    def test_defers_only_where_it_must(self) -> None:
        """Deferral is switched off where there is a switch, and nothing is missing without one."""

        switched: list[bool] = []

        class With:
            def SetReparseDeferralEnabled(self, enabled: bool) -> None:
                """Note the choice."""
                switched.append(enabled)

        for made in (object(), With()):
            self.patch(document, "ParserCreate", lambda *_, made=made: made)
            self.assertIs(new_expat(), made)
        self.assertEqual(switched, [False])
