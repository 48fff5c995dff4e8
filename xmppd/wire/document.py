"""One whole XML document of ours, or one stanza already checked, to a tree.

The input has passed a stream's parser (and its limits) before, or is our own writing.
"""

from collections.abc import Mapping
from pyexpat import ExpatError, ParserCreate, XMLParserType

from xmppd.wire.element import Element
from xmppd.wire.serializer import escape_attr


class DocumentError(ValueError):
    """The bytes are not one namespace-well-formed document without a document type."""


def clark(name: str) -> str:
    """Turn expat's "namespace local" into "{namespace}local"; plain names stay."""
    ns, _, local = name.rpartition(" ")
    return f"{{{ns}}}{local}" if ns else local


def clark_keys(attrs: dict[str, str]) -> dict[str, str]:
    """Return attributes by names as in an `Element`; `attrs` itself if it has them already."""
    for key in attrs:
        if " " in key:
            return {clark(key): value for key, value in attrs.items()}
    return attrs


def new_expat() -> XMLParserType:
    """Return an expat that reads UTF-8 and reports names as "namespace local".

    It interns nothing (its table would outlive every stanza) and answers at once where that can be
    asked for (see `xmppd.wire.holdback`).
    """
    expat = ParserCreate("UTF-8", " ", None)  # None: no table of names
    if hasattr(expat, "SetReparseDeferralEnabled"):
        expat.SetReparseDeferralEnabled(False)
    return expat


class _Builder:
    """Builds a tree out of expat's callbacks."""

    def __init__(self) -> None:
        self.root = Element("", "")
        self._open = [self.root]
        self._namespaces: dict[str, str] = {}  # expat spells one out for each name

    def start(self, name: str, attrs: dict[str, str]) -> None:
        ns, _, local = name.rpartition(" ")
        element = Element(local, self._namespaces.setdefault(ns, ns), clark_keys(attrs))
        self._open[-1].children.append(element)
        self._open.append(element)

    def end(self, _name: str) -> None:
        self._open.pop()

    def text(self, data: str) -> None:
        self._open[-1].children.append(data)

    def refuse(self, *_: object) -> None:
        raise DocumentError("a document type declaration")


def parse_document(data: bytes) -> Element:
    """Return the root element of the document `data` (UTF-8).

    Raises `DocumentError` for what is not well-formed or declares a document type.
    """
    builder = _Builder()
    parser = new_expat()
    parser.buffer_size = len(data) + 1  # a text is one child, however long
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = builder.refuse
    try:
        parser.Parse(data, True)
    except ExpatError as error:
        raise DocumentError(str(error)) from None
    root = builder.root.children[0]
    assert isinstance(root, Element)  # a well-formed document has one
    return root


def parse_fragment(data: bytes, root: bytes) -> Element:
    """Return the one element `data` is, as it stands right behind the start tag `root`.

    Raises `DocumentError` as `parse_document` does.
    """
    name = root[1:-1].split(maxsplit=1)[0]
    child = parse_document(b"%b%b</%b>" % (root, data, name)).child()
    if child is None:
        raise DocumentError("no element")
    return child


def bare_root(name: str, declarations: Mapping[str, str]) -> bytes:
    """Return a start tag with these namespace declarations and nothing else.

    `name` is written as it is, with its prefix; `declarations` maps prefixes ("" for the default)
    to namespace names.
    """
    written = "".join(
        f' xmlns{":" if prefix else ""}{prefix}="{escape_attr(ns)}"'
        for prefix, ns in declarations.items()
    )
    return f"<{name}{written}>".encode()
