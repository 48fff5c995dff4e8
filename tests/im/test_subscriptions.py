"""RFC 6121 appendix A, 2.5.2 and 3 on the wire: every row, on one server and between two."""

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.im.house import ONE_HOST, TWO_HOSTS, TWO_SERVERS
from tests.im.states import CONTACT, USER
from tests.im.subscription_table import REMOVE, SENT, TYPES, rows, table
from tests.im.subscriptions import Differs, Trial, carry_out
from tests.tables import Row


class SubscriptionTests(SynchronousTestCase):
    """Every row by itself; all that differ are told."""

    def every_row(self, where: str, *, restarts: bool = False) -> None:
        # Who is on our server sends only what its rules let through.
        self.rows_of(
            [row for row in rows() if row["direction"] == SENT or where == TWO_SERVERS],
            where,
            restarts=restarts,
        )

    def rows_of(self, some: list[Row], where: str, restarts: bool, resource: str = "") -> None:
        different = []
        for row in some:
            try:
                carry_out(row, where, restarts=restarts, resource=resource)
            except Differs as error:
                different.append(f"{','.join(row.values())}\n{error}")
        self.assertGreater(len(some), 20)
        self.assertFalse(different, "\n\n".join([f"{len(different)} rows", *different]))

    def test_one_host(self) -> None:
        self.every_row(ONE_HOST)

    def test_one_host_with_restarts(self) -> None:
        self.every_row(ONE_HOST, restarts=True)

    def test_two_hosts(self) -> None:
        self.every_row(TWO_HOSTS)

    def test_two_hosts_with_restarts(self) -> None:
        self.every_row(TWO_HOSTS, restarts=True)

    def test_two_servers(self) -> None:
        self.every_row(TWO_SERVERS)

    def test_two_servers_with_restarts(self) -> None:
        self.every_row(TWO_SERVERS, restarts=True)

    def test_requests_to_resources(self) -> None:
        """3.1.2 rule 1, 3.1.3: they count as requests to the account."""
        requests = [row for row in rows() if row["type"] == "subscribe"]
        self.rows_of(requests, TWO_SERVERS, False, "/garden")

    def test_long_stories(self) -> None:
        """Whatever the two do one after the other, with restarts in between."""
        for where in (ONE_HOST, TWO_HOSTS, TWO_SERVERS):
            for seed in range(12):
                dice = Random(seed)
                trial = Trial(where, table())
                for _ in range(20):
                    if dice.random() < 0.1:
                        trial.restart()
                    side = dice.choice((USER, CONTACT))
                    types = TYPES if side and where == TWO_SERVERS else (*TYPES, REMOVE)
                    trial.step(side, dice.choice(types))
                trial.check()
