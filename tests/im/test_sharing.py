"""RFC 6121 8.5.3.1 on the wire: requests to full JIDs, by whether presence is shared."""

from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from tests.im.house import ONE_HOST, TWO_HOSTS, TWO_SERVERS
from tests.im.sharing import Wrong, applies, carry_out
from tests.im.sharing_table import Request, requests, rows
from tests.im.story import faults


def all_requests(where: str) -> Iterator[Request]:
    """Yield the requests that make a difference there."""
    for row in rows():
        for request in requests(row):
            if applies(request, where):
                yield request


class SharingTests(SynchronousTestCase):
    """Every request by itself, then with a restart between any two steps; all faults are told."""

    def every_request(self, where: str) -> None:
        wrong: list[str] = []
        done = 0
        for request in all_requests(where):

            def at(step: int | None, request: Request = request) -> int:
                nonlocal done
                done += 1
                return carry_out(request, where, step)

            wrong += faults(at, Wrong)
        self.assertFalse(wrong, "\n\n".join([f"{len(wrong)} of {done}", *wrong]))
        self.assertGreater(done, 180)

    def test_from_another_server(self) -> None:
        self.every_request(TWO_SERVERS)

    def test_from_the_same_host(self) -> None:
        self.every_request(ONE_HOST)

    def test_from_a_host_beside(self) -> None:
        self.every_request(TWO_HOSTS)

    def test_a_lost_roster_is_noticed(self) -> None:
        """By whoever has a subscription: their requests are refused then."""
        noticed = []
        for request in all_requests(TWO_SERVERS):
            steps = carry_out(request, TWO_SERVERS)
            try:
                carry_out(request, TWO_SERVERS, steps, "roster")
            except Wrong:
                noticed.append((request.asker, request.resource))
        table = ("From", "From + Pending Out", "Both")
        self.assertEqual([(asker, r) for r in ("r1", "connected") for asker in table], noticed)
