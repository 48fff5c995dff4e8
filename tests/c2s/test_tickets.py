"""Answers that promise something wait for storage, and everything behind them with them."""

from tests.c2s.client import Client
from tests.c2s.house import HouseCase, Setup
from tests.c2s.texts import CAPULET, JULIET, ROMEO
from xmppd.api.registrations import HandleIq, Promised, Request
from xmppd.api.storage import KeyValue
from xmppd.storage.simulated import SimulatedStorage

KEEP = "<iq type='set' id='{}'><keep xmlns='urn:keep'/></iq>"
KEPT = f"<iq type='result' id='{{}}' from='{JULIET}' to='{JULIET}/balcony'/>"
HELLO = f"<message from='{ROMEO}/orchard' to='{JULIET}/balcony' id='{{}}'/>"


class TicketTests(HouseCase):
    """A storage whose commits take a second."""

    setup = Setup(store="simulated")

    def setUp(self) -> None:
        super().setUp()
        storage = self.house.server.storage
        assert isinstance(storage, SimulatedStorage)
        self.storage = storage
        self.house.passes(1)
        storage.latency = 1.0
        store = storage.host(CAPULET).open("kept", KeyValue)

        def keep(request: Request) -> Promised:
            return Promised(None, store.put(request.owner, request.iq.id.encode()))

        self.house.install(HandleIq("set", "urn:keep", "keep", keep))
        self.juliet, self.romeo = self.house.login(), self.house.login("romeo", "orchard")
        self.house.passes(2)
        self.before = storage.commits

    def hears(self, client: Client, *ids: str) -> None:
        """Send messages of Romeo's to Juliet."""
        client.sends(*(f"<message to='{JULIET}/balcony' id='{id}'/>" for id in ids))

    def test_nothing_is_promised_before_it_is_kept(self) -> None:
        self.hears(self.romeo, "1")
        self.juliet.receives(HELLO.format(1))
        self.juliet.sends(KEEP.format("a"))
        self.hears(self.romeo, "2", "3")
        self.juliet.receives()
        self.assertEqual(self.storage.commits, self.before)
        self.house.passes(1)
        self.assertEqual(self.storage.commits, self.before + 1)
        self.juliet.receives(KEPT.format("a"), HELLO.format(2), HELLO.format(3))
        self.hears(self.romeo, "4")
        self.juliet.receives(HELLO.format(4))

    def test_input_does_not_wait(self) -> None:
        """Three commits' worth of requests take two: the one under way, and one for the rest."""
        for id in "abc":
            self.juliet.sends(KEEP.format(id))
        self.house.passes(1)
        self.juliet.receives(KEPT.format("a"))
        self.house.passes(1)
        self.juliet.receives(KEPT.format("b"), KEPT.format("c"))

    def test_others_do_not_wait(self) -> None:
        self.juliet.sends(KEEP.format("a"))
        self.juliet.sends(f"<message to='{ROMEO}/orchard' id='1'/>")
        self.assertEqual(len(self.romeo.takes()), 1)

    def test_what_was_lost_is_not_promised(self) -> None:
        self.hears(self.romeo, "1")
        self.juliet.sends(KEEP.format("a"))
        self.hears(self.romeo, "2")
        self.storage.fail_next_commit()
        self.house.passes(1)
        first, error = self.juliet.takes()
        self.assertEqual(first.get("id"), "1")
        self.assertTrue(error[0].tag.endswith("}internal-server-error"))
        self.assertTrue(self.juliet.reader.ended)
        self.assertFalse(self.romeo.reader.ended)

    def test_what_was_not_sent_comes_back(self) -> None:
        """Nobody keeps messages here, and her other session is for other messages."""
        other = self.house.login(resource="chamber")
        for end in (self.juliet.hangs_up, self.storage.fail_next_commit):
            self.juliet.sends(KEEP.format("a"))
            self.hears(self.romeo, "2")
            self.romeo.receives()
            end()
            self.house.passes(1)
            (error,) = self.romeo.takes()
            self.assertEqual((error.get("id"), error.get("type")), ("2", "error"))
            self.juliet = self.house.login()
            self.house.passes(2)
        self.assertEqual(other.takes(), [])

    def test_who_closes_still_hears(self) -> None:
        """RFC 6120 4.4."""
        self.juliet.sends(KEEP.format("a"))
        self.juliet.closes()
        self.assertFalse(self.juliet.reader.ended)
        self.house.passes(1)
        self.juliet.receives(KEPT.format("a"))
        self.assertTrue(self.juliet.reader.ended)
        self.assertTrue(self.juliet.lost)

    def test_who_is_gone_holds_up_nothing(self) -> None:
        self.juliet.sends(KEEP.format("a"))
        self.juliet.hangs_up()
        self.assertEqual(self.house.server.hosts[CAPULET].local.sessions("juliet"), ())
        self.assertEqual(len(self.house.clients.gate), 0)

    def test_what_waits_is_bounded(self) -> None:
        """A storage that has come to a stop."""
        self.storage.latency = 1000.0
        self.juliet.sends(KEEP.format("a"))
        count = 0
        while not self.juliet.reader.ended and count < 100:
            self.romeo.sends(f"<message to='{JULIET}/balcony'>{'x' * 100_000}</message>")
            count += 1
        self.assertLess(count, 50)
        self.juliet.fails_with("resource-constraint")
