"""Accounts moved into whole servers and out of them, by the commands that do so."""

import os
import tracemalloc
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from lxml import etree
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase

from tests.server.house import switched_off
from tests.server.portable.houses import (
    CAPULET,
    EJABBERD,
    MONTAGUE,
    PROSODY,
    Movers,
    everything,
    keys,
)
from xmppd.api.commands import CommandError
from xmppd.api.roster import IRoster
from xmppd.api.storage import (
    Account,
    AccountExists,
    Archive,
    KeyValue,
    Map,
    Range,
    StorageError,
    Ticket,
)
from xmppd.sasl.scram_keys import HASHES
from xmppd.server.config import HostConfig
from xmppd.server.portable import exporter, importer, incoming, stores
from xmppd.server.portable.report import MOST_TEXTS, ExportReport, ImportReport, Texts
from xmppd.server.portable.users import write_user
from xmppd.server.portable.values import KeptMessage, User
from xmppd.server.portable.writer import PortableWriter
from xmppd.stanza.jid import JID
from xmppd.stanza.prep import skeleton
from xmppd.stanza.roster import RosterItem
from xmppd.stanza.subscription import Subscription
from xmppd.wire.element import Element
from xmppd.wire.namespaces import VCARD_TEMP

SCHEMAS = Path(__file__).parents[2] / "data" / "schemas"
MANY = 20_000
ROOM = 4 * 1024 * 1024
"""What exporting may need at most, however many accounts there are."""

ALL = {"roster_items": 6, "messages": 3, "vcards": 1, "private_elements": 2, "blocked": 2}


def report(
    contents: Mapping[str, int] | None = None,
    *,
    notes: tuple[str, ...] = (),
    errors: tuple[str, ...] = (),
    dry_run: bool = False,
    **accounts: int,
) -> ImportReport:
    """Return a report in which all else is 0."""
    names = [name for name in ImportReport.__slots__ if name not in ("dry_run", "notes", "errors")]
    given = {**(contents or {}), **accounts}
    numbers = {name: given.pop(name, 0) for name in names}
    assert not given
    return ImportReport(**numbers, dry_run=dry_run, notes=notes, errors=errors)


class Moving(SynchronousTestCase):
    """A server, a directory, and files in it."""

    def setUp(self) -> None:
        self.server = Movers()
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()

    def file(self, *users: User, domain: str = CAPULET, name: str = "in.xml") -> str:
        """Write users to a file and return its name."""
        path = self.folder / name
        with path.open("wb") as file:
            writer = PortableWriter(file, domain)
            for user in users:
                writer.add(user)
            writer.end()
        return str(path)

    def take(self, *users: User, domain: str = CAPULET, **options: bool) -> ImportReport:
        """Have users imported."""
        result = self.server.move("import", file=self.file(*users, domain=domain), **options)
        assert isinstance(result, ImportReport)
        return result

    def export(self, name: str = "out.xml", **options: bool) -> bytes:
        """Return what is exported."""
        path = self.folder / name
        self.server.move("export", host=CAPULET, file=str(path), **options)
        return path.read_bytes()

    def refused(self, command: str, **arguments: object) -> str:
        return str(self.assertRaises(CommandError, self.server.move, command, **arguments))


class RoundTripTests(Moving):
    """What goes out comes in again."""

    def test_everything(self) -> None:
        users = [everything(), everything("nurse"), User("zoe", keys=keys())]
        self.assertEqual(self.take(*users), report({k: 2 * v for k, v in ALL.items()}, added=3))
        first = self.export()
        self.server = Movers()
        self.server.move("import", file=str(self.folder / "out.xml"))
        self.assertEqual(self.export("again.xml"), first)
        # `zoe` had no date of creation.
        self.assertEqual(first.count(b"created="), 3)

    def test_what_servers_wrote(self) -> None:
        for command, argument in (
            ("import prosody", {"directory": str(PROSODY)}),
            ("import ejabberd", {"path": str(EJABBERD)}),
        ):
            with self.subTest(command=command):
                self.server = Movers()
                dry = self.server.move(command, **argument, dry_run=True)
                self.assertEqual(dry, report(ALL, added=3, dry_run=True))
                self.assertEqual(self.server.users(), {})
                done = self.server.move(command, **argument)
                self.assertEqual(done, report(ALL, added=3))
                again = self.server.move(command, **argument)
                self.assertEqual(again, report(unchanged=3))
                for name in ("juliet", "nurse"):
                    self.assertTrue(self.server.is_password(name, f"pencil-{name}"))
                    self.assertFalse(self.server.is_password(name, "pencil"))
                self.assertTrue(self.server.is_password("romeo", "pencil", MONTAGUE))
                romeo = self.server.users(MONTAGUE)["romeo"]
                self.assertEqual(set(romeo.keys), set(HASHES))
                first = self.export(f"{command}.xml")
                self.server = Movers()
                self.server.move("import", file=str(self.folder / f"{command}.xml"))
                self.assertEqual(self.export(f"{command}2.xml"), first)

    def test_the_schema(self) -> None:
        schema = etree.XMLSchema(etree.parse(str(SCHEMAS / "portable.xsd")))
        self.take(everything(), User("zoe", keys=keys()))
        for options in ({}, {"for_ejabberd": True}):
            text = self.export(f"out{len(options)}.xml", **options)
            self.assertTrue(schema.validate(etree.fromstring(text)), schema.error_log)


