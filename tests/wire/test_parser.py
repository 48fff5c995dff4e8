"""Headers, first-level elements and faults, from tables (RFC 6120 4.8, 4.9.3 and 11)."""

from twisted.trial.unittest import SynchronousTestCase

from tests.tables import read_table
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
from xmppd.wire.namespaces import CLIENT, COMPONENT, SASL, SERVER, TLS, XML_LANG
from xmppd.wire.parser import End, Fault, Header

# What the tables cannot hold. The first goes on with bytes a table could.
BEGINNINGS = [
    (b"\xef\xbb\xbf", "ok"),  # the mark of UTF-8, which some writers put in front of everything
    (b"\r\n\xef\xbb\xbf", "ok"),
    (b"\xfe\xff", "unsupported-encoding"),
    (b"\xff\xfe", "unsupported-encoding"),
    (b"\x00", "unsupported-encoding"),
    (b"\xff", "unsupported-encoding"),
    (b"\xc3(", "unsupported-encoding"),
    (b"\x01", "not-well-formed"),
]
OTHER_ENCODINGS = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
BAD_CHARACTERS = [
    (b"\xff", "unsupported-encoding"),
    (b"\xc3(", "unsupported-encoding"),
    (b"\xc0\xaf", "unsupported-encoding"),  # an overlong slash
    (b"\xe0\x80\xaf", "unsupported-encoding"),
    (b"\xed\xa0\x80", "unsupported-encoding"),  # a surrogate
    (b"\xf4\x90\x80\x80", "unsupported-encoding"),  # beyond U+10FFFF
    (b"\x80", "unsupported-encoding"),
    (b"\xc3\xa9\xff", "unsupported-encoding"),
    (b"\x00", "not-well-formed"),
    (b"\x0b", "not-well-formed"),
    (b"\x1b\xff", "not-well-formed"),
    ("\ufffe".encode(), "not-well-formed"),
    ("\uffff".encode(), "not-well-formed"),
]


def conditions(events: list[object]) -> list[str]:
    """Return the faults among the events."""
    return [event.condition for event in events if isinstance(event, Fault)]


class HeaderTests(SynchronousTestCase):
    """The first thing on a stream."""

    def test_table(self) -> None:
        for row in read_table("wire_headers"):
            data = row["input"].encode()
            for chunks in ([data], single_bytes(data)):
                events = feed_all(new_parser(), [*chunks, b"<presence/>"])
                if row["verdict"] != "ok":
                    self.assertEqual(conditions(events), [row["verdict"]], row)
                    self.assertEqual(len(events), 1, row)
                    continue
                header = events[0]
                assert isinstance(header, Header), row
                self.assertEqual((header.name, header.ns), ("stream", STREAMS), row)
                self.assertEqual(header.declarations.get("", ""), row["default"], row)
                kind = Made if row["default"] == CLIENT else Element
                prefixes = [prefix for prefix in header.declarations if prefix]
                self.assertEqual(prefixes, row["prefixes"].split(), row)
                self.assertEqual(kinds(events[1:]), [kind], row)

    def test_attributes(self) -> None:
        head = HEADER[:-1] + b" to='a&amp;b' xml:lang='de' xmlns:x='urn:x' x:y='z'>"
        (header,) = new_parser().feed(head)
        assert isinstance(header, Header)
        expected = {"to": "a&b", XML_LANG: "de", "{urn:x}y": "z"}
        self.assertEqual(header.attrs, expected)

    def test_any_root(self) -> None:
        """What the root should be is for the stream to judge (RFC 6120 4.9.3.10)."""
        self.assertEqual(new_parser().feed(b"<a>"), [Header("a", "", {}, {})])
        self.assertEqual(
            new_parser().feed(b"<a xmlns='b'/>"), [Header("a", "b", {}, {"": "b"}), End()]
        )

    def test_beginnings(self) -> None:
        for start, verdict in BEGINNINGS:
            data = start + HEADER
            for chunks in ([data], single_bytes(data)):
                events = feed_all(new_parser(), chunks)
                self.assertEqual(conditions(events), [] if verdict == "ok" else [verdict], start)
                self.assertEqual(kinds(events), [Header if verdict == "ok" else Fault], start)

    def test_other_encodings(self) -> None:
        for encoding in OTHER_ENCODINGS:
            for start in ("", " ", "<?xml version='1.0'?>"):
                data = (start + HEADER.decode()).encode(encoding)
                for chunks in ([data], single_bytes(data), [data[:1], data[1:]]):
                    events = feed_all(new_parser(), chunks)
                    self.assertEqual(conditions(events), ["unsupported-encoding"], encoding)

    def test_characters(self) -> None:
        """What would be another encoding at the beginning is not one further on."""
        for bad, condition in BAD_CHARACTERS:
            data = b"<stream a='" + bad + b"'>"
            for chunks in ([data], single_bytes(data), [data[:11], data[11:]]):
                events = feed_all(new_parser(), chunks)
                self.assertEqual(conditions(events), [condition], bad)

    def test_white_space_alone(self) -> None:
        parser = new_parser()
        for _ in range(100):
            self.assertEqual(parser.feed(b" \t\r\n" * 1000), [])
        self.assertEqual(kinds(parser.feed(HEADER)), [Header])


