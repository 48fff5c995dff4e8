"""The EXTERNAL mechanism: whom a certificate names (RFC 4422 appendix A, XEP-0178 section 2)."""

from dataclasses import dataclass
from functools import partial

from xmppd.sasl.exchange import Condition, Exchange, Failed, Outcome, SaslContext, Verify
from xmppd.sasl.identity import AUTHZID_BYTES, local_at
from xmppd.sasl.one_message import OneMessage


@dataclass(frozen=True, slots=True)
class ExternalFacts:
    """A prepared localpart for which the client's verified certificate speaks."""

    username: str


@dataclass(frozen=True, slots=True)
class External:
    """EXTERNAL, offered when the certificate names an address at the domain of the stream."""

    @property
    def name(self) -> str:
        """The registered name."""
        return "EXTERNAL"

    def possible(self, context: SaslContext) -> bool:
        """Whether the certificate names somebody here (RFC 6120 section 6.3.4)."""
        return bool(_certified_here(context))

    def start(self, context: SaslContext) -> Exchange:
        """Begin an exchange for one client."""
        return OneMessage(partial(_judge, context))


def _certified_here(context: SaslContext) -> tuple[str, ...]:
    """The localparts certified at the context's domain, each once, in the certificate's order."""
    if not context.secure:
        return ()
    found = (local_at(address, context.domain) for address in context.certified)
    return tuple(dict.fromkeys(name for name in found if name is not None))


def _judge(context: SaslContext, message: bytes) -> Outcome:
    certified = _certified_here(context)
    if not certified:
        return Failed(Condition.NOT_AUTHORIZED)
    if not message:
        if len(certified) > 1:
            return Failed(Condition.INVALID_AUTHZID, "The certificate names several addresses.")
        return Verify(ExternalFacts(certified[0]))
    try:
        authzid = message.decode()
    except UnicodeDecodeError:
        return Failed(Condition.MALFORMED_REQUEST)
    if len(message) > AUTHZID_BYTES or "\0" in authzid:
        return Failed(Condition.MALFORMED_REQUEST)
    username = local_at(authzid, context.domain)
    if username is None or username not in certified:
        return Failed(Condition.INVALID_AUTHZID)
    return Verify(ExternalFacts(username))
