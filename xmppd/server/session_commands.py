"""Commands about sessions and the server as a whole: `session list`, `session kick`, `status`."""

from dataclasses import dataclass
from itertools import chain, islice

from xmppd.api.commands import Argument, Command, CommandError
from xmppd.api.sessions import SessionRecord
from xmppd.server.admin import Admin, Status
from xmppd.stanza.dates import format_datetime
from xmppd.stanza.jid import JID, JIDError

MOST_ROWS = 1000
"""The most sessions one answer lists."""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session; `since` is when it was bound, as a date and time (XEP-0082)."""

    address: str
    node: str
    available: bool
    priority: int
    detached: bool
    since: str


@dataclass(frozen=True, slots=True)
class SessionKicked:
    """A session that was ended."""

    address: str


class SessionCommands:
    """What can be asked of and done to the sessions of a server."""

    def __init__(self, admin: Admin) -> None:
        self._admin = admin

    def commands(self) -> tuple[Command, ...]:
        """Return the commands."""
        return (
            Command(
                "session list",
                "List sessions.",
                self.show,
                list[SessionRow],
                (
                    Argument("of", "only those of this host or account", required=False),
                    Argument("limit", f"at most so many, up to {MOST_ROWS}", int, False, MOST_ROWS),
                ),
            ),
            Command(
                "session kick",
                "End the session of a full address, or all sessions of an account.",
                self.kick,
                list[SessionKicked],
                (
                    Argument("address", "such as juliet@example.org or juliet@example.org/phone"),
                    Argument("text", "what to tell the user", required=False, default=""),
                ),
            ),
            Command("status", "Show how the server is.", self._admin.status, Status),
        )

    def show(self, of: str | None, limit: int) -> list[SessionRow]:
        """List sessions, host by host."""
        if not 1 <= limit <= MOST_ROWS:
            raise CommandError(f"the limit is a number from 1 to {MOST_ROWS}")
        wanted = None if of is None else _parsed(of)
        records = chain.from_iterable(host.all_sessions() for host in self._admin.hosts)
        found = (record for record in records if wanted is None or _belongs(record.jid, wanted))
        return [_row(record) for record in islice(found, limit)]

    def kick(self, address: str, text: str) -> list[SessionKicked]:
        """End sessions; those of an account on this node."""
        wanted = _parsed(address)
        if not wanted.localpart:
            raise CommandError("name an account, or one of its sessions; a host cannot be kicked")
        jids = [
            record.jid
            for host in self._admin.hosts
            for record in host.all_sessions()
            if _belongs(record.jid, wanted)
        ]
        kicked = [SessionKicked(str(jid)) for jid in jids if self._admin.kick(jid, text)]
        if not kicked:
            raise CommandError(f"{wanted} has no session here")
        return kicked


def _parsed(address: str) -> JID:
    try:
        return JID.parse(address)
    except JIDError as error:
        raise CommandError(str(error)) from None


def _belongs(jid: JID, wanted: JID) -> bool:
    """Tell whether a session is of the host, the account, or at the full address `wanted`."""
    if wanted.is_full:
        return jid == wanted
    return jid.bare == wanted if wanted.localpart else jid.domainpart == wanted.domainpart


def _row(record: SessionRecord) -> SessionRow:
    return SessionRow(
        str(record.jid),
        record.node,
        record.available,
        record.priority,
        record.detached,
        format_datetime(record.since),
    )
