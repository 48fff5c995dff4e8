"""The lock on the data, taken by this process and by another."""

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from xmppd.service.lock import DataLock, DataUnusable, make_private

HOLD = """
import fcntl, sys
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


class LockTests(SynchronousTestCase):
    """One at a time."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute() / "data" / "lock"

    def test_it_makes_a_private_directory(self) -> None:
        with DataLock(self.path):
            self.assertEqual(self.path.parent.stat().st_mode & 0o777, 0o700)
            self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
            self.assertEqual(self.path.read_text(), f"{os.getpid()}\n")

    def test_nobody_else_gets_it(self) -> None:
        with DataLock(self.path):
            error = self.assertRaises(DataUnusable, DataLock(self.path).acquire)
        self.assertEqual(
            str(error), f"the data in {self.path.parent} are in use by process {os.getpid()}"
        )

    def test_it_can_be_had_again(self) -> None:
        lock = DataLock(self.path)
        for _ in range(2):
            lock.acquire()
            lock.release()
            lock.release()
        with DataLock(self.path):
            self.assertRaises(DataUnusable, lock.acquire)

    def test_another_process(self) -> None:
        self.path.parent.mkdir(parents=True)
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert holder.stdout is not None
        self.addCleanup(holder.communicate)
        self.addCleanup(holder.kill)
        self.assertEqual(holder.stdout.readline(), b"held\n")
        error = self.assertRaises(DataUnusable, DataLock(self.path).acquire)
        self.assertEqual(str(error), f"the data in {self.path.parent} are in use")
        holder.kill()
        holder.wait()
        DataLock(self.path).acquire()

    def test_root_leaves_it_to_the_owner_of_the_data(self) -> None:
        owners: list[tuple[int, int]] = []
        self.patch(os, "fchown", lambda file, user, group: owners.append((user, group)))
        for user, expected in ((0, [(os.getuid(), os.getgid())]), (1000, [])):
            owners.clear()
            self.patch(os, "geteuid", lambda user=user: user)
            with DataLock(self.path):
                self.assertEqual(owners, expected)

    def test_places_where_it_cannot_be(self) -> None:
        self.path.parent.parent.mkdir()
        self.path.parent.touch()
        error = self.assertRaises(DataUnusable, DataLock(self.path).acquire)
        self.assertEqual(str(error), f"{self.path.parent}: cannot be made (File exists)")
        self.path.parent.unlink()
        self.path.mkdir(parents=True)
        error = self.assertRaises(DataUnusable, DataLock(self.path).acquire)
        self.assertEqual(str(error), f"{self.path}: cannot be opened (Is a directory)")

    def test_a_link_that_leads_nowhere(self) -> None:
        self.path.parent.parent.mkdir()
        self.path.parent.symlink_to("/nowhere/data")
        error = self.assertRaises(DataUnusable, DataLock(self.path).acquire)
        leads = "is a symbolic link to /nowhere/data, which is not there"
        self.assertEqual(str(error), f"{self.path.parent}: {leads}")

    def test_a_directory_that_is_there_is_left_alone(self) -> None:
        self.path.parent.mkdir(parents=True, mode=0o755)
        make_private(self.path.parent)
        self.assertEqual(self.path.parent.stat().st_mode & 0o777, 0o755)
