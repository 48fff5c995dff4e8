"""Result set management (XEP-0059)."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza.errors import StanzaError
from xmppd.stanza.paging import PageInfo, PageRequest, cut
from xmppd.wire.document import parse_document
from xmppd.wire.element import Element
from xmppd.wire.serializer import serialize

NS = "http://jabber.org/protocol/rsm"


def wanted(inner: str) -> PageRequest:
    return PageRequest.from_element(parse_document(f"<set xmlns='{NS}'>{inner}</set>".encode()))


class RequestTests(SynchronousTestCase):
    """What is asked for."""

    def test_read(self) -> None:
        table = [
            ("", PageRequest()),
            ("<max>10</max>", PageRequest(10)),
            ("<max> 0 </max>", PageRequest(0)),
            ("<max>10</max><after>x</after>", PageRequest(10, after="x")),
            ("<before>x</before>", PageRequest(before="x")),
            ("<before/>", PageRequest(before="")),
            ("<after/>", PageRequest()),
            ("<after>a</after><before/>", PageRequest(after="a", before="")),
            ("<index>0</index>", PageRequest(index=0)),
            ("<max xmlns='urn:x'>x</max><other/>", PageRequest()),
        ]
        for inner, expected in table:
            self.assertEqual(wanted(inner), expected, inner)

    def test_refused(self) -> None:
        numbers = ("", "-1", "+1", "1.5", "ten", "1 0", "\u0661", "9" * 19)
        table = [f"<{name}>{text}</{name}>" for name in ("max", "index") for text in numbers]
        table += ["<index>1</index><after>x</after>", "<index>1</index><before/>"]
        for inner in table:
            error = self.assertRaises(StanzaError, wanted, inner)
            self.assertEqual(error.condition, "bad-request", inner)

    def test_found_in(self) -> None:
        query = Element("query", "urn:x")
        self.assertIsNone(PageRequest.found_in(query))
        query.add("set", NS).add("max", text="3")
        self.assertEqual(PageRequest.found_in(query), PageRequest(3))

    def test_limit(self) -> None:
        for most, expected in ((None, 50), (0, 0), (10, 10), (50, 50), (10**17, 50)):
            self.assertEqual(PageRequest(most).limit(50), expected)


class InfoTests(SynchronousTestCase):
    """What is answered."""

    def test_written(self) -> None:
        table = [
            (PageInfo(), ""),
            (PageInfo(count=0), "<count>0</count>"),
            (
                PageInfo("a", "b", 0, 7),
                '<first index="0">a</first><last>b</last><count>7</count>',
            ),
            (PageInfo("a", "a"), "<first>a</first><last>a</last>"),
            (PageInfo("a", None, 3, 1), "<count>1</count>"),
        ]
        for info, inner in table:
            tag = f'<set xmlns="{NS}"'
            expected = f"{tag}>{inner}</set>" if inner else f"{tag}/>"
            self.assertEqual(serialize(info.to_element()).decode(), expected)


class CutTests(SynchronousTestCase):
    """Pages of a list we have whole: here the letters from a to g, at most four at a time."""

    def cut(self, request: PageRequest, members: str = "abcdefg") -> tuple[str, PageInfo]:
        page, info = cut(members, request, 4, lambda letter: letter.upper())
        return "".join(page), info

    def test_pages(self) -> None:
        table = [
            (PageRequest(), "abcd"),
            (PageRequest(3), "abc"),
            (PageRequest(3, after="C"), "def"),
            (PageRequest(3, after="F"), "g"),
            (PageRequest(3, after="G"), ""),
            (PageRequest(3, before="D"), "abc"),
            (PageRequest(3, before="B"), "a"),
            (PageRequest(3, before="A"), ""),
            (PageRequest(3, before=""), "efg"),
            (PageRequest(3, after="E", before=""), "fg"),
            (PageRequest(2, after="A", before="E"), "cd"),
            (PageRequest(2, after="E", before="C"), ""),
            (PageRequest(2, index=0), "ab"),
            (PageRequest(2, index=6), "g"),
            (PageRequest(2, index=7), ""),
            (PageRequest(2, index=10**17), ""),
            (PageRequest(100, index=1), "bcde"),
            (PageRequest(0), ""),
            (PageRequest(0, before=""), ""),
        ]
        for request, expected in table:
            page, info = self.cut(request)
            self.assertEqual(page, expected, request)
            told = PageInfo(count=7)
            if page:
                index = "abcdefg".index(page)
                told = PageInfo(page[0].upper(), page[-1].upper(), index, 7)
            self.assertEqual(info, told)

    def test_nothing_to_page(self) -> None:
        for request in (PageRequest(), PageRequest(3, before=""), PageRequest(index=0)):
            self.assertEqual(self.cut(request, ""), ("", PageInfo(count=0)))

    def test_unknown_ids(self) -> None:
        """2.4."""
        for request in (PageRequest(after="x"), PageRequest(before="x"), PageRequest(after="a")):
            error = self.assertRaises(StanzaError, self.cut, request)
            self.assertEqual(error.condition, "item-not-found")

    @settings(deadline=None, derandomize=True, database=None)
    @given(st.integers(0, 30), st.integers(1, 9), st.booleans())
    def test_all_pages_are_the_list(self, size: int, most: int, backwards: bool) -> None:
        """2.2, 2.3: nothing is left out and nothing comes twice."""
        members = [str(number) for number in range(size)]
        seen: list[str] = []
        request = PageRequest(before="" if backwards else None)
        while True:
            page, info = cut(members, request, most, str)
            if not page:
                break
            seen = [*page, *seen] if backwards else [*seen, *page]
            request = PageRequest(before=info.first) if backwards else PageRequest(after=info.last)
        self.assertEqual(seen, members)
