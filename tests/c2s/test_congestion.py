"""Slow readers hold up those who write to them, and nobody else (RFC 6120 13.12)."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.c2s.client import Client
from tests.c2s.house import HouseCase, Setup
from tests.c2s.texts import JULIET, ROMEO
from xmppd.api.moments import PASS, SentByClient, Verdict
from xmppd.api.registrations import Watch
from xmppd.c2s.congestion import LONGEST, SHARE, Congestion
from xmppd.c2s.protocol import ClientProtocol
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message

PATIENCE = 20.0

TO = f"to='{ROMEO}/orchard'"
FILLER = "x" * 2000
ROMEO_JID, JULIET_JID = JID.parse(f"{ROMEO}/orchard"), JID.parse(f"{JULIET}/balcony")


class CongestionTests(HouseCase):
    """Romeo does not read; Juliet writes to him, the nurse does not."""

    setup = Setup(settings={"output": 400_000})

    def setUp(self) -> None:
        super().setUp()
        self.romeo = self.house.login("romeo", "orchard")
        self.juliet = self.house.login()
        self.nurse = self.house.login("nurse")
        self.congestion = self.house.clients.congestion

    def fill(self, count: int = 400) -> None:
        """Have Juliet write to a Romeo who does not read."""
        self.romeo.deaf = True
        for number in range(count):
            self.juliet.sends(f"<message {TO} id='{number}'><body>{FILLER}</body></message>")

    def read(self, client: Client) -> bool:
        """Tell whether the server reads from a client."""
        return client.transport in self.house.reactor.getReaders()

    def test_the_sender_waits_and_nothing_is_lost(self) -> None:
        self.fill()
        self.assertEqual(len(self.congestion), 1)
        self.assertFalse(self.read(self.juliet))
        self.romeo.deaf = False
        self.house.turn()
        self.assertEqual(
            [each.get("id") for each in self.romeo.takes()], list(map(str, range(400)))
        )
        self.assertTrue(self.read(self.juliet))
        self.assertEqual(len(self.congestion), 0)

    def test_it_shows(self) -> None:
        """To features that have much for a client (`ISession.writable`)."""
        (session,) = self.house.server.hosts["capulet.example"].local.accounts_domain.sessions.of(
            "romeo"
        )
        self.assertTrue(session.writable)
        self.fill(100)
        self.assertFalse(session.writable)
        self.romeo.deaf = False
        self.house.turn()
        self.assertTrue(session.writable)
        self.romeo.hangs_up()
        self.house.turn()
        self.assertFalse(session.writable)

    def test_a_few_answers_stop_nobody(self) -> None:
        """Who does not read must not be able to stop those who answer it."""
        self.fill()
        for number in range(20):
            self.nurse.sends(f"<message {TO} id='n{number}'><body>{FILLER}</body></message>")
        self.assertTrue(self.read(self.nurse))
        self.romeo.deaf = False
        self.house.turn()
        self.assertEqual(len(self.romeo.takes()), 420)
        self.assertTrue(self.read(self.nurse))

    def test_answers_stop_nobody(self) -> None:
        """Who asks and does not read the answers must not be able to stop who is asked."""
        self.fill()
        for number in range(100):
            self.nurse.sends(f"<iq type='result' {TO} id='{number}'><q xmlns='q'>{FILLER}</q></iq>")
        self.assertTrue(self.read(self.nurse))

    def test_who_does_not_read_is_not_read(self) -> None:
        self.fill()
        self.assertFalse(self.read(self.romeo))
        self.romeo.deaf = False
        self.house.turn()
        self.assertTrue(self.read(self.romeo))

    def test_what_had_to_wait_counts_too(self) -> None:
        waits: list[Deferred[Verdict]] = []

        def wait(stanza: object, session: object) -> "Deferred[Verdict]":
            waits.append(Deferred())
            return waits[-1]

        self.house.install(Watch(SentByClient, wait, payload=(("urn:w", "w"),)))
        self.romeo.deaf = True
        for number in range(400):
            waiting = "<w xmlns='urn:w'/>" if number % 10 == 0 else ""
            body = f"{waiting}<body>{FILLER}</body>"
            self.juliet.sends(f"<message {TO} id='{number}'>{body}</message>")
            while waits:
                waits.pop().callback(PASS)
                self.house.turn()
        self.assertFalse(self.read(self.juliet))
        self.romeo.deaf = False
        for _ in range(400):
            self.house.turn()
            while waits:
                waits.pop().callback(PASS)
        self.assertEqual(
            [each.get("id") for each in self.romeo.takes()], list(map(str, range(400)))
        )

    def test_a_fault_of_ours_stops_no_deadlines(self) -> None:
        def fault(protocol: ClientProtocol) -> None:
            raise ZeroDivisionError

        self.fill()
        self.patch(ClientProtocol, "overflow", fault)
        self.house.passes(PATIENCE + 2)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(len(self.congestion), 0)
        self.assertTrue(self.read(self.juliet))
        stranger = self.house.connect()
        self.house.passes(61)
        stranger.fails_with("connection-timeout")

    def test_others_do_not_wait(self) -> None:
        self.fill()
        self.nurse.sends(f"<message to='{JULIET}/balcony' id='1'/>")
        self.assertEqual([each.get("id") for each in self.juliet.takes()], ["1"])
        self.assertTrue(self.read(self.nurse))

    def test_several_wait_for_one(self) -> None:
        self.fill()
        for number in range(400):
            self.nurse.sends(f"<message {TO} id='n{number}'><body>{FILLER}</body></message>")
        self.assertFalse(self.read(self.nurse))
        self.romeo.deaf = False
        self.house.turn()
        self.assertEqual(len(self.romeo.takes()), 800)
        self.assertTrue(self.read(self.nurse))
        self.assertTrue(self.read(self.juliet))

    def test_one_waits_for_several(self) -> None:
        other = self.house.login("romeo", "garden")
        other.deaf = True
        self.fill(200)
        self.romeo.deaf = False
        self.house.turn()
        there = f"to='{ROMEO}/garden'"
        for number in range(400):
            self.juliet.sends(f"<message {there} id='{number}'><body>{FILLER}</body></message>")
        self.assertFalse(self.read(self.juliet))
        self.romeo.takes()
        other.deaf = False
        self.house.turn()
        self.assertEqual(len(other.takes()), 400)
        self.assertTrue(self.read(self.juliet))

    def test_who_does_not_read_answers_is_not_read(self) -> None:
        self.juliet.deaf = True
        for number in range(1500):
            self.juliet.sends(f"<iq type='get' id='{number}' to='{ROMEO}/x'><q xmlns='q'/></iq>")
        self.assertFalse(self.read(self.juliet))
        self.juliet.deaf = False
        self.house.turn()
        self.assertEqual(
            [each.get("id") for each in self.juliet.takes()], list(map(str, range(1500)))
        )
        self.assertTrue(self.read(self.juliet))

    def test_patience_ends(self) -> None:
        self.fill()
        self.house.passes(PATIENCE - 1)
        self.assertEqual(len(self.congestion), 1)
        self.house.passes(2)
        self.assertEqual(len(self.congestion), 0)
        self.assertTrue(self.read(self.juliet))
        self.romeo.deaf = False
        self.house.turn()
        *messages, error = self.romeo.takes()
        self.assertEqual(
            [each.get("id") for each in messages], list(map(str, range(len(messages))))
        )
        self.assertIsNotNone(error.find("{urn:ietf:params:xml:ns:xmpp-streams}resource-constraint"))
        # What he was not told any more, she is: he is gone.
        bounced = [each.get("id") for each in self.juliet.takes()]
        self.assertEqual(bounced[-1], "399")

    def test_the_slow_one_goes(self) -> None:
        self.fill()
        self.romeo.hangs_up()
        self.house.turn()
        self.assertTrue(self.read(self.juliet))
        self.assertEqual(len(self.congestion), 0)

    def test_the_waiting_one_goes(self) -> None:
        self.fill()
        self.juliet.hangs_up()
        self.romeo.deaf = False
        self.house.turn()
        self.assertEqual(len(self.congestion), 0)
        self.nurse.sends(f"<message {TO} id='after'/>")
        self.assertEqual(self.romeo.takes()[-1].get("id"), "after")

    def test_the_waiting_one_is_ended(self) -> None:
        self.fill()
        (session,) = self.house.server.hosts["capulet.example"].local.accounts_domain.sessions.of(
            "juliet"
        )
        session.close("policy-violation", "enough")
        self.house.turn()
        self.juliet.fails_with("policy-violation")
        self.romeo.deaf = False
        self.house.turn()
        self.assertEqual(len(self.congestion), 0)


class Line:
    """A client's connection: how often it is held, and that is all."""

    def __init__(self) -> None:
        self.holds = 0

    def hold(self) -> None:
        self.holds += 1

    def let_go(self) -> None:
        self.holds -= 1

    def overflow(self) -> None:
        """Be cut off."""

    def abort(self) -> None:
        """Be closed."""


