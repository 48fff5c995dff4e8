"""Commands about accounts: `user add`, `user delete`, `user list` and so on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from xmppd.api.auth import IPasswords
from xmppd.api.commands import Argument, Command, CommandError, Conflict, NotAllowed
from xmppd.api.host import Busy, IHost
from xmppd.api.roster import IRoster
from xmppd.api.storage import AccountExists, StorageError
from xmppd.auth.lookup import find_account
from xmppd.server.admin import Admin, host_named
from xmppd.stanza.dates import format_datetime
from xmppd.stanza.prep import localpart as prepared

MOST_ROWS = 1000
"""The most accounts one answer lists."""

_ADDRESS = Argument("address", "the account, such as juliet@example.org")
_PASSWORD = Argument("password", "its password", secret=True)
_HOST = Argument("host", "the host; by default the first one", required=False)


@dataclass(frozen=True, slots=True)
class UserChanged:
    """What was done to which account."""

    address: str
    change: str


@dataclass(frozen=True, slots=True)
class UserRow:
    """An account; `created` is a date and time (XEP-0082), `sessions` counts those bound."""

    address: str
    created: str
    disabled: bool
    sessions: int


@dataclass(frozen=True, slots=True)
class UserCount:
    """How many accounts a host has, and how many of them have a session."""

    host: str
    registered: int
    online: int


@dataclass(frozen=True, slots=True)
class RosterRow:
    """A contact in somebody's roster; `subscription` as RFC 6121 2.1.2.5 names it."""

    address: str
    name: str
    subscription: str
    asked: bool
    groups: tuple[str, ...]


class UserCommands:
    """What can be done to the accounts of a server's hosts."""

    def __init__(self, admin: Admin) -> None:
        self._admin = admin

    def commands(self) -> tuple[Command, ...]:
        """Return the commands; most of them work on the data alone, too."""
        return (*self._changes(), *self._questions())

    def _changes(self) -> Iterator[Command]:
        known, new = (_ADDRESS,), (_ADDRESS, _PASSWORD)
        disabling = "Refuse logins to an account and end its sessions; nothing of it is lost."
        for name, help, run, arguments in (
            ("user add", "Create an account.", self.add, new),
            ("user delete", "Delete an account and everything kept for it.", self.delete, known),
            ("user password", "Set the password of an account.", self.password, new),
            ("user disable", disabling, self.disable, known),
            ("user enable", "Allow logins to an account again.", self.enable, known),
        ):
            yield Command(name, help, run, UserChanged, arguments, offline=True)

    def _questions(self) -> Iterator[Command]:
        yield Command(
            "user roster",
            "List the contacts of an account.",
            self.roster,
            list[RosterRow],
            (_ADDRESS,),
            harmless=True,
        )
        yield Command(
            "user count",
            "Count the accounts of a host.",
            self.count,
            UserCount,
            (_HOST,),
            offline=True,
            harmless=True,
        )
        after = Argument("after", "begin behind this account", required=False, default="")
        limit = Argument("limit", f"at most so many, up to {MOST_ROWS}", int, False, MOST_ROWS)
        yield Command(
            "user list",
            "List the accounts of a host.",
            self.show,
            list[UserRow],
            (_HOST, after, limit),
            offline=True,
            harmless=True,
        )

    async def add(self, address: str, password: str) -> UserChanged:
        """Create an account."""
        host, localpart = self._account(address)
        with _in_plain_words(address):
            name = await self._passwords(host).create(localpart, password)
        return UserChanged(f"{name}@{host.domain}", "added")

    async def delete(self, address: str) -> UserChanged:
        """Delete an account; its sessions end."""
        host, localpart = self._account(address)
        with _in_plain_words(address):
            try:
                await self._admin.delete(host, localpart)
            except KeyError:
                raise CommandError(f"there is no account {address}") from None
        return UserChanged(address, "deleted")

    async def password(self, address: str, password: str) -> UserChanged:
        """Set a password; sessions go on."""
        host, localpart = self._account(address)
        with _in_plain_words(address):
            await self._passwords(host).set_password(localpart, password)
        return UserChanged(address, "password set")

    async def disable(self, address: str) -> UserChanged:
        """Refuse logins; sessions end."""
        return await self._disable(address, True)

    async def enable(self, address: str) -> UserChanged:
        """Allow logins again."""
        return await self._disable(address, False)

    async def _disable(self, address: str, disabled: bool) -> UserChanged:
        host, localpart = self._account(address)
        with _in_plain_words(address):
            try:
                name = await self._admin.disable(host, localpart, disabled)
            except KeyError:
                raise CommandError(f"there is no account {address}") from None
        return UserChanged(f"{name}@{host.domain}", "disabled" if disabled else "enabled")

    async def roster(self, address: str) -> list[RosterRow]:
        """List contacts in the order of their addresses."""
        host, localpart = self._account(address)
        rosters = host.find(IRoster)
        if rosters is None:
            raise CommandError(f"{host.domain} keeps no rosters")
        with _in_plain_words(address):
            account = await find_account(host.accounts, prepared(localpart))
            if account is None:
                raise CommandError(f"there is no account {address}")
            items = await rosters.items(account.localpart)
        return [
            RosterRow(
                str(item.jid),
                item.name,
                item.subscription.name_for_client,
                item.subscription.asks,
                item.groups,
            )
            for item in items
            if item.listed
        ]

    async def count(self, host: str | None) -> UserCount:
        """Count accounts, and those online."""
        chosen = self._chosen(host)
        online = {record.jid.localpart for record in chosen.all_sessions()}
        with _in_plain_words(chosen.domain):
            registered = await chosen.accounts.count()
        return UserCount(chosen.domain, registered, len(online))

    async def show(self, host: str | None, after: str, limit: int) -> list[UserRow]:
        """List accounts in the order of their localparts."""
        if not 1 <= limit <= MOST_ROWS:
            raise CommandError(f"the limit is a number from 1 to {MOST_ROWS}")
        chosen = self._chosen(host)
        with _in_plain_words(chosen.domain):
            names = await chosen.accounts.localparts(after.partition("@")[0], limit)
            rows = [await self._row(chosen, name) for name in names]
        return [row for row in rows if row is not None]

    async def _row(self, host: IHost, localpart: str) -> UserRow | None:
        account = await host.accounts.get(localpart)
        if account is None:  # deleted meanwhile
            return None
        return UserRow(
            f"{localpart}@{host.domain}",
            format_datetime(account.created),
            account.disabled,
            len(host.sessions(localpart)),
        )

    def _account(self, address: str) -> tuple[IHost, str]:
        """Return the host and the localpart, not yet prepared, of an account's address."""
        localpart, at, domain = address.partition("@")
        if not localpart or not at or "/" in address:
            raise CommandError(
                f"{address[:80]!r} is no address of an account; write it like juliet@example.org"
            )
        return host_named(self._admin, domain), localpart

    def _chosen(self, name: str | None) -> IHost:
        return self._admin.hosts[0] if name is None else host_named(self._admin, name)

    def _passwords(self, host: IHost) -> IPasswords:
        passwords = host.find(IPasswords)
        if passwords is None:
            raise NotAllowed(f"the passwords of {host.domain} are not kept by this server")
        return passwords


@contextmanager
def _in_plain_words(subject: str) -> Iterator[None]:
    """Say what went wrong with an account or a host to the operator."""
    try:
        yield
    except KeyError:
        raise CommandError(f"there is no account {subject} whose password is kept here") from None
    except AccountExists:
        raise Conflict(f"{subject} is taken, or too much like a name that is") from None
    except (ValueError, StorageError, Busy) as error:
        raise CommandError(str(error)) from None
