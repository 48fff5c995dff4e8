"""The messages of one pair of domains on disk, from when they are taken until they have gone.

Where nothing may be kept, as for guests, they only wait.
"""

from collections.abc import Callable, Iterable

from xmppd.api.storage import StorageError, Ticket
from xmppd.s2s.spool import Full, Spool
from xmppd.s2s.waiting import Item
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza


class Keeping:
    """Keeps what is for `domain` in `spool`; without a spool, nothing."""

    __slots__ = ("_domain", "_spool")

    def __init__(self, domain: str, spool: Spool | None) -> None:
        self._domain = domain
        self._spool = spool

    @property
    def is_possible(self) -> bool:
        """Whether anything may be kept."""
        return self._spool is not None

    def keep(self, stanza: Stanza, sender: JID | None, now: float, *, going: bool) -> Item:
        """Put a message on disk, in the same commit as what its sender is promised.

        `sender` is the account whose share it uses, None if it uses nobody's; `now` is the time of
        day; `going` is whether it is sent as soon as it is on disk. Raises `StanzaError` if there
        is no room, or the disk is too far behind.
        """
        if self._spool is None:
            return Item(stanza, None)
        try:
            kept, ticket = self._spool.keep(stanza, self._domain, sender, now, going=going)
        except Full as full:
            raise StanzaError("resource-constraint", str(full)) from None
        except StorageError:
            raise StanzaError("internal-server-error") from None
        return Item(stanza, kept, ticket)

    def go(self, items: Iterable[Item]) -> Ticket | None:
        """Note that these may have been sent; None if nothing had to be noted.

        Raises `StorageError`.
        """
        kept = [(item.kept, item.stanza) for item in items if item.kept is not None]
        return None if self._spool is None or not kept else self._spool.go(kept)

    def lost(self, items: Iterable[Item], failed: range) -> None:
        """Writes with the tickets in `failed` were lost."""
        for item in items:
            if item.kept is not None and self._spool is not None:
                self._spool.lost(item.kept, failed)

    def forget(self, item: Item, again: Callable[[], None] | None = None) -> None:
        """Keep a message no more: it has arrived, is returned, or is not wanted any longer.

        What `again` is good for, see `Spool.forget`.
        """
        if item.kept is not None and self._spool is not None:
            self._spool.forget(item.kept, again)
