"""How SQLite commits: statements and calls per batch, bounds, failures."""

import sqlite3
from pathlib import Path

from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from zope.interface import implementer

from tests.storage import bench, contract
from tests.storage.bench import HeldLanes, Settlements, SqliteMaker
from xmppd.api.storage import Archive, KeyValue, Map, Range, Storage, StorageError
from xmppd.storage import sqlite_engine, sqlite_writer
from xmppd.storage.sqlite_batch import statements
from xmppd.storage.writes import Append, Purge, PurgeAll, RemoveEntry, Write


class Commits(bench.Bench):
    """A storage whose writer works when told."""

    maker: SqliteMaker
    max_waiting = 64 * 1024 * 1024

    def make(self) -> Storage:
        self.lanes = HeldLanes()
        self.maker = SqliteMaker(Path(self.mktemp()).absolute() / "xmppd.db", self.clock)
        return self.maker.make(self.lanes, max_waiting=self.max_waiting)

    def setUp(self) -> None:
        super().setUp()
        self.vcards = self.host.open("vcard", KeyValue)
        self.rosters = self.host.open("roster", Map)
        self.archive = self.host.open("mam", Archive)
        for ticket_of in (self.vcards.put, lambda owner, value: self.rosters.put(owner, "", value)):
            ticket_of("nobody", b"")
        self.archive.append("nobody", b"", when=1.0)
        self.result(self.host.accounts.create(contract.account("nobody")))
        self.settle()
        self.told = Settlements()
        self.storage.tickets.watch(self.told)
        self.maker.writer.statements.clear()
        self.maker.called_back = 0

    def settle(self) -> None:
        super().settle()
        self.lanes.run()

    def verbs(self) -> list[str]:
        """Return what the writer did, as the first word and the table of each statement."""
        return [
            " ".join(word for word in sql.split()[:3] if word not in ("INTO", "FROM", "IMMEDIATE"))
            for sql in self.maker.writer.statements
        ]


class BatchTests(Commits):
    """How much one commit costs and takes."""

    def test_rows_of_one_table_are_one_statement(self) -> None:
        for number in range(200):
            self.archive.append(f"user{number % 7}", b"<message/>", when=float(number))
        self.settle()
        self.assertEqual(self.verbs(), ["INSERT archive"])
        self.assertEqual(self.maker.called_back, 1)
        self.assertEqual(self.result(self.archive.count("user0")), 29)

    def test_every_kind_of_write_is_one_statement(self) -> None:
        for number in range(50):
            owner = f"user{number}"
            self.vcards.put(owner, b"1")
            self.vcards.delete(f"other{number}")
            self.rosters.clear(owner)
            self.rosters.put(owner, "a", b"1")
            self.rosters.delete(owner, "b")
            self.archive.remove(owner, ["a", "b"])
            self.archive.purge(owner, float(number))
            self.archive.purge_all(float(number))
            self.archive.append(owner, b"1", when=1.0)
            self.result(self.host.accounts.create(contract.account(owner)))
        self.settle()
        self.assertEqual(
            self.verbs(),
            [
                "BEGIN",
                "DELETE keyvalue",
                "DELETE map",
                "DELETE map",
                "DELETE archive",
                "DELETE archive",
                "WITH RECURSIVE gone",
                "DELETE accounts",
                "INSERT keyvalue",
                "INSERT map",
                "INSERT archive",
                "INSERT accounts",
                "COMMIT",
            ],
        )
        self.assertEqual(self.maker.called_back, 1)
        self.assertEqual(self.told.told, [(self.storage.tickets.issued, [])])

    def test_turns_that_wait_share_a_commit(self) -> None:
        for number in range(10):
            self.archive.append("juliet", b"", when=float(number))
            self.clock.advance(0)
        self.settle()
        self.assertEqual(self.verbs(), ["INSERT archive"])
        self.assertEqual(self.maker.called_back, 1)
        page = self.result(self.archive.page("juliet", Range(), 100))
        self.assertEqual([entry.when for entry in page.entries], [float(n) for n in range(10)])

    def test_a_new_store_is_committed_with_its_first_write(self) -> None:
        store = self.host.open("new", KeyValue)
        self.assertEqual(self.verbs(), [])
        for _ in range(2):
            store.put("juliet", b"1")
            self.settle()
        self.assertEqual(
            self.verbs(),
            ["BEGIN", "INSERT stores", "INSERT keyvalue", "COMMIT", "INSERT keyvalue"],
        )

    def test_a_batch_is_bounded_in_rows_and_split_between_turns(self) -> None:
        self.patch(sqlite_writer, "MAX_ROWS", 5)
        tickets = []
        for rows in (2, 2, 2, 7, 1, 5):
            for _ in range(rows):
                last = self.archive.append("juliet", b"", when=1.0).ticket
            tickets.append(last)
            self.clock.advance(0)
        self.settle()
        expected = [tickets[1], tickets[2], tickets[3], tickets[4], tickets[5]]
        self.assertEqual(self.told.told, [(ticket, []) for ticket in expected])

    def test_a_batch_is_bounded_in_bytes(self) -> None:
        self.patch(sqlite_writer, "MAX_BYTES", 10_000)
        for _ in range(5):
            last = self.vcards.put("juliet", b"x" * 4000)
            self.clock.advance(0)
        self.settle()
        self.assertEqual(self.told.told, [(last - 3, []), (last - 1, []), (last, [])])

    def test_only_a_purge_behind_a_chosen_id_costs_more(self) -> None:
        def append(id: str, chosen: bool) -> Append:
            return Append(1, "juliet", id, 5, "", b"", chosen)

        cases: list[tuple[list[Write], int]] = [
            ([], 0),
            ([append("a", False), Purge(1, "juliet", 9)], 1),
            ([append("a", False), Purge(1, "juliet", 5)], 2),
            ([append("a", True), Purge(1, "juliet", 9)], 2),
            ([append("a", True), Purge(1, "juliet", 9), append("b", True)], 3),
            ([append("a", True), PurgeAll(1, 9)], 2),
            ([append("a", True), PurgeAll(2, 9)], 2),
            ([append("a", True), Purge(1, "juliet", None)], 1),
            ([append("a", True), RemoveEntry(1, "juliet", "a")], 1),
            ([RemoveEntry(1, "juliet", "a"), append("a", True)], 2),
        ]
        for writes, expected in cases:
            self.assertEqual(len(statements(writes)), expected, writes)


