"""What every back end does, as tests to mix with a `Bench` that makes one."""

import math

from tests.storage.bench import Bench, Settlements
from xmppd.api.storage import (
    NO_TICKET,
    Account,
    AccountExists,
    Archive,
    Entry,
    KeyValue,
    Map,
    Range,
    StorageError,
    UnknownEntry,
)
from xmppd.sasl.exchange import ScramKeys

ODD_BYTES = [
    b"",
    b"\0",
    b"<presence/>",
    "ünïcödé \U0001f600".encode(),
    b"\xff\xfe\0\xc3(",
    bytes(range(256)) * 40,
    b"'; DROP TABLE map; --",
]

ODD_TEXTS = [
    "' OR 1=1 --",
    '"',
    "%",
    "\\u0000",
    "é\U0001f600",
    "line\nfeed",
    "[1]",
    "$[0]",
    "NULL",
]

UNSTORABLE = ["a\0b", "\ud800"]


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


def digits(numbers: str) -> tuple[str, ...]:
    return tuple(f"e{number}" for number in numbers)


# Ten entries e0 ... e9 at 100 ... 109 seconds, the even ones with romeo, the odd ones with the
# nurse: (range, limit, backwards) and (ids, total, index, complete).
ALL = "0123456789"
PAGES = [
    (Range(), 3, False, "012", 10, 0, False),
    (Range(), 3, True, "789", 10, 7, False),
    (Range(), 10, False, ALL, 10, 0, True),
    (Range(), 10, True, ALL, 10, 0, True),
    (Range(), 9, False, "012345678", 10, 0, False),
    (Range(), 9, True, "123456789", 10, 1, False),
    (Range(), 2**70, False, ALL, 10, 0, True),
    (Range(after="e2"), 3, False, "345", 10, 3, False),
    (Range(after="e2"), 3, True, "789", 10, 7, False),
    (Range(after="e6"), 3, False, "789", 10, 7, True),
    (Range(after="e9"), 3, False, "", 10, 0, True),
    (Range(before="e3"), 3, True, "012", 10, 0, True),
    (Range(before="e3"), 2, True, "12", 10, 1, False),
    (Range(before="e3"), 2, False, "01", 10, 0, False),
    (Range(before="e0"), 2, True, "", 10, 0, True),
    (Range(after="e2", before="e6"), 10, False, "345", 10, 3, True),
    (Range(after="e2", before="e6"), 2, True, "45", 10, 4, False),
    (Range(after="e2", before="e6"), 2, False, "34", 10, 3, False),
    (Range(after="e6", before="e2"), 5, False, "", 10, 0, True),
    (Range(contact="romeo"), 2, False, "02", 5, 0, False),
    (Range(contact="romeo"), 2, True, "68", 5, 3, False),
    (Range(contact="romeo", after="e1"), 10, False, "2468", 5, 1, True),
    (Range(contact="romeo", before="e5"), 2, True, "24", 5, 1, False),
    (Range(contact=""), 5, False, "", 0, 0, True),
    (Range(contact="' OR 1=1 --"), 5, False, "", 0, 0, True),
    (Range(start=103.0), 10, False, "3456789", 7, 0, True),
    (Range(start=103.000001), 10, False, "456789", 6, 0, True),
    (Range(end=103.0), 10, False, "0123", 4, 0, True),
    (Range(end=102.999999), 10, False, "012", 3, 0, True),
    (Range(start=103.0, end=105.0), 2, False, "34", 3, 0, False),
    (Range(start=103.0, end=105.0), 2, True, "45", 3, 1, False),
    (Range(start=103.0, end=105.0, after="e3"), 2, False, "45", 3, 1, True),
    (Range(start=105.0, end=103.0), 5, False, "", 0, 0, True),
    (Range(start=-math.inf, end=math.inf), 10, False, ALL, 10, 0, True),
    (Range(start=2.5e11), 10, False, "", 0, 0, True),
    (Range(contact="nurse", start=103.0, end=107.0), 2, False, "35", 3, 0, False),
    (Range(ids=digits("714")), 10, False, "147", 3, 0, True),
    (Range(ids=digits("7147")), 10, False, "147", 3, 0, True),
    (Range(ids=digits("147"), contact="nurse"), 1, True, "7", 2, 1, False),
    (Range(ids=digits("147"), after="e1"), 1, False, "4", 3, 1, False),
    (Range(ids=()), 10, False, "", 0, 0, True),
    (Range(), 0, False, "", 10, 0, False),
    (Range(), 0, True, "", 10, 0, False),
    (Range(after="e9"), 0, False, "", 10, 0, True),
    (Range(contact="nurse"), 0, False, "", 5, 0, False),
]

