"""Trees to bytes (RFC 6120 4.8; XML 1.0 2.2 and 2.4)."""

from copy import deepcopy

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from xmppd.wire.document import DocumentError, parse_document
from xmppd.wire.element import Element
from xmppd.wire.namespaces import CLIENT, XML, XML_LANG
from xmppd.wire.serializer import TooLong, attributes, escape_attr, escape_text, serialize

OFTEN = settings(deadline=None, derandomize=True, database=None, max_examples=150)

# character, in a text, in an attribute; None where no document can hold it
ESCAPES = [
    ("a", "a", "a"),
    ("", "", ""),
    ("&", "&amp;", "&amp;"),
    ("<", "&lt;", "&lt;"),
    (">", "&gt;", "&gt;"),
    ("]]>", "]]&gt;", "]]&gt;"),
    ('"', '"', "&quot;"),
    ("'", "'", "&apos;"),
    ("\t", "\t", "&#9;"),
    ("\n", "\n", "&#10;"),
    ("\r", "&#13;", "&#13;"),
    ("\x7f\x85\u2028", "\x7f\x85\u2028", "\x7f\x85\u2028"),
    ("\ud7ff\ue000\ufffd\U00010000\U0010ffff",) * 3,
    ("a<b'&\r\nc", "a&lt;b'&amp;&#13;\nc", "a&lt;b&apos;&amp;&#13;&#10;c"),
]
IMPOSSIBLE = [
    "\x00",
    "\x08",
    "\x0b",
    "\x0c",
    "\x0e",
    "\x1f",
    "\ud800",
    "\udfff",
    "\ufffe",
    "\uffff",
]

TREES = [
    (Element("a", ""), b"<a/>"),
    (Element("a", "", {}, [""]), b"<a></a>"),
    (Element("a", "", {}, ["<\u20ac>"]), b"<a>&lt;\xe2\x82\xac&gt;</a>"),
    (Element("a", "u"), b'<a xmlns="u"/>'),
    (Element("a", "u&'"), b'<a xmlns="u&amp;&apos;"/>'),
    (Element("a", "u", {"b": "'", "c": '"'}), b'<a xmlns="u" b="&apos;" c="&quot;"/>'),
    (Element("a", "", {XML_LANG: "de"}), b'<a xml:lang="de"/>'),
    (Element("a", "", {"{u}b": "1"}), b'<a xmlns:a0="u" a0:b="1"/>'),
    (Element("a", "", {"{u}v{w}b": "1"}), b'<a xmlns:a0="u}v{w" a0:b="1"/>'),
    (
        Element("a", "u", {"{u}b": "1", "{v}b": "2", "{u}c": "3", "b": "4"}),
        b'<a xmlns="u" xmlns:a0="u" a0:b="1" xmlns:a1="v" a1:b="2" a0:c="3" b="4"/>',
    ),
    (Element("a", "u", {}, [Element("b", "u")]), b'<a xmlns="u"><b/></a>'),
    (Element("a", "u", {}, [Element("b", "")]), b'<a xmlns="u"><b xmlns=""/></a>'),
    (
        Element(
            "a", "u", {}, ["x", Element("b", "v", {}, [Element("c", "u")]), "y", Element("d", "u")]
        ),
        b'<a xmlns="u">x<b xmlns="v"><c xmlns="u"/></b>y<d/></a>',
    ),
    (Element("z", XML), b"<xml:z/>"),
    (Element("a", "u", {}, [Element("z", XML)]), b'<a xmlns="u"><xml:z/></a>'),
    # What is around an element of the XML namespace is spelled out inside it.
    (
        Element("a", "u", {}, [Element("z", XML, {}, [Element("b", "u"), Element("c", "")])]),
        b'<a xmlns="u"><xml:z><b xmlns="u"/><c xmlns=""/></xml:z></a>',
    ),
]

_TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))
_VALUES = st.one_of(_TEXTS, st.sampled_from(["\t\r\n", "]]>", "'\"", "&amp;", "<a>"]))
_NAMES = st.sampled_from(["a", "b", "message", "\u00e9t\u00e9", "x.y-z_0"])
_SPACES = st.sampled_from(["", "u", "v&'\"<", CLIENT, XML])
_KEYS = st.one_of(_NAMES, st.builds("{{{}}}{}".format, st.sampled_from(["u", "v'}{", XML]), _NAMES))


def _trees(children: st.SearchStrategy[Element]) -> st.SearchStrategy[Element]:
    attrs = st.dictionaries(_KEYS, _VALUES, max_size=3)
    return st.builds(Element, _NAMES, _SPACES, attrs, st.lists(children | _VALUES, max_size=4))


ELEMENTS = st.recursive(st.builds(Element, _NAMES, _SPACES), _trees, max_leaves=12)


def joined(element: Element) -> Element:
    """Return the tree with each text in one piece, as a reader returns it."""
    children: list[Element | str] = []
    for child in element.children:
        if isinstance(child, Element):
            children.append(joined(child))
        elif child and children and isinstance(children[-1], str):
            children[-1] += child
        elif child:
            children.append(child)
    return Element(element.name, element.ns, element.attrs, children)


