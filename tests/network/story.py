"""What has happened to the stanzas and people that something is wrong with, in a run's trace."""

import re
from collections.abc import Iterable, Iterator

from xmppd.testing.net.trace import Note

_ID = re.compile(r"\b(?:m|n|q|forged)\d+\b")
_ADDRESS = re.compile(r"\b\w+@\w+\.example\b")
_DOMAIN = re.compile(r"\b\w+\.example\b")
_PADDING = re.compile(r"x{20,}")
_EVENTS = (
    "crashes",
    "starts",
    "is stopped",
    "is cut off",
    "is mended",
    "is narrow",
    "loses",
    "shows",
    "is said to be",
    "has trouble with",
    "will fail",
)
_LONGEST = 400

BEFORE = 30.0
"""How many seconds before a stanza is sent what has happened to its servers may matter."""


def stories(broken: Iterable[str], notes: Iterable[Note]) -> Iterator[str]:
    """Yield, for each thing that is broken, lines with what led to it.

    These are the notes that tell of the stanza it names, or of the people, and what has gone wrong
    with their servers meanwhile.
    """
    kept = list(notes)
    for what in broken:
        yield f"--- {what}"
        yield from _story(what, kept)
        yield ""


def line(note: Note) -> str:
    """Return a note as a line for people: when, who, what; bodies of messages are shortened."""
    what = _PADDING.sub(lambda found: f"x*{len(found[0])}", note.what)
    if len(what) > _LONGEST:
        what = f"{what[:_LONGEST]} ... ({len(what)} characters)"
    return f"{note.when:10.4f}  {note.who:<28} {what}"


def _story(what: str, notes: list[Note]) -> Iterator[str]:
    told = _told(what, notes)
    if not told:
        return
    first, last = told[0].when, told[-1].when
    servers = {domain for note in told for domain in _DOMAIN.findall(f"{note.who} {note.what}")}
    known = {id(note) for note in told}
    for note in notes:
        near = first - BEFORE <= note.when <= last and note.who in (*servers, "network")
        if id(note) in known or (near and _is_event(note)):
            yield line(note)


def _told(what: str, notes: list[Note]) -> list[Note]:
    """Return the notes that tell of the stanza in question, or else of the people."""
    ids = _ID.findall(what)
    if ids:
        wanted = re.compile("|".join(rf"""id=['"]{id}['"]|\b{id}\b""" for id in ids))
    elif _ADDRESS.search(what):
        people = "|".join(map(re.escape, _ADDRESS.findall(what)))
        wanted = re.compile(rf"<(?:presence|iq)[^>]*(?:{people})")
    else:
        return []
    return [note for note in notes if wanted.search(note.what)]


def _is_event(note: Note) -> bool:
    if note.what.startswith("loses 0 "):
        return False
    return note.what.startswith(_EVENTS) or "times slower" in note.what