# (range, the id that is missed first)
UNKNOWN = [
    (Range(after="e10"), "e10"),
    (Range(before="e10"), "e10"),
    (Range(ids=("e1", "e10")), "e10"),
    (Range(after="e1", before="x", ids=("y",)), "x"),
    (Range(after="other"), "other"),
    (Range(after="elsewhere"), "elsewhere"),
    (Range(after=""), ""),
    (Range(after="' OR 1=1 --"), "' OR 1=1 --"),
    (Range(before="e1' --"), "e1' --"),
    (Range(ids=("e1') OR 1=1 --",)), "e1') OR 1=1 --"),
    (Range(ids=("e1\0",)), "e1\0"),
    (Range(after="e1\0"), "e1\0"),
    (Range(before="\ud800"), "\ud800"),
]


class ArchiveContract(Bench):
    """An ordered record per owner."""

    store: Archive

    def setUp(self) -> None:
        super().setUp()
        self.store = self.host.open("mam", Archive)

    def fill(self) -> None:
        """Append the ten entries of `PAGES`, and others that must not be mixed up with them."""
        elsewhere = self.host.open("offline", Archive)
        for number in range(10):
            contact = "nurse" if number % 2 else "romeo"
            value = str(number).encode()
            self.store.append(
                "juliet", value, when=100.0 + number, contact=contact, id=f"e{number}"
            )
            self.wrote()
            self.store.append("romeo", b"", when=100.0 + number, contact=contact)
            self.wrote()
        self.store.append("romeo", b"", when=100.0, id="other")
        elsewhere.append("juliet", b"", when=100.0, id="elsewhere")
        self.wrote()

    def ids(self, owner: str = "juliet") -> list[str]:
        page = self.result(self.store.page(owner, Range(), 1000))
        return [entry.id for entry in page.entries]

    def test_nothing_at_first(self) -> None:
        page = self.result(self.store.page("juliet", Range(), 10))
        self.assertEqual((page.entries, page.total, page.index, page.complete), ([], 0, 0, True))
        self.assertEqual(self.result(self.store.count("juliet")), 0)

    def test_entries_come_back_as_they_are(self) -> None:
        expected = []
        for number, value in enumerate(ODD_BYTES):
            when = 1700000000.123456 + number
            contact = ODD_TEXTS[number]
            entry = self.store.append("juliet", value, when=when, contact=contact)
            self.wrote()
            self.assertEqual(entry, Entry(entry.id, when, contact, value, entry.ticket))
            self.assertGreater(entry.ticket, NO_TICKET)
            expected.append(Entry(entry.id, when, contact, value))
        page = self.result(self.store.page("juliet", Range(), 100))
        self.assertEqual(list(page.entries), expected)

    def test_times_are_kept_to_the_microsecond(self) -> None:
        whens = [0.0, 1e-6, 0.1, 1700000000.1234567, 1732292207.999999, -5.5, 253402300799.0]
        given = [self.store.append("juliet", b"", when=when) for when in whens]
        self.wrote()
        page = self.result(self.store.page("juliet", Range(), 100))
        self.assertEqual([entry.when for entry in page.entries], [entry.when for entry in given])
        for entry, when in zip(given, whens, strict=True):
            self.assertLess(abs(entry.when - when), 1e-6)
            found = self.result(self.store.page("juliet", Range(start=when, end=when), 100))
            self.assertEqual([entry.id], [other.id for other in found.entries])

    def test_times_that_are_none(self) -> None:
        self.assertRaises(ValueError, self.store.append, "juliet", b"", when=math.nan)
        self.assertRaises(ValueError, self.store.purge, "juliet", math.nan)
        self.assertRaises(ValueError, self.store.purge_all, math.nan)

    def test_ids_are_made(self) -> None:
        entries = [self.store.append("juliet", b"", when=1.0) for _ in range(3)]
        self.assertEqual([entry.id for entry in entries], ["made-1", "made-2", "made-3"])
        self.assertEqual(self.ids(), ["made-1", "made-2", "made-3"])

    def test_order_is_that_of_appending(self) -> None:
        for number in range(5):
            self.store.append("juliet", b"", when=10.0 - number, id=f"e{number}")
            self.wrote()
        self.assertEqual(self.ids(), ["e0", "e1", "e2", "e3", "e4"])

    def test_an_id_that_is_there_replaces_nothing(self) -> None:
        self.store.append("juliet", b"first", when=1.0, contact="a", id="x")
        self.store.append("juliet", b"", when=1.0, id="y")
        self.wrote()
        self.store.append("juliet", b"second", when=2.0, contact="b", id="x")
        self.wrote()
        self.store.append("romeo", b"his own", when=3.0, id="x")
        self.wrote()
        page = self.result(self.store.page("juliet", Range(ids=("x",)), 9))
        self.assertEqual(list(page.entries), [Entry("x", 1.0, "a", b"first")])
        self.assertEqual(self.ids(), ["x", "y"])
        self.assertEqual(self.ids("romeo"), ["x"])

    def test_pages(self) -> None:
        self.fill()
        for range, limit, backwards, ids, total, index, complete in PAGES:
            page = self.result(self.store.page("juliet", range, limit, backwards=backwards))
            found = (
                "".join(entry.id[1:] for entry in page.entries),
                page.total,
                page.index,
                page.complete,
            )
            self.assertEqual(found, (ids, total, index, complete), (range, limit, backwards))

    def test_unknown_entries(self) -> None:
        self.fill()
        for range, missed in UNKNOWN:
            error = self.failure(self.store.page("juliet", range, 5), UnknownEntry)
            self.assertEqual(error.args, (missed,), range)

    def test_nonsense_asked_for(self) -> None:
        self.assertRaises(ValueError, self.store.page, "juliet", Range(), -1)
        for bad in UNSTORABLE:
            self.assertRaises(ValueError, self.store.append, bad, b"", when=1.0)
            self.assertRaises(ValueError, self.store.append, "a", b"", when=1.0, id=bad)
            self.assertRaises(ValueError, self.store.append, "a", b"", when=1.0, contact=bad)
            self.assertRaises(ValueError, self.store.page, bad, Range(), 1)
            self.assertRaises(ValueError, self.store.page, "a", Range(contact=bad), 1)
            self.assertRaises(ValueError, self.store.count, bad)
            self.assertRaises(ValueError, self.store.remove, bad, ["a"])
            self.assertRaises(ValueError, self.store.purge, bad)

    def test_odd_ids_can_be_named(self) -> None:
        for id in ODD_TEXTS:
            self.store.append("juliet", b"", when=1.0, id=id)
            self.wrote()
        for position, id in enumerate(ODD_TEXTS):
            page = self.result(self.store.page("juliet", Range(ids=(id,)), 9))
            self.assertEqual([entry.id for entry in page.entries], [id])
            page = self.result(self.store.page("juliet", Range(after=id), 99))
            self.assertEqual([entry.id for entry in page.entries], ODD_TEXTS[position + 1 :])
        self.store.remove("juliet", ODD_TEXTS[:1])
        self.assertEqual(self.ids(), ODD_TEXTS[1:])

    def test_count(self) -> None:
        self.fill()
        self.assertEqual(self.result(self.store.count("juliet")), 10)
        self.assertEqual(self.result(self.store.count("romeo")), 11)
        self.assertEqual(self.result(self.store.count("nobody")), 0)

    def test_remove(self) -> None:
        self.fill()
        self.store.remove("juliet", ["e1", "e5", "not there", "other", "e9\0"])
        self.wrote()
        self.assertEqual(self.ids(), ["e0", "e2", "e3", "e4", "e6", "e7", "e8", "e9"])
        self.assertEqual(self.result(self.store.count("romeo")), 11)

    def test_remove_nothing(self) -> None:
        ticket = self.store.remove("juliet", [])
        self.settle()
        self.assertEqual(self.storage.tickets.settled, ticket)

    def test_append_after_remove_goes_to_the_end(self) -> None:
        for id in ("a", "b"):
            self.store.append("juliet", b"old", when=1.0, id=id)
            self.wrote()
        self.store.remove("juliet", ["a"])
        self.wrote()
        self.store.append("juliet", b"new", when=1.0, id="a")
        self.wrote()
        self.assertEqual(self.ids(), ["b", "a"])
        page = self.result(self.store.page("juliet", Range(ids=("a",)), 1))
        self.assertEqual(page.entries[0].value, b"new")

    def test_purge(self) -> None:
        self.fill()
        self.store.purge("juliet", before=104.0)
        self.wrote()
        self.assertEqual(self.ids(), ["e4", "e5", "e6", "e7", "e8", "e9"])
        self.store.purge("juliet")
        self.wrote()
        self.assertEqual(self.ids(), [])
        self.assertEqual(self.result(self.store.count("romeo")), 11)

    def test_purge_takes_the_farthest_future_too(self) -> None:
        self.store.append("juliet", b"", when=math.inf)
        self.wrote()
        self.store.purge("juliet")
        self.wrote()
        self.assertEqual(self.ids(), [])

    def test_purge_all(self) -> None:
        self.fill()
        self.store.purge_all(105.0)
        self.wrote()
        self.assertEqual(self.ids(), ["e5", "e6", "e7", "e8", "e9"])
        self.assertEqual(self.result(self.store.count("romeo")), 5)
        other = self.host.open("offline", Archive)
        self.assertEqual(self.result(other.count("juliet")), 1)

    def test_the_farthest_purge_counts(self) -> None:
        for purge in (self.store.purge_all, lambda before: self.store.purge("juliet", before)):
            for number in range(6):
                self.store.append("juliet", b"", when=float(number), id=f"e{number}")
            self.settle()
            for before in (4.0, 2.0):
                purge(before)
                self.wrote()
            self.assertEqual(self.ids(), ["e4", "e5"])
            self.store.purge("juliet")
            self.settle()

    def test_what_comes_after_a_purge_stays(self) -> None:
        self.store.purge_all(100.0)
        self.store.purge("juliet", 100.0)
        self.store.append("juliet", b"", when=50.0, id="imported")
        self.wrote()
        self.assertEqual(self.ids(), ["imported"])

    def test_purged_in_one_turn_with_an_entry_passed_over(self) -> None:
        # The second "a" replaces nothing, so the purge removes the only one there is.
        for purge in (self.store.purge_all, lambda before: self.store.purge("juliet", before)):
            self.store.append("juliet", b"old", when=1.0, id="a")
            self.settle()
            self.store.append("juliet", b"new", when=9.0, id="a")
            self.wrote()
            purge(5.0)
            self.wrote()
            self.assertEqual(self.ids(), [])


