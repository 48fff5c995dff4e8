"""What a stream may cost before and after it is known whose it is (RFC 6120 13.12; XEP-0205)."""

from dataclasses import dataclass, field, replace

from xmppd.wire.limits import ParserLimits


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Bounds on one stream.

    - `parser`: once the peer is authenticated.
    - `unauthenticated`: bytes of one first-level element before that.
    """

    parser: ParserLimits = field(default_factory=ParserLimits)
    unauthenticated: int = 10 * 1024

    def before_authentication(self) -> ParserLimits:
        """Return the parser's limits while the peer is a stranger."""
        size = min(self.unauthenticated, self.parser.stanza)
        return replace(self.parser, stanza=size, tag=min(size, self.parser.tag))
