"""The table tests/data/rfc6121_a.csv: what becomes of subscriptions (RFC 6121 2.5.2, 3, A).

A row holds for one stanza that a user sends or receives, while the contact's item is in one of the
nine states, in the roster or not ("listed"), with a pre-approval or without:

- `pass`: whether it is routed to the contact or delivered to the user, in the RFC's words; for
  `remove` (a roster set) whether it is done, or the condition of the error.
- `after`: the state afterwards, `item` what the roster shows then; "-" if there is nothing.
- `push`: whether interested resources are shown that.
- `reply`: what the server sends to the contact on its own, in any order.
- `presences`: whether the contact gets "current" or "unavailable" presence from each available
  resource besides.

`a|b` is either; what ends in `?`, a push that "may" be and a stanza that "MAY" pass are up to the
server.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.tables import Row, read_table

SENT, RECEIVED = "sent", "received"
TYPES = ("subscribe", "subscribed", "unsubscribe", "unsubscribed")
ADD, REMOVE = "set", "remove"
"""Roster sets beside the types of presence; the table has the second."""


@dataclass(frozen=True, slots=True)
class Item:
    """What a side knows of the other: one of the nine states, whether it shows, pre-approval."""

    state: str = "None"
    listed: bool = False
    approved: bool = False

    @property
    def pending_in(self) -> bool:
        """Whether the other side's request waits for an answer."""
        return self.state.endswith("In")

    @property
    def pending_out(self) -> bool:
        """Whether a request to the other side is not answered."""
        return "Pending Out" in self.state


Key = tuple[str, str, Item]
Table = dict[Key, Row]


def rows() -> tuple[Row, ...]:
    """Return the rows as they are written."""
    return read_table("rfc6121_a")


def before(row: Row) -> Item:
    """Return what a row starts from."""
    return Item(row["before"], row["listed"] == "yes", row["approved"] == "yes")


def key(row: Row) -> Key:
    """Return what a row is looked up by; no two rows share it."""
    return row["direction"], row["type"], before(row)


def table(some: tuple[Row, ...] | None = None) -> Table:
    """Return rows by their keys."""
    return {key(row): row for row in (rows() if some is None else some)}


def afters(row: Row) -> Iterator[Item]:
    """Yield what a row may end in."""
    for state in row["after"].split("|"):
        for item in row["item"].split("|"):
            yield Item(state, item != "-", "approved" in item)
