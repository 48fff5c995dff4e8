"""What every back end does as a whole: stores, tickets, its beginning and end."""

from tests.storage.bench import Bench, Settlements
from tests.storage.contract.accounts import account
from xmppd.api.storage import (
    NO_TICKET,
    Archive,
    KeyValue,
    Map,
    Range,
    StorageError,
)


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
