"""What lies between machines: how long it takes, in which pieces things come, what is cut."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from xmppd.testing.net.dice import Dice
from xmppd.testing.net.time import VirtualClock
from xmppd.testing.net.trace import Trace


@dataclass(frozen=True, slots=True)
class Weather:
    """How connections are.

    - `delay`: the least and the most seconds a piece takes; `bytes_per_second`: how many bytes get
      through in one direction of one connection.
    - `splits`: how probable it is that what is written at once arrives in pieces.
    """

    delay: tuple[float, float] = (0.005, 0.05)
    bytes_per_second: float = 1_000_000.0
    splits: float = 0.2


class Place(Protocol):
    """A machine, as the ways to it see it."""

    name: str
    dark: bool
    slowness: float
    shows: tuple[bytes, ...]


class Internet:
    """Everything between machines.

    - `weather`: how connections are; may be set at any time.
    """

    def __init__(self, clock: VirtualClock, trace: Trace, dice: Dice) -> None:
        self.clock = clock
        self.trace = trace
        self.dice = dice
        self.weather = Weather()
        self._cuts: set[frozenset[str]] = set()

    def cut(self, one: Place, other: Place) -> None:
        """Let nothing through between two machines."""
        self._cuts.add(frozenset((one.name, other.name)))

    def mend(self) -> None:
        """Let everything through again; what was stuck is for the machines to send on."""
        self._cuts.clear()

    def is_open(self, one: Place, other: Place) -> bool:
        """Tell whether anything gets through between two machines."""
        if one.dark or other.dark:
            return False
        return not self._cuts or frozenset((one.name, other.name)) not in self._cuts

    def delay(self, one: Place, other: Place) -> float:
        """Draw how many seconds something takes from one machine to another."""
        return self.dice.between(*self.weather.delay) * max(one.slowness, other.slowness)

    def width(self, size: int) -> float:
        """Return how many seconds so many bytes take after those before them."""
        return size / self.weather.bytes_per_second


class Way:
    """One direction of a connection (see `xmppd.testing.net.links.Road`)."""

    __slots__ = ("_far", "_internet", "_name", "_near", "seconds")

    def __init__(self, internet: Internet, near: Place, far: Place, name: str) -> None:
        self._internet = internet
        self._near = near
        self._far = far
        self._name = name
        self.seconds = internet.clock.seconds

    @property
    def open(self) -> bool:
        """Whether anything gets through."""
        return self._internet.is_open(self._near, self._far)

    def delay(self) -> float:
        """Return how many seconds something takes to get there."""
        return self._internet.delay(self._near, self._far)

    def width(self, size: int) -> float:
        """Return how many seconds so many bytes take after those before them."""
        return self._internet.width(size)

    def pieces(self, data: bytes) -> list[bytes]:
        """Cut what is written into what arrives at a time."""
        dice = self._internet.dice
        if len(data) < 2 or not dice.chance(self._internet.weather.splits):
            return [data]
        cuts = sorted(1 + dice.below(len(data) - 1) for _ in range(1 + dice.below(3)))
        places = [0, *dict.fromkeys(cuts), len(data)]
        return [data[start:end] for start, end in pairwise(places)]

    def later(self, seconds: float, step: Callable[..., None], /, *arguments: object) -> object:
        """Call something after so many seconds, whatever becomes of either machine."""
        return self._internet.clock.callLater(seconds, step, *arguments)

    def shown(self, chain: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Return what is shown of one's own certificates, in DER: the machine may show another."""
        return self._near.shows or chain if chain else ()

    def note(self, what: str) -> None:
        """Note what happens at this end."""
        self._internet.trace.note(self._name, what)

    def arrived(self, data: bytes) -> None:
        """Note what has come to this end."""
        self._internet.trace.piece(self._name, data)
