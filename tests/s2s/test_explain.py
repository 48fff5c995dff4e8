"""What an operator is told of servers played by hand (see `tests.server.test_server_commands`)."""

from twisted.internet.defer import Deferred

from tests.c2s.texts import CLOSE, SASL, stream_error
from tests.s2s.test_outgoing import AUTH, DIALBACK, EXTERNAL, OutgoingCase, header
from tests.s2s.world import CAPULET, MONTAGUE, service
from xmppd.s2s.explain import Told, explain
from xmppd.s2s.pairs import Pair


class ExplainTests(OutgoingCase):
    """The last step is what counts."""

    def setUp(self) -> None:
        super().setUp()
        around = service(self.server).around
        self.told: Deferred[list[Told]] = Deferred.fromCoroutine(
            explain(around, Pair(CAPULET, MONTAGUE))
        )
        self.world.turn()

    def refuse(self) -> None:
        """Have our certificate refused, and be called once more."""
        peer = self.secured(EXTERNAL, DIALBACK)
        peer.receives(AUTH)
        peer.sends(f"<failure xmlns='{SASL}'><not-authorized/></failure>")
        self.world.turn()

    def last(self) -> list[Told]:
        """Return the last two steps."""
        self.world.turn()
        told = self.successResultOf(self.told)
        self.assertEqual(len(told), len(set(told)), "nothing is told twice")
        return told[-2:]

    def test_one_who_refuses_our_certificate(self) -> None:
        """Stanzas get there all the same: see `Dialler`."""
        self.refuse()
        peer = self.secured(EXTERNAL, DIALBACK)
        peer.takes()
        peer.sends(f"<db:result from='{MONTAGUE}' to='{CAPULET}' type='valid'/>")
        self.assertEqual(
            [(each.ok, each.text) for each in self.last()],
            [
                (
                    True,
                    "the other server does not accept our certificate (not-authorized), so it is "
                    "tried without",
                ),
                (True, "dialback was accepted"),
            ],
        )

    def test_one_who_takes_nothing(self) -> None:
        self.refuse()
        peer = self.secured(EXTERNAL, DIALBACK)
        peer.takes()
        peer.sends(f"<db:result from='{MONTAGUE}' to='{CAPULET}' type='invalid'/>")
        first, last = self.last()
        self.assertIn("(not-authorized), so it is tried without", first.text)
        self.assertEqual((last.ok, last.step), (False, "proving who we are"))
        self.assertIn("could not confirm by dialback", last.text)

    def test_a_server_of_somebody_else(self) -> None:
        self.called().sends(header(), stream_error("host-unknown") + CLOSE)
        last = self.last()[-1]
        self.assertEqual((last.ok, last.step), (False, "the stream"))
        self.assertIn("host-unknown", last.text)
        self.assertIn("entries in the DNS", last.advice)
