"""What one XML stream may make the parser hold (XEP-0205; RFC 6120 13.12)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ParserLimits:
    """Bounds on one stream; reaching one ends that stream with `policy-violation`.

    - `stanza`: bytes of one first-level element, and of the stream header; more must not be fed
      while more waits to be read.
    - `tag`: bytes of a tag (or entity) that has begun and not ended, and of a first-level element's
      own tag, whose attributes are written anew for whoever it goes to.
    - `depth`: nesting, the stream's root included; 3 at least.
    - `attributes`: attributes of one tag, and namespace declarations of the stream header.
    - `children`: elements directly inside one first-level element; `elements`: all inside it, each
      of which costs time on its way through.
    - `namespace`: characters of a namespace name, for each name in it is spelled out in memory.
    - `renewal`: after so many bytes of input the XML parser is replaced, at the end of a stanza;
      it keeps every name it has seen for as long as it lives.
    """

    stanza: int = 256 * 1024
    tag: int = 64 * 1024
    depth: int = 100
    attributes: int = 100
    children: int = 1000
    elements: int = 5000
    namespace: int = 1024
    renewal: int = 1024 * 1024
