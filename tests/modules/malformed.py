"""Well-formed XML made wrong: trees changed at random places, the same each time for a seed."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from xmppd.wire.element import Element

Option = TypeVar("Option")

NAMESPACES = (
    "",
    "jabber:client",
    "jabber:server",
    "jabber:x:data",
    "urn:xmpp:nobody",
    "http://etherx.jabber.org/streams",
    "urn:ietf:params:xml:ns:xmpp-stanzas",
    "n" * 1000,
)
NAMES = ("item", "query", "x", "error", "field", "value", "set", "group", "\u00e9l\u00e9ment")
ATTRIBUTES = ("jid", "node", "type", "var", "id", "ver", "name", "subscription", "action", "xmlns2")

ADDRESSES = (
    "juliet@example.org",
    "JULIET@EXAMPLE.ORG/balcony",
    "juliet@example.org/",
    "example.org",
    "nurse@example.org/kitchen",
    "romeo@example.net",
    "romeo@example.net/orchard",
    "doll.example.org",
    "example.org/x",
    "@",
    "@example.org",
    "juliet@",
    "/balcony",
    "a@b@c",
    "a/b/c@d",
    "juliet@example..org",
    "-.-",
    ".",
    "x" * 1023 + "@example.org",
    "x" * 1024 + "@example.org",
    "juliet@" + "x." * 600 + "org",
    "juliet@example.org/" + "x" * 1024,
    "stra\u00dfe@b\u00fccher.example",
    "\u212a\u2126@example.org",
    "a\u200db@example.org",
    "\u05d0a@example.org",
    "a b@example.org",
    "a\\20b@example.org",
    "juliet@[::1]",
    "juliet@127.0.0.1",
    "juliet@xn--",
    "juliet@xn--bcher-kva.example",
    "\U0001f9dc@example.org",
)
VALUES = (
    "",
    " ",
    "\t\r\n",
    "0",
    "1",
    "-1",
    "+1",
    "-0",
    "01",
    " 1 ",
    "1_000",
    "1.5",
    "1e400",
    "nan",
    "inf",
    "0x10",
    "2147483648",
    "-9223372036854775809",
    "9" * 400,
    "9" * 5000,
    "\u0663",
    "\u00b2",
    "true",
    "TRUE",
    "none",
    "both",
    "remove",
    "subscribe",
    "get",
    "a" * 300,
    "a" * 5000,
    "\U0001f469\u200d" * 500,
    "\x7f\x80\x85\x9f",
    "\ufdd0\ufffd\U0010fffd",
    "\u202ea\u0300\u2028",
    "&<>\"']]>",
    "'; drop table accounts; --",
    "%s{0}{x}$y\\0",
    "../../etc/passwd",
    "====",
    "AAA",
    "2026-02-30T25:61:61Z",
    "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:60.999999999-99:99",
    "1969-07-21T02:56:15Z",
)
DEEP = 80
MANY = 90


class Spoiler:
    """Changes trees. What it puts in is taken from the tables above, and from `seen` and `others`.

    - `seen`: texts the server has said, such as the ids of what has begun; the caller adds to it.
    - `others`: trees pieces of which turn up where they do not belong.
    """

    def __init__(self, seed: str, others: Sequence[Element] = ()) -> None:
        self._random = random.Random(seed)
        self._others = [piece for other in others for piece in pieces(other)]
        self.seen: list[str] = []
        self._ways: tuple[Callable[[Element], None], ...] = (
            self._lose_child,
            self._double_child,
            self._strange_child,
            self._piece_of_another,
            self._shuffle,
            self._lose_attribute,
            self._odd_attribute,
            self._odd_attribute,
            self._odd_attribute,
            self._new_attribute,
            self._odd_text,
            self._odd_text,
            self._rename,
            self._move,
            self._nest,
            self._crowd,
            self._many_attributes,
        )

    def choice(self, options: Sequence[Option]) -> Option:
        """Return one of them."""
        return self._random.choice(options)

    def weighted(self, options: Sequence[Option], weights: Sequence[float]) -> Option:
        """Return one of them, those of more weight more often."""
        return self._random.choices(options, weights)[0]

    def chance(self, share: float) -> bool:
        """Say yes that often."""
        return self._random.random() < share

    def value(self) -> str:
        """Return a text that hardly fits anywhere."""
        tables: list[Sequence[str]] = [VALUES, ADDRESSES]
        if self.seen:
            tables.append(self.seen)
        return self.choice(self.choice(tables))

    def spoil(self, tree: Element) -> None:
        """Change one to four things in a tree."""
        for _ in range(self.choice((1, 1, 1, 2, 2, 3, 4))):
            self.choice(self._ways)(self.choice(list(pieces(tree))))

    def _at(self, node: Element) -> int:
        return self._random.randint(0, len(node.children))

    def _lose_child(self, node: Element) -> None:
        if node.children:
            node.children.pop(self._random.randrange(len(node.children)))

    def _double_child(self, node: Element) -> None:
        if node.children:
            node.children.insert(self._at(node), self.choice(node.children))

    def _strange_child(self, node: Element) -> None:
        child = Element(self.choice(NAMES), self.choice((*NAMESPACES, node.ns)))
        if self.chance(0.5):
            child.attrs[self.choice(ATTRIBUTES)] = self.value()
        if self.chance(0.5):
            child.children.append(self.value())
        node.children.insert(self._at(node), child)

    def _piece_of_another(self, node: Element) -> None:
        if self._others:
            node.children.insert(self._at(node), _copy(self.choice(self._others)))

    def _shuffle(self, node: Element) -> None:
        self._random.shuffle(node.children)

    def _lose_attribute(self, node: Element) -> None:
        if node.attrs:
            del node.attrs[self.choice(list(node.attrs))]

    def _odd_attribute(self, node: Element) -> None:
        if node.attrs:
            node.attrs[self.choice(list(node.attrs))] = self.value()
        else:
            self._odd_text(node)

    def _new_attribute(self, node: Element) -> None:
        name = self.choice((*ATTRIBUTES, "{urn:xmpp:nobody}jid", "{urn:xmpp:nobody}node"))
        node.attrs[name] = self.value()

    def _odd_text(self, node: Element) -> None:
        text = self.value()
        if self.chance(0.5):
            node.children = [text]
        else:
            node.children.insert(self._at(node), text)

    def _rename(self, node: Element) -> None:
        if self.chance(0.5):
            node.ns = self.choice(NAMESPACES)
        else:
            node.name = self.choice(NAMES)

    def _move(self, node: Element) -> None:
        """Put an element's children where it stands itself, or one level deeper."""
        inner = Element(node.name, node.ns, dict(node.attrs), node.children)
        node.children = [inner]

    def _nest(self, node: Element) -> None:
        for _ in range(DEEP):
            child = Element(node.name, node.ns, dict(node.attrs))
            node.children.append(child)
            node = child

    def _crowd(self, node: Element) -> None:
        child = node.child()
        many = [_copy(child) if child else Element("item", node.ns) for _ in range(MANY)]
        if self.chance(0.5):
            for each in many:
                each.attrs["jid"] = self.value()
        node.children += many

    def _many_attributes(self, node: Element) -> None:
        for number in range(MANY):
            node.attrs[f"a{number}"] = ""


def pieces(tree: Element) -> Iterator[Element]:
    """Yield an element and all inside of it."""
    yield tree
    for child in tree.elements():
        yield from pieces(child)


def _copy(tree: Element) -> Element:
    children = [_copy(node) if isinstance(node, Element) else node for node in tree.children]
    return Element(tree.name, tree.ns, dict(tree.attrs), children)
