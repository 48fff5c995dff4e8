"""What keeping every message costs a sender whose window is bounded, when the disk is slow."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.moments import PASS, Stage, ToAccount, Verdict
from xmppd.api.registrations import Registration, Watch
from xmppd.api.storage import Archive
from xmppd.routing.host import LocalHost
from xmppd.stanza.stanza import Message, Stanza
from xmppd.testing.fake_host import FakeHost

LATENCY = 0.01
WINDOW = 100
SECONDS = 1.0
STEP = 0.001


class Keeper:
    """Keeps every message for an account, and promises so."""

    def __init__(self, host: LocalHost) -> None:
        self._host = host
        self.archive = host.open("kept", Archive)

    def registrations(self) -> list[Registration]:
        return [Watch(ToAccount, self.keep, Stage.AFTER, kinds=("message",))]

    def keep(self, stanza: Stanza, owner: str) -> Verdict:
        entry = self.archive.append(owner, stanza.to_bytes(), when=self._host.wall.now())
        stanza.ticket = entry.ticket
        return PASS


class TicketRateTests(SynchronousTestCase):
    """One sender, a hundred messages under way at a time, commits of ten milliseconds."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.host.load(Keeper)
        self.romeo = self.host.login("romeo/orchard")
        self.juliet = self.host.login("juliet/balcony")
        self.host.turn()
        self.host.storage.latency = LATENCY

    def test_input_never_waits_for_commits(self) -> None:
        for number in range(WINDOW):
            self.romeo.receive(self.message(number))
        self.host.turn()
        self.assertEqual(self.host.storage.tickets.issued - self.host.storage.tickets.settled, 100)
        self.assertFalse(self.romeo.paused)
        self.assertEqual(self.juliet.stanzas, ())

    def test_a_window_of_a_hundred_carries_five_thousand_a_second(self) -> None:
        sent = arrived = 0
        for _ in range(round(SECONDS / STEP)):
            while sent - arrived < WINDOW:
                self.romeo.receive(self.message(sent))
                sent += 1
            self.host.clock.advance(STEP)
            for stanza in self.juliet.stanzas:
                self.assertEqual(stanza.id, str(arrived))
                arrived += 1
            self.juliet.take()
        self.assertGreaterEqual(arrived, 5000 * SECONDS)
        # What has arrived is committed, and a hundred messages share a commit.
        self.assertLessEqual(arrived, self.host.storage.tickets.settled)
        self.assertLessEqual(self.host.storage.commits, SECONDS / LATENCY + 2)

    def message(self, number: int) -> Message:
        return Message(to=self.juliet.jid, type="chat", id=str(number))
