"""Several connections at once, of which one stays. Time is made by the tests."""

import errno
from collections.abc import Sequence
from functools import partial
from typing import Any

from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from xmppd.api.network import AddressAnswer, IConnector
from xmppd.net.racing import Attempt, Pace, Place, Reason, Unreachable, alternating, race
from xmppd.service.network import TcpConnector
from xmppd.testing.connector import FakeConnector

FACTORY = Factory.forProtocol(Protocol)
PACE = Pace(stagger=0.25, after_failure=0.01, attempt=5.0, total=10.0, attempts=4)
REFUSED = error.ConnectionRefusedError()


def place(rank: int, *addresses: str) -> Place:
    """Return a place whose addresses are known."""
    return Place(rank, lambda: succeed([Attempt(each, 5269, FACTORY) for each in addresses]))


class OrderTests(SynchronousTestCase):
    """RFC 8305 section 4."""

    def test_alternating(self) -> None:
        table = [
            ((), (), []),
            (("a",), (), ["a"]),
            ((), ("1",), ["1"]),
            (("a", "b"), ("1", "2"), ["a", "1", "b", "2"]),
            (("a",), ("1", "2", "3"), ["a", "1", "2", "3"]),
            (("a", "b", "c"), ("1",), ["a", "1", "b", "c"]),
        ]
        for ipv6, ipv4, expected in table:
            with self.subTest(ipv6=ipv6, ipv4=ipv4):
                self.assertEqual(alternating(AddressAnswer(ipv6, ipv4, 1.0)), expected)


