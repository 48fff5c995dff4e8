"""One stream at a time, and none for long: what comes all at once is worked off in turns.

A few bytes can mean a lot of work (presence for thousands of contacts), and one read from a socket
brings hundreds of stanzas; all others would wait for the last of them (RFC 6120 13.12).
"""

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

SECONDS = 0.02
"""How long one stream may keep everybody waiting, but for the stanza it is at by then."""


class Pace:
    """Tells when the stream whose stanzas are worked off should make way for others."""

    __slots__ = ("_clock", "_since")

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._since = 0.0

    def begin(self) -> None:
        """A stream's stanzas are worked off from now on."""
        self._since = self._clock.seconds()

    def rest(self) -> "Deferred[None] | None":
        """Return None if the stream may go on; else what fires when its turn comes again."""
        if self._clock.seconds() - self._since < SECONDS:
            return None
        return deferLater(self._clock, 0)
