"""Delayed delivery (XEP-0203): who may say of this server that it has delayed something."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.modules.delay import Delays
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message
from xmppd.testing.fake_host import FakeHost
from xmppd.wire.element import Element
from xmppd.wire.namespaces import DELAY

BODY = "<body>Hi</body>"
STAMP = "2002-09-10T23:08:25Z"


def delay(attributes: str = "from='example.org'", ns: str = DELAY) -> str:
    return f"<delay xmlns='{ns}' stamp='{STAMP}' {attributes}/>"


class DelayTests(SynchronousTestCase):
    """Juliet is online; Romeo writes to her from elsewhere, the nurse from here."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.host.load(Delays)
        self.juliet = self.host.login("juliet/balcony")
        self.juliet.sends("<presence/>")
        self.juliet.overlook()

    def test_what_stays(self) -> None:
        table = (
            (delay(), ""),
            (delay("from='EXAMPLE.org'") + BODY, BODY),
            (delay() + BODY + delay() + delay(), BODY),
            (delay("from='example.net'"), None),
            (delay("from='rooms.example.org'"), None),
            (delay("from='juliet@example.org'"), None),
            (delay("from='example.org/x'"), None),
            (delay("from='@'"), None),
            (delay(""), None),
            (delay(ns="urn:other"), None),
            (f"<x>{delay()}</x>", None),
            (BODY, None),
        )
        senders = (self.host.remote("romeo@example.net/orchard"), self.host.login("nurse/kitchen"))
        for sender in senders:
            for to in ("juliet@example.org", "juliet@example.org/balcony"):
                for inner, outcome in table:
                    stays = inner if outcome is None else outcome
                    sender.sends(f"<message type='chat' to='{to}'>{inner}</message>")
                    self.juliet.receives(
                        f"<message type='chat' from='{sender.jid}' to='{to}'>{stays}</message>"
                    )

    def test_presence(self) -> None:
        romeo = self.host.remote("romeo@example.net/orchard")
        to = str(self.juliet.jid)
        romeo.sends(f"<presence to='{to}'>{delay()}{delay('')}</presence>")
        self.juliet.receives(f"<presence from='{romeo.jid}' to='{to}'>{delay('')}</presence>")

    def test_our_own(self) -> None:
        """What the host itself says of a delay is true."""
        said = Element("delay", DELAY, {"from": "example.org", "stamp": STAMP})
        to = JID.parse("juliet@example.org")
        self.host.route(Message(Element("body"), said, to=to, from_=self.host.jid))
        self.juliet.receives(
            f"<message from='example.org' to='juliet@example.org'><body/>{delay()}</message>"
        )

    def test_guests(self) -> None:
        """Nothing is kept for them, and nobody fools them either."""
        guests = FakeHost("guests.example", beside=self.host, anonymous=True)
        guests.load(Delays)
        guest = guests.login("somebody/x", anonymous=True)
        guest.overlook()
        romeo = self.host.remote("romeo@example.net/orchard")
        forged = delay("from='guests.example'")
        romeo.sends(f"<message to='{guest.jid}'>{forged}{BODY}</message>")
        guest.receives(f"<message from='{romeo.jid}' to='{guest.jid}'>{BODY}</message>")
