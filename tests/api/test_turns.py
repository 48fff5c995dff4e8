"""Taking turns with one account's data."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.turns import Turns


class TurnsTests(SynchronousTestCase):
    """Workers that say when they begin and end, and what they wait for in between."""

    def setUp(self) -> None:
        self.turns = Turns()
        self.said: list[str] = []
        self.waits: dict[str, Deferred[None]] = {}

    def begin(self, name: str, key: str = "juliet") -> "Deferred[None]":
        self.waits[name] = Deferred()

        async def work() -> None:
            async with self.turns.of(key):
                self.said.append(f"{name} begins")
                await self.waits[name]
                self.said.append(f"{name} ends")

        return Deferred.fromCoroutine(work())

    def test_one_after_the_other(self) -> None:
        done = [self.begin(name) for name in ("a", "b", "c")]
        for name in ("b", "a", "c"):
            self.waits[name].callback(None)
        self.assertEqual([f"{n} {does}" for n in "abc" for does in ("begins", "ends")], self.said)
        for each in done:
            self.successResultOf(each)
        self.assertEqual(0, len(self.turns))

    def test_keys_are_apart(self) -> None:
        self.begin("a")
        self.begin("b", "romeo")
        self.assertEqual((["a begins", "b begins"], 2), (self.said, len(self.turns)))

    def test_failures_pass_it_on(self) -> None:
        first, second = self.begin("a"), self.begin("b")
        self.waits["a"].errback(ValueError())
        self.failureResultOf(first, ValueError)
        self.assertEqual(["a begins", "b begins"], self.said)
        self.waits["b"].callback(None)
        self.successResultOf(second)
        self.assertEqual(0, len(self.turns))

    def test_who_gives_up_leaves_the_queue(self) -> None:
        _first, second, third = self.begin("a"), self.begin("b"), self.begin("c")
        second.cancel()
        self.failureResultOf(second, CancelledError)
        for name in ("a", "c"):
            self.waits[name].callback(None)
        self.successResultOf(third)
        self.assertEqual(["a begins", "a ends", "c begins", "c ends"], self.said)
        self.assertEqual(0, len(self.turns))

    def test_setting_free(self) -> None:
        """What one's news bring about is done at once, before those who wait."""
        waiting: list[Deferred[None]] = []

        async def work() -> None:
            async with self.turns.of("juliet") as turn:
                waiting.append(self.begin("late"))
                turn.free()
                self.begin("nested")
                self.waits["nested"].callback(None)
                self.said.append("told")

        self.successResultOf(Deferred.fromCoroutine(work()))
        self.assertEqual(["nested begins", "nested ends", "late begins", "told"], self.said)
        self.waits["late"].callback(None)
        self.successResultOf(waiting[0])
        self.assertEqual(0, len(self.turns))
