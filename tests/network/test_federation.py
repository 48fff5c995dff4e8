"""A block of seeds of the simulated federation, and that it would find what it looks for."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.network.federation import run
from tests.network.planted import PLANTED, Bug
from tests.network.scenario import DOMAINS
from xmppd.routing.host import LocalHost

CHECKOUT = Path(__file__).resolve().parents[2]

SEEDS = range(40, 46)
"""`make simulate` has many more, and sees that everything is reached."""

WITHIN = 60
"""How many seeds it may take until a planted bug is found."""

RUN = "from tests.network.federation import run; print(run(44).digest)"


class FederationTests(SynchronousTestCase):
    """Five servers, whatever happens to them."""

    def test_everything_holds(self) -> None:
        counts: Counter[str] = Counter()
        for seed in SEEDS:
            outcome = run(seed)
            self.assertEqual((), outcome.broken, f"seed {seed}")
            counts += outcome.counts
        self.assertGreater(counts["delivered"], 100)

    def test_a_seed_makes_a_run_again(self) -> None:
        """To the last byte, whatever Python does with hashes, and whatever ran before."""
        digests = {run(44).digest}
        for hashes in ("1", "2"):
            done = subprocess.run(
                [sys.executable, "-c", RUN],
                env={"PYTHONHASHSEED": hashes, "PYTHONPATH": str(CHECKOUT)},
                capture_output=True,
                text=True,
                check=True,
            )
            digests.add(done.stdout.strip())
        self.assertEqual(1, len(digests))
        self.assertNotEqual(digests, {run(45).digest})

    def test_on_sqlite(self) -> None:
        """A run there is as good as in memory, and can be made again as well."""
        one, other = (run(46, sqlite=True) for _ in range(2))
        self.assertEqual((), one.broken)
        self.assertEqual((1, one.digest), (one.counts["runs on SQLite"], other.digest))


class PlantedTests(SynchronousTestCase):
    """Bugs that are put in are found."""

    def found(self, bug: Bug) -> bool:
        """Tell whether a run says what the check for that bug does."""
        for seed in range(WITHIN):
            with bug.plant():
                if any(re.match(bug.told, told) for told in run(seed, often=bug.often).broken):
                    return True
        return False

    def test_each(self) -> None:
        """By the check that is meant for it, whatever the others say."""
        self.assertGreaterEqual(len(PLANTED), 10)
        missed = [name for name, bug in PLANTED.items() if not self.found(bug)]
        self.flushLoggedErrors()
        self.assertEqual([], missed)

    def test_they_are_taken_out_again(self) -> None:
        before = LocalHost.route
        with PLANTED["subscriptions never denied"].plant():
            self.assertIsNot(before, LocalHost.route)
        self.assertIs(before, LocalHost.route)


class CommandTests(SynchronousTestCase):
    """`make simulate`."""

    def command(self, *arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "tests.network.simulate", *arguments],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def test_a_few(self) -> None:
        status, printed = self.command("3", "--first", "50")
        self.assertEqual(0, status)
        self.assertTrue(printed.endswith("3 seeds, 0 broken\n"), printed)
        self.assertRegex(printed, r" +\d+ delivered\n")

    def test_one_in_full(self) -> None:
        status, printed = self.command("--trace", "50")
        self.assertEqual(0, status)
        for domain in DOMAINS:
            self.assertIn(f"{domain}                    starts", printed)
        self.assertIn("<stream:stream", printed)
