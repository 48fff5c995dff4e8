"""The canonical stanza: what goes in on any stream means the same on any other."""

from hypothesis import example, given, settings
from twisted.trial.unittest import SynchronousTestCase

from tests.tables import read_table
from tests.wire.streams import HEADERS, Made, new_parser
from tests.wire.trees import CONTENTS, FORWARD, Tree, Written, read, tree_of, written_stanzas
from xmppd.wire.canonical import inner_of, rescope, self_contained
from xmppd.wire.element import Element
from xmppd.wire.namespaces import CLIENT, COMPONENT, SERVER, XML
from xmppd.wire.serializer import TooLong, attributes

OFTEN = settings(deadline=None, derandomize=True, database=None, max_examples=150)

SELF_CONTAINED = [
    (b"<message><body>hi</body></message>", True),
    (b"<message to='a' xmlns='jabber:client'><body>hi</body></message>", True),
    (b"<message><x xmlns='jabber:x:data'/></message>", True),
    (b"<message><body>&#65; &amp; a:b</body></message>", True),
    (b"<message><body>&amp;</body><x xmlns='urn:x'/></message>", True),
    (b"<message><x xmlns='urn:x'/></message>", True),
    (b"<message><x xml:base='u'/></message>", True),
    (b"<message><stream:x/></message>", False),
    (b"<message stream:x='1'><body/></message>", False),
    (b"<message><db:x/></message>", False),
    (b"<message xmlns:x='urn:x'><body/></message>", False),
    (b"<message><x:a xmlns:x='urn:x'><b/></x:a></message>", False),
    (b"<message><xml:z><b/></xml:z></message>", False),
    (b"<message><x xmlns='jabber:client'/></message>", False),
    (b"<message><x xmlns='jabber:server'/></message>", False),
    (b"<message><x xmlns='jabber:component:accept'/></message>", False),
    (b"<message><x xmlns='jabber&#58;client'/></message>", False),
    (b"<message><x xmlns='jabber:clien&#x74;'/></message>", False),
]


def received(written: Written) -> Made:
    """Return what a parser makes of the stanza."""
    events = new_parser(written.content).feed(written.header + written.raw)
    made = events[1]
    assert isinstance(made, Made) and len(events) == 2, events
    return made


def framed(made: Made) -> list[tuple[str, bytes, bytes]]:
    """Return the stanza framed for each kind of output, each behind its header.

    Verbatim on a stream, with the content namespace on its own tag elsewhere.
    """
    rest = attributes(made.attrs).encode() + b">" + made.inner + b"</%b>" % made.kind.encode()
    bare = b"<%b" % made.kind.encode() + rest
    spelled = b"<%b xmlns='jabber:client'" % made.kind.encode() + rest
    header = HEADERS[SERVER]
    forwarded = b"<message><forwarded xmlns='%b'>%b</forwarded></message>"
    archived = b"<message><result xmlns='urn:xmpp:mam:2'>%b</result></message>"
    return [
        *((f"{content} stream", HEADERS[content], bare) for content in CONTENTS),
        ("forwarded", header, forwarded % (FORWARD.encode(), spelled)),
        ("archive", HEADERS[CLIENT], archived % spelled),
        ("frame", b"<frames>", spelled),
    ]


def meaning(output: str, header: bytes, data: bytes) -> Tree:
    """Return the stanza's tree as the reader of that output sees it."""
    element = read(header, data)
    if output in ("forwarded", "archive"):
        element = element[0][0]
    return tree_of(element, in_content=True)


class TableTests(SynchronousTestCase):
    """The cases one can think of."""

    def written(self, row: dict[str, str]) -> Written:
        header = HEADERS[row["content"]][:-1] + b" " + row["declared"].encode() + b">"
        return Written(row["content"], header, row["stanza"].encode())

    def test_inner(self) -> None:
        for row in read_table("wire_canonical"):
            self.assertEqual(received(self.written(row)).inner.decode(), row["inner"], row)

    def test_matrix(self) -> None:
        """Each kind of stream in, each kind of output out."""
        for row in read_table("wire_canonical"):
            written = self.written(row)
            expected = tree_of(read(written.header, written.raw), in_content=True)
            for output, header, data in framed(received(written)):
                self.assertEqual(meaning(output, header, data), expected, (row, output))

    def test_self_contained(self) -> None:
        prefixes = (b"stream:", b"db:")
        for raw, expected in SELF_CONTAINED:
            self.assertIs(self_contained(raw, raw.index(b">") + 1, prefixes), expected, raw)

    def test_attributes_of_the_own_tag(self) -> None:
        header = HEADERS[CLIENT][:-1] + b" xmlns:x='urn:x'>"
        raw = b"<message x:a='1' xmlns:y='urn:y' y:b='2' xml:lang='de' id='&lt;'/>"
        made = received(Written(CLIENT, header, raw))
        expected = {"{urn:x}a": "1", "{urn:y}b": "2", f"{{{XML}}}lang": "de", "id": "<"}
        self.assertEqual(made.attrs, expected)


