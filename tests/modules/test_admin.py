"""Service Administration (XEP-0133): commands of a server, run by a client."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.server.house import House, switched_off
from xmppd.api.auth import IPasswords
from xmppd.api.commands import Argument, Command, CommandError, IAdministration
from xmppd.api.registrations import Provide
from xmppd.modules.admin import Admin
from xmppd.modules.commands import AdHocCommands
from xmppd.modules.disco import Disco
from xmppd.server.config import HostConfig
from xmppd.stanza.forms import Field, FieldType, Form, FormType, form_in
from xmppd.stanza.jid import JID
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession
from xmppd.wire.document import parse_document
from xmppd.wire.element import Element
from xmppd.wire.namespaces import ADMIN, COMMANDS, DISCO_ITEMS, ROSTER, STANZA_ERRORS

HERE = "example.org"
BOSS = "boss@example.org"
STANDARD = (
    "add-user",
    "delete-user",
    "disable-user",
    "reenable-user",
    "end-user-session",
    "change-user-password",
    "get-user-roster",
    "get-registered-users-num",
    "get-online-users-num",
    "get-registered-users-list",
    "get-online-users-list",
    "announce",
)


class Clerk:
    """A client that runs commands."""

    def __init__(self, session: FakeSession, host: str = HERE) -> None:
        self.session = session
        self.host = host

    def iq(self, type: str, payload: str) -> Element:
        """Send a request and return the payload of the answer, or the error."""
        self.session.sends(f"<iq type='{type}' id='1' to='{self.host}'>{payload}</iq>")
        text = self.session.take()[-1]
        answer = parse_document(text.encode()).child()
        assert answer is not None
        return answer

    def nodes(self) -> list[str]:
        """Return the nodes of the commands shown."""
        query = self.iq("get", f"<query xmlns='{DISCO_ITEMS}' node='{COMMANDS}'/>")
        return [item.attrs["node"] for item in query.elements("item")]

    def begin(self, node: str) -> Element:
        return self.iq("set", f"<command xmlns='{COMMANDS}' node='{node}'/>")

    def submit(self, begun: Element, given: Mapping[str, str | tuple[str, ...]]) -> Element:
        """Fill in the form of a command that has begun and complete it."""
        attrs = f"node='{begun.attrs['node']}' sessionid='{begun.attrs['sessionid']}'"
        fields = "".join(
            f"<field var='{var}'>{''.join(f'<value>{value}</value>' for value in _each(values))}"
            "</field>"
            for var, values in given.items()
        )
        form = f"<x xmlns='jabber:x:data' type='submit'>{fields}</x>"
        command = f"<command xmlns='{COMMANDS}' action='complete' {attrs}>{form}</command>"
        return self.iq("set", command)

    def run(self, node: str, **given: str | tuple[str, ...]) -> Element:
        """Run a command of XEP-0133."""
        names = {var.replace("_verify", "-verify"): value for var, value in given.items()}
        return self.submit(self.begin(f"{ADMIN}#{node}"), names)


def _each(values: str | tuple[str, ...]) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else values


def notes(command: Element) -> list[tuple[str, str]]:
    """Return the notes of a command that has ended, which has to be so."""
    assert command.attrs["status"] == "completed", command.attrs
    return [(note.attrs["type"], note.text) for note in command.elements("note", COMMANDS)]


def shown(command: Element) -> Form:
    """Return the form in a `<command/>`."""
    form = form_in(command)
    assert form is not None
    return form


def values(command: Element, var: str) -> tuple[str, ...]:
    """Return the values of a field of the form shown."""
    found = shown(command).field(var)
    assert found is not None
    return found.values


class ServerCase(SynchronousTestCase):
    """A server of two hosts; the boss administers the first one."""

    def setUp(self) -> None:
        self.house = House(
            HostConfig(HERE, admins=(BOSS, "other@example.net")), HostConfig("example.net")
        )
        for address in (BOSS, "juliet@example.org", "tybalt@example.net"):
            self.house.run("user add", address=address, password="pencil")
        self.boss = Clerk(self.house.login(f"{BOSS}/office"))

    def check_password(self, name: str, password: str) -> bool:
        passwords = self.house.server.hosts[HERE].passwords
        return self.successResultOf(passwords.check_password(name, password))

    def exists(self, name: str) -> bool:
        accounts = self.house.server.hosts[HERE].local.accounts
        return self.successResultOf(accounts.get(name)) is not None


class WhoTests(ServerCase):
    """The administrators named in the configuration, and nobody else."""

    def test_what_they_see(self) -> None:
        nodes = self.boss.nodes()
        self.assertEqual([f"{ADMIN}#{node}" for node in STANDARD], nodes[: len(STANDARD)])
        for node in ("xmppd/status", "xmppd/user-list", "xmppd/session-list"):
            self.assertIn(node, nodes)
        for node in ("xmppd/user-add", "xmppd/announce", "xmppd/session-kick"):
            self.assertNotIn(node, nodes)

    def test_all_others(self) -> None:
        for address in ("juliet@example.org/x", "boss@example.net/x", "tybalt@example.net/x"):
            clerk = Clerk(self.house.login(address))
            self.assertEqual([], clerk.nodes())
            for node in (f"{ADMIN}#delete-user", f"{ADMIN}#get-online-users-num", "xmppd/status"):
                error = clerk.begin(node)
                self.assertIsNotNone(error.child("forbidden", STANZA_ERRORS), node)

    def test_those_of_another_host(self) -> None:
        self.assertIn("xmppd/status", Clerk(self.house.login("other@example.net/x")).nodes())

    def test_hosts_without_administrators(self) -> None:
        clerk = Clerk(self.boss.session, "example.net")
        self.assertEqual([], clerk.nodes())
        self.assertIsNotNone(clerk.begin("xmppd/status").child("item-not-found", STANZA_ERRORS))

    def test_they_reach_no_other_host(self) -> None:
        house = self.house.login("tybalt@example.net/street")
        served = "example.net is not served here; hosts: example.org"
        for node in ("delete-user", "disable-user", "reenable-user", "get-user-roster"):
            done = self.boss.run(node, accountjids="tybalt@example.net")
            self.assertEqual([("error", served)], notes(done), node)
        for node in ("add-user", "change-user-password"):
            done = self.boss.run(node, accountjid="tybalt@example.net", password="x")
            self.assertEqual([("error", served)], notes(done), node)
        done = self.boss.run("end-user-session", accountjids="tybalt@example.net")
        self.assertEqual([("error", "tybalt@example.net has no session here")], notes(done))
        self.boss.run("announce", announcement="Fire!")
        listed = self.boss.run("get-online-users-list")
        self.assertEqual((BOSS,), values(listed, "onlineuserjids"))
        self.assertEqual((HERE,), values(self.boss.begin("xmppd/status"), "hosts"))
        self.assertEqual([], house.take())
        self.assertEqual("", house.closed_with)

    def test_switched_off(self) -> None:
        hosts = (HostConfig(HERE, admins=(BOSS,), modules=switched_off("admin")),)
        clerk = Clerk(House(*hosts).login(f"{BOSS}/office"))
        self.assertEqual([], clerk.nodes())


class StandardTests(ServerCase):
    """The commands XEP-0133 has."""

    def test_forms(self) -> None:
        """Their fields and FORM_TYPE are those registered (XEP-0133 section 8.2)."""
        account = [("accountjid", "jid-single", True)]
        accounts = [("accountjids", "jid-multi", True)]
        password = ("password", "text-private", True)
        items = [("max_items", "list-single", False)]
        table = {
            "add-user": [*account, password, ("password-verify", "text-private", False)],
            "delete-user": accounts,
            "disable-user": accounts,
            "reenable-user": accounts,
            "end-user-session": accounts,
            "change-user-password": [*account, password],
            "get-user-roster": accounts,
            "get-registered-users-list": items,
            "get-online-users-list": items,
            "announce": [("announcement", "text-multi", True)],
        }
        for node, expected in table.items():
            begun = self.boss.begin(f"{ADMIN}#{node}")
            self.assertEqual("executing", begun.attrs["status"])
            form = shown(begun)
            self.assertEqual(ADMIN, form.form_type)
            fields = [(each.var, each.type, each.required) for each in form.fields[1:]]
            self.assertEqual(expected, fields, node)

    def test_add_user(self) -> None:
        given = {"accountjid": "Nurse@example.org", "password": "angelica"}
        done = self.boss.run("add-user", **given, password_verify="angelica")
        told = [("info", "address: nurse@example.org, change: added")]
        self.assertEqual(told, notes(done))
        self.assertTrue(self.check_password("nurse", "angelica"))

    def test_add_user_of_a_name_that_is_taken(self) -> None:
        """That is an error stanza (section 5), and the form can be sent again."""
        begun = self.boss.begin(f"{ADMIN}#add-user")
        given = {"accountjid": "juliet@example.org", "password": "angelica"}
        error = self.boss.submit(begun, given)
        self.assertEqual("cancel", error.attrs["type"])
        self.assertIsNotNone(error.child("conflict", STANZA_ERRORS))
        done = self.boss.submit(begun, {**given, "accountjid": "nurse@example.org"})
        self.assertEqual([("info", "address: nurse@example.org, change: added")], notes(done))

    def test_passwords_that_are_kept_elsewhere(self) -> None:
        """Nobody can set them here (section 5)."""
        host = self.house.server.hosts[HERE].local
        find = host.find
        self.patch(host, "find", lambda each: None if each is IPasswords else find(each))
        error = self.boss.run("change-user-password", accountjid=BOSS, password="pen")
        self.assertIsNotNone(error.child("not-allowed", STANZA_ERRORS))
        self.assertEqual("cancel", error.attrs["type"])

    def test_add_user_with_a_slip(self) -> None:
        begun = self.boss.begin(f"{ADMIN}#add-user")
        given = {"accountjid": "nurse@example.org", "password": "angelica"}
        error = self.boss.submit(begun, {**given, "password-verify": "angelika"})
        self.assertIsNotNone(error.child("bad-payload", COMMANDS))
        self.assertFalse(self.exists("nurse"))
        done = self.boss.submit(begun, {**given, "password-verify": "angelica"})
        self.assertEqual("info", notes(done)[0][0])

    def test_delete_users(self) -> None:
        """Nothing happens before the form has come back; each is told by itself."""
        juliet = self.house.login("juliet@example.org/balcony")
        begun = self.boss.begin(f"{ADMIN}#delete-user")
        self.assertTrue(self.exists("juliet"))
        both = ("juliet@example.org", "nobody@example.org")
        done = self.boss.submit(begun, {"accountjids": both})
        expected = [
            ("info", "address: juliet@example.org, change: deleted"),
            ("error", "there is no account nobody@example.org"),
        ]
        self.assertEqual(expected, notes(done))
        self.assertFalse(self.exists("juliet"))
        self.assertEqual("not-authorized", juliet.closed_with)

    def test_disable_and_enable(self) -> None:
        juliet = self.house.login("juliet@example.org/balcony")
        done = self.boss.run("disable-user", accountjids="juliet@example.org")
        self.assertEqual([("info", "address: juliet@example.org, change: disabled")], notes(done))
        self.assertEqual("not-authorized", juliet.closed_with)
        done = self.boss.run("reenable-user", accountjids="juliet@example.org")
        self.assertEqual([("info", "address: juliet@example.org, change: enabled")], notes(done))

    def test_change_password(self) -> None:
        done = self.boss.run(
            "change-user-password", accountjid="juliet@example.org", password="angelica"
        )
        self.assertEqual("info", notes(done)[0][0])
        self.assertTrue(self.check_password("juliet", "angelica"))

    def test_end_sessions(self) -> None:
        balcony, chamber, garden = (
            self.house.login(f"juliet@example.org/{place}")
            for place in ("balcony", "chamber", "garden")
        )
        self.boss.run("end-user-session", accountjids="juliet@example.org/chamber")
        self.assertEqual("policy-violation", chamber.closed_with)
        self.assertEqual("", balcony.closed_with)
        done = self.boss.run("end-user-session", accountjids="juliet@example.org")
        told = "address: juliet@example.org/balcony; address: juliet@example.org/garden"
        self.assertEqual([("info", told)], notes(done))
        self.assertEqual("policy-violation", garden.closed_with)

    def test_roster(self) -> None:
        juliet = self.house.login("juliet@example.org/balcony")
        juliet.sends(
            f"<iq type='set' id='1'><query xmlns='{ROSTER}'><item jid='romeo@example.com' "
            "name='Romeo'><group>Friends</group><group>Lovers</group></item></query></iq>"
            f"<iq type='set' id='2'><query xmlns='{ROSTER}'><item jid='nurse@example.org'/>"
            "</query></iq><presence type='subscribe' to='nurse@example.org'/>"
        )
        done = self.boss.run("get-user-roster", accountjids="juliet@example.org")
        self.assertEqual(("juliet@example.org",), values(done, "accountjids"))
        form = done.child("x")
        assert form is not None
        query = form.child("query", ROSTER)
        assert query is not None
        nurse, romeo = query.elements("item")
        ask = {"jid": "nurse@example.org", "subscription": "none", "ask": "subscribe"}
        self.assertEqual(ask, nurse.attrs)
        self.assertEqual(
            {"jid": "romeo@example.com", "subscription": "none", "name": "Romeo"}, romeo.attrs
        )
        self.assertEqual(["Friends", "Lovers"], [group.text for group in romeo.elements("group")])

    def test_roster_refused(self) -> None:
        done = self.boss.run("get-user-roster", accountjids="nobody@example.org")
        self.assertEqual([("error", "there is no account nobody@example.org")], notes(done))
        self.assertIsNone(form_in(done))
        error = self.boss.run("get-user-roster", accountjids=("a@example.org", "b@example.org"))
        self.assertIsNotNone(error.child("bad-payload", COMMANDS))

    def test_counts_and_lists(self) -> None:
        for place in ("balcony", "chamber"):
            self.house.login(f"juliet@example.org/{place}")
        counted = self.boss.begin(f"{ADMIN}#get-registered-users-num")
        self.assertEqual("completed", counted.attrs["status"])
        self.assertEqual(("2",), values(counted, "registeredusersnum"))
        counted = self.boss.begin(f"{ADMIN}#get-online-users-num")
        self.assertEqual(("2",), values(counted, "onlineusersnum"))
        for given in ({}, {"max_items": "none"}, {"max_items": "25"}):
            listed = self.boss.run("get-registered-users-list", **given)
            both = (BOSS, "juliet@example.org")
            self.assertEqual(both, values(listed, "registereduserjids"))
            listed = self.boss.run("get-online-users-list", **given)
            self.assertEqual(both, values(listed, "onlineuserjids"))
        error = self.boss.run("get-online-users-list", max_items="1000000")
        self.assertIsNotNone(error.child("bad-payload", COMMANDS))

    def test_announce(self) -> None:
        juliet = self.house.login("juliet@example.org/balcony")
        done = self.boss.run("announce", announcement=("Going down", "in 2 minutes."))
        self.assertEqual([("info", "sessions: 2")], notes(done))
        juliet.receives(
            f"<message from='{HERE}' to='juliet@example.org/balcony' type='headline'>"
            "<body>Going down\nin 2 minutes.</body></message>"
        )

    def test_what_is_logged(self) -> None:
        """Who did what, and no password."""
        with capturedLogs() as events:
            self.boss.run(
                "change-user-password", accountjid="juliet@example.org", password="angelica"
            )
        lines = [event for event in events if event.get("what")]
        self.assertEqual([f"{BOSS}/office"], [event["who"] for event in lines])
        self.assertEqual(["user password"], [event["what"] for event in lines])
        self.assertNotIn("angelica", repr(events))


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a result."""

    name: str
    is_small: bool
    parts: tuple[str, ...] = ()
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Everything:
    """A result with all kinds of fields."""

    given: Mapping[str, str]
    parts: tuple[str, ...]
    ready: bool
    nothing: str | None = None


