"""Random stanzas full of prefixes, and the standard library's reading of them to compare with."""

from dataclasses import dataclass
from xml.etree import ElementTree

from hypothesis import strategies as st

from tests.wire.streams import HEADERS, KINDS, STREAMS
from xmppd.wire.namespaces import CLIENT, COMPONENT, SERVER, XML

CONTENTS = (CLIENT, SERVER, COMPONENT)
FORWARD = "urn:xmpp:forward:0"

Tree = tuple[str, tuple[tuple[str, str], ...], tuple[object, ...]]
"""An element: "{namespace}name", sorted attributes, and children, texts joined."""

_NAMESPACES = st.sampled_from([*CONTENTS, "urn:x", "urn:y", STREAMS, "jabber:x:data"])
_LOCAL = st.sampled_from(["a", "b", "body", "message"])
_TEXT = st.sampled_from(
    [
        *("", " ", "hi", "\u20ac\U0001d11e", "a &lt;b> &amp;&#233;", "\r\n\t", "]]&gt;", "&#13;"),
        *("stream:x", "xmlns:p", "jabber:client", "<![CDATA[</a> & ]]]]><![CDATA[>]]>", "p:q"),
    ]
)
_VALUES = st.sampled_from(["", "x", "a>b", "a&lt;&amp;", "&quot;&apos;", "\t\n", "&#9;&#10;\u20ac"])
_ROOT_PREFIXES = {
    CLIENT: {"": CLIENT, "stream": STREAMS},
    SERVER: {"": SERVER, "stream": STREAMS, "db": "jabber:server:dialback"},
    COMPONENT: {"": COMPONENT, "stream": STREAMS},
}


@dataclass(frozen=True)
class Written:
    """A stanza as written on a stream with this header."""

    content: str
    header: bytes
    raw: bytes


def _tag(
    draw: st.DrawFn, scope: dict[str, str], wanted: str | None = None
) -> tuple[str, str, dict[str, str]]:
    """Draw a tag's prefix, the rest of it behind the name, and the declarations inside it.

    Its name is in the namespace `wanted`, if given.
    """
    own = draw(st.dictionaries(st.sampled_from(["", "p", "q"]), _NAMESPACES, max_size=2))
    if wanted is None and "" not in own and draw(st.booleans()):
        own[""] = ""
    inside = scope | own
    if wanted is not None and wanted not in inside.values():
        own[""] = inside[""] = wanted
    prefixes = [p for p, ns in inside.items() if wanted in (None, ns)]
    prefix = draw(st.sampled_from(prefixes if wanted else [*prefixes, "xml"]))
    attrs = {("", name): name for name in draw(st.sets(_LOCAL, max_size=2))}
    for p in draw(st.sets(st.sampled_from([*inside, "xml"]), max_size=2)) - {""}:
        attrs[inside.get(p, XML), "lang"] = f"{p}:lang"
    parts = [f" {name}='{draw(_VALUES)}'" for name in attrs.values()]
    for p, ns in own.items():
        spelled = ns.replace(":", draw(st.sampled_from([":", ":", "&#58;"])))
        parts.append(f' xmlns{":" if p else ""}{p}="{spelled}"')
    return prefix, "".join(draw(st.permutations(parts))), inside


def _element(
    draw: st.DrawFn, scope: dict[str, str], depth: int, local: str = "", wanted: str | None = None
) -> str:
    """Draw an element, of that local name and namespace if given."""
    prefix, rest, inside = _tag(draw, scope, wanted)
    name = f"{prefix}:" if prefix else ""
    name += local or draw(_LOCAL)
    children = [
        draw(_TEXT) if draw(st.booleans()) else _element(draw, inside, depth - 1)
        for _ in range(draw(st.integers(0, 3)) if depth else 0)
    ]
    if not any(children):
        return f"<{name}{rest}/>"
    return f"<{name}{rest}>{''.join(children)}</{name} >"


@st.composite
def written_stanzas(draw: st.DrawFn) -> Written:
    """Draw a stanza whose names lean on its stream in every way there is."""
    content = draw(st.sampled_from(CONTENTS))
    more = draw(st.dictionaries(st.sampled_from(["p", "r"]), _NAMESPACES, max_size=2))
    declared = "".join(f" xmlns:{prefix}='{ns}'" for prefix, ns in more.items())
    header = HEADERS[content][:-1] + declared.encode() + b">"
    scope = _ROOT_PREFIXES[content] | more
    raw = _element(draw, scope, 3, draw(st.sampled_from(KINDS)), content)
    return Written(content, header, raw.encode())


def read(header: bytes, raw: bytes) -> ElementTree.Element:
    """Return the first-level element `raw`, read behind `header` by somebody else's code."""
    name = header[1:-1].split(maxsplit=1)[0]
    return ElementTree.fromstring(header + raw + b"</" + name + b">")[0]


def tree_of(element: ElementTree.Element, in_content: bool = False) -> Tree:
    """Return an element as a value.

    Where `in_content` holds, its namespace is a content namespace, whichever, and is left out,
    and so it is for what shares it (RFC 6120 4.8.3).
    """
    ns, _, name = element.tag.rpartition("}")
    here = in_content and ns[1:] in CONTENTS
    children: list[object] = [element.text or ""]
    for child in element:
        children += [tree_of(child, here), child.tail or ""]
    return (
        name if here else element.tag,
        tuple(sorted(element.attrib.items())),
        tuple(child for child in children if child != ""),
    )
