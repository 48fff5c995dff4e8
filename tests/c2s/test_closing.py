"""The closing handshake (RFC 6120 4.4): each side closes its stream, then the connection goes."""

from twisted.internet.defer import Deferred

from tests.c2s.client import Client
from tests.c2s.house import HouseCase, Setup
from tests.c2s.texts import CAPULET, opening, plain
from xmppd.api.moments import PASS, SentByClient, Verdict
from xmppd.api.registrations import Watch
from xmppd.stream.errors import StreamError

HELLO = "<message to='romeo@capulet.example/orchard'><body>{}</body></message>"
HEARD = (
    "<message from='juliet@capulet.example/balcony' to='romeo@capulet.example/orchard'>"
    "<body>{}</body></message>"
)
SECONDS = 5
"""How long a client may take to close its side."""


def stop(client: Client, condition: str = "reset") -> None:
    """Have the server end a stream."""
    protocol = client.protocol
    assert protocol is not None
    protocol.fail(StreamError(condition))
    client.house.turn()


class TheyCloseTests(HouseCase):
    """The client closes first."""

    def test_it_is_answered(self) -> None:
        fresh, known, bound = self.house.connect(), self.house.connect(), self.house.login()
        fresh.opens()
        known.logs_in("nurse")
        for client in (fresh, known, bound):
            client.closes()
            client.receives()
            self.assertTrue(client.reader.ended)
            self.assertTrue(client.lost)
            self.assertFalse(client.reset)
        self.assertEqual(len(self.house.clients), 0)

    def test_what_came_before_is_worked_off(self) -> None:
        """Whatever waits for something else waits in vain for no close (10.1)."""
        romeo = self.house.login("romeo", "orchard")
        for ending in (Client.closes, Client.hangs_up):
            waits: list[Deferred[Verdict]] = [Deferred() for _ in range(2)]
            queue = list(waits)
            self.house.install(
                Watch(SentByClient, lambda *_, queue=queue: queue.pop(0) if queue else PASS)
            )
            juliet = self.house.login()
            juliet.sends(*(HELLO.format(number) for number in range(3)))
            ending(juliet)
            romeo.receives()
            self.assertFalse(juliet.reader.ended)
            for wait in waits:
                wait.callback(PASS)
            self.house.turn()
            romeo.receives(*(HEARD.format(number) for number in range(3)))
            self.assertEqual(juliet.reader.ended, ending is Client.closes)
            sessions = self.house.server.hosts[CAPULET].local.sessions("juliet")
            self.assertEqual(sessions, ())

    def test_work_that_never_ends_holds_up_nobody(self) -> None:
        """The connection goes in time, the session when its last stanza is given up."""
        self.house.install(Watch(SentByClient, lambda *_: Deferred()))
        local = self.house.server.hosts[CAPULET].local
        juliet = self.house.login()
        juliet.sends(HELLO.format(1))
        juliet.closes()
        self.assertFalse(juliet.reader.ended)
        self.house.passes(SECONDS)
        self.assertTrue(juliet.lost)
        self.assertEqual(len(local.sessions("juliet")), 1)
        self.house.passes(60)
        self.assertEqual(local.sessions("juliet"), ())

    def test_a_session_taking_its_leave_can_be_replaced(self) -> None:
        self.house.install(Watch(SentByClient, lambda *_: Deferred()))
        old = self.house.login()
        old.sends(HELLO.format(1))
        old.hangs_up()
        new = self.house.login()
        (record,) = self.house.server.hosts[CAPULET].local.sessions("juliet")
        new.closes()
        self.assertTrue(new.reader.ended)
        self.assertEqual(record.jid.resourcepart, "balcony")


