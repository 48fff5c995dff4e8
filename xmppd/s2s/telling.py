"""What others bring about, told in the log no more often than is of use.

Failures cost a stranger a few bytes each, and could fill a disk.
"""

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from xmppd.api.rates import PerHour

MOST = 100
"""How many things of one kind of others (a network, the owner of a domain) are told an hour."""


class Telling:
    """Decides what is told."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, most: int = MOST) -> None:
        self._told = PerHour(clock, most)
        self._passed_over = PerHour(clock, 1)

    def tell(self, who: str, tell: Callable[[], None]) -> None:
        """Call `tell`, which tells of what `who` has brought about, unless there was much of it.

        Then it is told that there is more, once an hour.
        """
        if self._told.take(who):
            tell()
        elif self._passed_over.take(who):
            self._log.warn("there is more of that kind by {who}, which is not told", who=who)
