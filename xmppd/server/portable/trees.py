"""XML files we may trust, as trees of our own: no entities, no document types, no network.

lxml keeps every name it has met in a table of the thread for ever; what users store is small beside
that, and comes from the server that is moved.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from xmppd.wire.element import Element

_OPTIONS: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "remove_comments": True,
    "remove_pis": True,
}


class NotReadable(Exception):
    """A file is no XML that we read, or cannot be read at all; one plain sentence."""


def events(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield ("start" or "end", lxml element) as the file is read. Raises `NotReadable`.

    Elements have their children at the end; whoever is done with one clears it.
    """
    if not path.is_file():
        raise NotReadable(f"{path}: is not there" if not path.exists() else f"{path}: is no file")
    try:
        reading = etree.iterparse(str(path), events=("start", "end"), **_OPTIONS)
        for number, (event, element) in enumerate(reading):
            if number == 0 and element.getroottree().docinfo.doctype:
                raise NotReadable(f"{path}: has a document type, which is not read")
            yield event, element
    except etree.XMLSyntaxError as error:
        # The parser's words may quote the file, which is full of secrets.
        raise NotReadable(f"{path}:{error.lineno or 1}: is not well-formed XML") from None
    except OSError as error:
        raise NotReadable(f"{path}: cannot be read ({error.strerror or 'I/O error'})") from None


def whole(path: Path) -> Any:
    """Return the root (of lxml) of a file that fits into memory. Raises `NotReadable`."""
    root = None
    for _event, element in events(path):
        root = element if root is None else root
    return root


def done_with(element: Any) -> None:
    """Let go of an element that was read, and of those before it."""
    element.clear()
    parent = element.getparent()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]


def clark(tag: str) -> tuple[str, str]:
    """Return namespace and name of a tag as lxml writes it."""
    ns, _, name = tag.rpartition("}")
    return ns[1:], name


def tree(element: Any) -> Element:
    """Return an element of lxml as one of ours. Raises `ValueError` for one with entities."""
    root = _bare(element)
    todo = [(root, element)]
    while todo:
        ours, theirs = todo.pop()
        if theirs.text:
            ours.children.append(theirs.text)
        for child in theirs:
            made = _bare(child)
            ours.children.append(made)
            todo.append((made, child))
            if child.tail:
                ours.children.append(child.tail)
    return root


def _bare(element: Any) -> Element:
    if not isinstance(element.tag, str):
        raise ValueError("entities, which are not read")
    ns, name = clark(element.tag)
    return Element(name, ns, {str(key): str(value) for key, value in element.attrib.items()})
