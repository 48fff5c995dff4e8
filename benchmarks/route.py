"""CPU of one routed 1:1 message inside the server: bytes in, parse, route, bytes out.

Sockets and TLS are left out: what is measured is our own Python. Run it as::

    python benchmarks/route.py [--messages 100000] [--profile]
"""

import argparse
import cProfile
import pstats
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.harness import Bench

BODY = "hello there, how do you do today? this is some text to reach 220"


def message(to: str) -> bytes:
    """Return a chat message of about 220 bytes, as a usual client writes it."""
    return (
        f"<message to='{to}' type='chat' id='abcdef123'><body>{BODY}</body>"
        "<active xmlns='http://jabber.org/protocol/chatstates'/></message>"
    ).encode()


def main() -> None:
    """Send messages from one bound client to another and report microseconds for each."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--messages", type=int, default=100_000)
    options.add_argument("--profile", action="store_true")
    chosen = options.parse_args()
    bench = Bench()
    romeo, juliet = bench.client("romeo"), bench.client("juliet")
    data = message(str(juliet.jid))
    rounds = chosen.messages // 10
    profile = cProfile.Profile()
    if chosen.profile:
        profile.enable()
    began = time.process_time()
    for _ in range(rounds):
        for _ in range(10):
            romeo.receives(data)
        bench.turn()
    spent = time.process_time() - began
    profile.disable()
    sent = rounds * 10
    assert juliet.transport.count == rounds, "one write for the ten messages of a reactor turn"
    print(f"{len(data)} bytes in, {juliet.transport.size / sent:.0f} bytes out")
    print(f"{spent / sent * 1e6:.2f} us a message ({sent / spent:,.0f} messages/s)")
    if chosen.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
