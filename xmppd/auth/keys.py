"""SCRAM keys for users known and unknown (RFC 5802 section 5.1, RFC 6120 section 6.5.10).

Whoever asks for a user's salt must not learn by it whether the user exists. Unknown users, and
those whose passwords are kept elsewhere, get made-up keys that stay the same.
"""

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from xmppd.api.auth import IScramKeys
from xmppd.api.host import IEntropy
from xmppd.api.storage import Account, Accounts, KeyValue
from xmppd.api.waiting import begin
from xmppd.auth.lookup import find_account
from xmppd.sasl.exchange import ScramKeys
from xmppd.sasl.scram_keys import MINIMUM_ITERATIONS, fake_keys
from xmppd.stanza.prep import skeleton

ITERATIONS = 10_000
"""The PBKDF2 rounds of keys we make, unless configured otherwise (XEP-0438 section 7)."""

SECRET_BYTES = 32


class KeptSecret:
    """The secret behind made-up keys, kept in a store of the host and made when first needed."""

    def __init__(self, store: KeyValue, entropy: IEntropy) -> None:
        self._store = store
        self._entropy = entropy
        self._secret: bytes | None = None

    def get(self) -> Deferred[bytes]:
        """Fire with the secret."""
        if self._secret is not None:
            return succeed(self._secret)
        return begin(self._get())

    async def _get(self) -> bytes:
        kept = await self._store.get("")
        # Somebody else may have made it while this call waited.
        if self._secret is None:
            self._secret = kept or self._make()
        return self._secret

    def _make(self) -> bytes:
        secret = self._entropy.token_bytes(SECRET_BYTES)
        self._store.put("", secret)
        return secret


@implementer(IScramKeys)
class StoredKeys:
    """The keys of a host's accounts.

    `secret` returns what made-up keys are drawn from; `iterations` is what new accounts get, so
    that made-up keys look like theirs. Raises ValueError for fewer than 4096.
    """

    def __init__(
        self,
        accounts: Accounts,
        secret: Callable[[], Deferred[bytes]],
        iterations: int = ITERATIONS,
    ) -> None:
        if iterations < MINIMUM_ITERATIONS:
            raise ValueError(f"SCRAM needs at least {MINIMUM_ITERATIONS} iterations")
        self._accounts = accounts
        self._secret = secret
        self._iterations = iterations

    def lookup(self, username: str, hash: str) -> Deferred[ScramKeys]:
        """Fire with the keys of `username`, or with made-up ones, the same each time."""
        return begin(self._lookup(username, hash))

    def complete(self, hash: str) -> Deferred[bool]:
        """Fire with whether all accounts whose passwords are kept here have keys for `hash`."""
        return self._accounts.lacking(hash).addCallback(lambda lacking: lacking == 0)

    async def of(self, account: Account | None, username: str, hash: str) -> ScramKeys:
        """The account's keys for `hash`, or made-up ones if there is no account or no such keys."""
        secret = await self._secret()
        # By skeleton, as accounts are found: else two spellings of one name would have one salt
        # if there is an account, and two if there is none.
        made_up = fake_keys(hash, skeleton(username), secret, self._iterations)
        return made_up if account is None else account.keys.get(hash, made_up)

    async def _lookup(self, username: str, hash: str) -> ScramKeys:
        account = await find_account(self._accounts, username)
        return await self.of(account, username, hash)
