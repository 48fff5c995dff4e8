"""Streams that restart, wait and sleep (RFC 6120 4.3.3 and 5.4.3.3)."""

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.streams import (
    HEADER,
    HEADERS,
    STREAMS,
    Made,
    feed_all,
    kinds,
    new_parser,
    single_bytes,
)
from xmppd.wire.element import Element
from xmppd.wire.limits import ParserLimits
from xmppd.wire.namespaces import CLIENT, SASL, SERVER
from xmppd.wire.parser import End, Fault, Header, StreamParser

AUTH = b"<auth xmlns='%b'/>" % SASL.encode()
OTHER_HEADER = b"<x:stream xmlns:x='%b' to='b'>" % STREAMS.encode()
HOLDING = (False, True)


def opened(content: str = CLIENT, *, hold_back: bool | None = None) -> StreamParser:
    """Return a parser that reads one by one and has read the header."""
    parser = new_parser(content, one_by_one=True, hold_back=hold_back)
    parser.feed(HEADERS[content])
    return parser


class OneByOneTests(SynchronousTestCase):
    """What is behind an element waits for the answer to it."""

    def test_the_next_waits(self) -> None:
        for hold_back in HOLDING:
            parser = opened(hold_back=hold_back)
            self.assertEqual(parser.feed(AUTH + b"<iq/><pres"), [Element("auth", SASL)])
            kept = len(b"<iq/>") if hold_back else len(b"<iq/><pres")
            self.assertEqual(parser.unread, kept)
            self.assertEqual(parser.feed(b"ence"), [Made("iq", {}, b"", [])])
            self.assertEqual(parser.feed(b""), [])
            self.assertEqual(parser.unread, 0)
            self.assertEqual(parser.feed(b"/>"), [Made("presence", {}, b"", [])])

    def test_the_first_waits_behind_the_header(self) -> None:
        parser = new_parser(one_by_one=True)
        self.assertEqual(kinds(parser.feed(HEADER + AUTH + AUTH)), [Header])
        self.assertEqual(parser.unread, 2 * len(AUTH))
        self.assertEqual(parser.feed(b""), [Element("auth", SASL)])
        self.assertEqual(parser.unread, len(AUTH))

    def test_nothing_waits_behind_the_last(self) -> None:
        for data in (HEADER, AUTH):
            parser = new_parser(one_by_one=True) if data is HEADER else opened()
            kind = Header if data is HEADER else Element
            self.assertEqual(kinds(parser.feed(data)), [kind])
            self.assertEqual(parser.unread, 0)
            self.assertEqual(parser.feed(b""), [])

    def test_no_longer(self) -> None:
        parser = opened()
        parser.feed(AUTH + b"<iq/><iq/>")
        parser.one_by_one = False
        self.assertEqual(parser.feed(b"<iq/>"), [Made("iq", {}, b"", [])] * 3)
        self.assertEqual(parser.unread, 0)

    def test_the_end_waits_too(self) -> None:
        parser = opened()
        self.assertEqual(kinds(parser.feed(AUTH + b"</stream:stream>behind")), [Element])
        self.assertEqual(parser.feed(b""), [End()])
        self.assertEqual(parser.unread, 0)

    def test_a_fault_comes_in_its_turn(self) -> None:
        parser = opened()
        self.assertEqual(parser.feed(AUTH + b"<iq></message>"), [Element("auth", SASL)])
        self.assertEqual(kinds(parser.feed(b"")), [Fault])
        self.assertEqual(parser.unread, 0)


