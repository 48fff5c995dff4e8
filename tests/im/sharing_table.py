"""The table tests/data/rfc6121_8_5_3_1.csv: whose requests get to a client (RFC 6121 8.5.3.1).

Somebody sends an IQ get or set to a full JID of Juliet's: r1, which is available ("r1") or has sent
no presence ("connected"), or r9 which is nobody's. It is "delivered" to that client, or "refused"
with `service-unavailable`. Who asks is the state of the asker's item in Juliet's roster, or as in
`tests.im.probe_table`; "room itself" and "room occupant" are room@service and another nick in it,
where Juliet has sent presence to room@service/juliet.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.tables import Row, read_table


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks which resource, and what becomes of it; `row` is what to call it."""

    asker: str
    resource: str
    answer: str
    row: str


def rows() -> tuple[Row, ...]:
    """Return the rows as they are written."""
    return read_table("rfc6121_8_5_3_1")


def requests(row: Row) -> Iterator[Request]:
    """Yield the requests of a row."""
    for asker in row["askers"].split("; "):
        for resource in row["resource"].split("; "):
            name = f"{row['section']} {asker}, to {resource}: {row['answers']}"
            yield Request(asker, resource, row["answers"], name)