class RescopeTests(SynchronousTestCase):
    """Trees made to have `jabber:client` for their content namespace."""

    def test_by_inheritance(self) -> None:
        for content in (*CONTENTS, "jabber:component:connect"):
            far = Element("x", "urn:x", {}, [Element("body", content)])
            error = Element("error", content, {}, [Element("body", content), "text", far])
            stanza = Element("message", content, {}, [error])
            rescope(stanza, content)
            expected = Element("error", CLIENT, {}, [Element("body", CLIENT), "text", far])
            self.assertEqual(stanza, Element("message", CLIENT, {}, [expected]))
            self.assertEqual(far.children, [Element("body", content)])

    def test_content_namespaces_join(self) -> None:
        for other in CONTENTS:
            stanza = Element(
                "iq", SERVER, {}, [Element("query", other, {}, [Element("a", SERVER)])]
            )
            rescope(stanza, SERVER)
            expected = Element("iq", CLIENT, {}, [Element("query", CLIENT, {}, [Element("a")])])
            self.assertEqual(stanza, expected)


class InnerTests(SynchronousTestCase):
    """Trees to canonical bytes."""

    def test_children(self) -> None:
        table: list[tuple[list[Element | str], bytes, list[tuple[str, int, int]]]] = [
            ([], b"", []),
            (["a<"], b"a&lt;", []),
            ([Element("a")], b"<a/>", [("jabber:client a", 0, 4)]),
            ([Element("a", "")], b'<a xmlns=""/>', [("a", 0, 13)]),
            ([Element("a", "u", {}, ["</"])], b'<a xmlns="u">&lt;/</a>', [("u a", 0, 18)]),
            ([Element("a", CLIENT, {}, [""])], b"<a></a>", [("jabber:client a", 0, 3)]),
            (
                ["\u20ac", Element("z", XML), Element("a", SERVER, {}, [Element("b")])],
                b'\xe2\x82\xac<xml:z/><a xmlns="jabber:server"><b xmlns="jabber:client"/></a>',
                [(f"{XML} z", 3, 11), ("jabber:server a", 11, 62)],
            ),
        ]
        for children, inner, expected in table:
            stanza = Element("message", CLIENT, {}, children)
            self.assertEqual(inner_of(stanza), (inner, expected))

    def test_limit(self) -> None:
        stanza = Element("message", CLIENT, {}, ["\u20ac", Element("a", "urn:x"), "&"])
        inner, _ = inner_of(stanza)
        self.assertEqual(inner_of(stanza, len(inner))[0], inner)
        for limit in range(len(inner)):
            with self.assertRaises(TooLong):
                inner_of(stanza, limit)

    def test_no_character(self) -> None:
        with self.assertRaises(ValueError):
            inner_of(Element("message", CLIENT, {}, ["\x00"]))


class RandomTests(SynchronousTestCase):
    """The cases one cannot."""

    @OFTEN
    @given(written_stanzas())
    @example(Written(COMPONENT, HEADERS[COMPONENT], b"<iq><p:a xmlns:p='urn:x'><b/></p:a></iq>"))
    def test_the_same_everywhere(self, written: Written) -> None:
        expected = tree_of(read(written.header, written.raw), in_content=True)
        made = received(written)
        for output, header, data in framed(made):
            self.assertEqual(meaning(output, header, data), expected, output)

    @OFTEN
    @given(written_stanzas())
    def test_canonical_bytes_stay_as_they_are(self, written: Written) -> None:
        """Received again from any stream, a canonical stanza is the same to its reader."""
        made = received(written)
        for content in CONTENTS:
            _, header, data = framed(made)[CONTENTS.index(content)]
            again = received(Written(content, header, data))
            self.assertEqual((again.kind, again.attrs), (made.kind, made.attrs))
            self.assertEqual([name for name, *_ in again.children], [n for n, *_ in made.children])

    @OFTEN
    @given(written_stanzas())
    def test_children(self, written: Written) -> None:
        made = received(written)
        inner = made.inner
        trees = list(read(HEADERS[CLIENT], framed(made)[0][2]))
        names = [
            tree.tag[1:].replace("}", " ") if tree.tag[0] == "{" else tree.tag for tree in trees
        ]
        self.assertEqual([name for name, *_ in made.children], names)
        for (_, start, end), tree in zip(made.children, trees, strict=True):
            self.assertEqual(inner[start : start + 1], b"<")
            if inner.startswith(b"</", end):
                whole = inner[start : inner.index(b">", end) + 1]
            else:
                self.assertEqual(inner[end - 2 : end], b"/>")
                whole = inner[start:end]
            self.assertEqual(tree_of(read(HEADERS[CLIENT], whole)), tree_of(tree))

    def test_both_paths_are_taken(self) -> None:
        """The random stanzas lean on their streams often enough, and often enough do not."""
        taken = {True: 0, False: 0}

        @OFTEN
        @given(written_stanzas())
        def count(written: Written) -> None:
            taken[received(written).inner in written.raw] += 1

        count()
        self.assertGreater(min(taken.values()), 15, taken)