class StoredTests(Moving):
    """What features find in their stores."""

    def test_stores(self) -> None:
        self.take(everything())
        host = self.server.server.hosts[CAPULET].local
        page = self.server.end(host.open("offline", Archive).page("juliet", Range(), 10))
        self.assertEqual(
            [(entry.when, entry.contact) for entry in page.entries],
            [
                (1_700_000_000.25, "nurse@capulet.example"),
                (1_700_000_000.25, "romeo@montague.example"),
                (1_700_000_001.0, "romeo@montague.example"),
            ],
        )
        self.assertEqual(
            page.entries[0].value,
            b'<message from="nurse@capulet.example/r" to="juliet@capulet.example" type="chat" '
            b'xml:lang="it"><body>first</body></message>',
        )
        vcard = self.server.end(host.open("vcard", KeyValue).get("juliet"))
        self.assertEqual(
            vcard, '<vCard xmlns="vcard-temp"><FN>Jül \n&lt;&amp;&gt;</FN></vCard>'.encode()
        )
        self.assertEqual(
            self.server.end(host.open("private", Map).items("juliet")),
            [
                ("urn:a a", b'<a xmlns="urn:a" k="v&apos;&quot;"><b xmlns="urn:b"/></a>'),
                ("urn:a z", b'<z xmlns="urn:a" xmlns:a0="urn:q" a0:k="v"/>'),
            ],
        )
        self.assertEqual(
            self.server.end(host.open("blocking", Map).items("juliet")),
            [("b.example", b""), ("x@b.example/r s", b"")],
        )
        self.assertEqual(
            self.server.end(host.open("last", KeyValue).get("juliet")),
            b'{"when": 1700000100.125, "status": "gone <to> bed"}',
        )
        juliet = self.server.end(host.accounts.get("juliet"))
        self.assertEqual((juliet.created, juliet.disabled), (1_600_000_000.5, True))

    def test_a_message_without_a_date_came_now(self) -> None:
        user = everything()
        undated = tuple(KeptMessage(each.stanza, None) for each in user.messages)
        self.take(User("x", keys=keys(), messages=undated))
        (first, *_) = self.server.users()["x"].messages
        self.assertEqual(first.when, self.server.wall.now())

    def test_many_messages_are_read_in_pages(self) -> None:
        self.patch(stores, "PAGE", 2)
        self.take(everything())
        self.assertEqual(len(self.server.users()["juliet"].messages), 3)

    def test_damaged_data_are_left_out(self) -> None:
        self.take(User("x", keys=keys()))
        host = self.server.server.hosts[CAPULET].local
        host.open("vcard", KeyValue).put("x", b"<")
        host.open("private", Map).put("x", "k", b"oops")
        host.open("last", KeyValue).put("x", b"[]")
        host.open("offline", Archive).append("x", b"<iq/>", when=1.0)
        path = self.folder / "out.xml"
        result = self.server.move("export", host=CAPULET, file=str(path))
        assert isinstance(result, ExportReport)
        self.assertEqual(
            result.notes,
            (
                "x@capulet.example: left out: an offline message that is damaged",
                "x@capulet.example: left out: a vCard that is damaged",
                "x@capulet.example: left out: private XML that is damaged",
                "x@capulet.example: left out: when it was seen last, which is damaged",
            ),
        )


