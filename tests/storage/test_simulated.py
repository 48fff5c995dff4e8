"""The simulated disk: the contract, and what it adds (latency, failures, crashes)."""

from tests.storage import bench, contract
from tests.storage.bench import Settlements
from xmppd.api.storage import Archive, HostStorage, KeyValue, Map, Storage, StorageError
from xmppd.storage.simulated import SimulatedStorage


class Simulated(bench.Bench):
    """Commits take a while."""

    def make(self) -> Storage:
        return SimulatedStorage(self.clock, bench.ids(), bench.LATENCY)

    def settle(self) -> None:
        # The end of the turn, the commit under way and the one behind it.
        self.clock.pump([0, bench.LATENCY, bench.LATENCY])


class SimulatedKeyValueTests(Simulated, contract.KeyValueContract):
    """One value per owner, on a slow disk."""


class SimulatedMapTests(Simulated, contract.MapContract):
    """Many values per owner, on a slow disk."""


class SimulatedArchiveTests(Simulated, contract.ArchiveContract):
    """Records in pages, on a slow disk."""


class SimulatedAccountsTests(Simulated, contract.AccountsContract):
    """Accounts, on a slow disk."""


class SimulatedStorageTests(Simulated, contract.StorageContract):
    """Names, tickets and life, on a slow disk."""


class DiskTests(bench.Bench):
    """Commits that take time and fail, and crashes."""

    disk: SimulatedStorage

    def make(self) -> Storage:
        self.disk = SimulatedStorage(self.clock, bench.ids(), latency=1.0)
        return self.disk

    def setUp(self) -> None:
        super().setUp()
        self.told = Settlements()
        self.disk.tickets.watch(self.told)
        self.store = self.host.open("vcard", KeyValue)

    def settle(self) -> None:
        self.clock.pump([0, 1.0, 1.0])

    def test_a_commit_takes_its_time(self) -> None:
        ticket = self.store.put("juliet", b"1")
        self.clock.advance(0)
        self.clock.advance(0.9)
        self.assertEqual((self.told.told, self.disk.pending, self.disk.commits), ([], 1, 0))
        self.clock.advance(0.1)
        self.assertEqual(self.told.told, [(ticket, [])])
        self.assertEqual((self.disk.pending, self.disk.commits), (0, 1))

    def test_turns_that_end_during_a_commit_share_the_next(self) -> None:
        for number in range(4):
            self.store.put("juliet", str(number).encode())
            self.clock.advance(0)
        self.clock.advance(1.0)
        self.clock.advance(1.0)
        self.assertEqual(self.told.told, [(1, []), (4, [])])
        self.assertEqual(self.disk.commits, 2)

    def test_latency_may_change(self) -> None:
        self.disk.latency = 0
        self.store.put("juliet", b"1")
        self.clock.advance(0)
        self.assertEqual(self.told.told, [(1, [])])

    def test_a_failed_commit_loses_its_writes_and_no_others(self) -> None:
        self.store.put("juliet", b"1")
        self.settle()
        self.disk.fail_next_commit()
        self.store.put("juliet", b"2")
        self.store.put("romeo", b"lost")
        # In the same turn in which the commit fails, which is scheduled behind it.
        self.clock.callLater(1.0, self.store.put, "tybalt", b"in this turn")
        self.clock.advance(0)
        self.store.put("nurse", b"waits")
        self.clock.advance(0)
        self.clock.advance(1.0)
        self.assertEqual(self.told.told, [(1, []), (3, [2, 3])])
        self.assertEqual(self.values(), [b"1", None, b"waits", b"in this turn"])
        self.clock.pump([1.0, 1.0])
        self.assertEqual(self.told.told[2:], [(4, []), (5, [])])
        self.assertEqual(self.values(), [b"1", None, b"waits", b"in this turn"])

    def values(self) -> list[bytes | None]:
        owners = ("juliet", "romeo", "nurse", "tybalt")
        return [self.result(self.store.get(owner)) for owner in owners]

    def test_changes_to_an_account_whose_creation_was_lost(self) -> None:
        for lost in (1, 2):
            self.disk.fail_next_commit()
            self.result(self.host.accounts.create(contract.account("juliet")))
            self.clock.advance(0)
            self.result(self.host.accounts.delete("juliet"))
            self.settle()
            self.assertEqual(len([1 for _, failed in self.told.told if failed]), lost)
            self.assertIsNone(self.result(self.host.accounts.get("juliet")))
            self.assertIsNone(self.result(self.host.accounts.find("~juliet")))

    def test_a_crash_loses_what_is_not_committed(self) -> None:
        roster = self.host.open("roster", Map)
        archive = self.host.open("mam", Archive)
        self.result(self.host.accounts.create(contract.account("juliet")))
        self.store.put("juliet", b"1")
        roster.put("juliet", "a", b"1")
        archive.append("juliet", b"1", when=1.0)
        self.settle()
        self.store.put("juliet", b"2")
        roster.put("juliet", "a", b"2")
        archive.append("juliet", b"2", when=1.0)
        self.result(self.host.accounts.delete("juliet"))
        after = self.restart(self.disk.crash())
        value = self.result(after.open("vcard", KeyValue).get("juliet"))
        self.assertEqual(value, b"1")
        self.assertEqual(self.result(after.open("roster", Map).items("juliet")), [("a", b"1")])
        self.assertEqual(self.result(after.open("mam", Archive).count("juliet")), 1)
        self.assertIsNotNone(self.result(after.accounts.find("~juliet")))

    def restart(self, disk: SimulatedStorage) -> HostStorage:
        """Go on with the storage that a crash left."""
        disk.start()
        self.storage = disk
        return disk.host("example.com")

    def test_a_commit_under_way_may_have_landed(self) -> None:
        for landed, expected in ((False, b"1"), (True, b"2")):
            self.store.put("juliet", b"1")
            self.settle()
            self.store.put("juliet", b"2")
            self.clock.advance(0)
            self.store.put("juliet", b"3")
            crashed = self.disk
            self.disk = crashed.crash(landed=landed)
            self.host = self.restart(self.disk)
            self.store = self.host.open("vcard", KeyValue)
            self.assertEqual(self.result(self.store.get("juliet")), expected)
            self.settle()
            self.assertLess(crashed.tickets.settled, crashed.tickets.issued)

    def test_a_crashed_storage_does_nothing_more(self) -> None:
        self.store.put("juliet", b"1")
        self.restart(self.disk.crash())
        self.settle()
        self.assertEqual((self.told.told, self.disk.pending), ([], 1))
        self.assertRaises(StorageError, self.store.put, "juliet", b"2")
        self.failureResultOf(self.store.get("juliet"), StorageError)

    def test_a_crash_with_nothing_pending(self) -> None:
        after = self.restart(self.disk.crash())
        self.assertIsNone(self.result(after.open("vcard", KeyValue).get("juliet")))
        self.assertRaises(StorageError, after.open, "vcard", Map)

    def test_what_a_stopping_storage_still_commits(self) -> None:
        self.store.put("juliet", b"1")
        stopped = self.disk.stop()
        self.assertNoResult(stopped)
        self.clock.advance(1.0)
        self.successResultOf(stopped)
        self.assertEqual(self.told.told, [(1, [])])
