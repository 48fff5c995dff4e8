"""What a stranger can make grow, and where it ends (XEP-0205; RFC 6120 13.12)."""

import tracemalloc
from collections.abc import Callable, Iterator
from itertools import count, repeat
from pyexpat import XMLParserType

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.streams import HEADER, HEADERS, Made, feed_all, kinds, new_parser, single_bytes
from xmppd.wire import parser as parser_module
from xmppd.wire.document import new_expat
from xmppd.wire.element import Element
from xmppd.wire.limits import ParserLimits
from xmppd.wire.namespaces import CLIENT, SERVER
from xmppd.wire.parser import Fault, Header

HOLDING = (False, True)


def fault(text: str) -> Fault:
    """Return the fault of a limit."""
    return Fault("policy-violation", text)


class LimitsTestCase(SynchronousTestCase):
    """Feeds what reaches a limit, and what passes it."""

    def check(
        self, limits: ParserLimits, most: bytes, too_much: bytes, text: str, content: str = CLIENT
    ) -> None:
        """Both are a header and a stanza; the second ends in a fault, however it comes."""
        for hold_back in HOLDING:
            for cut in (lambda data: [data], single_bytes):
                parser = new_parser(content, limits, hold_back=hold_back)
                events = feed_all(parser, cut(most))
                self.assertEqual(kinds(events), [Header, Made], most)
                parser = new_parser(content, limits, hold_back=hold_back)
                events = feed_all(parser, cut(too_much))
                self.assertEqual(events[-1:], [fault(text)], too_much)


