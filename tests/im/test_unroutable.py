"""RFC 6121 3.1.2 on the wire: requests that cannot be delivered are answered, and not given up."""

from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from tests.im.unroutable import CONDITIONS, Wrong, carry_out
from tests.im.unroutable_table import Case, cases, rows


def all_cases() -> Iterator[Case]:
    """Yield all cases of the table."""
    for row in rows():
        yield from cases(row)


class UnroutableTests(SynchronousTestCase):
    """Every case by itself; all that are wrong are told."""

    def every_case(self, *, restarts: bool) -> None:
        wrong, done = [], 0
        for case in all_cases():
            done += 1
            try:
                carry_out(case, restarts=restarts)
            except Wrong as error:
                wrong.append(str(error))
        self.assertGreater(done, 20)
        self.assertFalse(wrong, "\n\n".join([f"{len(wrong)} of {done} requests", *wrong]))

    def test_every_case(self) -> None:
        self.every_case(restarts=False)

    def test_with_restarts(self) -> None:
        """The state before is kept, and so is the request."""
        self.every_case(restarts=True)

    def test_a_repeated_request_can_be_granted(self) -> None:
        table = {"none ask": "to", "from ask": "both"}
        done = 0
        for case in all_cases():
            if case.to in CONDITIONS and case.item in table:
                done += 1
                self.assertEqual(table[case.item], carry_out(case, restarts=True).grant(), case.row)
        self.assertGreater(done, 8)
