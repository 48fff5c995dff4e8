"""Two servers that call each other at the same moment (XEP-0288)."""

from tests.c2s.texts import SASL, STARTTLS
from tests.net import pairs
from tests.s2s.test_outgoing import (
    AUTH,
    EXTERNAL,
    JULIET,
    ROMEO,
    OutgoingCase,
    features,
    header,
    message,
    sent,
)
from tests.s2s.world import CAPULET, MONTAGUE, Peer, certificate, connect, opening

BIDI = "<bidi xmlns='urn:xmpp:features:bidi'/>"
ASKED = "<bidi xmlns='urn:xmpp:bidi'/>"
SUCCESS = f"<success xmlns='{SASL}'/>"


class CrossingTests(OutgoingCase):
    """Its stream to us is ready while ours to it is being made."""

    def calls_us(self) -> Peer:
        """Return the other server's own stream, on which we may send, too."""
        peer = connect(self.world)
        peer.sends(opening())
        peer.sends(STARTTLS)
        shows = certificate(MONTAGUE)
        peer.takes()
        peer.begin_tls(pairs.Client(server_name=CAPULET.encode(), shows=shows))
        peer.sends(opening(), ASKED, f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>=</auth>")
        # Over a stream that it has not gone on with we send nothing; it counts no stanzas here.
        peer.sends(opening(), "<resume xmlns='urn:xmpp:sm:3' previd='none' h='0'/>")
        peer.takes()
        return peer

    def test_neither_stream_is_closed(self) -> None:
        """If each server closed its own, none would be left, and what has gone be in doubt."""
        self.sends(message("1"))
        ours = self.secured(EXTERNAL, BIDI)
        ours.receives(ASKED, AUTH)
        theirs = self.calls_us()
        ours.sends(SUCCESS, header(), features())
        ours.receives()
        self.sends(message("2"))
        theirs.receives(sent("2"))
        said = f"<message from='{ROMEO}' to='{JULIET}' id='r'><body>Hello</body></message>"
        ours.sends(said)
        self.juliet.receives(said)
        self.world.passes(1000)
        for peer in (ours, theirs):
            peer.receives()
            self.assertTrue(peer.reader.ended)

    def test_a_stream_for_nothing_is(self) -> None:
        """Over one that serves us alone nobody sends anything."""
        self.sends(message("1"))
        ours = self.secured(EXTERNAL)
        ours.receives(AUTH)
        theirs = self.calls_us()
        ours.sends(SUCCESS, header(), features())
        ours.receives()
        self.assertTrue(ours.reader.ended)
        self.sends(message("2"))
        theirs.receives(sent("2"))