class SizeTests(LimitsTestCase):
    """Bytes."""

    def test_stanza(self) -> None:
        limits = ParserLimits(stanza=200)
        for before, after in (
            (b"<message><body>", b"</body></message>"),
            (b"<message a='", b"'></message>"),
            (b"<message a='", b"'/>"),
            (b"<message><![CDATA[", b"]]></message>"),
            (b"<message>", b"</message     >"),
            (b"<message><a/>", b"<a/></message>"),
            (b" <message>", b"</message>"),
        ):
            room = 200 - len((before + after).strip())
            most = HEADER + before + b"x" * room + after
            too_much = HEADER + before + b"x" * (room + 1) + after
            self.check(limits, most, too_much, "a stanza is too large")

    def test_stanza_never_ending(self) -> None:
        """Faulted as soon as it is too large, not when it is whole."""
        for hold_back in HOLDING:
            parser = new_parser(limits=ParserLimits(stanza=200), hold_back=hold_back)
            parser.feed(HEADER)
            self.assertEqual(parser.feed(b"<message>" + b"x" * 191), [])
            self.assertEqual(parser.feed(b"x"), [fault("a stanza is too large")])

    def test_stanza_in_canonical_form(self) -> None:
        """One that grows as it is rewritten: what leaves is never larger than what may come."""
        limits = ParserLimits(stanza=200)
        inner = b'<a xmlns="%b"/>' % b"urn:x".ljust(73, b"x")
        root = HEADER[:-1] + b" xmlns:p='%b'>" % b"urn:x".ljust(73, b"x")
        self.assertEqual(len(inner), 86)
        most = root + b"<message><p:a/><p:a/>%b</message>" % (b"x" * 28)
        too_much = root + b"<message><p:a/><p:a/>%b</message>" % (b"x" * 29)
        self.check(limits, most, too_much, "a stanza is too large")

    def test_other_elements(self) -> None:
        limits = ParserLimits(stanza=200)
        for size in (200, 201):
            data = b"<a xmlns='b'>" + b"x" * (size - 17) + b"</a>"
            events = new_parser(limits=limits).feed(HEADER + data)
            self.assertEqual(events[1:] == [fault("a stanza is too large")], size == 201)

    def test_header(self) -> None:
        for start in (b"", b"<?xml version='1.0'?>  "):
            size = len(start + HEADER) + 50
            limits = ParserLimits(stanza=size)
            most = start + HEADER[:-1] + b" " * 50 + b"><iq/>"
            too_much = start + HEADER[:-1] + b" " * 51 + b"><iq/>"
            for hold_back in HOLDING:
                parser = new_parser(limits=limits, hold_back=hold_back)
                self.assertEqual(kinds(parser.feed(most)), [Header, Made])
                parser = new_parser(limits=limits, hold_back=hold_back)
                (event,) = parser.feed(too_much)
                self.assertEqual(event, fault("the stream header is too large"))

    def test_header_never_ending(self) -> None:
        for start in (b"<?xml version='1.0'?>", b"<a b='"):
            parser = new_parser(limits=ParserLimits(stanza=200))
            self.assertEqual(parser.feed(start.ljust(200)), [])
            self.assertEqual(parser.feed(b" "), [fault("a stanza is too large")])

    def test_tag(self) -> None:
        limits = ParserLimits(tag=100)
        for hold_back in HOLDING:
            for before in (b"", b"<iq/>", b"<message>hi", b"<message><body>hi</body>"):
                for tag in (b"<a b='", b"<a b=\">'", b"<", b"</", b"<message "):
                    parser = new_parser(limits=limits, hold_back=hold_back)
                    parser.feed(HEADER + before)
                    self.assertEqual(parser.feed(tag.ljust(100, b"x")), [], tag)
                    self.assertEqual(parser.feed(b"x"), [fault("a tag is too long")], tag)

    def test_tag_of_the_header(self) -> None:
        for hold_back in HOLDING:
            parser = new_parser(limits=ParserLimits(tag=100), hold_back=hold_back)
            self.assertEqual(parser.feed(b"<?xml version='1.0'?>" + b"<a".ljust(100, b"x")), [])
            self.assertEqual(parser.feed(b"x"), [fault("a tag is too long")])

    def test_own_tag_in_one_piece(self) -> None:
        limits = ParserLimits(tag=100)
        for hold_back in (False, True):
            parser = new_parser(limits=limits, hold_back=hold_back)
            parser.feed(HEADER)
            most = b"<iq id='%b'/>" % (b"x" * (100 - len(b"<iq id=''/>")))
            self.assertEqual(len(parser.feed(most)), 1)
            longer = most.replace(b"x", b"xx", 1)
            self.assertEqual(parser.feed(longer), [fault("a tag is too long")])

    def test_own_tag_as_it_is_written(self) -> None:
        """It is written anew: escaped, and with namespaces that were declared on the header."""
        limits = ParserLimits(tag=1000)
        for name, most in ((b'"', (1000 - 5) // 6), (b"x", 900)):
            stanzas = [b"<iq a='%b'/>" % (name * many) for many in (most, most + 100)]
            self.check(limits, HEADER + stanzas[0], HEADER + stanzas[1], "a tag is too long")
        header = HEADER.replace(b"<stream:stream ", b"<stream:stream xmlns:p='%b' " % (b"n" * 500))
        one, two = b"<iq p:a=''/>", b"<iq p:a='' p:b='%b'/>" % (b"x" * 480)
        self.check(limits, header + one, header + two, "a tag is too long")

    def test_text_is_no_tag(self) -> None:
        for hold_back in HOLDING:
            parser = new_parser(limits=ParserLimits(tag=100), hold_back=hold_back)
            text = "\u20ac\U0001d11e]] &amp;".encode() * 50 + b"<![CDATA[" + b"x]]" * 50 + b"]]>"
            data = HEADER + b"<message>" + text + b"</message>"
            self.assertEqual(kinds(feed_all(parser, single_bytes(data))), [Header, Made])


class NumberTests(LimitsTestCase):
    """How many, and how deep."""

    def test_depth(self) -> None:
        def nested(depth: int) -> bytes:
            # The root and the stanza are two.
            return HEADER + b"<iq>" + b"<a>" * (depth - 2) + b"</a>" * (depth - 2) + b"</iq>"

        for depth in (3, 10, 100):
            limits = ParserLimits(depth=depth)
            text = "elements are nested too deeply"
            self.check(limits, nested(depth), nested(depth + 1), text)

    def test_depth_of_empty_elements(self) -> None:
        data = HEADER + b"<iq>%b</iq>"
        most, too_much = data % b"<a><a/></a>", data % b"<a><a><a/></a></a>"
        self.check(ParserLimits(depth=4), most, too_much, "elements are nested too deeply")

    def test_very_deep(self) -> None:
        """However deep it goes on behind the limit, and however high the limit is."""
        for depth, kind in ((100, Fault), (10**6, Made)):
            parser = new_parser(limits=ParserLimits(depth=depth, elements=20000))
            inner = b"<a>" * 20000 + b"</a>" * 20000
            data = HEADER + b"<iq xmlns:x='u'>" + inner + b"</iq>"
            self.assertIs(type(parser.feed(data)[1]), kind)

    def test_attributes(self) -> None:
        def tag(name: bytes, number: int) -> bytes:
            return b"<%b%b/>" % (name, b"".join(b" a%d=''" % n for n in range(number)))

        limits = ParserLimits(attributes=5)
        text = "too many attributes"
        self.check(limits, HEADER + tag(b"iq", 5), HEADER + tag(b"iq", 6), text)
        for around in (b"<iq>%b</iq>", b"<iq><a>%b</a></iq>"):
            most, too_much = around % tag(b"b", 5), around % tag(b"b", 6)
            self.check(limits, HEADER + most, HEADER + too_much, text)

    def test_attributes_of_the_header(self) -> None:
        def header(number: int, form: bytes) -> bytes:
            return HEADER[:-1] + b"".join(form % n for n in range(number)) + b"><iq/>"

        limits = ParserLimits(attributes=5)
        text = "too many attributes"
        self.check(limits, header(5, b" a%d=''"), header(6, b" a%d=''"), text)
        # Two declarations are there already.
        form = b" xmlns:a%d='u'"
        self.check(limits, header(3, form), header(4, form), text)

    def test_children(self) -> None:
        limits = ParserLimits(children=5)
        for child in (b"<a/>", b"<a>x</a> ", b"<a><b/><b/></a>"):
            most = HEADER + b"<iq>%b</iq>" % (child * 5)
            too_much = HEADER + b"<iq>%b</iq>" % (child * 6)
            self.check(limits, most, too_much, "too many elements in one stanza")

    def test_elements(self) -> None:
        """However they are nested, and in elements that are no stanzas, too."""
        limits = ParserLimits(elements=6)
        text = "too many elements in one stanza"
        for form in (
            b"<iq><a>%b</a></iq>",
            b"<iq><a>%b</a>text</iq>",
            b"<iq xmlns:x='u'><a>%b</a></iq>",
        ):
            most, too_much = form % (b"<c/>" * 5), form % (b"<c/>" * 6)
            self.check(limits, HEADER + most, HEADER + too_much, text)
        other = b"<x xmlns='u'>%b</x>"
        for number, expected in ((6, [Header, Element]), (7, [Header, Fault])):
            events = new_parser(limits=limits).feed(HEADER + other % (b"<c/>" * number))
            self.assertEqual(kinds(events), expected)

    def test_elements_of_each(self) -> None:
        """The limit is for each stanza, whatever came before it."""
        parser = new_parser(limits=ParserLimits(elements=5))
        events = parser.feed(HEADER + b"<iq><a><b/><b/><b/><b/></a></iq>" * 10)
        self.assertEqual(kinds(events), [Header] + [Made] * 10)

    def test_children_of_each(self) -> None:
        """The limit is for each stanza, whatever came before it."""
        parser = new_parser(limits=ParserLimits(children=5))
        events = parser.feed(HEADER + b"<iq><a/><a/><a/><a/><a/></iq>" * 10)
        self.assertEqual(kinds(events), [Header] + [Made] * 10)

    def test_namespace(self) -> None:
        limits = ParserLimits(namespace=50)
        text = "a namespace name is too long"
        for form in (
            b"<iq xmlns:x='%b'/>",
            b"<iq><a xmlns='%b'/></iq>",
            b"<iq><a><b xmlns:c='%b'/></a></iq>",
        ):
            most, too_much = (form % (b"u" * number) for number in (50, 51))
            self.check(limits, HEADERS[SERVER] + most, HEADERS[SERVER] + too_much, text, SERVER)
        most, too_much = (
            HEADER[:-1] + b" xmlns:x='%b'><iq/>" % ("\u20ac" * number).encode()
            for number in (50, 51)
        )
        self.check(limits, most, too_much, text)

    def test_namespace_after_sleep(self) -> None:
        """And so after a renewal: the new expat is told as well."""
        parser = new_parser(limits=ParserLimits(namespace=50))
        parser.feed(HEADER)
        parser.sleep()
        events = parser.feed(b"<iq xmlns:x='%b'/><iq xmlns:x='%b'/>" % (b"u" * 50, b"u" * 51))
        self.assertEqual(events, [Made("iq", {}, b"", []), fault("a namespace name is too long")])

    def test_declarations_are_no_attributes(self) -> None:
        """Outside the header, whose prefixes each stanza is searched for."""
        inner = b"<a%b/>" % b"".join(b" xmlns:a%d='u'" % n for n in range(50))
        parser = new_parser(limits=ParserLimits(attributes=5))
        events = parser.feed(HEADER + b"<iq>%b</iq>" % inner)
        self.assertEqual(kinds(events), [Header, Made])

    def test_ahead(self) -> None:
        """What waits behind an element is bounded, for somebody who feeds without reading it."""
        limits = ParserLimits(stanza=1000)
        for waiting, text in ((1000, None), (1001, "too much is sent ahead of our answers")):
            parser = new_parser(limits=limits, one_by_one=True)
            parser.feed(HEADER)
            parser.feed(b"<iq/>" + b"<iq/>".ljust(waiting))
            self.assertEqual(parser.unread, waiting)
            (event,) = parser.feed(b" ")
            self.assertEqual(event, fault(text) if text else Made("iq", {}, b"", []))

    def test_ahead_in_one_piece(self) -> None:
        """As much as comes at once may wait, as long as it is read before more is fed."""
        parser = new_parser(limits=ParserLimits(stanza=1000), one_by_one=True)
        events = feed_all(parser, [HEADER + b"<iq/>" * 1000])
        self.assertEqual(events[1:], [Made("iq", {}, b"", [])] * 1000)

    def test_may_be_replaced(self) -> None:
        """As when a peer has authenticated itself."""
        parser = new_parser(limits=ParserLimits(stanza=100))
        self.assertEqual(kinds(parser.feed(HEADER)), [Header])
        parser.limits = ParserLimits(stanza=1000)
        events = parser.feed(b"<message>" + b"x" * 900 + b"</message>")
        self.assertEqual(kinds(events), [Made])


class RenewalTests(SynchronousTestCase):
    """Memory that only a new expat gives back."""

    def setUp(self) -> None:
        self.made = 0
        self.patch(parser_module, "new_expat", self.new_expat)

    def new_expat(self) -> XMLParserType:
        self.made += 1
        return new_expat()

    def test_renewal(self) -> None:
        """Replaced at the end of the stanza that passes the limit, the header counted."""
        stanza = b"<iq><a/></iq>"
        limits = ParserLimits(renewal=len(HEADER) + 10 * len(stanza))
        parser = new_parser(limits=limits)
        parser.feed(HEADER + stanza * 10)
        parser.feed(stanza)
        self.assertEqual(self.made, 1)
        parser.feed(stanza)
        self.assertEqual(self.made, 2)

    def test_within_one_chunk(self) -> None:
        parser = new_parser(limits=ParserLimits(renewal=1000))
        events = parser.feed(HEADER + b"<iq/>" * 2000)
        self.assertEqual(kinds(events), [Header] + [Made] * 2000)
        self.assertEqual(self.made, 1 + 10000 // 1000)

    def test_sleep(self) -> None:
        """An expat is made when there is something to read, not before."""
        parser = new_parser()
        parser.feed(HEADER)
        parser.sleep()
        parser.feed(b"")
        self.assertEqual(self.made, 1)
        parser.feed(b"<iq/>")
        self.assertEqual(self.made, 2)

    def test_distinct_names(self) -> None:
        """A flood of names leaves memory as it was; without renewals it would not."""
        peaks = {}
        for renewal in (32 * 1024, 10**9):
            parser = new_parser(limits=ParserLimits(renewal=renewal))
            parser.feed(HEADER)
            tracemalloc.start()
            for stanza in self.stanzas(100_000):
                parser.feed(stanza)
            peaks[renewal] = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        bounded, unbounded = peaks.values()
        self.assertLess(bounded, 1_000_000)
        self.assertGreater(unbounded, 10 * bounded)

    def stanzas(self, names: int) -> Iterator[bytes]:
        for start in range(0, names, 100):
            inner = b"".join(b"<n%d/>" % number for number in range(start, start + 100))
            yield b"<iq><q>%b</q></iq>" % inner


class EndlessTests(SynchronousTestCase):
    """Streams that never come to anything."""

    # How it begins and goes on, once the header is there.
    STREAMS: tuple[tuple[bytes, Callable[[], Iterator[bytes]]], ...] = (
        (b"<message>", lambda: repeat(b"hello ")),
        (b"<message>", lambda: repeat(b"\xe2\x82\xac")),
        (b"<message>", lambda: repeat(b"]] &amp;")),
        (b"<message><![CDATA[", lambda: repeat(b"]] ")),
        (b"<message>", lambda: repeat(b"<a>")),
        (b"<message>", lambda: repeat(b"<a/>")),
        (b"<message><b>", lambda: repeat(b"<a/>")),
        (b"<message a='", lambda: repeat(b">'' ")),
        (b"<message a='", lambda: repeat(b"> ")),
        (b"<message ", lambda: (b"a%d='>' " % number for number in count())),
        (b"<message>&", lambda: repeat(b"amp")),
        (b"<", lambda: repeat(b"a")),
        (b"<message></", lambda: repeat(b"a")),
        (b"<!", lambda: repeat(b"-")),
        (b"<!-- ", lambda: repeat(b"a ")),
        (b"<?", lambda: repeat(b"a ")),
        (b"<!DOCTYPE ", lambda: repeat(b"a ")),
        (b"<![", lambda: repeat(b"a")),
    )

    def test_each_ends(self) -> None:
        """Within what one stanza may take."""
        limits = ParserLimits(stanza=3000, tag=1000, depth=50, children=50, attributes=50)
        for hold_back in HOLDING:
            for start, more in self.STREAMS:
                parser = new_parser(limits=limits, hold_back=hold_back)
                events = parser.feed(HEADER + start)
                fed = len(start)
                for piece in more():
                    if len(events) > 1:
                        break
                    events += parser.feed(piece)
                    fed += len(piece)
                    self.assertLess(fed, 3100, start)
                self.assertEqual(kinds(events), [Header, Fault], start)

    def test_white_space(self) -> None:
        """It may go on for ever (RFC 6120 11.7), and is not kept."""
        for hold_back in HOLDING:
            parser = new_parser(limits=ParserLimits(stanza=100), hold_back=hold_back)
            parser.feed(HEADER)
            for _ in range(1000):
                self.assertEqual(parser.feed(b" \r\n\t"), [])
            self.assertEqual(parser.feed(b"<iq/>"), [Made("iq", {}, b"", [])])
