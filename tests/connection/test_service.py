"""Connections: their counts, and the one timer that looks after all."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from xmppd.connection.connections import Connections, less
from xmppd.connection.service import SWEEP_SECONDS, StreamService


class FakeConnection:
    """A connection that notes what is done to it, and fails at what it is told to."""

    def __init__(self, address: str = "192.0.2.1", fails: str = "") -> None:
        self.address = address
        self.fails = fails
        self.done: list[str] = []

    def _do(self, what: str) -> None:
        self.done.append(what)
        if what == self.fails:
            raise RuntimeError(what)

    def look_after(self, now: float) -> None:
        self._do(f"look after at {now:g}")

    def leave(self) -> None:
        self._do("leave")

    def abort(self) -> None:
        self._do("abort")


class ConnectionsTests(SynchronousTestCase):
    """The counts."""

    def test_strangers_by_network(self) -> None:
        connections: Connections[FakeConnection] = Connections()
        one, other = FakeConnection("2001:db8::1"), FakeConnection("2001:db8::2")
        third, ours = FakeConnection("192.0.2.1"), FakeConnection("192.0.2.1")
        for each in (one, other, third):
            connections.add(each)
        connections.add(ours, stranger=False)
        places = ("2001:db8::77", "192.0.2.1", "192.0.2.2")
        for act, counts, unproven, all_ in (
            (lambda: None, [2, 1, 0], 3, [one, other, third, ours]),
            (lambda: connections.proven(one), [1, 1, 0], 2, [one, other, third, ours]),
            (lambda: connections.proven(one), [1, 1, 0], 2, [one, other, third, ours]),
            (lambda: connections.remove(one), [1, 1, 0], 2, [other, third, ours]),
            (lambda: connections.remove(ours), [1, 1, 0], 2, [other, third]),
            (lambda: connections.remove(other), [0, 1, 0], 1, [third]),
            (lambda: connections.remove(third), [0, 0, 0], 0, []),
        ):
            act()
            self.assertEqual([connections.strangers(place) for place in places], counts)
            self.assertEqual((connections.unproven, connections.all()), (unproven, all_))
            self.assertEqual(len(connections), len(all_))
        self.assertEqual(len(connections._networks), 0)

    def test_forgotten_once(self) -> None:
        connections: Connections[FakeConnection] = Connections()
        one = FakeConnection()
        connections.add(one)
        self.assertEqual([connections.remove(one), connections.remove(one)], [True, False])

    def test_what_is_not_there_takes_no_room(self) -> None:
        counts = Connections[FakeConnection]()._networks
        counts["a"] = 2
        less(counts, "a")
        self.assertEqual(counts, {"a": 1})
        less(counts, "a")
        self.assertEqual(list(counts), [])


class ServiceTests(SynchronousTestCase):
    """The timer, the end, and that a fault costs one connection only."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.connections: Connections[FakeConnection] = Connections()
        self.service = StreamService(self.connections, self.clock)

    def connected(self, fails: str = "") -> FakeConnection:
        connection = FakeConnection(fails=fails)
        self.connections.add(connection)
        return connection

    def test_all_are_looked_after(self) -> None:
        one, other = self.connected(), self.connected()
        self.service.start()
        self.assertEqual(one.done, [])
        self.clock.pump([SWEEP_SECONDS] * 2)
        self.assertEqual(one.done, ["look after at 1", "look after at 2"])
        self.assertEqual(other.done, one.done)
        self.assertEqual((self.service.now, len(self.service)), (2.0, 2))

    def test_faults(self) -> None:
        broken, works = self.connected("look after at 1"), self.connected()
        self.service.start()
        self.clock.advance(SWEEP_SECONDS)
        self.assertEqual(broken.done, ["look after at 1", "abort"])
        self.assertEqual(works.done, ["look after at 1"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_stop(self) -> None:
        broken, works = self.connected("leave"), self.connected()
        self.service.start()
        self.service.stop()
        self.assertEqual((broken.done, works.done), (["leave", "abort"], ["leave"]))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.clock.advance(SWEEP_SECONDS)
        self.assertEqual(works.done[1:], ["look after at 1"])

    def test_abandon(self) -> None:
        one, other = self.connected(), self.connected()
        self.service.start()
        for _ in range(2):
            self.service.abandon()
        self.assertEqual((one.done, other.done), (["abort"] * 2, ["abort"] * 2))
        self.assertEqual(self.clock.getDelayedCalls(), [])