class WeCloseTests(HouseCase):
    """The server closes first, with an error."""

    def everybody(self) -> list[Client]:
        """Return clients at all stages."""
        connected = self.house.connect()
        opened, known = self.house.connect(), self.house.connect()
        opened.opens()
        known.logs_in("nurse")
        return [connected, opened, known, self.house.login()]

    def test_the_connection_waits_for_their_end(self) -> None:
        for number, client in enumerate(self.everybody()):
            stop(client)
            client.fails_with("reset")
            self.assertFalse(client.lost)
            if number == 0:
                client.sends(opening())
            client.sends("<message/>", plain("juliet"))
            self.assertFalse(client.lost)
            client.closes()
            self.assertTrue(client.lost)
            self.assertFalse(client.reset)
            client.receives()

    def test_the_session_ends_at_once(self) -> None:
        romeo, juliet = self.house.login("romeo", "orchard"), self.house.login()
        stop(juliet)
        juliet.sends(HELLO.format(1))
        romeo.receives()
        romeo.sends("<message to='juliet@capulet.example/balcony' type='headline'/>")
        juliet.fails_with("reset")

    def test_who_never_closes_is_cut_off(self) -> None:
        for client in self.everybody():
            stop(client)
            client.sends("<unfinished")
        self.house.passes(SECONDS - 1)
        self.assertEqual([end.lost for end in self.house.ends], [False] * 4)
        self.house.passes(2)
        self.assertEqual([end.lost for end in self.house.ends], [True] * 4)
        self.assertEqual(len(self.house.clients), 0)

    def test_who_does_not_even_read_is_cut_off(self) -> None:
        client = self.house.login()
        client.deaf = True
        flood = "<iq type='get' id='{}'><ping xmlns='urn:xmpp:ping'/></iq>".format("x" * 3000)
        client.sends(*[flood] * 30)
        stop(client)
        self.house.passes(2 * SECONDS + 1)
        self.assertEqual(len(self.house.clients), 0)
        client.deaf = False
        self.house.turn()
        self.assertTrue(client.lost)

    def test_what_cannot_be_read_ends_it_at_once(self) -> None:
        for client in self.everybody():
            client.sends("</wrong><")
            client.fails_with("not-well-formed")
            self.assertTrue(client.lost)

    def test_reading_goes_on_for_their_end(self) -> None:
        """Also where it was paused, because more had come than was worked off."""
        self.house.install(Watch(SentByClient, lambda *_: Deferred()))
        juliet = self.house.login()
        juliet.sends(*[HELLO.format(number) for number in range(100)])
        stop(juliet)
        juliet.fails_with("reset")
        juliet.closes()
        self.assertTrue(juliet.lost)

    def test_only_one_error(self) -> None:
        client = self.house.login()
        stop(client)
        stop(client, "conflict")
        client.fails_with("reset")
        self.house.passes(3)
        stop(client, "conflict")
        self.house.passes(3)
        self.assertTrue(client.lost)


class UnderTlsTests(HouseCase):
    """TLS has an end of its own: close_notify, both ways (RFC 6120 4.4, security warning)."""

    setup = Setup(tls=True)

    def secure(self) -> Client:
        client = self.house.connect()
        client.starts_tls()
        client.logs_in()
        client.binds()
        return client

    def test_notified(self) -> None:
        client = self.secure()
        client.closes()
        self.assertTrue(client.reader.ended)
        self.assertTrue(client.notified)
        self.assertFalse(client.lost)
        assert client.tls is not None
        client.tls.shutdown()
        self.house.turn()
        self.assertTrue(client.lost)
        self.assertFalse(client.reset)

    def test_who_never_notifies_is_cut_off(self) -> None:
        client = self.secure()
        client.closes()
        self.house.passes(SECONDS)
        self.assertTrue(client.lost)
        self.assertEqual(len(self.house.clients), 0)

    def test_who_never_closes_is_cut_off(self) -> None:
        client = self.secure()
        stop(client)
        client.fails_with("reset")
        self.assertFalse(client.notified)
        self.house.passes(SECONDS)
        self.assertTrue(client.notified)
        self.assertFalse(client.lost)
        self.house.passes(SECONDS)
        self.assertTrue(client.lost)

    def test_their_notice_without_an_end_of_the_stream(self) -> None:
        client = self.secure()
        assert client.tls is not None
        client.tls.shutdown()
        self.house.turn()
        self.assertTrue(client.notified)
        self.assertTrue(client.lost)
        self.assertEqual(len(self.house.clients), 0)
