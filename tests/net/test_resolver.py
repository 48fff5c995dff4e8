"""Services and addresses, out of answers made for the test."""

from collections.abc import Sequence

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.names import dns
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.net.messages import NAME, Payload, a, aaaa, answer, cname, record, soa, srv
from xmppd.api.network import (
    AddressAnswer,
    IResolver,
    LookupFailed,
    SrvAnswer,
    SrvRecord,
    Trouble,
)
from xmppd.net.dns_answer import MOST_ALIASES
from xmppd.net.dns_cache import CacheLimits
from xmppd.net.resolver import MOST_ADDRESSES, MOST_SERVICES, PATIENCE, Resolver

SERVICE = f"_xmpp-server._tcp.{NAME}"
NO_NAME, NO_RECORDS, TIMEOUT = Trouble.NO_NAME, Trouble.NO_RECORDS, Trouble.TIMEOUT

Outcome = dns.Message | Trouble | None


class Asker:
    """Answers from a table; None is for an answer that a test gives later, in `open`."""

    def __init__(self) -> None:
        self.outcomes: dict[tuple[str, int], Outcome] = {}
        self.asked: list[tuple[str, int]] = []
        self.open: dict[tuple[str, int], Deferred[dns.Message]] = {}

    async def ask(self, name: str, kind: int) -> dns.Message:
        self.asked.append((name, kind))
        outcome = self.outcomes[name, kind]
        if isinstance(outcome, Trouble):
            raise LookupFailed(name, outcome)
        if outcome is None:
            self.open[name, kind] = Deferred()
            return await self.open[name, kind]
        return outcome


