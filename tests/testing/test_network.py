"""Whole servers in one process: what tests of extensions may rely on."""

import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.network import Trouble
from xmppd.api.registrations import Feature
from xmppd.server.assemble import Server
from xmppd.server.config import RemoteConfig, ServersConfig
from xmppd.testing.network import Certificate, Network, NetworkClient, Node, Weather, settings

JULIET, ROMEO = "juliet@a.example/balcony", "romeo@b.example/orchard"


def said(client: NetworkClient) -> list[str]:
    """Return the ids of messages that have come, with "!" for errors."""
    return [
        ("!" if stanza.type == "error" else "") + stanza.id
        for stanza in client.take()
        if stanza.kind == "message"
    ]


class NetworkCase(SynchronousTestCase):
    """Two servers, and somebody on each."""

    sqlite = False

    def setUp(self) -> None:
        self.network = Network(seed="tests")
        self.addCleanup(self.network.close)
        quick = settings(
            ServersConfig(
                idle_seconds=20.0,
                answer_seconds=5.0,
                connect_seconds=3.0,
                retry_seconds=0.5,
                retry_longest_seconds=2.0,
                give_up_seconds=30.0,
            )
        )
        self.a = self.network.add("a.example", config=quick, sqlite=self.sqlite)
        self.b = self.network.add("b.example", config=quick, sqlite=self.sqlite)
        self.juliet = self.network.client(JULIET)
        self.romeo = self.network.client(ROMEO)
        self.network.run(1)
        self.juliet.send("<presence/>")
        self.romeo.send("<presence/>")

    def say(self, id: str, client: NetworkClient | None = None, to: str = ROMEO) -> None:
        text = f"<message to='{to}' type='chat' id='{id}'><body>o</body></message>"
        (client or self.juliet).send(text)

    def pass_on(self, id: str) -> None:
        """Have a message arrive, so that there is a stream."""
        self.say(id)
        self.network.run(3)
        self.assertEqual([id], said(self.romeo))


class LifeTests(NetworkCase):
    """Servers run, are stopped, crash and run again."""

    def test_messages(self) -> None:
        self.pass_on("1")
        self.say("2", self.romeo, JULIET)
        self.network.run(3)
        self.assertEqual(["2"], said(self.juliet))
        self.assertEqual([True], [sent.accepted for sent in self.juliet.sent[1:]])

    def test_nothing_is_left_when_nobody_has_anything_to_do(self) -> None:
        self.pass_on("1")
        self.assertIn("a.example: 1 connections", self.network.left())
        self.assertIn(f"b.example: 1 sessions ({ROMEO})", self.network.left())
        self.juliet.logout()
        self.romeo.logout()
        self.network.run(40)
        self.assertEqual([], self.network.left())

    def test_stopping(self) -> None:
        self.pass_on("1")
        stopping = self.network.stop("b.example")
        self.network.run(15)
        self.successResultOf(stopping)
        self.assertEqual((None, False), (self.b.server, self.romeo.online))
        self.assertEqual([], self.b.late)
        self.assertEqual([], self.network.left()[1:])
        self.successResultOf(self.network.stop("b.example"))
        self.say("2")
        self.network.start("b.example")
        self.network.start("b.example")
        self.network.client(ROMEO)
        self.network.run(1)
        self.romeo.send("<presence/>")
        self.network.run(10)
        self.assertEqual(["2"], said(self.romeo))

    def test_a_crash_takes_what_is_not_on_disk(self) -> None:
        self.b.disk.latency = 1.0
        romeo = self.network.client("nurse@b.example/kitchen", login=False)
        self.say("1", to=str(romeo.jid))
        self.network.run_until(lambda: self.b.disk.tickets.issued > self.b.disk.tickets.settled)
        self.network.crash("b.example")
        self.network.crash("b.example")
        self.assertFalse(romeo.login())
        self.network.run(1)
        self.network.start("b.example")
        romeo.login()
        self.network.run(2)
        romeo.send("<presence/>")
        self.network.run(10)
        self.assertEqual(([], ["!1"]), (said(romeo), said(self.juliet)))

    def test_a_crash_leaves_what_has_landed(self) -> None:
        self.b.disk.latency = 1.0
        romeo = self.network.client("nurse@b.example/kitchen", login=False)
        self.say("1", to=str(romeo.jid))
        self.network.run_until(lambda: self.b.disk.tickets.issued > self.b.disk.tickets.settled)
        self.network.run(0.1)
        self.network.crash("b.example", landed=True)
        self.network.start("b.example")
        romeo.login()
        self.network.run(2)
        romeo.send("<presence/>")
        self.network.run(10)
        self.assertEqual(["1"], said(romeo))

    def test_what_was_accepted(self) -> None:
        self.a.disk.latency = 1.0
        self.say("1")
        self.network.run(0.5)
        self.assertFalse(self.juliet.sent[-1].accepted)
        self.network.run(2)
        self.assertTrue(self.juliet.sent[-1].accepted)

    def test_somebody_at_a_server_that_is_down(self) -> None:
        self.network.crash("a.example")
        self.assertRaises(RuntimeError, self.say, "1")
        self.assertRaises(RuntimeError, self.network.client, "nurse@a.example/kitchen")

    def test_a_client_takes_its_own_place(self) -> None:
        self.assertFalse(self.juliet.login())
        again = self.network.client(JULIET)
        self.assertIs(self.juliet, again)
        self.assertRaises(ValueError, self.juliet.send, "<message>")

    def test_a_session_that_the_server_ends(self) -> None:
        self.juliet.send("<message from='nurse@a.example' to='romeo@b.example'/>")
        self.network.run(1)
        self.assertEqual(("invalid-from", False), (self.juliet.closed_with, self.juliet.online))
        self.juliet.login()
        self.network.run(1)
        self.assertEqual(("", True), (self.juliet.closed_with, self.juliet.online))


