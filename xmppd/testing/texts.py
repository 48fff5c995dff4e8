"""Stanzas as XML text: read as a client's stream reads it, written so that texts can be compared.

Texts stand where `jabber:client` is the default namespace (RFC 6120 4.8.3).
"""

from xmppd.stanza.stanza import MAKERS, Stanza
from xmppd.wire.document import parse_fragment
from xmppd.wire.element import Element
from xmppd.wire.limits import ParserLimits
from xmppd.wire.namespaces import CLIENT, STREAMS
from xmppd.wire.parser import Fault, StreamParser
from xmppd.wire.serializer import serialize

_HEADER = f"<stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}'>".encode()
_ROOT = f"<root xmlns='{CLIENT}'>".encode()


def read_stanzas(text: str) -> list[Stanza]:
    """Return the stanzas a client sends by writing `text`.

    Raises `ValueError` for what would end the stream, or is something else than stanzas.
    """
    parser = StreamParser(CLIENT, MAKERS, ParserLimits())
    parser.one_by_one = False
    _header, *events, end = parser.feed(_HEADER + text.encode() + b"</stream:stream>")
    if isinstance(end, Fault):
        raise ValueError(f"{end.condition}: {end.text}")
    stanzas = [event for event in events if isinstance(event, Stanza)]
    if stanzas != events:
        raise ValueError("something else than stanzas")
    return stanzas


def normal(stanza: str | Stanza) -> str:
    """Return the one text of all that mean the same stanza.

    Attributes are sorted, namespaces declared where they begin; white space beside elements goes,
    so that texts may be indented.
    """
    if isinstance(stanza, str):
        element = parse_fragment(stanza.strip().encode(), _ROOT)
    else:
        element = stanza.to_element()
    return serialize(_tidied(element), CLIENT).decode()


def _tidied(element: Element) -> Element:
    children = element.children
    if element.child() is not None:
        children = [node for node in children if isinstance(node, Element) or node.strip()]
    return Element(
        element.name,
        element.ns,
        dict(sorted(element.attrs.items())),
        [_tidied(node) if isinstance(node, Element) else node for node in children],
    )
