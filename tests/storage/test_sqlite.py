"""The contract over SQLite: committed at the end of each turn, at once, and late."""

from pathlib import Path

from tests.storage import bench, contract
from xmppd.api.storage import Storage


class Sqlite(bench.Bench):
    """Commits when the turn ends, so reads within it see what is not committed."""

    maker: bench.SqliteMaker

    def make(self) -> Storage:
        if not hasattr(self, "maker"):
            path = Path(self.mktemp()).absolute() / "data" / "xmppd.db"
            self.maker = bench.SqliteMaker(path, self.clock)
        return self.maker.make()


class Eager(Sqlite):
    """Commits each write by itself, so every read asks the database."""

    def wrote(self) -> None:
        self.settle()


class Late(Sqlite):
    """Ends each turn, but has a slow thread: turns wait and are committed together."""

    def make(self) -> Storage:
        super().make()
        if not hasattr(self, "lanes"):
            self.lanes = bench.HeldLanes()
        return self.maker.make(self.lanes)

    def wrote(self) -> None:
        self.clock.advance(0)

    def settle(self) -> None:
        super().settle()
        self.lanes.run()


class SqliteKeyValueTests(Sqlite, contract.KeyValueContract):
    """One value per owner, read before they are committed."""


class SqliteMapTests(Sqlite, contract.MapContract):
    """Many values per owner, read before they are committed."""


class SqliteArchiveTests(Sqlite, contract.ArchiveContract):
    """Records in pages, read before they are committed."""


class SqliteAccountsTests(Sqlite, contract.AccountsContract):
    """Accounts, read before they are committed."""


class SqliteStorageTests(Sqlite, contract.StorageContract):
    """Names, tickets and life, read before they are committed."""


class EagerKeyValueTests(Eager, contract.KeyValueContract):
    """One value per owner, read after each commit."""


class EagerMapTests(Eager, contract.MapContract):
    """Many values per owner, read after each commit."""


class EagerArchiveTests(Eager, contract.ArchiveContract):
    """Records in pages, read after each commit."""


class EagerAccountsTests(Eager, contract.AccountsContract):
    """Accounts, read after each commit."""


class LateKeyValueTests(Late, contract.KeyValueContract):
    """One value per owner, committed late."""


class LateMapTests(Late, contract.MapContract):
    """Many values per owner, committed late."""


class LateArchiveTests(Late, contract.ArchiveContract):
    """Records in pages, committed late."""


class LateAccountsTests(Late, contract.AccountsContract):
    """Accounts, committed late."""


class LateStorageTests(Late, contract.StorageContract):
    """Names, tickets and life, committed late."""