class RestartTests(SynchronousTestCase):
    """A new stream over the same connection (RFC 6120 4.3.3)."""

    def restarted(self, parser: StreamParser, then: bytes) -> list[object]:
        parser.restart()
        return feed_all(parser, [b"", then])

    def test_reads_what_waited(self) -> None:
        """However much of the new stream came together with the element."""
        new = b"<?xml version='1.0'?>" + OTHER_HEADER + b"<x:error/>"
        expected = [
            Header("stream", STREAMS, {"to": "b"}, {"x": STREAMS}),
            Element("error", STREAMS),
        ]
        for hold_back in HOLDING:
            for at in range(len(new) + 1):
                parser = opened(hold_back=hold_back)
                self.assertEqual(parser.feed(AUTH + new[:at]), [Element("auth", SASL)])
                self.assertEqual(self.restarted(parser, new[at:]), expected, at)

    def test_reads_what_was_fed_meanwhile(self) -> None:
        """However much of the new header came later, before the restart."""
        for hold_back in HOLDING:
            for at in range(len(OTHER_HEADER)):
                parser = opened(hold_back=hold_back)
                parser.feed(AUTH)
                self.assertEqual(parser.feed(OTHER_HEADER[:at]), [])
                self.assertEqual(kinds(self.restarted(parser, OTHER_HEADER[at:])), [Header], at)

    def test_white_space_waits_as_well(self) -> None:
        parser = opened()
        parser.feed(AUTH + b"\r\n")
        events = self.restarted(parser, b"<?xml version='1.0'?>" + HEADER)
        self.assertEqual(kinds(events), [Header])

    def test_forgets_the_old_prefixes(self) -> None:
        parser = opened()
        parser.feed(AUTH)
        plain = b"<stream xmlns='%b'>" % STREAMS.encode()
        events = self.restarted(parser, plain + b"<message xmlns='jabber:client'>stream:</message>")
        self.assertEqual(events[1:], [Made("message", {}, b"stream:", [])])

    def test_reset_drops_what_waited(self) -> None:
        """Bytes in clear behind <starttls/> (RFC 6120 5.4.3.3)."""
        for hold_back in HOLDING:
            for behind in (b"<iq/>", b"<iq/><pres", b"<pres", b" ", b"\xef"):
                parser = opened(hold_back=hold_back)
                parser.feed(AUTH + behind)
                parser.reset()
                self.assertEqual(parser.unread, 0)
                events = parser.feed(b"<?xml version='1.0'?>" + HEADER)
                self.assertEqual(kinds(events), [Header], behind)

    def test_reset_drops_what_was_half_read(self) -> None:
        for hold_back in HOLDING:
            for half in (
                b"",
                b"\xef",
                HEADER[:9],
                HEADER + b"<iq><![CDATA[x",
                HEADER + b"<iq><a b='",
            ):
                parser = new_parser(hold_back=hold_back)
                parser.feed(half)
                parser.reset()
                events = parser.feed(HEADER + b"<iq><a/></iq>")
                expected = Made("iq", {}, b"<a/>", [(f"{CLIENT} a", 0, 4)])
                self.assertEqual(events[1:], [expected], half)

    def test_reset_after_a_fault(self) -> None:
        parser = new_parser()
        parser.feed(HEADER + b"<a></b>")
        parser.reset()
        self.assertEqual(kinds(parser.feed(HEADER + b"<iq/>")), [Header, Made])


class SleepTests(SynchronousTestCase):
    """Idle streams, which give up expat's memory."""

    def test_wakes(self) -> None:
        """The prefixes of the root are known afterwards, and its end matches."""
        for hold_back in HOLDING:
            parser = new_parser(SERVER, hold_back=hold_back)
            parser.feed(HEADERS[SERVER] + b"<iq/>\n")
            for _ in range(3):
                parser.sleep()
                (made,) = parser.feed(b"<message><db:x/></message>")
                assert isinstance(made, Made)
                self.assertEqual(made.inner, b'<x xmlns="jabber:server:dialback"/>')
            parser.sleep()
            self.assertEqual(parser.feed(b"</stream:stream>"), [End()])

    def test_any_root(self) -> None:
        for name in ("a", "s:a", "\u00e9:\u4e16"):
            prefix, colon, _ = name.rpartition(":")
            root = f"<{name} xmlns{colon}{prefix}='u&amp;&lt;&quot;'>".encode()
            parser = new_parser()
            (header,) = parser.feed(root)
            self.assertEqual(header, Header(name[-1:], 'u&<"', {}, {prefix: 'u&<"'}))
            parser.sleep()
            element = f"<{prefix}{colon}b/>".encode()
            self.assertEqual(parser.feed(element), [Element("b", 'u&<"')])
            parser.sleep()
            self.assertEqual(parser.feed(f"</{name}>".encode()), [End()])

    def test_at_any_time(self) -> None:
        """It never loses anything, whenever it is asked for."""
        stanzas = b"\r\n<iq id='>'>a<b/></iq> <message><stream:a>\xe2\x82\xac</stream:a></message>"
        data = HEADER + stanzas * 2 + b"</stream:stream>"
        for hold_back in HOLDING:
            for one_by_one in HOLDING:
                expected = feed_all(new_parser(), [data])
                parser = new_parser(one_by_one=one_by_one, hold_back=hold_back)
                events: list[object] = []
                for byte in single_bytes(data):
                    events += parser.feed(byte)
                    parser.sleep()
                self.assertEqual(events, expected)

    def test_keeps_what_waits(self) -> None:
        parser = opened()
        parser.feed(b"<iq/><iq/>")
        parser.sleep()
        self.assertEqual(parser.feed(b""), [Made("iq", {}, b"", [])])

    def test_renewal_in_mid_stream(self) -> None:
        """The same holds where the parser is replaced by itself."""
        stanza = b"<message><stream:a/></message>"
        limits = ParserLimits(renewal=200)
        data = HEADER + stanza * 50 + b"</stream:stream>"
        expected = feed_all(new_parser(), [data])
        self.assertEqual(kinds(expected), [Header] + [Made] * 50 + [End])
        for chunks in ([data], single_bytes(data)):
            for one_by_one in (False, True):
                parser = new_parser(limits=limits, one_by_one=one_by_one)
                self.assertEqual(feed_all(parser, chunks), expected)
