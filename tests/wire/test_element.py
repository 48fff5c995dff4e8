"""The small tree."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.wire.element import Element
from xmppd.wire.namespaces import CLIENT


class ElementTests(SynchronousTestCase):
    """Making, reading and comparing elements."""

    def test_defaults(self) -> None:
        element = Element("a")
        self.assertEqual((element.name, element.ns), ("a", CLIENT))
        self.assertEqual((element.attrs, element.children), ({}, []))

    def test_nothing_is_shared(self) -> None:
        first, second = Element("a"), Element("a")
        first.attrs["b"] = "c"
        first.children.append("d")
        self.assertEqual((second.attrs, second.children), ({}, []))

    def test_repr_is_discreet(self) -> None:
        element = Element("body", "u", {"id": "secret"}, ["secret", Element("secret")])
        self.assertEqual(repr(element), "<Element {u}body>")

    def test_equality(self) -> None:
        def make() -> Element:
            return Element("a", "u", {"b": "c"}, ["d", Element("e")])

        self.assertEqual(make(), make())
        for other in (
            Element("x", "u", {"b": "c"}, ["d", Element("e")]),
            Element("a", "x", {"b": "c"}, ["d", Element("e")]),
            Element("a", "u", {"b": "x"}, ["d", Element("e")]),
            Element("a", "u", {"b": "c"}, ["x", Element("e")]),
            Element("a", "u", {"b": "c"}, ["d", Element("x")]),
            Element("a", "u", {"b": "c"}, [Element("e"), "d"]),
            "a",
            None,
        ):
            self.assertNotEqual(make(), other)

    def test_cannot_be_a_key(self) -> None:
        self.assertRaises(TypeError, hash, Element("a"))

    def test_no_other_attributes(self) -> None:
        self.assertRaises(AttributeError, setattr, Element("a"), "to", "b")

    def test_text(self) -> None:
        table: list[tuple[list[Element | str], str]] = [
            ([], ""),
            (["a"], "a"),
            (["a", Element("b", "", {}, ["c"]), "d"], "ad"),
        ]
        for children, expected in table:
            self.assertEqual(Element("x", children=children).text, expected)

    def test_search(self) -> None:
        au, av, bu = Element("a", "u"), Element("a", "v"), Element("b", "u")
        parent = Element("x", "u", {}, ["text", au, av, "text", bu])
        table: list[tuple[str | None, str | None, list[Element]]] = [
            (None, None, [au, av, bu]),
            ("a", None, [au, av]),
            (None, "u", [au, bu]),
            ("a", "v", [av]),
            ("b", "v", []),
            ("text", None, []),
        ]
        for name, ns, expected in table:
            found = list(parent.elements(name, ns))
            self.assertEqual([id(child) for child in found], [id(child) for child in expected])
            first = parent.child(name, ns)
            self.assertIs(first, expected[0] if expected else None)

    def test_add(self) -> None:
        parent = Element("iq", CLIENT)
        query = parent.add("query", "u", node="n")
        name = query.add("name", text="x")
        empty = query.add("empty", "")
        expected = Element("query", "u", {"node": "n"}, [Element("name", "u", {}, ["x"]), empty])
        self.assertEqual(parent.children, [expected])
        self.assertIs(parent.child("query"), query)
        self.assertIs(query.child("name"), name)
        self.assertEqual(empty, Element("empty", ""))

    def test_add_an_attribute_called_name(self) -> None:
        """What is positional stays free for attributes."""
        item = Element("query").add("item", None, name="n", ns="m")
        self.assertEqual(item.attrs, {"name": "n", "ns": "m"})
