"""`s2s list` and `s2s explain`: what an operator is told of other servers."""

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred

from tests.net.pki import Issued, Order, authority, issue
from tests.s2s.world import ADDRESSES, CAPULET, MONTAGUE, WorldCase, service
from tests.server.house import House
from xmppd.api.commands import CommandError
from xmppd.api.network import SrvRecord, Trouble
from xmppd.s2s.explain import Told
from xmppd.s2s.troubles import KEPT_SECONDS
from xmppd.server.administration import commands
from xmppd.server.server_commands import ServerCommands, ServerRow
from xmppd.stanza.dates import format_datetime

JULIET, ROMEO = f"juliet@{CAPULET}/balcony", f"romeo@{MONTAGUE}/orchard"


class CommandCase(WorldCase):
    """Two servers."""

    def setUp(self) -> None:
        super().setUp()
        self.server = self.world.server(CAPULET)

    def explain(self, domain: str = MONTAGUE, sender: str | None = None) -> list[Told]:
        asked = ServerCommands(self.server.servers).explain(domain, sender)
        done: Deferred[list[Told]] = Deferred.fromCoroutine(asked)
        self.world.turn(200)
        return self.successResultOf(done)

    def told(self) -> list[tuple[str, bool, str]]:
        return [(each.step, each.ok, each.text) for each in self.explain()]


class ExplainTests(CommandCase):
    """Each way to fail has its words."""

    def last(self, domain: str = MONTAGUE) -> tuple[str, str]:
        told = self.explain(domain)
        self.assertEqual([each.ok for each in told[:-1]], [True] * (len(told) - 1))
        self.assertFalse(told[-1].ok)
        self.assertTrue(told[-1].advice)
        return told[-1].step, told[-1].text

    def other(self, certified: Issued | None = None, **settings: Any) -> None:
        self.world.server(MONTAGUE, certified=certified, **settings)

    def test_all_is_well(self) -> None:
        self.other()
        address = ADDRESSES[MONTAGUE]
        told = self.told()
        self.assertIn("TLSv1.3", told[2][2])
        told[2] = ("TLS", True, "")
        self.assertEqual(
            told,
            [
                (
                    "finding the server",
                    True,
                    f"by the DNS it is xmpp.{MONTAGUE} port 5269",
                ),
                ("connecting", True, f"{address} port 5269 answers"),
                ("TLS", True, ""),
                ("the certificate", True, f"it is believed, and valid for {MONTAGUE}"),
                ("proving who we are", True, "our certificate was accepted"),
            ],
        )
        self.world.passes(10)
        self.assertEqual(len(service(self.server)), 0)

    def test_an_unknown_authority(self) -> None:
        self.other(issue(Order(hosts=(MONTAGUE,)), authority("nobody's")))
        step, text = self.last()
        self.assertEqual(step, "the certificate")
        self.assertIn("nobody's, is not one this server trusts", text)

    def test_what_is_not_there(self) -> None:
        services = self.world.resolver.services
        services["_xmpp-server._tcp.none.example"] = [SrvRecord(0, 0, 0, ".")]
        services["_xmpp-server._tcp.slow.example"] = Trouble.TIMEOUT
        self.world.publish("loop.example", "127.0.0.1")
        self.world.publish("closed.example", "203.0.113.9")
        for domain, step, text in (
            ("no.example", "finding the server", "no.example: there is no such name"),
            ("none.example", "finding the server", "says that it has no XMPP server"),
            ("slow.example", "finding the server", "did not answer in time"),
            ("loop.example", "finding the server", "an address of this machine"),
            ("closed.example", "connecting", "203.0.113.9 port 5269 refused the connection"),
        ):
            found = self.last(domain)
            self.assertEqual(found[0], step)
            self.assertIn(text, found[1])

    def test_one_who_does_not_want_us(self) -> None:
        self.other(blocked=(CAPULET,))
        step, text = self.last()
        self.assertEqual(step, "the stream")
        self.assertIn("policy-violation", text)

    def test_one_who_does_not_believe_us(self) -> None:
        self.other(dialback=False)
        around = service(self.world.servers[MONTAGUE]).around
        around.roots = type(around.roots)(())
        step, text = self.last()
        self.assertEqual(step, "the stream")
        self.assertIn("a valid certificate is required", text)

    def test_what_cannot_be_asked(self) -> None:
        for domain, sender in (
            (CAPULET, None),
            ("a b", None),
            (MONTAGUE, "other.example"),
            (MONTAGUE, "a b"),
        ):
            asked = ServerCommands(self.server.servers).explain(domain, sender)
            self.failureResultOf(Deferred.fromCoroutine(asked), CommandError)
        asked = ServerCommands(None).explain(MONTAGUE, None)
        self.failureResultOf(Deferred.fromCoroutine(asked), CommandError)

    def test_a_domain_that_is_blocked(self) -> None:
        around = service(self.server).around
        around.settings = replace(around.settings, blocked=(MONTAGUE,))
        self.assertEqual(self.last()[0], "what this server admits")


