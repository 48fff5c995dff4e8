"""The contract over the back end in memory."""

from tests.storage import bench, contract
from xmppd.api.storage import Storage
from xmppd.storage.memory import MemoryStorage


class Memory(bench.Bench):
    """Keeps everything in memory."""

    def make(self) -> Storage:
        return MemoryStorage(self.clock, bench.ids())


class MemoryKeyValueTests(Memory, contract.KeyValueContract):
    """One value per owner, in memory."""


class MemoryMapTests(Memory, contract.MapContract):
    """Many values per owner, in memory."""


class MemoryArchiveTests(Memory, contract.ArchiveContract):
    """Records in pages, in memory."""


class MemoryAccountsTests(Memory, contract.AccountsContract):
    """Accounts, in memory."""


class MemoryStorageTests(Memory, contract.StorageContract):
    """Names, tickets and life, in memory."""
