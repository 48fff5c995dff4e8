"""A cluster of one node: every session is here."""

from collections.abc import Iterator

from zope.interface import implementer

from xmppd.api.cluster import ICluster
from xmppd.api.sessions import SessionRecord
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza


@implementer(ICluster)
class SingleNode:
    """Keeps the records of this process's sessions; there are no others."""

    def __init__(self, node: str = "local") -> None:
        self.node = node
        self._by_account: dict[JID, dict[JID, SessionRecord]] = {}

    def publish(self, record: SessionRecord) -> None:
        """Make a session known, or its record's new state."""
        self._by_account.setdefault(record.jid.bare, {})[record.jid] = record

    def withdraw(self, jid: JID) -> None:
        """Make known that a session has ended."""
        records = self._by_account.get(jid.bare)
        if records is not None and records.pop(jid, None) is not None and not records:
            del self._by_account[jid.bare]

    def record(self, jid: JID) -> SessionRecord | None:
        """Return the record of the session bound to that full JID, or None."""
        records = self._by_account.get(jid.bare)
        return None if records is None else records.get(jid)

    def account(self, bare: JID) -> tuple[SessionRecord, ...]:
        """Return the records of all sessions of that bare JID, in the order of binding."""
        records = self._by_account.get(bare)
        return () if records is None else tuple(records.values())

    def records(self, domain: str) -> Iterator[SessionRecord]:
        """Yield the record of every session of that domain."""
        for bare, records in list(self._by_account.items()):
            if bare.domainpart == domain:
                yield from list(records.values())

    def send(self, node: str, jid: JID, stanza: Stanza) -> None:
        """Refuse: there is no other node to deliver to."""
        raise LookupError(f"there is no node {node!r}")