KEYS = ScramKeys(b"\0\xffsalt", 10_000, bytes(range(32)), b"\xff" * 32)
OTHER_KEYS = ScramKeys(b"", 4096, b"stored", b"server")


def account(localpart: str, *hashes: str, skeleton: str = "", disabled: bool = False) -> Account:
    return Account(
        localpart,
        skeleton or f"~{localpart}",
        dict.fromkeys(hashes, KEYS),
        1700000000.5,
        disabled=disabled,
    )


class AccountsContract(Bench):
    """The accounts of a host."""

    def add(self, *accounts: Account) -> None:
        for one in accounts:
            self.result(self.host.accounts.create(one))
            self.wrote()

    def test_nobody_at_first(self) -> None:
        accounts = self.host.accounts
        self.assertIsNone(self.result(accounts.get("juliet")))
        self.assertIsNone(self.result(accounts.find("~juliet")))
        self.assertEqual(self.result(accounts.localparts()), [])
        self.assertEqual(self.result(accounts.count()), 0)
        self.assertEqual(self.result(accounts.lacking("SHA-256")), 0)

    def test_accounts_come_back_as_they_are(self) -> None:
        keys = {"SHA-1": KEYS, "SHA-256": OTHER_KEYS}
        for one in (
            Account("juliet", "~juliet", keys, 1700000000.25),
            Account("roméo", "~romeo", {}, 0.0, disabled=True),
            Account("' OR 1=1 --", '"', {"' OR": KEYS}, 1.0),
        ):
            self.add(one)
            self.assertEqual(self.result(self.host.accounts.get(one.localpart)), one)
            self.assertEqual(self.result(self.host.accounts.find(one.skeleton)), one)

    def test_keys_are_copied(self) -> None:
        keys = {"SHA-1": KEYS}
        self.add(Account("juliet", "~juliet", keys, 1.0))
        keys.clear()
        found = self.result(self.host.accounts.get("juliet"))
        assert found is not None
        self.assertEqual(found.keys, {"SHA-1": KEYS})

    def test_create_refuses_what_is_taken(self) -> None:
        self.add(account("juliet"))
        self.failure(self.host.accounts.create(account("juliet", skeleton="x")), AccountExists)
        self.failure(
            self.host.accounts.create(account("ju1iet", skeleton="~juliet")), AccountExists
        )
        self.assertEqual(self.result(self.host.accounts.count()), 1)

    def test_two_in_one_turn_cannot_have_one_name(self) -> None:
        first = self.host.accounts.create(account("juliet"))
        second = self.host.accounts.create(account("juliet"))
        self.result(first)
        self.failure(second, AccountExists)

    def test_malformed_accounts(self) -> None:
        for bad in (
            account(""),
            Account("a", "", {}, 1.0),
            account("a", ""),
            account("a\0b"),
            account("a", "SHA\0"),
            account("a", skeleton="\ud800"),
        ):
            self.failure(self.host.accounts.create(bad), ValueError)
            self.failure(self.host.accounts.update(bad), ValueError)
        for bad_text in UNSTORABLE:
            self.assertRaises(ValueError, self.host.accounts.get, bad_text)
            self.assertRaises(ValueError, self.host.accounts.find, bad_text)
            self.assertRaises(ValueError, self.host.accounts.delete, bad_text)
            self.assertRaises(ValueError, self.host.accounts.localparts, bad_text)

    def test_update(self) -> None:
        self.add(account("juliet", "SHA-1"), account("romeo"))
        after = account("juliet", "SHA-256", disabled=True)
        self.result(self.host.accounts.update(after))
        self.wrote()
        self.assertEqual(self.result(self.host.accounts.get("juliet")), after)
        self.assertEqual(self.result(self.host.accounts.find("~juliet")), after)
        self.settle()
        self.assertEqual(self.result(self.host.accounts.get("juliet")), after)
        self.assertEqual(self.result(self.host.accounts.localparts()), ["juliet", "romeo"])

    def test_update_of_nobody(self) -> None:
        error = self.failure(self.host.accounts.update(account("juliet")), KeyError)
        self.assertEqual(error.args, ("juliet",))

    def test_update_of_the_skeleton(self) -> None:
        self.add(account("juliet", skeleton="old"), account("romeo"))
        self.failure(self.host.accounts.update(account("juliet", skeleton="~romeo")), AccountExists)
        after = account("juliet", skeleton="new")
        self.result(self.host.accounts.update(after))
        self.wrote()
        self.assertIsNone(self.result(self.host.accounts.find("old")))
        self.assertEqual(self.result(self.host.accounts.find("new")), after)
        self.add(account("jules", skeleton="old"))
        self.result(self.host.accounts.update(account("juliet", "SHA-1", skeleton="new")))
        self.settle()
        found = self.result(self.host.accounts.find("old"))
        assert found is not None
        self.assertEqual(found.localpart, "jules")

    def test_delete(self) -> None:
        self.add(account("juliet"), account("romeo"))
        self.result(self.host.accounts.delete("juliet"))
        self.wrote()
        self.assertIsNone(self.result(self.host.accounts.get("juliet")))
        self.assertIsNone(self.result(self.host.accounts.find("~juliet")))
        self.assertEqual(self.result(self.host.accounts.localparts()), ["romeo"])
        self.failure(self.host.accounts.delete("juliet"), KeyError)
        self.add(account("juliet"))
        self.assertEqual(self.result(self.host.accounts.count()), 2)

    def test_delete_takes_all_the_owner_has_on_this_host(self) -> None:
        self.add(account("juliet"), account("romeo"))
        elsewhere = self.storage.host("example.net")
        for host in (self.host, elsewhere):
            for owner in ("juliet", "romeo"):
                host.open("vcard", KeyValue).put(owner, b"1")
                host.open("roster", Map).put(owner, "a", b"2")
                host.open("mam", Archive).append(owner, b"3", when=1.0)
                self.wrote()
        self.result(self.host.accounts.delete("juliet"))
        self.wrote()
        for host, owner, kept in (
            (self.host, "juliet", False),
            (self.host, "romeo", True),
            (elsewhere, "juliet", True),
        ):
            value = self.result(host.open("vcard", KeyValue).get(owner))
            items = self.result(host.open("roster", Map).items(owner))
            count = self.result(host.open("mam", Archive).count(owner))
            found = (value is not None, bool(items), bool(count))
            self.assertEqual(found, (kept, kept, kept), owner)

    def test_delete_is_one_commit(self) -> None:
        self.add(account("juliet"))
        self.host.open("vcard", KeyValue).put("juliet", b"1")
        self.settle()
        told = Settlements()
        self.storage.tickets.watch(told)
        ticket = self.result(self.host.accounts.delete("juliet"))
        self.settle()
        self.assertEqual(told.told, [(ticket, [])])

    def test_localparts_in_pages(self) -> None:
        self.add(*(account(f"user{number}") for number in (3, 1, 2, 5, 4)))
        accounts = self.host.accounts
        self.assertEqual(self.result(accounts.localparts(limit=2)), ["user1", "user2"])
        self.assertEqual(self.result(accounts.localparts("user2", 2)), ["user3", "user4"])
        self.assertEqual(self.result(accounts.localparts("user4", 2**70)), ["user5"])
        self.assertEqual(self.result(accounts.localparts("user5")), [])

    def test_counts_follow_every_change(self) -> None:
        accounts = self.host.accounts
        self.assertEqual(self.counts(), (0, 0, 0))
        self.add(account("a", "SHA-1"), account("b", "SHA-1", "SHA-256"), account("c"))
        self.assertEqual(self.counts(), (3, 0, 1))
        self.assertEqual(self.counts(), (3, 0, 1))
        self.result(accounts.update(account("c", "SHA-256")))
        self.wrote()
        self.assertEqual(self.counts(), (3, 1, 1))
        self.result(accounts.update(account("c")))
        self.wrote()
        self.assertEqual(self.counts(), (3, 0, 1))
        self.result(accounts.update(account("c", "SHA-256")))
        self.wrote()
        self.result(accounts.delete("b"))
        self.wrote()
        self.assertEqual(self.counts(), (2, 1, 1))
        self.result(accounts.delete("a"))
        self.result(accounts.delete("c"))
        self.wrote()
        self.assertEqual(self.counts(), (0, 0, 0))

    def counts(self) -> tuple[int, int, int]:
        accounts = self.host.accounts
        return (
            self.result(accounts.count()),
            self.result(accounts.lacking("SHA-1")),
            self.result(accounts.lacking("SHA-256")),
        )

    def test_hosts_are_apart(self) -> None:
        self.add(account("juliet", "SHA-1"))
        other = self.storage.host("example.net").accounts
        self.assertIsNone(self.result(other.get("juliet")))
        self.result(other.create(account("juliet")))
        self.wrote()
        self.assertEqual(self.counts(), (1, 0, 1))
        self.assertEqual(self.result(other.lacking("SHA-1")), 0)
        self.assertEqual(self.result(other.count()), 1)

    def test_keys_do_not_show(self) -> None:
        self.assertNotIn("stored", repr(Account("a", "a", {"SHA-1": OTHER_KEYS}, 1.0)))


