"""Who of this server sends to others, and where what comes back can go (RFC 6121 8.5.3)."""

from collections.abc import Mapping

from xmppd.api.host import IHost
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza

ANSWERS = ("error", "result")
"""Types of stanzas that answer others."""


class Senders:
    """The accounts of our hosts; addresses of components and services are nobody's account."""

    __slots__ = ("_hosts",)

    def __init__(self, hosts: Mapping[str, IHost]) -> None:
        self._hosts = hosts

    def account(self, jid: JID) -> JID | None:
        """Return whose share it is that this address uses; None for who speaks for a domain.

        That is the bare JID of an account; or a host, for all its guests together, who can have
        any number of accounts.
        """
        host = self._hosts.get(jid.domainpart)
        if host is None or not jid.localpart:
            return None
        return host.jid if host.anonymous else jid.bare

    def opener(self, stanza: Stanza) -> JID | None:
        """Return the account whose client writes this on its own; None for all else.

        That is answers, and what is said in the name of an account or a domain: others may have
        brought it about.
        """
        sender = stanza.from_
        if sender is None or not sender.is_full or stanza.type in ANSWERS:
            return None
        host = self._hosts.get(sender.domainpart)
        is_here = host is not None and host.session(sender) is not None
        return self.account(sender) if is_here else None

    def has_client(self, jid: JID) -> bool:
        """Tell whether this is the address of a client that may come back: no guest's."""
        host = self._hosts.get(jid.domainpart)
        return host is not None and not host.anonymous and bool(jid.localpart) and jid.is_full

    def reach(self, jid: JID) -> JID | None:
        """Return where an account can be told something now, as a full JID.

        That is the address itself if a session is bound to it; else its account's available session
        of the highest priority, the one used last among equals; else nowhere: None.
        """
        host = self._hosts.get(jid.domainpart)
        if host is None:
            return None
        if jid.is_full and host.session(jid) is not None:
            return jid
        there = [record for record in host.sessions(jid.localpart) if record.available]
        best = max(there, key=lambda record: (record.priority, record.active), default=None)
        return None if best is None else best.jid

    async def created(self, account: JID) -> float | None:
        """Return when an account was made (seconds since 1970); None if there is none."""
        host = self._hosts.get(account.domainpart)
        found = None if host is None else await host.accounts.get(account.localpart)
        return None if found is None else found.created
