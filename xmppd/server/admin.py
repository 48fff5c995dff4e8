"""What administrative commands need of a server: a few questions, and one thing to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.defer import Deferred

from xmppd.api.commands import CommandError
from xmppd.api.host import IHost
from xmppd.stanza.jid import JID
from xmppd.stanza.prep import PrepError, domainpart


@dataclass(frozen=True, slots=True)
class Status:
    """How a server is.

    - `uptime`: seconds since it was started; `hosts`: the domains it serves.
    - `connections`: of clients, bound or not; `sessions`: those bound, on this node.
    - `components`: the domains of the components that are connected.
    - `storage_queue`: writes not yet committed.
    - `states`: how many of each kind of state features keep for sessions and accounts.
    """

    version: str
    uptime: float
    hosts: tuple[str, ...]
    connections: int
    sessions: int
    components: tuple[str, ...]
    storage_queue: int
    states: Mapping[str, int]


class Admin(Protocol):
    """A server, for those who administer it.

    Accounts are reached through each host's `accounts`, passwords kept here through
    `find(IPasswords)`.
    """

    @property
    def hosts(self) -> Sequence[IHost]:
        """The hosts, in the order of the configuration."""

    def delete(self, host: IHost, localpart: str) -> "Deferred[None]":
        """Delete an account, wherever its password is; its sessions end.

        Fails with KeyError if there is none, and with `StorageError`.
        """

    def disable(self, host: IHost, localpart: str, disabled: bool) -> "Deferred[str]":
        """Refuse logins to an account from now on, or allow them again; fires with its localpart.

        The sessions of an account that is disabled end. Fails with KeyError if there is none, with
        ValueError for a name no account can have, and with `StorageError`.
        """

    def forget(self, host: IHost, localpart: str) -> "Deferred[None]":
        """Let the features know that an account is gone (`AccountDeleted`), and wait for them."""

    def kick(self, jid: JID, text: str) -> bool:
        """End the session bound to that full JID; False if there is none.

        `text` tells the user why.
        """

    def status(self) -> Status:
        """Return how the server is."""


def host_named(admin: Admin, name: str) -> IHost:
    """Return the host an operator names; raises `CommandError`, which says which ones there are."""
    try:
        domain = domainpart(name)
    except PrepError as error:
        raise CommandError(str(error)) from None
    for host in admin.hosts:
        if host.domain == domain:
            return host
    served = ", ".join(host.domain for host in admin.hosts)
    raise CommandError(f"{domain} is not served here; hosts: {served}")
