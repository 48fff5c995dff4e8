"""Tests of the cache: what is asked for stays, and a flood cannot make it grow."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza._generations import Generations


class GenerationsTests(SynchronousTestCase):
    """What is kept, what is forgotten, and how much there can be."""

    def test_unknown_key_gives_none(self) -> None:
        self.assertIsNone(Generations[str](2).get("a"))

    def test_remembers(self) -> None:
        cache: Generations[str] = Generations(2)
        cache.put("a", "1")
        self.assertEqual(cache.get("a"), "1")

    def test_survives_one_generation_without_being_asked_for(self) -> None:
        cache: Generations[str] = Generations(2)
        for key in ("a", "b", "c"):
            cache.put(key, key)
        self.assertEqual(cache.get("a"), "a")

    def test_forgets_what_nobody_asks_for(self) -> None:
        cache: Generations[str] = Generations(2)
        for key in ("a", "b", "c", "d", "e"):
            cache.put(key, key)
        self.assertIsNone(cache.get("a"))
        self.assertEqual(cache.get("c"), "c")

    def test_keeps_what_is_asked_for(self) -> None:
        cache: Generations[str] = Generations(8)
        cache.put("known", "value")
        for number in range(1000):
            cache.put(str(number), "x")
            self.assertEqual(cache.get("known"), "value")

    def test_flood_keeps_the_size_bounded(self) -> None:
        cache: Generations[str] = Generations(8)
        sizes = set()
        for number in range(1000):
            cache.put(str(number), "x")
            cache.get(str(number // 2))
            sizes.add(len(cache))
        self.assertEqual(max(sizes), 16)
