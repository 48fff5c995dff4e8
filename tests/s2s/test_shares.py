"""Who owns many names gets a share of what there is, and leaves others theirs."""

import gc
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.network.watcher import said
from tests.s2s.test_outgoing import HOST, JULIET, OutgoingCase, message, sent
from tests.s2s.world import CAPULET, service
from xmppd.s2s.shares import Shares, owner
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message
from xmppd.testing.fake_session import FakeSession

OTHERS = "others"
"""Who wants a turn for what others have brought about."""


class OwnerTests(SynchronousTestCase):
    """What stands for who owns a name."""

    def test_table(self) -> None:
        for domain, expected in (
            ("example", "example"),
            ("evil.example", "evil.example"),
            ("a.evil.example", "evil.example"),
            ("a.b.c.evil.example", "evil.example"),
            ("192.0.2.7", "192.0.2.7"),
            ("[2001:db8::1]", "[2001:db8::1]"),
        ):
            self.assertEqual(owner(domain), expected)


class TurnsTests(SynchronousTestCase):
    """Eight turns, of which one owner has two at most, one account two, and all others four."""

    def setUp(self) -> None:
        self.shares = Shares(8)
        self.busy: list[str] = []

    def begin(self, domain: str, opener: str = "") -> tuple["Deferred[None]", Callable[[], None]]:
        """Want a turn for an account; by default each domain has one of its own.

        Return what fires when it is over, and what ends it.
        """
        work: Deferred[None] = Deferred()
        account = None if opener == OTHERS else JID.parse(opener or f"x@{domain}")

        async def run() -> None:
            async with self.shares.turn(domain, account):
                self.busy.append(domain)
                await work

        running = Deferred.fromCoroutine(run())
        self.addCleanup(running.cancel)
        return running.addErrback(_cancelled), lambda: work.callback(None)

    def test_one_owner(self) -> None:
        (first, end), *_ = [self.begin(f"d{number}.evil.example") for number in range(4)]
        self.begin("other.example")
        self.assertEqual(self.busy, ["d0.evil.example", "d1.evil.example", "other.example"])
        end()
        self.successResultOf(first)
        self.assertEqual(self.busy[3:], ["d2.evil.example"])

    def test_all_together(self) -> None:
        runs = [self.begin(f"d{number}.example") for number in range(10)]
        self.assertEqual(len(self.busy), 8)
        for _, end in runs:
            end()
        self.assertEqual(len(self.busy), 10)
        self.assertEqual(len(self.shares), 0)

    def test_one_account(self) -> None:
        (first, end), *_ = [self.begin(f"d{number}.example", JULIET) for number in range(4)]
        self.begin("other.example", f"nurse@{CAPULET}")
        self.assertEqual(self.busy, ["d0.example", "d1.example", "other.example"])
        end()
        self.successResultOf(first)
        self.assertEqual(self.busy[3:], ["d2.example"])

    def test_what_others_bring_about(self) -> None:
        """However many domains they have, half of the turns are left."""
        (first, end), *_ = [self.begin(f"d{number}.example", OTHERS) for number in range(20)]
        self.assertEqual(len(self.busy), 4)
        for number in range(4):
            self.begin(f"e{number}.example")
        self.assertEqual(self.busy[4:], [f"e{number}.example" for number in range(4)])
        end()
        self.successResultOf(first)
        self.assertEqual(self.busy[8:], ["d4.example"])

    def test_who_does_not_want_to_wait(self) -> None:
        runs = [self.begin(f"d{number}.evil.example") for number in range(3)]
        runs[2][0].cancel()
        self.successResultOf(runs[2][0])
        for _, end in runs[:2]:
            end()
        self.assertEqual(len(self.busy), 2)
        self.assertEqual(len(self.shares), 0)
        many = [self.begin(f"e{number}.example") for number in range(9)]
        many[8][0].cancel()
        for _, end in many[:8]:
            end()
        self.assertEqual(len(self.shares), 0)

    def test_one_turn_at_least(self) -> None:
        self.shares = Shares(1)
        (first, end), (second, _) = self.begin("a.example"), self.begin("a.example")
        self.assertEqual(self.busy, ["a.example"])
        end()
        self.successResultOf(first)
        self.assertEqual(self.busy, ["a.example"] * 2)
        self.assertNoResult(second)


class ThrownAwayTests(SynchronousTestCase):
    """A server that nobody holds any more, as where tests let one crash."""

    def test_nobody_is_woken(self) -> None:
        """Whoever has waited may be gone before the one who had the turn."""
        gates, had = [Deferred[None]() for _ in range(3)], list[int]()
        shares = Shares(1)
        for number, gate in enumerate(gates):
            _Wanting(shares).begin(gate, partial(had.append, number))
        del shares
        while gates:  # the last one has the turn, and is thrown away last
            gate = gates.pop()
            gate.callback(None)
        del gate
        for _ in range(2):  # an error would be garbage of its own
            gc.collect()
        self.assertEqual(had, [2])
        self.assertEqual(self.flushLoggedErrors(), [])


class _Wanting:
    """Refers to its own work, and is referred to by it, so that only the collector ends them."""

    def __init__(self, shares: Shares) -> None:
        self.shares = shares

    def begin(self, gate: "Deferred[None]", has: Callable[[], None]) -> None:
        self.working = Deferred.fromCoroutine(self.work(gate, has))

    async def work(self, gate: "Deferred[None]", has: Callable[[], None]) -> None:
        await gate
        async with self.shares.turn("a.example", None):
            has()
            self.never: Deferred[None] = Deferred()
            await self.never