class PasswordTests(Moving):
    """What somebody can log in with afterwards."""

    def test_in_clear(self) -> None:
        self.take(User("x", password="pencil", keys=keys("other")))
        self.assertTrue(self.server.is_password("x", "pencil"))
        self.assertEqual(set(self.server.users()["x"].keys), set(HASHES))
        self.assertEqual(self.take(User("x", password="pencil")).unchanged, 1)
        other = self.take(User("x", password="quill"))
        self.assertEqual(
            other.notes, ("x@capulet.example stays as it is; other here is its password",)
        )

    def test_none_that_can_be_used(self) -> None:
        unusable = "x@capulet.example: left out: a password that cannot be one (RFC 4013)"
        none = (
            "x@capulet.example: has no password that can be used; "
            "set one with `xmppdctl user password`"
        )
        for user, notes in (
            (User("x"), (none,)),
            (User("x", password="\u0221secret"), (unusable, none)),
            (User("x", password="\u0221", keys=keys()), (unusable,)),
        ):
            with self.subTest(user=user):
                self.server = Movers()
                result = self.take(user)
                self.assertEqual((result.added, result.notes), (1, notes))
                self.assertEqual(set(self.server.users()["x"].keys) >= {"SHA-1"}, True)
                self.assertFalse(self.server.is_password("x", ""))
                self.server.run("user password", address="x@capulet.example", password="now")
                self.assertTrue(self.server.is_password("x", "now"))

    def test_where_passwords_are_elsewhere(self) -> None:
        users = self.folder / "users"
        users.write_text("x:pencil\n")
        for kept, expected in (((), set()), (("xmppd",), {"SHA-1"})):
            with self.subTest(kept=kept):
                config = HostConfig(CAPULET, users=(*kept, f"file:{users}"))
                self.server = Movers(config)
                self.take(User("x", keys=keys()), User("y"))
                found = self.server.users()
                self.assertEqual(set(found["x"].keys), expected)
                self.assertEqual(set(found["y"].keys), set())
                self.assertEqual(self.take(User("y", password="pencil")).unchanged, 1)

    def test_too_much_is_waiting(self) -> None:
        self.server.workers.busy = True
        self.server.clock.callLater(5, setattr, self.server.workers, "busy", False)
        self.take(User("x", password="pencil"))
        self.assertTrue(self.server.is_password("x", "pencil"))
        self.assertGreaterEqual(self.server.clock.seconds(), 5)


class ExistingTests(Moving):
    """Accounts that are here already."""

    def setUp(self) -> None:
        super().setUp()
        self.take(everything())

    def test_each_difference_is_named(self) -> None:
        other = everything("other")
        table: list[tuple[User, str]] = [
            (User("juliet", keys=keys("quill")), "its password"),
            (User("juliet", keys=keys("pencil", "SHA-256"), roster=other.roster[1:]), "its roster"),
            (User("juliet", keys=keys(), messages=other.messages[1:]), "its offline messages"),
            (User("juliet", keys=keys(), vcard=Element("vCard", VCARD_TEMP)), "its vCard"),
            (User("juliet", keys=keys(), private=other.private[1:]), "its private XML"),
            (User("juliet", keys=keys(), blocked=other.blocked[1:]), "its block list"),
        ]
        for user, what in table:
            with self.subTest(what=what):
                result = self.take(user)
                note = f"juliet@capulet.example stays as it is; other here is {what}"
                self.assertEqual(result, report(kept=1, notes=(note,)))
        self.assertEqual(
            write_user(self.server.users()["juliet"], CAPULET), write_user(everything(), CAPULET)
        )

    def test_what_is_not_found_is_no_difference(self) -> None:
        self.assertEqual(self.take(User("JULIET", keys=keys())), report(unchanged=1))

    def test_another_hash_is_another_password(self) -> None:
        self.take(User("x", keys=keys("pencil", "SHA-256")))
        self.assertEqual(self.take(User("x", keys=keys())).kept, 1)

    def test_replace(self) -> None:
        user = User("juliet", keys=keys("quill"), roster=everything().roster[:1])
        session = self.server.login(f"juliet@{CAPULET}/balcony")
        dry = self.take(user, replace=True, dry_run=True)
        self.assertEqual(dry, report(replaced=1, roster_items=1, dry_run=True))
        self.assertEqual(session.closed_with, "")
        self.assertEqual(self.take(user, replace=True), report(replaced=1, roster_items=1))
        self.assertEqual(session.closed_with, "policy-violation")
        found = self.server.users()["juliet"]
        self.assertTrue(self.server.is_password("juliet", "quill"))
        self.assertEqual(
            (len(found.roster), found.messages, found.vcard, found.private, found.blocked),
            (1, (), None, (), ()),
        )
        self.assertEqual(self.take(user, replace=True), report(unchanged=1))

    def test_names_too_much_alike(self) -> None:
        local = self.server.server.hosts[CAPULET].local
        name = "\u0131x"  # its skeleton is that of another name
        self.server.end(local.accounts.create(Account("taken", skeleton(name), keys(), 0.0)))
        result = self.take(User(name, keys=keys()))
        self.assertEqual(
            result,
            report(failed=1, errors=(f"{name}@{CAPULET}: not imported, too much like taken",)),
        )


