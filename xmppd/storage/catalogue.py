"""The stores of a storage by host and name: what shape each has and which number stands for it.

A store's number is what its rows carry instead of host and name. Numbers are given when the
storage starts (those of an earlier run are read back then), so a store may be opened before.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from xmppd.api.storage import StorageError

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Kind(Enum):
    """The shape of a store, by the word a back end writes down for it."""

    KEY_VALUE = "KeyValue"
    MAP = "Map"
    ARCHIVE = "Archive"
    ACCOUNTS = "Accounts"


@dataclass(slots=True)
class Place:
    """One store of one host. `number` is 0 until the storage has started, and then fixed."""

    domain: str
    name: str
    kind: Kind
    number: int = 0


class Catalogue:
    """All stores that are open, or were in an earlier run over the same data."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], Place] = {}
        self._numbered: dict[int, Place] = {}
        self._started = False

    def open(self, domain: str, name: str, kind: Kind) -> Place:
        """Return the place of that name on that host, made at its first use.

        Raises `StorageError` if the name has another shape, `ValueError` if it is no name.
        """
        place = self._places.get((domain, name))
        if place is None:
            if _NAME.fullmatch(name) is None:
                raise ValueError(f"{name!r} is no name for a store: lower-case words and hyphens")
            place = self._places[domain, name] = Place(domain, name, kind)
            if self._started:
                self._number(place, max(self._numbered, default=0) + 1)
        if place.kind is not kind:
            raise StorageError(
                f"the store {name!r} of {domain} is of the shape {place.kind.value},"
                f" not {kind.value}"
            )
        return place

    def start(self, known: Iterable[Place] = ()) -> None:
        """Take over the places of earlier runs and number those opened since.

        Raises `StorageError` if one was opened with another shape than it had.
        """
        opened = [place for place in self._places.values() if not place.number]
        for place in known:
            self._number(self.open(place.domain, place.name, place.kind), place.number)
        self._started = True
        for place in opened:
            if not place.number:
                self._number(place, max(self._numbered, default=0) + 1)

    def of(self, domain: str) -> list[Place]:
        """Return all places of a host."""
        return [place for place in self._places.values() if place.domain == domain]

    def numbered(self, number: int) -> Place:
        """Return the place of that number."""
        return self._numbered[number]

    def places(self) -> list[Place]:
        """Return copies of all places, for another storage over the same data."""
        return [replace(place) for place in self._places.values()]

    def _number(self, place: Place, number: int) -> None:
        place.number = number
        self._numbered[number] = place
