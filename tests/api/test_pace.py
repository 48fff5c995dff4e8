"""How long one stream may keep all others waiting (RFC 6120 13.12)."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.lanes import Lanes
from xmppd.api.pace import SECONDS, Pace
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Message, Stanza


class PaceTests(SynchronousTestCase):
    """The rule itself."""

    def test_time(self) -> None:
        clock = Clock()
        pace = Pace(clock)
        for _ in range(2):
            pace.begin()
            self.assertIsNone(pace.rest())
            clock.advance(SECONDS / 2)
            self.assertIsNone(pace.rest())
            clock.advance(SECONDS / 2)
            rest = pace.rest()
            assert rest is not None
            self.assertNoResult(rest)
            clock.advance(0)
            self.successResultOf(rest)


class Tired(Pace):
    """Always has the stream rest; `rests` are what that waits for."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.rests: list[Deferred[None]] = []

    def rest(self) -> "Deferred[None] | None":
        self.rests.append(Deferred())
        return self.rests[-1]


class LanesTests(SynchronousTestCase):
    """A stream that many speak over, where each stanza takes long; some also wait."""

    def setUp(self) -> None:
        self.pace = Tired(Clock())
        self.taken: list[str] = []
        self.waiting: Deferred[None] = Deferred()
        self.full: list[bool] = []
        self.lanes = Lanes(self.route, self.is_urgent, 3, 10_000, self.regulate, self.pace)
        self.lanes.begin()

    def route(self, stanza: Stanza) -> "Deferred[None] | None":
        self.taken.append(stanza.id)
        if stanza.type == "breaks":
            raise ZeroDivisionError
        return self.waiting if stanza.type == "wait" else None

    def is_urgent(self, stanza: Stanza) -> bool:
        return stanza.type == "result"

    def regulate(self) -> None:
        self.full.append(self.lanes.full)

    def take(self, *ids: str, sender: str = "a", type: str = "") -> None:
        to, from_ = JID.parse("juliet@example.org"), JID.parse(f"{sender}@example.net")
        kind = Iq if type == "result" else Message
        for id in ids:
            self.lanes.take(kind(to=to, from_=from_, id=id, type=type))

    def turn(self) -> None:
        """Let the stream have its turn."""
        self.pace.rests.pop(0).callback(None)

    def test_all_rest(self) -> None:
        """Whoever they are from; and the stream is not read if that is many."""
        self.take("1")
        self.take("2", "3", sender="b")
        self.take("4")
        self.assertEqual((self.taken, self.full[-1]), (["1"], True))
        for taken in ("2", "3", "4"):
            self.turn()
            self.assertEqual((self.taken[-1], self.full[-1]), (taken, False))
        self.turn()
        self.take("5")
        self.assertEqual(self.taken, list("12345"))

    def test_answers_to_our_requests_do_not(self) -> None:
        self.take("1", "2")
        self.take("3", type="result")
        self.assertEqual(self.taken, ["1", "3"])

    def test_order(self) -> None:
        """Of what also waits for something else."""
        self.take("1", type="wait")
        self.take("2", "3")
        self.take("4", sender="b")
        for _ in range(4):
            self.turn()
        self.assertEqual(self.taken, ["1", "4"])
        self.waiting.callback(None)
        self.assertEqual(self.taken, ["1", "4", "2"])
        self.turn()
        self.assertEqual(self.taken, ["1", "4", "2", "3"])
        self.turn()
        self.assertFalse(self.lanes.full)

    def test_an_exception_of_ours(self) -> None:
        """It is logged; the stream goes on."""
        self.take("1")
        self.take("2", type="breaks")
        self.take("3", "4")
        self.assertTrue(self.lanes.full)
        self.turn()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertFalse(self.lanes.full)
        self.take("5")
        self.assertEqual(self.taken, ["1", "2", "5"])

    def test_of_one_pair(self) -> None:
        self.take("1", type="wait")
        self.turn()
        self.take("2")
        self.turn()
        self.take("3", type="breaks")
        self.turn()
        self.waiting.callback(None)
        self.turn()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.taken, ["1", "2", "3"])
