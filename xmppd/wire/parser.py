"""The XML of one stream, cut into stanzas (RFC 6120 sections 4 and 11).

`StreamParser` is fed bytes as they come and returns what became whole: the stream's header, each
first-level element, the end of the stream, or a fault. It is a SAX parser: of a stanza it keeps the
attributes and the bytes between its tags (see `xmppd.wire.canonical`), and builds no tree.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pyexpat import ExpatError, XMLParserType

from xmppd.wire import faults
from xmppd.wire.canonical import Child
from xmppd.wire.document import clark_keys, new_expat
from xmppd.wire.faults import Refused, check_beginning, check_declaration, explain
from xmppd.wire.holdback import HoldBack, defers
from xmppd.wire.limits import ParserLimits
from xmppd.wire.namespaces import STREAMS
from xmppd.wire.root import Root, StanzaMaker

_START_TAG = re.compile(rb"<[^\"'>]*(?:(?:\"[^\"]*\"|'[^']*')[^\"'>]*)*>")
_NAME = re.compile(rb"[^< \t\r\n/>]+")
_STREAM = f"{STREAMS} stream"
_SPACE = b" \t\r\n"
_NOTHING: tuple[str, dict[str, str]] = ("", {})
_DEFERS = defers()


@dataclass(frozen=True, slots=True)
class Header:
    """The stream's root: its name, attributes and namespace declarations by prefix."""

    name: str
    ns: str
    attrs: dict[str, str]
    declarations: dict[str, str]


@dataclass(frozen=True, slots=True)
class End:
    """The peer closed the stream's root element."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The input cannot be read on: the stream error to send (RFC 6120 4.9.3) and why."""

    condition: str
    text: str


class _Stop(Exception):
    """Raised out of a handler to keep expat from reading on behind what was just cut off."""


class _Ended(Exception):
    """Raised out of a handler at the end of the stream."""


