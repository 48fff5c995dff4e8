"""Making, changing and deleting accounts (`IPasswords`)."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.auth.clients import ScramClient, plain
from tests.auth.house import ROUNDS, CountedEntropy, FixedWall, House, InlineWorkers, keyless
from xmppd.api.auth import IPasswords
from xmppd.api.host import Busy
from xmppd.api.storage import AccountExists, StorageError
from xmppd.auth.doorkeeper import Success
from xmppd.auth.passwords import KeyMaker
from xmppd.sasl.exchange import ScramKeys
from xmppd.sasl.scram_keys import HASHES, SALT_BYTES, make_keys


class PasswordsCase(SynchronousTestCase):
    """A house with its `Passwords`."""

    def setUp(self) -> None:
        self.house = House()
        self.passwords = self.house.passwords

    def count(self) -> int:
        return self.house.result(self.house.host.accounts.count())


class CreateTests(PasswordsCase):
    """`Passwords.create`."""

    def test_interface(self) -> None:
        verifyObject(IPasswords, self.passwords)

    def test_an_account(self) -> None:
        self.assertEqual(self.house.result(self.passwords.create("Juliet", "pencil")), "juliet")
        account = self.house.account("juliet")
        self.assertEqual((account.localpart, account.skeleton), ("juliet", "juliet"))
        self.assertEqual((account.created, account.disabled), (FixedWall().now(), False))
        self.assertEqual(set(account.keys), set(HASHES))
        for hash, keys in account.keys.items():
            self.assertEqual(keys, make_keys(hash, "pencil", keys.salt, ROUNDS))
            self.assertEqual(len(keys.salt), SALT_BYTES)
        self.assertEqual(len({keys.salt for keys in account.keys.values()}), 3)
        self.assertEqual(self.house.events, [("created", "juliet")])

    def test_it_fires_when_the_account_is_committed(self) -> None:
        waiting = self.passwords.create("juliet", "pencil")
        self.assertNoResult(waiting)
        self.assertEqual(self.house.events, [("created", "juliet")])
        self.house.clock.advance(0)
        self.assertEqual(self.successResultOf(waiting), "juliet")

    # (a localpart, a password)
    REFUSED = (
        ("", "pencil"),
        ("juliet capulet", "pencil"),
        ("juliet@example.org", "pencil"),
        ("x" * 1024, "pencil"),
        ("henry\u2163", "pencil"),
        ("juliet", ""),
        ("juliet", "\u00ad"),
        ("juliet", "\u0007"),
        ("juliet", "\u0221"),
        ("juliet", "p" * 1024),
    )

    def test_what_cannot_be(self) -> None:
        for localpart, password in self.REFUSED:
            with self.assertRaises(ValueError, msg=repr((localpart[:9], password[:9]))) as caught:
                self.house.result(self.passwords.create(localpart, password))
            if password:
                self.assertNotIn(password, str(caught.exception))
        self.assertEqual((self.count(), self.house.events), (0, []))

    # (an account, one that could be mistaken for it)
    COLLISIONS = (
        ("juliet", "juliet"),
        ("juliet", "JULIET"),
        ("fußball", "fussball"),
        ("fussball", "fußball"),
        ("σίσυφος", "σίσυφοσ"),
    )

    def test_collisions(self) -> None:
        for first, second in self.COLLISIONS:
            self.setUp()
            self.house.add(first, "pencil")
            derived = len(self.house.workers.runs)
            with self.assertRaises(AccountExists):
                self.house.result(self.passwords.create(second, "other"))
            self.assertEqual(len(self.house.workers.runs), derived)
            self.assertEqual(self.count(), 1)

    def test_a_user_of_another_store_is_there_already(self) -> None:
        self.house.put(keyless("romeo"))
        with self.assertRaises(AccountExists):
            self.house.result(self.passwords.create("romeo", "pencil"))

    def test_two_at_once_get_one_account(self) -> None:
        self.while_keys_are_made(lambda: self.house.put(keyless("juliet")))
        with self.assertRaises(AccountExists):
            self.house.result(self.passwords.create("juliet", "pencil"))
        self.assertEqual(self.house.events, [])

    def test_passwords_are_prepared(self) -> None:
        self.house.add("juliet", "ü\u00a0Ⅸ\u00ad")
        for password in ("ü IX", "u\u0308 Ⅸ"):
            self.assertTrue(self.house.result(self.passwords.check_password("juliet", password)))
            self.assertIsInstance(self.house.converse(plain("juliet", password)), Success)
        client = ScramClient("SCRAM-SHA-1", "juliet", "ü IX")
        self.assertIsInstance(self.house.converse(client), Success)

    def test_busy(self) -> None:
        self.house.workers.busy = True
        self.failureResultOf(self.passwords.create("juliet", "pencil"), Busy)

    def while_keys_are_made(self, event: Callable[[], object]) -> None:
        """Let something happen between the hashing of a password and its storing."""
        make = self.house.maker.make

        async def slow(password: str) -> dict[str, ScramKeys]:
            made = await make(password)
            event()
            return made

        self.patch(self.house.maker, "make", slow)


class SetPasswordTests(PasswordsCase):
    """`Passwords.set_password`."""

    def setUp(self) -> None:
        super().setUp()
        self.old = self.house.add("juliet", "pencil")

    def set(self, localpart: str, password: str) -> None:
        self.house.result(self.passwords.set_password(localpart, password))

    def test_the_new_one_counts(self) -> None:
        self.set("JULIET", "brush")
        for password, right in (("brush", True), ("pencil", False)):
            answer = self.house.result(self.passwords.check_password("juliet", password))
            self.assertIs(answer, right)
        keys = self.house.account("juliet").keys
        self.assertEqual(set(keys), set(HASHES))
        for hash in HASHES:
            self.assertNotEqual(keys[hash].salt, self.old.keys[hash].salt)

    def test_it_fires_when_it_is_committed(self) -> None:
        waiting = self.passwords.set_password("juliet", "brush")
        self.assertNoResult(waiting)
        self.house.clock.advance(0)
        self.successResultOf(waiting)

    def test_who_is_not_there(self) -> None:
        self.house.put(keyless("romeo"))
        for name in ("nobody", "romeo", "", "a b"):
            with self.assertRaises(KeyError, msg=name):
                self.set(name, "brush")

    def test_passwords_that_cannot_be(self) -> None:
        for password in ("", "\u0007"):
            with self.assertRaises(ValueError):
                self.set("juliet", password)
        self.assertEqual(self.house.account("juliet"), self.old)

    def test_what_else_changed_meanwhile_stays(self) -> None:
        make = self.house.maker.make

        async def slow(password: str) -> dict[str, ScramKeys]:
            made = await make(password)
            self.house.change("juliet", disabled=True)
            return made

        self.patch(self.house.maker, "make", slow)
        self.set("juliet", "brush")
        self.assertTrue(self.house.account("juliet").disabled)


class CheckPasswordTests(PasswordsCase):
    """`Passwords.check_password`."""

    def test_answers(self) -> None:
        self.house.add("juliet", "pencil")
        self.house.put(keyless("romeo"))
        for name, password, expected in (
            ("juliet", "pencil", True),
            ("Juliet", "pencil", True),
            ("juliet", "guess", False),
            ("juliet", "", False),
            ("romeo", "pencil", False),
            ("nobody", "pencil", False),
        ):
            self.house.workers.runs.clear()
            answer = self.house.result(self.passwords.check_password(name, password))
            self.assertIs(answer, expected, (name, password))
            self.assertEqual(len(self.house.workers.runs), 1)
        for name in ("", "a b"):
            self.assertIs(self.house.result(self.passwords.check_password(name, "pencil")), False)


class DeleteTests(PasswordsCase):
    """`Passwords.delete`."""

    def test_an_account(self) -> None:
        self.house.add("juliet", "pencil")
        self.house.put(keyless("romeo"))
        self.house.events.clear()
        for name in ("Juliet", "romeo"):
            waiting = self.passwords.delete(name)
            self.assertNoResult(waiting)
            self.house.clock.advance(0)
            self.successResultOf(waiting)
        self.assertEqual(self.house.events, [("deleted", "juliet"), ("deleted", "romeo")])
        self.assertEqual(self.count(), 0)

    def test_who_is_not_there(self) -> None:
        for name in ("nobody", "", "a b"):
            with self.assertRaises(KeyError):
                self.house.result(self.passwords.delete(name))


class LostTests(PasswordsCase):
    """When a commit fails, nothing is promised."""

    def test_lost_writes(self) -> None:
        self.house.add("juliet", "pencil")
        tickets = self.house.storage.tickets
        changes: tuple[Callable[[], Deferred[Any]], ...] = (
            lambda: self.passwords.create("romeo", "rose"),
            lambda: self.passwords.set_password("juliet", "brush"),
            lambda: self.passwords.delete("juliet"),
        )
        for change in changes:
            waiting = change()
            lost = tickets.issued
            tickets.settle(lost, range(lost, lost + 1))
            self.failureResultOf(waiting, StorageError)


class KeyMakerTests(SynchronousTestCase):
    """`KeyMaker`."""

    def test_too_few_iterations(self) -> None:
        with self.assertRaisesRegex(ValueError, "4096"):
            KeyMaker(InlineWorkers(), CountedEntropy(), 4095)

    def test_the_default(self) -> None:
        maker = KeyMaker(InlineWorkers(), CountedEntropy())
        keys = self.successResultOf(Deferred.fromCoroutine(maker.make("pencil", ["SHA-1"])))
        self.assertEqual(keys["SHA-1"].iterations, 10_000)