class LeftOutTests(Moving):
    """What cannot be imported, and how that is said."""

    def test_hosts(self) -> None:
        self.server = Movers(HostConfig(CAPULET, anonymous=True))
        for domain, said in (
            ("elsewhere.example", "elsewhere.example is not served here; hosts: capulet.example"),
            (CAPULET, "nothing can be kept on capulet.example, which is for guests"),
        ):
            with self.subTest(domain=domain):
                result = self.take(User("a"), User("b"), domain=domain)
                error = f"accounts are not imported: {said} (and 1 more)"
                self.assertEqual(result, report(failed=2, errors=(error,)))

    def test_names(self) -> None:
        result = self.take(User("\u2163", keys=keys()))
        self.assertEqual(result.failed, 1)
        (said,) = result.errors
        self.assertIn("not imported, localpart", said)

    def test_what_the_format_cannot_give(self) -> None:
        path = self.folder / "in.xml"
        path.write_text(
            "<server-data xmlns='urn:xmpp:pie:0'><host jid='capulet.example'><user name='x' "
            "password='p'><a xmlns='urn:a'/></user><user name='y' password='p'><a xmlns='urn:a'/>"
            "</user><b xmlns='urn:b'/><user/></host></server-data>"
        )
        result = self.server.move("import", file=str(path))
        note = "x@capulet.example: left out: <a xmlns='urn:a'/> (and 1 more)"
        self.assertEqual(result.notes, (note, f"{path}: <b xmlns='urn:b'/> is not known here"))
        self.assertEqual((result.added, len(result.errors)), (2, 1))

    def test_rosters_that_are_too_large(self) -> None:
        items = tuple(
            RosterItem(JID.parse(f"c{n}@b.example"), subscription=Subscription.TO, listed=True)
            for n in range(10_002)
        )
        result = self.take(User("x", keys=keys(), roster=items))
        refused = "x@capulet.example: left out: roster items that are refused here "
        self.assertEqual(result.notes, (refused + "(resource-constraint) (and 1 more)",))

    def test_rosters_where_there_are_none(self) -> None:
        self.server = Movers(HostConfig(CAPULET, modules=switched_off("roster", "subscriptions")))
        result = self.take(everything())
        self.assertEqual(
            result.notes,
            ("juliet@capulet.example: left out: rosters, as the feature is switched off here",),
        )
        self.assertEqual(self.server.users()["juliet"].roster, ())

    def test_reports_are_bounded(self) -> None:
        texts = Texts()
        for number in range(MOST_TEXTS + 3):
            texts.add(f"{number}")
        self.assertEqual(texts.all()[-2:], ("499", "and 3 more of other kinds"))


