"""The small parts: tickets, turns, checks, the catalogue, the overlay, lanes."""

import json
import math
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.storage.bench import InlineLane, Settlements
from xmppd.api.storage import NO_TICKET, Account, StorageError, Ticket
from xmppd.sasl.exchange import ScramKeys
from xmppd.storage.catalogue import Catalogue, Kind, Place
from xmppd.storage.checks import LATEST, micros, seconds, storable
from xmppd.storage.lanes import ThreadLane, run_on
from xmppd.storage.overlay import Overlay
from xmppd.storage.sqlite_accounts import account_columns, read_account
from xmppd.storage.tickets import TicketCounter
from xmppd.storage.turns import Turn, Turns
from xmppd.storage.writes import (
    ClearPairs,
    PurgeAll,
    PutPair,
    PutValue,
    RemoveEntry,
)


class TicketCounterTests(SynchronousTestCase):
    """Tickets, watchers and who waits for a ticket."""

    def setUp(self) -> None:
        self.tickets = TicketCounter()

    def issue(self, number: int) -> list[Ticket]:
        return [self.tickets.issue() for _ in range(number)]

    def test_tickets_count_up(self) -> None:
        self.assertEqual(self.issue(3), [1, 2, 3])
        self.assertEqual((self.tickets.issued, self.tickets.settled), (3, NO_TICKET))

    def test_a_failing_watcher_is_logged_and_hinders_nobody(self) -> None:
        def fail(ticket: Ticket, failed: range) -> None:
            raise RuntimeError("watcher")

        told = Settlements()
        self.tickets.watch(fail)
        self.tickets.watch(told)
        self.tickets.settle(self.issue(1)[0])
        self.assertEqual(told.told, [(1, [])])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_a_watcher_may_stop_watching_when_told(self) -> None:
        told = Settlements()

        def once(ticket: Ticket, failed: range) -> None:
            told(ticket, failed)
            self.tickets.unwatch(once)

        self.tickets.watch(once)
        last = Settlements()
        self.tickets.watch(last)
        for ticket in self.issue(2):
            self.tickets.settle(ticket)
        self.assertEqual((told.told, last.told), ([(1, [])], [(1, []), (2, [])]))

    def test_unwatching_a_stranger(self) -> None:
        self.tickets.unwatch(Settlements())

    def test_reached(self) -> None:
        self.successResultOf(self.tickets.reached(NO_TICKET))
        first, second, third = self.issue(3)
        waiting = [self.tickets.reached(ticket) for ticket in (third, first, second)]
        self.tickets.settle(second)
        self.assertNoResult(waiting[0])
        self.successResultOf(waiting[1])
        self.successResultOf(waiting[2])
        self.tickets.settle(third, range(third, third + 1))
        self.successResultOf(waiting[0])