class EscapeTests(SynchronousTestCase):
    """Characters with a meaning, and without any."""

    def test_table(self) -> None:
        for plain, text, attr in ESCAPES:
            self.assertEqual(escape_text(plain), text)
            self.assertEqual(escape_attr(plain), attr)

    def test_impossible(self) -> None:
        for character in IMPOSSIBLE:
            for escape in (escape_text, escape_attr):
                error = self.assertRaises(ValueError, escape, f"secret{character}secret")
                self.assertEqual(str(error), f"U+{ord(character):04X} cannot be written in XML")

    def test_all_others_are_read_back(self) -> None:
        """Every character of XML 1.0 2.2 is the same to the reader, in text and attribute."""
        bounds = [(0x09, 0x0A), (0x0D, 0x0D), (0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x103FF)]
        text = "".join(chr(code) for first, last in bounds for code in range(first, last + 1))
        tree = Element("a", "", {"b": text}, [text])
        self.assertEqual(parse_document(serialize(tree)), tree)

    def test_impossible_in_trees(self) -> None:
        for element in (
            Element("a", "", {}, ["\x00"]),
            Element("a", "", {"b": "\x00"}),
            Element("a", "\x00"),
            Element("a", "", {"{\x00}b": ""}),
        ):
            self.assertRaises(ValueError, serialize, element)

    def test_names(self) -> None:
        """XML 1.0 2.3, without colons: prefixes are the serializer's own affair."""
        for name in ("a", "_", "A1", "a.b-c", "\xe9", "\u4eba\xb7\u0300"):
            tree = Element(name, "u", {name: "1", f"{{v}}{name}": "2"})
            self.assertEqual(parse_document(serialize(Element("a", "", {}, [tree]))).child(), tree)
        for name in ("\U00010000", "z\u2040"):  # expat goes by an older edition
            self.assertEqual(serialize(Element(name, "")), f"<{name}/>".encode())
        bad = (
            "",
            "a b",
            "a:b",
            "1",
            "-",
            ".",
            "\xb7",
            "a>",
            "a/",
            "a='",
            "a\n",
            "\ud800",
            "\xd7",
            "a}b{",
        )
        for name in bad:
            for element in (
                Element(name, "u"),
                Element("a", "", {name: ""}),
                Element("a", "", {f"{{v}}{name}": ""}),
            ):
                error = self.assertRaises(ValueError, serialize, Element("b", "", {}, [element]))
                self.assertIn("is no name in XML", str(error), ascii(name))
        self.assertRaises(ValueError, serialize, Element("a", "", {"xmlns": "u"}))

    def test_what_is_read_can_be_written(self) -> None:
        """Every name that comes to us is one of ours."""
        for code in (*range(0x80, 0x3100), *range(0xD700, 0xF900, 0x10)):
            if 0xD800 <= code < 0xE000:
                continue
            for name in (chr(code), "a" + chr(code)):
                try:
                    tree = parse_document(f"<{name}/>".encode())
                except DocumentError:
                    continue
                self.assertEqual(serialize(tree).decode(), f"<{name}/>")


class SerializeTests(SynchronousTestCase):
    """Whole trees."""

    def test_table(self) -> None:
        for element, data in TREES:
            self.assertEqual(serialize(element), data)
            self.assertEqual(parse_document(data), joined(element))

    def test_scope(self) -> None:
        """The namespace around it is not declared again."""
        tree = Element("a", "u", {}, [Element("b", "v")])
        self.assertEqual(serialize(tree, "u"), b'<a><b xmlns="v"/></a>')
        self.assertEqual(serialize(tree, "v"), b'<a xmlns="u"><b xmlns="v"/></a>')
        self.assertEqual(serialize(Element("a", ""), "u"), b'<a xmlns=""/>')

    def test_attributes(self) -> None:
        self.assertEqual(attributes({}), "")
        self.assertEqual(attributes({"to": "'/><x a='"}), ' to="&apos;/&gt;&lt;x a=&apos;"')

    def test_deep(self) -> None:
        depth = 50_000
        tree = Element("a", "")
        for _ in range(depth - 1):
            tree = Element("a", "", {}, [tree])
        data = serialize(tree)
        self.assertEqual((data.count(b"<a>"), data.count(b"</a>")), (depth - 1, depth - 1))
        found: Element | None = parse_document(data)
        levels = 0
        while found is not None:
            found, levels = found.child(), levels + 1
        self.assertEqual(levels, depth)

    def test_the_tree_stays_as_it_was(self) -> None:
        for element, _ in TREES:
            before = deepcopy(element)
            serialize(element)
            self.assertEqual(element, before)

    def test_limit(self) -> None:
        for element, data in TREES:
            self.assertEqual(serialize(element, limit=len(data)), data)
            self.assertRaises(TooLong, serialize, element, limit=len(data) - 1)

    def test_limit_is_seen_early(self) -> None:
        """Long before all of a tree that would be much too long is written."""
        written: list[str] = []

        class Counting(Element):
            """Notes each time it is written."""

            __slots__ = ()

            def __getattribute__(self, name: str) -> object:
                if name == "attrs":
                    written.append(name)
                return super().__getattribute__(name)

        siblings: list[Element | str] = [Counting("b", "v" * 1000) for _ in range(1000)]
        self.assertRaises(TooLong, serialize, Element("a", "", {}, siblings), limit=10_000)
        self.assertEqual(len(written), 10)

    @OFTEN
    @given(ELEMENTS)
    def test_round_trip(self, element: Element) -> None:
        self.assertEqual(parse_document(serialize(element)), joined(element))