class RaceCase(SynchronousTestCase):
    """Attempts succeed and fail as a test says."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.connector = FakeConnector()
        self.attempts = self.connector.attempts

    def race(self, *addresses: str) -> "Deferred[IProtocol]":
        return race([place(0, *addresses)], self.connector, self.clock, PACE)

    def tried(self) -> str:
        """What has been tried, those given up in capitals."""
        return "".join(each.ip.upper() if each.cancelled else each.ip for each in self.attempts)

    def winner(self, racing: "Deferred[IProtocol]") -> object:
        """The transport of the protocol that is left; nothing is to come any more."""
        protocol = self.successResultOf(racing)
        assert isinstance(protocol, Protocol)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        return protocol.transport

    def reasons(self, racing: "Deferred[IProtocol]") -> list[tuple[str, str]]:
        failure: Unreachable = self.failureResultOf(racing, Unreachable).value
        self.assertEqual(self.clock.getDelayedCalls(), [])
        return [(each.address, each.why) for each in failure.reasons]


class RaceTests(RaceCase):
    """Addresses of one place."""

    def test_the_first(self) -> None:
        racing = self.race("a", "b")
        transport = self.attempts[0].succeed()
        self.assertIs(self.winner(racing), transport)
        self.assertEqual(self.tried(), "a")
        self.assertEqual((self.attempts[0].port, self.attempts[0].timeout), (5269, 5.0))

    def test_staggered(self) -> None:
        self.race("a", "b", "c")
        for seconds, expected in ((0.24, "a"), (0.01, "ab"), (0.24, "ab"), (0.01, "abc")):
            self.clock.advance(seconds)
            self.assertEqual(self.tried(), expected)

    def test_the_others_are_ended(self) -> None:
        racing = self.race("a", "b", "c", "d")
        self.clock.pump([0.25, 0.25])
        transport = self.attempts[1].succeed()
        self.assertIs(self.winner(racing), transport)
        self.assertEqual(self.tried(), "AbC")

    def test_after_a_failure(self) -> None:
        """The next has its turn soon, and not at once (RFC 8305 section 5)."""
        self.race("a", "b", "c")
        self.attempts[0].fail(REFUSED)
        self.assertEqual(self.tried(), "a")
        self.clock.advance(0.01)
        self.assertEqual(self.tried(), "ab")
        self.clock.advance(0.24)
        self.assertEqual(self.tried(), "ab")
        self.clock.advance(0.01)
        self.assertEqual(self.tried(), "abc")

    def test_failures_at_once(self) -> None:
        self.connector.refused = {"a": REFUSED, "b": REFUSED, "c": error.NoRouteError()}
        racing = self.race("a", "b", "c")
        self.clock.pump([0.01, 0.01])
        self.assertEqual(
            self.reasons(racing),
            [
                ("a", "refused the connection"),
                ("b", "refused the connection"),
                ("c", "cannot be reached from here"),
            ],
        )

    def test_reasons(self) -> None:
        table: list[tuple[Exception, str]] = [
            (error.ConnectionRefusedError(), "refused the connection"),
            (error.TimeoutError(), "did not answer"),
            (error.TCPTimedOutError(), "did not answer"),
            (error.NoRouteError(), "cannot be reached from here"),
            (
                error.ConnectError(errno.EHOSTUNREACH, "?"),
                "could not be connected to (No route to host)",
            ),
            (
                error.ConnectBindError(errno.EMFILE, "?"),
                "could not be connected to (Too many open files)",
            ),
        ]
        for failure, expected in table:
            with self.subTest(expected=expected):
                self.setUp()
                racing = self.race("a")
                self.attempts[0].fail(failure)
                self.assertEqual(self.reasons(racing), [("a", expected)])

    def test_mistakes_of_ours(self) -> None:
        racing = self.race("a")
        self.attempts[0].fail(RuntimeError("mistake"))
        self.assertEqual(self.reasons(racing), [("a", "could not be connected to")])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_what_is_no_address(self) -> None:
        """A connector that raises fails one attempt, and the next has its turn."""
        connector = TcpConnector(MemoryReactorClock())
        racing = race([place(0, "localhost")], connector, self.clock, PACE)
        self.assertEqual(self.reasons(racing), [("localhost", "could not be connected to")])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_the_last_fails_last(self) -> None:
        """Reasons are in the order of the attempts, whichever failed first."""
        racing = self.race("a", "b")
        self.clock.advance(0.25)
        self.attempts[1].fail(REFUSED)
        self.assertNoResult(racing)
        self.attempts[0].fail(error.TimeoutError())
        self.assertEqual(
            self.reasons(racing), [("a", "did not answer"), ("b", "refused the connection")]
        )

    def test_all_are_under_way(self) -> None:
        racing = self.race("a", "b")
        self.clock.advance(0.25)
        self.clock.advance(0.25)
        self.assertNoResult(racing)
        self.attempts[0].fail(REFUSED)
        transport = self.attempts[1].succeed()
        self.assertIs(self.winner(racing), transport)

    def test_time_is_up(self) -> None:
        racing = self.race("a", "b")
        self.attempts[0].fail(REFUSED)
        self.clock.advance(0.01)
        self.clock.advance(9.98)
        self.assertNoResult(racing)
        self.clock.advance(0.01)
        self.assertEqual(
            self.reasons(racing), [("a", "refused the connection"), ("b", "did not answer")]
        )
        self.assertEqual(self.tried(), "aB")

    def test_so_many_attempts(self) -> None:
        racing = self.race(*"abcdef")
        for place in range(4):
            self.attempts[place].fail(REFUSED)
            self.clock.advance(0.01)
        self.assertEqual(len(self.reasons(racing)), 4)

    def test_nothing_to_try(self) -> None:
        for racing in (self.race(), race([], self.connector, self.clock, PACE)):
            self.assertEqual(self.reasons(racing), [])
        self.assertEqual(str(Unreachable(())), "there is no address to connect to")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_sentences(self) -> None:
        why = Unreachable(
            [
                Reason("192.0.2.1", 5269, "did not answer"),
                Reason("::1", 1, "refused the connection"),
            ]
        )
        self.assertEqual(
            str(why), "192.0.2.1 port 5269 did not answer; ::1 port 1 refused the connection"
        )

    def test_cancelling(self) -> None:
        racing = self.race("a", "b", "c")
        self.clock.advance(0.25)
        racing.cancel()
        self.failureResultOf(racing, CancelledError)
        self.assertEqual((self.tried(), self.clock.getDelayedCalls()), ("AB", []))

    def test_one_that_connects_nevertheless(self) -> None:
        """A connection made while the others were being ended is ended, too."""
        made: list[StringTransport] = []

        class Stubborn(FakeConnector):
            """Connects when it is told to stop."""

            def connect(self, *arguments: Any) -> "Deferred[IProtocol]":
                super().connect(*arguments)
                connecting: Deferred[IProtocol] = Deferred(self.succeed)
                self.attempts[-1].done.addCallbacks(connecting.callback)
                return connecting

            def succeed(self, connecting: "Deferred[IProtocol]") -> None:
                made.append(self.attempts[0].succeed())

        self.connector = Stubborn()
        racing = self.race("a", "b")
        self.clock.advance(0.25)
        winning = self.connector.attempts[1].succeed()
        self.assertIs(self.winner(racing), winning)
        self.assertEqual([each.disconnected for each in (*made, winning)], [True, False])

    def test_the_usual_pace(self) -> None:
        racing = race([place(0, "a")], self.connector, self.clock)
        self.clock.advance(59.9)
        self.assertNoResult(racing)
        self.clock.advance(0.1)
        self.assertEqual(self.reasons(racing), [("a", "did not answer")])

    def test_the_connector(self) -> None:
        verifyObject(IConnector, self.connector)


class PlacesTests(RaceCase):
    """Places that have to be looked up first, better and worse ones (XEP-0495)."""

    def setUp(self) -> None:
        super().setUp()
        self.lookups: dict[str, Deferred[Sequence[Attempt]]] = {}
        self.waiting: set[str] = set()

    def places(self, **ranks: int) -> "Deferred[IProtocol]":
        """Race to places of these ranks, whose addresses a test gives later."""
        places = [Place(rank, partial(self.look_up, name)) for name, rank in ranks.items()]
        return race(places, self.connector, self.clock, PACE)

    def look_up(self, name: str) -> "Deferred[Sequence[Attempt]]":
        self.assertNotIn(name, self.lookups)
        self.waiting.add(name)
        self.lookups[name] = Deferred(lambda _: self.waiting.remove(name))
        return self.lookups[name]

    def answer(self, name: str, *addresses: str) -> None:
        self.waiting.remove(name)
        self.lookups[name].callback([Attempt(each, 5269, FACTORY) for each in addresses])

    def asked(self) -> str:
        return "".join(self.lookups)

    def after(self, seconds: float, expected: str) -> None:
        """Fail unless, after that time and not before, this has been tried."""
        before = self.tried()
        self.clock.advance(seconds - 0.001)
        self.assertEqual(self.tried(), before)
        self.clock.advance(0.001)
        self.assertEqual(self.tried(), expected)

    def test_a_slow_lookup_delays_nobody_for_long(self) -> None:
        racing = self.places(a=0, b=0)
        self.assertEqual(self.asked(), "ab")
        self.answer("b", "b")
        self.after(0.25, "b")
        transport = self.attempts[0].succeed()
        self.assertIs(self.winner(racing), transport)
        self.assertEqual(self.waiting, set())

    def test_what_comes_late_goes_first(self) -> None:
        """While it is waited for, at once; later when the next one has its turn."""
        for waited, first in ((0.1, "a"), (0.3, "b")):
            self.setUp()
            self.places(a=0, b=0)
            self.answer("b", "b", "c")
            self.clock.advance(0.25 if waited > 0.25 else 0)
            self.clock.advance(0.05)
            self.answer("a", "a")
            self.assertEqual(self.tried(), first)
            self.clock.advance(0.25)
            self.assertEqual(self.tried(), "ab" if first == "a" else "ba")
            self.clock.advance(0.25)
            self.assertEqual(sorted(self.tried()), ["a", "b", "c"])

    def test_what_is_not_found_is_passed_over(self) -> None:
        self.places(a=0, b=0, c=1)
        self.answer("b", "b")
        self.answer("a")
        self.assertEqual(self.tried(), "b")
        self.attempts[0].fail(REFUSED)
        self.answer("c", "c")
        self.assertEqual(self.tried(), "bc")

    def test_nothing_is_found(self) -> None:
        racing = self.places(a=0, b=1)
        self.answer("a")
        self.assertNoResult(racing)
        self.answer("b")
        self.assertEqual(self.reasons(racing), [])

    def test_nothing_is_found_in_time(self) -> None:
        racing = self.places(a=0, b=1)
        self.clock.pump([1.0] * 10)
        self.assertEqual(self.reasons(racing), [])
        self.assertEqual((self.asked(), self.waiting), ("ab", set()))

    def test_late_while_nothing_else_is_to_be_tried(self) -> None:
        self.places(a=0, b=0)
        self.answer("b", "b")
        self.clock.pump([0.25, 0.25, 0.25])
        self.assertEqual(self.tried(), "b")
        self.answer("a", "a")
        self.assertEqual(self.tried(), "ba")

    def test_a_worse_one_waits_for_failure(self) -> None:
        """Not even its addresses are looked up before (RFC 2782, "Priority")."""
        self.places(a=0, b=1)
        self.answer("a", "a", "x")
        self.attempts[0].fail(REFUSED)
        self.clock.advance(0.01)
        self.assertEqual((self.tried(), self.asked()), ("ax", "a"))
        self.attempts[1].fail(REFUSED)
        self.assertEqual(self.asked(), "ab")
        self.answer("b", "b")
        self.assertEqual(self.tried(), "axb")

    def test_a_worse_one_does_not_win_by_being_a_little_faster(self) -> None:
        racing = self.places(a=0, b=1)
        self.answer("a", "a")
        self.clock.pump([0.25, 0.75, 1.0])
        self.assertEqual(self.asked(), "a")
        transport = self.attempts[0].succeed()
        self.assertIs(self.winner(racing), transport)

    def test_a_worse_one_does_not_wait_for_ever(self) -> None:
        """Neither for a connection nor for addresses."""
        self.places(a=0, b=1, c=2)
        self.answer("a", "a")
        self.clock.pump([0.25, 3.74])
        self.assertEqual(self.asked(), "a")
        self.clock.advance(0.01)
        self.assertEqual(self.asked(), "ab")
        self.clock.pump([0.25, 3.74])
        self.assertEqual(self.asked(), "ab")
        self.clock.advance(0.01)
        self.assertEqual(self.asked(), "abc")

    def test_only_so_many_lookups(self) -> None:
        self.places(**dict.fromkeys("abcdef", 0))
        self.clock.pump([0.25] * 8)
        self.assertEqual(self.asked(), "abcd")
        self.answer("b")
        self.assertEqual(self.asked(), "abcde")
        self.answer("c", "c")
        self.assertEqual((self.asked(), self.tried()), ("abcdef", "c"))

    def test_only_so_many_attempts(self) -> None:
        """Places of which nothing is known yet, and worse ones, do not count then."""
        racing = self.places(a=0, b=0, c=1)
        self.answer("a", *"12345")
        for place in range(4):
            self.attempts[place].fail(REFUSED)
            self.clock.advance(0.01)
        self.assertEqual([address for address, _ in self.reasons(racing)], list("1234"))
        self.assertEqual(self.waiting, set())

    def test_mistakes_of_those_who_look_up(self) -> None:
        self.places(a=0, b=0)
        self.answer("b", "b")
        self.lookups["a"].errback(RuntimeError("mistake"))
        self.assertEqual(self.tried(), "b")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_cancelling(self) -> None:
        racing = self.places(a=0, b=0)
        self.answer("a", "a")
        racing.cancel()
        self.failureResultOf(racing, CancelledError)
        self.assertEqual((self.tried(), self.waiting), ("A", set()))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_many_ranks_that_refuse(self) -> None:
        """Nobody waits where all better ones have failed."""
        self.connector.refused = dict.fromkeys("abcd", REFUSED)
        places = [place(rank, name) for rank, name in enumerate("abcd")]
        racing = race(places, self.connector, self.clock, PACE)
        self.assertEqual([address for address, _ in self.reasons(racing)], list("abcd"))
