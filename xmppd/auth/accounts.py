"""Making and changing accounts whose passwords are kept here (`IPasswords`, XEP-0438)."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from twisted.internet.defer import Deferred
from zope.interface import implementer

from xmppd.api.auth import IPasswords
from xmppd.api.host import IWallClock
from xmppd.api.storage import (
    Account,
    AccountExists,
    Accounts,
    Ticket,
    Tickets,
    when_settled,
)
from xmppd.auth.lookup import find_account
from xmppd.auth.passwords import KeyMaker, PasswordVerifier
from xmppd.stanza import prep


def _ignore(localpart: str) -> None:
    """Nobody listens."""


async def _wait_for_nobody(localpart: str) -> None:
    """Nobody has anything to do."""


@implementer(IPasswords)
class Passwords:
    """Implements `IPasswords` over `accounts`, whose tickets are `tickets`.

    What a Deferred promises is on disk when it fires; it fails with `StorageError` if that could
    not be done, and with `Busy` if too many passwords are waiting to be hashed. `created` and
    `deleted` are called with the localpart as soon as the change is visible; what `ending` returns
    is waited for before an account is deleted. `sole` is for others to know.
    """

    def __init__(
        self,
        accounts: Accounts,
        tickets: Tickets,
        maker: KeyMaker,
        verifier: PasswordVerifier,
        wall: IWallClock,
        created: Callable[[str], object] = _ignore,
        deleted: Callable[[str], object] = _ignore,
        ending: Callable[[str], Awaitable[object]] = _wait_for_nobody,
        *,
        sole: bool = True,
    ) -> None:
        self.sole = sole
        self._accounts = accounts
        self._tickets = tickets
        self._maker = maker
        self._verifier = verifier
        self._wall = wall
        self._created = created
        self._deleted = deleted
        self._ending = ending

    def create(self, localpart: str, password: str) -> Deferred[str]:
        """Create an account and fire with its prepared localpart.

        Fails with `AccountExists` also for a name that could be mistaken for an existing one, and
        with ValueError for a localpart or password that cannot be.
        """
        return Deferred.fromCoroutine(self._create(localpart, password))

    def set_password(self, localpart: str, password: str) -> Deferred[None]:
        """Change a password. Fails with ValueError, or KeyError if no account has one here."""
        return Deferred.fromCoroutine(self._set_password(localpart, password))

    def check_password(self, localpart: str, password: str) -> Deferred[bool]:
        """Tell whether that is the account's password; False for an unknown account."""
        return Deferred.fromCoroutine(self._check_password(localpart, password))

    def delete(self, localpart: str) -> Deferred[None]:
        """Delete an account and all its data. Fails with KeyError if there is none."""
        return Deferred.fromCoroutine(self._delete(localpart))

    async def _create(self, localpart: str, password: str) -> str:
        name = prep.localpart(localpart)
        if await find_account(self._accounts, name) is not None:
            raise AccountExists(name)
        keys = await self._maker.make(password)
        ticket = await self._accounts.create(
            Account(name, prep.skeleton(name), keys, self._wall.now())
        )
        self._created(name)
        await self._committed(ticket)
        return name

    async def _set_password(self, localpart: str, password: str) -> None:
        name = (await self._kept_here(localpart)).localpart
        keys = await self._maker.make(password)
        # Read again: meanwhile it may have been disabled or deleted.
        account = await self._kept_here(name)
        await self._committed(await self._accounts.update(replace(account, keys=keys)))

    async def _check_password(self, localpart: str, password: str) -> bool:
        try:
            name = prep.localpart(localpart)
        except prep.PrepError:
            return False
        account = await find_account(self._accounts, name)
        return await self._verifier.check(account, name, password)

    async def _delete(self, localpart: str) -> None:
        account = await self._existing(localpart)
        await self._ending(account.localpart)
        ticket = await self._accounts.delete(account.localpart)
        self._deleted(account.localpart)
        await self._committed(ticket)

    async def _existing(self, localpart: str) -> Account:
        try:
            account = await find_account(self._accounts, prep.localpart(localpart))
        except prep.PrepError:
            account = None
        if account is None:
            raise KeyError(localpart)
        return account

    async def _kept_here(self, localpart: str) -> Account:
        account = await self._existing(localpart)
        if not account.keys:
            # Another store has the password: one of ours beside it would be a second one.
            raise KeyError(localpart)
        return account

    def _committed(self, ticket: Ticket) -> Deferred[None]:
        return when_settled(self._tickets, ticket)