class InterruptedTests(Moving):
    """Imports that do not come to their end, and what the next one does."""

    def test_run_again(self) -> None:
        users = [everything(f"u{number}") for number in range(30)]

        self.patch(importer, "PROGRESS_SECONDS", -1.0)
        self.server.told = Stopper(12)
        self.assertEqual(self.refused("import", file=self.file(*users)), "stop")
        self.assertEqual(len(self.server.users()), 12)
        self.server.told = []
        result = self.take(*users)
        self.assertEqual((result.added, result.unchanged), (18, 12))
        self.assertEqual(len(self.server.users()["u12"].messages), 3)
        self.assertEqual(self.server.told[-1], "accounts: 12 unchanged, 18 added")

    def test_what_half_an_account_has_left_is_not_there_twice(self) -> None:
        host = self.server.server.hosts[CAPULET].local
        real = host.accounts.create
        self.patch(host.accounts, "create", lambda account: fail(StorageError("disk full")))
        said = self.refused("import", file=self.file(everything()))
        self.assertEqual(said, "disk full (nothing was imported; run it again to go on)")
        self.assertEqual(self.server.users(), {})
        self.patch(host.accounts, "create", real)
        self.assertEqual(self.take(everything()), report(ALL, added=1))
        self.assertEqual(len(self.server.users()["juliet"].messages), 3)

    def test_somebody_registers_the_name_meanwhile(self) -> None:
        host = self.server.server.hosts[CAPULET].local
        real = host.accounts.create

        def create(account: Account) -> Deferred[Ticket]:
            self.server.end(real(Account("juliet", skeleton("juliet"), keys("mine"), 1.0)))
            return fail(AccountExists("juliet"))

        self.patch(host.accounts, "create", create)
        result = self.take(everything())
        said = "juliet@capulet.example: not imported, it was made by others meanwhile"
        self.assertEqual(result, report(failed=1, errors=(said,)))
        found = self.server.users()["juliet"]
        self.assertEqual(
            (found.keys, found.roster, found.messages, found.vcard, found.private, found.last),
            (keys("mine"), (), (), None, (), None),
        )

    def loses(self, first: int, last: int = 1_000) -> None:
        """Have the writes with these numbers, from 1 on, fail."""
        host = self.server.server.hosts[CAPULET].local
        real, numbers = host.committed, count(1)

        def committed(ticket: Ticket) -> Deferred[None]:
            return fail(StorageError("lost")) if first <= next(numbers) <= last else real(ticket)

        self.patch(host, "committed", committed)

    def test_what_is_on_disk_is_told(self) -> None:
        """Each account is three writes; after each other one it is waited for them."""
        self.patch(incoming, "WRITES_AT_ONCE", 6)
        for first, told in (
            (1, "nothing was imported"),
            (6, "nothing was imported"),
            (7, "accounts: 2 added"),
            (12, "accounts: 2 added"),
            (13, "accounts: 4 added"),
        ):
            self.server = Movers()
            self.loses(first)
            users = [User(f"u{number}", keys=keys()) for number in range(30)]
            said = self.refused("import", file=self.file(*users))
            self.assertEqual(said, f"lost ({told}; run it again to go on)")

    def test_nothing_is_made_of_what_is_lost(self) -> None:
        """An account without its data would count as complete."""
        self.loses(2, 2)
        said = self.refused("import", file=self.file(everything()))
        self.assertEqual(said, "lost (nothing was imported; run it again to go on)")
        self.assertEqual(self.server.users(), {})

    def test_others_get_their_turn(self) -> None:
        turns: list[float] = []

        def later(clock: IReactorTime, delay: float) -> Deferred[None]:
            turns.append(delay)
            return deferLater(clock, delay)

        self.patch(importer, "deferLater", later)
        self.take(*(User(f"u{number}", keys=keys()) for number in range(100)))
        self.assertEqual(turns, [0] * 10)


