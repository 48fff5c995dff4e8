"""Prosody's data directory: a real one, and damaged ones."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.server.portable.houses import CAPULET, MONTAGUE, PROSODY, keys
from xmppd.server.portable import prosody
from xmppd.server.portable.prosody import ProsodyData
from xmppd.server.portable.users import write_user
from xmppd.server.portable.values import Found, LastSeen, SourceError, Trouble, User
from xmppd.stanza.jid import JID
from xmppd.stanza.subscription import Subscription
from xmppd.wire.document import parse_document
from xmppd.wire.element import Element
from xmppd.wire.serializer import serialize


def found_in(path: Path) -> dict[str, User]:
    """Return the users of a directory by address."""
    found = {}
    for each in ProsodyData(path):
        assert isinstance(each, Found), each
        found[f"{each.user.name}@{each.domain}"] = each.user
    return found


class SampleTests(SynchronousTestCase):
    """What Prosody 0.12.3 wrote of accounts that slixmpp had filled."""

    def setUp(self) -> None:
        self.users = found_in(PROSODY)

    def test_users(self) -> None:
        names = [f"juliet@{CAPULET}", f"nurse@{CAPULET}", f"romeo@{MONTAGUE}"]
        self.assertEqual(list(self.users), names)
        self.assertEqual([user.left_out for user in self.users.values()], [()] * 3)

    def test_credentials(self) -> None:
        self.assertEqual(self.users[f"romeo@{MONTAGUE}"].password, "pencil")
        (found,) = self.users[f"juliet@{CAPULET}"].keys.items()
        hash, scram = found
        self.assertEqual((hash, scram.iterations), ("SHA-1", 10_000))
        self.assertEqual(scram.salt, b"18709d7b-d1ad-4409-8163-a6178128fc88")
        self.assertEqual(scram.stored_key.hex(), "5fac65021563bc5e09fc1f0729ac72f71e984fee")

    def test_roster(self) -> None:
        rows = [
            (str(item.jid), item.name, item.groups, item.subscription, item.approved)
            for item in self.users[f"juliet@{CAPULET}"].roster
        ]
        self.assertEqual(
            rows,
            [
                ("conference.example", "a service", (), Subscription.NONE, False),
                ("mercutio@elsewhere.example", "", (), Subscription.NONE_OUT, False),
                ("nurse@capulet.example", "", (), Subscription.FROM, True),
                (
                    "romeo@montague.example",
                    'Römeo & "Co"',
                    ("Friends", "Verona 'x'"),
                    Subscription.FROM_OUT,
                    False,
                ),
            ],
        )

    def test_a_request(self) -> None:
        (item,) = self.users[f"romeo@{MONTAGUE}"].roster
        self.assertIs(item.subscription, Subscription.TO_IN)
        self.assertIn(b'id="c910f8e342e743d691203ec51f9afb4d"', item.request)

    def test_messages(self) -> None:
        first, second, third = self.users[f"juliet@{CAPULET}"].messages
        self.assertEqual(
            bytes(first.stanza),
            b'<message from="nurse@capulet.example/kitchen" to="juliet@capulet.example" '
            b'type="chat" id="m1" xml:lang="it"><body>first &lt;one&gt;\nline "two"</body>'
            b"<thread>t</thread></message>",
        )
        self.assertIn(b'<p style="a:b">sec<b>ond</b></p>', bytes(second.stanza))
        self.assertEqual(third.stanza.type, "")
        self.assertEqual({each.when for each in (first, second, third)}, {1795375907.0})

    def test_the_rest(self) -> None:
        juliet = self.users[f"juliet@{CAPULET}"]
        vcard = (
            '<vCard xmlns="vcard-temp"><FN>Juliet Capulet</FN><PHOTO><TYPE>image/png</TYPE>'
            '<BINVAL>AAAA</BINVAL></PHOTO><DESC>a&lt;b&gt;\n\tc\\d "e" ü</DESC></vCard>'
        )
        self.assertEqual(juliet.vcard, parse_document(vcard.encode()))
        private = [
            '<exodus xmlns="exodus:prefs"><defaultnick>J</defaultnick></exodus>',
            '<storage xmlns="storage:bookmarks" xml:lang="en"><conference jid="a@b.example" '
            'autojoin="1" name="x"><nick>Jules</nick></conference></storage>',
        ]
        self.assertEqual([serialize(each).decode() for each in juliet.private], private)
        blocked = ["spam.example", "tybalt@capulet.example"]
        self.assertEqual([str(jid) for jid in juliet.blocked], blocked)


class MadeTests(SynchronousTestCase):
    """Directories made for the occasion."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.host = self.folder / "a%2eexample"
        self.write("accounts/x.dat", '{["password"]="p"}')

    def write(self, name: str, value: str = "{}") -> Path:
        path = self.host / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value if name.endswith(".list") else f"return {value};\n")
        return path

    def user(self) -> User:
        return found_in(self.folder)["x@a.example"]

    def said(self) -> list[str]:
        return [
            each.text.replace(str(self.folder), "")
            for each in ProsodyData(self.folder)
            if isinstance(each, Trouble)
        ]

    def test_names(self) -> None:
        self.write("accounts/J%c3%bcl%2d%5f.dat")
        self.write("accounts/y.dat~")
        self.write("accounts/notes.txt")
        self.assertEqual(list(found_in(self.folder)), ["Jül-_@a.example", "x@a.example"])

    def test_names_that_are_none(self) -> None:
        self.write("accounts/a%20b.dat")
        self.write("accounts/%ff.dat")
        (self.folder / "%ff%2e").mkdir()
        (self.folder / "a%2e%2eb").mkdir()
        said = self.said()
        self.assertEqual(said[:2], ["/%ff%2e: its name is that of no domain", said[1]])
        self.assertEqual([text.partition(":")[0] for text in said[2:]], ["/a%2eexample"] * 2)

    def test_what_has_no_place(self) -> None:
        for name in ("pep/x.dat", "pep_urn%3ax/x.list", "pep_y/x.list", "archive/x.list"):
            self.write(name)
        self.write("activity/x.dat")
        self.write("top.dat")
        self.assertEqual(
            self.said(),
            [
                "a.example: the store archive (1 files) is not known here",
                "a.example: the store pep (3 files) is not known here",
            ],
        )

    def test_users_without_accounts(self) -> None:
        self.write("accounts/x.dat").unlink()
        (self.host / "accounts").rmdir()
        self.write("roster/y.dat")
        self.write("offline/z.list", "")
        self.assertEqual(list(found_in(self.folder)), ["y@a.example", "z@a.example"])

    def test_keys(self) -> None:
        made = keys("pencil", "SHA-256")["SHA-256"]
        row = (
            f'["salt"]="salt";["iteration_count"]=4096;["stored_key"]="{made.stored_key.hex()}";'
            f'["server_key"]="{made.server_key.hex()}"'
        )
        self.write("accounts/x.dat", f"{{{row};created=12}}")
        self.assertEqual((self.user().keys, self.user().created), ({"SHA-256": made}, 12.0))
        table = [
            row.replace("4096", "100"),
            row.replace("4096", "20000000"),
            row.replace("4096", '"x"'),
            row.replace('"salt";', '"";'),
            row.replace(made.server_key.hex(), "00"),
            row.replace(made.stored_key.hex(), "00"),
            row.replace(made.stored_key.hex(), "xyz"),
            row.replace('["server_key"]', "other"),
        ]
        for damaged in table:
            with self.subTest(damaged=damaged):
                self.write("accounts/x.dat", f"{{{damaged}}}")
                user = self.user()
                self.assertEqual((user.keys, user.left_out), ({}, ("damaged or weak keys",)))

    def test_disabled(self) -> None:
        self.write("accounts/x.dat", "{disabled=true}")
        self.assertTrue(self.user().disabled)

    def test_a_damaged_account_is_no_account(self) -> None:
        self.write("accounts/x.dat", "{")
        (said,) = self.said()
        self.assertIn("the user in x.dat cannot be read: ", said)

    def test_damaged_files(self) -> None:
        for store in ("roster", "vcard", "private", "blocklist", "lastlog"):
            self.write(f"{store}/x.dat", "{oops")
        self.write("offline/x.list", "item(")
        found = self.user()
        self.assertEqual(found.password, "p")
        self.assertEqual(len(found.left_out), 6)
        for said in found.left_out:
            self.assertRegex(said, "^the store [a-z]+, as a file of it is damaged: .* at byte")

    def test_files_that_cannot_be_read(self) -> None:
        (self.host / "vcard" / "x.dat").mkdir(parents=True)
        (said,) = self.user().left_out
        self.assertIn("it cannot be read (Is a directory)", said)

    def test_files_that_are_too_large(self) -> None:
        self.patch(prosody, "MAX_FILE_BYTES", 100)
        self.write("vcard/x.dat", '{name="vCard";"' + "x" * 100 + '"}')
        (said,) = self.user().left_out
        self.assertIn("it is too large", said)

    def test_values_of_other_shapes(self) -> None:
        for store in ("roster", "vcard", "private", "blocklist", "privacy", "lastlog"):
            self.write(f"{store}/x.dat", "12")
        self.write("offline/x.list", "item(1);\n")
        self.assertEqual(
            self.user(), User("x", password="p", left_out=("elements without a name",))
        )

    def test_rosters(self) -> None:
        self.write(
            "roster/x.dat",
            '{[false]={pending={["p@b.example"]=true;["@"]=true;[1]=true;["q@b.example"]='
            '{name="presence";attr={type="subscribe";from="q@b.example/r"}}}};'
            '["a@b.example"]={subscription="both";groups={}};["@"]={subscription="to"};'
            '["c@b.example"]={subscription="odd"};[12]={subscription="to"};'
            '["d@b.example"]={subscription="none";name="\\255"}}',
        )
        found = self.user()
        self.assertEqual(
            [(str(item.jid), item.subscription, item.request) for item in found.roster],
            [
                ("a@b.example", Subscription.BOTH, b""),
                ("p@b.example", Subscription.NONE_IN, found.roster[1].request),
                ("q@b.example", Subscription.NONE_IN, found.roster[2].request),
            ],
        )
        self.assertEqual(
            found.roster[1].request,
            b'<presence from="p@b.example" to="x@a.example" type="subscribe"/>',
        )
        said = (
            "an address that is none",
            "the subscription 'odd'",
            "text that cannot be written in XML",
        )
        self.assertEqual(found.left_out, said)

    def test_requests_where_they_once_were(self) -> None:
        self.write("roster/x.dat", '{pending={["p@b.example"]=true}}')
        (item,) = self.user().roster
        self.assertIs(item.subscription, Subscription.NONE_IN)

    def test_a_contact_called_pending(self) -> None:
        self.write("roster/x.dat", '{pending={subscription="to"}}')
        (item,) = self.user().roster
        self.assertEqual((str(item.jid), item.subscription), ("pending", Subscription.TO))

    def test_messages(self) -> None:
        delay = '{name="delay";attr={xmlns="urn:xmpp:delay";from="a.example";stamp="x"}}'
        attr = 'attr={from="r@b.example";stamp="x";stamp_legacy="y"}'
        self.write(
            "offline/x.list",
            f'item({{name="message";{attr};when=12.5;{delay}}});\nitem({{name="iq";attr={{}}}});\n'
            f'item({{name="message";attr={{}}}});\nitem({{name="message";{attr}}});\n',
        )
        found = self.user()
        self.assertEqual([each.when for each in found.messages], [12.5, None])
        for each in found.messages:
            self.assertEqual(bytes(each.stanza), b'<message from="r@b.example"/>')
        self.assertEqual(found.left_out, ("<iq/> among offline messages", "messages of nobody"))

    def test_elements(self) -> None:
        table = [
            ('{name="a";attr={xmlns="u"}}', Element("a", "u")),
            ('{name="a";attr={xmlns="u"};{name="b"}}', Element("a", "u", {}, [Element("b", "u")])),
            ('{name="a";attr={xmlns="u";["v\\1k"]="1"}}', Element("a", "u", {"{v}k": "1"})),
            ('{name="a";attr={xmlns="u";["v|k"]="1"}}', Element("a", "u", {"{v}k": "1"})),
            ('{name="a";attr={xmlns="u";k=1}}', Element("a", "u")),
        ]
        for value, expected in table:
            with self.subTest(value=value):
                self.write("private/x.dat", f'{{["a:u"]={value}}}')
                self.assertEqual(self.user().private, (expected,))

    def test_old_block_lists(self) -> None:
        rule = '{type="jid";action="deny";value="s@b.example"}'
        lists = f"a={{items={{{rule};{{action='allow'}}}}}};b={{}}"
        self.write("privacy/x.dat", f'{{default="a";lists={{{lists}}}}}')
        found = self.user()
        self.assertEqual(found.blocked, (JID.parse("s@b.example"),))
        self.assertEqual(
            found.left_out,
            (
                "privacy lists that are not the default",
                "rules of privacy lists that do not just block",
            ),
        )
        self.write("blocklist/x.dat", '{["t@b.example"]=true}')
        self.assertEqual(self.user().blocked, (JID.parse("t@b.example"),))

    def test_last_seen(self) -> None:
        for store, value, expected in (
            ("lastlog", '{event="logout";timestamp=12}', LastSeen(12.0)),
            ("lastlog", "{timestamp=true}", None),
            ("lastlog", "{timestamp=1e300}", None),
            ("lastlog2", "{login={timestamp=5};logout={timestamp=7}}", LastSeen(7.0)),
        ):
            with self.subTest(value=value):
                self.write(f"{store}/x.dat", value)
                self.assertEqual(self.user().last, expected)

    def test_what_is_written_of_it(self) -> None:
        self.assertEqual(
            serialize(write_user(self.user(), "a.example")),
            b'<user xmlns="urn:xmpp:pie:0" name="x" password="p"/>',
        )


class OtherDirectoryTests(SynchronousTestCase):
    """Directories that are none of Prosody's."""

    def refused(self, path: Path) -> str:
        return str(self.assertRaises(SourceError, iter, ProsodyData(path)))

    def test_which(self) -> None:
        folder = Path(self.mktemp())
        self.assertIn("cannot be read (No such file", self.refused(folder))
        folder.mkdir()
        self.assertIn("no directory in it is a host's", self.refused(folder))
        (folder / "prosody.sqlite").touch()
        self.assertIn("its data are in SQL", self.refused(folder))
        self.assertIn("Not a directory", self.refused(folder / "prosody.sqlite"))

    def test_a_host_that_cannot_be_read(self) -> None:
        folder = Path(self.mktemp()).resolve()
        (folder / "localhost" / "accounts").mkdir(parents=True)
        real = os.scandir

        def refusing(path: Path) -> object:
            if path.name == "localhost":
                raise PermissionError(13, "Permission denied", str(path))
            return real(path)

        self.patch(os, "scandir", refusing)
        (trouble,) = ProsodyData(folder)
        assert isinstance(trouble, Trouble)
        self.assertTrue(trouble.text.endswith("localhost: cannot be read (Permission denied)"))
