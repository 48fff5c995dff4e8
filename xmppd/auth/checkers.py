"""The shipped user store: twisted.cred credentials against a host's accounts (RFC 6120 6.5).

An unknown user and wrong credentials make the same calls and end in the same error.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from xmppd.api.auth import AccountDisabled, ICertificateCredentials, IScramCredentials
from xmppd.api.storage import Account, Accounts
from xmppd.api.waiting import begin
from xmppd.auth.keys import StoredKeys
from xmppd.auth.lookup import find_account
from xmppd.auth.passwords import KeyMaker, PasswordVerifier
from xmppd.sasl.exchange import ScramKeys
from xmppd.sasl.scram_keys import HASHES


@implementer(ICredentialsChecker)
class StoreChecker:
    """Checks passwords, SCRAM proofs and certificates against `accounts`.

    Fires with the account's localpart as UTF-8 bytes. Fails with `UnauthorizedLogin`, and with
    `AccountDisabled` once the credentials have been found right. An account without keys is one
    whose password another store keeps: here only a certificate can speak for it.
    """

    credentialInterfaces = (IScramCredentials, IUsernamePassword, ICertificateCredentials)

    _log = Logger()

    def __init__(
        self, accounts: Accounts, keys: StoredKeys, verifier: PasswordVerifier, maker: KeyMaker
    ) -> None:
        self._accounts = accounts
        self._keys = keys
        self._verifier = verifier
        self._maker = maker

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        """Fire with the localpart of the account the credentials are right for."""
        return begin(self._check(credentials))

    async def _check(self, credentials: Any) -> bytes:
        name: str = credentials.username.decode()
        account = await self._find(name)
        held = await self._holds(credentials, account, name)
        if account is None or not held:
            raise UnauthorizedLogin
        # Read again: meanwhile it may have been disabled or deleted, and the realm would take one
        # it does not find for that of another store's user.
        current = await self._accounts.get(account.localpart)
        if current is None or current.created != account.created:
            raise UnauthorizedLogin
        if current.disabled:
            raise AccountDisabled
        return account.localpart.encode()

    async def _find(self, name: str) -> Account | None:
        try:
            return await find_account(self._accounts, name)
        except ValueError:
            raise UnauthorizedLogin from None

    async def _holds(self, credentials: Any, account: Account | None, name: str) -> bool:
        if IScramCredentials.providedBy(credentials):
            keys = await self._keys.of(account, name, credentials.hash)
            return bool(credentials.check_keys(keys))
        if ICertificateCredentials.providedBy(credentials):
            return True
        password: str = credentials.password.decode()
        held = await self._verifier.check(account, name, password)
        if held and account is not None:
            await self._complete(account, password)
        return held

    async def _complete(self, account: Account, password: str) -> None:
        """Add the keys the account lacks, now that its password is at hand."""
        missing = [hash for hash in HASHES if hash not in account.keys]
        if not missing:
            return
        try:
            made = await self._maker.make(password, missing)
            await self._add(account, made)
        except Exception as error:
            # The login is right all the same; the next one tries again.
            self._log.warn("Keys could not be added: {kind}", kind=type(error).__name__)

    async def _add(self, account: Account, made: Mapping[str, ScramKeys]) -> None:
        current = await self._accounts.get(account.localpart)
        # The password may have changed while keys were made of the old one.
        if current is not None and current.keys == account.keys:
            await self._accounts.update(replace(current, keys={**current.keys, **made}))
