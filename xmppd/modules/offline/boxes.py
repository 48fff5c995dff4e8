"""What is known of accounts' offline messages (XEP-0160) while somebody writes or reads them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from twisted.internet.defer import DeferredLock

from xmppd.api.sessions import ISession
from xmppd.api.storage import NO_TICKET, Ticket
from xmppd.stanza.stanza import Stanza

REMEMBERED = 10_000
"""Of how many accounts without a session it is known how much is kept for them."""


@dataclass(slots=True, eq=False)
class Reading:
    """One session's being given what is kept, from when it comes until nothing is left.

    - `handing`: whether it is being written to; `held`: what has come for it meanwhile, and when.
    """

    session: ISession
    handing: bool = False
    held: list[tuple[Stanza, float]] = field(default_factory=list)
    held_bytes: int = 0


@dataclass(slots=True, eq=False)
class Box:
    """What is known of one account's messages and of who reads them.

    - `count`, `size`: how many are kept, and their bytes; they hold while `counted`.
    - `ticket`: of the last one written, until it is on disk.
    - `lock`: held while messages are read or counted; nothing is appended meanwhile.
    - `willing`: the account's sessions that take messages, in the order in which they came.
    - `reading`: that of the one which is given what was kept.
    """

    count: int = 0
    size: int = 0
    counted: bool = False
    ticket: Ticket = NO_TICKET
    lock: DeferredLock = field(default_factory=DeferredLock)
    willing: dict[ISession, None] = field(default_factory=dict)
    reading: Reading | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing but the figures would be lost with it."""
        return not (self.willing or self.reading or self.lock.locked)

    def goes_on(self, reading: Reading) -> bool:
        """Tell whether the session of that reading is to be given messages still."""
        return self.reading is reading and reading.session in self.willing


class Boxes:
    """The boxes of a host's accounts: of all that are read, and of some that nobody reads.

    - `readings`: the readings under way, by account.
    """

    def __init__(self) -> None:
        self.readings: dict[str, Reading] = {}
        self._online: dict[str, Box] = {}
        self._away: dict[str, Box] = {}

    def __iter__(self) -> Iterator[Box]:
        yield from self._online.values()
        yield from self._away.values()

    def of(self, owner: str) -> Box:
        """Return an account's box, whoever reads it."""
        box = self._online.get(owner)
        if box is None:
            box = self._away.pop(owner, None) or Box()
            self._put_away(owner, box)
        return box

    def online(self, owner: str) -> Box | None:
        """Return an account's box if it has sessions that take messages."""
        return self._online.get(owner)

    def join(self, owner: str, session: ISession) -> Box:
        """Return an account's box, which that session now reads."""
        box = self._online.get(owner)
        if box is None:
            box = self._away.pop(owner, None) or Box()
            self._online[owner] = box
        box.willing[session] = None
        return box

    def settle(self, owner: str, box: Box) -> None:
        """Put a box away if nobody reads it any more."""
        if not box.willing and box.reading is None and self._online.get(owner) is box:
            del self._online[owner]
            self._put_away(owner, box)

    def _put_away(self, owner: str, box: Box) -> None:
        self._away[owner] = box
        if len(self._away) > REMEMBERED:
            idle = (name for name, each in self._away.items() if each.idle and each is not box)
            self._away.pop(next(idle, ""), None)

    def begin(self, owner: str, box: Box, session: ISession) -> Reading:
        """Begin to give a session what is kept."""
        box.reading = reading = self.readings[owner] = Reading(session)
        return reading

    def end(self, owner: str, box: Box, reading: Reading) -> None:
        """End that reading of the box."""
        box.reading = None
        if self.readings.get(owner) is reading:
            del self.readings[owner]

    def forget(self, owner: str) -> None:
        """Forget an account."""
        for table in (self._online, self._away, self.readings):
            table.pop(owner, None)
