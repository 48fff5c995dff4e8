"""What is settled is on disk: system calls in their order, and a process killed in the middle.

Killing a process leaves the kernel's cache in place, so it shows only that what was promised had
left the process; that it had reached the disk is shown by the trace.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.live.traces import judge
from tests.storage.bench import SqliteMaker
from xmppd.api.storage import Archive, Range

ROOT = Path(__file__).parents[2]

PATIENCE = 120
"""How many seconds a child may take."""


def require(available: bool, what: str) -> None:
    """Skip the test without `what`; fail it where live tests are required."""
    if not available:
        if os.environ.get("XMPPD_REQUIRE_LIVE") == "1":
            raise AssertionError(f"{what} is required")
        raise SkipTest(f"{what} is not available")


def child(path: Path, count: int, window: int, *more: str) -> list[str]:
    module = [sys.executable, "-m", "tests.live.storage_child"]
    return [*module, str(path), str(count), str(window), *more]


def traceable() -> bool:
    """Whether strace is there and allowed to watch."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], check=False).returncode == 0


class TraceTests(SynchronousTestCase):
    """Promises against syncs."""

    COUNT = 12

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.path = self.folder / "xmppd.db"

    def trace(self, *more: str) -> list[str]:
        """Run a child that waits for each ticket, and return the lines of its trace."""
        require(traceable(), "strace")
        output = self.folder / "trace"
        strace = ["strace", "-f", "-y", "-e", "trace=fdatasync,fsync,write,pwrite64"]
        subprocess.run(
            [*strace, "-o", str(output), *child(self.path, self.COUNT, 1, *more)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=PATIENCE,
        )
        return output.read_text("utf-8", "replace").splitlines()

    def test_no_ticket_is_settled_before_its_commit_is_on_disk(self) -> None:
        verdict = judge(self.trace(), f"{self.path}-wal")
        self.assertEqual(verdict.promised, list(range(1, self.COUNT + 1)))
        self.assertEqual(verdict.broken, [])

    def test_a_careless_storage_would_be_caught(self) -> None:
        verdict = judge(self.trace("careless"), f"{self.path}-wal")
        self.assertEqual(verdict.broken, list(range(1, self.COUNT + 1)))


class KillTests(SynchronousTestCase):
    """A process that gets no chance to clean up."""

    def test_what_was_settled_is_there_after_kill_9(self) -> None:
        path = Path(self.mktemp()).absolute()
        with subprocess.Popen(
            child(path, 10**9, 20), cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith("settled") and int(line.split()[1]) > 200:
                    process.send_signal(signal.SIGKILL)
                    break
            lines.extend(line for line in process.stdout if line.endswith("\n"))
        self.assertEqual(process.returncode, -signal.SIGKILL)
        settled = max(int(line.split()[1]) for line in lines if line.startswith("settled"))
        issued = max(int(line.split()[1]) for line in lines if line.startswith("issued"))
        ids = self.stored(path)
        self.assertEqual(ids[:settled], [str(number) for number in range(1, settled + 1)])
        self.assertLessEqual(len(ids), issued)

    def stored(self, path: Path) -> list[str]:
        """Return the ids in the archive the child wrote to, after a new start."""
        storage = SqliteMaker(path, Clock()).make()
        storage.start()
        archive = storage.host("example.com").open("mam", Archive)
        page = self.successResultOf(archive.page("juliet", Range(), 10**6))
        self.successResultOf(storage.stop())
        return [entry.id for entry in page.entries]


LOG = "/data/x-wal"
WRITE = f'7 pwrite64(4<{LOG}>, "\\0\\0"..., 4096, 56) = 4096'
SYNC = f"7 fdatasync(4<{LOG}>)          = 0"
ISSUED = '6 write(1<pipe:[1]>, "issued 1\\n", 9) = 9'
SETTLED = '6 write(1<pipe:[1]>, "settled 1\\n", 10) = 10'

# (what happened, whether the promise was kept)
TRACES = [
    ([ISSUED, WRITE, SYNC, SETTLED], True),
    ([ISSUED, WRITE, WRITE, SYNC, SETTLED], True),
    ([ISSUED, WRITE, SETTLED, SYNC], False),
    ([ISSUED, SETTLED], False),
    ([ISSUED, SYNC, WRITE, SETTLED], False),
    ([ISSUED, WRITE, SYNC, WRITE, SETTLED], False),
    ([WRITE, SYNC, ISSUED, SETTLED], False),
    ([WRITE, ISSUED, SYNC, SETTLED], False),
    ([ISSUED, WRITE, SYNC.replace("= 0", "= -1 EIO"), SETTLED], False),
    ([ISSUED, WRITE, SYNC.replace("x-wal", "x"), SETTLED], False),
    ([ISSUED, WRITE, f"7 fdatasync(4<{LOG}> <unfinished ...>", SETTLED], False),
    (
        [
            ISSUED,
            WRITE,
            f"7 fdatasync(4<{LOG}> <unfinished ...>",
            "8 <... fdatasync resumed>) = 0",
            SETTLED,
        ],
        False,
    ),
    (
        [
            ISSUED,
            WRITE,
            f"7 fdatasync(4<{LOG}> <unfinished ...>",
            "7 <... fdatasync resumed>)             = 0",
            SETTLED,
        ],
        True,
    ),
    (
        [
            ISSUED,
            WRITE,
            f"7 fdatasync(4<{LOG}> <unfinished ...>",
            WRITE.replace("7 ", "8 ", 1),
            "7 <... fdatasync resumed>) = 0",
            SETTLED,
        ],
        False,
    ),
    ([ISSUED, WRITE, "7 +++ exited with 0 +++", "", SYNC, SETTLED], True),
]


class JudgeTests(SynchronousTestCase):
    """The judge itself."""

    def test_traces(self) -> None:
        for lines, kept in TRACES:
            verdict = judge(lines, LOG)
            self.assertEqual((verdict.promised, verdict.broken), ([1], [] if kept else [1]), lines)


class RequireTests(SynchronousTestCase):
    """What happens without the tools."""

    def outcome(self, call: Callable[[], None]) -> str:
        try:
            call()
        except (SkipTest, AssertionError) as error:
            return f"{type(error).__name__}: {error}"
        return "goes on"

    def test_require(self) -> None:
        for required, expected in (
            ("0", "SkipTest: strace is not available"),
            ("1", "AssertionError: strace is required"),
        ):
            self.patch(os, "environ", {"XMPPD_REQUIRE_LIVE": required})
            self.assertEqual(self.outcome(lambda: require(False, "strace")), expected)
            self.assertEqual(self.outcome(lambda: require(True, "strace")), "goes on")
