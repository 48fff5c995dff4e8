"""A whole server as its administrators see it: `Admin`, and the commands of server and modules."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred

import xmppd
from xmppd.api.commands import Argument, Command, CommandError
from xmppd.api.host import IHost
from xmppd.routing.registry import RegistrationError
from xmppd.server.admin import Status
from xmppd.server.assemble import Server
from xmppd.server.session_commands import SessionCommands
from xmppd.server.user_commands import UserCommands
from xmppd.stanza.jid import JID

_HOST = Argument("host", "the host; by default the first one", required=False)


class ServerAdmin:
    """Implements `Admin` for a server that has been put together."""

    def __init__(self, server: Server) -> None:
        self._server = server

    @property
    def hosts(self) -> Sequence[IHost]:
        """The hosts, in the order of the configuration."""
        return [host.local for host in self._server.hosts.values()]

    def delete(self, host: IHost, localpart: str) -> "Deferred[None]":
        """Delete an account, wherever its password is. Fails with KeyError, `StorageError`."""
        return self._server.hosts[host.domain].passwords.delete(localpart)

    def kick(self, jid: JID, text: str) -> bool:
        """End the session bound to that full JID; False if there is none."""
        host = self._server.hosts.get(jid.domainpart)
        session = None if host is None else host.local.accounts_domain.sessions.get(jid)
        if session is None:
            return False
        session.close("policy-violation", text)
        return True

    def status(self) -> Status:
        """Return how the server is."""
        server = self._server
        online = [host.local.accounts_domain.sessions for host in server.hosts.values()]
        sessions = sum(map(len, online))
        tickets = server.storage.tickets
        return Status(
            version=xmppd.__version__,
            uptime=server.outside.wall.now() - server.started_at,
            hosts=tuple(server.hosts),
            connections=len(server.clients),
            sessions=sessions,
            storage_queue=tickets.issued - tickets.settled,
            states={
                "not logged in": server.clients.strangers,
                "waiting for storage": len(server.clients.gate),
                **sum((each.states() for each in online), Counter()),
            },
        )


def commands(server: Server) -> tuple[Command, ...]:
    """Return all commands of a server and its hosts' modules.

    Raises `RegistrationError` if a module claims the name of a command of the server.
    """
    admin = ServerAdmin(server)
    own = (*UserCommands(admin).commands(), *SessionCommands(admin).commands())
    return (*own, *_of_modules(server, {command.name for command in own}))


def _of_modules(server: Server, taken: Collection[str]) -> Iterator[Command]:
    """Join what the same module registers on several hosts into one command that takes a host."""
    by_name: dict[str, dict[str, Command]] = {}
    for domain, host in server.hosts.items():
        for feature, command in host.local.registry.records(Command):
            if command.name in taken:
                raise RegistrationError(f"{feature} claims the command {command.name}")
            by_name.setdefault(command.name, {})[domain] = command
    for each in by_name.values():
        first = next(iter(each.values()))
        yield replace(first, run=_Dispatch(each), arguments=(*first.arguments, _HOST))


class _Dispatch:
    """Runs a command of the host that is asked for."""

    def __init__(self, by_host: Mapping[str, Command]) -> None:
        self._by_host = by_host

    def __call__(self, host: str | None, **arguments: Any) -> Any:
        if host is None:
            host = next(iter(self._by_host))
        if host not in self._by_host:
            raise CommandError(f"only {', '.join(self._by_host)} have this command")
        return self._by_host[host].run(**arguments)
