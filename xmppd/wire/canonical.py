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
import sys

from xmppd.wire.element import Element
from xmppd.wire.namespaces import CLIENT, COMPONENT, SERVER
from xmppd.wire.serializer import TooLong, escape_text, serialize

Child = tuple[str, int, int]
"""A first-level child of a stanza: its name and where it stands in the inner bytes.

The name is "namespace local", or just "local" without a namespace. The first number is where its
start tag begins, the second where its end tag begins; a child without an end tag has the position
behind it there.
"""

_CONTENT = (CLIENT, SERVER, COMPONENT)
_AMPERSAND = 0x26
# What makes a stanza lean on its place, besides prefixes of the root: prefixes of its own, for what
# stands unprefixed inside a prefixed element keeps the namespace it has here (RFC 6120 4.8.3) and
# must have it spelled out; and a content namespace by name. Each has a colon, which is found fast.
_LEANS = re.compile(rb":(?:(?<=xmlns:)|(?<=<xml:)|(?<=jabber:)(?:client|server|component:accept))")


def self_contained(raw: bytes, tag: int, prefixes: tuple[bytes, ...]) -> bool:
    """Tell whether the stanza `raw` is canonical behind its start tag, its first `tag` bytes.

    `prefixes` are those bound on the stream's root, each with its colon. The answer may be False
    for a stanza that would do (the prefix occurs in its text), never True for one that would not.
    """
    for prefix in prefixes:
        if raw.find(prefix) >= 0:  # faster than `in`
            return False
    if raw.find(b"xmlns:", 0, tag) >= 0 or _LEANS.search(raw, tag):
        return False
    # A namespace name may be written with references.
    return not (_AMPERSAND in raw and b"&#" in raw and b"xmlns" in raw)


def as_of_client(children: list[Child], content: str) -> list[Child]:
    """Return first-level children with those of the content namespace in `jabber:client`."""
    own = f"{content} "
    return [
        (CLIENT + name[len(own) - 1 :] if name.startswith(own) else name, start, end)
        for name, start, end in children
    ]


def rescope(stanza: Element, content: str) -> None:
    """Move a stanza, and its parts that share its content namespace, to `jabber:client`.

    A part spelling out the content namespace of another kind of stream joins them: it would on
    such a stream. What stands inside an element of another namespace stays as it is: there the
    content namespace is a matter of that element's protocol, not of this stream.
    """
    todo = [stanza]
    while todo:
        element = todo.pop()
        element.ns = CLIENT
        todo.extend(
            child for child in element.elements() if child.ns == content or child.ns in _CONTENT
        )


def inner_of(stanza: Element, limit: int = sys.maxsize) -> tuple[bytes, list[Child]]:
    """Return the canonical inner bytes of a stanza's tree, and its first-level children.

    Raises `ValueError` if a name, text or attribute is what no XML document can hold, and its kind
    `TooLong` instead of returning more than `limit` bytes.
    """
    pieces: list[bytes] = []
    children: list[Child] = []
    at = 0
    for node in stanza.children:
        if isinstance(node, str):
            piece = escape_text(node).encode()
        else:
            piece = serialize(node, CLIENT, limit - at)
            end = piece.rindex(b"</") if node.children else len(piece)
            name = f"{node.ns} {node.name}" if node.ns else node.name
            children.append((name, at, at + end))
        pieces.append(piece)
        at += len(piece)
        if at > limit:
            raise TooLong
    return b"".join(pieces), children
