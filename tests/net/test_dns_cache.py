"""Outcomes are remembered within bounds, lookups shared and counted. Time is made by the tests."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.network import Trouble
from xmppd.net.dns_cache import CacheLimits, DnsCache, Known

Records = tuple[str, ...]

VALUE, OTHER = ("value",), ("another",)

LIMITS = CacheLimits(records=3, shortest=10.0, longest=100.0, nothing=50.0, at_once=2, waiting=2)


class CacheTests(SynchronousTestCase):
    """Lookups end when a test says so."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.cache: DnsCache[str, Records] = DnsCache(self.clock, LIMITS)
        self.begun: list[tuple[str, Deferred[Known[Records]]]] = []

    def get(self, key: str) -> "Deferred[Known[Records]]":
        async def look_up() -> Known[Records]:
            found: Deferred[Known[Records]] = Deferred()
            self.begun.append((key, found))
            return await found

        return self.cache.get(key, look_up)

    def find(self, key: str, value: Records | Trouble = VALUE, ttl: float = 60.0) -> Known[Records]:
        """Look something up at once and return what comes of it."""
        asked = self.get(key)
        if not asked.called:
            self.begun.pop()[1].callback(Known(value, ttl))
        return self.successResultOf(asked)

    def asked_again(self, key: str) -> bool:
        """Tell whether a key would be looked up."""
        before = len(self.begun)
        self.get(key)
        return len(self.begun) > before

    def test_as_long_as_it_may(self) -> None:
        """The time it says, within bounds; less for what is not there, the least for failures."""
        table: list[tuple[Records | Trouble, float, float]] = [
            (VALUE, 60.0, 60.0),
            (VALUE, 0.0, 10.0),
            (VALUE, 1e9, 100.0),
            (Trouble.NO_NAME, 30.0, 30.0),
            (Trouble.NO_RECORDS, 0.0, 10.0),
            (Trouble.NO_RECORDS, 99.0, 50.0),
            (Trouble.TIMEOUT, 99.0, 10.0),
            (Trouble.BROKEN, 0.0, 10.0),
            (Trouble.LOOP, 99.0, 10.0),
        ]
        for value, ttl, expected in table:
            with self.subTest(value=value, ttl=ttl):
                self.setUp()
                self.assertEqual(self.find("a", value, ttl), Known(value, expected))
                self.clock.advance(expected - 1)
                self.assertEqual(self.find("a", OTHER), Known(value, 1.0))
                self.clock.advance(1)
                self.assertTrue(self.asked_again("a"))

    def test_a_failure_of_ours(self) -> None:
        asked = self.get("a")
        self.begun[0][1].errback(RuntimeError("mistake"))
        self.assertEqual(self.successResultOf(asked), Known(Trouble.BROKEN, 10.0))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertFalse(self.asked_again("a"))

    def test_the_latest_wanted_stay(self) -> None:
        for key in ("a", "b", "c"):
            self.find(key)
        self.find("a")
        self.find("d")
        self.assertEqual(len(self.cache), 3)
        again = [key for key in ("a", "b", "c", "d") if self.asked_again(key)]
        self.assertEqual(again, ["b"])

    def test_records_count(self) -> None:
        """Whoever has many takes the place of many; what is over leaves its place."""
        self.find("a")
        self.find("b", Trouble.NO_NAME)
        self.find("c", ())
        self.assertEqual(len(self.cache), 3)
        self.find("d", ("1", "2"))
        self.assertEqual(len(self.cache), 3)
        self.assertEqual(self.find("c", OTHER).value, ())
        self.clock.advance(60.0)
        for key in ("c", "d"):
            self.find(key, ("1", "2"))
        self.assertEqual(len(self.cache), 2)
        self.find("e", ("1", "2", "3", "4"))
        self.assertEqual(len(self.cache), 0, "what is too much is not kept at all")

    def test_one_lookup_for_all_who_wait(self) -> None:
        asked = [self.get("a") for _ in range(3)]
        self.assertEqual([key for key, _ in self.begun], ["a"])
        self.begun[0][1].callback(Known(VALUE, 60.0))
        for each in asked:
            self.assertEqual(self.successResultOf(each), Known(VALUE, 60.0))
        self.assertEqual(self.cache.pending, 0)

    def test_so_many_at_once(self) -> None:
        asked = {key: self.get(key) for key in ("a", "b", "c", "d")}
        self.assertEqual([key for key, _ in self.begun], ["a", "b"])
        self.assertEqual(
            self.successResultOf(self.get("e")), Known(Trouble.BUSY, 0.0), "too many wait"
        )
        asked["again"] = self.get("d")  # for what waits already there is room
        self.assertEqual(self.cache.pending, 4)
        for place in range(4):
            self.begun[place][1].callback(Known(VALUE, 60.0))
        self.assertEqual([key for key, _ in self.begun], ["a", "b", "c", "d"])
        for each in asked.values():
            self.successResultOf(each)
        self.assertTrue(self.asked_again("e"), "being busy is not remembered")

    def test_cancelling(self) -> None:
        """Who does not wait any more disturbs nobody; the lookup goes on for later."""
        one, other = self.get("a"), self.get("a")
        one.cancel()
        self.failureResultOf(one, CancelledError)
        self.assertNoResult(other)
        other.cancel()
        self.failureResultOf(other, CancelledError)
        self.begun[0][1].callback(Known(VALUE, 60.0))
        self.assertEqual(self.successResultOf(self.get("a")), Known(VALUE, 60.0))

    def test_cancelling_by_another_who_waits(self) -> None:
        asked = [self.get("a") for _ in range(3)]
        asked[0].addCallback(lambda _: asked[1].cancel())
        self.begun[0][1].callback(Known(VALUE, 60.0))
        self.failureResultOf(asked[1], CancelledError)
        self.assertEqual(self.successResultOf(asked[2]), Known(VALUE, 60.0))

    def test_what_nobody_waits_for_is_not_begun(self) -> None:
        asked = {key: self.get(key) for key in ("a", "b", "c", "d")}
        asked["c"].cancel()
        self.failureResultOf(asked["c"], CancelledError)
        self.begun[0][1].callback(Known(VALUE, 60.0))
        self.assertEqual([key for key, _ in self.begun], ["a", "b", "d"])
        self.assertEqual(self.cache.pending, 2)

    def test_many_that_fail_at_once(self) -> None:
        """A long queue of lookups that never wait does not pile up on the stack."""
        limits = CacheLimits(records=5000, at_once=1, waiting=5000)
        cache: DnsCache[int, Records] = DnsCache(self.clock, limits)
        first: Deferred[Known[Records]] = Deferred()

        async def wait() -> Known[Records]:
            return await first

        async def fail() -> Known[Records]:
            return Known(Trouble.BROKEN, 0.0)

        look_ups: list[Callable[[], Any]] = [wait, *[fail] * 4000]
        asked = [cache.get(key, look_up) for key, look_up in enumerate(look_ups)]
        first.callback(Known(VALUE, 1.0))
        self.assertEqual(self.successResultOf(asked[-1]).value, Trouble.BROKEN)

    def test_asking_from_an_answer(self) -> None:
        """Who has been answered finds the same answer when it asks again at once."""
        again: list[Deferred[Known[Records]]] = []
        self.get("a").addCallback(lambda _: again.append(self.get("a")))
        self.begun[0][1].callback(Known(VALUE, 60.0))
        self.assertEqual(self.successResultOf(again[0]), Known(VALUE, 60.0))
