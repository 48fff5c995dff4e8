"""The shipped user store as a checker, and what it adds to accounts."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.auth.house import House, keyless
from xmppd.api.auth import AccountDisabled
from xmppd.api.host import Busy
from xmppd.auth.credentials import CertificateCredentials
from xmppd.sasl.exchange import ScramKeys
from xmppd.sasl.external import ExternalFacts
from xmppd.sasl.scram_keys import HASHES, make_keys


def password(username: str, claimed: str) -> UsernamePassword:
    """Stock credentials, as another program of Twisted's would bring them."""
    return UsernamePassword(username.encode(), claimed.encode())


class StoreCheckerTests(SynchronousTestCase):
    """`StoreChecker`."""

    def setUp(self) -> None:
        self.house = House()
        self.account = self.house.add("juliet", "pencil")

    def check(self, credentials: Any) -> "Deferred[bytes | tuple[()]]":
        return self.house.store.requestAvatarId(credentials)

    def test_interface(self) -> None:
        verifyObject(ICredentialsChecker, self.house.store)

    def test_passwords(self) -> None:
        self.house.add("fußball", "ü IX")
        self.house.put(keyless("romeo"))
        for username, claimed, expected in (
            ("juliet", "pencil", b"juliet"),
            ("JULIET", "pencil", b"juliet"),
            ("fussball", "u\u0308 Ⅸ", "fußball".encode()),
            ("juliet", "Pencil", None),
            ("juliet", "", None),
            ("juliet", "\u0007", None),
            ("romeo", "pencil", None),
            ("nobody", "pencil", None),
            ("", "pencil", None),
            ("x" * 2000, "pencil", None),
        ):
            answer = self.check(password(username, claimed))
            if expected is None:
                self.failureResultOf(answer, UnauthorizedLogin)
            else:
                self.assertEqual(self.successResultOf(answer), expected)

    def test_any_hash_will_do(self) -> None:
        for hash in HASHES:
            self.house.change("juliet", keys={hash: self.account.keys[hash]})
            self.house.workers.busy = False
            answer = self.check(password("juliet", "pencil"))
            self.assertEqual(self.successResultOf(answer), b"juliet", hash)
            self.failureResultOf(self.check(password("juliet", "x")), UnauthorizedLogin)

    def test_certificates(self) -> None:
        for username, known in (("juliet", True), ("romeo", False)):
            answer = self.check(CertificateCredentials(ExternalFacts(username)))
            if known:
                self.assertEqual(self.successResultOf(answer), b"juliet")
            else:
                self.failureResultOf(answer, UnauthorizedLogin)

    def test_what_becomes_of_an_account_while_its_password_is_checked(self) -> None:
        table: list[tuple[Callable[[], None], type[Exception] | None]] = [
            (lambda: None, None),
            (lambda: self.house.change("juliet", disabled=True), AccountDisabled),
            (self.delete, UnauthorizedLogin),
            (self.make_anew, UnauthorizedLogin),
        ]
        for change, expected in table:
            self.setUp()
            waiting: Deferred[bool] = Deferred()
            self.patch(self.house.verifier, "check", lambda *_, waiting=waiting: waiting)
            answer = self.check(password("juliet", "pencil"))
            change()
            waiting.callback(True)
            if expected is None:
                self.assertEqual(self.successResultOf(answer), b"juliet")
            else:
                self.failureResultOf(answer, expected)

    def delete(self) -> None:
        self.house.result(self.house.host.accounts.delete("juliet"))

    def make_anew(self) -> None:
        self.delete()
        self.house.put(replace(self.account, created=self.account.created + 1))

    def test_disabled_accounts(self) -> None:
        self.house.change("juliet", disabled=True)
        for credentials in (
            password("juliet", "pencil"),
            CertificateCredentials(ExternalFacts("juliet")),
        ):
            self.failureResultOf(self.check(credentials), AccountDisabled)
        self.failureResultOf(self.check(password("juliet", "guess")), UnauthorizedLogin)

    def test_busy(self) -> None:
        self.house.workers.busy = True
        for username in ("juliet", "romeo"):
            self.failureResultOf(self.check(password(username, "pencil")), Busy)

    def test_damaged_keys_are_no_wrong_password(self) -> None:
        for damaged in (
            ScramKeys(b"salt", 4096, b"short", b"short"),
            ScramKeys(b"", 4096, b"k" * 20, b"k" * 20),
            ScramKeys(b"salt", 1, b"k" * 20, b"k" * 20),
        ):
            self.house.change("juliet", keys={"SHA-1": damaged})
            self.failureResultOf(self.check(password("juliet", "pencil")), ValueError)


