"""How often somebody has done something lately, where that costs us or others."""

from collections import OrderedDict

from twisted.internet.interfaces import IReactorTime

HOUR = 3_600.0
KEYS = 10_000
"""So many keys are remembered; then the one that came first is forgotten."""


class PerHour:
    """Lets each key have something `most` times within an hour, which begins with the first."""

    def __init__(self, clock: IReactorTime, most: int) -> None:
        self._clock = clock
        self._most = most
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, key: str) -> bool:
        """Count once more, and return True, unless that would be too often."""
        now = self._clock.seconds()
        since, count = self._counts.get(key, (now, 0))
        if now - since >= HOUR:
            del self._counts[key]  # it is now the latest
            since, count = now, 0
        if count >= self._most:
            return False
        self._counts[key] = since, count + 1
        if len(self._counts) > KEYS:
            self._counts.popitem(last=False)
        return True

    def give_back(self, key: str) -> None:
        """Count once less: nothing came of it."""
        since, count = self._counts.get(key, (0.0, 0))
        if count:
            self._counts[key] = since, count - 1
