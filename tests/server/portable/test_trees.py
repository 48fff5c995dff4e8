"""Trees of lxml as ours."""

from pathlib import Path

from lxml import etree
from twisted.trial.unittest import SynchronousTestCase

from xmppd.server.portable.trees import NotReadable, events, tree
from xmppd.wire.document import parse_document


class TreeTests(SynchronousTestCase):
    """What becomes of elements, and what is refused."""

    def test_all_is_in_its_place(self) -> None:
        for text in (
            "<a/>",
            "<a xmlns='u'>1<b k='v'>2<c/>3</b>4<b xmlns='w'/>5</a>",
            "<a xmlns:p='q' p:k='v' xml:lang='it'><p:b>&amp;<![CDATA[<>]]></p:b> </a>",
        ):
            with self.subTest(text=text):
                self.assertEqual(tree(etree.fromstring(text)), parse_document(text.encode()))

    def test_entities(self) -> None:
        parser = etree.XMLParser(resolve_entities=False)
        element = etree.fromstring("<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", parser)
        self.assertRaises(ValueError, tree, element)

    def test_a_disk_that_fails(self) -> None:
        def fail(*_: object, **__: object) -> None:
            raise OSError(5, "Input/output error")

        path = Path(self.mktemp())
        path.touch()
        self.patch(etree, "iterparse", fail)
        said = str(self.assertRaises(NotReadable, list, events(path)))
        self.assertEqual(said, f"{path}: cannot be read (Input/output error)")
