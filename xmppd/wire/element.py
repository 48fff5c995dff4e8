"""A small XML tree: what a feature reads payloads from and builds answers with."""

from collections.abc import Iterator

from xmppd.wire.namespaces import CLIENT


class Element:
    """An XML element.

    - `name`: the local name (str); `ns`: the namespace name (str, "" for none).
    - `attrs`: dict of str; an attribute in a namespace has the key "{namespace}name".
    - `children`: list of `Element` and str in document order.

    In a stanza's tree the content namespace is always `jabber:client`, whichever kind of stream
    the stanza came over or will leave by.
    """

    __slots__ = ("attrs", "children", "name", "ns")

    def __init__(
        self,
        name: str,
        ns: str = CLIENT,
        attrs: dict[str, str] | None = None,
        children: "list[Element | str] | None" = None,
    ) -> None:
        self.name = name
        self.ns = ns
        self.attrs = {} if attrs is None else attrs
        self.children = [] if children is None else children

    def __repr__(self) -> str:
        """Name the element and nothing inside it, which may be private."""
        return f"<Element {{{self.ns}}}{self.name}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Element):
            return NotImplemented
        return (
            self.name == other.name
            and self.ns == other.ns
            and self.attrs == other.attrs
            and self.children == other.children
        )

    __hash__ = None  # type: ignore[assignment]  # it is mutable

    @property
    def text(self) -> str:
        """The character data directly inside, joined."""
        return "".join(child for child in self.children if isinstance(child, str))

    def elements(self, name: str | None = None, ns: str | None = None) -> "Iterator[Element]":
        """Yield the child elements, only those of that name and namespace where given."""
        for child in self.children:
            if (
                isinstance(child, Element)
                and (name is None or child.name == name)
                and (ns is None or child.ns == ns)
            ):
                yield child

    def child(self, name: str | None = None, ns: str | None = None) -> "Element | None":
        """Return the first child element of that name and namespace, or None."""
        return next(self.elements(name, ns), None)

    def add(self, name: str, ns: str | None = None, /, text: str = "", **attrs: str) -> "Element":
        """Append a child element, in this element's namespace unless `ns` is given; return it."""
        child = Element(name, self.ns if ns is None else ns, attrs, [text] if text else [])
        self.children.append(child)
        return child
