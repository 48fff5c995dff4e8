"""`FirstOf`: who is asked, in which order, and what stops it."""

from typing import Any

from twisted.cred.checkers import ANONYMOUS, AllowAnonymousAccess, ICredentialsChecker
from twisted.cred.credentials import (
    Anonymous,
    IAnonymous,
    ICredentials,
    IUsernameHashedPassword,
    IUsernamePassword,
    UsernamePassword,
)
from twisted.cred.error import LoginDenied, UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface, implementer
from zope.interface.verify import verifyObject

from tests.auth.house import House
from tests.auth.token import IToken
from xmppd.auth.first_of import FirstOf, asked

CREDENTIALS = UsernamePassword(b"juliet", b"pencil")


@implementer(ICredentialsChecker)
class Scripted:
    """Does what it was told and remembers that it was asked."""

    def __init__(self, answer: object, *interfaces: type[Interface]) -> None:
        self.credentialInterfaces = interfaces or (IUsernamePassword,)
        self.answer = answer
        self.asked = 0

    def requestAvatarId(self, credentials: Any) -> Any:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class FirstOfTests(SynchronousTestCase):
    """Asking several checkers."""

    def ask(self, *checkers: Scripted) -> "Deferred[bytes | tuple[()]]":
        return FirstOf(checkers).requestAvatarId(CREDENTIALS)

    def test_interface(self) -> None:
        verifyObject(ICredentialsChecker, FirstOf([]))

    def test_interfaces_are_those_of_all(self) -> None:
        chain = FirstOf(
            [
                Scripted(b"", IUsernamePassword, IToken),
                Scripted(b"", IUsernameHashedPassword, IUsernamePassword),
                AllowAnonymousAccess(),
            ]
        )
        self.assertEqual(
            chain.credentialInterfaces,
            (IUsernamePassword, IToken, IUsernameHashedPassword, IAnonymous),
        )

    def test_the_first_that_knows_answers(self) -> None:
        for refusal in (UnauthorizedLogin(), fail(UnauthorizedLogin())):
            checkers = Scripted(refusal), Scripted(succeed(b"a")), Scripted(b"b")
            self.assertEqual(self.successResultOf(self.ask(*checkers)), b"a")
            self.assertEqual([each.asked for each in checkers], [1, 1, 0])

    def test_nobody_knows(self) -> None:
        for count in (0, 1, 3):
            checkers = [Scripted(UnauthorizedLogin()) for _ in range(count)]
            self.failureResultOf(self.ask(*checkers), UnauthorizedLogin)
            self.assertEqual([each.asked for each in checkers], [1] * count)

    def test_other_failures_are_the_answer(self) -> None:
        for error in (LoginDenied(), KeyError("ldap")):
            for answer in (error, fail(error)):
                last = Scripted(b"b")
                self.failureResultOf(self.ask(Scripted(answer), last), type(error))
                self.assertEqual(last.asked, 0)

    def test_only_those_are_asked_who_take_such_credentials(self) -> None:
        other = Scripted(b"a", IToken)
        self.assertEqual(self.successResultOf(self.ask(other, Scripted(b"b"))), b"b")
        self.assertEqual(other.asked, 0)

    def test_guests(self) -> None:
        chain = FirstOf([Scripted(b"a"), AllowAnonymousAccess()])
        self.assertEqual(self.successResultOf(chain.requestAvatarId(Anonymous())), ANONYMOUS)

    def test_waiting_for_one(self) -> None:
        slow: Deferred[bytes] = Deferred()
        last = Scripted(b"b")
        waiting = self.ask(Scripted(slow), last)
        self.assertNoResult(waiting)
        self.assertEqual(last.asked, 0)
        slow.errback(UnauthorizedLogin())
        self.assertEqual(self.successResultOf(waiting), b"b")

    def test_a_chain_in_a_chain(self) -> None:
        one, two, three = (Scripted(UnauthorizedLogin()) for _ in range(3))
        self.assertEqual(FirstOf([FirstOf([one, two]), three]).checkers, (one, two, three))


class AskedTests(SynchronousTestCase):
    """`asked`: whom a portal would ask."""

    def test_as_a_portal_would(self) -> None:
        password, token, wide = (
            Scripted(b"", IUsernamePassword),
            Scripted(b"", IToken),
            Scripted(b"", ICredentials),
        )
        realm = House().portal.realm
        rows: tuple[tuple[list[Any], tuple[Any, ...], tuple[Any, ...]], ...] = (
            ([], (IToken,), ()),
            ([password, token], (IToken,), (token,)),
            ([password, token], (IUsernamePassword, IToken), (password,)),
            ([FirstOf([password, token])], (IToken,), (token,)),
            ([FirstOf([password, token])], (IUsernamePassword, IToken), (password, token)),
            ([wide], (IToken,), (wide,)),
            ([password], (IToken,), ()),
        )
        for checkers, interfaces, expected in rows:
            self.assertEqual(asked(Portal(realm, checkers), interfaces), expected)
