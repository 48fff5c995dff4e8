"""Turns at something there is only so much of, such as connecting, for domains of others.

Whoever owns a name can have any number of names below it, all of which lead to servers that do not
answer. So names below one another get a share together, and never all there is.
"""

from collections import Counter
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from twisted.internet.defer import DeferredSemaphore

from xmppd.s2s.targets import literal
from xmppd.stanza.jid import JID

SHARE = 4
"""Names of one owner get this part of what there is."""

SHARE_OF_OTHERS = 2
"""All that others may have brought about gets this part: answers to servers that never answer."""

Name = TypeVar("Name", bound=Hashable)


def owner(domain: str) -> str:
    """Return what stands for the owner of a domain: its last two labels, or an address itself.

    That takes all below "co.uk" for one owner's, who has but less to share.
    """
    return domain if literal(domain) else ".".join(domain.split(".")[-2:])


class Shares:
    """Turns, of which there are `most` at a time.

    Whoever opens what they are for has a share, too: an account a quarter, and two at least; what
    others may have brought about, all together, half.
    """

    def __init__(self, most: int) -> None:
        self._all = DeferredSemaphore(most)
        self._owners: _Named[str] = _Named(max(1, most // SHARE))
        self._accounts: _Named[JID] = _Named(max(2, most // SHARE))
        self._others = DeferredSemaphore(max(1, most // SHARE_OF_OTHERS))

    def __len__(self) -> int:
        """Return how many owners and accounts have a turn, or wait for one."""
        return len(self._owners) + len(self._accounts)

    @asynccontextmanager
    async def turn(self, domain: str, opener: JID | None) -> AsyncIterator[None]:
        """Wait for a turn for a domain, and have it.

        `opener` is the account that wants it; None where it may have been brought about by others.
        """
        opening = _held(self._others) if opener is None else self._accounts.held(opener)
        async with self._owners.held(owner(domain)), opening, _held(self._all):
            yield


class _Named(Generic[Name]):
    """Tokens, of which there are `most` for each name; names that need none are forgotten."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tokens: dict[Name, DeferredSemaphore] = {}
        self._users: Counter[Name] = Counter()

    def __len__(self) -> int:
        """Return how many names have a token, or wait for one."""
        return len(self._users)

    @asynccontextmanager
    async def held(self, name: Name) -> AsyncIterator[None]:
        """Wait for a token of that name, and have it."""
        tokens = self._tokens.setdefault(name, DeferredSemaphore(self._most))
        self._users[name] += 1
        try:
            async with _held(tokens):
                yield
        finally:
            self._users[name] -= 1
            if not self._users[name]:
                del self._users[name], self._tokens[name]


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
