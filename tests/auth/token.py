"""What a third party brings: a mechanism, its credentials and a store that checks them."""

from dataclasses import dataclass, field
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials, IUsernameHashedPassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import Attribute, implementer

from xmppd.sasl.exchange import Exchange, Outcome, SaslContext, Verify
from xmppd.sasl.one_message import OneMessage


class IToken(ICredentials):
    """A token that speaks for a user."""

    token: bytes = Attribute("the token")


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """A token; whose it is the store says."""

    token: bytes = field(repr=False)
    username: str = ""


class TokenMechanism:
    """X-TOKEN: the client's one message is its token."""

    name = "X-TOKEN"

    def possible(self, context: SaslContext) -> bool:
        return context.secure

    def start(self, context: SaslContext) -> Exchange:
        return OneMessage(self._judge)

    def _judge(self, message: bytes) -> Outcome:
        return Verify(TokenFacts(message))


@implementer(IToken)
class TokenCredentials:
    """A token to be checked."""

    def __init__(self, facts: TokenFacts) -> None:
        self.token = facts.token


@implementer(ICredentialsChecker)
class TokenStore:
    """Knows one token."""

    credentialInterfaces = (IToken,)

    def requestAvatarId(self, credentials: Any) -> "Deferred[bytes | tuple[()]]":
        return maybeDeferred(self._owner, credentials.token)

    def _owner(self, token: bytes) -> bytes:
        if token != b"sesame":
            raise UnauthorizedLogin
        return b"Juliet"


@implementer(ICredentialsChecker)
class DirectoryStore:
    """Keeps passwords and, as some directories do, answers names as text."""

    credentialInterfaces = (IUsernameHashedPassword,)

    def __init__(self, **users: str) -> None:
        self._users = users

    def requestAvatarId(self, credentials: Any) -> Any:
        name = credentials.username.decode()
        password = self._users.get(name)
        if password is None:
            raise UnauthorizedLogin
        return maybeDeferred(credentials.checkPassword, password.encode()).addCallback(
            self._judge, name
        )

    def _judge(self, held: bool, name: str) -> str:
        if not held:
            raise UnauthorizedLogin
        return name
