"""Sees what is returned to senders, on all servers of a federation."""

from collections import defaultdict
from functools import partial

from xmppd.api.moments import PASS, SessionOpened, Stage, ToAccount, Verdict
from xmppd.api.registrations import Watch
from xmppd.api.sessions import ISession
from xmppd.api.storage import Ticket
from xmppd.server.assemble import Server
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza
from xmppd.wire.namespaces import STANZA_ERRORS

DOUBT = "before it was known whether this has arrived"
"""How the text ends of what is returned although it may have arrived."""


class Watcher:
    """Collects in `returned`, by the message's id, the errors that came for its sender's account.

    An error counts once what it promises is on disk: what a crash takes away nobody was told.
    `begun` are the ids of all, those included; `opened` says when somebody has logged in (seconds
    of the network's clock), by full JID.
    """

    def __init__(self) -> None:
        self.opened: dict[JID, list[float]] = defaultdict(list)
        self.begun: set[str] = set()
        self.returned: dict[str, list[str]] = defaultdict(list)

    def install(self, server: Server) -> None:
        """Watch a server that is about to start."""
        held: list[tuple[Ticket, str, str]] = []
        tickets = server.storage.tickets

        def see(stanza: Stanza, _owner: str) -> Verdict:
            if stanza.type == "error":
                self.begun.add(stanza.id)
                held.append((Ticket(stanza.ticket), stanza.id, said(stanza)))
                self._settled(held, tickets.settled, range(0))
            return PASS

        def opened(session: ISession) -> Verdict:
            self.opened[session.jid].append(server.outside.clock.seconds())
            return PASS

        watching = (
            Watch(ToAccount, see, Stage.FIRST, kinds=("message",)),
            Watch(SessionOpened, opened),
        )
        for host in server.hosts.values():
            host.local.install("watcher", watching)
        tickets.watch(partial(self._settled, held))

    def _settled(self, held: list[tuple[Ticket, str, str]], upto: Ticket, failed: range) -> None:
        for entry in list(held):
            ticket, id, text = entry
            if ticket <= upto:
                held.remove(entry)
                if ticket not in failed:
                    self.returned[id].append(text)


def said(stanza: Stanza) -> str:
    """Return the condition and the text of an error."""
    error = stanza.child("error")
    assert error is not None
    text = error.child("text", STANZA_ERRORS)
    condition = next(each.name for each in error.elements(ns=STANZA_ERRORS))
    return f"{condition}: {text.text if text is not None else ''}"