class TurnsTests(SynchronousTestCase):
    """What belongs to a turn and when it ends."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.ended: list[Turn] = []
        self.turns = Turns(self.clock, TicketCounter(), self.ended.append)

    def test_writes_of_one_turn_are_together(self) -> None:
        first, second = RemoveEntry(1, "juliet", "a"), RemoveEntry(1, "juliet", "b")
        self.turns.add([first], 10)
        self.turns.add([second, first], 20)
        self.assertEqual(self.turns.unended, [first, second, first])
        self.clock.advance(0)
        self.turns.add([second], 1)
        self.clock.advance(0)
        (one, two) = self.ended
        self.assertEqual(
            (one.writes, one.first, one.last, one.size), ([first, second, first], 1, 2, 30)
        )
        self.assertEqual((two.writes, two.first, two.last, two.size), ([second], 3, 3, 1))
        self.assertEqual(self.turns.unended, ())

    def test_a_turn_can_be_ended_early(self) -> None:
        self.turns.end()
        self.turns.add([], 0)
        self.turns.end()
        self.assertEqual(len(self.ended), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_turn_shows_no_values(self) -> None:
        self.turns.add([PutValue(1, "juliet", b"secret")], 6)
        self.turns.end()
        self.assertNotIn("secret", repr(self.ended) + repr(self.ended[0].writes))


class ChecksTests(SynchronousTestCase):
    """Text and times that can be kept."""

    def test_storable(self) -> None:
        for value, expected in (
            ("", True),
            ("juliet", True),
            ("é\U0001f600\ue000\ud7ff", True),
            ("\0", False),
            ("é\0", False),
            ("a\ud800", False),
            ("\udfff", False),
        ):
            self.assertEqual(storable(value), expected, repr(value))

    def test_micros(self) -> None:
        for when, expected in (
            (0.0, 0),
            (1.5, 1_500_000),
            (-1e-6, -1),
            (4e-7, 0),
            (1e13, LATEST),
            (math.inf, LATEST),
            (-math.inf, -LATEST),
        ):
            self.assertEqual(micros(when), expected)

    def test_every_microsecond_counts(self) -> None:
        for number in range(0, 1_000_000, 997):
            for whole in (0, 3, 1_700_000_000):
                when = float(f"{whole}.{number:06}")
                self.assertEqual(micros(when), whole * 1_000_000 + number)

    def test_microseconds_survive(self) -> None:
        for when in (0, 1, 1_700_000_000_123_457, 253_402_300_799_999_999, -77):
            self.assertEqual(seconds(when), float(f"{when}e-6"))


class CatalogueTests(SynchronousTestCase):
    """Numbers and shapes of stores."""

    def test_numbers_are_given_at_start_and_stay(self) -> None:
        catalogue = Catalogue()
        early = catalogue.open("example.com", "a", Kind.MAP)
        known = catalogue.open("example.com", "b", Kind.MAP)
        self.assertEqual((early.number, known.number), (0, 0))
        catalogue.start(
            [
                Place("example.com", "b", Kind.MAP, 7),
                Place("example.net", "a", Kind.ARCHIVE, 3),
            ]
        )
        late = catalogue.open("example.org", "a", Kind.MAP)
        self.assertEqual((early.number, known.number, late.number), (8, 7, 9))
        self.assertIs(catalogue.numbered(7), known)
        self.assertEqual([place.name for place in catalogue.of("example.com")], ["a", "b"])
        self.assertEqual(len({id(place) for place in (*catalogue.places(), early, known, late)}), 7)

    def test_a_shape_of_an_earlier_run_counts(self) -> None:
        catalogue = Catalogue()
        catalogue.open("example.com", "a", Kind.MAP)
        known = [Place("example.com", "a", Kind.ARCHIVE, 1)]
        self.assertRaises(StorageError, catalogue.start, known)


class OverlayTests(SynchronousTestCase):
    """What point reads see before it is committed."""

    def test_the_latest_of_pair_and_clear_counts(self) -> None:
        overlay = Overlay()
        self.assertIsNone(overlay.pair(1, "juliet", "a"))
        overlay.note(Ticket(1), PutPair(1, "juliet", "a", b"1"))
        self.assertEqual(overlay.pair(1, "juliet", "a"), (1, b"1"))
        overlay.note(Ticket(2), ClearPairs(1, "juliet"))
        self.assertEqual(overlay.pair(1, "juliet", "a"), (2, None))
        overlay.note(Ticket(3), PutPair(1, "juliet", "a", b"3"))
        self.assertEqual(overlay.pair(1, "juliet", "a"), (3, b"3"))
        self.assertEqual(overlay.pair(1, "juliet", "b"), (2, None))
        self.assertIsNone(overlay.pair(1, "romeo", "a"))

    def test_settling_leaves_later_writes(self) -> None:
        overlay = Overlay()
        for number in (1, 2, 3):
            overlay.note(Ticket(number), PutValue(1, "juliet", str(number).encode()))
            overlay.note(Ticket(number), PutValue(1, f"other{number}", None))
        overlay.note(Ticket(3), PurgeAll(2, 5))
        overlay.settle(Ticket(2))
        self.assertEqual(overlay.value(1, "juliet"), (3, b"3"))
        self.assertEqual(len(overlay), 2)
        overlay.settle(Ticket(3))
        self.assertIsNone(overlay.value(1, "juliet"))
        self.assertEqual(len(overlay), 0)


class LaneTests(SynchronousTestCase):
    """Work done elsewhere."""

    def test_a_thread_works_in_order_and_is_gone_after_join(self) -> None:
        lane = ThreadLane("test-lane")
        done: list[int] = []
        for number in range(100):
            lane.submit(lambda number=number: done.append(number))  # type: ignore[misc]
        lane.join()
        self.assertEqual(done, list(range(100)))
        self.assertNotIn("test-lane", thread_names())

    def test_outcomes_come_back_on_the_reactor(self) -> None:
        called: list[object] = []

        def to_reactor(function: object, *args: object) -> None:
            called.append(args)
            function(*args)  # type: ignore[operator]

        lane = InlineLane()
        self.assertEqual(self.successResultOf(run_on(lane, to_reactor, lambda: 7)), 7)
        failing: Deferred[float] = run_on(lane, to_reactor, lambda: 1 / 0)
        self.failureResultOf(failing, ZeroDivisionError)
        self.assertEqual(len(called), 2)


def thread_names() -> list[str]:
    import threading

    return [thread.name for thread in threading.enumerate()]


class AccountRowTests(SynchronousTestCase):
    """Rows of accounts."""

    def read(self, account: Account) -> Account:
        localpart, skeleton, keys, created, disabled = cast("Any", account_columns(account))
        return read_account((localpart, skeleton, json.dumps(keys), created, disabled))

    def test_there_and_back(self) -> None:
        keys = ScramKeys(b"salt", 4096, b"stored", b"server")
        for account in (
            Account("juliet", "~juliet", {"SHA-1": keys}, 1.5),
            Account("juliet", "~juliet", {"SHA-1": keys}, 1.5, disabled=True),
            Account("juliet", "~juliet", {}, 1.5),
        ):
            self.assertEqual(self.read(account), account)

    def test_who_gets_an_account_cannot_change_it_for_others(self) -> None:
        account = self.read(Account("romeo", "~romeo", {}, 1.5))
        with self.assertRaises(TypeError):
            cast("Any", account.keys)["SHA-1"] = None
        self.assertEqual(self.read(account).keys, {})
