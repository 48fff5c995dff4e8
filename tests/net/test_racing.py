"""Several connections at once, of which one stays. Time is made by the tests."""

import errno
from typing import Any

from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from xmppd.api.network import AddressAnswer, IConnector
from xmppd.net.racing import Attempt, Pace, Reason, Unreachable, alternating, race
from xmppd.service.network import TcpConnector
from xmppd.testing.connector import FakeConnector

FACTORY = Factory.forProtocol(Protocol)
PACE = Pace(stagger=0.25, after_failure=0.01, attempt=5.0, total=10.0, attempts=4)
REFUSED = error.ConnectionRefusedError()


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


class RaceTests(SynchronousTestCase):
    """Attempts succeed and fail as a test says."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.connector = FakeConnector()
        self.attempts = self.connector.attempts

    def race(self, *addresses: str) -> "Deferred[IProtocol]":
        attempts = [Attempt(address, 5269, FACTORY) for address in addresses]
        return race(attempts, self.connector, self.clock, PACE)

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
        racing = race([Attempt("localhost", 5269, FACTORY)], connector, self.clock, PACE)
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
        failure = self.failureResultOf(self.race(), Unreachable).value
        self.assertEqual((failure.reasons, str(failure)), ((), "there is no address to connect to"))
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
        racing = race([Attempt("a", 1, FACTORY)], self.connector, self.clock)
        self.clock.advance(59.9)
        self.assertNoResult(racing)
        self.clock.advance(0.1)
        self.assertEqual(self.reasons(racing), [("a", "did not answer")])

    def test_the_connector(self) -> None:
        verifyObject(IConnector, self.connector)
