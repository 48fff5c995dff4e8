"""SRV records, from answers made for the test."""

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError, fail, succeed
from twisted.names import dns
from twisted.names.error import DNSNameError, DNSQueryTimeoutError, DNSServerError, ResolverError
from twisted.trial.unittest import SynchronousTestCase

from xmppd.server.check import NoAnswer
from xmppd.service.dns import TIMEOUTS, services

NAME = "_xmpp-client._tcp.example.org"


def record(priority: int, weight: int, port: int, target: bytes) -> dns.RRHeader:
    payload = dns.Record_SRV(priority, weight, port, target)  # type: ignore[no-untyped-call]
    return dns.RRHeader(NAME.encode(), dns.SRV, payload=payload)


class ServiceTests(SynchronousTestCase):
    """What is made of answers and failures."""

    def ask(self, outcome: Any) -> "Deferred[Sequence[tuple[str, int]]]":
        def lookup(name: str, timeout: Sequence[int]) -> "Deferred[Any]":
            self.assertEqual((name, timeout), (NAME, TIMEOUTS))
            if isinstance(outcome, Exception):
                return fail(outcome)
            return succeed((outcome, [], []))

        return Deferred.fromCoroutine(services(NAME, lookup))

    def test_answers(self) -> None:
        name = dns.Record_CNAME(b"x.example")  # type: ignore[no-untyped-call]
        alias = dns.RRHeader(NAME.encode(), dns.CNAME, payload=name)
        table: list[tuple[Any, list[tuple[str, int]]]] = [
            ([], []),
            (DNSNameError(), []),
            ([alias], []),
            ([record(0, 0, 5222, b".")], [(".", 5222)]),
            (
                [
                    alias,
                    record(20, 0, 1, b"last.example"),
                    record(10, 1, 2, b"second.example"),
                    record(10, 5, 3, b"first.example"),
                ],
                [("first.example", 3), ("second.example", 2), ("last.example", 1)],
            ),
            ([record(0, 0, 5222, b"\xff.example")], [("\ufffd.example", 5222)]),
        ]
        for outcome, expected in table:
            with self.subTest(expected=expected):
                self.assertEqual(self.successResultOf(self.ask(outcome)), expected)

    def test_failures(self) -> None:
        table = [
            (TimeoutError(), "no answer in time"),
            (DNSQueryTimeoutError(1), "no answer in time"),  # type: ignore[no-untyped-call]
            (DNSServerError(), "the resolver says DNSServerError"),
            (ResolverError(), "the resolver says ResolverError"),
            (OSError(), "the resolver says OSError"),
        ]
        for outcome, expected in table:
            with self.subTest(expected=expected):
                failure = self.failureResultOf(self.ask(outcome), NoAnswer)
                self.assertEqual(str(failure.value), expected)

    def test_mistakes_of_ours_are_not_hidden(self) -> None:
        self.failureResultOf(self.ask(RuntimeError()), RuntimeError)
