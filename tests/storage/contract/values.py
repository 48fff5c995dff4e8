"""What every back end does with single values and with values under keys."""

from tests.storage.bench import Bench
from tests.storage.contract.odd import ODD_BYTES, ODD_TEXTS, UNSTORABLE
from xmppd.api.storage import (
    KeyValue,
    Map,
)


class KeyValueContract(Bench):
    """One value per owner."""

    store: KeyValue

    def setUp(self) -> None:
        super().setUp()
        self.store = self.host.open("vcard", KeyValue)

    def test_nothing_at_first(self) -> None:
        self.assertIsNone(self.result(self.store.get("juliet")))

    def test_values_come_back_as_they_are(self) -> None:
        for value in ODD_BYTES:
            self.store.put("juliet", value)
            self.wrote()
            self.assertEqual(self.result(self.store.get("juliet")), value)

    def test_all_values_of_one_turn(self) -> None:
        for number, value in enumerate(ODD_BYTES):
            self.store.put(f"owner{number}", value)
        self.settle()
        for number, value in enumerate(ODD_BYTES):
            self.assertEqual(self.result(self.store.get(f"owner{number}")), value)

    def test_owners_are_apart(self) -> None:
        for number, owner in enumerate(["", *ODD_TEXTS]):
            self.store.put(owner, str(number).encode())
            self.wrote()
        for number, owner in enumerate(["", *ODD_TEXTS]):
            self.assertEqual(self.result(self.store.get(owner)), str(number).encode())

    def test_the_last_put_wins(self) -> None:
        for value in (b"1", b"2", b"3"):
            self.store.put("juliet", value)
            self.wrote()
        self.settle()
        self.assertEqual(self.result(self.store.get("juliet")), b"3")

    def test_delete(self) -> None:
        self.store.put("juliet", b"1")
        self.wrote()
        self.store.delete("juliet")
        self.wrote()
        self.assertIsNone(self.result(self.store.get("juliet")))
        self.settle()
        self.assertIsNone(self.result(self.store.get("juliet")))

    def test_put_after_delete(self) -> None:
        self.store.put("juliet", b"1")
        self.settle()
        self.store.delete("juliet")
        self.wrote()
        self.store.put("juliet", b"2")
        self.wrote()
        self.settle()
        self.assertEqual(self.result(self.store.get("juliet")), b"2")

    def test_deleting_nothing(self) -> None:
        self.store.delete("nobody")
        self.settle()
        self.assertIsNone(self.result(self.store.get("nobody")))

    def test_unstorable_owners(self) -> None:
        for owner in UNSTORABLE:
            self.assertRaises(ValueError, self.store.put, owner, b"")
            self.assertRaises(ValueError, self.store.delete, owner)
            self.assertRaises(ValueError, self.store.get, owner)


class MapContract(Bench):
    """Many values per owner."""

    store: Map

    def setUp(self) -> None:
        super().setUp()
        self.store = self.host.open("roster", Map)

    def test_nothing_at_first(self) -> None:
        self.assertIsNone(self.result(self.store.get("juliet", "romeo")))
        self.assertEqual(self.result(self.store.items("juliet")), [])

    def test_values_come_back_as_they_are(self) -> None:
        expected = []
        for number, value in enumerate(ODD_BYTES):
            self.store.put("juliet", f"key{number}", value)
            self.wrote()
            self.assertEqual(self.result(self.store.get("juliet", f"key{number}")), value)
            expected.append((f"key{number}", value))
        self.assertEqual(self.result(self.store.items("juliet")), expected)

    def test_items_are_in_order_of_keys(self) -> None:
        for key in reversed(ODD_TEXTS):
            self.store.put("juliet", key, key.encode())
            self.wrote()
        expected = [(key, key.encode()) for key in sorted(ODD_TEXTS)]
        self.assertEqual(self.result(self.store.items("juliet")), expected)

    def test_owners_and_keys_are_apart(self) -> None:
        self.store.put("juliet", "a", b"1")
        self.store.put("juliet", "b", b"2")
        self.store.put("romeo", "a", b"3")
        self.wrote()
        self.assertEqual(self.result(self.store.get("juliet", "a")), b"1")
        self.assertEqual(self.result(self.store.items("romeo")), [("a", b"3")])

    def test_delete(self) -> None:
        self.store.put("juliet", "a", b"1")
        self.store.put("juliet", "b", b"2")
        self.wrote()
        self.store.delete("juliet", "a")
        self.store.delete("juliet", "never there")
        self.wrote()
        self.assertIsNone(self.result(self.store.get("juliet", "a")))
        self.assertEqual(self.result(self.store.items("juliet")), [("b", b"2")])

    def test_clear(self) -> None:
        for owner in ("juliet", "romeo"):
            self.store.put(owner, "a", b"1")
            self.store.put(owner, "b", b"2")
            self.wrote()
        self.store.clear("juliet")
        self.wrote()
        self.assertIsNone(self.result(self.store.get("juliet", "a")))
        self.assertEqual(self.result(self.store.items("juliet")), [])
        self.assertEqual(self.result(self.store.items("romeo")), [("a", b"1"), ("b", b"2")])

    def test_put_after_clear(self) -> None:
        self.store.put("juliet", "a", b"1")
        self.store.put("juliet", "b", b"2")
        self.settle()
        self.store.clear("juliet")
        self.wrote()
        self.store.put("juliet", "b", b"3")
        self.wrote()
        self.assertIsNone(self.result(self.store.get("juliet", "a")))
        self.assertEqual(self.result(self.store.get("juliet", "b")), b"3")
        self.assertEqual(self.result(self.store.items("juliet")), [("b", b"3")])

    def test_clear_again_before_it_is_settled(self) -> None:
        self.store.clear("juliet")
        self.store.put("juliet", "a", b"1")
        self.store.clear("juliet")
        self.store.put("juliet", "b", b"2")
        self.wrote()
        self.assertIsNone(self.result(self.store.get("juliet", "a")))
        self.assertEqual(self.result(self.store.items("juliet")), [("b", b"2")])

    def test_unstorable_text(self) -> None:
        for bad in UNSTORABLE:
            for owner, key in ((bad, "a"), ("juliet", bad)):
                self.assertRaises(ValueError, self.store.put, owner, key, b"")
                self.assertRaises(ValueError, self.store.delete, owner, key)
                self.assertRaises(ValueError, self.store.get, owner, key)
            self.assertRaises(ValueError, self.store.clear, bad)
            self.assertRaises(ValueError, self.store.items, bad)