class ListTests(CommandCase):
    """What there is."""

    def rows(self, domain: str = CAPULET) -> list[ServerRow]:
        return ServerCommands(self.world.servers[domain].servers).show()

    def test_streams(self) -> None:
        self.world.server(MONTAGUE)
        juliet = self.world.login(JULIET)
        juliet.sends(f"<message to='{ROMEO}'><body>Hello</body></message>")
        self.world.turn(200)
        since = format_datetime(self.world.wall.now())
        (row,) = self.rows()
        address = ADDRESSES[MONTAGUE]
        self.assertEqual(
            row,
            ServerRow(CAPULET, MONTAGUE, "both", "certificate", True, since, address, 0, ""),
        )
        (row,) = self.rows(MONTAGUE)
        self.assertEqual((row.local, row.remote, row.direction), (MONTAGUE, CAPULET, "both"))

    def test_what_waits(self) -> None:
        self.world.publish(MONTAGUE, ADDRESSES[MONTAGUE])
        juliet = self.world.login(JULIET)
        juliet.sends(f"<message to='{ROMEO}'><body>Hello</body></message>")
        self.world.turn()
        (row,) = self.rows()
        self.assertEqual((row.queued, row.since, row.direction), (1, "", "out"))
        self.assertIn("refused the connection", row.trouble)

    def test_what_has_failed(self) -> None:
        """It is shown when nothing waits any more, until it works or a day has gone by."""
        juliet = self.world.login(JULIET)
        when = format_datetime(self.world.wall.now())
        juliet.sends(f"<message to='{ROMEO}'><body>Hello</body></message>")
        self.world.passes(5)
        self.assertEqual(len(service(self.server).outgoing), 0)
        text = f"{MONTAGUE}: there is no such name"
        failed = ServerRow(CAPULET, MONTAGUE, "out", "", False, "", "", 0, text, when)
        self.assertEqual(self.rows(), [failed])
        self.world.wall.seconds += KEPT_SECONDS
        self.assertEqual(self.rows(), [])
        self.world.wall.seconds -= KEPT_SECONDS
        self.world.server(MONTAGUE)
        juliet.sends(f"<message to='{ROMEO}'><body>Hello</body></message>")
        self.world.turn(200)
        (row,) = self.rows()
        self.assertEqual((row.direction, row.trouble, row.failed), ("both", "", ""))

    def test_a_fault_of_ours(self) -> None:
        """It is in the log, too."""

        def fails(*_: object) -> None:
            raise RuntimeError

        self.patch(service(self.server).dialler, "reach", fails)
        juliet = self.world.login(JULIET)
        juliet.sends(f"<message to='{ROMEO}'><body>Hello</body></message>")
        self.world.turn()
        (row,) = self.rows()
        self.assertIn("a fault of this server", row.trouble)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_an_explanation_changes_nothing(self) -> None:
        self.explain()
        self.assertEqual(self.rows(), [])

    def test_the_commands_are_there(self) -> None:
        names = {command.name for command in commands(self.server)}
        self.assertLessEqual({"s2s list", "s2s explain"}, names)
        self.assertEqual(House().run("s2s list"), [])
        states = service(self.server).states()
        self.assertEqual(set(states.values()), {0})
