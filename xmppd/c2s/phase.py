"""The two phases of a negotiation: before the client has logged in, and after."""

from collections.abc import Sequence
from typing import Protocol

from xmppd.api.auth import IAccount
from xmppd.c2s.hosts import ClientHost
from xmppd.stanza import prep
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza
from xmppd.stream.events import Opened
from xmppd.wire.element import Element


class Phase(Protocol):
    """What a client may do at its stage. All methods but `end` may raise `StreamError`."""

    def open(self, host: ClientHost, header: Opened) -> None:
        """Take note of the stream the client has opened to `host`."""

    async def offer(self) -> Sequence[Element | bytes]:
        """Return what the stream is offered (see `InboundStream.features`)."""

    async def element(self, element: Element) -> None:
        """Act on a first-level element that is no stanza."""

    async def stanza(self, stanza: Stanza) -> None:
        """Act on a stanza."""

    def end(self) -> None:
        """Give up whatever was begun: the connection is gone, or the stream has ended."""


def is_account(jid: JID, account: IAccount, domain: str) -> bool:
    """Tell whether an address a client gave for itself is that of the account it logged in to.

    A guest cannot know its address beforehand, and so gives any.
    """
    if account.anonymous:
        return True
    if jid.domainpart != domain or not jid.localpart:
        return False
    # Accounts are found by skeleton: a client may write its name by older rules of preparation.
    return prep.skeleton(jid.localpart) == prep.skeleton(account.localpart)
