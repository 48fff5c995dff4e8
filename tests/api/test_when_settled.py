"""`when_settled`: waiting for a write to be committed."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.storage import NO_TICKET, StorageError, Ticket, when_settled
from xmppd.storage.tickets import TicketCounter


class WhenSettledTests(SynchronousTestCase):
    """Three writes in a row."""

    def setUp(self) -> None:
        self.tickets = TicketCounter()
        for _ in range(3):
            self.tickets.issue()

    def wait(self, ticket: int) -> Deferred[None]:
        return when_settled(self.tickets, Ticket(ticket))

    def test_what_promises_nothing(self) -> None:
        self.successResultOf(when_settled(self.tickets, NO_TICKET))

    def test_what_is_settled_already(self) -> None:
        self.tickets.settle(Ticket(2))
        self.successResultOf(self.wait(2))
        self.assertNoResult(self.wait(3))

    def test_each_in_its_time(self) -> None:
        waiting = [self.wait(ticket) for ticket in (1, 2, 3)]
        self.tickets.settle(Ticket(1))
        self.successResultOf(waiting[0])
        self.assertNoResult(waiting[1])
        self.tickets.settle(Ticket(3))
        for each in waiting[1:]:
            self.successResultOf(each)

    def test_writes_that_are_lost(self) -> None:
        waiting = [self.wait(ticket) for ticket in (1, 2, 3)]
        self.tickets.settle(Ticket(3), range(2, 3))
        self.successResultOf(waiting[0])
        lost = self.failureResultOf(waiting[1], StorageError)
        self.assertIn("the storage does not say why", str(lost.value))
        self.successResultOf(waiting[2])

    def test_why_they_are_lost(self) -> None:
        waiting = self.wait(1)
        self.tickets.settle(Ticket(1), range(1, 2), "disk full")
        self.assertEqual(
            str(self.failureResultOf(waiting).value), "it could not be kept: disk full"
        )
        self.tickets.settle(Ticket(2))
        self.assertEqual(self.tickets.trouble, "disk full")

    def test_it_fires_once(self) -> None:
        waiting = self.wait(1)
        for ticket in (1, 2, 3):
            self.tickets.settle(Ticket(ticket))
        self.successResultOf(waiting)

    def test_cancelling_ends_the_waiting(self) -> None:
        waiting = self.wait(1)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.tickets.settle(Ticket(3))
