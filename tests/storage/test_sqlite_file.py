"""Opening a SQLite file: modes, locks, settings, and what cannot be opened."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.storage.bench import SqliteMaker
from xmppd.api.storage import Archive, KeyValue, Map, StorageError
from xmppd.storage import sqlite_file, upgrade
from xmppd.storage.sqlite import SqliteStorage


class OpeningTests(SynchronousTestCase):
    """What `start` makes, checks and refuses."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.path = self.folder / "data ?#%41" / "xmppd.db"
        self.clock = Clock()
        self.maker = SqliteMaker(self.path, self.clock)

    def started(self) -> SqliteStorage:
        storage = self.maker.make()
        storage.start()
        return storage

    def stop(self, storage: SqliteStorage) -> None:
        self.successResultOf(storage.stop())

    def refused(self) -> str:
        """Return why the storage does not start, in what must be one line."""
        reason = str(self.assertRaises(StorageError, self.maker.make().start))
        self.assertNotIn("\n", reason)
        self.assertIn(str(self.path), reason)
        return reason.replace(str(self.path), "PATH")

    def test_constructing_has_no_effects(self) -> None:
        self.maker.make()
        self.assertFalse(self.folder.exists())

    def test_data_is_for_its_owner_only(self) -> None:
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        storage = self.started()
        storage.host("example.com").open("vcard", KeyValue).put("juliet", b"1")
        self.clock.advance(0)
        modes = {item.name: item.stat().st_mode & 0o777 for item in self.path.parent.iterdir()}
        self.stop(storage)
        self.assertEqual(self.path.parent.stat().st_mode & 0o777, 0o700)
        self.assertEqual(
            modes,
            dict.fromkeys(["xmppd.db", "xmppd.db-wal", "xmppd.db-shm", "xmppd.db.lock"], 0o600),
        )

    def test_data_is_there_after_a_restart(self) -> None:
        storage = self.started()
        host = storage.host("example.com")
        host.open("vcard", KeyValue).put("juliet", b"1")
        host.open("mam", Archive).append("juliet", b"2", when=1.0)
        self.stop(storage)
        self.assertFalse(self.path.with_name("xmppd.db-wal").exists())
        again = self.started()
        host = again.host("example.com")
        value = host.open("vcard", KeyValue).get("juliet")
        self.assertEqual(self.successResultOf(value), b"1")
        count = host.open("mam", Archive).count("juliet")
        self.assertEqual(self.successResultOf(count), 1)
        self.assertRaises(StorageError, host.open, "mam", Map)
        self.stop(again)

    def test_a_store_opened_with_another_shape_than_it_had(self) -> None:
        storage = self.started()
        storage.host("example.com").open("mam", Archive).append("a", b"", when=1.0)
        self.stop(storage)
        storage = self.maker.make()
        storage.host("example.com").open("mam", Map)
        error = self.assertRaises(StorageError, storage.start)
        self.assertEqual(
            str(error), "the store 'mam' of example.com is of the shape Map, not Archive"
        )
        self.stop(self.started())

    def test_commits_are_set_to_be_durable(self) -> None:
        storage = self.started()
        pragmas = {
            name: self.maker.writer.execute(f"PRAGMA {name}").fetchall()[0][0]
            for name in ("journal_mode", "synchronous", "journal_size_limit", "user_version")
        }
        self.stop(storage)
        self.assertEqual(
            pragmas,
            {
                "journal_mode": "wal",
                "synchronous": sqlite_file.FULL,
                "journal_size_limit": sqlite_file.LOG_LIMIT,
                "user_version": len(upgrade.scripts()),
            },
        )

    def test_settings_that_do_not_hold(self) -> None:
        self.patch(sqlite_file, "FULL", 3)
        self.assertEqual(self.refused(), "PATH: SQLite does not keep to synchronous")

    def test_readers_cannot_write(self) -> None:
        storage = self.started()
        for reader in self.maker.connections.made[1:]:
            self.assertRaises(sqlite3.OperationalError, reader.execute, "DELETE FROM archive")
        self.stop(storage)

    def test_a_second_server(self) -> None:
        storage = self.started()
        self.assertEqual(self.refused(), "PATH is in use by another process")
        self.stop(storage)
        self.stop(self.started())

    def test_another_program_at_work_on_the_file(self) -> None:
        self.stop(self.started())
        with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            self.assertEqual(self.refused(), "PATH is in use by another process")
        self.stop(self.started())

    def test_no_database(self) -> None:
        self.path.parent.mkdir(parents=True)
        self.path.write_bytes(b"Dear diary, " * 1000)
        self.assertEqual(self.refused(), "PATH is not a database")
        self.assertEqual(self.path.read_bytes(), b"Dear diary, " * 1000)

    def test_a_database_of_another_program(self) -> None:
        self.path.parent.mkdir(parents=True)
        with closing(sqlite3.connect(self.path)) as other:
            other.execute("CREATE TABLE diary (day)")
            other.commit()
        before = self.path.read_bytes()
        self.assertEqual(self.refused(), "PATH is a database of another program")
        self.assertEqual(self.path.read_bytes(), before)

    def test_a_newer_schema(self) -> None:
        self.stop(self.started())
        with closing(sqlite3.connect(self.path)) as other:
            other.execute("PRAGMA user_version = 999")
        self.assertEqual(
            self.refused(),
            f"PATH was written by a newer xmppd (schema 999, this one knows"
            f" {len(upgrade.scripts())})",
        )

    def test_a_damaged_database(self) -> None:
        self.stop(self.started())
        content = bytearray(self.path.read_bytes())
        content[100:4096] = b"\xff" * 3996
        self.path.write_bytes(content)
        self.assertIn("PATH cannot be used: ", self.refused())

    def test_a_folder_in_the_place_of_the_file(self) -> None:
        self.path.mkdir(parents=True)
        self.assertEqual(self.refused(), "PATH cannot be opened")

    def test_a_file_in_the_place_of_the_folder(self) -> None:
        self.folder.mkdir()
        self.path.parent.write_bytes(b"")
        self.assertEqual(self.refused(), "PATH cannot be opened: File exists")

    def test_a_file_that_cannot_be_written(self) -> None:
        self.stop(self.started())
        connect = self.maker.connections

        def read_only(name: str, **more: object) -> sqlite3.Connection:
            return connect(name.replace("mode=rw", "mode=ro"), **more)

        storage = SqliteStorage(self.path, self.clock, self.called, str, connect=read_only)
        error = self.assertRaises(StorageError, storage.start)
        self.assertEqual(str(error), f"{self.path} cannot be written")

    def called(self, function: object, *args: object) -> None:
        raise AssertionError("nothing is called back when nothing has started")

    def test_an_old_sqlite(self) -> None:
        self.patch(sqlite_file, "OLDEST", (99, 0, 0))
        error = self.assertRaises(StorageError, self.maker.make().start)
        self.assertIn("is too old", str(error))

    def test_nothing_is_left_open_when_it_cannot_start(self) -> None:
        self.stop(self.started())
        self.maker.connections.made.clear()
        self.patch(upgrade, "APPLICATION", 1)
        self.refused()
        for connection in self.maker.connections.made:
            self.assertRaises(sqlite3.ProgrammingError, connection.execute, "SELECT 1")
        shutil.rmtree(self.folder)


