"""The SASL mechanism X-ACME-TOKEN: a token that Acme's web site gave to the user.

The client's one message is the token. Who may log in with it is for a user store to say: here the
message becomes credentials, and nothing is looked up.
"""

from dataclasses import dataclass, field

from twisted.cred.credentials import ICredentials
from zope.interface import Attribute, implementer

from xmppd.sasl.exchange import Condition, Exchange, Failed, Outcome, SaslContext, Verify
from xmppd.sasl.one_message import OneMessage

LONGEST = 1000
"""The longest token taken, in bytes."""


class IToken(ICredentials):
    """A token that speaks for a user."""

    token: bytes = Attribute("the token as the client sent it")


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What the client said; whose token it is shows when it is checked."""

    token: bytes = field(repr=False)
    username: str = ""


@implementer(IToken)
@dataclass(frozen=True, slots=True)
class TokenCredentials:
    """A token to be checked by a user store that takes `IToken`."""

    facts: TokenFacts = field(repr=False)

    @property
    def token(self) -> bytes:
        """The token as the client sent it."""
        return self.facts.token


class TokenMechanism:
    """X-ACME-TOKEN, for streams under TLS: whoever sees a token can use it."""

    @property
    def name(self) -> str:
        """The mechanism's name."""
        return "X-ACME-TOKEN"

    def possible(self, context: SaslContext) -> bool:
        """Whether the stream is under TLS."""
        return context.secure

    def start(self, context: SaslContext) -> Exchange:
        """Begin an exchange for one client."""
        return OneMessage(_judge)


def _judge(message: bytes) -> Outcome:
    if not 0 < len(message) <= LONGEST:
        return Failed(Condition.MALFORMED_REQUEST)
    return Verify(TokenFacts(message))
