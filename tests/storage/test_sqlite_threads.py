"""SQLite with real threads: the same answers, everything settled, nothing left running."""

from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from threading import current_thread, enumerate, main_thread
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.storage.bench import Settlements, ids
from tests.storage.contract import account
from xmppd.api.storage import Archive, KeyValue, Map, Range, when_settled
from xmppd.storage.sqlite import READERS, SqliteStorage
from xmppd.storage.sqlite_reads import FEW_BYTES, FEW_ROWS

T = TypeVar("T")

PATIENCE = 30.0
"""How many seconds a thread may take before the test gives up."""


class ThreadTests(SynchronousTestCase):
    """The test's thread stands for the reactor's."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.calls: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self.before = len(enumerate())
        path = Path(self.mktemp()).absolute()
        self.storage = SqliteStorage(path, self.clock, self.to_reactor, ids())
        self.storage.start()
        self.addCleanup(lambda: self.wait(self.storage.stop()))
        self.host = self.storage.host("example.com")

    def to_reactor(self, function: Callable[..., object], *args: object) -> None:
        self.assertIsNot(current_thread(), main_thread())
        self.calls.put(lambda: function(*args))

    def wait(self, deferred: Deferred[T]) -> T:
        """Be the reactor until `deferred` fires."""
        self.clock.advance(0)
        while not deferred.called:
            self.calls.get(timeout=PATIENCE)()
        return self.successResultOf(deferred)

    def test_everything_at_once(self) -> None:
        told = Settlements()
        self.storage.tickets.watch(told)
        vcards = self.host.open("vcard", KeyValue)
        rosters = self.host.open("roster", Map)
        archive = self.host.open("mam", Archive)
        counts = []
        for number in range(300):
            vcards.put(f"user{number}", b"%d" % number)
            rosters.put("juliet", f"key{number:03}", b"%d" % number)
            archive.append("juliet", b"%d" % number, when=float(number))
            if number % 10 == 0:
                counts.append(archive.count("juliet"))
                self.clock.advance(0)
        self.wait(self.host.accounts.create(account("juliet")))
        # Each saw all that was written before it was asked for, and maybe more.
        for written, count in zip(range(1, 301, 10), counts, strict=True):
            self.assertGreaterEqual(self.wait(count), written)
        self.assertEqual(len(self.wait(rosters.items("juliet"))), 300)
        page = self.wait(archive.page("juliet", Range(), 300))
        self.assertEqual([entry.value for entry in page.entries], [b"%d" % n for n in range(300)])
        self.assertEqual(self.wait(vcards.get("user299")), b"299")
        last = archive.append("juliet", b"", when=0.0).ticket
        self.wait(self.storage.stop())
        self.assertEqual(told.told[-1], (last, []))
        self.assertEqual(sorted(told.told), told.told)
        self.assertEqual(len(enumerate()), self.before)

    def test_its_threads_are_named_and_gone_after_stop(self) -> None:
        mine = sorted(thread.name for thread in enumerate() if thread.name.startswith("storage-"))
        expected = [f"storage-reader-{number}" for number in range(READERS)]
        self.assertEqual(mine, [*expected, "storage-writer"])
        self.wait(self.storage.stop())
        self.assertEqual(len(enumerate()), self.before)

    def test_what_is_short_needs_no_thread(self) -> None:
        """At most so many rows and bytes of one owner, once nothing is left to be written."""
        rosters, archive = self.host.open("roster", Map), self.host.open("mam", Archive)
        for rows, size, at_once in (
            (0, 0, True),
            (1, FEW_BYTES, True),
            (1, FEW_BYTES + 1, False),
            (FEW_ROWS, 1, True),
            (FEW_ROWS + 1, 1, False),
        ):
            owner = f"{rows}x{size}"
            for row in range(rows):
                rosters.put(owner, str(row), b"x" * size)
                last = archive.append(owner, b"x" * size, when=0.0).ticket
                self.assertNoResult(rosters.items(owner))
            if rows:
                self.wait(when_settled(self.storage.tickets, last))
            items, page = rosters.items(owner), archive.page(owner, Range(), 1000)
            self.assertEqual((at_once, at_once), (items.called, page.called), owner)
            self.assertEqual(rows, len(self.wait(items)))
            self.assertEqual([b"x" * size] * rows, [e.value for e in self.wait(page).entries])
