"""Random numbers that a seed makes again, on every machine and in every version of Python."""

from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

T = TypeVar("T")

_MASK = (1 << 64) - 1


class Dice:
    """Draws numbers by SplitMix64; two of the same seed draw the same.

    Who shares dice with others depends on how often they draw: `fork` makes dice of one's own.
    """

    __slots__ = ("_seed", "_state")

    def __init__(self, seed: int | str) -> None:
        self._seed = str(seed)
        self._state = int.from_bytes(sha256(self._seed.encode()).digest()[:8], "big")

    def fork(self, name: str) -> "Dice":
        """Return dice of their own, the same for the same name however often these have drawn."""
        return Dice(f"{self._seed}/{name}")

    def bits(self) -> int:
        """Draw 64 bits."""
        self._state = state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        return state ^ (state >> 31)

    def below(self, end: int) -> int:
        """Draw an integer from 0 up to `end`, without it."""
        return self.bits() % end

    def chance(self, probability: float) -> bool:
        """Tell whether something of that probability happens."""
        return self.bits() < probability * (1 << 64)

    def between(self, least: float, most: float) -> float:
        """Draw a number of that range."""
        return least + (most - least) * (self.bits() / (1 << 64))

    def pick(self, choices: Sequence[T]) -> T:
        """Draw one of several."""
        return choices[self.below(len(choices))]

    def weighted(self, choices: Sequence[tuple[T, int]]) -> T:
        """Draw one of several, each as often as its weight says."""
        drawn = self.below(sum(weight for _, weight in choices))
        for choice, weight in choices:
            drawn -= weight
            if drawn < 0:
                return choice
        raise AssertionError("weights are positive")

    def token_bytes(self, count: int) -> bytes:
        """Draw that many bytes."""
        words = b"".join(self.bits().to_bytes(8, "big") for _ in range(0, count, 8))
        return words[:count]
