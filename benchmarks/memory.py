"""Bytes an idle client costs inside the server, by what they are spent on.

Clients are logged in without sockets, so kernel and transport memory is left out, and so is TLS.
Run it as::

    python benchmarks/memory.py [--clients 2000]
"""

import argparse
import gc
import sys
import tracemalloc
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.harness import Bench


def measure(bench: Bench, count: int) -> tuple[int, list[object]]:
    """Log in `count` clients; return the bytes they took and the clients."""
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    clients: list[object] = [bench.client(f"user{index}") for index in range(count)]
    gc.collect()
    return tracemalloc.get_traced_memory()[0] - before, clients


def main() -> None:
    """Report bytes per client, awake and asleep, and the biggest classes of objects."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--clients", type=int, default=2000)
    options.add_argument("--lines", action="store_true", help="name the lines that allocate most")
    chosen = options.parse_args()
    bench = Bench()
    bench.client("warm-up")
    tracemalloc.start(12 if chosen.lines else 1)
    objects = Counter(type(each).__name__ for each in gc.get_objects())
    taken, clients = measure(bench, chosen.clients)
    awake = taken / chosen.clients
    more = Counter(type(each).__name__ for each in gc.get_objects())
    more.subtract(objects)
    before = tracemalloc.get_traced_memory()[0]
    bench.clock.advance(60)
    bench.server.clients.sweep()
    gc.collect()
    slept = (before - tracemalloc.get_traced_memory()[0]) / chosen.clients
    print(f"{awake:,.0f} bytes a client as Python counts them, with its account in memory")
    print(f"{slept:,.0f} of them given back once it has been quiet for a while")
    for name, number in more.most_common(12):
        print(f"  {number / len(clients):6.1f} {name}")
    if chosen.lines:
        snapshot = tracemalloc.take_snapshot()
        for stat in snapshot.statistics("lineno")[:25]:
            print(f"  {stat.size / len(clients):8.0f} {stat.traceback}")


if __name__ == "__main__":
    main()
