"""SQLite held against the plain dictionaries, over random histories; and the plans of its queries.

Merging writes into few statements and overlaying reads is where this back end could go wrong in
ways nobody thought of, so it is compared with the one that does one write after the other.
"""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.storage.bench import HeldLanes, SqliteMaker, ids
from tests.storage.contract import account
from tests.storage.contract.archives import PAGES
from xmppd.api.storage import Archive, HostStorage, KeyValue, Map, Range
from xmppd.storage import sqlite_reads, sqlite_statements, upgrade
from xmppd.storage.memory import MemoryStorage

OWNERS = st.sampled_from(["juliet", "romeo"])
KEYS = st.sampled_from(["a", "b"])
VALUES = st.sampled_from([b"", b"1", b"\xff\0"])
TIMES = st.sampled_from([1.0, 2.0, 3.0, 4.0])

Step = tuple[Any, ...]

STEPS: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("put"), OWNERS, VALUES),
    st.tuples(st.just("forget"), OWNERS),
    st.tuples(st.just("pair"), OWNERS, KEYS, VALUES),
    st.tuples(st.just("unpair"), OWNERS, KEYS),
    st.tuples(st.just("clear"), OWNERS),
    st.tuples(st.just("append"), OWNERS, st.one_of(st.none(), KEYS), TIMES, VALUES),
    st.tuples(st.just("remove"), OWNERS, st.lists(KEYS, max_size=2)),
    st.tuples(st.just("purge"), OWNERS, st.one_of(st.none(), TIMES)),
    st.tuples(st.just("purge all"), TIMES),
    st.tuples(st.just("account"), OWNERS, st.sampled_from(["x", "y"]), st.booleans()),
    st.tuples(st.just("delete"), OWNERS),
    st.tuples(st.just("turn")),
    st.tuples(st.just("commit")),
)


class Side:
    """One of two back ends that go through the same history."""

    def __init__(self, host: HostStorage) -> None:
        self.accounts = host.accounts
        self.vcards = host.open("vcard", KeyValue)
        self.rosters = host.open("roster", Map)
        self.archive = host.open("mam", Archive)

    def write(self, step: Step) -> None:
        match step:
            case "put", owner, value:
                self.vcards.put(owner, value)
            case "forget", owner:
                self.vcards.delete(owner)
            case "pair", owner, key, value:
                self.rosters.put(owner, key, value)
            case "unpair", owner, key:
                self.rosters.delete(owner, key)
            case "clear", owner:
                self.rosters.clear(owner)
            case "append", owner, id, when, value:
                self.archive.append(owner, value, when=when, contact=id or "", id=id)
            case "remove", owner, named:
                self.archive.remove(owner, named)
            case "purge", owner, before:
                self.archive.purge(owner, before)
            case "purge all", before:
                self.archive.purge_all(before)
            case "account", owner, skeleton, strong:
                one = account(owner, "SHA-256" if strong else "SHA-1", skeleton=skeleton)
                self.accounts.create(one).addErrback(
                    lambda _: self.accounts.update(one)
                ).addErrback(lambda _: None)
            case "delete", owner:
                self.accounts.delete(owner).addErrback(lambda _: None)

    def point_reads(self) -> list[Deferred[Any]]:
        reads: list[Deferred[Any]] = []
        for owner in ("juliet", "romeo"):
            reads.append(self.vcards.get(owner))
            reads.extend(self.rosters.get(owner, key) for key in "ab")
            reads.append(self.accounts.get(owner))
        reads.extend(self.accounts.find(skeleton) for skeleton in "xy")
        return reads

    def long_reads(self) -> list[Deferred[Any]]:
        reads: list[Deferred[Any]] = [self.accounts.localparts(), self.accounts.count()]
        reads.extend(self.accounts.lacking(hash) for hash in ("SHA-1", "SHA-256"))
        for owner in ("juliet", "romeo"):
            reads.append(self.rosters.items(owner))
            reads.append(self.archive.page(owner, Range(), 100))
            reads.append(self.archive.page(owner, Range(contact="a", start=2.0), 1))
            reads.append(self.archive.page(owner, Range(end=3.0), 2, backwards=True))
            reads.append(self.archive.count(owner))
        return reads


