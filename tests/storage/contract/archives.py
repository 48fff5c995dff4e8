"""What every back end does with archives."""

import math

from tests.storage.bench import Bench
from tests.storage.contract.odd import ODD_BYTES, ODD_TEXTS, UNSTORABLE
from xmppd.api.storage import (
    NO_TICKET,
    Archive,
    Entry,
    Range,
    UnknownEntry,
)


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
