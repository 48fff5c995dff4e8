"""A whole server as its administrators see it: `Admin`, and the commands of server and modules."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from zope.interface import implementer

import xmppd
from xmppd.api.commands import Argument, Command, CommandError, IAdministration
from xmppd.api.host import IHost
from xmppd.api.moments import AccountDeleted
from xmppd.api.storage import Storage, when_settled
from xmppd.auth.lookup import find_account
from xmppd.c2s.service import ClientService
from xmppd.component.service import ComponentService
from xmppd.routing.registry import RegistrationError
from xmppd.s2s.service import ServerService
from xmppd.server.admin import Status
from xmppd.server.collaborators import Collaborators
from xmppd.server.component_commands import ComponentCommands
from xmppd.server.config import OWN_ACCOUNTS, ServerConfig
from xmppd.server.hosts import Host
from xmppd.server.portable.commands import PortableCommands
from xmppd.server.server_commands import ServerCommands
from xmppd.server.session_commands import SessionCommands
from xmppd.server.user_commands import UserCommands
from xmppd.stanza import prep
from xmppd.stanza.jid import JID

_HOST = Argument("host", "the host; by default the first one", required=False)


class Administered(Protocol):
    """What its administration sees of a server."""

    config: ServerConfig
    clients: ClientService
    components: ComponentService
    servers: ServerService | None
    hosts: dict[str, Host]
    outside: Collaborators
    started_at: float
    storage: Storage


class ServerAdmin:
    """Implements `Admin` for a server that has been put together.

    With `domain` it is one for that host: it reaches no other.
    """

    def __init__(self, server: Administered, domain: str = "") -> None:
        self._server = server
        self._domain = domain

    @property
    def _hosts(self) -> Mapping[str, Host]:
        hosts = self._server.hosts
        return {self._domain: hosts[self._domain]} if self._domain else hosts

    @property
    def hosts(self) -> Sequence[IHost]:
        """The hosts, in the order of the configuration."""
        return [host.local for host in self._hosts.values()]

    def delete(self, host: IHost, localpart: str) -> "Deferred[None]":
        """Delete an account, wherever its password is. Fails with KeyError, `StorageError`."""
        return self._hosts[host.domain].passwords.delete(localpart)

    def disable(self, host: IHost, localpart: str, disabled: bool) -> "Deferred[str]":
        """Refuse logins to an account, or allow them again (see `Admin`)."""
        return Deferred.fromCoroutine(self._disable(self._hosts[host.domain], localpart, disabled))

    async def _disable(self, host: Host, localpart: str, disabled: bool) -> str:
        accounts = host.local.accounts
        account = await find_account(accounts, prep.localpart(localpart))
        if account is None:
            raise KeyError(localpart)
        ticket = await accounts.update(replace(account, disabled=disabled))
        if disabled:
            for session in host.local.accounts_domain.sessions.of(account.localpart):
                session.close("not-authorized", "this account has been disabled")
        await when_settled(self._server.storage.tickets, ticket)
        return account.localpart

    def forget(self, host: IHost, localpart: str) -> "Deferred[None]":
        """Let the features know that an account is gone, and wait for them."""
        local = self._hosts[host.domain].local
        return Deferred.fromCoroutine(local.announce_and_wait(AccountDeleted, localpart))

    def kick(self, jid: JID, text: str) -> bool:
        """End the session bound to that full JID; False if there is none."""
        host = self._hosts.get(jid.domainpart)
        session = None if host is None else host.local.accounts_domain.sessions.get(jid)
        if session is None:
            return False
        session.close("policy-violation", text)
        return True

    def status(self) -> Status:
        """Return how the server is."""
        server = self._server
        online = [host.local.accounts_domain.sessions for host in self._hosts.values()]
        sessions = sum(map(len, online))
        tickets = server.storage.tickets
        return Status(
            version=xmppd.__version__,
            uptime=server.outside.wall.now() - server.started_at,
            hosts=tuple(self._hosts),
            connections=len(server.clients),
            sessions=sessions,
            components=tuple(server.components.components),
            storage_queue=tickets.issued - tickets.settled,
            states={
                "not logged in": server.clients.strangers,
                "waiting for storage": len(server.clients.gate),
                **({} if server.servers is None else server.servers.states()),
                **sum((each.states() for each in online), Counter()),
            },
        )


def commands(server: Administered) -> tuple[Command, ...]:
    """Return all commands of a server and its hosts' modules.

    Raises `RegistrationError` if a module claims the name of a command of the server.
    """
    iterations = server.config.sasl.iterations

    def elsewhere(domain: str) -> bool:
        return server.hosts[domain].config.users != (OWN_ACCOUNTS,)

    admin = ServerAdmin(server)
    # Components are of the whole server and files of this machine, so hosts' own administrators
    # have no such commands.
    own = (
        *_own(admin),
        *ComponentCommands(server.components).commands(),
        *ServerCommands(server.servers).commands(),
        *PortableCommands(admin, iterations, elsewhere).commands(),
    )
    return (*own, *_of_modules(server, {command.name for command in own}))


@implementer(IAdministration)
class HostAdministration:
    """Implements `IAdministration` for one host; its commands end at its border."""

    def __init__(self, server: Administered, domain: str, admins: Iterable[JID]) -> None:
        self.admins = frozenset(admins)
        named = (admin for host in server.config.hosts for admin in host.admins)
        self.everywhere = self.admins.union(map(JID.parse, named))
        self._server = server
        self._domain = domain

    def commands(self) -> tuple[Command, ...]:
        """Return the commands of the server, for this host alone, and those of its features.

        Those that take files are for people on this machine.
        """
        local = self._server.hosts[self._domain].local
        of_features = (command for _, command in local.registry.records(Command))
        known = (*_own(ServerAdmin(self._server, self._domain)), *of_features)
        return tuple(each for each in known if not any(a.path for a in each.arguments))


def _own(admin: ServerAdmin) -> tuple[Command, ...]:
    return (*UserCommands(admin).commands(), *SessionCommands(admin).commands())


def _of_modules(server: Administered, taken: Collection[str]) -> Iterator[Command]:
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
