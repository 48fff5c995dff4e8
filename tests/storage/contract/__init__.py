"""What every back end does, as tests to mix with a `Bench` that makes one."""

from tests.storage.contract.accounts import AccountsContract, account
from tests.storage.contract.archives import ArchiveContract
from tests.storage.contract.storages import StorageContract
from tests.storage.contract.values import KeyValueContract, MapContract

__all__ = [
    "AccountsContract",
    "ArchiveContract",
    "KeyValueContract",
    "MapContract",
    "StorageContract",
    "account",
]