class Stopper(list[str]):
    """Lines about progress, of which one too many is refused."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def append(self, line: str) -> None:
        super().append(line)
        if len(self) >= self._most:
            raise CommandError("stop")


class FileTests(Moving):
    """Files that are written."""

    def test_only_the_owner_may_read(self) -> None:
        self.take(everything())
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        self.export()
        self.assertEqual((self.folder / "out.xml").stat().st_mode & 0o777, 0o600)
        self.assertEqual(sorted(os.listdir(self.folder)), ["in.xml", "out.xml"])

    def test_nothing_is_overwritten_unasked(self) -> None:
        path = self.folder / "out.xml"
        path.write_text("precious")
        said = self.refused("export", host=CAPULET, file=str(path))
        self.assertEqual(said, f"{path}: is there already; --overwrite replaces it")
        self.assertEqual(path.read_text(), "precious")
        self.assertIn(b"<server-data", self.export(overwrite=True))
        path.unlink()
        path.symlink_to(self.folder / "gone")
        for overwrite in (False, True):
            for there in (path, self.folder, Path("/dev/null")):
                said = self.refused("export", host=CAPULET, file=str(there), overwrite=overwrite)
                self.assertEqual(said, f"{there}: is there, and no plain file")

    def test_somebody_takes_the_name_meanwhile(self) -> None:
        self.take(User("x", keys=keys()))
        path = self.folder / "out.xml"
        host = self.server.server.hosts[CAPULET].local
        real = host.accounts.get

        def get(name: str) -> Deferred[Account | None]:
            path.write_text("precious")
            return real(name)

        self.patch(host.accounts, "get", get)
        said = self.refused("export", host=CAPULET, file=str(path))
        self.assertEqual(said, f"{path}: is there already; --overwrite replaces it")
        self.assertEqual(path.read_text(), "precious")
        self.assertEqual(sorted(os.listdir(self.folder)), ["in.xml", "out.xml"])

    def test_what_cannot_be_written(self) -> None:
        path = self.folder / "gone" / "out.xml"
        said = self.refused("export", host=CAPULET, file=str(path))
        self.assertEqual(said, f"{path}: cannot be written (No such file or directory)")

    def test_a_failure_leaves_no_file(self) -> None:
        self.take(User("x", keys=keys()))
        host = self.server.server.hosts[CAPULET].local
        self.patch(host.accounts, "get", lambda name: fail(StorageError("damaged")))
        path = self.folder / "out.xml"
        self.assertEqual(self.refused("export", host=CAPULET, file=str(path)), "damaged")
        self.assertEqual(os.listdir(self.folder), ["in.xml"])

    def test_an_account_deleted_meanwhile_is_left_out(self) -> None:
        self.take(User("x", keys=keys()), User("y", keys=keys()))
        host = self.server.server.hosts[CAPULET].local
        real = host.accounts.get
        self.patch(host.accounts, "get", lambda name: real("gone" if name == "x" else name))
        self.assertNotIn(b'name="x"', self.export())

    def test_an_account_that_cannot_be_written_is_left_out(self) -> None:
        item = RosterItem(JID.parse("a@b.example"), "\x01", listed=True)
        self.take(User("y", keys=keys()))
        roster = self.server.server.hosts[CAPULET].local.find(IRoster)
        assert roster is not None
        self.server.wait(roster.change("y", item.jid, lambda _: item))
        path = self.folder / "out.xml"
        result = self.server.move("export", host=CAPULET, file=str(path))
        note = "y@capulet.example: left out altogether: U+0001 cannot be written in XML"
        self.assertEqual((result.accounts, result.notes), (0, (note,)))

    def test_arguments(self) -> None:
        table: list[tuple[str, dict[str, str], str]] = [
            ("export", {"host": CAPULET, "file": "out.xml"}, "give the whole path, from / on"),
            ("export", {"host": CAPULET, "file": "/a\0b"}, "give the whole path, from / on"),
            ("export", {"host": "b.example", "file": "/x"}, "b.example is not served here; hosts:"),
            ("export", {"host": "a b", "file": "/x"}, "domainpart"),
            ("import", {"file": "in.xml"}, "give the whole path"),
            ("import", {"file": "/nowhere.xml"}, "/nowhere.xml: is not there"),
            ("import prosody", {"directory": "/nowhere"}, "/nowhere: cannot be read"),
            ("import ejabberd", {"path": str(self.folder)}, "there is no export of ejabberd"),
        ]
        for command, arguments, said in table:
            with self.subTest(arguments=arguments):
                self.assertIn(said, self.refused(command, **arguments))

    def test_progress(self) -> None:
        self.take(*(User(f"u{number}", keys=keys()) for number in range(3)))
        self.patch(exporter, "PROGRESS_SECONDS", -1.0)
        self.export()
        self.assertEqual(self.server.told[-1], "3 accounts written")


class ManyTests(Moving):
    """20,000 accounts."""

    def test_memory_is_bounded(self) -> None:
        accounts = self.server.server.hosts[CAPULET].local.accounts
        made = keys()
        for number in range(MANY):
            accounts.create(Account(f"u{number}", f"u{number}", made, 0.0))
        self.server.clock.advance(0)
        tracemalloc.start()
        try:
            self.server.move("export", host=CAPULET, file=str(self.folder / "out.xml"))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertLess(peak, ROOM)
        with (self.folder / "out.xml").open() as file:
            self.assertEqual(sum(line.startswith("<user ") for line in file), MANY)
