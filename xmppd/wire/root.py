"""A stream's root: what its namespace declarations mean for the elements in it (RFC 6120 4.8)."""

from collections.abc import Callable, Mapping

from xmppd.wire import faults
from xmppd.wire.canonical import Child, as_of_client, inner_of, rescope, self_contained
from xmppd.wire.document import bare_root, clark_keys, parse_fragment
from xmppd.wire.element import Element
from xmppd.wire.faults import Refused
from xmppd.wire.limits import ParserLimits
from xmppd.wire.namespaces import CLIENT
from xmppd.wire.serializer import TooLong, attributes

StanzaMaker = Callable[[dict[str, str], bytes, list[Child]], object]
"""Makes a stanza of its attributes, its canonical inner bytes and its first-level children.

It must not raise.
"""

_ESCAPED = 6  # times its length is what a character takes at most when it is written anew


class Root:
    """Makes stanzas and elements of the bytes that a parser has cut out inside this root.

    - `content`: the content namespace the stream should have.
    - `tag`: a start tag that declares the same namespaces, and nothing else.
    """

    __slots__ = ("_prefixes", "content", "tag")

    def __init__(self, content: str, name: str, declarations: Mapping[str, str]) -> None:
        self.content = content
        self.tag = bare_root(name, declarations)
        self._prefixes = tuple(f"{p}:".encode() for p in declarations if p not in ("", "xml"))

    def element(self, raw: bytes) -> Element:
        """Return the tree of a first-level element."""
        return parse_fragment(raw, self.tag)

    def stanza(
        self,
        maker: StanzaMaker,
        attrs: dict[str, str],
        raw: bytes,
        inside: tuple[int, int],
        children: list[Child],
        limits: ParserLimits,
    ) -> object:
        """Return what `maker` makes of a first-level element in the content namespace.

        - `attrs`, `children`: as expat names them; `children` are counted from `inside`.
        - `inside`: where in `raw` its own tags leave off and begin.

        Raises `Refused` for one that goes beyond `limits` in its canonical form.
        """
        begin, end = inside
        if not self_contained(raw, begin, self._prefixes):
            return self._rewritten(maker, raw, limits)
        attrs = clark_keys(attrs)
        if begin * _ESCAPED > limits.tag:
            _check_written(attrs, limits)
        if self.content != CLIENT and children:
            children = as_of_client(children, self.content)
        return maker(attrs, raw[begin:end], children)

    def _rewritten(self, maker: StanzaMaker, raw: bytes, limits: ParserLimits) -> object:
        """Make a stanza of bytes that are not canonical."""
        tree = self.element(raw)
        _check_written(tree.attrs, limits)
        rescope(tree, self.content)
        try:
            inner, children = inner_of(tree, limits.stanza)
        except TooLong:
            raise Refused(*faults.TOO_LARGE) from None
        return maker(tree.attrs, inner, children)


def _check_written(attrs: Mapping[str, str], limits: ParserLimits) -> None:
    """Hold a stanza's own tag to its limit as it will be written, escaped and declared."""
    if len(attributes(attrs).encode()) > limits.tag:
        raise Refused(*faults.TAG_TOO_LONG)
