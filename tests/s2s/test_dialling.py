"""What is remembered of servers that are called (see `tests.s2s.test_outgoing` for the calls)."""

from tests.c2s.texts import PROCEED, SASL
from tests.s2s.test_outgoing import (
    AUTH,
    DIALBACK,
    EXTERNAL,
    STARTING,
    OutgoingCase,
    header,
    message,
)
from tests.s2s.world import CAPULET, MONTAGUE, Peer, service
from xmppd.s2s import dialling
from xmppd.s2s.dialling import REMEMBERED_SECONDS


class WithoutTests(OutgoingCase):
    """Servers that do not like our certificate."""

    def refused(self) -> None:
        """Be refused by EXTERNAL, and get through by dialback."""
        self.sends(message())
        peer = self.secured(EXTERNAL, DIALBACK)
        peer.receives(AUTH)
        peer.sends(f"<failure xmlns='{SASL}'><not-authorized/></failure>")
        self.takes_dialback(self.secured(EXTERNAL, DIALBACK))

    def takes_dialback(self, peer: Peer) -> None:
        (request,) = peer.takes()
        self.assertTrue(request.tag.endswith("}result"), request.tag)
        peer.sends(f"<db:result from='{MONTAGUE}' to='{CAPULET}' type='valid'/>")
        peer.takes()
        peer.transport.abortConnection()
        self.world.passes(130)

    def test_for_a_while(self) -> None:
        self.refused()
        self.sends(message())
        self.takes_dialback(self.secured(EXTERNAL, DIALBACK))
        self.world.clock.advance(REMEMBERED_SECONDS)
        self.sends(message())
        self.secured(EXTERNAL, DIALBACK).receives(AUTH)

    def test_only_so_many(self) -> None:
        """If there are too many, all are tried anew."""
        self.patch(dialling, "_MOST", 2)
        self.refused()
        dialler = service(self.server).dialler
        for name in ("a.example", "b.example"):
            dialler._remember(name)
        self.assertEqual(len(dialler._without), 1)
        self.sends(message())
        self.secured(EXTERNAL, DIALBACK).receives(AUTH)


class UncertifiedTests(OutgoingCase):
    """Where we have no certificate to show, none is left out the second time."""

    def test_one_call(self) -> None:
        contexts = service(self.server).around.dialling
        assert contexts is not None
        self.patch(contexts, "_identities", {})
        self.sends(message())
        peer = self.called()
        peer.sends(header(), STARTING)
        self.patch(peer, "dataReceived", lambda data: None)
        peer.sends(PROCEED)
        peer.transport.abortConnection()
        self.world.turn()
        self.assertEqual(len(self.place.peers), 1)
