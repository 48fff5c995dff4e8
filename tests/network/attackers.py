"""Somebody on the network who is no server, and what they try: to be one, to listen, to burden.

Whatever they do, nothing of theirs may be delivered, and nothing of others may reach them.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from twisted.internet.interfaces import IAddress, IHandshakeListener, IProtocol, IProtocolFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.network.scenario import ATTACKER, STRANGERS, Scenario
from xmppd.net.certificates import Identity, load_identity
from xmppd.net.tls import ServerContexts
from xmppd.net.tls_client import ClientContexts
from xmppd.testing.collaborators import NOON
from xmppd.testing.net.certificates import chain_of, issued
from xmppd.testing.net.machine import Machine
from xmppd.wire.namespaces import CLIENT, DIALBACK, DIALBACK_FEATURE, SASL, SERVER, STREAMS, TLS

HOST = f"xmpp.{ATTACKER}"
C2S_PORT, S2S_PORT, S2S_TLS_PORT = 5222, 5269, 5270

START_TLS = b"TLS"
"""In a script: where TLS begins."""

Script = list[tuple[bytes, bytes]]
"""What has to have come since the last step, and what is sent then."""


class _Lines:
    """What attackers say about a target and whom they claim to be."""

    def __init__(self, scenario: Scenario, target: str, victim: str) -> None:
        self._scenario = scenario
        self.target = target
        self.victim = victim

    def header(self, ns: str = SERVER) -> bytes:
        """Return a stream's header."""
        return (
            f"<stream:stream xmlns='{ns}' xmlns:stream='{STREAMS}' xmlns:db='{DIALBACK}' "
            f"version='1.0' from='{self.victim}' to='{self.target}'>"
        ).encode()

    def forged(self) -> bytes:
        """Return a message and a request for presence that claim to be the victim's."""
        id = self._scenario.next_id("forged")
        self._scenario.forged.append(id)
        who = f"from='romeo@{self.victim}/phone' id='{id}'"
        return (
            f"<message to='juliet@{self.target}/phone' type='chat' {who}><body>x</body></message>"
            f"<presence to='juliet@{self.target}' type='subscribe' {who}/>"
        ).encode()

    def secured(self) -> Script:
        """Return how TLS is begun and the features behind it asked for."""
        starttls = f"<starttls xmlns='{TLS}'/>".encode()
        return [
            (b"", self.header()),
            (b"</stream:features>", starttls),
            (b"<proceed", START_TLS),
            (b"", self.header()),
        ]

    def key(self) -> bytes:
        """Return a dialback key that the victim has not made."""
        return (
            f"<db:result from='{self.victim}' to='{self.target}'>{'0' * 64}</db:result>"
        ).encode()

    def auth(self) -> bytes:
        """Return a claim to be whom the certificate, which there is not, says."""
        said = b64encode(self.victim.encode()).decode()
        return f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>{said}</auth>".encode()


@implementer(IProtocol, IHandshakeListener)
class Attacker:
    """Says what its script has; `pace` is how many seconds each byte takes, 0 for all at once."""

    def __init__(self, machine: Machine, lines: _Lines, script: Script, pace: float) -> None:
        self._machine = machine
        self._lines = lines
        self._script = list(script)
        self._pace = pace
        self._come = b""
        self._transport: Any = None

    def makeConnection(self, transport: Any) -> None:
        """Begin."""
        self._transport = transport
        self.connectionMade()

    def connectionMade(self) -> None:
        """Say what comes first."""
        self._go_on()

    def handshakeCompleted(self) -> None:
        """Go on under TLS."""
        self._go_on()

    def dataReceived(self, data: bytes) -> None:
        """Take what comes, and see whether it is what was waited for."""
        self._come += data
        self._go_on()

    def connectionLost(self, reason: Failure) -> None:
        """Be cut off."""
        self._script.clear()

    def _go_on(self) -> None:
        while self._script and self._script[0][0] in self._come:
            expected, said = self._script.pop(0)
            self._come = self._come[self._come.index(expected) + len(expected) :]
            if said == START_TLS:
                contexts = ClientContexts({ATTACKER: identity()}, "xmpp-server")
                self._transport.startTLS(contexts.creator(ATTACKER, self._lines.target))
                return
            self._say(said)

    def _say(self, said: bytes) -> None:
        if not self._pace:
            self._transport.write(said)
            return
        for place in range(len(said)):
            delay = place * self._pace
            self._machine.clock.callLater(delay, self._transport.write, said[place : place + 1])


def _garbage(scenario: Scenario, lines: _Lines) -> Script:
    return [(b"", scenario.dice.pick((b"", lines.header())) + scenario.dice.token_bytes(300))]


def _half_open(scenario: Scenario, lines: _Lines) -> Script:
    return [(b"", scenario.dice.pick((b"", b"<stream:stream ", lines.header())))]


def _in_clear(scenario: Scenario, lines: _Lines) -> Script:
    return [(b"", lines.header()), (b"", lines.forged()), (b"features>", lines.forged())]


