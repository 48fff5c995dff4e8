"""CPU of one login inside the server: stream, SCRAM or PLAIN, bind, presence.

Sockets and TLS are left out; password hashing is counted. Run it as::

    python benchmarks/login.py [--logins 300] [--profile]
"""

import argparse
import cProfile
import pstats
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.harness import Bench, Client


def main() -> None:
    """Log in again and again and report milliseconds for each."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--logins", type=int, default=300)
    options.add_argument("--profile", action="store_true")
    chosen = options.parse_args()
    bench = Bench()
    bench.account("romeo")
    profile = cProfile.Profile()
    if chosen.profile:
        profile.enable()
    began = time.process_time()
    for _ in range(chosen.logins):
        client = Client(bench, "romeo")
        client.protocol.connectionLost(None)
    spent = time.process_time() - began
    profile.disable()
    print(f"{spent / chosen.logins * 1e3:.2f} ms a login by PLAIN, its PBKDF2 included")
    if chosen.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
