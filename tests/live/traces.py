"""What strace saw of a process that promises: was each promise on disk when it was made?"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_LINE = re.compile(r"(?P<pid>\d+) +(?P<rest>.*)")
_CALL = re.compile(r"(?P<name>\w+)\((?P<fd>\d+)<(?P<path>[^>]*)>(?P<rest>.*)")
_RESUMED = re.compile(r"<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)")
_MARK = re.compile(r', "(?P<word>issued|settled) (?P<number>\d+)\\n"')

WRITES = frozenset({"write", "pwrite64"})
SYNCS = frozenset({"fsync", "fdatasync"})


@dataclass
class Verdict:
    """The promises (numbers of `settled`) that were seen, and those of them not yet on disk."""

    promised: list[int] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)


class Judge:
    """Follows a trace made with `strace -f -y -o`.

    A promise is kept if, when its line is written, a sync of the log that began after its last
    write has returned, and one that was made since the promised thing was issued.
    """

    def __init__(self, log: str) -> None:
        self.verdict = Verdict()
        self._log = log
        self._writes = 0
        self._safe = 0
        self._syncs = 0
        self._syncing: dict[str, int] = {}
        self._issued: dict[int, tuple[int, int]] = {}

    def line(self, line: str) -> None:
        """Take the next line."""
        split = _LINE.match(line)
        if split is None:
            return
        pid, rest = split["pid"], split["rest"]
        if call := _CALL.match(rest):
            self._begins(pid, call["name"], call["path"], call["rest"])
        elif resumed := _RESUMED.match(rest):
            self._ends(pid, resumed["name"], resumed["rest"])

    def _begins(self, pid: str, name: str, path: str, rest: str) -> None:
        mark = _MARK.match(rest) if name == "write" else None
        if mark is not None:
            self._marked(mark["word"], int(mark["number"]))
        elif path == self._log and name in WRITES:
            self._writes += 1
        elif path == self._log and name in SYNCS:
            self._syncing[pid] = self._writes
            self._ends(pid, name, rest)

    def _ends(self, pid: str, name: str, rest: str) -> None:
        if name in SYNCS and re.search(r"= 0\b", rest) and pid in self._syncing:
            self._safe = max(self._safe, self._syncing.pop(pid))
            self._syncs += 1

    def _marked(self, word: str, number: int) -> None:
        if word == "issued":
            self._issued[number] = self._writes, self._syncs
            return
        writes, syncs = self._issued[number]
        self.verdict.promised.append(number)
        kept = self._writes > writes and self._syncs > syncs and self._safe == self._writes
        if not kept:
            self.verdict.broken.append(number)


def judge(lines: Iterable[str], log: str) -> Verdict:
    """Return what became of the promises in a trace; `log` is the path of the log file."""
    judging = Judge(log)
    for line in lines:
        judging.line(line)
    return judging.verdict
