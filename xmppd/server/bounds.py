"""What a configuration says of the bounds of any stream, whoever is at its other end."""

from xmppd.server.config import LimitsConfig
from xmppd.stream.limits import StreamLimits
from xmppd.wire.limits import ParserLimits


def stream_limits(limits: LimitsConfig, stanza: int) -> StreamLimits:
    """Return the bounds of streams on which stanzas have at most `stanza` bytes."""
    return StreamLimits(
        parser=ParserLimits(
            stanza=stanza,
            tag=limits.tag_bytes,
            depth=limits.depth,
            attributes=limits.attributes,
            children=limits.children,
            elements=limits.elements,
        ),
        unauthenticated=limits.stanza_bytes_before_login,
    )
