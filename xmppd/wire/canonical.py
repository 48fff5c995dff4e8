"""The canonical form of a stanza: bytes that mean the same in any stream they are written to.

A stanza's own tag is kept as attributes. Its **inner bytes** rely on one thing only: that the
default namespace around them is the content namespace, whatever that is called on a stream
(`jabber:client`, `jabber:server`, `jabber:component:accept`; RFC 6120 4.8.3). In trees and names
it is always called `jabber:client`.

Most stanzas arrive in this form already. The others lean on their sender's root element (a prefix
bound there) or spell the content namespace out; passed on as they are they would break, or mean
something else in, the stream of whoever receives them.
"""

import re

from xmppd.wire.element import Element
from xmppd.wire.namespaces import CLIENT
from xmppd.wire.serializer import escape_text, serialize

Child = tuple[str, int, int]
"""A first-level child of a stanza: its name and where it stands in the inner bytes.

The name is "namespace local", or just "local" without a namespace. The first number is where its
start tag begins, the second where its end tag begins; a child without an end tag has the position
behind it there.
"""

_CONTENT_NAMES = re.compile(rb"jabber:(?:client|server|component:accept)")


def self_contained(raw: bytes, tag: int, prefixes: tuple[bytes, ...]) -> bool:
    """Tell whether the stanza `raw` is canonical behind its start tag, its first `tag` bytes.

    `prefixes` are those bound on the stream's root, each with its colon. The answer may be False
    for a stanza that would do (the prefix occurs in its text), never True for one that would not.
    """
    for prefix in prefixes:
        if prefix in raw:
            return False
    if b"jabber:" in raw and _CONTENT_NAMES.search(raw, tag):
        return False
    if b"&#" in raw and b"xmlns" in raw:  # a namespace name may be written with references
        return False
    return b"xmlns:" not in raw[:tag]


def rescope(stanza: Element, content: str) -> None:
    """Move a stanza, and its parts that share its content namespace, to `jabber:client`.

    What stands inside an element of another namespace stays as it is: there the content namespace
    is a matter of that element's protocol, not of this stream.
    """
    todo = [stanza]
    while todo:
        element = todo.pop()
        element.ns = CLIENT
        todo.extend(child for child in element.elements() if child.ns == content)


def inner_of(stanza: Element) -> tuple[bytes, list[Child]]:
    """Return the canonical inner bytes of a stanza's tree, and its first-level children.

    Raises `ValueError` if a text or attribute holds what no XML document can.
    """
    pieces: list[bytes] = []
    children: list[Child] = []
    at = 0
    for node in stanza.children:
        if isinstance(node, str):
            piece = escape_text(node).encode()
        else:
            piece = serialize(node, CLIENT)
            end = piece.rindex(b"</") if node.children else len(piece)
            name = f"{node.ns} {node.name}" if node.ns else node.name
            children.append((name, at, at + end))
        pieces.append(piece)
        at += len(piece)
    return b"".join(pieces), children
