"""Why other servers could not be reached of late, for an operator who comes to look afterwards."""

from collections.abc import Iterator
from dataclasses import dataclass

from xmppd.s2s.pairs import Pair

MOST = 200
"""How many pairs of domains are remembered; the trouble that is longest ago goes first."""

KEPT_SECONDS = 86_400.0
"""For how long a trouble is told of."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why no stream could be made for a pair, and when that was last tried (seconds since 1970)."""

    pair: Pair
    text: str
    when: float


class Troubles:
    """The last trouble of each pair that could not be reached when it was last tried."""

    def __init__(self) -> None:
        self._troubles: dict[Pair, Trouble] = {}

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._troubles)

    def note(self, trouble: Trouble) -> None:
        """Remember a trouble instead of what there was before for the pair."""
        self._troubles.pop(trouble.pair, None)
        self._troubles[trouble.pair] = trouble
        if len(self._troubles) > MOST:
            del self._troubles[next(iter(self._troubles))]

    def forget(self, pair: Pair) -> bool:
        """Let the pair have no trouble: a stream was made. Return whether it had one."""
        return self._troubles.pop(pair, None) is not None

    def since(self, when: float) -> Iterator[Trouble]:
        """Yield those not older than that, the oldest first."""
        return (each for each in list(self._troubles.values()) if each.when >= when)
