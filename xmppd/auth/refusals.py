"""Why a login is refused, as exceptions and as conditions (twisted.cred, RFC 6120 section 6.5).

A checker or realm raises one of those of `xmppd.api.auth`, or what twisted.cred has:
`UnauthorizedLogin` for wrong credentials, `LoginDenied` for right ones that are not welcome now.
"""

from twisted.cred.error import LoginDenied, LoginFailed, Unauthorized, UnhandledCredentials

from xmppd.api.auth import AccountDisabled, CredentialsExpired
from xmppd.sasl.exchange import Condition

# The first that fits counts.
_CONDITIONS: tuple[tuple[type[Exception], Condition], ...] = (
    (AccountDisabled, Condition.ACCOUNT_DISABLED),
    (CredentialsExpired, Condition.CREDENTIALS_EXPIRED),
    (LoginDenied, Condition.TEMPORARY_AUTH_FAILURE),
    (LoginFailed, Condition.NOT_AUTHORIZED),
    (Unauthorized, Condition.NOT_AUTHORIZED),
)


def condition_of(error: Exception) -> Condition | None:
    """The condition a checker's or realm's refusal is answered with.

    None for everything else: then something is broken, and the client must not be told that its
    credentials are wrong.
    """
    if isinstance(error, UnhandledCredentials):
        return None
    for kind, condition in _CONDITIONS:
        if isinstance(error, kind):
            return condition
    return None
