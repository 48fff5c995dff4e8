"""What has happened to the stanzas and people that something is wrong with, in a run's trace."""

import re
from collections.abc import Iterable, Iterator

from xmppd.testing.net.trace import Note

_ID = re.compile(r"\b(?:m|n|q|forged)\d+\b")
_ADDRESS = re.compile(r"\b\w+@\w+\.example\b")
_DOMAIN = re.compile(r"\b\w+\.example\b")
_CONNECTION = re.compile(r"#\d+$")
_PADDING = re.compile(r"x{20,}")
_FAULTS = (
    "crashes",
    "starts",
    "is ",
    "loses ",
    "shows ",
    "has trouble",
    "will fail",
    "forges ",
    "attacks ",
)
_LONGEST = 300

BEFORE = 30.0
"""How many seconds before a stanza is sent what has happened to its servers may matter."""

AFTER = 2.0
"""For how many seconds behind a stanza the bytes of its connection are of interest."""

LAST = 40
"""How many lines are told of a server, where no stanza is concerned."""


def stories(broken: Iterable[str], notes: Iterable[Note]) -> Iterator[str]:
    """Yield, for each thing that is broken, lines with what led to it.

    These are the notes that tell of the stanza it names, or of the people; what went over the
    stanza's connections next; and what has gone wrong with the servers meanwhile.
    """
    kept = list(notes)
    for what in broken:
        yield f"--- {what}"
        yield from map(line, _story(what, kept))
        yield ""


def line(note: Note) -> str:
    """Return a note as a line for people: when, who, what; what is long is shortened."""
    what = _PADDING.sub(lambda found: f"x*{len(found[0])}", note.what)
    if len(what) > _LONGEST:
        what = f"{what[:_LONGEST]} ... ({len(what)} characters)"
    return f"{note.when:10.4f}  {note.who:<28} {what}"


def _story(what: str, notes: list[Note]) -> list[Note]:
    ids = _ID.findall(what)
    if ids:
        stanzas = re.compile("|".join(rf"\bid=['\"]{id}['\"]| {id} of " for id in ids))
        return _around([_cut(note, stanzas) for note in notes], stanzas)
    if _ADDRESS.search(what):
        people = "|".join(map(re.escape, _ADDRESS.findall(what)))
        subscribing = rf"<presence [^>]*(?:{people})[^>]*type=.(?:un)?subscribed?\b"
        return _around(notes, re.compile(rf"{subscribing}|<item jid=.(?:{people})"))
    servers = set(_DOMAIN.findall(what))
    return [note for note in notes if not servers or note.who.startswith(tuple(servers))][-LAST:]


def _cut(note: Note, stanzas: re.Pattern[str]) -> Note:
    """Return a note of bytes without what is far ahead of the stanza in question."""
    found = stanzas.search(note.what)
    if found is None or not _CONNECTION.search(note.who) or found.start() < _LONGEST // 2:
        return note
    return note._replace(what=f"... {note.what[found.start() - _LONGEST // 2 :]}")


def _around(notes: list[Note], wanted: re.Pattern[str]) -> list[Note]:
    """Return the notes that are wanted, with those that explain them."""
    told = [note for note in notes if wanted.search(note.what)]
    if not told:
        return []
    first, last = told[0].when, told[-1].when
    servers = {domain for note in told for domain in _DOMAIN.findall(f"{note.who} {note.what}")}
    carried = {note.who: note.when for note in told if _CONNECTION.search(note.who)}
    chosen = []
    for note in notes:
        meanwhile = max(first - BEFORE, 0.001) <= note.when <= last
        if wanted.search(note.what) or (
            _is_next(note, carried)
            if _CONNECTION.search(note.who)
            else meanwhile and _is_fault(note, servers)
        ):
            chosen.append(note)
    return chosen


def _is_next(note: Note, carried: dict[str, float]) -> bool:
    """Tell whether this follows a stanza on its connection, in either direction."""
    for way, when in carried.items():
        if note.who.split()[-1] == way.split()[-1]:
            return note.what.startswith("lost") or when <= note.when <= when + AFTER
    return False


def _is_fault(note: Note, servers: set[str]) -> bool:
    if note.who == "mallory.example":
        return not servers.isdisjoint(_DOMAIN.findall(note.what))
    if note.who not in (*servers, "network"):
        return False
    return note.what.startswith(_FAULTS) and not note.what.startswith("loses 0 ")
