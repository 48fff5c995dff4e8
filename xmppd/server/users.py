"""User stores as configurations name them: strings of twisted.cred.strcred, and "xmppd".

`users = ["xmppd", "file:/etc/xmppd/users"]` asks the accounts the server keeps itself first and the
file next. Such strings may hold passwords, so what is said about them names their kind only.
"""

from collections.abc import Sequence

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.strcred import ICheckerFactory, StrcredException, makeChecker
from twisted.plugin import IPlugin
from zope.interface import implementer

from xmppd.api.auth import ICertificateCredentials, IScramCredentials
from xmppd.auth.locked import LockedPasswords, refuse_locked
from xmppd.server.config import OWN_ACCOUNTS


class UserStoreError(Exception):
    """A user store of a host cannot be used; one plain sentence for the operator."""

    host = ""
    """The host, once it is known for which one the store was made."""


@implementer(IPlugin, ICheckerFactory)
class OwnAccounts:
    """Lists the accounts of xmppd among the user stores that strings can name.

    They are part of a running server, so no other program can make a checker of them.
    """

    authType = OWN_ACCOUNTS
    authHelp = (
        "The accounts which xmppd keeps itself, made by `xmppdctl user add`. "
        'Of use in the configuration of xmppd only: users = ["xmppd"].'
    )
    argStringFormat = "No argument is taken."
    credentialInterfaces = (IUsernamePassword, IScramCredentials, ICertificateCredentials)

    def generateChecker(self, argstring: str) -> ICredentialsChecker:
        """Raise `StrcredException`: see the class."""
        raise StrcredException("the accounts of xmppd are of use in its own configuration only")


def make_checkers(
    descriptions: Sequence[str], own: ICredentialsChecker
) -> list[ICredentialsChecker]:
    """Make the checkers of a host in the order they are to be asked.

    `own` checks the accounts the server keeps. Raises `UserStoreError`.
    """
    return [own if each == OWN_ACCOUNTS else _make(each) for each in descriptions]


def _make(description: str) -> ICredentialsChecker:
    kind = description.partition(":")[0]
    try:
        checker: ICredentialsChecker = makeChecker(description)  # type: ignore[no-untyped-call]  # untyped in Twisted
        refuse_locked(checker)
    except OSError as error:
        raise UserStoreError(
            f"the user store {kind!r} cannot be read: {error.filename}: {error.strerror}"
        ) from None
    except LockedPasswords as error:
        raise UserStoreError(f"the user store {kind!r} cannot be used: {error}") from None
    except Exception as error:
        # Other people's code, and its text may repeat what it was given.
        raise UserStoreError(
            f"the user store {kind!r} cannot be made of its string ({type(error).__name__})"
        ) from None
    return checker
