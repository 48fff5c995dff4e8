"""Makes accounts u0, u1, ... for load: `python -m benchmarks.load_accounts FILE COUNT`."""

import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from xmppd.server.assemble import build
from xmppd.service.collaborators import real
from xmppd.service.plugins import discover
from xmppd.service.toml import load

AT_ONCE = 100


async def make(reactor: Any) -> None:
    """Create the accounts that are not there yet."""
    server = build(load(Path(sys.argv[1])), discover(), real(reactor))
    (host,) = server.hosts.values()
    server.open_storage()
    there = await host.local.accounts.count()
    for first in range(there, int(sys.argv[2]), AT_ONCE):
        batch = [
            host.passwords.create(f"u{index}", "secret") for index in range(first, first + AT_ONCE)
        ]
        await gatherResults(batch)
    await server.stop()


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(make(reactor)))
