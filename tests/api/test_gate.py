"""The gate: who waits for storage is woken when it has moved on."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.gate import Gate
from xmppd.api.storage import StorageError, Ticket
from xmppd.storage.tickets import NONE_FAILED, TicketCounter


class Waiter:
    """Waits until a ticket is settled; writes down what it is told."""

    def __init__(self, until: int) -> None:
        self.until = until
        self.told: list[tuple[int, range]] = []

    def release(self, settled: Ticket, failed: range) -> bool:
        self.told.append((settled, failed))
        if self.until < 0:
            raise ZeroDivisionError
        return settled < self.until


class GateTests(SynchronousTestCase):
    """Who is woken when storage moves on."""

    def setUp(self) -> None:
        self.tickets = TicketCounter()
        self.settle(1)
        self.gate = Gate(self.tickets)

    def settle(self, upto: int, failed: range = NONE_FAILED) -> None:
        while self.tickets.issued < upto:
            self.tickets.issue()
        self.tickets.settle(Ticket(upto), failed)

    def test_committed(self) -> None:
        self.successResultOf(self.gate.committed(1))
        later, lost = self.gate.committed(2), self.gate.committed(3)
        self.assertNoResult(later)
        self.settle(3, range(3, 4))
        self.successResultOf(later)
        self.failureResultOf(lost, StorageError)

    def test_settled(self) -> None:
        self.assertEqual(self.gate.settled, 1)
        self.settle(3)
        self.assertEqual(self.gate.settled, 3)

    def test_failed(self) -> None:
        for upto, failed in ((3, range(2, 4)), (4, NONE_FAILED)):
            self.settle(upto, failed)
            self.assertEqual(self.gate.failed, failed)

    def test_until_nothing_waits(self) -> None:
        first, second = Waiter(2), Waiter(3)
        for waiter in (first, second, first):
            self.gate.add(waiter)
        self.assertEqual(len(self.gate), 2)
        self.settle(2)
        self.settle(4, range(3, 5))
        self.settle(5)
        self.assertEqual(first.told, [(2, NONE_FAILED)])
        self.assertEqual(second.told, [(2, NONE_FAILED), (4, range(3, 5))])
        self.assertEqual(len(self.gate), 0)

    def test_removed(self) -> None:
        waiter = Waiter(2)
        self.gate.add(waiter)
        self.gate.remove(waiter)
        self.gate.remove(waiter)
        self.settle(2)
        self.assertEqual(waiter.told, [])

    def test_one_that_breaks_keeps_no_other(self) -> None:
        broken, good = Waiter(-1), Waiter(2)
        self.gate.add(broken)
        self.gate.add(good)
        self.settle(2)
        self.assertEqual(len(good.told), 1)
        self.assertEqual(len(self.gate), 0)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_closed(self) -> None:
        self.gate.close()
        self.settle(2)
        self.assertEqual(self.gate.settled, 1)
