"""What every back end does with accounts."""

from tests.storage.bench import Bench, Settlements
from tests.storage.contract.odd import UNSTORABLE
from xmppd.api.storage import (
    Account,
    AccountExists,
    Archive,
    KeyValue,
    Map,
)
from xmppd.sasl.exchange import ScramKeys

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
