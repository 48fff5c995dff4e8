"""Delayed delivery (XEP-0203)."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza.delay import add_delay, delays_by
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message
from xmppd.testing.texts import normal, read_stanzas

HOST = JID.parse("example.org")
DELAY = "<delay xmlns='urn:xmpp:delay' from='{}' stamp='2002-09-10T23:08:25Z'/>"


class DelayTests(SynchronousTestCase):
    """Found and added."""

    def test_whose(self) -> None:
        for inner, expected in (
            ("<body/>", 0),
            (DELAY.format("example.org"), 1),
            (DELAY.format("EXAMPLE.ORG") + "<body/>" + DELAY.format("example.org"), 2),
            (DELAY.format("example.net") + DELAY.format("example.org/x"), 0),
            (DELAY.format("juliet@example.org"), 0),
            (DELAY.format(""), 0),
            (DELAY.format("@"), 0),
            ("<delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/>", 0),
            ("<delay xmlns='urn:other' from='example.org'/>", 0),
            (f"<x xmlns='urn:x'>{DELAY.format('example.org')}</x>", 0),
        ):
            [message] = read_stanzas(f"<message>{inner}</message>")
            found = delays_by(message, HOST)
            self.assertEqual(len(found), expected, inner)
            message.remove(found)
            self.assertEqual(delays_by(message, HOST), [])

    def test_added(self) -> None:
        [message] = read_stanzas("<message id='1'><body>Hi</body></message>")
        add_delay(message, HOST, 1_031_699_305.0)
        self.assertEqual(
            normal(message),
            normal(f"<message id='1'><body>Hi</body>{DELAY.format('example.org')}</message>"),
        )
        self.assertEqual(len(delays_by(message, HOST)), 1)

    def test_beyond_all_calendars(self) -> None:
        for when in (1e12, 1e18, float("inf")):
            self.assertRaises(ValueError, add_delay, Message(), HOST, when)
