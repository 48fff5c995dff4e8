"""Where a domain is, and which connections are made for it (RFC 6120 3.2, RFC 2782, XEP-0368)."""

from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred

from tests.s2s.test_outgoing import HOST, OutgoingCase
from tests.s2s.world import service
from xmppd.api.network import SrvRecord, Trouble
from xmppd.s2s.finding import DIRECT, MAX_ADDRESSES, STARTTLS, Places, Source, connect, find
from xmppd.s2s.targets import MAX_TARGETS, Target
from xmppd.s2s.unreached import NOT_FOUND, TIMEOUT, Cause, Unreached

X = "x.example"
NONE, LATE, BROKEN = Trouble.NO_NAME, Trouble.TIMEOUT, Trouble.BROKEN
NOWHERE = [SrvRecord(0, 0, 0, ".")]
HERE, THERE = [SrvRecord(1, 0, 5269, "here.example")], [SrvRecord(2, 0, 443, "there.example")]
ITSELF = Places((Target(X, 5269),), Source.DOMAIN)

Result = TypeVar("Result")


class FindingCase(OutgoingCase):
    """A DNS in which a test says what there is."""

    def setUp(self) -> None:
        super().setUp()
        self.around = service(self.server).around
        self.resolver = self.world.resolver
        self.asked = self.world.network.asked

    def begin(self, coroutine: Coroutine[Any, Any, Result]) -> "Deferred[Result]":
        return Deferred.fromCoroutine(coroutine)

    def says(self, starttls: Sequence[SrvRecord] | Trouble, direct: Any = NONE) -> None:
        self.resolver.services = {f"{STARTTLS}{X}": starttls, f"{DIRECT}{X}": direct}


class FindTests(FindingCase):
    """What the two lookups say together."""

    def test_places(self) -> None:
        here, there = Target("here.example", 5269), Target("there.example", 443, direct=True)
        for starttls, direct, expected in (
            (HERE, NONE, Places((here,), Source.RECORDS)),
            (NONE, THERE, Places((there,), Source.RECORDS)),
            (HERE, THERE, Places((here, there), Source.RECORDS)),
            (HERE, NOWHERE, Places((here,), Source.RECORDS)),
            (HERE, LATE, Places((here,), Source.RECORDS)),
            (BROKEN, THERE, Places((there,), Source.RECORDS)),
            (NONE, NONE, ITSELF),
            (Trouble.NO_RECORDS, NONE, ITSELF),
        ):
            self.says(starttls, direct)
            found = self.successResultOf(self.begin(find(self.around, X)))
            self.assertEqual(found, expected)

    def test_troubles(self) -> None:
        """As long as it is not known that there are no records, the domain itself is not tried."""
        for starttls, direct, condition, final, cause in (
            (BROKEN, NONE, TIMEOUT, False, Cause.NO_ANSWER),
            (NONE, LATE, TIMEOUT, False, Cause.NO_ANSWER),
            (LATE, BROKEN, TIMEOUT, False, Cause.NO_ANSWER),
            (NOWHERE, LATE, TIMEOUT, False, Cause.NO_ANSWER),
            (Trouble.LOOP, NONE, TIMEOUT, False, Cause.ALIASES),
            (NOWHERE, NONE, NOT_FOUND, True, Cause.NO_SERVICE),
            (NONE, NOWHERE, NOT_FOUND, True, Cause.NO_SERVICE),  # XEP-0368 3
            (NOWHERE, NOWHERE, NOT_FOUND, True, Cause.NO_SERVICE),
        ):
            self.resolver.hosts[X] = [HOST]
            self.says(starttls, direct)
            error = self.failureResultOf(self.begin(find(self.around, X)), Unreached).value
            self.assertEqual(
                (error.condition, error.final, error.cause), (condition, final, cause), error.text
            )

    def test_mistakes_are_not_hidden(self) -> None:
        self.patch(self.resolver, "srv", lambda name: Deferred())
        finding = self.begin(find(self.around, X))
        finding.cancel()
        self.failureResultOf(finding, CancelledError)

    def test_addresses(self) -> None:
        """Nothing is looked up for them."""
        self.resolver.asked.clear()
        for domain, host in (("203.0.113.7", HOST), ("[2001:db8::1]", "2001:db8::1")):
            found = self.successResultOf(self.begin(find(self.around, domain)))
            self.assertEqual(found, Places((Target(host, 5269),), Source.ADDRESS))
        self.assertEqual(self.resolver.asked, [])

    def test_no_more_than_so_many(self) -> None:
        self.says([SrvRecord(n, 0, 5269, f"h{n}.example") for n in range(100)])
        found = self.successResultOf(self.begin(find(self.around, X)))
        self.assertEqual(len(found.targets), MAX_TARGETS)


