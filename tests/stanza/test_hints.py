"""Whether a message is worth keeping (XEP-0334, XEP-0160 section 3)."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza.hints import Worth, worth
from xmppd.testing.texts import read_stanzas

BODY = "<body>Hi</body>"
COMPOSING = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
ACTIVE = "<active xmlns='http://jabber.org/protocol/chatstates'/>"
DELAY = "<delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/>"
ID = "<origin-id xmlns='urn:xmpp:sid:0' id='1'/>"


def hint(name: str) -> str:
    return f"<{name} xmlns='urn:xmpp:hints'/>"


KEEP, NOW, NOTHING = Worth.KEEP, Worth.NOW, Worth.NOTHING

TABLE = (
    (BODY, KEEP),
    (BODY + ACTIVE, KEEP),
    ("<subject>Balconies</subject>", KEEP),
    ("<subject xmlns='urn:other'/>", KEEP),
    ("<thread>1</thread>" + BODY, KEEP),
    ("<received xmlns='urn:xmpp:receipts' id='1'/>", KEEP),
    ("<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", KEEP),
    ("<x xmlns=''/>", KEEP),
    ("<thread xmlns='urn:other'/>", KEEP),
    ("", NOTHING),
    ("   ", NOTHING),
    (COMPOSING, NOTHING),
    (COMPOSING + "<thread>1</thread>" + ID + DELAY, NOTHING),
    (COMPOSING + hint("no-permanent-store"), NOTHING),
    (COMPOSING + hint("no-store"), NOTHING),
    (COMPOSING + hint("no-store") + hint("store"), NOTHING),
    (COMPOSING + hint("store"), KEEP),
    (hint("store"), KEEP),
    (BODY + hint("store"), KEEP),
    (BODY + hint("no-copy"), KEEP),
    (BODY + hint("no-permanent-store"), KEEP),
    (BODY + hint("no-store"), NOW),
    (hint("no-store") + BODY + hint("store"), NOW),
    (BODY + "<no-store xmlns='urn:other'/>", KEEP),
    ("<x xmlns='urn:x'><no-store xmlns='urn:xmpp:hints'/></x>", KEEP),
)


class WorthTests(SynchronousTestCase):
    """The table."""

    def test_worth(self) -> None:
        for inner, expected in TABLE:
            [message] = read_stanzas(f"<message>{inner}</message>")
            self.assertIs(worth(message), expected, inner)