class UpgradeTests(SynchronousTestCase):
    """Numbered scripts, one after the other, all or none."""

    STEPS = (
        f"PRAGMA application_id = {upgrade.APPLICATION}; CREATE TABLE one (a);",
        "ALTER TABLE one ADD COLUMN b; INSERT INTO one VALUES (1, 2);",
        "CREATE TABLE three (c);",
    )

    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute()
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.addCleanup(self.connection.close)

    def version(self, path: Path | None = None) -> int:
        with closing(sqlite3.connect(path or self.path)) as connection:
            ((version,),) = connection.execute("PRAGMA user_version").fetchall()
        assert isinstance(version, int)
        return version

    def beside(self) -> list[str]:
        """Return the names of backup files, without what they share."""
        names = [item.name for item in self.path.parent.iterdir()]
        return [name[len(self.path.name) :] for name in names if f"{self.path.name}." in name]

    def test_a_new_file_goes_through_all(self) -> None:
        upgrade.upgrade(self.connection, self.path, self.STEPS)
        self.assertEqual(self.connection.execute("SELECT b FROM one").fetchall(), [(2,)])
        self.assertEqual(self.version(), 3)
        self.assertEqual(self.beside(), [])

    def test_a_file_of_the_newest_schema_is_left_alone(self) -> None:
        upgrade.upgrade(self.connection, self.path, self.STEPS)
        upgrade.upgrade(self.connection, self.path, self.STEPS)
        self.assertEqual(len(self.connection.execute("SELECT * FROM one").fetchall()), 1)
        self.assertEqual(self.beside(), [])

    def test_an_older_file_is_copied_and_goes_through_the_rest(self) -> None:
        upgrade.upgrade(self.connection, self.path, self.STEPS[:1])
        upgrade.upgrade(self.connection, self.path, self.STEPS)
        backup = self.path.with_name(f"{self.path.name}.before-3")
        self.assertEqual((self.version(), self.version(backup)), (3, 1))
        self.assertEqual(backup.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.beside(), [".before-3"])

    def test_a_copy_left_half_made_is_made_anew(self) -> None:
        upgrade.upgrade(self.connection, self.path, self.STEPS[:2])
        unfinished = self.path.with_name(f"{self.path.name}.before-3.part")
        unfinished.write_bytes(b"half")
        upgrade.upgrade(self.connection, self.path, self.STEPS)
        self.assertEqual(self.beside(), [".before-3"])

    def test_a_step_that_fails_undoes_all(self) -> None:
        upgrade.upgrade(self.connection, self.path, self.STEPS[:1])
        for bad in ("INSERT INTO nowhere VALUES (1);", "this is no SQL;"):
            steps = (*self.STEPS[:2], bad)
            with self.assertRaises(sqlite3.Error):
                upgrade.upgrade(self.connection, self.path, steps)
            self.assertEqual(self.version(), 1)
            self.assertEqual(self.connection.execute("SELECT * FROM one").description[0][0], "a")
        upgrade.upgrade(self.connection, self.path, self.STEPS)
        self.assertEqual(self.version(), 3)

    def test_a_file_in_use_is_not_upgraded(self) -> None:
        self.connection.execute("PRAGMA busy_timeout = 0")
        with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with self.assertRaises(sqlite3.OperationalError):
                upgrade.upgrade(self.connection, self.path, self.STEPS)
        self.assertEqual(self.version(), 0)

    def test_the_scripts_are_numbered_without_gaps(self) -> None:
        folder = Path(upgrade.__file__).with_name("schema")
        names = sorted(item.name for item in folder.glob("*.sql"))
        self.assertEqual([int(name[:4]) for name in names], list(range(1, len(names) + 1)))
        self.assertEqual([text[:3] for text in upgrade.scripts()], ["-- "] * len(names))
