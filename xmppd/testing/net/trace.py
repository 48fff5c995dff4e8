"""What has happened in a network: a digest of all of it, and lines for people to read."""

from collections.abc import Callable
from hashlib import sha256


class Trace:
    """Takes notes in the order of what happens.

    - `digest()`: equal for two runs if they went the same way to the last byte.
    - `text()`: the notes, with the time of each.

    With `bodies` every piece on its way between machines is among the notes as well.
    """

    def __init__(self, seconds: Callable[[], float], *, bodies: bool = False) -> None:
        self._seconds = seconds
        self._bodies = bodies
        self._notes: list[tuple[float, str, str]] = []
        self._digest = sha256()

    def note(self, who: str, what: str) -> None:
        """Note that somebody has done something."""
        now = self._seconds()
        self._notes.append((now, who, what))
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
            f"{when:10.4f}  {who:<28} {what}" for when, who, what in self._notes[-last:]
        )

    def __len__(self) -> int:
        return len(self._notes)
