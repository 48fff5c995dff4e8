"""Tests of xmppd.stanza.weight."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza.stanza import Message
from xmppd.stanza.weight import weight
from xmppd.wire.element import Element


class WeightTests(SynchronousTestCase):
    """What counts."""

    def test_what_strangers_make_long(self) -> None:
        light = weight(Message())
        self.assertGreater(light, 0)
        for heavy in (
            Message(id="a" * 100),
            Message(type="a" * 100),
            Message(Element("x" * 97)),
        ):
            self.assertEqual(weight(heavy), light + 100)
        extra = Message()
        extra.extra = "a" * 100
        self.assertEqual(weight(extra), light + 100)
