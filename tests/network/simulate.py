"""Runs many seeds of the simulated federation: `make simulate SEEDS=1000`.

It prints every run in which something did not hold, with what happened in it, and how often what
was reached. `--trace` shows one seed with all that went between servers.
"""

import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from os.path import relpath

from tests.network.attackers import ATTACKS, HOST
from tests.network.faults import ELSEWHERE, HOME
from tests.network.federation import Outcome, run
from tests.network.story import line, stories
from xmppd.testing.network import Certificate

COMMAND = f"{relpath(sys.executable)} -m tests.network.simulate"

STORIES = 5
"""How many things that are broken in one run are told in full."""

REACHED = (
    "delivered",
    "kept for who was away",
    "returned",
    "returned to who came back",
    "in doubt",
    "delivered and returned in doubt",
    "crashes with pending writes",
    "power failures",
    "stops",
    "stops for longer than messages wait",
    "resets",
    "cuts",
    "slow servers",
    "narrow ways",
    "floods",
    "left with something to be sent",
    "DNS failures",
    *(f"the DNS has lied: {host}" for host in (ELSEWHERE, HOME, HOST)),
    *(f"shown: {certificate.value}" for certificate in Certificate),
    "failed commits",
    "forgeries",
    *(f"attacks: {kind}" for kind in ATTACKS),
    "servers in the trap",
    "servers behind dialback",
    "servers reached by direct TLS",
    "servers without stream management",
    "servers with streams both ways",
    "streams that acknowledge",
    "subscriptions",
    "block lists changed",
    "answers",
    "runs on SQLite",
    "runs in which nothing goes wrong",
)
"""What a block of a hundred runs or more has to reach, or it shows nothing."""


def main(arguments: Sequence[str]) -> int:
    """Run seeds; return 0 if everything held."""
    parser = ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("seeds", type=int, nargs="?", default=100, help="how many seeds to run")
    parser.add_argument("--first", type=int, default=0, help="the first one")
    parser.add_argument("--jobs", type=int, default=2, help="processes to run them in")
    parser.add_argument("--trace", type=int, help="show this seed alone, with every byte")
    options = parser.parse_args(arguments)
    if options.trace is not None:
        outcome = run(options.trace, bodies=True)
        print(*map(line, outcome.notes), "", sep="\n")
        show(outcome)
        return bool(outcome.broken)
    counts: Counter[str] = Counter()
    broken = 0
    seeds = range(options.first, options.first + options.seeds)
    with ProcessPoolExecutor(options.jobs) as pool:
        for outcome in pool.map(run, seeds, chunksize=4):
            counts += outcome.counts
            broken += bool(outcome.broken)
            if outcome.broken:
                show(run(outcome.seed, bodies=True))
    for what, count in sorted(counts.items()):
        print(f"{count:8} {what}")
    missing = [what for what in REACHED if not counts[what]] if options.seeds >= 100 else []
    for what in missing:
        print(f"nothing of this was reached: {what}")
    print(f"{options.seeds} seeds, {broken} broken")
    return 1 if broken or missing else 0


def show(outcome: Outcome) -> None:
    """Print what is wrong with a run, what led to it, and how to see all of it."""
    print(*stories(outcome.broken[:STORIES], outcome.notes), sep="\n")
    print(f"seed {outcome.seed}:", *outcome.broken or ("everything held",), sep="\n    ")
    print(f"all of it: {COMMAND} --trace {outcome.seed}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
