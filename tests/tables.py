"""The tables in tests/data: what the RFCs say, as rows that tests go through."""

import csv
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data"

Row = dict[str, str]
"""A row of a table, by the names of its columns."""


@cache
def read_table(name: str) -> tuple[Row, ...]:
    """Return the rows of the table of that name, as they are written."""
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = tuple(csv.DictReader(file))
    assert rows, name  # an empty table would test nothing
    return rows