class StreamParser:
    """Cuts the input of one stream into `Header`, stanzas, `Element`s, `End` and `Fault`.

    - `content`: the content namespace the stream should have.
    - `makers`: by local name, what makes a stanza of a first-level element in that namespace; any
      other first-level element is returned as an `Element`.
    - `limits`: see `ParserLimits`; may be replaced at any time.
    - `hold_back`: whether expat needs whole tags (see `xmppd.wire.holdback`); found out if None.

    While `one_by_one` is true, `feed` returns as soon as the header or one first-level element is
    whole and keeps the bytes behind it, for what they mean depends on the answer to it.
    """

    __slots__ = (
        "_base",
        "_buffer",
        "_child_at",
        "_children",
        "_content",
        "_cut_at",
        "_declarations",
        "_depth",
        "_events",
        "_expat",
        "_hold",
        "_inner_at",
        "_makers",
        "_rest",
        "_room",
        "_root",
        "_top",
        "_top_at",
        "limits",
        "one_by_one",
    )

    # Positions are expat's: bytes since its beginning, the replayed root included. `_buffer`
    # starts at `_base` and holds what is not cut off yet; the last cut was made at `_cut_at`.

    def __init__(
        self,
        content: str,
        makers: Mapping[str, StanzaMaker],
        limits: ParserLimits,
        *,
        hold_back: bool | None = None,
    ) -> None:
        self._content = content
        self._makers = {f"{content} {name}": maker for name, maker in makers.items()}
        self.limits = limits
        self.one_by_one = True
        self._events: list[object] = []
        self._hold = HoldBack() if (_DEFERS if hold_back is None else hold_back) else None
        self._expat: XMLParserType | None = None
        self.reset()

    def reset(self) -> None:
        """Forget everything, unread bytes included, and expect a new stream's header."""
        self.close()
        self._declarations: dict[str, str] = {}  # the root's, while it is being read
        self._root: Root | None = None  # once it has been read
        self._base = self._cut_at = self._depth = 0
        self._children: list[Child] = []
        self._child_at = 0
        self._room = 0  # how many more elements the open first-level one may hold
        self._top = _NOTHING
        self._top_at = self._inner_at = 0
        if self._hold is not None:
            self._hold = HoldBack()

    def close(self) -> None:
        """Let go of expat, which refers back here, and of all input; nothing may be fed then."""
        self._expat = None
        self._buffer: bytes | bytearray = b""
        self._rest = b""

    def restart(self) -> None:
        """Expect a new stream's header, right behind the element returned last."""
        rest, hold = self._behind(self._cut_at) + self._rest, self._hold
        self.reset()
        self._rest, self._hold = rest, hold

    @property
    def unread(self) -> int:
        """How many bytes wait behind what was returned last (see `one_by_one`)."""
        return len(self._rest)

    def sleep(self) -> None:
        """Give up expat's memory if the stream stands between two stanzas with nothing half read.

        The next input wakes it.
        """
        if self._depth == 1 and not (self._buffer or self._rest):
            self._expat = None
            self._top = _NOTHING

    def feed(self, data: bytes) -> list[object]:
        """Take input and return the events it completed, a `Fault` last if there is one.

        After a `Fault` or an `End` the parser is closed.
        """
        events = self._events
        if self._hold is not None:
            data = self._hold.release(data)
        try:
            if self._rest:
                if data and len(self._rest) > self.limits.stanza:
                    raise Refused(*faults.TOO_FAR_AHEAD)
                data, self._rest = self._rest + data, b""
            while data:
                data = self._parse(data)
                if data and events and self.one_by_one:
                    self._rest = data
                    break
            if self._buffer or self._hold:
                self._check_unfinished()
        except _Ended:
            events.append(End())
            self.close()
        except Refused as refused:
            events.append(Fault(*refused.args))
            self.close()
        except ExpatError as error:
            at = self._expat.ErrorByteIndex  # type: ignore[union-attr]  # it has just complained
            events.append(Fault(*explain(error, self._behind(at))))
            self.close()
        self._events = []
        return events

    # The steps of `feed`.

    def _parse(self, data: bytes) -> bytes:
        """Feed expat and return what it was kept from reading."""
        if self._root is None:
            if not self._buffer:
                data = data.lstrip(_SPACE)  # nothing may stand ahead of an XML declaration
            check_beginning(bytes(self._buffer[:2]) + data[:2])
        expat = self._expat or self._begin()
        if not self._buffer:
            self._buffer = data
        else:
            if type(self._buffer) is bytes:
                self._buffer = bytearray(self._buffer)
            self._buffer += data
        try:
            expat.Parse(data, False)
        except _Stop:
            rest = self._behind(self._cut_at)
            self._expat, self._buffer = None, b""
            return rest
        self._drop_what_was_cut()
        return b""

    def _begin(self) -> XMLParserType:
        """Make an expat; in mid-stream, show it the root again first."""
        expat = new_expat()
        expat.CommentHandler = self._refuse
        expat.ProcessingInstructionHandler = self._refuse
        expat.StartDoctypeDeclHandler = self._refuse
        if self._root is None:
            self._base = 0
            expat.XmlDeclHandler = check_declaration
            expat.StartNamespaceDeclHandler = self._declare
            expat.StartElementHandler = self._header
        else:
            expat.Parse(self._root.tag, False)
            self._base = len(self._root.tag)
            expat.StartNamespaceDeclHandler = self._check_namespace
            expat.StartElementHandler = self._start
        expat.EndElementHandler = self._end
        self._cut_at = self._base
        self._expat = expat
        return expat

    def _behind(self, index: int) -> bytes:
        """Return the input from that position on."""
        return bytes(self._buffer[index - self._base :])

    def _drop_what_was_cut(self) -> None:
        """Hold on to the bytes of the element that is not whole yet, and no others."""
        if self._cut_at != self._base:
            self._buffer = self._behind(self._cut_at)
            self._base = self._cut_at
        if self._depth == 1 and self._buffer:
            tag = self._buffer.find(b"<")
            end = len(self._buffer) if tag < 0 else tag
            self._check_gap(self._base + end)
            if tag < 0:
                self._cut_at = self._base = self._base + end
                self._buffer = b""

    def _check_unfinished(self) -> None:
        if len(self._buffer) > self.limits.stanza:
            raise Refused(*faults.TOO_LARGE)
        if self._hold is not None:  # expat has whole tags only
            held = len(self._hold)
        else:
            expat = self._expat
            assert expat is not None  # it is let go of together with the buffer
            held = self._base + len(self._buffer) - expat.CurrentByteIndex
        if held > self.limits.tag:
            raise Refused(*faults.TAG_TOO_LONG)

    # Expat's handlers.

    def _refuse(self, *_: object) -> None:
        raise Refused("restricted-xml", "a comment, processing instruction or document type")

    def _check_namespace(self, _prefix: str | None, ns: str | None) -> None:
        if ns is not None and len(ns) > self.limits.namespace:
            raise Refused(*faults.NAMESPACE_TOO_LONG)

    def _declare(self, prefix: str | None, ns: str | None) -> None:
        """Take a namespace declaration of the root, reported ahead of it."""
        self._check_namespace(prefix, ns)
        self._declarations[prefix or ""] = ns or ""
        self._check_attributes(self._declarations)

    def _header(self, name: str, attrs: dict[str, str]) -> None:
        """Take the stream's header."""
        self._check_attributes(attrs)
        expat = self._expat
        assert expat is not None  # it is calling
        header = _START_TAG.match(self._buffer, expat.CurrentByteIndex)
        assert header is not None  # expat has just read it
        self._cut_at = header.end()
        if self._cut_at > self.limits.stanza:
            raise Refused(*faults.HEADER_TOO_LARGE)
        expat.StartNamespaceDeclHandler = self._check_namespace
        expat.StartElementHandler = self._start
        self._depth = 1
        declarations, self._declarations = self._declarations, {}
        written = _NAME.search(header[0])
        assert written is not None
        self._root = Root(self._content, written[0].decode(), declarations)
        ns, _, local = name.rpartition(" ")
        self._events.append(Header(local, ns, clark_keys(attrs), declarations))
        if self.one_by_one and self._cut_at < len(self._buffer):
            raise _Stop

    def _start(self, name: str, attrs: dict[str, str]) -> None:
        depth = self._depth
        self._depth = depth + 1
        if attrs and len(attrs) > self.limits.attributes:
            raise Refused(*faults.TOO_MANY)
        if depth == 1:
            if name == _STREAM:
                raise Refused(*faults.ANOTHER_STREAM)
            index = self._expat.CurrentByteIndex  # type: ignore[union-attr]  # it calls
            if index != self._cut_at:
                self._check_gap(index)
            tag = _START_TAG.match(self._buffer, index - self._base)
            self._top = name, attrs
            self._top_at = index
            self._inner_at = self._base + tag.end()  # type: ignore[union-attr]  # expat has read it
            if self._inner_at - index > self.limits.tag:
                raise Refused(*faults.TAG_TOO_LONG)
            self._room = self.limits.elements
            return
        if self._room == 0:
            raise Refused(*faults.TOO_FULL)
        self._room -= 1
        if depth == 2:
            self._child_at = self._expat.CurrentByteIndex  # type: ignore[union-attr]  # it calls
        elif depth >= self.limits.depth:
            raise Refused(*faults.TOO_DEEP)

    def _end(self, name: str) -> None:
        depth = self._depth = self._depth - 1
        if depth == 2:
            index = self._expat.CurrentByteIndex  # type: ignore[union-attr]  # it calls
            inner = self._inner_at
            self._children.append((name, self._child_at - inner, index - inner))
            if len(self._children) > self.limits.children:
                raise Refused(*faults.TOO_FULL)
        elif depth == 1:
            self._cut(self._expat.CurrentByteIndex)  # type: ignore[union-attr]  # it calls
        elif depth == 0:
            self._check_gap(self._expat.CurrentByteIndex)  # type: ignore[union-attr]  # it calls
            raise _Ended

    # What the handlers share.

    def _check_attributes(self, attrs: Mapping[str, str]) -> None:
        if len(attrs) > self.limits.attributes:
            raise Refused(*faults.TOO_MANY)

    def _check_gap(self, index: int) -> None:
        """Allow nothing but white space between first-level elements."""
        if self._buffer[self._cut_at - self._base : index - self._base].strip(_SPACE):
            raise Refused("bad-format", "text between stanzas")

    def _cut(self, end_tag_at: int) -> None:
        """Cut the first-level element out of the buffer whose end tag begins at `end_tag_at`."""
        base, buffer = self._base, self._buffer
        start, inner = self._top_at - base, self._inner_at - base
        if buffer[inner - 2] == 0x2F:  # "/>": there is no end tag
            inner_end = end = inner
        else:
            inner_end = end_tag_at - base
            end = buffer.index(b">", inner_end) + 1
        if end - start > self.limits.stanza:
            raise Refused(*faults.TOO_LARGE)
        root = self._root
        assert root is not None  # this is inside it
        name, attrs = self._top
        maker = self._makers.get(name)
        raw = bytes(buffer[start:end])
        if maker is None:
            self._events.append(root.element(raw))
        else:
            inside = inner - start, inner_end - start
            stanza = root.stanza(maker, attrs, raw, inside, self._children, self.limits)
            self._events.append(stanza)
        self._children = []
        self._cut_at = base + end
        if self._cut_at > self.limits.renewal or (self.one_by_one and end < len(buffer)):
            raise _Stop
