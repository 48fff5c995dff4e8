"""What `make` runs besides Python's own tools: finding a Python, and the thresholds of coverage."""

import json
import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.installing import CHECKOUT
from tools.coverage_rooms import ALL, main, tallies

OLD = "exit 1"
STAND_IN = "echo 'command not found' >&2; exit 127"
WITHOUT_ENSUREPIP = 'case "$*" in *ensurepip*) exit 1;; esac'
GOOD = 'echo "$0 $*" >> "$LOG"'


class MakeVenvTests(SynchronousTestCase):
    """`tools/make-venv`: (what is on the path, what it exits with, what it did or said)."""

    ROWS: tuple[tuple[dict[str, str], int, str], ...] = (
        ({}, 1, "xmppd needs Python 3.11 or newer; install it, for example: "),
        ({"python3": OLD, "python3.12": STAND_IN}, 1, "xmppd needs Python 3.11 or newer"),
        ({"python3": GOOD}, 0, "python3 -m venv --clear VENV"),
        ({"python3": GOOD, "python3.11": GOOD}, 0, "python3.11 -m venv --clear VENV"),
        ({"python3.11": GOOD, "python3.13": STAND_IN}, 0, "python3.11 -m venv --clear VENV"),
        ({"python3.13": GOOD, "python3.14": OLD}, 0, "python3.13 -m venv --clear VENV"),
        (
            {"python3.12": WITHOUT_ENSUREPIP, "python3.11": GOOD},
            0,
            "python3.11 -m venv --clear VENV",
        ),
        (
            {"python3.11": WITHOUT_ENSUREPIP, "virtualenv": GOOD},
            0,
            "virtualenv --quiet --clear --python python3.11 VENV",
        ),
        (
            {"python3.11": WITHOUT_ENSUREPIP},
            1,
            "python3.11 cannot make virtual environments; install that: apt-get install",
        ),
    )

    def make(self, commands: dict[str, str], venv: Path | None = None) -> tuple[int, str]:
        """Run it where nothing else is on the path; return its status, and the last line."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        for name, script in commands.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
        log = folder / "log"
        done = subprocess.run(
            ["/bin/sh", CHECKOUT / "tools" / "make-venv", venv or "VENV"],
            env={"PATH": str(folder), "LOG": str(log)},
            capture_output=True,
            text=True,
            check=False,
        )
        logged = log.read_text().replace(f"{folder}/", "") if log.exists() else ""
        return done.returncode, (logged + done.stdout + done.stderr).strip().rpartition("\n")[2]

    def test_which_python(self) -> None:
        for commands, status, said in self.ROWS:
            found, line = self.make(commands)
            self.assertEqual(found, status, (commands, line))
            self.assertTrue(line.startswith(said), (commands, line))

    def test_a_good_environment_is_kept(self) -> None:
        venv = Path(self.mktemp()).absolute()
        (venv / "bin").mkdir(parents=True)
        (venv / "bin" / "python").symlink_to(sys.executable)
        self.assertEqual(self.make({"python3": STAND_IN}, venv), (0, ""))


class HelpTests(SynchronousTestCase):
    """`make help`."""

    def test_it_lists_every_target(self) -> None:
        done = subprocess.run(
            ["make", "help"],
            cwd=CHECKOUT,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=True,
        )
        listed = [line.split()[1] for line in done.stdout.splitlines()]
        (phony,) = (
            line
            for line in (CHECKOUT / "Makefile").read_text().splitlines()
            if line.startswith(".PHONY:")
        )
        self.assertEqual(sorted(listed), sorted(phony.split()[1:]))


def summary(statements: int, covered: int, branches: int = 0) -> dict[str, object]:
    """Return what a coverage report says of a file whose branches were all taken."""
    return {
        "summary": {
            "num_statements": statements,
            "covered_lines": covered,
            "num_branches": branches,
            "covered_branches": branches,
        }
    }


class CoverageRoomsTests(SynchronousTestCase):
    """`tools/coverage_rooms.py`: (the files of a report, the rooms below their thresholds)."""

    ROWS: tuple[tuple[dict[str, dict[str, object]], list[str]], ...] = (
        ({}, []),
        ({"xmppd/wire/parser.py": summary(100, 100, 40)}, []),
        ({"xmppd/wire/parser.py": summary(1000, 999, 40)}, ["xmppd/wire"]),
        ({"xmppd/net/tls.py": summary(100, 90)}, []),
        ({"xmppd/net/tls.py": summary(100, 89)}, ["xmppd/net", ALL]),
        ({"xmppd/net/tls.py": summary(100, 89, 10)}, []),
        ({"xmppd/auth/realm.py": summary(100, 94), "xmppd/auth/keys.py": summary(100, 96)}, []),
        (
            {"xmppd/auth/realm.py": summary(100, 94), "xmppd/auth/keys.py": summary(100, 95)},
            ["xmppd/auth"],
        ),
        (
            {"xmppd/routing/delivery.py": summary(10, 9), "xmppd/routing/router.py": summary(9, 9)},
            ["xmppd/routing/delivery.py"],
        ),
        ({"xmppd/makers.py": summary(10, 8), "xmppd/net/tls.py": summary(99, 99)}, ["xmppd"]),
    )

    def test_thresholds(self) -> None:
        for files, low in self.ROWS:
            report = Path(self.mktemp())
            report.write_text(json.dumps({"files": files}))
            done = subprocess.run(
                [sys.executable, CHECKOUT / "tools" / "coverage_rooms.py", report],
                capture_output=True,
                text=True,
                check=False,
            )
            found = [line for line in done.stdout.splitlines() if line.startswith("LOW")]
            self.assertEqual([line.split()[-1] for line in found], low, done.stderr)
            self.assertEqual(done.returncode, 1 if low else 0)

    def test_what_is_missing_is_named(self) -> None:
        tally = tallies({"files": {"xmppd/wire/parser.py": summary(10, 7)}})["xmppd/wire"]
        self.assertEqual(tally.lacking, ("xmppd/wire/parser.py 3",))
        self.assertRaises(ValueError, main, [])