def _cancelled(failure: Failure) -> None:
    failure.trap(CancelledError)  # type: ignore[no-untyped-call]  # untyped in Twisted


class DeadServersTests(OutgoingCase):
    """Names of one owner, all of them dead, delay nobody else's (RFC 6120 13.12)."""

    settings: ClassVar[dict[str, Any]] = {"connecting": 4, "routes": 80}

    def setUp(self) -> None:
        super().setUp()
        self.world.network.silent.add(HOST)
        self.addCleanup(service(self.server).outgoing.end)
        for number in range(30):
            self.world.publish(f"d{number}.evil.example", HOST)
            self.world.publish(f"e{number}.example", HOST)

    def writes(self, who: FakeSession, where: str, numbers: range) -> None:
        """Write to these servers, the number of each being the message's id."""
        who.sends(*(message(str(each), f"romeo@{where.format(each)}") for each in numbers))
        self.world.turn()

    def refused(self, who: FakeSession) -> list[tuple[str, str]]:
        """Return the ids of what has come back, and why."""
        errors = [(stanza.id, said(stanza)) for stanza in who.stanzas]
        who.overlook()
        return errors

    def test_connections(self) -> None:
        self.sends(*(message("d", f"romeo@d{number}.evil.example") for number in range(8)))
        self.sends(message())
        self.assertEqual(self.world.network.asked[0], (HOST, 5269))
        self.assertEqual(len(self.world.network.asked), 2)
        self.ready()
        self.called().receives(sent())

    def test_routes(self) -> None:
        """What leads to names of one owner is bounded; others wait for none of that."""
        mercutio, nurse = (
            self.world.login(f"{each}@{CAPULET}/x") for each in ("mercutio", "nurse")
        )
        self.writes(self.juliet, "d{}.evil.example", range(10))
        self.writes(mercutio, "d{}.evil.example", range(10, 20))
        self.assertEqual(self.refused(self.juliet) + self.refused(mercutio), [])
        self.writes(nurse, "d{}.evil.example", range(20, 21))
        too_many = "resource-constraint: too many other servers are being sent to"
        self.assertEqual(self.refused(nurse), [("20", too_many)])
        nurse.sends(message())
        self.ready()
        (came,) = self.called().takes()
        self.assertEqual(came.get("from"), f"nurse@{CAPULET}/x")

    def test_routes_of_one_account(self) -> None:
        """From all its sessions together; an eighth of what there is, until nothing waits."""
        phone = self.world.login(f"juliet@{CAPULET}/phone")
        self.writes(self.juliet, "e{}.example", range(6))
        self.writes(phone, "e{}.example", range(6, 11))
        too_many = "resource-constraint: you write to too many other servers"
        self.assertEqual(self.refused(self.juliet) + self.refused(phone), [("10", too_many)])
        self.writes(self.juliet, "e{}.example", range(3))  # there is no need for more
        mercutio = self.world.login(f"mercutio@{CAPULET}/x")
        self.writes(mercutio, "e{}.example", range(10, 11))
        self.assertEqual(self.refused(self.juliet) + self.refused(mercutio), [])

    def test_a_share_is_had_until_it_is_not_used(self) -> None:
        for number in range(10):
            del self.world.resolver.services[f"_xmpp-server._tcp.e{number}.example"]
        self.writes(self.juliet, "e{}.example", range(11))
        self.assertEqual(len(self.refused(self.juliet)), 11)
        self.world.passes(5)
        self.assertEqual(len(service(self.server).outgoing._openers), 0)
        self.writes(self.juliet, "e{}.example", range(10, 20))
        self.assertEqual(self.refused(self.juliet), [])

    def answers(self, *domains: str) -> None:
        """Have this server answer strangers in these domains."""
        for domain in domains:
            to = JID.parse(f"romeo@{domain}")
            self.server.router.route(Message(to=to, from_=JID.parse(CAPULET), id=domain))
        self.world.turn()

    def test_connections_for_strangers(self) -> None:
        """Who has many domains and asks from each, but answers nowhere, leaves users theirs."""
        self.answers(*(f"e{number}.example" for number in range(9)))
        self.assertEqual(len(self.world.network.asked), 2)
        self.sends(message())
        self.ready()
        self.called().receives(sent())

    def test_what_a_stop_has_left_counts_for_its_senders(self) -> None:
        """It waits no longer for what strangers bring about than it would have, and is all kept."""
        self.writes(self.juliet, "e{}.example", range(4))
        data = self.world.crash(CAPULET)
        del self.world.network.asked[:]
        self.server = self.world.server(CAPULET, data=data, connecting=4, routes=16)
        self.juliet = self.world.login(JULIET)
        self.world.turn()
        outgoing = service(self.server).outgoing
        self.addCleanup(outgoing.end)
        self.assertEqual(outgoing._openers, {JID.parse(JULIET).bare: 4})  # of 16, two would be hers
        self.answers("e8.example")
        self.assertEqual(len(self.world.network.asked), 3)
        self.assertEqual(self.refused(self.juliet), [])

    def test_routes_for_strangers(self) -> None:
        outgoing = service(self.server).outgoing
        self.answers(*(f"e{number}.x{number}.example" for number in range(41)))
        self.assertEqual(len(outgoing), 40)
        self.sends(message())
        self.assertEqual(len(outgoing), 41)

    def test_who_speaks_for_a_domain(self) -> None:
        for number in range(12):
            to = JID.parse(f"romeo@e{number}.example")
            self.server.router.route(Message(to=to, from_=JID.parse(CAPULET), id=str(number)))
        self.assertEqual(len(service(self.server).outgoing), 12)