class StorageContract(Bench):
    """Names, tickets and life."""

    def test_a_name_has_one_shape(self) -> None:
        self.host.open("offline", Archive)
        self.host.open("offline", Archive)
        error = self.assertRaises(StorageError, self.host.open, "offline", Map)
        self.assertEqual(
            str(error), "the store 'offline' of example.com is of the shape Archive, not Map"
        )
        self.storage.host("example.net").open("offline", Map)
        self.assertRaises(StorageError, self.host.open, "accounts", Map)

    def test_names_are_words_and_hyphens(self) -> None:
        for bad in ("", "Offline", "a b", "a--b", "-a", "a_b", "a/b", "é", "a\n"):
            self.assertRaises(ValueError, self.host.open, bad, Map)
        self.host.open("acme-filter2", Map)

    def test_shapes_are_three(self) -> None:
        self.assertRaises(TypeError, self.host.open, "offline", dict)

    def test_stores_of_one_name_share_their_data(self) -> None:
        self.host.open("vcard", KeyValue).put("juliet", b"1")
        again = self.storage.host("example.com").open("vcard", KeyValue)
        self.assertEqual(self.result(again.get("juliet")), b"1")
        other = self.host.open("vcard-temp", KeyValue)
        self.assertIsNone(self.result(other.get("juliet")))

    def test_tickets_rise_and_settle_at_the_end_of_the_turn(self) -> None:
        tickets = self.storage.tickets
        told = Settlements()
        tickets.watch(told)
        self.assertEqual((tickets.issued, tickets.settled), (NO_TICKET, NO_TICKET))
        store = self.host.open("vcard", KeyValue)
        archive = self.host.open("mam", Archive)
        given = [
            store.put("juliet", b""),
            archive.append("juliet", b"", when=1.0).ticket,
            store.delete("juliet"),
        ]
        self.assertEqual(given, sorted(set(given)))
        self.assertEqual((tickets.issued, tickets.settled), (given[-1], NO_TICKET))
        self.settle()
        self.assertEqual(tickets.settled, given[-1])
        self.assertEqual(told.told, [(given[-1], [])])
        tickets.unwatch(told)
        store.put("juliet", b"")
        self.settle()
        self.assertEqual(len(told.told), 1)

    def test_turns_settle_in_order(self) -> None:
        told = Settlements()
        self.storage.tickets.watch(told)
        store = self.host.open("vcard", KeyValue)
        given = []
        for _ in range(3):
            given.append(store.put("juliet", b""))
            self.settle()
        self.assertEqual(told.told, [(ticket, []) for ticket in given])

    def test_stop_commits_what_is_outstanding(self) -> None:
        ticket = self.host.open("vcard", KeyValue).put("juliet", b"1")
        self.stop()
        self.assertEqual(self.storage.tickets.settled, ticket)

    def test_stopping_twice(self) -> None:
        self.stop()
        self.stop()

    def refuses_everything(self, host: str) -> None:
        part = self.storage.host(host)
        archive = part.open("mam", Archive)
        roster = part.open("roster", Map)
        vcard = part.open("vcard", KeyValue)
        self.assertRaises(StorageError, vcard.put, "juliet", b"1")
        self.assertRaises(StorageError, roster.clear, "juliet")
        self.assertRaises(StorageError, archive.append, "juliet", b"", when=1.0)
        for read in (
            vcard.get("juliet"),
            roster.get("juliet", "a"),
            roster.items("juliet"),
            archive.page("juliet", Range(), 1),
            archive.count("juliet"),
            part.accounts.get("juliet"),
            part.accounts.find("juliet"),
            part.accounts.create(account("juliet")),
            part.accounts.localparts(),
            part.accounts.lacking("SHA-1"),
        ):
            self.failureResultOf(read, StorageError)

    def test_nothing_goes_after_stop(self) -> None:
        self.stop()
        self.refuses_everything("example.com")

    def test_nothing_goes_before_start(self) -> None:
        running, self.storage = self.storage, self.make()
        self.refuses_everything("example.com")
        self.successResultOf(self.storage.stop())
        self.storage = running

    def test_stores_opened_before_start(self) -> None:
        self.stop()
        self.storage = self.make()
        host = self.storage.host("example.com")
        first, second = host.open("a", KeyValue), host.open("b", KeyValue)
        self.storage.start()
        first.put("juliet", b"1")
        self.assertIsNone(self.result(second.get("juliet")))
        self.assertEqual(self.result(host.open("a", KeyValue).get("juliet")), b"1")
