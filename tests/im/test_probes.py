"""RFC 6121 4.3.2 and 4.6.6 on the wire: every case, from another server and from clients here."""

from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from tests.im.house import ONE_HOST, TWO_HOSTS, TWO_SERVERS
from tests.im.probe_table import Case, cases, rows
from tests.im.probes import Probing, Wrong, applies, carry_out
from tests.im.scene import Scene
from tests.im.story import faults

NOBODY = (("no account", "never"), ("unknown", "never"), ("unknown", "one"), ("unknown", "gone"))


def all_cases(where: str) -> Iterator[Case]:
    """Yield the cases that make a difference there."""
    for row in rows():
        for case in cases(row):
            if applies(case, where):
                yield case


class ProbeTests(SynchronousTestCase):
    """Every case by itself, then with a restart between any two steps; all faults are told."""

    def every_case(self, where: str, at_least: int) -> None:
        wrong: list[str] = []
        done = 0
        for case in all_cases(where):

            def at(step: int | None, case: Case = case) -> int:
                nonlocal done
                done += 1
                return carry_out(case, where, step)

            wrong += faults(at, Wrong)
        self.assertFalse(wrong, "\n\n".join([f"{len(wrong)} of {done}", *wrong]))
        self.assertGreater(done, at_least)

    def test_from_another_server(self) -> None:
        self.every_case(TWO_SERVERS, 1_300)

    def test_from_the_same_host(self) -> None:
        self.every_case(ONE_HOST, 1_500)

    def test_from_a_host_beside(self) -> None:
        self.every_case(TWO_HOSTS, 1_500)

    def test_nobody_is_like_anybody_else(self) -> None:
        """8.5.1: a probe does not tell a stranger whether there is such an account."""
        for to in ("bare", "r1", "r9"):
            answers = []
            for prober, contact in NOBODY:
                scene = Scene(prober, contact, TWO_SERVERS)
                Probing(Case(prober, to, contact, (), "", ""), scene).ask()
                answers.append(scene.host.unread())
            self.assertEqual([answers[0]] * len(NOBODY), answers)


class LossTests(SynchronousTestCase):
    """A restart that loses what it should keep does not pass."""

    def is_noticed(self, case: Case, store: str) -> bool:
        steps = carry_out(case, TWO_SERVERS)
        try:
            carry_out(case, TWO_SERVERS, steps, store)
        except Wrong:
            return True
        return False

    def test_a_lost_roster_is_noticed(self) -> None:
        """By whoever has a subscription: they are told that there is none."""
        table = {"From": True, "From + Pending Out": True, "Both": True, "To": False}
        seen = [case for case in all_cases(TWO_SERVERS) if case.prober in table]
        self.assertGreater(len(seen), 80)
        for case in seen:
            self.assertEqual(table[case.prober], self.is_noticed(case, "roster"), case.row)

    def test_a_lost_time_is_noticed(self) -> None:
        only = (frozenset({"unavailable:since"}),)
        since = [case for case in all_cases(TWO_SERVERS) if case.allowed == only]
        self.assertEqual(3, len(since))
        for case in since:
            self.assertTrue(self.is_noticed(case, "last"), case.row)
