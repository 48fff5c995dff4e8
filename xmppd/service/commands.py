"""All the commands there are: the server's, its modules', and those that need this process."""

from collections.abc import Callable
from datetime import UTC, datetime

from xmppd.api.commands import Command, CommandError
from xmppd.net.roots import Roots
from xmppd.server.administration import commands
from xmppd.server.assemble import Reloaded, Server
from xmppd.server.check import Check
from xmppd.server.servers import read_authorities

PortTrouble = Callable[[str, int], str]


def all_commands(
    server: Server, reload: Callable[[], Reloaded], port_trouble: PortTrouble
) -> tuple[Command, ...]:
    """Return every command.

    `reload` reads again what can change while the server runs; for `port_trouble` see `Check`.
    Raises `RegistrationError`.
    """

    def now() -> datetime:
        return datetime.fromtimestamp(server.outside.wall.now(), UTC)

    def reload_or_refuse() -> Reloaded:
        reloaded = reload()
        if reloaded.errors:
            raise CommandError("nothing has changed: " + "; ".join(reloaded.errors))
        return reloaded

    def authorities() -> Roots:
        return read_authorities(server.config.s2s)[0]

    resolver = server.outside.resolver
    return (
        *commands(server),
        Command(
            "reload",
            "Read certificates and the secrets of components again; other settings need a restart.",
            reload_or_refuse,
            Reloaded,
        ),
        Check(server.config, now, port_trouble, resolver, authorities).command(),
    )
