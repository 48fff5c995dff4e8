"""Plays as text: a title, who is in it, and what they send and receive, line by line::

    A message to somebody who is there (RFC 6121 5).

    Juliet is juliet@example.org/balcony
    Romeo is romeo@example.net/orchard

    Juliet is online
    Romeo is online
    Juliet sends:
        <message to='romeo@example.net'><body>Wherefore?</body></message>
    Romeo receives:
        <message from='juliet@example.org/balcony' to='romeo@example.net'>
          <body>Wherefore?</body>
        </message>
    Juliet receives nothing

- `... logs in` binds a client, without a word; `... is online` also asks for the roster and sends
  presence, and what everybody receives by that is passed over.
- `... sends:` and `... receives:` have stanzas on the indented lines below, one after the other.
  All that has come since the last look is compared, in order. `nothing` stands for none.
- `... disconnects` loses the connection; `the server restarts` ends all of them.
- `90 seconds pass`.

A value `*` of an attribute stands for any one. A value `$name` does so where it is first received;
then it stands for that one. Lines that begin with `#` are notes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xmppd.stanza.jid import JID

_LINES = {
    "cast": re.compile(r"(?P<who>.+) is (?P<text>\S+@\S+/\S+)"),
    "logs in": re.compile(r"(?P<who>.+) logs in"),
    "is online": re.compile(r"(?P<who>.+) is online"),
    "sends": re.compile(r"(?P<who>.+) sends:"),
    "receives": re.compile(r"(?P<who>.+) receives(?P<text>:| nothing)"),
    "disconnects": re.compile(r"(?P<who>.+) disconnects"),
    "restarts": re.compile(r"the server restarts"),
    "pass": re.compile(r"(?P<text>\d+) seconds pass"),
}
_WITH_STANZAS = ("sends", "receives")


class BadScript(ValueError):
    """A play cannot be read; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happens.

    - `number`: of its line in the file; `verb`: one of the words above.
    - `who`: the name of somebody in the cast, "" if it is about nobody.
    - `text`: the stanzas below it, or the number of seconds.
    """

    number: int
    verb: str
    who: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Play:
    """A title, full addresses by name, and what happens."""

    name: str
    title: str
    cast: dict[str, JID]
    lines: tuple[Line, ...]


def read(path: Path) -> Play:
    """Return the play of a file. Raises `BadScript`."""
    return parse(path.name, path.read_text(encoding="utf-8"))


def parse(name: str, text: str) -> Play:
    """Return the play that a text has. Raises `BadScript`."""
    title, _, rest = text.partition("\n\n")
    cast: dict[str, JID] = {}
    lines: list[Line] = []
    for line in _lines(name, rest, title.count("\n") + 3):
        if line.verb == "cast":
            cast[line.who] = JID.parse(line.text)
            continue
        if line.who and line.who not in cast:
            raise BadScript(f"{name}:{line.number}: nobody is called {line.who!r}")
        lines.append(line)
    if not lines:
        raise BadScript(f"{name}: nothing happens")
    return Play(name, " ".join(title.split()), cast, tuple(lines))


def _lines(name: str, text: str, first: int) -> Iterator[Line]:
    """Yield each line with the indented ones below it."""
    current: Line | None = None
    for number, line in enumerate(text.split("\n"), first):
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            if current is not None:
                yield _checked(name, current)
            current = _line(name, number, line.rstrip())
        elif current is None or current.verb not in _WITH_STANZAS or current.text == " nothing":
            raise BadScript(f"{name}:{number}: this belongs to nothing above")
        else:
            current = Line(current.number, current.verb, current.who, f"{current.text}\n{line}")
    if current is not None:
        yield _checked(name, current)


def _line(name: str, number: int, line: str) -> Line:
    for verb, pattern in _LINES.items():
        found = pattern.fullmatch(line)
        if found is not None:
            parts = found.groupdict()
            return Line(number, verb, parts.get("who", ""), parts.get("text", "").strip(":"))
    raise BadScript(f"{name}:{number}: what is this: {line!r}?")


def _checked(name: str, line: Line) -> Line:
    if line.verb in _WITH_STANZAS and not line.text.strip():
        raise BadScript(f"{name}:{line.number}: there are no stanzas below")
    return Line(line.number, line.verb, line.who, line.text.replace(" nothing", "", 1).strip())