def _with_dialback(scenario: Scenario, lines: _Lines) -> Script:
    return [
        *lines.secured(),
        (b"</stream:features>", lines.key()),
        (b"<db:result", lines.forged()),
    ]


def _without_waiting(scenario: Scenario, lines: _Lines) -> Script:
    return [*lines.secured(), (b"</stream:features>", lines.key() + lines.forged())]


def _with_external(scenario: Scenario, lines: _Lines) -> Script:
    return [
        *lines.secured(),
        (b"</stream:features>", lines.auth() + lines.header() + lines.forged()),
        (b"", lines.forged()),
    ]


def _as_a_client(scenario: Scenario, lines: _Lines) -> Script:
    return [(b"", lines.header(CLIENT)), (b"features>", lines.forged())]


ATTACKS: Mapping[str, Callable[[Scenario, _Lines], Script]] = {
    "garbage": _garbage,
    "streams that never begin": _half_open,
    "stanzas in drips": _in_clear,
    "stanzas before anything is proven": _in_clear,
    "a dialback key made up": _with_dialback,
    "stanzas behind a dialback key": _without_waiting,
    "EXTERNAL with a certificate of another": _with_external,
    "stanzas of one who is not logged in": _as_a_client,
}


def attack(scenario: Scenario, kind: str, target: str, victim: str) -> None:
    """Attack a server in the name of another one."""
    network = scenario.network
    machine, node = scenario.attacker, network.nodes[target]
    network.trace.note(ATTACKER, f"attacks {target} as {victim}: {kind}")
    lines = _Lines(scenario, target, victim)
    pace = 0.1 if "drips" in kind else 0.0
    for _ in range(STRANGERS + 2 if "never" in kind else 1):
        attacker = Attacker(machine, lines, ATTACKS[kind](scenario, lines), pace)
        port = C2S_PORT if "logged in" in kind else S2S_PORT
        factory = _Factory(partial(_itself, attacker))
        machine.connect(node.machine.addresses[0], port, factory, 10.0).addErrback(lambda _: None)


def _itself(attacker: Attacker) -> Attacker:
    return attacker


@implementer(IProtocol)
class Trap:
    """Waits for servers that believe what the DNS says, and takes all they give it."""

    def __init__(self, scenario: Scenario, *, secure: bool) -> None:
        self._scenario = scenario
        self._secure = secure
        self._come = ""
        self._transport: Any = None

    def makeConnection(self, transport: Any) -> None:
        """Begin."""
        self._transport = transport
        self.connectionMade()

    def connectionMade(self) -> None:
        """Wait for what they say."""
        self._scenario.counts["servers in the trap"] += 1

    def dataReceived(self, data: bytes) -> None:
        """Say yes to everything."""
        self._come += data.decode()
        self._scenario.stolen += re.findall(r"<(?:message|iq|presence) [^>]*", self._come)
        asked = re.search(r"<db:result from=.([^'\"]*). to=.([^'\"]*).", self._come)
        if "<stream:stream" in self._come:
            self._say(self._header())
        elif "<starttls" in self._come:
            self._say(f"<proceed xmlns='{TLS}'/>")
            self._secure = True
            contexts = ServerContexts({ATTACKER: identity()}, ATTACKER, (), True)
            self._transport.startTLS(contexts.creator(ATTACKER))
        elif asked is not None:
            self._say(f"<db:result from='{asked[2]}' to='{asked[1]}' type='valid'/>")

    def _header(self) -> str:
        feature = f"<dialback xmlns='{DIALBACK_FEATURE}'/>"
        if not self._secure:
            feature = f"<starttls xmlns='{TLS}'/>"
        return (
            f"<stream:stream xmlns='{SERVER}' xmlns:stream='{STREAMS}' xmlns:db='{DIALBACK}' "
            f"version='1.0' id='1'><stream:features>{feature}</stream:features>"
        )

    def _say(self, text: str) -> None:
        self._come = ""
        self._transport.write(text.encode())

    def connectionLost(self, reason: Failure) -> None:
        """See them go."""


@implementer(IProtocolFactory)
class _Factory:
    """Makes what is to be at an end of a connection."""

    noisy = False

    def __init__(self, make: Callable[[], IProtocol]) -> None:
        self._make = make

    def doStart(self) -> None:
        """Begin."""

    def doStop(self) -> None:
        """End."""

    def buildProtocol(self, addr: IAddress | None) -> IProtocol:
        """Return it."""
        return self._make()


def settle(scenario: Scenario) -> None:
    """Set a trap on the ports of servers on the attacker's machine."""
    machine = scenario.attacker
    scenario.network.names.hosts[HOST] = machine.addresses
    machine.listen(S2S_PORT, _Factory(lambda: Trap(scenario, secure=False)))
    chain = chain_of(identity())
    trap = _Factory(lambda: Trap(scenario, secure=True))
    machine.listen(S2S_TLS_PORT, trap, lambda _name: chain)


@cache
def identity() -> Identity:
    """Return the attacker's certificate, which is good, but for no server of the federation."""
    files = issued((ATTACKER,))
    return load_identity(files.chain, files.key, (ATTACKER,), datetime.fromtimestamp(NOON, UTC))
