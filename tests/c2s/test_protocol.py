"""Tests of xmppd.c2s.protocol and its factory: what does not show on the wire."""

from typing import Any

from twisted.internet.interfaces import IHandshakeListener, IProtocol, IProtocolFactory
from twisted.internet.testing import StringTransport
from zope.interface.verify import verifyObject

from tests.c2s.client import Client
from tests.c2s.house import HouseCase
from tests.c2s.texts import CLOSE, opening
from xmppd.c2s.channel import IChannel
from xmppd.c2s.factory import ClientFactory
from xmppd.c2s.link import ILink
from xmppd.c2s.protocol import ClientProtocol
from xmppd.stanza.stanza import Message
from xmppd.stream.errors import StreamError
from xmppd.wire.element import Element


class ProtocolTests(HouseCase):
    """One connection."""

    def test_interfaces(self) -> None:
        protocol = ClientProtocol(self.house.clients, "192.0.2.1", False)
        for interface in (IProtocol, IHandshakeListener, ILink):
            verifyObject(interface, protocol)
        self.assertTrue(IChannel.providedBy(protocol))
        factory = ClientFactory(self.house.clients)
        verifyObject(IProtocolFactory, factory)
        factory.doStart()
        factory.doStop()

    def test_nothing_raises_once_the_connection_is_gone(self) -> None:
        opened = self.house.connect()
        opened.opens()
        for client in (self.house.connect(), opened, self.house.login()):
            protocol = client.protocol
            assert protocol is not None
            client.hangs_up()
            self.assertEqual(len(client.takes()), 0)
            protocol.send(Message())
            protocol.write(b"x")
            protocol.element(Element("x"))
            protocol.pause()
            protocol.resume()
            protocol.start_tls(self.house.direct.creator())
            protocol.ask()
            protocol.sleep()
            protocol.overdue()
            protocol.dataReceived(b"<x/>")
            protocol.close()
            protocol.fail(StreamError("reset"))
            protocol.abort()
            self.house.clients.disconnected(protocol)
            self.assertIsNone(protocol.transport)

    def test_over_a_transport_without_a_socket(self) -> None:
        """Anything with Twisted's interfaces will do."""
        transport = StringTransport()
        protocol: Any = ClientFactory(self.house.clients).buildProtocol(None)
        self.assertEqual(protocol.address, "")
        protocol.makeConnection(transport)
        protocol.dataReceived(opening().encode())
        self.house.turn()
        self.assertIn(b"<stream:features>", transport.value())
        protocol.dataReceived(CLOSE.encode())
        self.assertTrue(transport.value().endswith(b"</stream:stream>"))
        self.assertTrue(transport.disconnecting)

    def test_a_late_word_of_the_negotiation(self) -> None:
        """Nothing follows the end of our stream."""
        client = self.house.connect()
        client.opens()
        protocol = client.protocol
        assert protocol is not None
        protocol.fail(StreamError("reset"))
        protocol.element(Element("late"))
        protocol.write(b"late")
        self.house.turn()
        client.fails_with("reset")

    def test_who_reads_nothing_is_not_waited_for(self) -> None:
        """Not before its own end, that is: it will not see ours."""
        client: Client = self.house.login()
        client.deaf = True
        protocol = client.protocol
        assert protocol is not None
        for _ in range(40):
            protocol.send(Message(id="x" * 10_000))
        self.house.turn()
        protocol.fail(StreamError("reset"))
        self.assertTrue(client.transport.disconnecting)
        client.deaf = False
        self.house.turn()
        self.assertEqual(len(client.takes()), 41)
        self.assertTrue(client.reader.ended)
        self.assertTrue(client.lost)
