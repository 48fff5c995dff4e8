"""The same events at the same time, however a stream is cut up (see `tests.wire.every_split`)."""

import os
import subprocess
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.wire import every_split
from tests.wire.streams import feed_all, new_parser

ROOT = Path(every_split.__file__).parents[2]
SYSTEM_PYTHON = Path("/usr/bin/python3")


class EverySplitTests(SynchronousTestCase):
    """Streams cut at every position."""

    def test_as_expat_is(self) -> None:
        self.assertEqual(every_split.problems(None), [])

    def test_holding_back(self) -> None:
        self.assertEqual(every_split.problems(True), [])

    def test_same_with_and_without(self) -> None:
        for pieces in (every_split.PIECES, every_split.BIG):
            data = b"".join(pieces)
            plain, held = (feed_all(new_parser(hold_back=hold), [data]) for hold in (None, True))
            self.assertEqual(plain, held)
            self.assertEqual(len(plain), len(pieces))

    def test_the_check_sees_what_is_late(self) -> None:
        """A piece that completes nothing is one event too few."""
        pieces = (*every_split.PIECES[:2], b"<a>", b"</a>")
        self.assertNotEqual(every_split.problem(pieces, [b"".join(pieces)], None), None)

    def test_the_interpreter_of_the_system(self) -> None:
        """Its expat may put off parsing and say nothing of it."""
        if not SYSTEM_PYTHON.exists():
            raise SkipTest(f"no {SYSTEM_PYTHON}")
        version = subprocess.run(
            [SYSTEM_PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"], check=False
        )
        if version.returncode:
            raise SkipTest(f"{SYSTEM_PYTHON} is older than 3.11")
        run = subprocess.run(
            [SYSTEM_PYTHON, "-B", "-m", "tests.wire.every_split"],
            cwd=ROOT,
            env={"PATH": os.defpath},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual((run.returncode, run.stdout.strip(), run.stderr), (0, "", ""))
