"""Whom a client may act as: authorization identities on client streams (RFC 6120 section 6.3.8)."""

from xmppd.stanza import prep
from xmppd.stanza.jid import JID, JIDError

NAME_BYTES = 1023
"""The longest name or password taken: the longest localpart of a JID (RFC 7622 section 3.3)."""

AUTHZID_BYTES = 2 * NAME_BYTES + 1
"""The longest authorization identity taken: the longest bare JID."""


def local_at(address: str, domain: str) -> str | None:
    """The localpart of `address`, prepared as an account's name, or None.

    None unless `address` is a bare JID at `domain`. The domains are compared as JIDs are, so that
    A-labels and U-labels are the same.
    """
    try:
        jid, home = JID.parse(address), JID.parse(domain)
        if jid.resourcepart or jid.domainpart != home.domainpart:
            return None
        return prep.localpart(jid.localpart)
    except (JIDError, prep.PrepError):
        return None


def may_act_as(authzid: str, username: str, domain: str) -> bool:
    """Whether `username` (prepared) at `domain` may take the authorization identity `authzid`.

    Only one's own: the empty string (RFC 6120 section 6.6) or one's own bare JID.
    """
    return not authzid or local_at(authzid, domain) == username
