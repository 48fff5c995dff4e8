"""Several user stores in a row, as one checker (twisted.cred keeps one checker per interface)."""

from collections.abc import Collection, Iterable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import Interface, implementer

from xmppd.api.waiting import begin


@implementer(ICredentialsChecker)
class FirstOf:
    """Asks its checkers in order until one takes the credentials for right.

    A checker is asked only about credentials it declares. `UnauthorizedLogin` moves on to the next
    one; any other failure is the answer: a store that cannot be asked must not look like one that
    said no. A user who is in two stores can log in with both passwords.
    """

    def __init__(self, checkers: Iterable[ICredentialsChecker]) -> None:
        self.checkers = tuple(leaf for checker in checkers for leaf in _leaves(checker))
        self.credentialInterfaces = tuple(
            dict.fromkeys(
                each for checker in self.checkers for each in checker.credentialInterfaces
            )
        )

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        """Fire with the first avatar id; fails with `UnauthorizedLogin` if none has any."""
        return begin(self._ask(credentials))

    async def _ask(self, credentials: Any) -> bytes | tuple[()]:
        for checker in self.checkers:
            if any(each.providedBy(credentials) for each in checker.credentialInterfaces):
                try:
                    return await maybeDeferred(checker.requestAvatarId, credentials)
                except UnauthorizedLogin:
                    continue
        raise UnauthorizedLogin


def asked(
    portal: Portal, interfaces: Collection[type[Interface]]
) -> tuple[ICredentialsChecker, ...]:
    """The checkers that `portal` has look at credentials of those interfaces, `FirstOf` opened."""
    for interface, checker in portal.checkers.items():
        if _extend((interface,), interfaces):
            return tuple(
                leaf for leaf in _leaves(checker) if _extend(leaf.credentialInterfaces, interfaces)
            )
    return ()


def _leaves(checker: ICredentialsChecker) -> tuple[ICredentialsChecker, ...]:
    return checker.checkers if isinstance(checker, FirstOf) else (checker,)


def _extend(wanted: Iterable[type[Interface]], given: Collection[type[Interface]]) -> bool:
    return any(own.isOrExtends(each) for each in wanted for own in given)
