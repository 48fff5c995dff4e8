"""The ANONYMOUS mechanism: a guest without a name (RFC 4505, XEP-0175)."""

from dataclasses import dataclass

from xmppd.sasl.exchange import Condition, Exchange, Failed, Outcome, SaslContext, Verify
from xmppd.sasl.one_message import OneMessage

TRACE_CHARACTERS = 255
"""The longest trace information, in code points (RFC 4505 section 2)."""


@dataclass(frozen=True, slots=True)
class AnonymousFacts:
    """A guest; `username` is "" as whoever admits the guest invents a name (XEP-0175 section 3)."""

    username: str = ""


@dataclass(frozen=True, slots=True)
class Anonymous:
    """ANONYMOUS, possible on every stream: whether guests are welcome the operator says."""

    @property
    def name(self) -> str:
        """The registered name."""
        return "ANONYMOUS"

    def possible(self, context: SaslContext) -> bool:
        """Yes: the mechanism needs nothing of the stream."""
        return True

    def start(self, context: SaslContext) -> Exchange:
        """Begin an exchange; an `<auth/>` without initial response already completes it.

        That is the flow of XEP-0175 section 4, where RFC 4422 would have an empty challenge first.
        COMPAT(Strophe): it sends no initial response and gives up on any challenge.
        """
        return OneMessage(_judge, silence_counts=True)


def _judge(message: bytes) -> Outcome:
    """Check the trace information and forget it: an unproven claim is of no use to us."""
    try:
        trace = message.decode()
    except UnicodeDecodeError:
        return Failed(Condition.MALFORMED_REQUEST)
    if len(trace) > TRACE_CHARACTERS:
        return Failed(Condition.MALFORMED_REQUEST)
    return Verify(AnonymousFacts())
