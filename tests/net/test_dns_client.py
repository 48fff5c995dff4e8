"""Questions and answers as packets, over real sockets on this machine."""

import errno
import socket
import struct
from collections.abc import Sequence
from typing import Any
from unittest import mock

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import CannotListenError, ConnectionLost
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.names import dns
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest, TestCase

from tests.net.dns_server import DnsServer, packed, read_zone
from tests.net.messages import a, answer, record
from xmppd.api.network import LookupFailed, Trouble
from xmppd.net import dns_client
from xmppd.net.dns_client import DnsClient, Server
from xmppd.service.network import TcpConnector

NAME = "example.net"
LONG = 10.0
"""More seconds than any answer takes on this machine, however busy it is."""

MANY = [a(f"192.0.2.{n}") for n in range(1, 101)]


def refused(question: dns.Message, way: str) -> bytes:
    return packed(question, answer(code=dns.EREFUSED), way)


def failed(question: dns.Message, way: str) -> bytes:
    return packed(question, answer(code=dns.ESERVER), way)


def silence(question: dns.Message, way: str) -> None:
    return None


class ClientTests(TestCase):
    """One server, or two of which the first is no good."""

    def setUp(self) -> None:
        self.server = DnsServer({NAME: [a("192.0.2.1")], "big": MANY})
        self.address = self.start(self.server)

    def start(self, server: DnsServer) -> Server:
        self.addCleanup(server.stop)
        return server.start(reactor)

    def client(self, *servers: Server, timeouts: Sequence[float] = (LONG,)) -> DnsClient:
        asked = servers or (self.address,)
        return DnsClient(reactor, TcpConnector(reactor), lambda: asked, timeouts)

    async def addresses(self, client: DnsClient, name: str = NAME) -> list[str]:
        message = await client.ask(name, dns.A)
        return [payload.dottedQuad() for each in message.answers if (payload := _a(each))]

    async def trouble(self, client: DnsClient, name: str = NAME) -> Trouble:
        try:
            await client.ask(name, dns.A)
        except LookupFailed as failure:
            self.assertEqual(failure.name, name)
            return failure.trouble
        raise AssertionError("there was an answer")

    async def test_answer(self) -> None:
        self.assertEqual(await self.addresses(self.client()), ["192.0.2.1"])
        self.assertEqual(self.server.asked, [("udp", NAME, dns.A)])

    async def test_no_such_name(self) -> None:
        message = await self.client().ask("nowhere.example", dns.A)
        self.assertEqual((message.rCode, message.answers), (dns.ENAME, []))

    async def test_ipv6(self) -> None:
        server = DnsServer({NAME: [a("192.0.2.6")]})
        self.addCleanup(server.stop)
        try:
            address = server.start(reactor, "::1")
        except CannotListenError as error:
            raise SkipTest("this machine has no IPv6") from error
        self.assertEqual(await self.addresses(self.client(address)), ["192.0.2.6"])

    async def test_what_does_not_fit_comes_by_tcp(self) -> None:
        self.assertEqual(len(await self.addresses(self.client(), "big")), 100)
        self.assertEqual(self.server.asked, [("udp", "big", dns.A), ("tcp", "big", dns.A)])

    async def test_tcp_fails(self) -> None:
        """What is cut short is not taken for the whole, whatever becomes of the rest."""

        def hang_up(question: dns.Message, way: str) -> bytes | None:
            if way == "tcp":
                raise ConnectionAbortedError
            return packed(question, answer(*[record("big", each) for each in MANY]), way)

        def senseless(question: dns.Message, way: str) -> bytes | None:
            return b"?" * 20 if way == "tcp" else hang_up(question, way)

        def huge(question: dns.Message, way: str) -> bytes | None:
            records = [record("big", each) for each in MANY * 6]
            return packed(question, answer(*records), way)

        for what in (hang_up, senseless, huge):
            with self.subTest(what=what):
                self.server.odd["big"] = what
                self.assertIs(await self.trouble(self.client(), "big"), Trouble.BROKEN)
        self.assertEqual(len(self.flushLoggedErrors(ConnectionAbortedError)), 1)

    async def test_answers_that_come_twice(self) -> None:
        self.server.times = 2
        self.assertEqual(await self.addresses(self.client()), ["192.0.2.1"])
        self.assertEqual(len(await self.addresses(self.client(), "big")), 100)

    async def test_tcp_is_silent(self) -> None:
        self.patch(dns_client, "TCP_TIMEOUT", 0.05)
        self.server.odd["big"] = lambda question, way: (
            packed(question, answer(*[record("big", each) for each in MANY]), way)
            if way == "udp"
            else None
        )
        self.assertIs(await self.trouble(self.client(), "big"), Trouble.TIMEOUT)

    async def test_no_tcp(self) -> None:
        """A server that says it has more and does not take connections."""
        ports: Any = self.server._ports
        await ports[0].stopListening()
        self.assertIs(await self.trouble(self.client(), "big"), Trouble.BROKEN)

    async def test_servers_that_fail(self) -> None:
        for what in (failed, refused):
            with self.subTest(what=what):
                self.server.odd[NAME] = what
                self.assertIs(await self.trouble(self.client()), Trouble.BROKEN)
        self.assertEqual(len(self.server.asked), 2, "each is asked once")

    async def test_silence(self) -> None:
        self.server.odd[NAME] = silence
        trouble = await self.trouble(self.client(timeouts=(0.02, 0.02)))
        self.assertIs(trouble, Trouble.TIMEOUT)
        self.assertEqual(len(self.server.asked), 2, "once in each round")

    async def test_the_next_server(self) -> None:
        """One that fails, is silent or is not there is passed over."""
        first = DnsServer()
        address = self.start(first)
        for what in (failed, refused, silence):
            with self.subTest(what=what):
                first.odd[NAME] = what
                client = self.client(address, self.address, timeouts=(0.5,))
                self.assertEqual(await self.addresses(client), ["192.0.2.1"])
        await first.stop()
        client = self.client(address, self.address)
        self.assertEqual(await self.addresses(client), ["192.0.2.1"])

    async def test_nobody_is_there(self) -> None:
        """A port that nobody listens on says so, and is not waited for."""
        await self.server.stop()
        self.assertIs(await self.trouble(self.client()), Trouble.BROKEN)

    async def test_no_server(self) -> None:
        client = DnsClient(reactor, TcpConnector(reactor), lambda: ())
        self.assertIs(await self.trouble(client), Trouble.BROKEN)

    async def test_unreachable(self) -> None:
        """What cannot be sent to at all: a broadcast address, which takes a privilege to use."""
        self.assertIs(await self.trouble(self.client(("255.255.255.255", 53))), Trouble.BROKEN)

    async def test_what_is_no_answer_is_not_waited_for_less(self) -> None:
        """Packets that are not the answer do not end the wait for it."""

        def noisy(question: dns.Message, way: str) -> bytes:
            right = packed(question, answer(record(NAME, a("192.0.2.1"))), way)
            wrong = struct.pack("!H", question.id ^ 1) + right[2:]
            for each in (b"", b"?", wrong, right, right):
                datagrams.transport.write(each, peer)
            return b"late"

        peer: Any = None
        datagrams: Any = self.server._ports[1].protocol
        receive = datagrams.datagramReceived

        def received(datagram: bytes, addr: Any) -> None:
            nonlocal peer
            peer = addr
            receive(datagram, addr)

        datagrams.datagramReceived = received
        self.server.odd[NAME] = noisy
        self.assertEqual(await self.addresses(self.client()), ["192.0.2.1"])

    async def test_ids_and_ports_differ(self) -> None:
        seen: set[tuple[int, int]] = set()
        datagrams: Any = self.server._ports[1].protocol
        receive = datagrams.datagramReceived

        def received(datagram: bytes, addr: tuple[str, int]) -> None:
            seen.add((int.from_bytes(datagram[:2], "big"), addr[1]))
            receive(datagram, addr)

        datagrams.datagramReceived = received
        for _ in range(8):
            await self.client().ask(NAME, dns.A)
        for place in (0, 1):
            self.assertGreater(len({each[place] for each in seen}), 4)

    async def test_cancelling(self) -> None:
        self.server.odd[NAME] = silence
        asked = Deferred.fromCoroutine(self.client().ask(NAME, dns.A))
        asked.cancel()
        await self.assertFailure(asked, CancelledError)

    def by_hand(self) -> "tuple[Any, Deferred[dns.Message]]":
        """Ask with a reactor that never looks; return what it should look at."""
        readers: list[Any] = []

        class Reactor:
            def __getattr__(self, name: str) -> Any:
                return getattr(reactor, name)

            def addReader(self, reader: Any) -> None:
                readers.append(reader)

        client = DnsClient(Reactor(), TcpConnector(reactor), lambda: [self.address], (LONG,))
        asked = Deferred.fromCoroutine(client.ask(NAME, dns.A))
        return readers[0], asked

    async def test_a_broken_socket(self) -> None:
        """What the reactor finds broken is not waited for."""
        self.server.odd[NAME] = silence
        reader, asked = self.by_hand()
        self.assertEqual(reader.logPrefix(), "DNS")
        reader.doRead()
        self.assertNoResult(asked)
        reader.connectionLost(Failure(ConnectionLost()))
        failure: Any = await self.assertFailure(asked, LookupFailed)
        self.assertIs(failure.trouble, Trouble.BROKEN)
        self.assertEqual(reader.fileno(), -1)
        reader.connectionLost(Failure(ConnectionLost()))  # as reactors do with a closed socket

    async def test_a_refusal(self) -> None:
        """Some reactors leave it to the reader to find out."""
        await self.server.stop()
        reader, asked = self.by_hand()
        reader.doRead()
        failure: Any = await self.assertFailure(asked, LookupFailed)
        self.assertIs(failure.trouble, Trouble.BROKEN)

    async def test_no_socket(self) -> None:
        def too_many(*_: object) -> None:
            raise OSError(errno.EMFILE, "too many open files")

        client = self.client()
        with mock.patch.object(socket, "socket", too_many):
            asked = Deferred.fromCoroutine(client.ask(NAME, dns.A))
        failure: Any = await self.assertFailure(asked, LookupFailed)
        self.assertIs(failure.trouble, Trouble.BROKEN)

    async def test_the_log_is_left_alone(self) -> None:
        events: list[LogEvent] = []
        observe: Any = events.append
        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        await self.client().ask("big", dns.A)
        self.assertEqual([formatEvent(each) for each in events], [])


class ZoneTests(TestCase):
    """The server of these tests, as live tests use it."""

    def test_a_file(self) -> None:
        zone = read_zone("X SRV 1 2 3 y\n\ny A 192.0.2.1\ny AAAA 2001:db8::1\nz CNAME y\n")
        self.assertEqual(
            {name: len(found) for name, found in zone.items()}, {"x": 1, "y": 2, "z": 1}
        )
        server = DnsServer(zone)
        self.assertEqual(
            [str(each.name) for each in server.look_up("z", dns.A).answers], ["z", "y"]
        )


def _a(header: dns.RRHeader) -> Any:
    return header.payload if header.type == dns.A else None
