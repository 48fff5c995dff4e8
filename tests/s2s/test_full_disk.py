"""A disk that is full for a while: nothing returned goes out later, and nothing waits for ever."""

from functools import partial
from typing import Any, ClassVar

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.s2s.test_absent import AbsentCase
from tests.s2s.test_keeping import KeepingCase
from tests.s2s.test_outgoing import JULIET, ROMEO, SM, message
from tests.s2s.world import CAPULET, MONTAGUE, service
from xmppd.api.gate import Gate
from xmppd.api.storage import Archive, StorageError, Ticket
from xmppd.s2s.absent import Absent, Fate
from xmppd.s2s.losses import AGAIN_SECONDS, AT_A_TIME, Losses
from xmppd.s2s.spool import SENT
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message, Stanza
from xmppd.storage.memory import MemoryStorage
from xmppd.storage.simulated import SimulatedStorage

UNTIL_ROOM = int(3 * AGAIN_SECONDS)
"""When all is done again once there is room: a first attempt may still fail."""


class Full:
    """A disk, full from now on: commits fail one after the other until there is `room`."""

    def __init__(self, storage: SimulatedStorage) -> None:
        self._storage = storage
        storage.fail_next_commit()
        storage.tickets.watch(self._settled)

    def _settled(self, _settled: Ticket, _failed: range) -> None:
        self._storage.fail_next_commit()

    def room(self) -> None:
        self._storage.tickets.unwatch(self._settled)


class FullDiskTests(KeepingCase):
    """Commits fail one after the other, then they do not any more."""

    settings: ClassVar[dict[str, Any]] = {**KeepingCase.settings, "spool_stanzas": 8}

    def fills(self) -> Full:
        return Full(self.world.storage(CAPULET))

    def assert_forgotten(self) -> None:
        self.assertEqual(self.kept(), (0, 0))
        self.assertEqual((len(service(self.server).around.losses), self.spool_size()), (0, 0))
        calls = len(self.place.peers)
        self.restarts()
        self.juliet.receives()
        self.world.passes(2)
        self.assertEqual(len(self.place.peers), calls)

    def spool_size(self) -> int:
        return len(service(self.server).outgoing._spool)

    def test_what_has_come_back_goes_no_more(self) -> None:
        """It was on disk before, and stays there until it can be forgotten."""
        self.sends(message("1"))
        disk = self.fills()
        self.comes()
        self.ready().receives()
        self.assertEqual(self.bounced()[0], "internal-server-error")
        self.world.passes(UNTIL_ROOM)
        self.assertEqual((self.kept(), self.spool_size()), ((1, 0), 1))
        disk.room()
        self.world.passes(UNTIL_ROOM)
        self.assert_forgotten()

    def test_what_has_arrived_comes_back_no_more(self) -> None:
        self.comes()
        self.sends(message("1"))
        peer = self.ready(SM)
        peer.takes()
        peer.sends("<enabled xmlns='urn:xmpp:sm:3'/>")
        peer.takes()
        disk = self.fills()
        peer.sends("<a xmlns='urn:xmpp:sm:3' h='1'/>")
        for _ in range(3):
            self.assertEqual((self.kept(), self.spool_size()), ((0, 1), 1))
            self.world.passes(int(AGAIN_SECONDS))
        disk.room()
        self.world.passes(UNTIL_ROOM)
        self.assert_forgotten()

    def test_a_disk_too_far_behind(self) -> None:
        self.comes()
        self.sends(message("1"))
        self.ready()
        archive = service(self.server).outgoing._spool._sent
        remove = archive.remove

        def behind(*_: object) -> Ticket:
            raise StorageError("too far behind")

        self.patch(archive, "remove", behind)
        self.world.passes(35)
        self.assertEqual((self.kept(), self.spool_size()), ((0, 1), 1))
        self.patch(archive, "remove", remove)
        self.world.passes(UNTIL_ROOM)
        self.assert_forgotten()

    def test_what_waits_goes_out(self) -> None:
        """Without a restart: what nobody has tried to send in the meantime is as it was."""
        self.sends(message("1"))
        disk = self.fills()
        self.world.passes(UNTIL_ROOM)
        self.sends(message("2"))
        self.assertEqual(self.bounced("2")[0], "internal-server-error")
        disk.room()
        self.world.passes(UNTIL_ROOM)
        self.sends(message("3"))
        self.comes()
        self.ready()
        self.assertEqual([each.get("id") for each in self.called().takes()], ["1", "3"])

    def test_what_stays_on_disk_counts(self) -> None:
        """So a disk that stays full does not have us keep more and more in mind."""
        conditions = []
        disk = self.fills()
        for number in range(8):
            self.sends(message(str(number)))
            self.world.turn()
            conditions.append(self.bounced(str(number))[0])
        self.assertEqual(conditions, ["internal-server-error"] * 4 + ["resource-constraint"] * 4)
        self.assertEqual(len(service(self.server).around.losses), 4)
        disk.room()
        self.world.passes(UNTIL_ROOM)
        self.assert_forgotten()


