"""The counting of stream management: what was handled, what is not acknowledged (XEP-0198).

Timers, storage and the meaning of a session that is resumed are the affair of whoever runs the
stream. Stanzas count, other elements do not.
"""

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Generic, TypeVar

from xmppd.stream.errors import StreamError
from xmppd.wire.element import Element
from xmppd.wire.namespaces import STREAM_MANAGEMENT

MODULUS = 2**32
"""Counts start again at 0 when they reach this (section 4)."""

Sent = TypeVar("Sent")


class Acks(Generic[Sent]):
    """Both counts of one session, and what was sent and not acknowledged, in order.

    - `handled`: how many stanzas of the peer we have handled, modulo `MODULUS`: the `h` we tell.

    `len()` tells how many items wait; how many may is for the caller to bound, and what they are
    for the caller to know. The arguments are where the counts begin.
    """

    __slots__ = ("_acknowledged", "_waiting", "handled")

    def __init__(self, handled: int = 0, acknowledged: int = 0) -> None:
        self.handled = handled
        self._acknowledged = acknowledged
        self._waiting: deque[Sent] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def sent(self) -> int:
        """How many stanzas we have sent, modulo `MODULUS`."""
        return (self._acknowledged + len(self._waiting)) % MODULUS

    @property
    def unacknowledged(self) -> tuple[Sent, ...]:
        """What may not have arrived: to be sent again when the session is resumed (section 5)."""
        return tuple(self._waiting)

    def send(self, items: Iterable[Sent]) -> None:
        """Count stanzas that are being sent."""
        self._waiting.extend(items)

    def handle(self, count: int = 1) -> None:
        """Count stanzas of the peer that we have taken responsibility for."""
        self.handled = (self.handled + count) % MODULUS

    def acknowledge(self, h: int) -> list[Sent]:
        """Take the peer's count and return what it acknowledges anew, in order.

        `h` is from 0 to `MODULUS` - 1. Raises `StreamError` for one that is higher than what was
        sent, or lower than what was acknowledged before, which looks the same (section 6).
        """
        count = (h - self._acknowledged) % MODULUS
        if count > len(self._waiting):
            raise too_high(h, self.sent)
        self._acknowledged = h
        done = list(islice(self._waiting, count))
        for _ in done:
            self._waiting.popleft()
        return done


def too_high(h: int, sent: int) -> StreamError:
    """Return the error for a peer that acknowledges more than it was sent (section 6)."""
    attrs = {"h": str(h), "send-count": str(sent)}
    return StreamError(
        "undefined-condition",
        f"{h} stanzas acknowledged, {sent} sent",
        detail=Element("handled-count-too-high", STREAM_MANAGEMENT, attrs),
    )
