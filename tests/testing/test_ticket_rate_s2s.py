"""What keeping every message costs another server, when the disk is slow."""

from twisted.trial.unittest import SynchronousTestCase

from tests.testing.test_ticket_rate import LATENCY, WINDOW, Keeper
from xmppd.server.assemble import Server
from xmppd.testing.network import Network, Weather

SECONDS = 1.0
STEP = 0.001


def keep(server: Server) -> None:
    """Have everything kept that comes for an account."""
    server.host().install("keeper", Keeper(server.host()).registrations())


class ServerTicketRateTests(SynchronousTestCase):
    """One stream, a hundred messages under way at a time, commits of ten milliseconds."""

    def setUp(self) -> None:
        self.network = Network("rate")
        self.addCleanup(self.network.close)
        self.network.weather = Weather((0.0, 0.0), 1e12, 0.0)
        self.network.add("a.example", latency=0.0)
        self.node = self.network.add("b.example", latency=LATENCY, prepare=keep)
        self.juliet = self.network.client("juliet@a.example/balcony")
        self.romeo = self.network.client("romeo@b.example/orchard")
        self.network.run(1)

    def send(self, number: int) -> None:
        to = self.romeo.jid
        self.juliet.send(f"<message to='{to}' type='chat' id='{number}'><body>o</body></message>")

    def test_a_window_of_a_hundred_carries_five_thousand_a_second(self) -> None:
        self.send(0)
        self.network.run(1)
        self.romeo.take()
        sent = arrived = 1
        commits = getattr(self.node.disk, "commits", 0)
        for _ in range(round(SECONDS / STEP)):
            while sent - arrived < WINDOW:
                self.send(sent)
                sent += 1
            self.network.run(STEP)
            for stanza in self.romeo.take():
                self.assertEqual(str(arrived), stanza.id)
                arrived += 1
        self.assertGreaterEqual(arrived, 5000 * SECONDS)
        # What has arrived is committed, and a hundred messages share a commit.
        self.assertLessEqual(arrived, self.node.disk.tickets.settled)
        made = getattr(self.node.disk, "commits", 0) - commits
        self.assertTrue(0 < made <= SECONDS / LATENCY + 2, made)
