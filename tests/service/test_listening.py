"""Binding ports on this machine."""

import errno
import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import gatherResults, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.trial.unittest import TestCase

from xmppd.server.assemble import PortSpec
from xmppd.service.listening import PortError, bind, listen, loopback, port_trouble

REACTOR: Any = reactor


def spec(interface: str, port: int = 0) -> PortSpec:
    return PortSpec("clients", interface, port, Factory())


def address(port: IListeningPort) -> tuple[str, int]:
    host: Any = port.getHost()
    return host.host, host.port


class ListenTests(TestCase):
    """All ports or none."""

    def setUp(self) -> None:
        self.taken = bind("127.0.0.1", 0)
        assert self.taken is not None
        self.addCleanup(self.taken.close)
        self.port: int = self.taken.getsockname()[1]

    async def test_it_listens(self) -> None:
        ports = listen(REACTOR, [spec("127.0.0.1"), spec("")])
        hosts = [address(port) for port in ports]
        for _, number in hosts:
            socket.create_connection(("127.0.0.1", number), 5).close()
        await gatherResults([maybeDeferred(port.stopListening) for port in ports])
        self.assertEqual([host for host, _ in hosts], ["127.0.0.1", "0.0.0.0"])

    async def test_both_families_on_one_port(self) -> None:
        (v4,) = listen(REACTOR, [spec("")])
        v6 = listen(REACTOR, [spec("::", address(v4)[1])])
        self.assertLessEqual(len(v6), 1)
        await gatherResults([maybeDeferred(port.stopListening) for port in (v4, *v6)])

    def test_a_port_that_is_taken(self) -> None:
        free = bind("127.0.0.1", 0)
        assert free is not None
        number = free.getsockname()[1]
        free.close()
        specs = [spec("127.0.0.1", number), spec("127.0.0.1", self.port)]
        error = self.assertRaises(PortError, listen, REACTOR, specs)
        self.assertEqual(
            str(error),
            f"cannot listen on 127.0.0.1, port {self.port}: Address already in use",
        )
        self.assertEqual(port_trouble("127.0.0.1", number), "")

    def test_an_address_of_another_machine(self) -> None:
        error = self.assertRaises(PortError, bind, "192.0.2.1", 0)
        self.assertIn("cannot listen on 192.0.2.1, port 0: ", str(error))

    def test_trouble(self) -> None:
        table = [
            ("127.0.0.1", self.port, "cannot listen on 127.0.0.1, port"),
            ("*", self.port, "cannot listen on all addresses, port"),
            ("*", 0, ""),
            ("127.0.0.1", 0, ""),
        ]
        for address, port, expected in table:
            with self.subTest(address=address, port=port):
                self.assertEqual(port_trouble(address, port)[: len(expected) or 99], expected)

    def test_loopback(self) -> None:
        self.assertEqual(loopback()[0], "127.0.0.1")


class WithoutIpv6Tests(TestCase):
    """A machine that has no IPv6."""

    def setUp(self) -> None:
        make = socket.socket

        def make_without(family: int = socket.AF_INET, *arguments: Any) -> socket.socket:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
            return make(family, *arguments)

        self.patch(socket, "socket", make_without)

    async def test_all_of_it_is_passed_over(self) -> None:
        self.assertIsNone(bind("::", 0))
        self.assertEqual(port_trouble("*", 0), "")
        ports = listen(REACTOR, [spec(""), spec("::")])
        await gatherResults([maybeDeferred(port.stopListening) for port in ports])
        self.assertEqual(len(ports), 1)

    def test_one_address_is_not(self) -> None:
        error = self.assertRaises(PortError, bind, "::1", 0)
        self.assertIn("cannot listen on ::1, port 0: Address family", str(error))

    def test_loopback(self) -> None:
        self.assertEqual(loopback(), ("127.0.0.1",))
