"""Who is bound where: the seam at which one node becomes many.

Lookups are synchronous over a local view; only delivery to another node may wait.
"""

from collections.abc import Iterator

from zope.interface import Attribute, Interface

from xmppd.api.sessions import SessionRecord
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza


class ICluster(Interface):
    """The sessions of all nodes, and a way to reach those of other nodes."""

    node: str = Attribute("the name of this node")

    def publish(record: SessionRecord) -> None:
        """Make a session of this node known, or its record's new state."""

    def withdraw(jid: JID) -> None:
        """Make known that a session of this node has ended."""

    def record(jid: JID) -> SessionRecord | None:
        """Return the record of the session bound to that full JID, on any node, or None."""

    def account(bare: JID) -> tuple[SessionRecord, ...]:
        """Return the records of all sessions of that bare JID, in the order of binding."""

    def records(domain: str) -> Iterator[SessionRecord]:
        """Yield the record of every session of that domain."""

    def send(node: str, jid: JID, stanza: Stanza) -> None:
        """Deliver to a session of another node."""
