"""Accounts on their way into one host: each whole or not at all.

All data of an account are written before the account itself, and writes are committed in order. So
an account that is there is complete, and an import that was interrupted is simply run again.
"""

from dataclasses import dataclass
from enum import Enum

from twisted.internet.task import deferLater

from xmppd.api.auth import IPasswords
from xmppd.api.host import Busy, IHost
from xmppd.api.storage import Account, AccountExists
from xmppd.auth.lookup import find_account
from xmppd.auth.passwords import KeyMaker
from xmppd.sasl.exchange import ScramKeys
from xmppd.sasl.scram_keys import HASHES, fake_keys
from xmppd.server.admin import Admin
from xmppd.server.portable.report import Tally, Texts
from xmppd.server.portable.stores import HostStores, differences
from xmppd.server.portable.unsettled import Unsettled
from xmppd.server.portable.values import User
from xmppd.stanza.prep import PrepError, localpart, skeleton

WRITES_AT_ONCE = 200
"""After so many writes an import waits until they are on disk."""

_BUSY_SECONDS = 1.0
_SECRET_BYTES = 32


class Outcome(Enum):
    """What became of an account."""

    ADDED = "added"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Rules:
    """How to import.

    - `iterations`: of the keys that are made of passwords in clear.
    - `replace`: whether accounts that are here with other data give way.
    - `dry_run`: whether nothing is written.
    """

    iterations: int
    replace: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """Who is told what happens: counts, what is left out, what fails."""

    tally: Tally
    notes: Texts
    errors: Texts


class Incoming:
    """Takes the accounts of one host.

    `elsewhere`: whether users of it may have their passwords in stores of others.
    """

    def __init__(
        self, host: IHost, admin: Admin, rules: Rules, heard: Heard, elsewhere: bool
    ) -> None:
        self._host = host
        self._admin = admin
        self._rules = rules
        self._heard = heard
        self._elsewhere = elsewhere
        self._passwords = host.find(IPasswords)
        self._maker = KeyMaker(host.workers, host.entropy, rules.iterations)
        self._stores = HostStores(host)
        self._unsettled = Unsettled(host)

    async def take(self, user: User) -> Outcome:
        """Import an account. Fails with `StorageError`."""
        address = f"{user.name}@{self._host.domain}"
        for what in user.left_out:
            self._heard.notes.add(f"left out: {what}", address)
        try:
            name = localpart(user.name)
        except PrepError as error:
            return self._failed(address, f"not imported, {error}")
        ours = await find_account(self._host.accounts, name)
        if ours is None:
            return await self._add(name, user, Outcome.ADDED)
        if ours.localpart != name:
            return self._failed(address, f"not imported, too much like {ours.localpart}")
        return await self._compare(ours, user, address)

    @property
    def is_settled(self) -> bool:
        """Whether all that was written is on disk."""
        return not self._unsettled

    async def settle(self) -> None:
        """Wait until that is so. Fails with `StorageError` if something is lost."""
        await self._unsettled.settle()

    def _failed(self, address: str, text: str) -> Outcome:
        self._heard.errors.add(text, address)
        return Outcome.FAILED

    # Accounts that are here.

    async def _compare(self, ours: Account, user: User, address: str) -> Outcome:
        different = differences(user, await self._stores.user(ours))
        if user.password and not await self._is_password(ours, user.password):
            different.insert(0, "its password")
        if not different:
            return Outcome.UNCHANGED
        if self._rules.replace:
            await self._drop(ours)
            return await self._add(ours.localpart, user, Outcome.REPLACED)
        self._heard.notes.add(f"{address} stays as it is; other here is {', '.join(different)}")
        return Outcome.KEPT

    async def _is_password(self, account: Account, password: str) -> bool:
        if self._passwords is None or not account.keys:
            return True  # it is not kept here, so there is nothing to contradict
        return await self._passwords.check_password(account.localpart, password)

    async def _drop(self, account: Account) -> None:
        """Remove an account to make room; its contacts are told nothing, its sessions end."""
        if self._rules.dry_run:
            return
        self._end_sessions(account.localpart)
        self._unsettled.add(await self._host.accounts.delete(account.localpart))
        self._end_sessions(account.localpart)  # somebody may have logged in meanwhile
        await self._admin.forget(self._host, account.localpart)

    def _end_sessions(self, name: str) -> None:
        for record in self._host.sessions(name):
            self._admin.kick(record.jid, "this account is imported anew")

    # Accounts that are not here.

    async def _add(self, name: str, user: User, outcome: Outcome) -> Outcome:
        if not self._rules.dry_run:
            keys = await self._keys(name, user)
            await self._fill(name, user)
            try:
                await self._create(name, user, keys)
            except AccountExists:
                await self._stores.forget(name, self._unsettled)
                return self._failed(
                    f"{name}@{self._host.domain}", "not imported, it was made by others meanwhile"
                )
        self._heard.tally.add(user)
        return outcome

    async def _fill(self, name: str, user: User) -> None:
        for what in await self._stores.write(name, user, self._unsettled):
            self._heard.notes.add(f"left out: {what}", f"{name}@{self._host.domain}")

    async def _create(self, name: str, user: User, keys: dict[str, ScramKeys]) -> None:
        created = self._host.wall.now() if user.created is None else user.created
        account = Account(name, skeleton(name), keys, created, user.disabled)
        self._unsettled.check()  # or it would be there without what was lost
        self._unsettled.add(await self._host.accounts.create(account))
        self._unsettled.add(self._stores.finish(name))
        if len(self._unsettled) >= WRITES_AT_ONCE:
            await self.settle()

    # Passwords.

    async def _keys(self, name: str, user: User) -> dict[str, ScramKeys]:
        """Return the keys to keep: of the password, those found, or some that none leads to."""
        if self._passwords is None:
            return {}
        if user.password:
            try:
                return await self._made(user.password)
            except ValueError:
                self._note(name, "left out: a password that cannot be one (RFC 4013)")
        if user.keys or self._elsewhere:
            return dict(user.keys)
        self._note(name, "has no password that can be used; set one with `xmppdctl user password`")
        secret = self._host.entropy.token_bytes(_SECRET_BYTES)
        return {hash: fake_keys(hash, name, secret, self._rules.iterations) for hash in HASHES}

    async def _made(self, password: str) -> dict[str, ScramKeys]:
        """Make keys of a password; logins go first. Raises `ValueError`."""
        while True:
            try:
                return await self._maker.make(password)
            except Busy:
                await deferLater(self._host.clock, _BUSY_SECONDS)

    def _note(self, name: str, text: str) -> None:
        self._heard.notes.add(text, f"{name}@{self._host.domain}")
