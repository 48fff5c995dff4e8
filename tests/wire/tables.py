"""The tables tests/data/wire_*.csv: what the RFCs say of headers, faults and namespaces."""

import csv
from pathlib import Path

_DATA = Path(__file__).parent.parent / "data"


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of one table, by the names of its columns."""
    with (_DATA / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert table, name  # an empty table would test nothing
    return table