class FirstLevelTests(SynchronousTestCase):
    """What stands directly inside the root."""

    def test_stanzas(self) -> None:
        table = [
            (b"<presence/>", Made("presence", {}, b"", [])),
            (b"<presence></presence>", Made("presence", {}, b"", [])),
            (b"<iq id='a' type=\"get\"/>", Made("iq", {"id": "a", "type": "get"}, b"", [])),
            (b"<message to='a&apos;b'>hi</message>", Made("message", {"to": "a'b"}, b"hi", [])),
            (b"<message xml:lang='en' />", Made("message", {XML_LANG: "en"}, b"", [])),
            (b"<message xmlns:x='urn:x' x:a='1'/>", Made("message", {"{urn:x}a": "1"}, b"", [])),
        ]
        for content, header in HEADERS.items():
            for data, expected in table:
                events = new_parser(content).feed(header + data)
                self.assertEqual(events[1:], [expected], data)

    def test_elements(self) -> None:
        table = [
            (b"<starttls xmlns='%b'/>" % TLS.encode(), Element("starttls", TLS)),
            (
                b"<auth xmlns='%b' mechanism='PLAIN'>AGE=</auth>" % SASL.encode(),
                Element("auth", SASL, {"mechanism": "PLAIN"}, ["AGE="]),
            ),
            (b"<stream:error/>", Element("error", STREAMS)),
            (b"<message xmlns='jabber:server'/>", Element("message", SERVER)),
            (b"<message xmlns=''/>", Element("message", "")),
            (b"<handshake>aa</handshake>", Element("handshake", CLIENT, {}, ["aa"])),
            (b"<a xmlns:s='s' s:b='&lt;'/>", Element("a", CLIENT, {"{s}b": "<"})),
        ]
        for data, expected in table:
            self.assertEqual(new_parser().feed(HEADER + data)[1:], [expected], data)

    def test_a_stanza_has_the_content_namespace(self) -> None:
        """The same bytes are stanzas on one stream and something else on another."""
        data = b"<message xmlns='jabber:server'/>"
        for content, kind in ((CLIENT, Element), (SERVER, Made), (COMPONENT, Element)):
            (event,) = new_parser(content).feed(HEADERS[content] + data)[1:]
            self.assertIs(type(event), kind, content)

    def test_prefix_free_stream(self) -> None:
        data = b"<stream xmlns='%b'><message xmlns='jabber:client'><body/></message><error/>"
        events = new_parser().feed(data % STREAMS.encode())[1:]
        expected = Made("message", {}, b"<body/>", [(f"{CLIENT} body", 0, 7)])
        self.assertEqual(events, [expected, Element("error", STREAMS)])

    def test_nothing_is_shared_between_events(self) -> None:
        parser = new_parser()
        empty, full = parser.feed(HEADER + b"<presence/><message><body/></message>")[1:]
        parser.feed(b"<message><a/><b/></message>")
        self.assertEqual(empty, Made("presence", {}, b"", []))
        self.assertEqual(full, Made("message", {}, b"<body/>", [(f"{CLIENT} body", 0, 7)]))

    def test_nothing_is_shared_between_answers(self) -> None:
        parser = new_parser()
        nothing = parser.feed(HEADER[:5])
        self.assertEqual(kinds(parser.feed(HEADER[5:])), [Header])
        self.assertEqual(nothing, [])

    def test_white_space_between(self) -> None:
        data = b" \r\n<presence/>\t\n \r<presence/>\r"
        events = feed_all(new_parser(), single_bytes(HEADER + data))
        self.assertEqual(kinds(events), [Header, Made, Made])

    def test_end(self) -> None:
        for data in (b"</stream:stream>", b" \n</stream:stream >", b"</stream:stream>behind it<"):
            self.assertEqual(new_parser().feed(HEADER + data)[1:], [End()], data)
        self.assertEqual(new_parser().feed(HEADER + b"<iq/></stream:stream>")[2:], [End()])


class FaultTests(SynchronousTestCase):
    """What ends a stream with an error."""

    def test_table(self) -> None:
        for row in read_table("wire_faults"):
            data = HEADER + row["input"].encode()
            for chunks in ([data], single_bytes(data), [HEADER, data[len(HEADER) :]]):
                events = feed_all(new_parser(), chunks)
                self.assertEqual(conditions(events), [row["condition"]], row)
                self.assertIsInstance(events[-1], Fault, row)
                self.assertEqual(len(events) - 2, int(row["before"]), row)

    def test_characters(self) -> None:
        """Bytes that are no UTF-8 are told from characters that are no XML."""
        for bad, condition in BAD_CHARACTERS:
            for before, after in ((b"<a>", b"</a>"), (b"<a b='", b"'/>"), (b"<a", b"/>")):
                events = new_parser().feed(HEADER + b"<presence/>" + before + bad + after)
                self.assertEqual(conditions(events), [condition], (before, bad))
                self.assertEqual(kinds(events), [Header, Made, Fault], (before, bad))

    def test_the_text_tells_nothing(self) -> None:
        """A fault is logged, and the input may be private."""
        for row in read_table("wire_faults"):
            data = row["input"].replace("hello", "secret").replace("body", "secret")
            fault = new_parser().feed(HEADER + data.encode())[-1]
            self.assertNotIn("secret", repr(fault), row)
            self.assertIsInstance(fault, Fault)
