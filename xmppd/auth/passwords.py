"""Making keys of passwords and checking passwords against keys (RFC 5802 section 3, XEP-0438).

All PBKDF2 runs through `IWorkers`: it is slow by design and must not hold up the reactor.
"""

import hmac
from collections.abc import Iterable
from functools import partial

from xmppd.api.host import IEntropy, IWorkers
from xmppd.api.storage import Account
from xmppd.auth.keys import ITERATIONS, StoredKeys
from xmppd.sasl.exchange import ScramKeys
from xmppd.sasl.scram_keys import HASHES, MINIMUM_ITERATIONS, SALT_BYTES, check_keys, make_keys

# Any of an account's keys tells whether a password is right, so take those that cost us least; an
# attacker who has stolen the keys would choose them, too.
_CHEAPEST_FIRST = tuple(reversed(HASHES))

_derive_claimed = partial(make_keys, allow_unassigned=True)


class KeyMaker:
    """Makes the keys of new passwords, with a fresh salt for each hash (XEP-0438 section 6.2).

    Raises ValueError for fewer than 4096 iterations (RFC 7677 section 4).
    """

    def __init__(self, workers: IWorkers, entropy: IEntropy, iterations: int = ITERATIONS) -> None:
        if iterations < MINIMUM_ITERATIONS:
            raise ValueError(f"SCRAM needs at least {MINIMUM_ITERATIONS} iterations")
        self._workers = workers
        self._entropy = entropy
        self._iterations = iterations

    async def make(self, password: str, hashes: Iterable[str] = HASHES) -> dict[str, ScramKeys]:
        """The keys of `password` by hash.

        Raises ValueError for a password that cannot be prepared or is empty, and `Busy`.
        """
        keys: dict[str, ScramKeys] = {}
        for hash in hashes:
            salt = self._entropy.token_bytes(SALT_BYTES)
            keys[hash] = await self._workers.run(make_keys, hash, password, salt, self._iterations)
        return keys


class PasswordVerifier:
    """Checks passwords against accounts; who is unknown costs as much as who is known."""

    def __init__(self, keys: StoredKeys, workers: IWorkers) -> None:
        self._keys = keys
        self._workers = workers

    async def check(self, account: Account | None, username: str, password: str) -> bool:
        """Whether `password` is that of `account`, found for `username`.

        False without an account, and for one whose password is kept elsewhere. One derivation is
        made in each case. Raises `Busy`, and ValueError for damaged keys.
        """
        kept = {} if account is None else account.keys
        hash = next((each for each in _CHEAPEST_FIRST if each in kept), _CHEAPEST_FIRST[0])
        keys = await self._keys.of(account, username, hash)
        return await self._holds(hash, keys, password) and hash in kept

    async def _holds(self, hash: str, keys: ScramKeys, password: str) -> bool:
        check_keys(hash, keys)
        try:
            found: ScramKeys = await self._workers.run(
                _derive_claimed, hash, password, keys.salt, keys.iterations
            )
        except ValueError:
            # It cannot be prepared, so nobody has it.
            return False
        return hmac.compare_digest(found.stored_key, keys.stored_key)