class Case(SynchronousTestCase):
    """A resolver, what it asks, and the time."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.asker = Asker()
        self.resolver = Resolver(self.asker, self.clock, CacheLimits(shortest=1.0, longest=400.0))


class ServiceTests(Case):
    """Service records."""

    def ask(self, outcome: Outcome) -> SrvAnswer | Trouble:
        self.setUp()
        self.asker.outcomes[SERVICE, dns.SRV] = outcome
        outcomes: list[SrvAnswer | Trouble] = []

        def failed(failure: Failure) -> None:
            assert isinstance(failure.value, LookupFailed)
            self.assertEqual(failure.value.name, SERVICE)
            outcomes.append(failure.value.trouble)

        self.resolver.srv(SERVICE).addCallbacks(outcomes.append, failed)
        return outcomes[0]

    def records(self, *payloads: Payload) -> SrvAnswer | Trouble:
        return self.ask(answer(*[record(SERVICE, each) for each in payloads]))

    def test_interface(self) -> None:
        verifyObject(IResolver, self.resolver)

    def test_records(self) -> None:
        table: list[tuple[list[Payload], Sequence[SrvRecord] | Trouble]] = [
            ([srv(5, 6, 5269, "Host.Example.NET")], [SrvRecord(5, 6, 5269, "host.example.net")]),
            (
                [srv(20, 0, 1, "b"), srv(10, 0, 2, "a"), srv(20, 9, 3, "c")],
                [SrvRecord(10, 0, 2, "a"), SrvRecord(20, 0, 1, "b"), SrvRecord(20, 9, 3, "c")],
            ),
            ([srv(0, 0, 0, ".")], [SrvRecord(0, 0, 0, ".")]),
            ([srv(0, 0, 0, "")], [SrvRecord(0, 0, 0, ".")]),
            ([srv(0, 0, 1, "b\xfccher.example"), srv(1, 0, 1, "a")], [SrvRecord(1, 0, 1, "a")]),
            ([srv(0, 0, 1, "a b"), srv(0, 0, 1, "a\nb")], Trouble.BROKEN),
            ([], NO_RECORDS),
        ]
        for payloads, expected in table:
            with self.subTest(payloads=payloads):
                found = self.records(*payloads)
                wanted = (
                    expected if isinstance(expected, Trouble) else SrvAnswer(tuple(expected), 300.0)
                )
                self.assertEqual(found, wanted)

    def test_so_many(self) -> None:
        """The first by priority are kept."""
        found = self.records(*[srv(200 - n, 0, 1, f"h{n}") for n in range(100)])
        assert isinstance(found, SrvAnswer)
        self.assertEqual(len(found.records), MOST_SERVICES)
        self.assertEqual(found.records[0].target, "h99")

    def test_troubles(self) -> None:
        table: list[tuple[Outcome, Trouble]] = [
            (TIMEOUT, TIMEOUT),
            (Trouble.BROKEN, Trouble.BROKEN),
            (answer(code=dns.ENAME), NO_NAME),
            (answer(), NO_RECORDS),
            (answer(record(SERVICE, cname(SERVICE))), Trouble.LOOP),
            (answer(record(SERVICE, cname("b\xfccher.example"))), Trouble.BROKEN),
        ]
        for outcome, expected in table:
            with self.subTest(expected=expected):
                self.assertIs(self.ask(outcome), expected)

    def test_names_that_cannot_be(self) -> None:
        """Nobody is asked for them."""
        for name in ("", "a..b", "bücher.example", f"_xmpp-server._tcp.{'a.' * 126}"):
            with self.subTest(name=name):
                failure = self.failureResultOf(self.resolver.srv(name), LookupFailed).value
                self.assertEqual((failure.name, failure.trouble), (name, NO_NAME))
        self.assertEqual(self.asker.asked, [])


class AliasTests(Case):
    """Names that stand for others."""

    def chain(self, length: int) -> None:
        """Each alias is an answer of its own; at the end is an address."""
        names = [NAME, *(f"{n}.example" for n in range(1, length))]
        for name, target in zip(names, [*names[1:], "end"], strict=True):
            self.asker.outcomes[name, dns.A] = answer(record(name, cname(target), 30))
            self.asker.outcomes[name, dns.AAAA] = answer()
        self.asker.outcomes["end", dns.A] = answer(record("end", a("192.0.2.1"), 200))

    def test_followed(self) -> None:
        for length in (1, 2, MOST_ALIASES - 1):
            with self.subTest(length=length):
                self.setUp()
                self.chain(length)
                found = self.successResultOf(self.resolver.addresses(NAME))
                self.assertEqual((found.ipv4, found.ttl), (("192.0.2.1",), 30.0))

    def test_not_for_ever(self) -> None:
        self.chain(MOST_ALIASES)
        found = self.successResultOf(self.resolver.addresses(NAME))
        self.assertIs(found.ipv4_trouble, Trouble.LOOP)
        self.assertEqual(len([1 for _, kind in self.asker.asked if kind == dns.A]), MOST_ALIASES)

    def test_in_a_circle(self) -> None:
        for name, target in ((NAME, "x"), ("x", NAME)):
            for kind in (dns.A, dns.AAAA):
                self.asker.outcomes[name, kind] = answer(record(name, cname(target)))
        found = self.successResultOf(self.resolver.addresses(NAME))
        self.assertIs(found.trouble, Trouble.LOOP)


class AddressTests(Case):
    """IPv6 and IPv4, asked for side by side."""

    def ask(self, ipv6: Outcome, ipv4: Outcome) -> "Deferred[AddressAnswer]":
        self.asker.outcomes = {(NAME, dns.AAAA): ipv6, (NAME, dns.A): ipv4}
        return self.resolver.addresses(NAME)

    def test_answers(self) -> None:
        six, four = record(NAME, aaaa("2001:DB8::1"), 100), record(NAME, a("192.0.2.1"), 200)
        nothing = answer(authority=[record("net", soa(20))])
        missing = answer(code=dns.ENAME)
        table: list[tuple[Outcome, Outcome, AddressAnswer]] = [
            (answer(six), answer(four), AddressAnswer(("2001:db8::1",), ("192.0.2.1",), 100.0)),
            (
                answer(),
                answer(four),
                AddressAnswer((), ("192.0.2.1",), 200.0, NO_RECORDS, None),
            ),
            (
                answer(six),
                TIMEOUT,
                AddressAnswer(("2001:db8::1",), (), 100.0, None, TIMEOUT),
            ),
            (nothing, nothing, AddressAnswer((), (), 20.0, NO_RECORDS, NO_RECORDS)),
            (missing, TIMEOUT, AddressAnswer((), (), 1.0, NO_NAME, TIMEOUT)),
            (
                answer(),
                answer(four, four, record(NAME, a("192.0.2.2"))),
                AddressAnswer((), ("192.0.2.1", "192.0.2.2"), 200.0, NO_RECORDS, None),
            ),
        ]
        for ipv6, ipv4, expected in table:
            with self.subTest(expected=expected):
                self.setUp()
                self.assertEqual(self.successResultOf(self.ask(ipv6, ipv4)), expected)
                self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_so_many(self) -> None:
        many = [record(NAME, a(f"192.0.2.{n}")) for n in range(100)]
        found = self.successResultOf(self.ask(answer(), answer(*many)))
        self.assertEqual(len(found.ipv4), MOST_ADDRESSES)

    def test_addresses_are_not_looked_up(self) -> None:
        table = [
            ("192.0.2.1", AddressAnswer((), ("192.0.2.1",), 400.0, NO_RECORDS, None)),
            ("2001:DB8::1", AddressAnswer(("2001:db8::1",), (), 400.0, None, NO_RECORDS)),
            ("[2001:db8::1]", AddressAnswer(("2001:db8::1",), (), 400.0, None, NO_RECORDS)),
        ]
        for host, expected in table:
            with self.subTest(host=host):
                self.assertEqual(self.successResultOf(self.resolver.addresses(host)), expected)
        self.assertEqual(self.asker.asked, [])

    def test_names_that_cannot_be(self) -> None:
        found = self.successResultOf(self.resolver.addresses("a..b"))
        self.assertEqual((found.trouble, self.asker.asked), (NO_NAME, []))

    def test_not_much_is_waited_for_the_second(self) -> None:
        """What was found is used; what comes late is remembered for the next time."""
        both = (("2001:db8::1",), ("192.0.2.1",))
        answers = {
            dns.AAAA: answer(record(NAME, aaaa("2001:db8::1"))),
            dns.A: answer(record(NAME, a("192.0.2.1"))),
        }
        for first, second in ((dns.AAAA, dns.A), (dns.A, dns.AAAA)):
            with self.subTest(first=first):
                self.setUp()
                asked = self.ask(None, None)
                self.assertNoResult(asked)
                self.asker.open[NAME, first].callback(answers[first])
                self.clock.advance(PATIENCE - 0.01)
                self.assertNoResult(asked)
                self.clock.advance(0.01)
                found = self.successResultOf(asked)
                self.assertEqual(bool(found.ipv6), first == dns.AAAA)
                self.assertEqual({found.ipv6_trouble, found.ipv4_trouble}, {None, TIMEOUT})
                self.asker.open[NAME, second].callback(answers[second])
                again = self.successResultOf(self.resolver.addresses(NAME))
                self.assertEqual((again.ipv6, again.ipv4), both)
                self.assertEqual(len(self.asker.asked), 2)

    def test_the_second_in_time(self) -> None:
        asked = self.ask(None, answer(record(NAME, a("192.0.2.1"))))
        self.assertNoResult(asked)
        self.asker.open[NAME, dns.AAAA].callback(answer(record(NAME, aaaa("2001:db8::1"))))
        self.assertEqual(self.successResultOf(asked).ipv6, ("2001:db8::1",))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_as_long_as_it_takes_while_nothing_is_found(self) -> None:
        asked = self.ask(None, answer())
        self.clock.advance(60)
        self.assertNoResult(asked)
        self.asker.open[NAME, dns.AAAA].callback(answer(record(NAME, aaaa("2001:db8::1"))))
        self.assertEqual(self.successResultOf(asked).ipv6, ("2001:db8::1",))

    def test_cancelling(self) -> None:
        asked = self.ask(None, answer(record(NAME, a("192.0.2.1"))))
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.asker.open[NAME, dns.AAAA].callback(answer(record(NAME, aaaa("2001:db8::1"))))
        again = self.successResultOf(self.resolver.addresses(NAME))
        self.assertEqual(again.ipv6, ("2001:db8::1",))

    def test_remembering(self) -> None:
        """By name in normal form, each kind of record on its own, as long as it may."""
        self.ask(answer(record(NAME, aaaa("2001:db8::1"), 50)), answer())
        self.successResultOf(self.resolver.addresses("Example.NET."))
        self.assertEqual(len(self.asker.asked), 2)
        self.clock.advance(5)
        self.assertEqual(self.successResultOf(self.resolver.addresses(NAME)).ttl, 45.0)
        self.assertEqual(self.asker.asked[2:], [(NAME, dns.A)])
