"""What it costs to keep a stanza, for whoever bounds what waits (RFC 6120 13.12)."""

from xmppd.stanza.stanza import Stanza

_OVERHEAD = 512
"""About what a stanza takes in memory beside its text."""


def weight(stanza: Stanza) -> int:
    """Return about how many bytes it costs to keep a stanza."""
    return _OVERHEAD + len(stanza.inner) + len(stanza.extra) + len(stanza.id) + len(stanza.type)
