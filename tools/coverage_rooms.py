"""Holds a coverage report against the threshold of each room of xmppd (docs/architecture.rst).

`coverage_rooms.py REPORT.json` takes what `coverage json` wrote, prints a line for each room and
exits with 1 if one is below its threshold. Lines and branches count alike.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

THRESHOLDS: Mapping[str, float] = {
    "xmppd/wire": 100.0,
    "xmppd/stanza": 100.0,
    "xmppd/stream": 100.0,
    "xmppd/sasl": 100.0,
    "xmppd/routing/delivery.py": 100.0,
    "xmppd/s2s/dialback.py": 100.0,
    "xmppd/s2s/pairs.py": 100.0,
    "xmppd/s2s/targets.py": 100.0,
    "xmppd/routing": 95.0,
    "xmppd/auth": 95.0,
}
"""The percentage wanted of a room, or of a file that is held to more than its room."""

OTHERS = 90.0
"""The percentage wanted of every other room, and of all together."""

ALL = "all"


@dataclass(slots=True)
class Tally:
    """What was found of a room: how much there is to cover, how much was, which files lack some."""

    possible: int = 0
    covered: int = 0
    lacking: tuple[str, ...] = ()

    def add(self, file: str, summary: Mapping[str, Any]) -> None:
        """Count one file of the report."""
        possible = summary["num_statements"] + summary["num_branches"]
        covered = summary["covered_lines"] + summary["covered_branches"]
        self.possible += possible
        self.covered += covered
        if covered < possible:
            self.lacking += (f"{file} {possible - covered}",)

    @property
    def percent(self) -> float:
        """How much of it was covered."""
        return 100.0 * self.covered / self.possible if self.possible else 100.0


def tallies(report: Mapping[str, Any]) -> dict[str, Tally]:
    """Sum up a report by room, those held to a threshold of their own apart, and in `ALL`."""
    found: dict[str, Tally] = {}
    for file, data in sorted(report["files"].items()):
        package = file.split("/")[:2] if file.count("/") > 1 else ["xmppd"]
        room = file if file in THRESHOLDS else "/".join(package)
        for name in (room, ALL):
            found.setdefault(name, Tally()).add(file, data["summary"])
    found[ALL] = found.pop(ALL, Tally())
    return found


def main(arguments: list[str]) -> int:
    """Print how each room fares; return 1 if one is below its threshold, else 0."""
    (file,) = arguments
    failed = False
    for room, tally in tallies(json.loads(Path(file).read_text())).items():
        wanted = THRESHOLDS.get(room, OTHERS)
        good = tally.percent >= wanted
        failed |= not good
        print(f"{'ok  ' if good else 'LOW '} {tally.percent:6.2f} % of {wanted:3.0f} %  {room}")
        if not good and room != ALL:
            print("".join(f"         missing {line}\n" for line in tally.lacking), end="")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
