"""The table tests/data/rfc6121_8_5.csv: what RFC 6121 section 8.5 lets a server do with a stanza.

Each row holds for every stanza of a kind and one of some types ("absent" is no type), sent to the
account's bare JID, to its resource r1 ("match") or to a resource nobody has ("other"), while the
account has the resources named: with a presence priority, or "off" if only connected. Allowed are
one or more of

- `to:r1+r2`: delivered to just these;
- `store`: kept for later;
- `error`: answered with `service-unavailable`;
- `ignore`: nothing happens.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.tables import Row, read_table

NO_ACCOUNT = "no account"


@dataclass(frozen=True, slots=True)
class Case:
    """One stanza and what may happen; `priorities` by resource, None for "off"."""

    kind: str
    type: str
    address: str
    account: bool
    priorities: dict[str, int | None]
    allowed: frozenset[str]
    row: str


def rows() -> tuple[Row, ...]:
    """Return the rows as they are written."""
    return read_table("rfc6121_8_5")


def cases() -> Iterator[Case]:
    """Yield all cases of the table."""
    for row in rows():
        yield from cases_of(row)


def cases_of(row: Row) -> Iterator[Case]:
    """Yield the cases of a row."""
    account = row["resources"] != NO_ACCOUNT
    for type in row["types"].split():
        yield Case(
            row["kind"],
            "" if type == "absent" else type,
            row["address"],
            account,
            dict(_resource(each) for each in row["resources"].split() if account),
            frozenset(row["allowed"].split()),
            f"{row['section']} {row['kind']} {type} {row['address']} {row['resources']}",
        )


def _resource(text: str) -> tuple[str, int | None]:
    name, _, priority = text.partition(":")
    return name, None if priority == "off" else int(priority)
