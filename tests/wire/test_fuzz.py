"""Whatever bytes come, a parser answers with events and holds no more than it may."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.every_split import PIECES, marks
from tests.wire.streams import Made, feed_all, new_parser, single_bytes
from xmppd.wire.element import Element
from xmppd.wire.limits import ParserLimits
from xmppd.wire.parser import End, Fault, Header

OFTEN = settings(deadline=None, derandomize=True, database=None, max_examples=400)
STREAM = b"".join(PIECES)
MARKS = marks(PIECES)
CONDITIONS = {
    "bad-format",
    "not-well-formed",
    "policy-violation",
    "restricted-xml",
    "unsupported-encoding",
}
LIMITS = ParserLimits(stanza=300, tag=200, depth=6, attributes=6, children=6, renewal=500)

_MARKUP = st.sampled_from(
    [
        *(b"<", b">", b"/", b"'", b'"', b"=", b"&", b";", b" ", b"]]>", b"<![CDATA[", b"<!--"),
        *(b"<?", b"?>", b"<!DOCTYPE", b"&#0;", b"&#x20AC;", b"&x;", b"\x00", b"\xff", b"\xc3"),
        *(b"xmlns", b"xmlns:s='u'", b"xml:", b"s:", b"<a>", b"</a>", b"<iq>", b"<iq/>", b"</iq>"),
        *(
            b"<!-- -->",
            b"<?x ?>",
            b"&x;",
            b"</s:stream>",
            b"x" * 400,
            b"<a>" * 7,
            b"<a/>" * 7,
            b" " * 300,
            b"\xef\xbb\xbf",
        ),
    ]
)
_PLACES = st.integers(0, len(STREAM)) | st.sampled_from(MARKS)
# Where, how much is cut out, what is put in.
_EDITS = st.lists(
    st.tuples(_PLACES, st.integers(0, 12), _MARKUP | st.binary(max_size=4)), max_size=5
)


def edited(edits: list[tuple[int, int, bytes]]) -> bytes:
    """Return the stream with these changes."""
    data = STREAM
    for at, length, new in edits:
        data = data[:at] + new + data[at + length :]
    return data


class FuzzTests(SynchronousTestCase):
    """Strangers at the door."""

    def check(self, events: list[object]) -> None:
        for number, event in enumerate(events):
            self.assertIsInstance(event, Header | Made | Element | End | Fault)
            self.assertEqual(
                isinstance(event, Header), number == 0 and not isinstance(event, Fault)
            )
            if isinstance(event, End | Fault):
                self.assertEqual(number, len(events) - 1)
            if isinstance(event, Fault):
                self.assertIn(event.condition, CONDITIONS)
            if isinstance(event, Made):
                self.assertLessEqual(len(event.inner), LIMITS.stanza)
                self.assertLessEqual(len(event.children), LIMITS.children)
                for name, start, end in event.children:
                    self.assertTrue(name)
                    self.assertEqual(event.inner[start : start + 1], b"<")
                    self.assertTrue(start < end <= len(event.inner))

    def test_any_change(self) -> None:
        """Only the documented events come, the same however the input is cut."""
        reached: set[str] = set()

        @OFTEN
        @given(_EDITS, st.integers(1, 60), st.booleans())
        def feed(edits: list[tuple[int, int, bytes]], size: int, one_by_one: bool) -> None:
            data = edited(edits)
            chunks = [data[at : at + size] for at in range(0, len(data), size)]
            found = []
            for pieces in ([data], chunks, single_bytes(data)):
                for hold_back in (False, True):
                    parser = new_parser(limits=LIMITS, one_by_one=one_by_one, hold_back=hold_back)
                    events = feed_all(parser, pieces)
                    self.check(events)
                    self.assertEqual(parser.unread, 0)
                    found.append([event for event in events if not isinstance(event, Fault)])
                    faults = [event for event in events if isinstance(event, Fault)]
                    reached.update(fault.condition for fault in faults)
            for others in found[1:]:
                self.assertEqual(others, found[0])

        feed()
        self.assertEqual(reached, CONDITIONS)

    def test_any_bytes(self) -> None:
        """No structure at all."""
        pieces = st.lists(_MARKUP | st.binary(max_size=8), max_size=30)

        @OFTEN
        @given(pieces, st.sampled_from([b"", b"<s:stream xmlns='u' xmlns:s='v'>"]), st.booleans())
        def feed(pieces: list[bytes], header: bytes, hold_back: bool) -> None:
            parser = new_parser(limits=LIMITS, hold_back=hold_back)
            self.check(feed_all(parser, [header, *pieces]))

        feed()

    def test_memory(self) -> None:
        """What brings no event is soon refused, whatever it is."""

        @OFTEN
        @given(st.lists(_MARKUP | st.binary(min_size=1, max_size=8), min_size=1, max_size=5))
        def feed(pieces: list[bytes]) -> None:
            chunk = b"".join(pieces)
            parser = new_parser(limits=LIMITS)
            parser.feed(b"<s:stream xmlns='u' xmlns:s='v'><iq>")
            for _ in range(LIMITS.stanza // len(chunk) + 1):
                if parser.feed(chunk):
                    break
            else:
                self.fail(f"{chunk!r} is kept")

        feed()