class FailureTests(Commits):
    """Commits that fail, and what is seen then."""

    def value(self, owner: str = "juliet") -> bytes | None:
        return self.result(self.vcards.get(owner))

    def test_a_full_disk(self) -> None:
        self.vcards.put("juliet", b"1")
        self.settle()
        ((pages,),) = self.maker.writer.execute("PRAGMA page_count").fetchall()
        self.maker.writer.execute(f"PRAGMA max_page_count = {pages}")
        lost = [self.vcards.put("juliet", b"2"), self.vcards.put("romeo", b"x" * 100_000)]
        self.assertEqual(self.value(), b"2")
        self.settle()
        self.assertEqual(self.told.told[-1], (lost[-1], lost))
        self.assertEqual(self.storage.tickets.trouble, "database or disk is full")
        self.assertEqual((self.value(), self.value("romeo")), (b"1", None))
        self.maker.writer.execute("PRAGMA max_page_count = 1000000")
        ticket = self.vcards.put("romeo", b"x" * 100_000)
        self.settle()
        self.assertEqual(self.told.told[-1], (ticket, []))
        self.assertEqual(self.value("romeo"), b"x" * 100_000)

    def test_the_log_does_not_fill_a_full_disk(self) -> None:
        lines: list[str] = []

        @implementer(ILogObserver)
        def observe(event: LogEvent) -> None:
            lines.append(formatEvent(event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        for trouble in ("database or disk is full", "disk I/O error"):
            self.maker.writer.failing = {"INSERT": sqlite3.OperationalError(trouble)}
            for value in (b"1", b"2"):
                self.vcards.put("juliet", value)
                self.settle()
            self.assertEqual(lines, [f"writes are lost until further notice: {trouble}"])
            lines.clear()
        self.maker.writer.failing = {}
        for _ in range(2):
            self.vcards.put("juliet", b"3")
            self.settle()
        self.assertEqual(lines, ["writes are kept again; 4 were lost"])

    def test_a_commit_that_fails_is_undone_whole(self) -> None:
        for beginning in ("BEGIN", "INSERT INTO map", "COMMIT"):
            self.maker.writer.failing = {beginning: sqlite3.OperationalError("disk I/O error")}
            first = self.vcards.put("juliet", b"1")
            last = self.rosters.put("juliet", "a", b"1")
            self.settle()
            self.assertEqual(self.told.told[-1], (last, [first, last]))
            self.assertIsNone(self.value())
            self.assertEqual(self.result(self.rosters.items("juliet")), [])
            self.maker.writer.failing = {}
        self.vcards.put("juliet", b"2")
        self.rosters.put("juliet", "a", b"2")
        self.settle()
        self.assertEqual(self.told.told[-1][1], [])
        self.assertEqual(self.result(self.rosters.items("juliet")), [("a", b"2")])

    def test_what_is_written_behind_a_failure_stays_visible_and_is_committed(self) -> None:
        self.maker.writer.failing = {"INSERT": sqlite3.OperationalError("disk I/O error")}
        self.vcards.put("juliet", b"lost")
        self.clock.advance(0)
        self.lanes.named("storage-writer").run()
        self.maker.writer.failing = {}
        self.vcards.put("juliet", b"kept")
        self.assertEqual(self.value(), b"kept")
        self.settle()
        self.assertEqual(self.value(), b"kept")
        self.assertEqual([len(failed) for _, failed in self.told.told], [1, 0])

    def test_undoing_may_fail_too(self) -> None:
        self.maker.writer.failing = {
            "COMMIT": sqlite3.OperationalError("disk I/O error"),
            "ROLLBACK": sqlite3.OperationalError("worse"),
        }
        self.vcards.put("juliet", b"1")
        self.rosters.put("juliet", "a", b"1")
        self.settle()
        self.maker.writer.failing = {}
        # The transaction is open still: the next commit fails and clears it away.
        self.vcards.put("juliet", b"2")
        self.rosters.put("juliet", "a", b"2")
        self.settle()
        self.assertIsNone(self.value())
        self.vcards.put("juliet", b"3")
        self.rosters.put("juliet", "a", b"3")
        self.settle()
        self.assertEqual(self.value(), b"3")
        self.assertEqual([len(failed) for _, failed in self.told.told], [2, 2, 0])

    def test_a_bug_is_logged_with_its_traceback_and_settles_too(self) -> None:
        self.maker.writer.failing = {"INSERT": ZeroDivisionError("bug")}
        ticket = self.vcards.put("juliet", b"1")
        self.settle()
        self.assertEqual(self.told.told, [(ticket, [ticket])])
        self.assertEqual(self.storage.tickets.trouble, "ZeroDivisionError")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertIsNone(self.value())

    def test_counts_of_accounts_show_the_truth(self) -> None:
        accounts = self.host.accounts
        self.assertEqual(self.result(accounts.count()), 1)
        self.maker.writer.failing = {"INSERT": sqlite3.OperationalError("disk I/O error")}
        self.result(accounts.create(contract.account("juliet")))
        self.assertEqual(self.result(accounts.count()), 1)
        self.assertIsNone(self.result(accounts.get("juliet")))

    def test_a_new_store_is_introduced_again(self) -> None:
        store = self.host.open("new", KeyValue)
        self.maker.writer.failing = {"COMMIT": sqlite3.OperationalError("disk I/O error")}
        store.put("juliet", b"1")
        self.settle()
        self.maker.writer.failing = {}
        store.put("juliet", b"2")
        self.settle()
        self.assertEqual(self.verbs().count("INSERT stores"), 2)

    def test_nothing_is_lost_in_silence(self) -> None:
        # A row that breaks a rule other than the id's being there must not be passed over.
        ((sql, (rows, _)),) = statements([Append(1, "juliet", "a", 1, "", b"")])
        self.assertRaises(sqlite3.IntegrityError, self.maker.writer.execute, sql, (rows, None))


class ReadFailureTests(Commits):
    """Reads that fail, and those that need not be made."""

    def test_a_database_that_cannot_be_read(self) -> None:
        for connection in self.maker.connections.made[1:]:
            connection.failing = {
                "SELECT": sqlite3.DatabaseError("database disk image is malformed"),
                "WITH": sqlite3.DatabaseError("database disk image is malformed"),
            }
        accounts = self.host.accounts
        for read in (
            self.vcards.get("juliet"),
            self.rosters.get("juliet", "a"),
            self.rosters.items("juliet"),
            self.archive.page("juliet", Range(), 1),
            self.archive.count("juliet"),
            accounts.get("juliet"),
            accounts.find("juliet"),
            accounts.create(contract.account("juliet")),
            accounts.count(),
            accounts.localparts(),
        ):
            error = self.failure(read, StorageError)
            self.assertEqual(
                str(error), "the database cannot be read: database disk image is malformed"
            )

    def test_counts_of_accounts_are_answered_from_memory(self) -> None:
        accounts = self.host.accounts
        self.assertEqual(self.result(accounts.count()), 1)
        made = [len(connection.statements) for connection in self.maker.connections.made]
        for hash in ("SHA-1", "SHA-256", "SHA-512"):
            self.assertEqual(self.result(accounts.lacking(hash)), 0)
        self.assertEqual(self.result(accounts.count()), 1)
        after = [len(connection.statements) for connection in self.maker.connections.made]
        self.assertEqual(after, made)


class LimitTests(Commits):
    """What a stranger can make grow."""

    max_waiting = 10_000

    def test_writes_are_refused_when_the_disk_does_not_keep_up(self) -> None:
        for _ in range(4):
            self.vcards.put("juliet", b"x" * 2000)
            self.clock.advance(0)
        error = self.assertRaises(StorageError, self.vcards.put, "juliet", b"y" * 2000)
        self.assertEqual(str(error), "the disk does not keep up: 8800 bytes are waiting")
        self.assertRaises(StorageError, self.archive.append, "juliet", b"y" * 2000, when=1.0)
        self.assertEqual(self.result(self.vcards.get("juliet")), b"x" * 2000)
        self.settle()
        self.vcards.put("juliet", b"y" * 2000)

    def test_small_writes_count_too(self) -> None:
        for _ in range(50):
            self.vcards.delete("juliet")
        self.assertRaises(StorageError, self.vcards.delete, "juliet")

    def test_what_fails_waits_no_more(self) -> None:
        for _ in range(3):
            self.maker.writer.failing = {"INSERT": sqlite3.OperationalError("disk I/O error")}
            self.vcards.put("juliet", b"x" * 9000)
            self.settle()

    def test_long_reads_are_limited(self) -> None:
        self.patch(sqlite_engine, "MAX_READS", 3)
        waiting = [self.archive.count("juliet") for _ in range(3)]
        self.failureResultOf(self.archive.count("juliet"), StorageError)
        self.failureResultOf(self.rosters.items("juliet"), StorageError)
        self.settle()
        for read in waiting:
            self.assertEqual(self.successResultOf(read), 0)
        self.assertEqual(self.result(self.archive.count("juliet")), 0)


class ReadingTests(Commits):
    """Long reads, and reads given up."""

    def test_long_reads_wait_for_writes_of_their_store_only(self) -> None:
        self.archive.append("juliet", b"", when=1.0)
        waits, goes = self.archive.count("juliet"), self.rosters.items("juliet")
        for lane in self.lanes.lanes:
            lane.run()
        self.assertNoResult(waits)
        self.assertEqual(self.successResultOf(goes), [])
        self.settle()
        self.assertEqual(self.successResultOf(waits), 1)

    def test_more_reads_than_readers(self) -> None:
        reads = [self.archive.count("nobody") for _ in range(7)]
        self.settle()
        self.assertEqual([self.successResultOf(read) for read in reads], [1] * 7)

    def test_a_read_given_up_while_it_waits_for_a_reader(self) -> None:
        reads = [self.archive.count("nobody") for _ in range(4)]
        reads[2].cancel()
        self.failureResultOf(reads[2])
        self.settle()
        self.assertEqual([self.successResultOf(reads[number]) for number in (0, 1, 3)], [1, 1, 1])
        self.assertEqual(self.result(self.archive.count("nobody")), 1)

    def test_a_read_given_up_while_it_is_done(self) -> None:
        reads = [self.archive.count("nobody") for _ in range(3)]
        reads[0].cancel()
        self.failureResultOf(reads[0])
        self.settle()
        self.assertEqual([self.successResultOf(read) for read in reads[1:]], [1, 1])

    def test_a_read_given_up_while_it_waits_for_a_commit(self) -> None:
        self.archive.append("juliet", b"", when=1.0)
        read = self.archive.count("juliet")
        read.cancel()
        self.failureResultOf(read)
        self.settle()
        self.assertEqual(self.result(self.archive.count("juliet")), 1)

    def test_reads_under_way_are_answered_before_the_storage_stops(self) -> None:
        self.archive.append("juliet", b"", when=1.0)
        read = self.archive.count("juliet")
        stopped = self.storage.stop()
        self.assertNoResult(stopped)
        self.lanes.run()
        self.assertEqual(self.successResultOf(read), 1)
        self.successResultOf(stopped)
