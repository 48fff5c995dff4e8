"""Commands about other servers: `s2s list` and `s2s explain`."""

from collections.abc import Iterator
from dataclasses import dataclass

from xmppd.api.commands import Argument, Command, CommandError
from xmppd.s2s.explain import Told, explain
from xmppd.s2s.pairs import Pair, Proof
from xmppd.s2s.protocol import ServerProtocol
from xmppd.s2s.route import Route
from xmppd.s2s.service import ServerService
from xmppd.s2s.troubles import KEPT_SECONDS, Trouble
from xmppd.stanza.dates import format_datetime
from xmppd.stanza.prep import PrepError, domainpart

_DOMAIN = Argument("domain", "the domain of the other server")
_FROM = Argument("sender", "a domain served here; by default the first host", required=False)


@dataclass(frozen=True, slots=True)
class ServerRow:
    """A pair of domains between which stanzas go, or should.

    - `direction`: "in", "out", or "both" for a stream that serves both ways.
    - `proof`: how it was proven that they may; `tls`: whether the stream is encrypted.
    - `since`: when the stream was made (XEP-0082), "" while there is none; `address`: where it
      leads.
    - `queued`: stanzas that wait to be sent.
    - `trouble`: why the last attempt to make a stream failed, where there is none; `failed`: when
      that was (XEP-0082). Both are "" if none did, and shown for a day.
    """

    local: str
    remote: str
    direction: str
    proof: str
    tls: bool
    since: str
    address: str
    queued: int
    trouble: str
    failed: str = ""


class ServerCommands:
    """What can be asked of the traffic with other servers; `servers` is None without any."""

    def __init__(self, servers: ServerService | None) -> None:
        self._servers = servers

    def commands(self) -> tuple[Command, ...]:
        """Return the commands."""
        return (
            Command(
                "s2s list",
                "List the streams from and to other servers, and what waits for a stream.",
                self.show,
                list[ServerRow],
                harmless=True,
            ),
            Command(
                "s2s explain",
                "Try to reach another server, and say what stands in the way and what to do.",
                self.explain,
                list[Told],
                (_DOMAIN, _FROM),
                harmless=True,
            ),
        )

    def show(self) -> list[ServerRow]:
        """List pairs of domains, in the order of the others' names."""
        if self._servers is None:
            return []
        routes = {route.pair: route for route in self._servers.outgoing}
        rows = [
            row
            for stream in self._servers.around.connections.all()
            if isinstance(stream, ServerProtocol)
            for row in _of_stream(stream, routes)
        ]
        shown = {Pair(row.local, row.remote) for row in rows if row.direction != "in"}
        troubles = self._troubles(self._servers)
        rows += [
            _without_stream(pair, routes.get(pair), troubles.get(pair))
            for pair in dict.fromkeys((*routes, *troubles))
            if pair not in shown
        ]
        return sorted(rows, key=lambda row: (row.remote, row.local, row.direction))

    def _troubles(self, servers: ServerService) -> dict[Pair, Trouble]:
        since = servers.around.wall.now() - KEPT_SECONDS
        return {trouble.pair: trouble for trouble in servers.dialler.troubles.since(since)}

    async def explain(self, domain: str, sender: str | None) -> list[Told]:
        """Walk the way to another server."""
        servers = self._servers
        if servers is None:
            raise CommandError("this server has no traffic with others; set s2s.enable = true")
        try:
            remote = domainpart(domain)
            local = domainpart(sender) if sender else servers.around.default
        except PrepError as error:
            raise CommandError(str(error)) from None
        if servers.around.is_ours(remote):
            raise CommandError(f"{remote} is served here")
        if not servers.around.is_ours(local):
            raise CommandError(f"{local} is not served here")
        return await explain(servers.around, Pair(local, remote))


def _of_stream(stream: ServerProtocol, routes: dict[Pair, Route]) -> Iterator[ServerRow]:
    for proven in stream.pairs.all():
        route = routes.get(proven.pair)
        sends = route is not None and route.traffic is stream.traffic
        ways = {(True, True): "both", (True, False): "in", (False, True): "out"}
        direction = ways.get((proven.incoming is not None, proven.outgoing is not None and sends))
        if direction is not None:
            proof = _stronger(proven.incoming, proven.outgoing)
            yield ServerRow(
                proven.pair.local,
                proven.pair.remote,
                direction,
                proof,
                stream.secure,
                format_datetime(stream.since),
                stream.address,
                len(route) if route is not None and sends else 0,
                "",
            )


def _stronger(incoming: Proof | None, outgoing: Proof | None) -> str:
    """Say how the other side has proven itself, or how we have where it need not."""
    proof = incoming or outgoing
    return "" if proof is None else proof.value


def _without_stream(pair: Pair, route: Route | None, trouble: Trouble | None) -> ServerRow:
    text, failed = "", ""
    if trouble is not None:
        text, failed = trouble.text, format_datetime(trouble.when)
    elif route is not None and route.trouble is not None:
        text = route.trouble.text  # a fault of ours
    queued = 0 if route is None else len(route)
    return ServerRow(pair.local, pair.remote, "out", "", False, "", "", queued, text, failed)
