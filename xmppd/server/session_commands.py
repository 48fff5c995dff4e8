"""Commands about sessions and the server as a whole: `session list`, `announce` and so on."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from operator import itemgetter

from xmppd.api.commands import Argument, Command, CommandError
from xmppd.api.host import IHost
from xmppd.api.sessions import SessionRecord
from xmppd.server.admin import Admin, Status
from xmppd.stanza.dates import format_datetime
from xmppd.stanza.jid import JID, JIDError
from xmppd.stanza.stanza import Message
from xmppd.wire.element import Element

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


@dataclass(frozen=True, slots=True)
class Announced:
    """How many sessions a message was sent to."""

    sessions: int


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
                    Argument("after", "begin behind this full address", required=False),
                    Argument("limit", f"at most so many, up to {MOST_ROWS}", int, False, MOST_ROWS),
                ),
                harmless=True,
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
            Command(
                "announce",
                "Send a message to everybody who is online.",
                self.announce,
                Announced,
                (
                    Argument("text", "the message"),
                    Argument("host", "only those of this host", required=False),
                ),
            ),
            Command("status", "Show how the server is.", self._admin.status, Status, harmless=True),
        )

    def show(self, of: str | None, after: str | None, limit: int) -> list[SessionRow]:
        """List sessions, host by host in the order of their addresses."""
        if not 1 <= limit <= MOST_ROWS:
            raise CommandError(f"the limit is a number from 1 to {MOST_ROWS}")
        order = {host.domain: number for number, host in enumerate(self._admin.hosts)}
        wanted = None if of is None else _served(of, order)
        begin = None if after is None else _place(_served(after, order), order)
        found = (
            (_place(record.jid, order), record)
            for host in self._admin.hosts
            for record in host.all_sessions()
            if wanted is None or _belongs(record.jid, wanted)
        )
        behind = (pair for pair in found if begin is None or pair[0] > begin)
        return [_row(record) for _, record in nsmallest(limit, behind, key=itemgetter(0))]

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

    def announce(self, text: str, host: str | None) -> Announced:
        """Send a headline (RFC 6121 5.2.2), which nobody keeps for those who are not there."""
        if not text.strip():
            raise CommandError("there is nothing to announce")
        told = 0
        for each in self._hosts(host):
            for record in list(each.all_sessions()):
                each.route(_headline(text, each.jid, record.jid))
                told += 1
        return Announced(told)

    def _hosts(self, name: str | None) -> Sequence[IHost]:
        hosts = self._admin.hosts
        if name is None:
            return hosts
        wanted = _parsed(name)
        chosen = [host for host in hosts if host.jid == wanted]
        if not chosen:
            served = ", ".join(host.domain for host in hosts)
            raise CommandError(f"{wanted} is not served here; hosts: {served}")
        return chosen


def _headline(text: str, from_: JID, to: JID) -> Message:
    try:
        return Message(Element("body", children=[text]), type="headline", from_=from_, to=to)
    except ValueError as error:
        raise CommandError(str(error)) from None


def _parsed(address: str) -> JID:
    try:
        return JID.parse(address)
    except JIDError as error:
        raise CommandError(str(error)) from None


def _served(name: str, hosts: Collection[str]) -> JID:
    """Return a host of ours that was named, or an address there."""
    wanted = _parsed(name)
    if wanted.domainpart not in hosts:
        account = "" if wanted.localpart else "; write an account like juliet@example.org"
        served = ", ".join(hosts)
        raise CommandError(f"{wanted.domainpart} is not served here; hosts: {served}{account}")
    return wanted


def _belongs(jid: JID, wanted: JID) -> bool:
    """Tell whether a session is of the host, the account, or at the full address `wanted`."""
    if wanted.is_full:
        return jid == wanted
    return jid.bare == wanted if wanted.localpart else jid.domainpart == wanted.domainpart


def _place(jid: JID, order: Mapping[str, int]) -> tuple[int, str, str]:
    """Return what orders addresses in a list; `order` numbers the hosts."""
    return order[jid.domainpart], jid.localpart, jid.resourcepart


def _row(record: SessionRecord) -> SessionRow:
    return SessionRow(
        str(record.jid),
        record.node,
        record.available,
        record.priority,
        record.detached,
        format_datetime(record.since),
    )
