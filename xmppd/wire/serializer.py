"""Trees to bytes: namespace-well-formed UTF-8 without any prefix but those of attributes.

Every element declares its namespace as the default where it differs from its parent's, so that a
piece cut from a document means the same anywhere (RFC 6120 4.8).
"""

import re
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache

from xmppd.wire.element import Element
from xmppd.wire.namespaces import XML

# Besides markup: carriage returns, and line ends in attributes, would be changed by the reader's
# normalisation (XML 1.0, 2.11 and 3.3.3); the rest is no XML character at all (2.2).
_NOT_XML = "\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff"
_SPECIAL_TEXT = re.compile(f"[&<>\r{_NOT_XML}]")
_SPECIAL_ATTR = re.compile(f"[&<>\"'\t\n\r{_NOT_XML}]")
# A name without a prefix (Namespaces in XML, 3; XML 1.0, 2.3).
_START = (
    "A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NAME = re.compile(f"[{_START}][{_START}.0-9\xb7\u0300-\u036f\u203f\u2040-]*")
_ENTITIES = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&apos;",
    "\t": "&#9;",
    "\n": "&#10;",
    "\r": "&#13;",
}


def _entity(match: re.Match[str]) -> str:
    try:
        return _ENTITIES[match[0]]
    except KeyError:
        raise ValueError(f"U+{ord(match[0]):04X} cannot be written in XML") from None


@lru_cache(maxsize=512)  # names are few, but for those strangers make up
def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def _no_name(name: str) -> ValueError:
    return ValueError(f"{name[:80]!r} is no name in XML")


def escape_text(text: str) -> str:
    """Return `text` as character data. Raises `ValueError` for what no XML document can hold."""
    return _SPECIAL_TEXT.sub(_entity, text) if _SPECIAL_TEXT.search(text) else text


def escape_attr(text: str) -> str:
    """Return `text` for use within an attribute's quotes of either kind.

    Raises `ValueError` for what no XML document can hold.
    """
    return _SPECIAL_ATTR.sub(_entity, text) if _SPECIAL_ATTR.search(text) else text


def attributes(attrs: Mapping[str, str]) -> str:
    """Return attributes as they stand in a start tag, each with a space before it.

    Attributes in a namespace get prefixes of their own, declared beside them. Raises `ValueError`
    for a name or value that no XML document can hold.
    """
    parts = []
    prefixes: dict[str, str] = {}
    for key, value in attrs.items():
        name = local = key
        if key[:1] == "{":
            ns, _, local = key[1:].rpartition("}")  # a namespace may hold a brace, a name not
            prefix = "xml" if ns == XML else prefixes.get(ns)
            if prefix is None:
                prefix = prefixes[ns] = f"a{len(prefixes)}"
                parts.append(f' xmlns:{prefix}="{escape_attr(ns)}"')
            name = f"{prefix}:{local}"
        if not _is_name(local) or name == "xmlns":
            raise _no_name(local)
        parts.append(f' {name}="{escape_attr(value)}"')
    return "".join(parts)


class TooLong(ValueError):
    """A tree takes more room than it may."""


def _write(element: Element, scope: str, out: list[str], room: int) -> None:
    """Append the pieces of `element` to `out`; `scope` is the default namespace around it.

    Walks with a stack of its own: a tree may be as deep as a stream's limit lets it be. Gives up
    with `TooLong` behind `room` characters: a name of a kilobyte is written at each change of
    namespace, where its reader spent a prefix.
    """
    stack: list[tuple[Iterator[Element | str], str, str]] = [(iter((element,)), scope, "")]
    while stack:
        siblings, around, end = stack[-1]
        for node in siblings:
            if isinstance(node, str):
                out.append(escape_text(node))
                continue
            name, ns = node.name, node.ns
            if not _is_name(name):
                raise _no_name(name)
            # Names in the XML namespace are only ever written with its reserved prefix.
            tag = f"xml:{name}" if ns == XML else name
            declaration = "" if ns in (around, XML) else f' xmlns="{escape_attr(ns)}"'
            close = "" if node.children else "/"
            piece = f"<{tag}{declaration}{attributes(node.attrs)}{close}>"
            out.append(piece)
            room -= len(piece)
            if room < 0:
                raise TooLong
            if node.children:
                stack.append((iter(node.children), ns, f"</{tag}>"))
                break
        else:
            out.append(end)
            stack.pop()


def serialize(element: Element, scope: str = "", limit: int = sys.maxsize) -> bytes:
    """Return `element` as UTF-8 XML for a place where `scope` is the default namespace.

    Raises `ValueError` if a name, text or attribute is what no XML document can hold, and its kind
    `TooLong` instead of returning more than `limit` bytes.
    """
    out: list[str] = []
    _write(element, scope, out, limit)
    data = "".join(out).encode()
    if len(data) > limit:
        raise TooLong
    return data
