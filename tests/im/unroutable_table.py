"""The table tests/data/rfc6121_3_1_2.csv: requests that cannot be delivered (RFC 6121 3.1.2).

Romeo asks for the presence of somebody. Lists are separated by `;`, and a row holds for every
combination of

- `to`: a "malformed" address; one where there is "no server", or a resource of it; a "silent
  server"; "no account" on his own host or on one beside.
- `before`: the state of the contact's item, from a time when its server could be reached.

`answers` is the condition of the error he gets, or "silence"; `a|b` is either. `push` is what
interested resources are shown, "" if nothing; `item` is what the roster shows afterwards.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.im.subscription_table import Item
from tests.tables import Row, read_table


@dataclass(frozen=True, slots=True)
class Case:
    """One request; `answers` are the conditions it may meet with, `row` is what to call it."""

    to: str
    before: Item
    answers: tuple[str, ...]
    push: str
    item: str
    row: str


def rows() -> tuple[Row, ...]:
    """Return the rows as they are written."""
    return read_table("rfc6121_3_1_2")


def cases(row: Row) -> Iterator[Case]:
    """Yield the cases of a row."""
    for to in row["to"].split("; "):
        for before in row["before"].split("; "):
            state = before.removesuffix(" listed")
            listed = before not in ("None", "None + Pending In")
            answers = tuple(row["answers"].split("|"))
            name = f"{row['section']} {to}, {before}: {row['answers']}"
            yield Case(to, Item(state, listed), answers, row["push"], row["item"], name)
