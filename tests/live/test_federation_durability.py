"""What one server tells another one it has is on its disk: system calls in their order.

The servers' connection is encrypted, so the one that is watched says itself what it tells.
"""

import sys

from tests.live.federation import EJABBERD, FederationCase
from tests.live.harness import TWISTD
from tests.live.test_durability import require, traceable
from tests.live.traces import Verdict, judge

COUNT = 10


class AcknowledgementTests(FederationCase):
    """XEP-0198 section 4, between servers."""

    def trace(self, *how: str) -> Verdict:
        """Have messages kept, one after the other, by a server under strace."""
        require(traceable(), "strace")
        near, far = self.here(), self.here(host=EJABBERD)
        output = far.folder / "trace"
        strace = ["strace", "-D", "-f", "-y", "-e", "trace=fdatasync,fsync,write,pwrite64"]
        marking = [sys.executable, "-m", "tests.live.marking_server", *how]
        far.command = [*strace, "-o", str(output), *marking, *far.command[len(TWISTD) :]]
        self.run_all(near)
        self.started(far)
        far.add("juliet")
        sender = self.juliet(near)
        for number in range(1, COUNT + 2):
            sender.client.ask("message", to=f"juliet@{far.host}", body="for later")
            far.expect(f"^settled {number}$")
        lines = output.read_text("utf-8", "replace").splitlines()
        return judge(lines, str(far.data / "xmppd.sqlite-wal"))

    def test_nothing_is_acknowledged_before_it_is_on_disk(self) -> None:
        verdict = self.trace()
        self.assertEqual(verdict.promised[:COUNT], list(range(1, COUNT + 1)))
        self.assertEqual(verdict.broken, [])

    def test_a_careless_server_would_be_caught(self) -> None:
        """Not each time: now and then the disk is faster than even such a server."""
        verdict = self.trace("careless")
        self.assertNotEqual(verdict.broken, [])
