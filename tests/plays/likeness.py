"""Whether a stanza is the one expected, where `*` and `$name` stand for what cannot be foretold."""

from collections.abc import Mapping
from difflib import ndiff
from types import MappingProxyType

from xmppd.testing.texts import normal
from xmppd.wire.document import parse_fragment
from xmppd.wire.element import Element
from xmppd.wire.namespaces import CLIENT
from xmppd.wire.serializer import serialize

_ROOT = f"<root xmlns='{CLIENT}'>".encode()


class Unknown:
    """The values of `$name`s, as they become known."""

    def __init__(self, values: Mapping[str, str] = MappingProxyType({})) -> None:
        self._values = dict(values)

    def fill(self, text: str) -> str:
        """Return a text to be sent, with the values in place of their names.

        Raises `KeyError` for a name that has not been received.
        """
        found = split_stanzas(text)
        return "".join(serialize(self._filled(each), CLIENT).decode() for each in found)

    def _filled(self, element: Element) -> Element:
        attrs = {
            name: self._values[value] if value.startswith("$") else value
            for name, value in element.attrs.items()
        }
        children = [
            self._filled(child) if isinstance(child, Element) else child
            for child in element.children
        ]
        return Element(element.name, element.ns, attrs, children)

    def blind(self, expected: Element, got: Element) -> Element:
        """Return `got` with the marks of `expected` wherever they stand for what is there."""
        attrs = dict(got.attrs)
        for name, value in got.attrs.items():
            mark = expected.attrs.get(name, "")
            if mark == "*" or (mark.startswith("$") and self._learn(mark, value)):
                attrs[name] = mark
        theirs = iter([child for child in expected.children if isinstance(child, Element)])
        children: list[Element | str] = []
        for child in got.children:
            other = next(theirs, None) if isinstance(child, Element) else None
            known = isinstance(child, Element) and other is not None
            children.append(self.blind(other, child) if known else child)  # type: ignore[arg-type]
        return Element(got.name, got.ns, attrs, children)

    def _learn(self, name: str, value: str) -> bool:
        return self._values.setdefault(name, value) == value

    def match(self, expected: Element, got: Element) -> bool:
        """Tell whether they are alike; only then anything is learned."""
        trial = Unknown(self._values)
        if trial.blind(expected, got) != expected:
            return False
        self._values = trial._values
        return True


def split_stanzas(text: str) -> list[Element]:
    """Return the trees of the stanzas in a text, white space between them aside."""
    root = parse_fragment(f"<all>{text}</all>".encode(), _ROOT)
    return list(root.elements())


def difference(expected: str, got: list[str], unknown: Unknown) -> str:
    """Return "" if a client received what is expected, else what to read: one line for a tag."""
    wanted = [split_stanzas(normal_of(each))[0] for each in split_stanzas(expected)]
    trees = [split_stanzas(text)[0] for text in got]
    seen = [_counterpart(tree, wanted, unknown) for tree in trees]
    left = [line for each in wanted for line in _tags(each)]
    right = [line for each in seen for line in _tags(each)]
    return "" if left == right else "\n".join(ndiff(left, right))


def _counterpart(tree: Element, wanted: list[Element], unknown: Unknown) -> Element:
    """Return the expected stanza that is like this one, or this one."""
    return next((each for each in wanted if unknown.match(each, tree)), tree)


def normal_of(element: Element) -> str:
    """Return a tree as the one text of all that mean the same."""
    return normal(serialize(element, CLIENT).decode())


def _tags(element: Element) -> list[str]:
    return normal_of(element).replace("><", ">\n<").split("\n")