class ModelTests(SynchronousTestCase):
    """Random histories."""

    def test_sqlite_does_what_the_dictionaries_do(self) -> None:
        base = Path(self.mktemp()).absolute()

        @settings(
            deadline=None, derandomize=True, database=None, max_examples=150, print_blob=False
        )
        @given(st.lists(STEPS, max_size=40))
        def run(history: list[Step]) -> None:
            self.live_through(history, base)

        run()

    def live_through(self, history: list[Step], base: Path) -> None:
        clock, lanes = Clock(), HeldLanes()
        sqlite = SqliteMaker(base / "xmppd.db", clock).make(lanes)
        memory = MemoryStorage(clock, ids())
        for storage in (sqlite, memory):
            storage.start()
        one, other = Side(sqlite.host("example.com")), Side(memory.host("example.com"))
        for step in history:
            if step[0] in ("turn", "commit"):
                clock.advance(0)
            if step[0] == "commit":
                lanes.run()
            for side in (one, other):
                side.write(step)
            self.compare(one.point_reads(), other.point_reads(), step)
        late = one.long_reads()
        clock.advance(0)
        lanes.run()
        self.assertEqual(sqlite.tickets.settled, sqlite.tickets.issued)
        self.compare(late, other.long_reads(), history)
        self.compare(one.point_reads(), other.point_reads(), history)
        stopped = sqlite.stop()
        lanes.run()
        self.successResultOf(stopped)
        shutil.rmtree(base)

    def compare(self, one: list[Deferred[Any]], other: list[Deferred[Any]], when: object) -> None:
        found = [self.successResultOf(read) for read in one]
        expected = [self.successResultOf(read) for read in other]
        self.assertEqual(found, expected, when)


class PlanTests(SynchronousTestCase):
    """No statement reads a table of ours from end to end."""

    def setUp(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.addCleanup(self.connection.close)
        upgrade.upgrade(self.connection, Path("unused"), upgrade.scripts())

    def scans(self, sql: str, parameters: Any) -> list[str]:
        """Return the steps of a plan that scan a table."""
        rows = self.connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()
        tables = ("archive", "map", "keyvalue", "accounts", "census")
        return [row[3] for row in rows if row[3].startswith("SCAN") and row[3].split()[1] in tables]

    def test_writes(self) -> None:
        found = {
            name: self.scans(sql, ("[]", b"")[: 2 if "?2" in sql else 1])
            for name, sql in vars(sqlite_statements).items()
            if name.isupper() and isinstance(sql, str)
        }
        self.assertEqual({name: scans for name, scans in found.items() if scans}, {})
        self.assertGreater(len(found), 10)

    def test_reads(self) -> None:
        executed: list[tuple[str, Any]] = []

        class Recording(sqlite3.Connection):
            def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
                executed.append((sql, parameters))
                return super().execute(sql, parameters)

        with closing(sqlite3.connect(":memory:", factory=Recording)) as connection:
            connection.executescript("".join(upgrade.scripts()))
            reads: list[Callable[[], object]] = [
                lambda: sqlite_reads.value(connection, 1, "a"),
                lambda: sqlite_reads.pair(connection, 1, "a", "b"),
                lambda: sqlite_reads.pairs(connection, 1, "a"),
                lambda: sqlite_reads.account(connection, 1, "a"),
                lambda: sqlite_reads.account_like(connection, 1, "a"),
                lambda: sqlite_reads.census(connection, 1),
                lambda: sqlite_reads.localparts(connection, 1, "a", 5),
                lambda: sqlite_reads.entries(connection, 1, "a"),
            ]
            for read in reads:
                read()
            for range, limit, backwards, *_ in PAGES:
                named = range.after is None and range.before is None and not range.ids
                if named:
                    sqlite_reads.page(connection, 1, "a", range, limit, backwards)
        for sql, parameters in executed:
            self.assertEqual(self.scans(sql, parameters), [], sql)
        self.assertGreater(len(executed), 20)
