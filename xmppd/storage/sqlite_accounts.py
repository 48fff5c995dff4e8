"""Accounts as rows of SQLite and back: SCRAM keys as a JSON object, their bytes in base64."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from xmppd.api.storage import Account
from xmppd.sasl.exchange import ScramKeys
from xmppd.storage.checks import micros, seconds

COLUMNS = "localpart, skeleton, keys, created, disabled"
"""The columns `read_account` takes, for a SELECT."""


REMEMBERED = 256
"""How many of the rows read last are not decoded again."""


def account_columns(account: Account) -> tuple[object, ...]:
    """Return an account as JSON values in the order of `COLUMNS`."""
    keys = {hash: _encode(keys) for hash, keys in account.keys.items()}
    return (
        account.localpart,
        account.skeleton,
        keys,
        micros(account.created),
        int(account.disabled),
    )


@lru_cache(maxsize=REMEMBERED)
def read_account(row: tuple[str, str, str, int, int]) -> Account:
    """Return the account of a row; of equal rows mostly the same one.

    A login reads its account several times, so the last ones are remembered.
    """
    localpart, skeleton, keys, created, disabled = row
    return Account(
        localpart,
        skeleton,
        MappingProxyType(_decode(json.loads(keys))),
        seconds(created),
        bool(disabled),
    )


def _encode(keys: ScramKeys) -> list[object]:
    return [
        b64encode(keys.salt).decode(),
        keys.iterations,
        b64encode(keys.stored_key).decode(),
        b64encode(keys.server_key).decode(),
    ]


def _decode(keys: Mapping[str, tuple[str, int, str, str]]) -> dict[str, ScramKeys]:
    return {
        hash: ScramKeys(b64decode(salt), iterations, b64decode(stored), b64decode(server))
        for hash, (salt, iterations, stored, server) in keys.items()
    }
