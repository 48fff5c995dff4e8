"""A machine with an address and ports, which may crash and come up again."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError, TCPTimedOutError
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from zope.interface import implementer

from xmppd.api.network import IConnector
from xmppd.testing.net.internet import Internet, Way
from xmppd.testing.net.links import End
from xmppd.testing.net.time import MachineClock

Certificates = Callable[[str], tuple[bytes, ...]]
"""Returns what to show, in DER, to those who call by a name."""

KNOCK_AGAIN = 1.0
"""After how many seconds one tries again to connect where nothing gets through; then twice that."""

_FIRST_PORT = 49152


@dataclass(frozen=True, slots=True)
class Listener:
    """What answers at a port; with `certificates` it begins with TLS."""

    factory: IProtocolFactory
    certificates: Certificates | None = None


class Machines:
    """All machines there are, by their IP addresses, on one internet."""

    def __init__(self, internet: Internet) -> None:
        self.internet = internet
        self.by_address: dict[str, Machine] = {}
        self.numbers = count(1)

    def add(self, name: str, *addresses: str) -> "Machine":
        """Set a machine up."""
        machine = Machine(self, name, addresses)
        self.by_address.update(dict.fromkeys(addresses, machine))
        return machine

    def all(self) -> list["Machine"]:
        """Return all machines, in the order in which they were set up."""
        return list(dict.fromkeys(self.by_address.values()))

    def go_on(self) -> None:
        """Let what was stuck arrive where the way is open again."""
        for machine in self.all():
            for end in machine.ends():
                end.go_on()


@implementer(IConnector)
class Machine:
    """One machine.

    - `clock`: its timers; `listeners`: what answers, by port.
    - `dark`: whether it has no power: nothing gets there, and nobody says so.
    - `slowness`: how many times longer everything takes on the way to it and from it.
    - `shows`: certificates (DER, leaf first) that are seen instead of its own, () for its own.
    """

    def __init__(self, machines: Machines, name: str, addresses: tuple[str, ...]) -> None:
        self.name = name
        self.addresses = addresses
        self.dark = False
        self.slowness = 1.0
        self.shows: tuple[bytes, ...] = ()
        self.clock = MachineClock(machines.internet.clock)
        self.listeners: dict[int, Listener] = {}
        self._machines = machines
        self._internet = machines.internet
        self._ends: dict[End, None] = {}
        self._attempts: dict[_Attempt, None] = {}
        self._ports = count(_FIRST_PORT)

    def ends(self) -> list[End]:
        """Return this machine's ends of its connections, and of lost ones with something stuck."""
        self._ends = {end: None for end in self._ends if not end.lost or end.stuck}
        return list(self._ends)

    def connections(self) -> int:
        """Return how many connections it has."""
        return sum(not end.lost for end in self._ends)

    def listen(
        self, port: int, factory: IProtocolFactory, certificates: Certificates | None = None
    ) -> None:
        """Have a factory answer at a port, until the machine crashes."""
        self.listeners[port] = Listener(factory, certificates)

    def end(self, *, silently: bool) -> None:
        """End what runs on it at once; `silently` if it loses its power as well."""
        self.clock.end()
        self.listeners.clear()
        self.dark = silently
        for attempt in self._attempts:
            attempt.over = True
        self._attempts.clear()
        for end in self._ends:
            end.die(silently=silently)

    def connect(
        self, ip: str, port: int, factory: IProtocolFactory, timeout: float
    ) -> "Deferred[IProtocol]":
        """Connect (see `IConnector`)."""
        attempt = _Attempt(ip, port, factory)
        self._attempts = {each: None for each in self._attempts if not each.over}
        self._attempts[attempt] = None
        self.clock.callLater(timeout, attempt.fail, TCPTimedOutError)
        far = self._machines.by_address.get(ip)
        if far is not None:
            delay = self._internet.delay(self, far)
            self._internet.clock.callLater(delay, self._knock, far, attempt, KNOCK_AGAIN)
        return attempt.done

    def _knock(self, far: "Machine", attempt: "_Attempt", patience: float) -> None:
        if attempt.over:
            return
        if not self._internet.is_open(self, far):
            again = self._internet.clock.callLater
            again(patience, self._knock, far, attempt, 2 * patience)
            return
        delay = self._internet.delay(self, far)
        listener = far.listeners.get(attempt.port)
        if listener is None:
            self.clock.callLater(delay, attempt.fail, ConnectionRefusedError)
            return
        near_end, far_end = self._ends_to(far, attempt)
        self.clock.callLater(delay, attempt.succeed, near_end)
        if listener.certificates is not None:
            far_end.expect_tls(listener.certificates)
        far_end.connect(listener.factory.buildProtocol(far_end.getPeer()))

    def _ends_to(self, far: "Machine", attempt: "_Attempt") -> tuple[End, End]:
        number = next(self._machines.numbers)
        here, there = (self.addresses[0], next(self._ports)), (attempt.ip, attempt.port)
        near_way = Way(self._internet, self, far, f"{self.name}>{far.name} #{number}")
        far_way = Way(self._internet, far, self, f"{far.name}<{self.name} #{number}")
        near_end, far_end = End(near_way, here, there), End(far_way, there, here)
        near_end.other, far_end.other = far_end, near_end
        self._ends[near_end] = far._ends[far_end] = None
        if len(self._ends) > 200:
            self.ends()
        near_way.note(f"connects to port {attempt.port}")
        return near_end, far_end


class _Attempt:
    """A connection that somebody wants."""

    def __init__(self, ip: str, port: int, factory: IProtocolFactory) -> None:
        self.ip = ip
        self.port = port
        self.over = False
        self._factory = factory
        self.done: Deferred[IProtocol] = Deferred(self._cancelled)

    def _cancelled(self, _done: "Deferred[IProtocol]") -> None:
        self.over = True

    def fail(self, error: type[Exception]) -> None:
        """Say that it was not possible."""
        if not self.over:
            self.over = True
            self.done.errback(error())

    def succeed(self, end: End) -> None:
        """Hand the connection over, unless nobody wants it any more."""
        if self.over:
            end.abortConnection()
            return
        self.over = True
        protocol = self._factory.buildProtocol(IPv4Address("TCP", self.ip, self.port))
        end.connect(protocol)
        assert protocol is not None
        self.done.callback(protocol)