class SlowTests(SynchronousTestCase):
    """Slow is not stuck: who goes on reading may, and nobody waits for that."""

    def setUp(self) -> None:
        self.congestion = Congestion(PATIENCE)
        self.romeo, self.juliet = Line(), Line()
        for jid, line in ((ROMEO_JID, self.romeo), (JULIET_JID, self.juliet)):
            self.congestion.enter(jid, line)
        self.write(0.0)

    def write(self, now: float) -> None:
        message = Message(to=ROMEO_JID, from_=JULIET_JID)
        self.congestion.congested(self.romeo, message, SHARE, now)

    def test_who_reads_slowly(self) -> None:
        self.assertEqual((1, 1), (self.romeo.holds, self.juliet.holds))
        for now in (19.0, 38.0, 57.0):
            self.congestion.moved(self.romeo, now)
            self.assertEqual([], self.congestion.overdue(now + 1))
        self.assertEqual((1, 0), (self.romeo.holds, self.juliet.holds))
        self.write(58.0)
        self.assertEqual((1, 0), (self.romeo.holds, self.juliet.holds))
        self.congestion.clear(self.romeo)
        self.assertEqual((0, 0), (self.romeo.holds, self.juliet.holds))
        self.congestion.moved(self.romeo, 59.0)
        self.assertEqual(0, len(self.congestion))

    def test_who_stops_reading(self) -> None:
        self.congestion.moved(self.romeo, 19.0)
        self.assertEqual([], self.congestion.overdue(38.9))
        self.assertEqual([self.romeo], self.congestion.overdue(39.0))

    def test_not_for_ever(self) -> None:
        last = PATIENCE * LONGEST
        for now in range(0, int(last), 10):
            self.congestion.moved(self.romeo, now)
            self.assertEqual([], self.congestion.overdue(now))
        self.congestion.moved(self.romeo, last)
        self.assertEqual([self.romeo], self.congestion.overdue(last))
