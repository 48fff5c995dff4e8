"""Keys of users known and unknown, and the secret behind made-up ones."""

from functools import partial

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.auth.house import ROUNDS, CountedEntropy, House, keyless
from xmppd.api.auth import IScramKeys
from xmppd.api.storage import NO_TICKET, KeyValue, StorageError, Ticket
from xmppd.auth.keys import SECRET_BYTES, KeptSecret, StoredKeys
from xmppd.auth.lookup import find_account
from xmppd.sasl.exchange import ScramKeys
from xmppd.sasl.scram_keys import HASHES, check_keys


class SlowStore:
    """A key-value store of one value whose reads the test answers."""

    def __init__(self) -> None:
        self.reads: list[Deferred[bytes | None]] = []
        self.writes: list[bytes] = []

    def get(self, owner: str) -> Deferred[bytes | None]:
        self.reads.append(Deferred())
        return self.reads[-1]

    def put(self, owner: str, value: bytes) -> Ticket:
        self.writes.append(value)
        return NO_TICKET

    def delete(self, owner: str) -> Ticket:
        raise AssertionError("nobody deletes it")


class KeptSecretTests(SynchronousTestCase):
    """`KeptSecret`."""

    def test_it_is_made_once_and_kept(self) -> None:
        house = House()
        store = house.host.open("secret", KeyValue)
        first = house.result(KeptSecret(store, house.entropy).get())
        self.assertEqual(len(first), SECRET_BYTES)
        again = KeptSecret(store, house.entropy)
        self.assertEqual(house.result(again.get()), first)
        self.assertEqual(house.result(again.get()), first)
        self.assertEqual(house.entropy.calls, 1)

    def test_two_at_once_get_the_same(self) -> None:
        store = SlowStore()
        secret = KeptSecret(store, CountedEntropy())
        waiting = [secret.get(), secret.get()]
        for read in store.reads:
            read.callback(None)
        one, other = (self.successResultOf(each) for each in waiting)
        self.assertEqual(one, other)
        self.assertEqual(store.writes, [one])

    def test_a_failure_is_not_kept(self) -> None:
        store = SlowStore()
        secret = KeptSecret(store, CountedEntropy())
        waiting = secret.get()
        store.reads[0].errback(StorageError("damaged"))
        self.failureResultOf(waiting, StorageError)
        waiting = secret.get()
        store.reads[1].callback(b"kept")
        self.assertEqual(self.successResultOf(waiting), b"kept")
        self.assertEqual(store.writes, [])


class StoredKeysTests(SynchronousTestCase):
    """`StoredKeys`."""

    def setUp(self) -> None:
        self.house = House()

    def lookup(self, username: str, hash: str) -> ScramKeys:
        return self.house.result(self.house.keys.lookup(username, hash))

    def test_interface(self) -> None:
        verifyObject(IScramKeys, self.house.keys)

    def test_keys_of_an_account(self) -> None:
        account = self.house.add("fußball", "pencil")
        for hash in HASHES:
            for spelled in ("fußball", "fussball", "FUSSBALL"):
                self.assertEqual(self.lookup(spelled, hash), account.keys[hash])

    def test_made_up_keys(self) -> None:
        self.house.put(keyless("romeo"))
        seen = set()
        for username in ("juliet", "romeo"):
            for hash in HASHES:
                keys = self.lookup(username, hash)
                check_keys(hash, keys)
                self.assertEqual(keys, self.lookup(username, hash))
                self.assertEqual(keys.iterations, ROUNDS)
                seen.add(keys.salt)
        self.assertEqual(len(seen), 6)

    def test_the_secret_may_be_handed_in(self) -> None:
        first, second, other = (
            StoredKeys(self.house.accounts, partial(succeed, secret))
            for secret in (b"a", b"a", b"b")
        )
        keys = self.successResultOf(first.lookup("juliet", "SHA-1"))
        self.assertEqual(self.successResultOf(second.lookup("juliet", "SHA-1")), keys)
        self.assertNotEqual(self.successResultOf(other.lookup("juliet", "SHA-1")), keys)
        self.assertEqual(keys.iterations, 10_000)

    def test_no_secret_no_keys_for_anybody(self) -> None:
        self.house.add("juliet", "pencil")
        keys = StoredKeys(self.house.accounts, lambda: fail(StorageError("damaged")))
        for username in ("juliet", "romeo"):
            self.failureResultOf(keys.lookup(username, "SHA-1"), StorageError)

    def test_too_few_iterations(self) -> None:
        with self.assertRaisesRegex(ValueError, "4096"):
            StoredKeys(self.house.accounts, lambda: succeed(b""), 4095)

    def test_complete(self) -> None:
        def complete() -> list[bool]:
            return [self.house.result(self.house.keys.complete(hash)) for hash in HASHES]

        self.assertEqual(complete(), [True, True, True])
        keys = self.house.add("juliet", "pencil").keys
        self.assertEqual(complete(), [True, True, True])
        self.house.change("juliet", keys={"SHA-256": keys["SHA-256"]})
        self.assertEqual(complete(), [False, True, False])


class FindAccountTests(SynchronousTestCase):
    """`find_account`."""

    def test_names(self) -> None:
        house = House()
        house.put(keyless("fußball"))
        house.put(keyless("juliet"))
        for name, expected in (
            ("juliet", "juliet"),
            ("fußball", "fußball"),
            ("fussball", "fußball"),
            ("romeo", None),
        ):
            house.accounts.calls.clear()
            found = house.result(Deferred.fromCoroutine(find_account(house.accounts, name)))
            self.assertEqual(found and found.localpart, expected)
            self.assertEqual(house.accounts.calls, ["get", "find"])

    def test_names_nobody_can_have(self) -> None:
        for name in ("", "x" * 2000):
            coroutine = find_account(House().accounts, name)
            self.failureResultOf(Deferred.fromCoroutine(coroutine), ValueError)
