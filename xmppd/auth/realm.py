"""The realm of a host: from what a checker says to an account (twisted.cred, XEP-0175)."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from zope.interface import Interface, implementer

from xmppd.api.auth import AccountDisabled, IAccount
from xmppd.api.host import IEntropy, IWallClock
from xmppd.api.storage import Account, AccountExists, Accounts
from xmppd.api.waiting import begin
from xmppd.auth.lookup import find_account
from xmppd.stanza import prep

Avatar = tuple[type[Interface], object, Callable[[], None]]


@implementer(IAccount)
@dataclass(frozen=True, slots=True)
class LoggedIn:
    """The account a login yields."""

    localpart: str
    anonymous: bool = False
    created: float | None = None


def _nothing() -> None:
    """Log out: a session's end is seen by its owner, the realm keeps no books."""


@implementer(IRealm)
class AccountRealm:
    """Turns avatar ids into accounts of `accounts`; `created` hears of those made here.

    An avatar id is a localpart, prepared or not, as str or UTF-8 bytes; one that no account can
    have raises ValueError. A user whom only another store knew gets an account, without keys, at
    the first login. Names of one skeleton are one account here: a store that gives such names to
    different people cannot be used.
    """

    def __init__(
        self,
        accounts: Accounts,
        wall: IWallClock,
        entropy: IEntropy,
        created: Callable[[str], object] = lambda localpart: None,
    ) -> None:
        self._accounts = accounts
        self._wall = wall
        self._entropy = entropy
        self._created = created

    def requestAvatar(
        self, avatarId: bytes | str | tuple[()], mind: object, *interfaces: type[Interface]
    ) -> Deferred[Avatar]:
        """Fire with `IAccount`, the account and a logout.

        Fails with `AccountDisabled`, and with NotImplementedError for other interfaces.
        """
        return begin(self._avatar(avatarId, interfaces))

    async def _avatar(
        self, avatar_id: bytes | str | tuple[()], interfaces: tuple[type[Interface], ...]
    ) -> Avatar:
        if IAccount not in interfaces:
            raise NotImplementedError("this realm has nothing but IAccount")
        if isinstance(avatar_id, tuple):
            return IAccount, self._guest(), _nothing
        name = prep.localpart(avatar_id if isinstance(avatar_id, str) else avatar_id.decode())
        account = await find_account(self._accounts, name) or await self._admit(name)
        if account.disabled:
            raise AccountDisabled
        return IAccount, LoggedIn(account.localpart, created=account.created), _nothing

    def _guest(self) -> LoggedIn:
        """A name nobody has or can guess (XEP-0175 section 3)."""
        name = UUID(bytes=self._entropy.token_bytes(16), version=4)
        return LoggedIn(str(name), anonymous=True)

    async def _admit(self, name: str) -> Account:
        account = Account(name, prep.skeleton(name), {}, self._wall.now())
        try:
            await self._accounts.create(account)
        except AccountExists:
            # Another first login of the same user was faster.
            found = await find_account(self._accounts, name)
            if found is None:
                raise
            return found
        self._created(name)
        # As it is kept: storage rounds times.
        return await self._accounts.get(name) or account
