"""CPU of one message between two servers: two of ours, and two Prosodys, in turn.

One user on each server sends chat messages to the other one, both at the same time and each with
so many under way. The servers reach each other over TLS and prove themselves by certificates, their
users connect without TLS. What is counted is the CPU of both servers together; each message passes
both. Prosody has to be installed. Run it as::

    python benchmarks/federation.py [--messages 20000] [--window 100] [--rounds 3]
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from typing_extensions import override

from benchmarks.route import message
from tests.live.federation import EJABBERD, HERE, FederatedProsody, FederatedServer
from tests.live.internet import Internet

HOSTS = (HERE, EJABBERD)
USER = "juliet"
TICK = os.sysconf("SC_CLK_TCK")
END = b"</message>"
OURS: dict[str, Any] = {
    "tls": "required = false",
    "tables": "[sasl]\nplain_without_tls = true\niterations = 4096",
}
THEIRS: dict[str, Any] = {
    "log": "info",
    "settings": 'allow_unencrypted_plain_auth = true; gc = { mode = "generational" }',
}
COUNTED = ("dialback", "s2s_bidi", "smacks")


@dataclass(frozen=True)
class Result:
    """CPU and time of one message, in microseconds."""

    cpu: float
    time: float


class Client(asyncio.Protocol):
    """A user who counts what arrives."""

    def __init__(self, host: str, other: str) -> None:
        self.jid = f"{USER}@{host}/bench"
        self._host = host
        self._message = message(f"{USER}@{other}/bench")
        self._data = b""
        self._wanted: tuple[bytes, asyncio.Future[None]] | None = None
        self._transport: Any = None
        self.sent = self.received = 0
        self.arrived = asyncio.Event()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Write to this from now on."""
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        """Count messages, or look for what was asked for."""
        if self._wanted is None:
            *complete, self._data = (self._data + data).split(END)
            self.received += len(complete)
            self.arrived.set()
            return
        self._data += data
        wanted, waiter = self._wanted
        if wanted in self._data and not waiter.done():
            waiter.set_result(None)

    async def ask(self, xml: str, wanted: bytes) -> None:
        """Write, and read until something is there."""
        self._data = b""
        waiter = asyncio.get_running_loop().create_future()
        self._wanted = (wanted, waiter)
        self._transport.write(xml.encode())
        try:
            await asyncio.wait_for(waiter, 20)
        except TimeoutError:
            raise AssertionError(self._data) from None
        finally:
            self._wanted = None
            self._data = b""

    async def log_in(self) -> None:
        """Be available."""
        header = (
            f"<stream:stream to='{self._host}' version='1.0' xmlns='jabber:client'"
            " xmlns:stream='http://etherx.jabber.org/streams'>"
        )
        plain = b64encode(f"\0{USER}\0{USER}".encode()).decode()
        await self.ask(header, b"</stream:features>")
        sasl = "urn:ietf:params:xml:ns:xmpp-sasl"
        await self.ask(f"<auth xmlns='{sasl}' mechanism='PLAIN'>{plain}</auth>", b"<success")
        await self.ask(header, b"</stream:features>")
        bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>bench</resource></bind>"
        await self.ask(f"<iq type='set' id='b'>{bind}</iq>", b"</iq>")
        await self.ask("<presence/>", b"<presence")

    def send(self, count: int) -> None:
        """Send so many messages at once."""
        self._transport.write(self._message * count)
        self.sent += count


async def stream(sender: Client, receiver: Client, count: int, window: int) -> None:
    """Send so many messages, at most `window` of them under way."""
    end = sender.sent + count
    while receiver.received < end:
        room = min(window - (sender.sent - receiver.received), end - sender.sent)
        if room > 0:
            sender.send(room)
        receiver.arrived.clear()
        await asyncio.wait_for(receiver.arrived.wait(), 20)


async def connected(server: Any, host: str, other: str) -> Client:
    """Return a client of a server that has logged in."""
    loop = asyncio.get_running_loop()
    where = (server.address, server.port)
    _, client = await loop.create_connection(lambda: Client(host, other), *where)
    await client.log_in()
    return client


async def measure(servers: list[Any], count: int, window: int) -> Result:
    """Send messages both ways, after some that do not count."""
    one, other = [
        await connected(server, host, there)
        for server, host, there in zip(servers, HOSTS, HOSTS[::-1], strict=True)
    ]

    async def both(count: int) -> None:
        await asyncio.gather(stream(one, other, count, window), stream(other, one, count, window))

    await both(max(window, count // 20))
    cpu, began = sum(map(spent, servers)), time.perf_counter()
    await both(count // 2)
    took = time.perf_counter() - began
    return Result((sum(map(spent, servers)) - cpu) / count * 1e6, took / count * 1e6)


def spent(server: Any) -> float:
    """Return the seconds of CPU that a server has used."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


@contextmanager
def ours(internet: Internet, place: Path, **how: Any) -> Iterator[list[Any]]:
    """Run two of our servers."""
    servers = []
    for number, host in enumerate(HOSTS):
        folder = place / f"{number}"
        folder.mkdir()
        servers.append(FederatedServer(folder, internet, host=host, **OURS, **how))
    with ExitStack() as running:
        internet.start()
        running.callback(internet.stop)
        for server in servers:
            running.callback(server.end)
            server.start()
            server.add(USER)
        yield servers


@contextmanager
def theirs(internet: Internet, place: Path, **how: Any) -> Iterator[list[Any]]:
    """Run two Prosodys."""
    servers = []
    for number, host in enumerate(HOSTS):
        folder = place / f"{number}"
        folder.mkdir(mode=0o755)
        servers.append(FederatedProsody(folder, internet, host=host, **THEIRS, **how))
    with ExitStack() as running:
        internet.start()
        running.callback(internet.stop)
        for server in servers:
            server.add(USER, server.host, USER)
            running.callback(server.stop)
            server.start()
        yield servers


Run = Callable[..., AbstractContextManager[list[Any]]]

SETUPS: tuple[tuple[str, Run, dict[str, Any]], ...] = (
    ("xmppd", ours, {}),
    ("Prosody", theirs, {}),
    ("Prosody, s2s_bidi and smacks", theirs, {"modules": COUNTED}),
)


def main() -> None:
    """Measure in turn and print a table of medians."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--messages", type=int, default=20_000)
    options.add_argument("--window", type=int, default=100)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    results: dict[str, list[Result]] = {name: [] for name, *_ in SETUPS}
    for _ in range(chosen.rounds):
        for name, run, how in SETUPS:
            with tempfile.TemporaryDirectory(prefix="xmppd-bench-") as folder:
                place = Path(folder)
                place.chmod(0o755)
                with run(Internet(place), place, **how) as servers:
                    measured = measure(servers, chosen.messages, chosen.window)
                    results[name].append(asyncio.run(measured))
    print(f"{chosen.messages} messages, {chosen.window} under way in each direction")
    print(f"{'two servers of':30}{'CPU us a message':>18}{'messages/s':>12}")
    for name, found in results.items():
        cpu = median(each.cpu for each in found)
        rate = 1e6 / median(each.time for each in found)
        print(f"{name:30}{cpu:18.1f}{rate:12,.0f}")


if __name__ == "__main__":
    main()
