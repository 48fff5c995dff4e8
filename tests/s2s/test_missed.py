"""Of which servers presence may have been missed: what is noted, when it is told, how much."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.moments import Reached
from xmppd.s2s.missed import SECONDS, Missed
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Message, Presence, Stanza

OURS, THEIRS = "capulet.example", "montague.example"
BALCONY, ROMEO = JID.parse(f"juliet@{OURS}/balcony"), JID.parse(f"romeo@{THEIRS}")


def gone(resource: str = "balcony", who: str = "juliet", to: JID = ROMEO) -> Presence:
    """Return unavailable presence for somebody elsewhere."""
    from_ = JID.make(who, OURS).with_resource(resource)
    return Presence(from_=from_, to=to, type="unavailable")


class MissedCase(SynchronousTestCase):
    """With room for three servers and sixteen departures, two of each account."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.told: list[tuple[str, Reached]] = []
        self.missed = self.make(16)

    def make(self, departures: int, size: int = 100_000, servers: int = 3) -> Missed:
        return Missed(
            self.clock,
            lambda domain, reached: self.told.append((domain, reached)),
            servers=servers,
            departures=departures,
            size=size,
        )

    def look(self) -> list[tuple[str, str]]:
        """Return what is told by now."""
        self.missed.look_after()
        told, self.last = [(domain, each.domain) for domain, each in self.told], self.told[-1:]
        self.told.clear()
        return told

    def left(self) -> list[str]:
        """Return who has left, as it is told once the server is reached."""
        self.missed.reached(THEIRS)
        self.look()
        ((_, reached),) = self.last
        return [str(session) for session, _ in reached.left]


class TellingTests(MissedCase):
    """Once, when it can be reached, and not too often."""

    def test_what_counts(self) -> None:
        table: list[tuple[Stanza, bool]] = [
            (Presence(from_=BALCONY, to=ROMEO), True),
            (Presence(from_=BALCONY.bare, to=ROMEO, type="probe"), True),
            (gone(), True),
            (Presence(from_=BALCONY.bare, to=ROMEO, type="subscribe"), False),
            (Presence(from_=BALCONY, to=ROMEO, type="error"), False),
            (Presence(from_=BALCONY), False),
            (Presence(to=ROMEO), False),
            (Message(from_=BALCONY, to=ROMEO), False),
            (Iq(from_=BALCONY, to=ROMEO, type="get"), False),
        ]
        for stanza, counts in table:
            self.setUp()
            self.missed.undelivered(stanza)
            self.assertEqual(self.look(), [], stanza)
            self.missed.reached(THEIRS)
            self.assertEqual(self.look(), [(OURS, THEIRS)] if counts else [], stanza)

    def test_a_server_of_which_nothing_was_missed(self) -> None:
        self.missed.reached(THEIRS)
        self.assertEqual(self.look(), [])
        self.assertEqual(len(self.missed), 0)

    def test_once_for_each_of_our_domains(self) -> None:
        for local in (OURS, "verona.example", OURS):
            self.missed.lost(local, THEIRS)
        self.missed.reached(THEIRS)
        self.assertEqual(self.look(), [(OURS, THEIRS), ("verona.example", THEIRS)])
        self.assertEqual(self.look(), [])

    def test_lost_again_before_it_is_told(self) -> None:
        self.missed.lost(OURS, THEIRS)
        self.missed.reached(THEIRS)
        self.missed.lost(OURS, THEIRS)
        self.assertEqual(self.look(), [])

    def test_lost_again_behind_it(self) -> None:
        self.missed.lost(OURS, THEIRS)
        self.missed.reached(THEIRS)
        self.look()
        ((_, reached),) = self.last
        self.assertTrue(reached.holds())
        self.missed.lost(OURS, THEIRS)
        self.assertFalse(reached.holds())
        self.missed.reached(THEIRS)
        self.clock.advance(SECONDS)
        self.look()
        self.assertFalse(reached.holds())

    def test_not_too_often(self) -> None:
        for _ in range(3):
            self.missed.lost(OURS, THEIRS)
            self.missed.reached(THEIRS)
            self.assertEqual(self.look(), [(OURS, THEIRS)])
            self.missed.lost(OURS, THEIRS)
            self.missed.reached(THEIRS)
            self.clock.advance(SECONDS - 1)
            self.assertEqual(self.look(), [])
            self.clock.advance(1)
            self.assertEqual(self.look(), [(OURS, THEIRS)])
            self.clock.advance(SECONDS)

    def test_nothing_is_left(self) -> None:
        self.missed.undelivered(gone())
        self.left()
        self.assertEqual(len(self.missed), 1)
        self.clock.advance(SECONDS)
        self.look()
        self.assertEqual(len(self.missed), 0)


class LimitTests(MissedCase):
    """What others, and our own, can make grow."""

    def test_servers(self) -> None:
        for name in ("a", "b", "a", "c", "d"):
            self.missed.lost(OURS, f"{name}.example")
        self.assertEqual(len(self.missed), 3)
        for name in "abcd":
            self.missed.reached(f"{name}.example")
        self.assertEqual([remote[0] for _, remote in self.look()], ["a", "c", "d"])

    def test_names_of_one_owner(self) -> None:
        self.missed = self.make(16, servers=8)
        for name in ("a", "b", "c", "b"):
            self.missed.undelivered(gone(name, to=JID.parse(f"romeo@{name}.{THEIRS}")))
        self.assertEqual(len(self.missed), 2)
        for name in "ab":
            self.missed.reached(f"{name}.{THEIRS}")
        self.assertEqual(len(self.look()), 2)
        self.clock.advance(SECONDS)
        self.look()
        self.missed.lost(OURS, f"c.{THEIRS}")
        self.assertEqual(len(self.missed), 1)

    def test_departures_of_one_account(self) -> None:
        for resource in ("1", "1", "2", "3"):
            self.missed.undelivered(gone(resource))
        self.missed.undelivered(gone("1", "nurse"))
        self.assertEqual(self.left(), [f"juliet@{OURS}/1", f"juliet@{OURS}/2", f"nurse@{OURS}/1"])

    def test_bytes_of_one_account(self) -> None:
        self.missed = self.make(80, 800)
        for number in range(10):
            self.missed.undelivered(gone(str(number)))
        self.assertEqual(len(self.left()), 2)

    def test_departures_of_all(self) -> None:
        for number in range(20):
            self.missed.undelivered(gone("1", f"guest{number}"))
        self.assertEqual(len(self.left()), 16)
        self.missed.undelivered(gone())
        self.assertEqual(len(self.missed), 1)

    def test_what_is_told_or_forgotten_counts_no_more(self) -> None:
        for _ in range(2):
            self.missed.undelivered(gone("1"))
            self.missed.undelivered(gone("2"))
            self.assertEqual(len(self.left()), 2)
            self.clock.advance(SECONDS)
        elsewhere = JID.parse("paris@a.example")
        self.missed.undelivered(gone("1", to=elsewhere))
        self.missed.undelivered(gone("2", to=elsewhere))
        for name in "bcd":
            self.missed.lost(OURS, f"{name}.example")
        self.missed.undelivered(gone("3"))
        self.assertEqual(self.left(), [f"juliet@{OURS}/3"])

    def test_who_speaks_for_an_account_has_no_departure(self) -> None:
        self.missed.undelivered(Presence(from_=BALCONY.bare, to=ROMEO, type="unavailable"))
        self.assertEqual(self.left(), [])
