"""Tests of xmppd.stream.events."""

from dataclasses import FrozenInstanceError

from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza.jid import JID
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Broken, Closed, Opened, Received
from xmppd.wire.element import Element


class EventTests(SynchronousTestCase):
    """Events are values, and what is private does not show in them."""

    def test_values(self) -> None:
        to = JID.parse("example.org")
        self.assertEqual(Opened(to, None, "en"), Opened(to, None, "en"))
        self.assertNotEqual(Opened(to, None, "en"), Opened(to, None, "de"))
        self.assertEqual(Closed(), Closed())
        self.assertNotEqual(Closed(), Broken(StreamError("reset")))

    def test_frozen(self) -> None:
        for event, name in ((Closed(), "x"), (Opened(None, None, ""), "to")):
            with self.assertRaises((FrozenInstanceError, AttributeError, TypeError)):
                setattr(event, name, None)

    def test_an_elements_content_does_not_show(self) -> None:
        element = Element("auth", "urn:x", {"secret": "hidden"}, ["hidden"])
        self.assertNotIn("hidden", repr(Received(element)))
