"""From avatar ids to accounts."""

from typing import Any

from twisted.cred.checkers import ANONYMOUS
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface
from zope.interface.verify import verifyObject

from tests.auth.house import FixedWall, House, keyless
from xmppd.api.auth import AccountDisabled, IAccount
from xmppd.api.storage import Account, AccountExists, Ticket
from xmppd.auth.realm import LoggedIn
from xmppd.stanza import prep


class RealmTests(SynchronousTestCase):
    """`AccountRealm`."""

    def setUp(self) -> None:
        self.house = House()
        self.realm: Any = self.house.portal.realm

    def request(self, avatar_id: object) -> LoggedIn:
        answer = self.realm.requestAvatar(avatar_id, None, IAccount)
        interface, account, logout = self.house.result(answer)
        self.assertIs(interface, IAccount)
        verifyObject(IAccount, account)
        logout()
        assert isinstance(account, LoggedIn)
        return account

    def test_interface(self) -> None:
        verifyObject(IRealm, self.realm)

    def test_known_accounts(self) -> None:
        for name in ("juliet", "fußball", "σίσυφος"):
            self.house.put(keyless(name))
        for avatar_id, expected in (
            (b"juliet", "juliet"),
            ("juliet", "juliet"),
            (b"Juliet", "juliet"),
            ("fußball".encode(), "fußball"),
            (b"FUSSBALL", "fußball"),
            ("σίσυφοσ", "σίσυφος"),
        ):
            self.assertEqual(
                self.request(avatar_id), LoggedIn(expected, created=keyless(expected).created)
            )
        self.assertEqual(self.house.events, [])
        self.assertEqual(self.house.result(self.house.host.accounts.count()), 3)

    def test_a_user_of_another_store_gets_an_account(self) -> None:
        for _ in range(2):
            self.assertEqual(self.request(b"Romeo"), LoggedIn("romeo", created=FixedWall().now()))
        account = self.house.account("romeo")
        self.assertEqual(account, Account("romeo", "romeo", {}, FixedWall().now()))
        self.assertEqual(self.house.events, [("created", "romeo")])

    def test_two_first_logins_at_once(self) -> None:
        create = self.house.host.accounts.create

        def late(account: Account) -> Deferred[Ticket]:
            self.house.put(keyless("romeo"))
            return create(account)

        self.patch(self.house.accounts, "create", late)
        self.assertEqual(
            self.request(b"romeo"), LoggedIn("romeo", created=keyless("romeo").created)
        )
        self.assertEqual(self.house.events, [])

    def test_two_first_logins_at_once_and_a_deletion(self) -> None:
        def refuse(account: Account) -> Deferred[Ticket]:
            raise AccountExists(account.localpart)

        self.patch(self.house.accounts, "create", refuse)
        with self.assertRaises(AccountExists):
            self.request(b"romeo")

    def test_disabled_accounts(self) -> None:
        self.house.put(keyless("juliet"))
        self.house.change("juliet", disabled=True)
        with self.assertRaises(AccountDisabled):
            self.request(b"juliet")

    def test_names_no_account_can_have(self) -> None:
        for avatar_id in (b"", "", b"john smith", b"a@b", b"\xff", b"x" * 1024):
            with self.assertRaises(ValueError):
                self.request(avatar_id)
        self.assertEqual(self.house.result(self.house.host.accounts.count()), 0)

    def test_guests(self) -> None:
        guests = [self.request(ANONYMOUS) for _ in range(3)]
        self.assertEqual(len({guest.localpart for guest in guests}), 3)
        for guest in guests:
            self.assertTrue(guest.anonymous)
            self.assertEqual(prep.localpart(guest.localpart), guest.localpart)
            self.assertRegex(guest.localpart, r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
        self.assertEqual(self.house.result(self.house.host.accounts.count()), 0)

    def test_other_interfaces(self) -> None:
        for interfaces in ((), (Interface,)):
            answer = self.realm.requestAvatar(b"juliet", None, *interfaces)
            self.failureResultOf(answer, NotImplementedError)
