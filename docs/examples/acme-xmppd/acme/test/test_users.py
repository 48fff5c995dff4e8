"""The user store: passwords and tokens."""

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from acme.token import TokenCredentials, TokenFacts
from acme.users import AcmeUsers, Password, sign

NOW = 1_767_268_800
KEY = b"the web site's"
GOOD = sign(KEY, "juliet", NOW + 1)


class AcmeUsersTests(TestCase):
    """`AcmeUsers`."""

    TOKENS = (
        (GOOD, True),
        (sign(KEY, "juliet", NOW), False),
        (sign(KEY, "nurse", NOW + 1), False),
        (sign(b"another's", "juliet", NOW + 1), False),
        (GOOD.replace(b"juliet", b"romeo"), False),
        (GOOD[:-1], False),
        (b"juliet", False),
        (b"juliet:soon:00", False),
        (b"juliet:\xff:00", False),
    )
    PASSWORDS = (
        (b"juliet", b"pencil", True),
        (b"juliet", b"pen", False),
        (b"nurse", b"pencil", False),
        (b"nurse", b"", False),
    )

    def setUp(self) -> None:
        users = {"juliet": Password.of(b"pencil", b"salt"), "romeo": Password.of(b"ink", b"salt")}
        self.users = AcmeUsers(KEY, users, lambda: float(NOW))

    def test_it_is_a_checker(self) -> None:
        self.assertTrue(verifyObject(ICredentialsChecker, self.users))

    def test_tokens(self) -> None:
        for token, good in self.TOKENS:
            asked = self.users.requestAvatarId(TokenCredentials(TokenFacts(token)))
            if good:
                self.assertEqual(self.successResultOf(asked), b"juliet")
            else:
                self.failureResultOf(asked, UnauthorizedLogin)

    async def test_passwords(self) -> None:
        for name, password, good in self.PASSWORDS:
            asked = self.users.requestAvatarId(UsernamePassword(name, password))
            if good:
                self.assertEqual(await asked, name)
            else:
                await self.assertFailure(asked, UnauthorizedLogin)
