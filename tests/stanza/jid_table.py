"""The table tests/data/jids.csv, which says what RFC 7622 section 3 makes of an address.

The verdict "ok" is for JIDs by the letter of the RFC, "foreign" for what it refuses and we still
pass on for other servers (as received), "bad" for what nobody may send.
"""

from dataclasses import dataclass

from tests.tables import read_table


@dataclass(frozen=True, slots=True)
class Row:
    """One address and what becomes of it; the parts are "" where there is none."""

    address: str
    verdict: str
    localpart: str
    domainpart: str
    resourcepart: str
    source: str


def rows(*verdicts: str) -> list[Row]:
    """Return the rows of these verdicts."""
    return [Row(**row) for row in read_table("jids") if row["verdict"] in verdicts]
