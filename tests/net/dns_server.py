"""A real DNS server with a table for a zone, by UDP and TCP; it can also misbehave.

`python -m tests.net.dns_server FILE ADDRESS PORT` serves a file with lines such as
`_xmpp-server._tcp.example.net SRV 0 0 5269 host.example.net`, for programs under test that have a
resolver of their own. It prints its address once it serves.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol, Factory
from twisted.names import dns
from twisted.protocols.basic import Int16StringReceiver

from tests.net.messages import Payload, a, aaaa, answer, cname, record, srv

Respond = Callable[[dns.Message, str], bytes | None]
"""Makes the answer to a question that came by "udp" or "tcp"; None for silence."""

Zone = Mapping[str, Sequence[Payload]]

SMALL = 512
"""What fits into a datagram (RFC 1035 section 4.2.1)."""

_KINDS: Mapping[str, Callable[..., Payload]] = {
    "A": a,
    "AAAA": aaaa,
    "CNAME": cname,
    "SRV": lambda priority, weight, port, target: srv(
        int(priority), int(weight), int(port), target
    ),
}


class DnsServer:
    """Answers from a zone, as a server does that looks further for its clients.

    - `zone`: records by names in lower case; a name that is not there does not exist.
    - `ttl`: of every record.
    - `odd`: names that are answered by calling something instead.
    - `times`: how often an answer is sent.
    - `asked`: what came, in order: "udp" or "tcp", the name, the type of record.
    """

    def __init__(self, zone: Zone | None = None) -> None:
        self.zone = dict(zone or {})
        self.ttl = 300
        self.times = 1
        self.odd: dict[str, Respond] = {}
        self.asked: list[tuple[str, str, int]] = []
        self._ports: list[Any] = []

    def start(self, reactor: Any, address: str = "127.0.0.1", port: int = 0) -> tuple[str, int]:
        """Listen; return the address and the port, which is the same for UDP and TCP."""
        factory = Factory.forProtocol(lambda: _Stream(self))
        factory.noisy = False
        while True:
            tcp = reactor.listenTCP(port, factory, interface=address)
            found = tcp.getHost().port
            try:
                udp = reactor.listenUDP(found, _Datagrams(self), interface=address)
            except CannotListenError:
                tcp.stopListening()
                if port:
                    raise
                continue  # somebody else has that port for UDP; there are others
            self._ports += [tcp, udp]
            return address, found

    def stop(self) -> "Deferred[Any]":
        """Listen no more."""
        return gatherResults([maybeDeferred(port.stopListening) for port in self._ports])

    def respond(self, data: bytes, way: str) -> bytes | None:
        """Return the answer to one message."""
        question = dns.Message()
        question.fromStr(data)
        (query,) = question.queries
        name = query.name.name.decode("latin-1").lower()
        self.asked.append((way, name, query.type))
        if name in self.odd:
            return self.odd[name](question, way)
        return packed(question, self.look_up(name, query.type), way)

    def look_up(self, name: str, kind: int) -> dns.Message:
        """Return what the zone has, and what aliases lead to in it."""
        records: list[dns.RRHeader] = []
        while True:
            found = self.zone.get(name)
            if found is None:
                return answer(*records, code=dns.ENAME)
            here = [record(name, each, self.ttl) for each in found if kind == each.TYPE]
            aliases: list[Any] = [each for each in found if isinstance(each, dns.Record_CNAME)]
            if here or not aliases or len(records) > 20:
                return answer(*records, *here)
            records.append(record(name, aliases[0], self.ttl))
            name = aliases[0].name.name.decode("latin-1").lower()


def packed(question: dns.Message, message: dns.Message, way: str) -> bytes:
    """Return an answer to a question as it is sent: cut short where it must be."""
    message.id, message.queries = question.id, question.queries
    message.recDes, message.recAv = question.recDes, 1  # RFC 1035 4.1.1
    data = message.toStr()
    if way == "udp" and len(data) > SMALL:
        message.trunc, message.answers = 1, []
        data = message.toStr()
    return data


class _Datagrams(DatagramProtocol):
    noisy = False

    def __init__(self, server: DnsServer) -> None:
        self.server = server

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        response = self.server.respond(datagram, "udp")
        if response is not None and self.transport is not None:
            for _ in range(self.server.times):
                self.transport.write(response, addr)


class _Stream(Int16StringReceiver):
    def __init__(self, server: DnsServer) -> None:
        self.server = server

    def stringReceived(self, string: bytes) -> None:
        response = self.server.respond(string, "tcp")
        if response is not None:
            for _ in range(self.server.times):
                self.sendString(response)


def read_zone(text: str) -> dict[str, list[Payload]]:
    """Read a zone, a record on each line that is not empty."""
    zone: dict[str, list[Payload]] = {}
    for line in filter(None, map(str.split, text.splitlines())):
        name, kind, *values = line
        zone.setdefault(name.lower(), []).append(_KINDS[kind](*values))
    return zone


def main(arguments: Sequence[str]) -> None:
    from twisted.internet import reactor

    file, address, port = arguments
    running: Any = reactor
    server = DnsServer(read_zone(Path(file).read_text()))
    host, found = server.start(running, address, int(port))
    running.callWhenRunning(print, f"{host}:{found}", flush=True)
    running.run()


if __name__ == "__main__":
    main(sys.argv[1:])
