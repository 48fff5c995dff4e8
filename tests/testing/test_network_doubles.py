"""The DNS and the connections that tests are given."""

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override
from zope.interface.verify import verifyObject

from xmppd.api.network import (
    AddressAnswer,
    IConnector,
    IResolver,
    LookupFailed,
    SrvAnswer,
    SrvRecord,
    Trouble,
)
from xmppd.testing.connector import FakeConnector
from xmppd.testing.resolver import FixedResolver

SERVICE = "_xmpp-server._tcp.example.net"
FIRST, SECOND = SrvRecord(1, 0, 5269, "a"), SrvRecord(2, 0, 5269, "b")
NO_RECORDS = Trouble.NO_RECORDS


class ResolverTests(SynchronousTestCase):
    """Tables."""

    def setUp(self) -> None:
        self.resolver = FixedResolver(
            {SERVICE: [SECOND, FIRST], "broken": Trouble.BROKEN},
            {
                "a": ["192.0.2.1", "2001:db8::1"],
                "b": ["192.0.2.2"],
                "none": [],
                "late": Trouble.TIMEOUT,
            },
        )
        verifyObject(IResolver, self.resolver)

    def test_services(self) -> None:
        found = self.successResultOf(self.resolver.srv(SERVICE))
        self.assertEqual(found, SrvAnswer((FIRST, SECOND), 300.0))
        for name, trouble in (("broken", Trouble.BROKEN), ("x", Trouble.NO_NAME)):
            failure = self.failureResultOf(self.resolver.srv(name), LookupFailed).value
            self.assertEqual((failure.name, failure.trouble), (name, trouble))
        self.assertEqual(self.resolver.asked, [SERVICE, "broken", "x"])

    def test_addresses(self) -> None:
        four, six = ("192.0.2.1",), ("2001:db8::1",)
        late, missing = Trouble.TIMEOUT, Trouble.NO_NAME
        table = [
            ("a", AddressAnswer(six, four, 300.0)),
            ("b", AddressAnswer((), ("192.0.2.2",), 300.0, NO_RECORDS, None)),
            ("none", AddressAnswer((), (), 300.0, NO_RECORDS, NO_RECORDS)),
            ("late", AddressAnswer((), (), 300.0, late, late)),
            ("x", AddressAnswer((), (), 300.0, missing, missing)),
            ("[2001:db8::1]", AddressAnswer(six, (), 300.0, None, NO_RECORDS)),
        ]
        for host, expected in table:
            with self.subTest(host=host):
                self.assertEqual(self.successResultOf(self.resolver.addresses(host)), expected)
        self.assertEqual(self.resolver.asked, ["a", "b", "none", "late", "x"])

    def test_silence(self) -> None:
        self.resolver.silent = {SERVICE, "a"}
        self.assertNoResult(self.resolver.srv(SERVICE))
        self.assertNoResult(self.resolver.addresses("a"))


class Noting(Factory):
    """Notes for whom protocols are made."""

    def __init__(self) -> None:
        self.addresses: list[IAddress | None] = []

    @override
    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        self.addresses.append(addr)
        return Protocol()


REFUSED = ConnectionRefusedError()  # type: ignore[no-untyped-call]  # untyped in Twisted


class ConnectorTests(SynchronousTestCase):
    """Attempts."""

    def setUp(self) -> None:
        self.connector = FakeConnector()
        verifyObject(IConnector, self.connector)

    def test_success(self) -> None:
        factory = Noting()
        for ip, address in (
            ("192.0.2.1", IPv4Address("TCP", "192.0.2.1", 5269)),
            ("2001:db8::1", IPv6Address("TCP", "2001:db8::1", 5269)),
        ):
            connecting = self.connector.connect(ip, 5269, factory, 30.0)
            attempt = self.connector.attempts[-1]
            self.assertEqual((attempt.ip, attempt.port, attempt.timeout), (ip, 5269, 30.0))
            transport = attempt.succeed()
            protocol = self.successResultOf(connecting)
            assert isinstance(protocol, Protocol)
            self.assertIs(protocol.transport, transport)
            self.assertEqual(factory.addresses[-1], address)

    def test_failure(self) -> None:
        connecting = self.connector.connect("192.0.2.1", 5269, Factory(), 30.0)
        self.connector.attempts[0].fail(REFUSED)
        self.failureResultOf(connecting, ConnectionRefusedError)
        self.connector.refused = {"192.0.2.2": REFUSED}
        connecting = self.connector.connect("192.0.2.2", 5269, Factory(), 30.0)
        self.failureResultOf(connecting, ConnectionRefusedError)

    def test_cancelling(self) -> None:
        connecting = self.connector.connect("192.0.2.1", 5269, Factory(), 30.0)
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.assertTrue(self.connector.attempts[0].cancelled)
