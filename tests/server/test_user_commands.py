"""Commands about accounts, on a whole server in memory."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.server.house import House
from xmppd.api.commands import CommandError
from xmppd.api.moments import PASS, AccountDeleted, Verdict
from xmppd.api.registrations import Watch
from xmppd.api.storage import Account
from xmppd.server.config import HostConfig
from xmppd.server.user_commands import MOST_ROWS, UserChanged, UserCount, UserRow
from xmppd.stanza.prep import skeleton

NOON = "2026-01-01T12:00:00Z"


class UserCommandTests(SynchronousTestCase):
    """What they do, and what they refuse in plain words."""

    def setUp(self) -> None:
        self.house = House()
        self.run_command = self.house.run

    def refused(self, name: str, **arguments: object) -> str:
        return str(self.assertRaises(CommandError, self.run_command, name, **arguments))

    def test_add(self) -> None:
        result = self.run_command("user add", address="Juliet@Example.ORG", password="pencil")
        self.assertEqual(result, UserChanged("juliet@example.org", "added"))
        host = self.house.server.hosts["example.org"]
        right = host.passwords.check_password("juliet", "pencil")
        self.assertTrue(self.successResultOf(right))

    def test_add_is_refused(self) -> None:
        self.run_command("user add", address="juliet@example.org", password="pencil")
        table = [
            ("juliet@example.org", "x", "juliet@example.org is taken, or too much like a name"),
            ("JULIET@example.org", "x", "JULIET@example.org is taken"),
            ("romeo@example.org", "", "the password must not be empty"),
            ("romeo@example.org", "\u0221", "password"),
            ("ro meo@example.org", "x", "localpart"),
            ("romeo@example.com", "x", "example.com is not served here; hosts: example.org, exa"),
            ("romeo@a b", "x", "domainpart is neither"),
            ("example.org", "x", "'example.org' is no address of an account; write it like"),
            ("romeo", "x", "'romeo' is no address of an account"),
            ("@example.org", "x", "'@example.org' is no address of an account"),
            ("romeo@example.org/home", "x", "is no address of an account"),
        ]
        for address, password, message in table:
            with self.subTest(address=address, password=password):
                said = self.refused("user add", address=address, password=password)
                self.assertIn(message, said)
                self.assertNotIn(password or "pencil", said.replace("example", ""))

    def test_when_too_much_is_waiting(self) -> None:
        self.house.workers.busy = True
        self.refused("user add", address="juliet@example.org", password="pencil")

    def test_password(self) -> None:
        self.run_command("user add", address="juliet@example.org", password="pencil")
        result = self.run_command("user password", address="juliet@example.org", password="quill")
        self.assertEqual(result, UserChanged("juliet@example.org", "password set"))
        passwords = self.house.server.hosts["example.org"].passwords
        self.assertTrue(self.successResultOf(passwords.check_password("juliet", "quill")))
        self.assertFalse(self.successResultOf(passwords.check_password("juliet", "pencil")))

    def test_accounts_that_are_not_there(self) -> None:
        table: list[tuple[str, dict[str, str]]] = [
            ("user password", {"password": "x"}),
            ("user delete", {}),
        ]
        for name, arguments in table:
            with self.subTest(name=name):
                said = self.refused(name, address="nobody@example.org", **arguments)
                self.assertIn("there is no account nobody@example.org", said)

    def test_delete_ends_sessions(self) -> None:
        self.run_command("user add", address="juliet@example.org", password="pencil")
        session = self.house.login("juliet@example.org/balcony")
        result = self.run_command("user delete", address="juliet@example.org")
        self.assertEqual(result, UserChanged("juliet@example.org", "deleted"))
        self.assertEqual(session.closed_with, "not-authorized")
        self.assertEqual(self.run_command("user list"), [])

    def test_delete_where_the_server_keeps_no_passwords(self) -> None:
        users = Path(self.mktemp()).absolute()
        users.write_text("juliet:romeo\n")
        house = House(HostConfig("example.org", users=(f"file:{users}",)))
        local = house.server.hosts["example.org"].local
        deleted: list[str] = []

        def watch(localpart: str) -> Verdict:
            deleted.append(localpart)
            return PASS

        local.install("watcher", [Watch(AccountDeleted, watch)])
        account = Account("juliet", skeleton("juliet"), {}, 0.0)
        self.successResultOf(local.accounts.create(account))
        session = house.login("juliet@example.org/balcony")
        house.run("user delete", address="Juliet@example.org")
        self.assertEqual(deleted, ["juliet"])
        self.assertEqual(session.closed_with, "not-authorized")
        self.assertEqual(house.run("user list"), [])

    def test_delete_nobody(self) -> None:
        for address in ("nobody@example.org", "no body@example.org"):
            with self.subTest(address=address):
                said = self.refused("user delete", address=address)
                self.assertEqual(said, f"there is no account {address}")

    def test_list(self) -> None:
        for name in ("romeo", "juliet", "nurse"):
            self.run_command("user add", address=f"{name}@example.org", password="x")
        self.run_command("user add", address="tybalt@example.net", password="x")
        self.house.login("juliet@example.org/balcony")
        juliet = UserRow("juliet@example.org", NOON, False, 1)
        nurse = UserRow("nurse@example.org", NOON, False, 0)
        romeo = UserRow("romeo@example.org", NOON, False, 0)
        tybalt = UserRow("tybalt@example.net", NOON, False, 0)
        table: list[tuple[dict[str, object], list[UserRow]]] = [
            ({}, [juliet, nurse, romeo]),
            ({"limit": 2}, [juliet, nurse]),
            ({"after": "juliet"}, [nurse, romeo]),
            ({"after": "juliet@example.org"}, [nurse, romeo]),
            ({"host": "EXAMPLE.net"}, [tybalt]),
        ]
        for arguments, expected in table:
            with self.subTest(arguments=arguments):
                self.assertEqual(self.run_command("user list", **arguments), expected)

    def test_list_is_bounded(self) -> None:
        for limit in (0, -1, MOST_ROWS + 1):
            with self.subTest(limit=limit):
                self.assertIn("the limit is a number", self.refused("user list", limit=limit))

    def test_an_account_deleted_meanwhile_is_left_out(self) -> None:
        self.run_command("user add", address="juliet@example.org", password="x")
        accounts = self.house.server.hosts["example.org"].local.accounts
        get = accounts.get
        self.patch(accounts, "get", lambda localpart: get("nobody"))
        self.assertEqual(self.run_command("user list"), [])

    def test_disable(self) -> None:
        """Sessions end, those on other addresses go on; what is kept stays."""
        self.run_command("user add", address="juliet@example.org", password="x")
        juliet = self.house.login("juliet@example.org/balcony")
        nurse = self.house.login("nurse@example.org/kitchen")
        done = self.run_command("user disable", address="Juliet@example.org")
        self.assertEqual(done, UserChanged("juliet@example.org", "disabled"))
        self.assertEqual("not-authorized", juliet.closed_with)
        self.assertEqual("", nurse.closed_with)
        [row] = self.run_command("user list")
        self.assertTrue(row.disabled)
        passwords = self.house.server.hosts["example.org"].passwords
        self.assertTrue(self.successResultOf(passwords.check_password("juliet", "x")))

    def test_enable(self) -> None:
        self.run_command("user add", address="juliet@example.org", password="x")
        self.run_command("user disable", address="juliet@example.org")
        for _ in range(2):
            done = self.run_command("user enable", address="juliet@example.org")
            self.assertEqual(done, UserChanged("juliet@example.org", "enabled"))
        [row] = self.run_command("user list")
        self.assertFalse(row.disabled)

    def test_disable_is_refused(self) -> None:
        for name in ("user disable", "user enable", "user roster"):
            for address, message in (
                ("romeo@example.org", "there is no account romeo@example.org"),
                ("ro meo@example.org", "localpart"),
                ("romeo@example.com", "example.com is not served here"),
                ("example.org", "'example.org' is no address of an account"),
            ):
                self.assertIn(message, self.refused(name, address=address))

    def test_roster(self) -> None:
        self.run_command("user add", address="juliet@example.org", password="x")
        self.assertEqual(self.run_command("user roster", address="juliet@example.org"), [])
        item = "<item jid='romeo@example.net' name='R'><group>b</group><group>a</group></item>"
        self.house.login("juliet@example.org/x").sends(
            f"<iq type='set' id='1'><query xmlns='jabber:iq:roster'>{item}</query></iq>"
        )
        [row] = self.run_command("user roster", address="juliet@example.org")
        self.assertEqual(
            (row.address, row.name, row.subscription, row.asked, set(row.groups)),
            ("romeo@example.net", "R", "none", False, {"a", "b"}),
        )

    def test_a_host_that_keeps_no_rosters(self) -> None:
        host = self.house.server.hosts["example.org"].local
        self.patch(host, "find", lambda interface: None)
        said = self.refused("user roster", address="juliet@example.org")
        self.assertEqual(said, "example.org keeps no rosters")

    def test_count(self) -> None:
        for name in ("juliet", "nurse"):
            self.run_command("user add", address=f"{name}@example.org", password="x")
        for place in ("balcony", "chamber"):
            self.house.login(f"juliet@example.org/{place}")
        self.house.login("tybalt@example.net/street")
        self.assertEqual(self.run_command("user count"), UserCount("example.org", 2, 1))
        other = self.run_command("user count", host="example.net")
        self.assertEqual(other, UserCount("example.net", 0, 1))
        self.assertIn("is not served here", self.refused("user count", host="example.com"))

    def test_a_host_that_keeps_no_accounts(self) -> None:
        host = self.house.server.hosts["example.org"].local
        self.patch(host, "find", lambda interface: None)
        said = self.refused("user add", address="juliet@example.org", password="x")
        self.assertEqual(said, "the passwords of example.org are not kept by this server")

    def test_all_work_offline_and_secrets_are_marked(self) -> None:
        for name in ("user add", "user delete", "user list", "user password"):
            command = self.house.commands[name]
            self.assertTrue(command.offline)
            secret = {argument.name for argument in command.arguments if argument.secret}
            self.assertEqual(secret, {"password"} & {a.name for a in command.arguments})