class AbsentOnFullDisksTests(AbsentCase):
    """What has come back for who is not there, and could not be kept for it."""

    def test_kept_once_there_is_room(self) -> None:
        self.sends(message("1"))
        self.goes()
        storage = self.world.storage(CAPULET)
        storage.latency = 1.0
        while not len(service(self.server).absent):
            self.world.passes(1)
        disk = Full(storage)
        for _ in range(3):
            self.world.passes(int(AGAIN_SECONDS))
            self.assertEqual((self.on_disk(), len(service(self.server).absent)), (0, 0))
        storage.latency = 0.0
        disk.room()
        self.world.passes(UNTIL_ROOM)
        self.assertEqual((self.kept(), self.on_disk()), ((0, 0), 1))
        self.assertEqual(self.ids(self.comes_back()), ["1"])

    def test_what_an_earlier_run_has_left(self) -> None:
        """It is in doubt; its sender is told once the disk is not too far behind any more."""
        sent = self.world.storage(CAPULET).host(CAPULET).open(SENT, Archive)
        message = Message(to=JID.parse(ROMEO), from_=JID.parse(JULIET), id="1")
        sent.append("", bytes(message), when=self.world.wall.now(), contact=MONTAGUE)
        self.goes()
        keep, is_behind = Absent._keep, [True]

        def slow(absent: Absent, account: JID, reply: Stanza, since: float) -> Fate:
            return Fate.OPEN if is_behind[0] else keep(absent, account, reply, since)

        self.patch(Absent, "_keep", slow)
        self.restarts()
        self.world.passes(5)
        self.assertEqual((self.kept(), self.on_disk()), ((0, 1), 0))
        is_behind[0] = False
        self.world.passes(UNTIL_ROOM)
        self.assertEqual((self.kept(), self.on_disk()), ((0, 0), 1))
        self.assertEqual(self.ids(self.comes_back()), ["1"])


class LossesTests(SynchronousTestCase):
    """By themselves."""

    def setUp(self) -> None:
        ids = map(str, range(10))
        storage = MemoryStorage(Clock(), lambda: next(ids))
        self.clock = Clock()
        self.losses = Losses(Gate(storage.tickets), self.clock)

    def test_only_what_is_lost(self) -> None:
        heard: list[int] = []
        for number in (3, 5, 8):
            self.losses.watch(Ticket(number), partial(heard.append, number))
        for settled, failed, waits, expected in (
            (2, range(0), True, []),
            (5, range(4, 6), True, [5]),
            (8, range(0), False, [5]),
        ):
            self.assertIs(self.losses.release(Ticket(settled), failed), waits)
            self.assertEqual(heard, expected)

    def test_not_all_at_once(self) -> None:
        done: list[int] = []
        for number in range(AT_A_TIME + 1):
            self.losses.later(partial(done.append, number))
        for seconds, expected in ((0.0, 0), (AGAIN_SECONDS, AT_A_TIME), (0.0, AT_A_TIME)):
            self.clock.advance(seconds)
            self.losses.look_after()
            self.assertEqual(done, list(range(expected)))
        self.clock.advance(AGAIN_SECONDS)
        self.losses.look_after()
        self.assertEqual((len(done), len(self.losses)), (AT_A_TIME + 1, 0))

    def test_what_fails_again_is_done_once_in_a_while(self) -> None:
        done: list[float] = []

        def again() -> None:
            done.append(self.clock.seconds())
            self.losses.later(again)

        self.losses.later(again)
        for _ in range(25):
            self.clock.advance(1)
            self.losses.look_after()
        self.assertEqual(done, [AGAIN_SECONDS, 2 * AGAIN_SECONDS])
