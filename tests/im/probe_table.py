"""The table tests/data/rfc6121_4_3_2.csv: what presence probes are answered (RFC 6121 4.3.2).

Juliet, the contact, is probed at her bare JID, at her resource r1 or r2, or at r9, nobody's.
Lists are separated by `;`, and a row holds for every combination of

- `probers`: the state of the prober's item in Juliet's roster; "unknown" to it, or "None" with a
  pre-approval; "directed to bare" or "full": r1 has sent the prober presence; "taken back": and
  unavailable presence behind it; "own account"; "no account" (Juliet has none).
- `contact`: "never": nobody has ever been available; "gone": r1 was and has taken leave;
  "connected": r1 has sent no presence; "one": r1 is available; "negative": so it is, with
  priority -1; "two": r1 and r2 are; "one+connected": r2 has sent no presence.

`answers` are all the prober gets, separated by blanks; `a|b` is either, "silence" none:

- `r1`: the whole presence of r1; `r1:mere`: that it is available, without children.
- `unavailable`: that nobody is, from the bare JID; `r1:unavailable` from that resource; `:since`
  tells when that began (XEP-0203).
- `unsubscribed`: from the bare JID.

`id` says whether they have the id of the presence that was sent ("kept"), or that of the probe
("mirrored"); with `?`, or none at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.tables import Row, read_table


@dataclass(frozen=True, slots=True)
class Case:
    """One probe; `allowed` are the sets of answers it may have, `row` is what to call it."""

    prober: str
    to: str
    contact: str
    allowed: tuple[frozenset[str], ...]
    id: str
    row: str


def rows() -> tuple[Row, ...]:
    """Return the rows as they are written."""
    return read_table("rfc6121_4_3_2")


def cases(row: Row) -> Iterator[Case]:
    """Yield the cases of a row."""
    allowed = tuple(
        frozenset() if each == "silence" else frozenset(each.split())
        for each in row["answers"].split("|")
    )
    for prober in row["probers"].split("; "):
        for to in row["to"].split("; "):
            for contact in row["contact"].split("; "):
                name = f"{row['section']} {prober}, to {to}, {contact}: {row['answers']}"
                yield Case(prober, to, contact, allowed, row["id"], name)
