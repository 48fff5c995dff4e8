"""User stores named by strings."""

from pathlib import Path
from typing import Any

from twisted.cred.checkers import AllowAnonymousAccess, FilePasswordDB
from twisted.cred.strcred import ICheckerFactory, StrcredException
from twisted.plugin import IPlugin
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from twisted.plugins import xmppd_auth
from xmppd.server.config import OWN_ACCOUNTS
from xmppd.server.users import UserStoreError, make_checkers

OWN = AllowAnonymousAccess()


class UserStoreTests(SynchronousTestCase):
    """What strings become."""

    def users(self, text: str) -> str:
        path = Path(self.mktemp()).absolute()
        path.write_text(text)
        return str(path)

    def test_in_order(self) -> None:
        file = self.users("juliet:pencil\n")
        first, second = make_checkers([OWN_ACCOUNTS, f"file:{file}"], OWN)
        self.assertIs(first, OWN)
        self.assertIsInstance(second, FilePasswordDB)
        self.assertEqual(make_checkers([], OWN), [])

    def test_faults(self) -> None:
        locked = self.users("root:x\n")
        missing = "/nowhere/users"
        table = [
            (f"file:{missing}", f"the user store 'file' cannot be read: {missing}: No such file"),
            (f"file:{locked}", f"the user store 'file' cannot be used: {locked}:1: 'x' is no pa"),
            ("file", "the user store 'file' cannot be made of its string (ValueError)"),
            ("ldap:secret", "the user store 'ldap' cannot be made of its string (InvalidAuthType)"),
            ("memory:secret", "the user store 'memory' cannot be made of its string (Invalid"),
            ("xmppd:x", "the user store 'xmppd' cannot be made of its string (StrcredException)"),
        ]
        # The stock factory warns about a missing file on standard error.
        self.patch(_file_factory(), "errorOutput", _Nowhere())
        for description, message in table:
            with self.subTest(description=description):
                error = self.assertRaises(UserStoreError, make_checkers, [description], OWN)
                self.assertIn(message, str(error))
                self.assertNotIn("secret", str(error))


class _Nowhere:
    def write(self, text: str) -> None:
        """Forget the text."""


def _file_factory() -> Any:
    from twisted.plugins import cred_file

    return cred_file.theFileCheckerFactory


class OwnAccountsTests(SynchronousTestCase):
    """The entry in lists of user stores."""

    def test_it_is_listed(self) -> None:
        self.assertTrue(verifyObject(ICheckerFactory, xmppd_auth.accounts))
        self.assertTrue(verifyObject(IPlugin, xmppd_auth.accounts))
        self.assertEqual(xmppd_auth.accounts.authType, OWN_ACCOUNTS)

    def test_other_programs_cannot_use_it(self) -> None:
        self.assertRaises(StrcredException, xmppd_auth.accounts.generateChecker, "")
