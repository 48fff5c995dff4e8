"""Turns at something there is only so much of, such as connecting, for domains of others.

Whoever owns a name can have any number of names below it, all of which lead to servers that do not
answer. So names below one another get a share together, and never all there is.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from twisted.internet.defer import DeferredSemaphore

from xmppd.s2s.targets import literal

SHARE = 4
"""Names of one owner get this part of what there is."""


def owner(domain: str) -> str:
    """Return what stands for the owner of a domain: its last two labels, or an address itself.

    That takes all below "co.uk" for one owner's, who has but less to share.
    """
    return domain if literal(domain) else ".".join(domain.split(".")[-2:])


class Shares:
    """Turns, of which there are `most` at a time."""

    def __init__(self, most: int) -> None:
        self._all = DeferredSemaphore(most)
        self._most_of_one = max(1, most // SHARE)
        self._owners: dict[str, DeferredSemaphore] = {}
        self._users: dict[str, int] = {}

    def __len__(self) -> int:
        """Return how many owners have a turn, or wait for one."""
        return len(self._users)

    @asynccontextmanager
    async def turn(self, domain: str) -> AsyncIterator[None]:
        """Wait for a turn for a domain, and have it."""
        name = owner(domain)
        own = self._owners.setdefault(name, DeferredSemaphore(self._most_of_one))
        self._users[name] = self._users.get(name, 0) + 1
        try:
            async with _held(own), _held(self._all):
                yield
        finally:
            self._users[name] -= 1
            if not self._users[name]:
                del self._users[name], self._owners[name]


@asynccontextmanager
async def _held(semaphore: DeferredSemaphore) -> AsyncIterator[None]:
    """Wait for a token, and have it."""
    await semaphore.acquire()
    try:
        yield
    except GeneratorExit:
        # Whoever had the token is thrown away, as happens where a whole server is. So are those who
        # wait, perhaps already: they must not be woken.
        raise
    except BaseException:
        semaphore.release()
        raise
    semaphore.release()
