"""What a stream's root makes of the bytes that were cut out below it."""

from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.streams import Made
from xmppd.wire.faults import Refused
from xmppd.wire.limits import ParserLimits
from xmppd.wire.namespaces import CLIENT, SERVER
from xmppd.wire.root import Root


def made(root: Root, raw: bytes, inside: tuple[int, int], limits: ParserLimits) -> object:
    """Return the message that the root makes of `raw`, which has one attribute and no children."""
    return root.stanza(partial(Made, "message"), {"id": "<"}, raw, inside, [], limits)


class RootTests(SynchronousTestCase):
    """Elements and stanzas, by what the root declares."""

    def setUp(self) -> None:
        self.root = Root(SERVER, "s:stream", {"": SERVER, "s": "urn:s", "p": "urn:p"})

    def test_its_tag(self) -> None:
        """Nothing but what it declares: a parser is shown it again."""
        for declarations, tag in (
            ({}, b"<stream>"),
            ({"": CLIENT, "p": "a&b"}, b'<stream xmlns="jabber:client" xmlns:p="a&amp;b">'),
        ):
            self.assertEqual(tag, Root(CLIENT, "stream", declarations).tag)

    def test_elements_may_lean_on_it(self) -> None:
        element = self.root.element(b"<p:a><b/></p:a>")
        self.assertEqual(("urn:p", "a", SERVER), (element.ns, element.name, element.child().ns))  # type: ignore[union-attr]

    def test_stanzas_do_not(self) -> None:
        """Those that do are written anew; the others keep their bytes."""
        limits = ParserLimits()
        for raw, inside, expected in (
            (b"<message id='&lt;'>hi</message>", (19, 21), b"hi"),
            (b"<message id='&lt;'><p:a/></message>", (19, 25), b'<a xmlns="urn:p"/>'),
        ):
            stanza = made(self.root, raw, inside, limits)
            assert isinstance(stanza, Made)
            self.assertEqual(({"id": "<"}, expected), (stanza.attrs, stanza.inner))

    def test_their_own_tag_has_its_limit_as_it_is_written(self) -> None:
        """An attribute may grow when it is escaped."""
        raw, inside = b"<message id='&lt;'/>", (20, 20)
        written = len(b' id="&lt;"')
        made(self.root, raw, inside, ParserLimits(tag=written))
        refused = self.assertRaises(
            Refused, made, self.root, raw, inside, ParserLimits(tag=written - 1)
        )
        self.assertEqual(("policy-violation", "a tag is too long"), refused.args)
