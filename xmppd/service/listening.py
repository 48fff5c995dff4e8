"""Binds ports, before privileges are dropped; IPv4 and IPv6 apart.

Twisted's own listening leaves IPv6 sockets to the system's default, by which "::" takes the IPv4
port as well and a second one on "" fails.
"""

import errno
import socket
from collections.abc import Sequence
from typing import Any, cast

from twisted.internet.interfaces import IListeningPort, IReactorSocket
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger

from xmppd.server.assemble import PortSpec

BACKLOG = 512
"""Connections the system holds while we are busy; it may hold fewer."""

ALL_IPV6 = "::"

_log = Logger()


class PortError(Exception):
    """A port cannot be had; one plain sentence."""


def listen(reactor: IReactorSocket, specs: Sequence[PortSpec]) -> list[IListeningPort]:
    """Listen on all ports or on none.

    All of IPv6 ("::") is passed over on a machine without IPv6. Raises `PortError`.
    """
    bound: list[tuple[PortSpec, socket.socket]] = []
    try:
        for spec in specs:
            found = bind(spec.interface, spec.port)
            if found is None:
                _log.info("{label}: this machine has no IPv6", label=spec.label)
            else:
                bound.append((spec, found))
        # The reactor keeps a copy of each descriptor.
        return [
            # Twisted's annotation wants a class where its code wants the interface.
            reactor.adoptStreamPort(
                each.fileno(), each.family, cast("ServerFactory[Any]", spec.factory)
            )
            for spec, each in bound
        ]
    finally:
        for _, each in bound:
            each.close()


def bind(interface: str, port: int) -> socket.socket | None:
    """Return a listening socket; None where all of IPv6 is wanted and there is none.

    `interface` is an IP address, "" for all of IPv4. Raises `PortError`.
    """
    family = socket.AF_INET6 if ":" in interface else socket.AF_INET
    made = None
    try:
        made = socket.socket(family)
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((interface, port))
        made.listen(BACKLOG)
    except OSError as error:
        if made is not None:
            made.close()
        if interface == ALL_IPV6 and error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            return None
        where = interface or "all addresses"
        raise PortError(f"cannot listen on {where}, port {port}: {error.strerror}") from None
    return made


def port_trouble(address: str, port: int) -> str:
    """Say why a port, of all addresses for "*", cannot be listened on; "" if it can."""
    try:
        for interface in ("", ALL_IPV6) if address == "*" else (address,):
            found = bind(interface, port)
            if found is not None:
                found.close()
    except PortError as error:
        return str(error)
    return ""


def loopback() -> tuple[str, ...]:
    """Return the addresses by which this machine reaches itself, those it has."""
    addresses = []
    for address in ("127.0.0.1", "::1"):
        try:
            found = bind(address, 0)
        except PortError:  # no IPv6, or no IPv4
            continue
        assert found is not None  # None is for "::" only
        found.close()
        addresses.append(address)
    return tuple(addresses)
