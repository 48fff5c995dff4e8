"""What has happened in a network: a digest of all of it, and lines for people to read."""

from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple


class Note(NamedTuple):
    """Somebody has done something; `when` is in seconds of the network's clock."""

    when: float
    who: str
    what: str


class Trace:
    """Takes notes in the order of what happens.

    - `digest()`: equal for two runs if they went the same way to the last byte.
    - `notes`: what was noted; `text()`: the same as lines, with the time of each.

    With `bodies` every piece on its way between machines is among the notes as well.
    """

    def __init__(self, seconds: Callable[[], float], *, bodies: bool = False) -> None:
        self._seconds = seconds
        self._bodies = bodies
        self.notes: list[Note] = []
        self._digest = sha256()

    def note(self, who: str, what: str) -> None:
        """Note that somebody has done something."""
        now = self._seconds()
        self.notes.append(Note(now, who, what))
        self._digest.update(f"{now:.9f} {who} {what}\n".encode())

    def piece(self, way: str, data: bytes) -> None:
        """Note that a piece of a connection's bytes has arrived."""
        self._digest.update(data)
        if self._bodies:
            self.note(way, data.decode(errors="replace"))
        else:
            self._digest.update(f"{self._seconds():.9f} {way}\n".encode())

    def digest(self) -> str:
        """Return the digest of everything so far."""
        return self._digest.hexdigest()

    def text(self, last: int = 0) -> str:
        """Return the notes as lines, all of them or the last ones."""
        return "\n".join(
            f"{when:10.4f}  {who:<28} {what}" for when, who, what in self.notes[-last:]
        )

    def __len__(self) -> int:
        return len(self.notes)