class SqliteTests(LifeTests):
    """The same on the real SQLite."""

    sqlite = True

    def test_the_files_are_removed(self) -> None:
        folders = [Path(each.name) for each in self.network._folders]
        self.assertTrue(all(list(each.glob("*.sqlite")) for each in folders))
        self.network.close()
        self.assertFalse(any(each.exists() for each in folders))


class TroubleTests(NetworkCase):
    """What can go wrong in between."""

    def test_a_partition_that_ends_in_time(self) -> None:
        self.pass_on("1")
        self.network.cut("a.example", "b.example")
        self.say("2")
        self.network.run(3)
        self.assertEqual([], said(self.romeo))
        self.network.mend()
        self.network.run(3)
        self.assertEqual(["2"], said(self.romeo))

    def test_connections_that_are_lost(self) -> None:
        self.pass_on("1")
        self.assertEqual(1, self.network.reset("a.example", "b.example"))
        self.assertEqual(0, self.network.reset("a.example", "b.example"))
        self.network.run(5)
        self.pass_on("2")

    def test_a_machine_without_power(self) -> None:
        self.pass_on("1")
        self.network.crash("b.example", power=True)
        self.say("2")
        self.network.run(4)
        self.assertEqual([], said(self.juliet))
        self.network.run(30)
        self.assertEqual(["!2"], said(self.juliet))

    def test_the_dns(self) -> None:
        self.network.names.troubles["b.example"] = Trouble.NO_NAME
        self.say("1")
        self.network.run(3)
        self.assertEqual(["!1"], said(self.juliet))
        self.network.names.troubles["b.example"] = Trouble.TIMEOUT
        self.say("2")
        self.network.run(8)
        self.network.mend()
        self.network.run(8)
        self.assertEqual(["2"], said(self.romeo))

    def test_the_dns_lies(self) -> None:
        self.network.names.hosts["home.example"] = ("127.0.0.1",)
        for host, why in (
            ("xmpp.a.example", "host-unknown"),
            ("home.example", "home.example leads to "),
        ):
            self.network.names.lies["b.example"] = host
            self.say("1")
            self.network.run(3)
            self.assertIn(why, self.reason("1"))
        self.network.mend()
        self.network.run(3)
        self.pass_on("2")

    def test_certificates(self) -> None:
        for certificate, why in (
            (Certificate.EXPIRED, "expired"),
            (Certificate.MISNAMED, "not-b.example"),
            (Certificate.UNTRUSTED, "authority"),
        ):
            self.network.spoil("b.example", certificate)
            self.say("1")
            self.network.run(3)
            self.assertIn(why, self.reason("1"))
        self.network.mend()
        self.network.run(3)
        self.pass_on("2")

    def reason(self, id: str) -> str:
        """Return the text with which a message has come back, and nothing else has come."""
        [stanza] = [each for each in self.juliet.take() if each.kind == "message"]
        self.assertEqual((id, "error"), (stanza.id, stanza.type))
        return stanza.to_bytes().decode()

    def test_a_narrow_way(self) -> None:
        """Who writes more gets it through later."""
        self.pass_on("1")
        self.network.weather = Weather(delay=(0.1, 0.1), bytes_per_second=1000, splits=0.0)
        for number in range(40):
            self.say(f"2{number}")
            self.network.run(0.05)
        first = len(said(self.romeo))
        self.network.run(10)
        rest = len(said(self.romeo))
        self.assertEqual((True, True, 40), (first > 0, rest > first, first + rest))

    def test_slow_machines(self) -> None:
        self.network.weather = Weather(delay=(0.1, 0.1), splits=0.0)
        self.network.slow_down("b.example", 10)
        self.say("1")
        self.network.run(5)
        self.assertEqual([], said(self.romeo))
        self.network.mend()
        self.network.run(15)
        self.assertEqual(["1"], said(self.romeo))
        self.assertEqual((0.1, 0.1), self.network.weather.delay)

    def test_a_bad_disk(self) -> None:
        self.network.fail_commit("a.example")
        self.say("1")
        self.network.run(5)
        self.assertFalse(self.juliet.sent[-1].accepted)


