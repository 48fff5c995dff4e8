"""What a back end does for the shapes: take writes, answer reads (inside this package only).

`shapes`, `accounts` and `hosts` check and translate what features ask for; an engine only keeps
rows. Stores are given by number. Everything happens on the reactor's thread.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.defer import Deferred

from xmppd.api.storage import Account, Page, Range, Ticket
from xmppd.storage.writes import Write


@dataclass(frozen=True, slots=True)
class Census:
    """How many accounts a host has, how many of them have keys, and how many by SCRAM hash."""

    accounts: int
    keyed: int
    having: Mapping[str, int]


class Engine(Protocol):
    """A back end. Every method raises, or fails with, `StorageError` if the data cannot be had."""

    def write(self, *writes: Write, size: int = 0) -> Ticket:
        """Take writes in order, whose values hold `size` bytes; return the ticket of all of them.

        Raises `StorageError` and takes none of them if the storage is not running or too much is
        waiting to be committed.
        """

    def value(self, store: int, owner: str) -> bytes | None:
        """Return the owner's value, at once."""

    def pair(self, store: int, owner: str, key: str) -> bytes | None:
        """Return the owner's value under `key`, at once."""

    def account(self, store: int, localpart: str) -> Account | None:
        """Return the account of that localpart, at once."""

    def account_like(self, store: int, skeleton: str) -> Account | None:
        """Return the account of that skeleton, at once."""

    def pairs(self, store: int, owner: str) -> Deferred[list[tuple[str, bytes]]]:
        """Return all the owner's pairs in the order of their keys."""

    def page(
        self, store: int, owner: str, range: Range, limit: int, backwards: bool
    ) -> Deferred[Page]:
        """Return a page of the owner's archive; ids of the range are storable text."""

    def entries(self, store: int, owner: str) -> Deferred[int]:
        """Return how many entries the owner's archive has."""

    def localparts(self, store: int, after: str, limit: int) -> Deferred[list[str]]:
        """Return at most `limit` localparts behind `after`, in order."""

    def census(self, store: int) -> Deferred[Census]:
        """Count the accounts; cheap enough to be asked for each connection."""
