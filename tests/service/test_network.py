"""The real network: the DNS by real packets, connections without a name ever being looked up."""

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, ConnectingCancelledError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from tests.net.dns_server import DnsServer
from tests.net.messages import a, aaaa, cname, srv
from xmppd.api.network import AddressAnswer, IConnector, LookupFailed, SrvRecord, Trouble
from xmppd.server.config import DnsConfig
from xmppd.service import network
from xmppd.service.network import TcpConnector, resolver

FACTORY = Factory.forProtocol(Protocol)
FAILED = ConnectError()  # type: ignore[no-untyped-call]  # untyped in Twisted
SERVICE = "_xmpp-server._tcp.example.net"


class ConnectorTests(SynchronousTestCase):
    """What is asked of the reactor."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.connector = TcpConnector(self.reactor)

    def connect(self, ip: str) -> "Deferred[Any]":
        return self.connector.connect(ip, 5269, FACTORY, 7.5)

    def test_interface(self) -> None:
        verifyObject(IConnector, self.connector)

    def test_connecting(self) -> None:
        for ip in ("192.0.2.1", "2001:db8::1"):
            connecting = self.connect(ip)
            client: Any = self.reactor.tcpClients.pop()
            host, port, factory, timeout, _ = client
            self.assertEqual((host, port, timeout), (ip, 5269, 7.5))
            protocol = factory.buildProtocol(None)
            self.assertNoResult(connecting)
            protocol.makeConnection(None)
            self.assertIsInstance(self.successResultOf(connecting), Protocol)

    def test_failing(self) -> None:
        connecting = self.connect("192.0.2.1")
        client: Any = self.reactor.tcpClients[0]
        client[2].clientConnectionFailed(None, FAILED)
        self.failureResultOf(connecting, ConnectError)

    def test_cancelling(self) -> None:
        connecting = self.connect("192.0.2.1")
        self.reactor.tcpClients[0][2].startedConnecting(self.reactor.connectors[0])
        connecting.cancel()
        self.failureResultOf(connecting, ConnectingCancelledError, CancelledError)
        self.assertTrue(self.reactor.connectors[0].stoppedConnecting)

    def test_names_are_not_looked_up(self) -> None:
        for name in ("localhost", "example.net", "127.1", ""):
            with self.subTest(name=name):
                self.assertRaises(ValueError, self.connect, name)
        self.assertEqual(self.reactor.tcpClients, [])


class ResolverTests(TestCase):
    """Everything together: settings, packets, answers."""

    def setUp(self) -> None:
        self.server = DnsServer(
            {
                SERVICE: [srv(1, 0, 5269, f"h{n}.example.net") for n in range(30)],
                "h1.example.net": [cname("h2.example.net")],
                "h2.example.net": [a("192.0.2.2"), aaaa("2001:db8::2")],
                "circle": [cname("circle")],
            }
        )
        self.addCleanup(self.server.stop)
        self.address = "{}:{}".format(*self.server.start(reactor))

    async def test_named_servers(self) -> None:
        found = resolver(reactor, TcpConnector(reactor), DnsConfig((self.address,)))
        services = await found.srv(SERVICE)
        self.assertEqual(len(services.records), 30)
        self.assertEqual(services.records[1], SrvRecord(1, 0, 5269, "h1.example.net"))
        addresses = await found.addresses("h1.example.net")
        self.assertEqual(addresses, AddressAnswer(("2001:db8::2",), ("192.0.2.2",), 300.0))
        nowhere = await found.addresses("nowhere.example.net")
        self.assertIs(nowhere.trouble, Trouble.NO_NAME)
        self.assertIs((await found.addresses("circle")).trouble, Trouble.LOOP)
        failure: Any = await self.assertFailure(found.srv("circle"), LookupFailed)
        self.assertIs(failure.trouble, Trouble.LOOP)

    async def test_the_servers_of_the_system(self) -> None:
        host, port = self.address.split(":")
        self.patch(network, "SystemServers", lambda: lambda: [(host, int(port))])
        found = resolver(reactor, TcpConnector(reactor), DnsConfig())
        self.assertEqual((await found.addresses("h2.example.net")).ipv4, ("192.0.2.2",))

    def test_what_is_no_server(self) -> None:
        self.assertRaises(
            ValueError, resolver, reactor, TcpConnector(reactor), DnsConfig(("ns.example.net",))
        )
