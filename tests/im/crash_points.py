"""When a server is killed: after how many commits, with the one under way on the disk or not."""

from collections.abc import Iterator

from tests.im.story import LOSSES
from xmppd.testing.fake_host import FakeHost

COMMIT_SECONDS = 0.01
"""How long a commit takes."""

COMMITS = range(4)
"""How many commits are waited for; the longest flow of answers has three."""


def points() -> Iterator[tuple[int, bool]]:
    """Yield when to crash: after how many commits, and whether the next one reached the disk."""
    for commits in COMMITS:
        for landed in (False, True):
            yield commits, landed


def pass_commits(host: FakeHost, commits: int) -> None:
    """Let that many commits be done."""
    for _ in range(commits):
        host.clock.advance(COMMIT_SECONDS)


def kill(host: FakeHost, *, landed: bool, loses: str = "") -> FakeHost:
    """Kill the server, start it again with commits that take no time, and return the host anew.

    `loses` is a store that is empty then, as it must not be.
    """
    host = host.crashed(landed=landed)
    host.storage.latency = 0
    if loses:
        LOSSES[loses](host)
        host.turn()
    return host