class AddedKeysTests(SynchronousTestCase):
    """What a login by password adds."""

    def setUp(self) -> None:
        self.house = House()
        self.keys = self.house.add("juliet", "pencil").keys

    def login(self, claimed: str = "pencil") -> "Deferred[bytes | tuple[()]]":
        return self.house.store.requestAvatarId(password("juliet", claimed))

    def test_missing_hashes_are_added(self) -> None:
        for hash in HASHES:
            old = {hash: self.keys[hash]}
            self.house.change("juliet", keys=old)
            self.successResultOf(self.login())
            keys = self.house.account("juliet").keys
            self.assertEqual(set(keys), set(HASHES))
            self.assertEqual(keys[hash], old[hash])
            self.assertEqual(len({each.salt for each in keys.values()}), 3)
            for name, each in keys.items():
                self.assertEqual(each, make_keys(name, "pencil", each.salt, each.iterations))

    def test_nothing_is_added_without_need_or_proof(self) -> None:
        self.successResultOf(self.login())
        self.house.change("juliet", keys={"SHA-1": self.keys["SHA-1"]})
        self.failureResultOf(self.login("guess"), UnauthorizedLogin)
        self.house.change("juliet", disabled=True)
        self.house.accounts.calls.clear()
        self.failureResultOf(self.login("guess"), UnauthorizedLogin)
        self.assertEqual(self.house.accounts.calls, ["get", "find"])

    def test_a_password_changed_meanwhile_stays(self) -> None:
        self.house.change("juliet", keys={"SHA-1": self.keys["SHA-1"]})
        other = {"SHA-1": make_keys("SHA-1", "changed", b"other salt", 4096)}
        make = self.house.maker.make

        async def slow(password: str, hashes: Any) -> dict[str, ScramKeys]:
            made = await make(password, hashes)
            self.house.change("juliet", keys=other)
            return made

        self.patch(self.house.maker, "make", slow)
        self.successResultOf(self.login())
        self.assertEqual(self.house.account("juliet").keys, other)

    def test_an_account_deleted_meanwhile_stays_away(self) -> None:
        self.house.change("juliet", keys={"SHA-1": self.keys["SHA-1"]})
        make = self.house.maker.make

        async def slow(password: str, hashes: Any) -> dict[str, ScramKeys]:
            made = await make(password, hashes)
            self.house.result(self.house.host.accounts.delete("juliet"))
            return made

        self.patch(self.house.maker, "make", slow)
        self.failureResultOf(self.login(), UnauthorizedLogin)
        self.assertIsNone(self.house.result(self.house.host.accounts.get("juliet")))

    def test_a_failure_to_add_does_not_fail_the_login(self) -> None:
        self.house.change("juliet", keys={"SHA-1": self.keys["SHA-1"]})

        async def refuse(password: str, hashes: Any) -> dict[str, ScramKeys]:
            raise Busy(password)

        self.patch(self.house.maker, "make", refuse)
        with capturedLogs() as logs:
            self.assertEqual(self.successResultOf(self.login()), b"juliet")
        self.assertEqual([event["kind"] for event in logs], ["Busy"])
        self.assertNotIn("pencil", repr(logs))
