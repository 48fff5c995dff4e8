"""Everything a client can make grow has a limit, reached here over the wire (RFC 6120 13.12)."""

from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from tests.c2s.client import Client
from tests.c2s.house import HouseCase, Setup
from tests.c2s.texts import CAPULET, JULIET, ROMEO, opening
from tests.net import pairs
from xmppd.api.moments import PASS, SentByClient, Verdict
from xmppd.api.registrations import Watch
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message
from xmppd.stream.limits import StreamLimits
from xmppd.wire.element import Element
from xmppd.wire.limits import ParserLimits

TO = f"to='{ROMEO}/orchard'"
FROM = f"from='{JULIET}/balcony'"


def message(size: int) -> str:
    """Return a message of so many bytes."""
    head = f"<message {TO}><body>"
    return head + "x" * (size - len(head) - len("</body></message>")) + "</body></message>"


class ParserLimitTests(HouseCase):
    """What a stream may make the parser hold."""

    setup = Setup(
        settings={
            "limits": StreamLimits(
                ParserLimits(
                    stanza=20_000, tag=3000, depth=12, attributes=10, children=20, namespace=300
                ),
                unauthenticated=2000,
            )
        }
    )

    def setUp(self) -> None:
        super().setUp()
        self.romeo = self.house.login("romeo", "orchard")

    def test_bytes_before_login(self) -> None:
        for data, fits in (
            (opening(extra="version='1.0' a='" + "x" * 1000 + "'"), True),
            (opening(extra="version='1.0' a='" + "x" * 2000 + "'"), False),
            (opening(extra="version='1.0'" + " " * 2000), False),
            ("<?xml version='1.0'?>" + " " * 1000, True),
            ("<?xml version='1.0'?>" + " " * 3000, False),
        ):
            client = self.house.connect()
            client.sends(data)
            if fits:
                self.assertFalse(client.reader.ended)
            else:
                client.fails_with("policy-violation")
        for size in (3000, 200_000):
            client = self.house.connect()
            client.opens()
            client.sends(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{'x' * size}")
            client.fails_with("policy-violation")

    def test_bytes_after_login(self) -> None:
        for size, fits in ((10_000, True), (20_000, True), (20_001, False), (100_000, False)):
            juliet = self.house.login()
            juliet.sends(message(size))
            if fits:
                self.assertEqual(len(self.romeo.takes()), 1)
                juliet.closes()
            else:
                juliet.fails_with("policy-violation")
        self.romeo.receives()

    def test_a_stanza_that_never_ends(self) -> None:
        juliet = self.house.login()
        juliet.sends(message(15_000)[:-10])
        for _ in range(10):
            juliet.sends("x" * 1000)
        juliet.fails_with("policy-violation")

    def test_the_rest(self) -> None:
        for inner, fits in (
            ("<a>" * 10 + "</a>" * 10, True),
            ("<a>" * 11 + "</a>" * 11, False),
            ("<a>" * 20_000, False),
            ("<a/>" * 20, True),
            ("<a/>" * 21, False),
            ("<a " + " ".join(f"b{n}=''" for n in range(10)) + "/>", True),
            ("<a " + " ".join(f"b{n}=''" for n in range(11)) + "/>", False),
            (f"<a xmlns='urn:{'x' * 290}'/>", True),
            (f"<a xmlns='urn:{'x' * 300}'/>", False),
            (f"<a b='{'x' * 2900}'/>", True),
            (f"<a b='{'x' * 3100}", False),
        ):
            juliet = self.house.login()
            juliet.sends(f"<message {TO}>{inner}" + ("</message>" if inner.endswith(">") else ""))
            if fits:
                self.assertEqual(len(self.romeo.takes()), 1)
                juliet.closes()
            else:
                juliet.fails_with("policy-violation")
        self.romeo.receives()

    def test_the_header_after_login_is_no_stranger(self) -> None:
        client = self.house.connect()
        client.logs_in(extra="version='1.0' a='" + "x" * 1500 + "'")
        client.binds()


class InboxTests(HouseCase):
    """What a client sends while one of its stanzas waits."""

    setup = Setup(settings={"inbox_stanzas": 5})

    def test_reading_pauses_and_goes_on_in_order(self) -> None:
        waits: list[Deferred[Verdict]] = []

        def wait(stanza: object, session: object) -> "Deferred[Verdict]":
            waits.append(Deferred())
            return waits[-1]

        romeo = self.house.login("romeo", "orchard")
        juliet = self.house.login()
        self.house.install(Watch(SentByClient, wait))
        filler = "x" * 10_000
        stanzas = [
            f"<message {TO} id='{number}'><body>{filler}</body></message>" for number in range(60)
        ]
        for stanza in stanzas:
            juliet.sends(stanza)
        self.assertEqual(len(waits), 1)
        self.assertNotIn(juliet.transport, self.house.reactor.getReaders())
        for number in range(60):
            self.assertEqual(len(waits), number + 1)
            waits[-1].callback(PASS)
            self.house.turn()
        self.assertEqual([each.get("id") for each in romeo.takes()], list(map(str, range(60))))
        self.assertIn(juliet.transport, self.house.reactor.getReaders())


class OutputTests(HouseCase):
    """A client that reads slowly."""

    setup = Setup(settings={"output": 50_000})

    def test_cut_off(self) -> None:
        romeo, juliet = self.house.login("romeo", "orchard"), self.house.login()
        nurse = self.house.login("nurse")
        romeo.deaf = True
        sent = 0
        # Not from a client, who could be made to wait.
        local = self.house.server.hosts[CAPULET].local
        while local.sessions("romeo") and sent < 1000:
            body = Element("body", children=["x" * 2000])
            local.route(
                Message(body, to=JID.parse(f"{ROMEO}/orchard"), from_=local.jid, id=str(sent))
            )
            self.house.turn()
            sent += 1
        self.assertLess(sent, 300)
        romeo.deaf = False
        self.house.turn()
        *messages, error = romeo.takes()
        self.assertEqual(
            [each.get("id") for each in messages], list(map(str, range(len(messages))))
        )
        self.assertGreater(len(messages), 20)
        self.assertIsNotNone(error.find("{urn:ietf:params:xml:ns:xmpp-streams}resource-constraint"))
        self.assertTrue(romeo.reader.ended)
        self.assertTrue(romeo.lost)
        nurse.sends(f"<message to='{JULIET}/balcony' id='1'/>")
        self.assertEqual(juliet.takes()[-1].get("id"), "1")

    def test_a_reader_that_catches_up_stays(self) -> None:
        romeo, juliet = self.house.login("romeo", "orchard"), self.house.login()
        count = 0
        for _ in range(10):
            romeo.deaf = True
            for _ in range(20):
                juliet.sends(f"<message {TO} id='{count}'><body>{'x' * 2000}</body></message>")
                count += 1
            romeo.deaf = False
            self.house.turn()
        self.assertEqual([each.get("id") for each in romeo.takes()], list(map(str, range(count))))


class ConnectionTests(HouseCase):
    """How many connections, from where."""

    setup = Setup(settings={"connections": 5, "strangers": 3})

    def connect(self, count: int, address: str) -> list[Client]:
        clients = [self.house.connect(address=address) for _ in range(count)]
        return [client for client in clients if not client.lost]

    def test_strangers(self) -> None:
        self.assertEqual(len(self.connect(5, "192.0.2.1")), 3)
        self.assertEqual(len(self.connect(5, "192.0.2.2")), 3)
        self.assertEqual(self.house.clients.strangers, 6)

    def test_who_logs_in_is_none(self) -> None:
        first, second, _ = self.connect(3, "192.0.2.1")
        for client, resource in ((first, "one"), (second, "two")):
            client.logs_in()
            client.binds(resource)
        self.assertEqual(self.house.clients.strangers, 1)
        third = self.connect(5, "192.0.2.1")
        self.assertEqual(len(third), 2)
        self.assertEqual(len(self.house.clients), 5)
        first.closes()
        second.hangs_up()
        self.assertEqual(len(self.connect(5, "192.0.2.1")), 0)
        for client in third:
            client.hangs_up()
        self.assertEqual(len(self.connect(5, "192.0.2.1")), 2)

    def test_ipv6_counts_by_network(self) -> None:
        clients = [
            client
            for part in range(5)
            for client in self.connect(1, f"2001:db8::{part:x}:{part:x}")
        ]
        self.assertEqual(len(clients), 3)
        self.assertEqual(len(self.connect(1, "2001:db8:0:1::1")), 1)

    def test_direct_tls(self) -> None:
        """Twisted's wrapper has to be given a protocol: that one hangs up."""
        for _ in range(3):
            self.assertFalse(self.house.connect(direct=pairs.Client()).lost)
        client = self.house.connect(direct=pairs.Client())
        self.assertTrue(client.lost)
        self.assertEqual(len(self.house.clients), 3)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_a_line_a_second_is_logged_of_it(self) -> None:
        lines: list[int] = []

        @implementer(ILogObserver)
        def observe(event: LogEvent) -> None:
            if "refused" in str(event.get("log_format")):
                lines.append(event["count"])

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.connect(13, "192.0.2.1")
        self.assertEqual(lines, [])
        self.house.passes(3)
        self.connect(2, "192.0.2.1")
        self.house.passes(3)
        self.assertEqual(lines, [10, 2])