def everything(**given: Any) -> Everything:
    told = {name: repr(value) for name, value in given.items()}
    return Everything(told, ("a", "b"), True)


def refuse() -> Everything:
    raise CommandError("not today")


@implementer(IAdministration)
class Commands:
    """Commands of all shapes."""

    admins = frozenset({JID.parse(BOSS)})
    everywhere = admins

    def commands(self) -> tuple[Command, ...]:
        return (
            Command(
                "acme try",
                "Try everything.",
                everything,
                Everything,
                (
                    Argument("word", "a word"),
                    Argument("count", "a number", int, False, 7),
                    Argument("share", "a part", float, False),
                    Argument("loud", "whether to shout", bool, False, False),
                    Argument("password", "a secret", str, False, "usual", secret=True),
                    Argument("host", "the host", required=False),
                ),
            ),
            Command("acme rows", "List.", lambda: [Row("a", True, ("x", "y"))], list[Row]),
            Command("acme none", "List none.", list, list[Row], harmless=True),
            Command("acme refuse", "Refuse.", refuse, Everything, harmless=True),
        )


class OtherCommandsTests(SynchronousTestCase):
    """Forms and results made of records."""

    def setUp(self) -> None:
        self.host = FakeHost()
        for feature in (Disco, AdHocCommands, Admin):
            self.host.load(feature)
        self.boss = Clerk(self.host.login("boss/office"))

    def load(self) -> None:
        self.host.install("server", [Provide(IAdministration, Commands())])

    def test_without_a_server_behind(self) -> None:
        self.assertEqual([], self.boss.nodes())

    def test_list(self) -> None:
        self.load()
        names = ("try", "rows", "none", "refuse")
        self.assertEqual([f"xmppd/acme-{name}" for name in names], self.boss.nodes())

    def test_form(self) -> None:
        self.load()
        form = shown(self.boss.begin("xmppd/acme-try"))
        self.assertEqual(("Try everything", ""), (form.title, form.form_type))
        expected = (
            Field("word", FieldType.TEXT_SINGLE, "a word", required=True),
            Field("count", FieldType.TEXT_SINGLE, "a number", values=("7",)),
            Field("share", FieldType.TEXT_SINGLE, "a part"),
            Field("loud", FieldType.BOOLEAN, "whether to shout", values=("0",)),
            Field("password", FieldType.TEXT_PRIVATE, "a secret"),
        )
        self.assertEqual(expected, form.fields)

    def test_arguments(self) -> None:
        self.load()
        whole = {"word": "x", "count": "-3", "share": "0.5", "loud": "1", "password": "p"}
        defaults = ["word: 'x'", "count: 7", "share: None", "loud: False", "password: 'usual'"]
        table: list[tuple[dict[str, str], list[str]]] = [
            (
                whole,
                ["word: 'x'", "count: -3", "share: 0.5", "loud: True", "password: 'p'"],
            ),
            ({"word": "x"}, defaults),
            ({"word": "x", "count": "", "share": "", "loud": "", "password": ""}, defaults),
        ]
        for given, expected in table:
            done = self.boss.submit(self.boss.begin("xmppd/acme-try"), given)
            told = values(done, "given")
            self.assertEqual(sorted([*expected, "host: None"]), sorted(told))

    def test_arguments_refused(self) -> None:
        self.load()
        begun = self.boss.begin("xmppd/acme-try")
        for given in (
            {},
            {"word": "x", "count": "many"},
            {"word": "x", "share": "half"},
            {"word": "x", "share": "nan"},
            {"word": "x", "loud": "very"},
        ):
            error = self.boss.submit(begun, given)
            self.assertIsNotNone(error.child("bad-payload", COMMANDS), given)

    def test_a_record(self) -> None:
        self.load()
        begun = self.boss.begin("xmppd/acme-try")
        form = shown(self.boss.submit(begun, {"word": "x"}))
        self.assertEqual((FormType.RESULT, "Try everything"), (form.type, form.title))
        expected = (
            Field("parts", FieldType.TEXT_MULTI, "parts", values=("a", "b")),
            Field("ready", FieldType.TEXT_SINGLE, "ready", values=("1",)),
            Field("nothing", FieldType.TEXT_SINGLE, "nothing"),
        )
        self.assertEqual(expected, form.fields[1:])

    def test_rows(self) -> None:
        """What is not known to be harmless waits for a yes."""
        self.load()
        begun = self.boss.begin("xmppd/acme-rows")
        self.assertEqual("executing", begun.attrs["status"])
        form = shown(self.boss.submit(begun, {}))
        assert form.reported is not None
        columns = [(each.var, each.type, each.label) for each in form.reported]
        expected = [
            ("name", "text-single", "name"),
            ("is_small", "boolean", "is small"),
            ("parts", "text-multi", "parts"),
            ("weight", "text-single", "weight"),
        ]
        self.assertEqual(expected, columns)
        [row] = form.items
        self.assertEqual([("a",), ("1",), ("x", "y"), ()], [each.values for each in row])

    def test_no_rows(self) -> None:
        self.load()
        form = shown(self.boss.begin("xmppd/acme-none"))
        assert form.reported is not None
        self.assertEqual((4, ()), (len(form.reported), form.items))

    def test_refused(self) -> None:
        self.load()
        self.assertEqual([("error", "not today")], notes(self.boss.begin("xmppd/acme-refuse")))
