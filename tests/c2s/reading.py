"""What a server sends, read by a parser that is none of ours, and compared as trees."""

from typing import Any
from xml.etree.ElementTree import Element, XMLPullParser, fromstring, tostring

from twisted.trial.unittest import SynchronousTestCase

from xmppd.wire.namespaces import CLIENT, SASL, STANZA_ERRORS, STREAM_ERRORS, STREAMS

DECLARATION = b"<?xml version='1.0'?>"
TEXTS = frozenset(f"{{{ns}}}text" for ns in (SASL, STREAM_ERRORS, STANZA_ERRORS))

Shape = tuple[Any, ...]


class Reader:
    """Reads the streams of one connection; what is not well-formed raises `ParseError`.

    - `header`: the attributes of the last stream header; `headers`: how many there were.
    - `elements`: the first-level elements nobody has looked at yet.
    - `all`: every header and first-level element, looked at or not.
    - `ended`: whether the stream has been closed.
    """

    def __init__(self) -> None:
        self.header: dict[str, str] = {}
        self.headers = 0
        self.elements: list[Element] = []
        self.all: list[Element] = []
        self.ended = False
        self._parser: Any = None
        self._depth = 0

    def feed(self, data: bytes) -> None:
        """Take everything that has come, an XML declaration in one piece."""
        head, *streams = data.split(DECLARATION)
        if head:
            self._feed(head)
        for stream in streams:
            self._parser = XMLPullParser(("start", "end"))
            self._depth = 0
            self.ended = False
            self._feed(DECLARATION + stream)

    def _feed(self, data: bytes) -> None:
        assert not self.ended, data
        self._parser.feed(data)
        for event, element in self._parser.read_events():
            self._depth += 1 if event == "start" else -1
            if event == "start" and self._depth == 1:
                assert element.tag == f"{{{STREAMS}}}stream", element.tag
                self.header = dict(element.attrib)
                self.headers += 1
                self.all.append(element)
            elif event == "end" and self._depth == 1:
                self.elements.append(element)
                self.all.append(element)
            elif self._depth == 0:
                self.ended = True


def parse(text: str) -> list[Element]:
    """Return the first-level elements which a server would write like that."""
    root = f"<stream:stream xmlns='{CLIENT}' xmlns:stream='{STREAMS}'>{text}</stream:stream>"
    return list(fromstring(root))


def shape(element: Element) -> Shape:
    """Return what counts in an element: all but how it is written, and texts for people."""
    children = [child for child in element if child.tag not in TEXTS]
    tails = [(child.tail or "").strip() for child in children]
    return (
        element.tag,
        tuple(sorted(element.attrib.items())),
        (element.text or "").strip(),
        tuple(map(shape, children)),
        *filter(None, tails),
    )


def alike(expected: Any, actual: Any) -> bool:
    """Compare two shapes; an attribute or text "*" stands for any that is not empty."""
    if expected == "*":
        return bool(actual)
    if not isinstance(expected, tuple) or not isinstance(actual, tuple):
        return bool(expected == actual)
    return len(expected) == len(actual) and all(map(alike, expected, actual))


def written(elements: list[Element]) -> str:
    """Return elements for a failure's message."""
    return "\n".join(tostring(element, "unicode") for element in elements) or "(nothing)"


def check_alike(case: SynchronousTestCase, expected: list[Element], came: list[Element]) -> None:
    """Fail the case unless just these elements have come (see `alike`)."""
    if not alike(tuple(map(shape, expected)), tuple(map(shape, came))):
        case.fail(f"expected:\n{written(expected)}\ncame:\n{written(came)}")


def exact(element: Element) -> Shape:
    """Return everything in an element but how it is written."""
    return (
        element.tag,
        tuple(sorted(element.attrib.items())),
        element.text or "",
        tuple((exact(child), child.tail or "") for child in element),
    )