class KindsTests(SynchronousTestCase):
    """Servers of different kinds."""

    def setUp(self) -> None:
        self.network = Network(seed="kinds", bodies=True)
        self.addCleanup(self.network.close)

    def meet(self, one: str, other: str) -> None:
        juliet, romeo = self.network.client(one), self.network.client(other)
        self.network.run(1)
        juliet.send(f"<message to='{other}' type='chat' id='1'/>")
        romeo.send(f"<message to='{one}' type='chat' id='2'/>")
        self.network.run(5)
        self.assertEqual((["2"], ["1"]), (said(juliet), said(romeo)))

    def test_direct_tls(self) -> None:
        self.network.add("a.example", direct_tls=True)
        self.network.add("b.example", direct_tls=True)
        self.meet(JULIET, ROMEO)
        self.assertIn("connects to port 5270", self.network.trace.text())
        self.assertNotIn("starttls", self.network.trace.text())

    def test_several_domains(self) -> None:
        node = self.network.add("a.example", "c.example")
        self.assertIs(node, self.network.node("c.example"))
        self.network.add("b.example")
        self.meet("juliet@c.example/balcony", ROMEO)

    def test_a_certificate_that_nobody_believes(self) -> None:
        lenient = settings(
            ServersConfig(domains=(RemoteConfig("b.example", require_valid_certificate=False),))
        )
        self.network.add("a.example", config=lenient)
        self.network.add("b.example", authority="nobody's")
        self.meet(JULIET, ROMEO)
        self.assertIn("db:verify", self.network.trace.text())

    def test_who_cannot_be_there(self) -> None:
        self.network.add("a.example")
        for domains in (("a.example",), ("b.example", "a.example"), (), ("no host",)):
            self.assertRaises(ValueError, self.network.add, *domains)
        self.assertEqual(["a.example"], list(self.network.nodes))
        self.assertRaises(KeyError, self.network.client, "romeo@b.example/orchard")

    def test_features_of_ones_own(self) -> None:
        lives: list[Server] = []

        def prepare(server: Server) -> None:
            lives.append(server)
            server.host().install("acme", [Feature("urn:acme")])

        node: Node = self.network.add("a.example", prepare=prepare)
        self.network.crash("a.example")
        self.network.start("a.example")
        self.assertEqual(2, len(lives))
        self.assertIs(node.server, lives[-1])


RUN = """
from xmppd.testing.network import Network
network = Network(seed=7)
network.add("a.example")
network.add("b.example")
juliet = network.client("juliet@a.example/balcony")
romeo = network.client("romeo@b.example/orchard")
network.run(1)
for client, other in ((juliet, romeo), (romeo, juliet)):
    client.send(f"<presence/><presence to='{other.jid.bare}' type='subscribe'/>")
    client.send(f"<message to='{other.jid}' type='chat'><body>o</body></message>")
network.run(0.2)
network.crash("b.example")
network.start("b.example")
network.run(30)
print(network.trace.digest())
"""


class ReplayTests(SynchronousTestCase):
    """A seed makes a run again, whatever Python does with hashes."""

    def test_other_processes(self) -> None:
        checkout = Path(__file__).resolve().parents[2]
        digests = {
            subprocess.run(
                [sys.executable, "-c", RUN],
                env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(checkout)},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for seed in ("1", "2")
        }
        self.assertEqual(1, len(digests))
        self.assertEqual({65}, set(map(len, digests)))

    def test_other_seeds(self) -> None:
        digests = set()
        for seed in (1, 2):
            network = Network(seed)
            network.add("a.example")
            network.client(JULIET)
            network.client(ROMEO.replace("b.", "a.")).send(f"<message to='{JULIET}'/>")
            network.run(1)
            digests.add(network.trace.digest())
            self.assertIn("sends <message", network.trace.text(last=3))
            self.assertGreater(len(network.trace), 3)
        self.assertEqual(1, len(digests))  # nothing was drawn: there was nothing between servers
