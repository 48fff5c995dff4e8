"""RFC 6121 8.5 on the wire with the shipped features: what the table may keep is kept, once."""

from twisted.trial.unittest import SynchronousTestCase

from tests.im.delivery import Wrong, carry_out
from tests.im.house import ONE_HOST, TWO_HOSTS, TWO_SERVERS
from tests.im.story import faults
from tests.routing.delivery_table import Case, cases


class DeliveryTests(SynchronousTestCase):
    """Every case by itself, then with a restart between any two steps; all faults are told."""

    def every_case(self, where: str) -> None:
        wrong: list[str] = []
        done = kept = 0
        for case in cases():

            def at(step: int | None, case: Case = case) -> int:
                nonlocal done, kept
                steps, outcome = carry_out(case, where, step)
                done += 1
                kept += outcome == "store"
                return steps

            wrong += faults(at, Wrong)
        self.assertFalse(wrong, "\n".join([f"{len(wrong)} of {done}", *wrong]))
        self.assertGreater(done, 1_400)
        self.assertGreater(kept, 120)

    def test_from_another_server(self) -> None:
        self.every_case(TWO_SERVERS)

    def test_from_the_same_host(self) -> None:
        self.every_case(ONE_HOST)

    def test_from_a_host_beside(self) -> None:
        self.every_case(TWO_HOSTS)

    def test_lost_messages_are_noticed(self) -> None:
        """In each case that keeps one, and if they are lost before somebody came for them."""
        stored = 0
        for case in cases():
            steps, outcome = carry_out(case)
            if outcome == "store":
                stored += 1
                sending = steps - 2  # two more log in
                self.assertRaises(Wrong, carry_out, case, TWO_SERVERS, sending, "offline")
                carry_out(case, TWO_SERVERS, sending + 1, "offline")
        self.assertGreater(stored, 20)