class ConnectTests(FindingCase):
    """Which addresses are tried, and when."""

    def connect(self, *targets: Target) -> "Deferred[Any]":
        return self.begin(connect(self.around, X, targets))

    def wanted(self, *seconds: float) -> list[str]:
        """Return the addresses that have been tried after that time."""
        for each in seconds:
            self.world.clock.advance(each)
        return [ip for ip, _ in self.asked]

    def silent(self, name: str, *addresses: str) -> None:
        """Have a host whose addresses do not answer."""
        self.resolver.hosts[name] = addresses
        self.world.network.silent |= set(addresses)

    def test_kinds_of_addresses(self) -> None:
        for addresses, tried in (
            (["2001:db8::7"], ["2001:db8::7"]),
            (["203.0.113.8"], ["203.0.113.8"]),
            (["203.0.113.8", "2001:db8::7"], ["2001:db8::7", "203.0.113.8"]),
            (["127.0.0.1", "::1", "10.0.0.1", "203.0.113.8"], ["203.0.113.8"]),
            (["::ffff:127.0.0.1", "64:ff9b::7f00:1", "2001:db8::7"], ["2001:db8::7"]),
        ):
            self.asked.clear()
            self.resolver.hosts["h.example"] = addresses
            connecting = self.connect(Target("h.example", 5269))
            self.world.clock.pump([0.01] * 2)
            self.failureResultOf(connecting, Unreached)
            self.assertEqual(self.wanted(), tried)

    def test_a_lookup_that_gets_no_answer(self) -> None:
        """It delays the others by a quarter of a second, and not until it has failed."""
        self.resolver.silent.add("mute.example")
        self.silent("dead.example", HOST)
        connecting = self.connect(Target("mute.example", 1), Target("dead.example", 2))
        self.assertEqual(self.wanted(0.24), [])
        self.assertEqual(self.wanted(0.01), [HOST])
        self.world.clock.pump([1.0] * 60)
        error = self.failureResultOf(connecting, Unreached).value
        self.assertEqual(
            error.text,
            f"{HOST} port 2 did not answer; mute.example: the DNS did not answer in time",
        )

    def test_no_answer_at_all(self) -> None:
        self.resolver.silent.add("mute.example")
        connecting = self.connect(Target("mute.example", 1))
        self.world.clock.pump([1.0] * 60)
        error = self.failureResultOf(connecting, Unreached).value
        self.assertEqual(error.text, "mute.example: the DNS did not answer in time")
        self.assertEqual((error.final, error.cause), (False, Cause.NO_ANSWER))

    def test_what_is_not_final_counts(self) -> None:
        """If one may be there tomorrow, it is worth another try."""
        for hosts, text in (
            ({"a.example": NONE, "b.example": BROKEN}, "b.example"),
            ({"a.example": NONE, "b.example": ["127.0.0.1"]}, "a.example"),
        ):
            self.resolver.hosts.update(hosts)  # type: ignore[arg-type]  # a table of both
            connecting = self.connect(Target("a.example", 1), Target("b.example", 1))
            error = self.failureResultOf(connecting, Unreached).value
            self.assertEqual(error.text.partition(":")[0], text)

    def test_a_worse_one_is_for_when_the_better_are_down(self) -> None:
        self.silent("good.example", "203.0.113.21")
        self.silent("backup.example", "203.0.113.22")
        self.resolver.asked.clear()
        self.says([SrvRecord(9, 0, 5269, "backup.example"), SrvRecord(0, 0, 5269, "good.example")])
        places = self.successResultOf(self.begin(find(self.around, X)))
        self.connect(*places.targets)
        self.assertEqual(self.wanted(0.25, 0.25, 1.0, 1.0, 1.0), ["203.0.113.21"])
        self.assertNotIn("backup.example", self.resolver.asked)
        self.assertEqual(self.wanted(1.0), ["203.0.113.21", "203.0.113.22"])

    def test_little_time(self) -> None:
        """A worse one has its part of it."""
        self.around.settings = replace(self.around.settings, connect_seconds=2.0)
        self.silent("good.example", "203.0.113.21")
        self.silent("backup.example", "203.0.113.22")
        self.connect(Target("good.example", 1), Target("backup.example", 1, priority=1))
        self.assertEqual(self.wanted(0.25, 0.24), ["203.0.113.21"])
        self.assertEqual(self.wanted(0.01), ["203.0.113.21", "203.0.113.22"])

    def test_a_dead_place_of_many_addresses(self) -> None:
        """It leaves another place its part of the attempts."""
        many = [f"203.0.113.{number}" for number in range(100, 116)]
        self.silent("many.example", *many)
        self.silent("one.example", HOST)
        self.connect(Target("many.example", 1), Target("one.example", 1))
        tried = self.wanted(*[0.25] * 16)
        self.assertEqual(tried, [*many[:MAX_ADDRESSES], HOST])
