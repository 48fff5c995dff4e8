"""Writes that may not be on disk yet: one that is lost is noticed, whenever that is."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.storage import KeyValue, StorageError
from xmppd.server.portable.unsettled import Unsettled
from xmppd.testing.fake_host import FakeHost


class UnsettledTests(SynchronousTestCase):
    """Writes of one turn after the other, each committed apart."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.store = self.host.open("vcard", KeyValue)
        self.unsettled = Unsettled(self.host)

    def write(self, *, lost: bool = False) -> None:
        if lost:
            self.host.storage.fail_next_commit()
        self.unsettled.add(self.store.put("juliet", b""))
        self.host.turn()

    def settle(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.unsettled.settle())

    def test_all_is_well(self) -> None:
        self.successResultOf(self.settle())
        for count in (1, 2):
            self.write()
            self.assertEqual(len(self.unsettled), count)
        self.successResultOf(self.settle())
        self.assertEqual(len(self.unsettled), 0)
        self.unsettled.check()

    def test_it_waits(self) -> None:
        self.host.storage.latency = 5.0
        self.write()
        settling = self.settle()
        self.assertNoResult(settling)
        self.host.clock.advance(5)
        self.successResultOf(settling)

    def test_one_is_lost(self) -> None:
        """Those behind it are written all the same; it is not forgotten for that."""
        for lost in (0, 1, 2):
            self.unsettled = Unsettled(self.host)
            for number in range(3):
                self.write(lost=number == lost)
            self.assertRaises(StorageError, self.unsettled.check)
            for _ in range(2):
                self.failureResultOf(self.settle(), StorageError)
