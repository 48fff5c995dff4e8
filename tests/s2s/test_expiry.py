"""Certificates that expire while a stream is in use (RFC 6120 13.7.2.3)."""

from datetime import timedelta

from tests.c2s.texts import stream_error
from tests.net.pki import DAY, NOW, Issued, Order, authority, issue
from tests.s2s.test_incoming import BIDI, DIALBACK, EXTERNAL, IncomingCase, auth, message
from tests.s2s.test_outgoing import SM, OutgoingCase, sent
from tests.s2s.test_outgoing import message as outgoing
from tests.s2s.world import MONTAGUE, opening
from xmppd.net.tls import ServerContexts

RESET = stream_error("reset")
R = "<r xmlns='urn:xmpp:sm:3'/>"


def lasting(seconds: float) -> Issued:
    """Return a certificate that expires so soon."""
    return issue(Order(hosts=(MONTAGUE,), end=NOW + timedelta(seconds=seconds)), authority())


class AcceptedTests(IncomingCase):
    """That of a server that has connected."""

    def test_the_stream_ends_with_it(self) -> None:
        peer = self.secured(lasting(60), MONTAGUE, EXTERNAL, DIALBACK, BIDI)
        peer.sends(auth(), opening())
        peer.takes()
        self.world.passes(59)
        peer.sends(message())
        self.assertEqual(len(self.heard()), 1)
        self.world.passes(3)
        peer.receives(RESET)
        self.assertTrue(peer.reader.ended)
        peer.sends(message())
        self.assertEqual(self.heard(), [])

    def test_another_is_not_enough(self) -> None:
        """Behind the end it has to be proven anew, and cannot be."""
        self.test_the_stream_ends_with_it()
        self.secured(lasting(60), MONTAGUE, DIALBACK, BIDI)

    def test_one_that_lasts(self) -> None:
        peer = self.logged_in()
        self.world.wall.seconds += 80 * DAY.total_seconds()
        self.world.passes(2)
        peer.receives()
        self.world.wall.seconds += 11 * DAY.total_seconds()
        self.world.passes(2)
        peer.receives(RESET)


class CalledTests(OutgoingCase):
    """That of a server that we have called."""

    def setUp(self) -> None:
        super().setUp()
        self.contexts = ServerContexts({MONTAGUE: lasting(60).identity()}, MONTAGUE, (), True)

    def test_the_stream_ends_with_it(self) -> None:
        self.sends(outgoing())
        peer = self.ready()
        peer.receives(sent())
        self.world.passes(62)
        peer.receives(RESET)
        self.show(MONTAGUE)
        self.sends(outgoing("2"))
        self.world.passes(4)
        self.ready().receives(sent("2"))
        self.juliet.receives()

    def test_what_is_on_its_way_is_waited_for(self) -> None:
        """As long as an acknowledgement may take."""
        self.sends(outgoing())
        peer = self.ready(SM)
        peer.sends("<enabled xmlns='urn:xmpp:sm:3'/>")
        peer.receives("<enable xmlns='urn:xmpp:sm:3'/>", sent(), R)
        self.world.passes(58)
        peer.sends("<a xmlns='urn:xmpp:sm:3' h='1'/>")
        self.sends(outgoing("2"))
        peer.receives(sent("2"), R)
        self.world.passes(10)
        peer.receives()
        peer.sends("<a xmlns='urn:xmpp:sm:3' h='2'/>")
        self.world.passes(2)
        peer.receives("<a xmlns='urn:xmpp:sm:3' h='0'/>", RESET)
        self.juliet.receives()
