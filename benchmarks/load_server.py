"""A server prepared for a load generator: many accounts, no limits a crowd of one would meet.

    python benchmarks/load_server.py DIRECTORY [--port 25222] [--accounts 2000]

It listens on 127.0.0.1, serves the host bench.localhost with accounts u0, u1, ... and the password
"secret" and offers PLAIN and SCRAM also without TLS. What is in DIRECTORY is used again.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOMAIN = "bench.localhost"
CONFIG = """
data = "data"
[host."{domain}"]
[listen]
addresses = ["127.0.0.1"]
c2s = {port}
c2s_tls = {direct}
[s2s]
enable = false
[tls]
development = true
required = false
[sasl]
plain_without_tls = true
iterations = 4096
[limits]
connections_per_address = 1000000
unauthenticated_per_address = 1000000
sessions_per_account = 1000
"""


def main() -> None:
    """Prepare the directory, then become the server."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("directory", type=Path)
    options.add_argument("--port", type=int, default=25222)
    options.add_argument("--accounts", type=int, default=2000)
    options.add_argument("--profile", default="", help="write a cProfile here")
    chosen = options.parse_args()
    directory: Path = chosen.directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "xmppd.toml"
    file.write_text(CONFIG.format(domain=DOMAIN, port=chosen.port, direct=chosen.port + 1))
    os.environ["PYTHONPATH"] = str(ROOT)
    accounts = [sys.executable, "-m", "benchmarks.load_accounts", str(file), str(chosen.accounts)]
    subprocess.run(accounts, check=True)
    profile = [f"--profile={chosen.profile}", "--savestats"] if chosen.profile else []
    twistd = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()"]
    os.execv(
        sys.executable,
        [*twistd, "--nodaemon", "--pidfile=", *profile, "xmppd", "--config", str(file)],
    )


if __name__ == "__main__":
    main()
