"""SIGHUP as a wish to reload; installed when xmppd runs under twistd, never when embedded."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from twisted.internet.interfaces import IReactorFromThreads


class Hangups:
    """Calls `reload` on the reactor's thread after SIGHUP, from `install` to `remove`.

    Signals that come before that call are answered by it; one that comes while `reload` works is
    answered by another, for it may be about what has been read already.
    """

    def __init__(self, reactor: IReactorFromThreads, reload: Callable[[], object]) -> None:
        self._reactor = reactor
        self._reload = reload
        self._before: Any = None
        self._waiting = False

    def install(self) -> None:
        """Take over the signal; the main thread has to do this."""
        self._before = signal.signal(signal.SIGHUP, self._received)

    def remove(self) -> None:
        """Leave the signal to whoever had it before."""
        if self._before is not None:
            signal.signal(signal.SIGHUP, self._before)
            self._before = None

    def _received(self, number: int, frame: FrameType | None) -> None:
        if not self._waiting:
            self._waiting = True
            self._reactor.callFromThread(self._answer)

    def _answer(self) -> None:
        self._waiting = False
        self._reload()
