"""Deadlines: for negotiation, and for a sign of life (RFC 6120 4.6, XEP-0199)."""

import gc

from tests.c2s.house import House, HouseCase, Setup
from tests.c2s.texts import CAPULET, JULIET, opening
from xmppd.c2s.protocol import ClientProtocol

ADDRESSES = f"from='{CAPULET}' to='{JULIET}/balcony'"
PING = f"<iq type='get' id='*' {ADDRESSES}><ping xmlns='urn:xmpp:ping'/></iq>"


class NegotiationTests(HouseCase):
    """A stranger has a minute to become somebody."""

    def test_however_far_it_came(self) -> None:
        silent, greeted, known, bound = (self.house.connect() for _ in range(4))
        greeted.opens()
        known.logs_in("nurse")
        bound.logs_in()
        bound.binds()
        for client in (silent, greeted, known):
            client.sends(" ")
        self.house.passes(59)
        for client in (silent, greeted, known):
            self.assertFalse(client.reader.ended)
        self.house.passes(2)
        for client in (silent, greeted, known):
            client.fails_with("connection-timeout")
        self.assertFalse(bound.reader.ended)

    def test_doing_something_gains_no_time(self) -> None:
        client = self.house.connect()
        client.opens()
        for _ in range(59):
            client.sends(" ")
            self.house.passes(1)
        self.assertFalse(client.reader.ended)
        self.house.passes(1)
        client.fails_with("connection-timeout")


class IdleTests(HouseCase):
    """A client that says nothing is asked whether it is still there."""

    setup = Setup(settings={"idle_seconds": 300.0, "answer_seconds": 30.0})

    def test_it_answers(self) -> None:
        juliet = self.house.login()
        for answer in ("result", "error", "space"):
            juliet.sends(" ")
            self.house.passes(300)
            juliet.receives()
            self.house.passes(1)
            (ping,) = juliet.reader.elements
            juliet.receives(PING)
            if answer == "space":
                juliet.sends(" ")
            else:
                juliet.sends(f"<iq type='{answer}' id='{ping.get('id')}' to='{CAPULET}'/>")
            self.house.passes(31)
            juliet.receives()
        self.assertFalse(juliet.reader.ended)

    def test_it_does_not(self) -> None:
        romeo, juliet = self.house.login("romeo"), self.house.login()
        self.house.passes(301)
        juliet.receives(PING)
        romeo.sends(" ")
        self.house.passes(29)
        self.assertFalse(juliet.reader.ended)
        self.house.passes(1)
        juliet.fails_with("connection-timeout")
        self.assertFalse(romeo.reader.ended)
        self.assertEqual(self.house.server.hosts[CAPULET].local.sessions("juliet"), ())

    def test_an_answer_in_the_same_moment_counts(self) -> None:
        """However clocks and rounding have it."""
        for start in (0.1, 0.7, 1000.3, 123456.789):
            self.setUp()
            self.house.reactor.advance(start)
            juliet = self.house.login()
            self.house.passes(302)
            juliet.receives(PING)
            juliet.sends(" ")
            self.house.passes(60)
            self.assertFalse(juliet.reader.ended)

    def test_there_may_be_more_time_to_answer_than_to_be_idle(self) -> None:
        self.house = House(self, Setup(settings={"idle_seconds": 10.0, "answer_seconds": 120.0}))
        juliet = self.house.login()
        self.house.passes(11)
        juliet.receives(PING)
        juliet.sends(" ")
        self.house.passes(119)
        juliet.receives()
        self.house.passes(2)
        juliet.receives(PING)

    def test_who_speaks_is_not_asked(self) -> None:
        juliet = self.house.login()
        for _ in range(4):
            self.house.passes(250)
            juliet.sends(" ")
        juliet.receives()

    def test_the_ids_of_pings_differ(self) -> None:
        juliet = self.house.login()
        ids: set[str | None] = set()
        for _ in range(3):
            self.house.passes(302)
            ids.update(each.get("id") for each in juliet.takes())
            juliet.sends(" ")
        self.assertEqual(len(ids), 3)


class SweepTests(HouseCase):
    """One timer looks after all connections."""

    def test_no_timer_of_its_own(self) -> None:
        before = len(self.house.reactor.getDelayedCalls())
        for name in ("juliet", "romeo", "nurse"):
            self.house.login(name)
        self.assertEqual(len(self.house.reactor.getDelayedCalls()), before)

    def test_idle_parsers_are_given_up(self) -> None:
        """And made again when something comes."""
        juliet = self.house.login()
        juliet.sends(f"<message to='{JULIET}/balcony' id='1'/>")
        juliet.takes()
        self.assertEqual(_parsers(), 1)
        self.house.passes(32)
        self.assertEqual(_parsers(), 0)
        juliet.sends(f"<message to='{JULIET}/balcony' id='2'/>")
        self.assertEqual([each.get("id") for each in juliet.takes()], ["2"])

    def test_strangers_keep_theirs(self) -> None:
        client = self.house.connect()
        client.opens()
        self.house.passes(40)
        self.assertEqual(_parsers(), 1)

    def test_one_that_breaks_keeps_no_other(self) -> None:
        first, second = self.house.connect(), self.house.connect()
        broken, overdue = first.protocol, ClientProtocol.overdue

        def act(self: ClientProtocol) -> None:
            if self is broken:
                raise ZeroDivisionError
            overdue(self)

        self.patch(ClientProtocol, "overdue", act)
        self.house.passes(61)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertTrue(first.lost)
        second.fails_with("connection-timeout")

    def test_the_header_that_comes_too_late(self) -> None:
        client = self.house.connect()
        self.house.passes(61)
        client.fails_with("connection-timeout")
        client.sends(opening())
        client.receives()


def _parsers() -> int:
    """Count expat's parsers."""
    return sum(type(each).__name__ == "xmlparser" for each in gc.get_objects())
