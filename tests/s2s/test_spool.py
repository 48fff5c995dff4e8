"""Messages on disk: bounds, and what an earlier run has left."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.gate import Gate
from xmppd.api.storage import Archive
from xmppd.s2s.losses import Losses
from xmppd.s2s.spool import WAITING, Full, Spool
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message
from xmppd.storage.memory import MemoryStorage


class SpoolTests(SynchronousTestCase):
    """The archives by themselves."""

    def setUp(self) -> None:
        ids = iter(range(10_000))
        self.storage = MemoryStorage(Clock(), lambda: f"{next(ids):05}")
        self.storage.start()
        self.host = self.storage.host("example.org")

    def spool(self, stanzas: int = 1000, bytes: int = 1_000_000) -> Spool:
        losses = Losses(Gate(self.storage.tickets), Clock())
        return Spool(
            self.host, stanzas, bytes, lambda jid: jid.bare if jid.localpart else None, losses
        )

    def message(self, id: str = "1", from_: str = "example.org") -> Message:
        return Message(to=JID.parse("a@b.example"), from_=JID.parse(from_), id=id)

    def test_limits(self) -> None:
        for spool in (self.spool(2), self.spool(1000, 1100)):
            first, _ = spool.keep(self.message(), "b.example", None, 1.0, going=False)
            spool.keep(self.message(), "b.example", None, 1.0, going=True)
            with self.assertRaises(Full):
                spool.keep(self.message(), "b.example", None, 1.0, going=False)
            spool.keep(self.message(), "c.example", None, 1.0, going=False)
            spool.forget(first)
            spool.keep(self.message(), "b.example", None, 1.0, going=False)

    def test_of_one_account(self) -> None:
        """It has half of what there is for a domain, for all domains together."""
        mine, other = (self.message(from_=f"{name}@example.org/x") for name in ("c", "d"))
        for spool in (self.spool(4), self.spool(1000, 2200)):
            first, _ = spool.keep(mine, "b.example", mine.from_, 1.0, going=False)
            spool.keep(mine, "c.example", mine.from_, 1.0, going=True)
            with self.assertRaises(Full):
                spool.keep(mine, "b.example", mine.from_, 1.0, going=False)
            spool.keep(other, "b.example", other.from_, 1.0, going=False)
            spool.forget(first)
            spool.keep(mine, "d.example", mine.from_, 1.0, going=False)
            with self.assertRaises(Full):
                spool.keep(mine, "e.example", mine.from_, 1.0, going=False)

    def test_what_an_earlier_run_has_left_counts(self) -> None:
        mine, sender = self.message(from_="c@example.org/x"), JID.parse("c@example.org")
        for _ in range(2):
            self.spool().keep(mine, "b.example", sender, 1.0, going=False)
        spool = self.spool(4)
        self.assertEqual(len(self.successResultOf(Deferred.fromCoroutine(self.read(spool)))), 2)
        with self.assertRaises(Full):
            spool.keep(mine, "b.example", sender, 1.0, going=False)

    async def read(self, spool: Spool) -> list[tuple[str, bool]]:
        return [(stanza.id, kept.going) async for kept, stanza in spool.load()]

    def test_many_are_read_in_order(self) -> None:
        spool = self.spool()
        for number in range(450):
            spool.keep(self.message(str(number)), "b.example", None, 1.0, going=number % 2 == 1)
        self.host.open(WAITING, Archive).append("", b"nonsense", when=1.0)
        other = self.spool()
        found = self.successResultOf(Deferred.fromCoroutine(self.read(other)))
        self.assertEqual(
            found,
            [(str(number), True) for number in range(1, 450, 2)]
            + [(str(number), False) for number in range(0, 450, 2)],
        )
