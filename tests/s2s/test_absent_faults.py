"""Errors for senders who are away, on disks that are slow, fail or are full of nonsense."""

from typing import Any

from twisted.internet.defer import Deferred

from tests.s2s.test_absent import DOUBT, AbsentCase
from tests.s2s.test_outgoing import JULIET, ROMEO, message
from tests.s2s.world import CAPULET, service
from xmppd.api.storage import Page, StorageError
from xmppd.s2s.absent import TIDY_SECONDS, Absent


class FaultTests(AbsentCase):
    """Disks that are too slow, fail, or hold what cannot be read; an end in the middle."""

    def behind(self, *_arguments: object, **_more: object) -> Any:
        raise StorageError("too far behind")

    def test_a_disk_too_far_behind_to_keep(self) -> None:
        """The message stays where it is, and is returned later, or by the next run."""
        self.sends(message("1"))
        self.goes()
        self.patch(service(self.server).absent._archive, "append", self.behind)
        self.world.passes(15)
        self.assertEqual((self.kept(), self.on_disk()), ((0, 1), 0))
        self.restarts()
        self.assertEqual(self.errors(self.comes_back()), [("1", DOUBT)])

    def test_a_disk_that_cannot_be_read(self) -> None:
        """Who comes again is told when it can."""
        self.returned("1")
        read = service(self.server).absent._archive.page
        self.patch(service(self.server).absent._archive, "page", self.behind)
        self.assertEqual(self.errors(self.comes_back()), [])
        self.assertEqual(len(self.flushLoggedErrors(StorageError)), 1)
        self.goes()
        self.patch(service(self.server).absent._archive, "page", read)
        self.assertEqual(self.ids(self.comes_back()), ["1"])

    def test_a_disk_that_cannot_be_written(self) -> None:
        """Nobody is told what could not be forgotten, and would be told again."""
        self.returned("1", "2")
        archive = service(self.server).absent._archive
        remove = archive.remove
        self.patch(archive, "remove", self.behind)
        juliet = self.comes_back()
        self.assertEqual((self.errors(juliet), self.on_disk()), ([], 2))
        self.assertEqual(len(self.flushLoggedErrors(StorageError)), 1)
        self.patch(archive, "remove", remove)
        self.world.clock.advance(TIDY_SECONDS)
        self.world.turn()
        self.assertEqual((self.ids(juliet), self.on_disk()), (["1", "2"], 0))

    def test_a_commit_that_fails_as_it_is_kept(self) -> None:
        self.sends(message("1"))
        self.goes()
        self.world.storage(CAPULET).latency = 2.0
        while not len(service(self.server).absent):
            self.world.passes(1)
        self.world.storage(CAPULET).fail_next_commit()
        self.world.passes(5)
        self.assertEqual((self.kept(), self.on_disk()), ((0, 1), 0))
        self.assertEqual(self.errors(self.comes_back()), [])
        self.assertEqual(len(service(self.server).absent), 0)
        self.restarts()
        self.assertEqual(self.errors(self.comes_back()), [("1", DOUBT)])

    def test_a_crash_as_it_is_given(self) -> None:
        """It is given again, not lost."""
        self.returned("1")
        self.world.storage(CAPULET).latency = 2.0
        self.assertEqual(self.ids(self.comes_back()), ["1"])
        self.restarts()
        self.assertEqual(self.ids(self.comes_back()), ["1"])

    def test_what_cannot_be_read(self) -> None:
        self.returned("1")
        archive = service(self.server).absent._archive
        archive.append("", b"nonsense", when=self.world.wall.now(), contact=f"juliet@{CAPULET}")
        self.world.turn()
        self.assertGreater(self.on_disk(), 0)
        self.restarts()
        self.assertEqual(self.ids(self.comes_back()), ["1"])
        self.assertEqual(self.on_disk(), 0)

    def test_what_cannot_be_read_and_is_too_old(self) -> None:
        archive = service(self.server).absent._archive
        archive.append("", b"nonsense", when=0.0, contact=f"juliet@{CAPULET}")
        archive.append("", b"nonsense", when=0.0, contact="@")
        self.world.turn()
        self.assertGreater(self.on_disk(), 0)
        self.restarts()
        self.world.passes(2)
        self.assertEqual((self.on_disk(), len(service(self.server).absent)), (0, 0))

    def test_stopped_before_who_comes_is_told(self) -> None:
        self.returned("1")
        service(self.server).outgoing.end()
        self.assertEqual(self.errors(self.comes_back()), [])
        self.world.passes(2)
        self.goes()
        self.restarts()
        self.assertEqual(self.ids(self.comes_back()), ["1"])

    def test_stopped_in_the_middle(self) -> None:
        self.returned("1")
        reading: Deferred[Page] = Deferred()
        self.patch(service(self.server).absent._archive, "page", lambda *_: reading)
        juliet = self.comes_back()
        service(self.server).outgoing.end()
        self.world.turn()
        self.assertEqual((self.ids(juliet), self.on_disk()), ([], 1))

    def test_nothing_secret_is_logged(self) -> None:
        """Addresses, and nothing else of a message that nobody will hear of."""
        lines: list[str] = []
        self.patch(Absent, "_log", _Lines(lines))
        self.returned("1")
        self.world.wall.seconds += 20_000
        self.world.clock.advance(TIDY_SECONDS)
        self.world.passes(2)
        reason = "nobody was there for too long"
        text = f"{JULIET} is not told that its message to {ROMEO} has come back: {reason}"
        self.assertEqual(lines, [text])


class _Lines:
    """A log that keeps its lines."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def info(self, format: str, **fields: object) -> None:
        self._lines.append(format.format(**fields))
