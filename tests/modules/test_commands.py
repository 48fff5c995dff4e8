"""Ad-Hoc Commands (XEP-0050)."""

from collections.abc import Iterable
from functools import partial

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.plays import refusal
from xmppd.api.adhoc import Done, Execution, Level, Note, Outcome, Severity, Stage
from xmppd.api.commands import Command, IAdministration
from xmppd.api.registrations import HOST, OWN_ACCOUNT, AdHoc, AdHocs, Provide
from xmppd.api.storage import KeyValue
from xmppd.modules.commands import MOST_STAGES, AdHocCommands, CommandsSettings
from xmppd.modules.disco import Disco
from xmppd.routing.registry import RegistrationError
from xmppd.stanza.answers import Answers
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.forms import Field, FieldType, Form
from xmppd.stanza.jid import JID
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession
from xmppd.testing.remote import FakeRemote
from xmppd.wire.document import parse_document
from xmppd.wire.element import Element

NS = "http://jabber.org/protocol/commands"
INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"
UNKNOWN = "http://jabber.org/protocol/admin#unknown"
"""What XEP-0133 might have, and this server has not; see its section 5."""
HERE = "example.org"
JULIET = "juliet@example.org"

Someone = FakeSession | FakeRemote


@implementer(IAdministration)
class Administration:
    """Juliet administers; there are no commands."""

    admins = frozenset({JID.parse(JULIET)})
    everywhere = admins

    def commands(self) -> tuple[Command, ...]:
        return ()


def x(*fields: tuple[str, str], type: str = "submit") -> str:
    inner = "".join(f"<field var='{var}'><value>{value}</value></field>" for var, value in fields)
    return f"<x xmlns='jabber:x:data' type='{type}'>{inner}</x>"


def blank(field: str) -> str:
    return f"<x xmlns='jabber:x:data' type='form'><field type='text-single' var='{field}'/></x>"


def ending(done: Done, _execution: Execution) -> Outcome:
    return done


class Wizard:
    """A command of three forms: a name, a colour (where it may end), a size."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.waiting: Deferred[Outcome] | None = None

    def start(self, execution: Execution) -> Outcome:
        self.got.append(f"start {execution.asker} {execution.owner}")
        return Stage(Form.of("", Field("name")), next=self.name)

    def name(self, answers: Answers) -> Outcome:
        self.got.append(answers.text("name"))
        if answers.text("name") == "Iago":
            raise StanzaError("conflict", "not him")
        if answers.text("name") == "Nobody":
            raise StanzaError("not-acceptable", "give a name")
        note = Note("A bold name.", Severity.WARN)
        return Stage(Form.of("", Field("colour")), self.finish, self.colour, (note,))

    def colour(self, answers: Answers) -> Outcome:
        self.got.append(answers.text("colour"))
        size = Field("size", FieldType.BOOLEAN, required=True)
        return Stage(Form.of("", size), self.finish)

    def finish(self, answers: Answers) -> Outcome | Deferred[Outcome]:
        self.got.append(f"finished with {', '.join(answers)}")
        return Done(Form.result("", {"ok": True})) if self.waiting is None else self.waiting


class CommandsCase(SynchronousTestCase):
    """A host with three people, Juliet its administrator, and somebody of another server."""

    settings = CommandsSettings()

    def setUp(self) -> None:
        self.host = FakeHost()
        self.host.load(Disco)
        self.host.load(AdHocCommands, self.settings)
        self.host.install("server", [Provide(IAdministration, Administration())])
        self.juliet = self.host.login("juliet/balcony")
        self.nurse = self.host.login("nurse/kitchen")
        self.romeo = self.host.remote("romeo@example.net/orchard")
        self.wizard = Wizard()

    def offer(self, *commands: AdHoc) -> None:
        self.host.install(f"acme{len(self.host.registry.features)}", commands)

    def ask(
        self, who: Someone, node: str, id: str = "", action: str = "", to: str = HERE, x: str = ""
    ) -> None:
        attrs = "".join(
            f" {name}='{value}'"
            for name, value in (("node", node), ("sessionid", id), ("action", action))
            if value
        )
        who.sends(
            f"<iq type='set' id='1' to='{to}'><command xmlns='{NS}'{attrs}>{x}</command></iq>"
        )

    def assert_answered(
        self, who: Someone, node: str, id: str, status: str, inner: str = "", from_: str = HERE
    ) -> None:
        who.receives(
            f"<iq type='result' id='1' from='{from_}' to='{who.jid}'><command xmlns='{NS}' "
            f"node='{node}' sessionid='{id}' status='{status}' xml:lang='en'>{inner}</command></iq>"
        )

    def assert_refused(
        self, who: Someone, condition: str, detail: str = "", text: str = "", from_: str = HERE
    ) -> None:
        kind = {"forbidden": "auth", "bad-request": "modify", "resource-constraint": "wait"}
        expected = refusal(
            condition,
            id="1",
            from_=from_,
            to=str(who.jid),
            type=kind.get(condition, "cancel"),
            text=text,
        )
        if detail:
            expected = expected.replace("</error>", f"<{detail} xmlns='{NS}'/></error>")
        who.receives(expected)

    def begin(self, who: Someone, node: str = "wizard", to: str = HERE) -> str:
        """Begin a command and return the id of its session."""
        self.ask(who, node, to=to)
        [answer] = who.take()
        command = parse_document(answer.encode()).child()
        assert isinstance(command, Element)
        self.assertEqual(command.attrs["status"], "executing")
        return command.attrs["sessionid"]


class ListTests(CommandsCase):
    """Service discovery (2.1, 2.2)."""

    def setUp(self) -> None:
        super().setUp()
        start = self.wizard.start
        self.offer(
            AdHoc("a", "For admins", start),
            AdHoc("l", "For users", start, Level.LOCAL_USER),
            AdHoc("x", "For all", start, Level.ANYBODY),
            AdHoc("n", "For the nurse", start, lambda jid: jid.localpart == "nurse"),
            AdHoc("o", "For owners", start, Level.LOCAL_USER, OWN_ACCOUNT),
        )

    def assert_shown(self, who: Someone, ns: str, node: str, inner: str, to: str = HERE) -> None:
        who.sends(f"<iq type='get' id='1' to='{to}'><query xmlns='{ns}' node='{node}'/></iq>")
        who.receives(
            f"<iq type='result' id='1' from='{to}' to='{who.jid}'>"
            f"<query xmlns='{ns}' node='{node}'>{inner}</query></iq>"
        )

    def test_everybody_sees_what_they_may_run(self) -> None:
        names = {"a": "For admins", "l": "For users", "x": "For all", "n": "For the nurse"}
        for who, shown in ((self.juliet, "alx"), (self.nurse, "lxn"), (self.romeo, "x")):
            items = "".join(f"<item jid='{HERE}' node='{n}' name='{names[n]}'/>" for n in shown)
            self.assert_shown(who, ITEMS, NS, items)

    def test_own_account(self) -> None:
        nurse = "nurse@example.org"
        item = f"<item jid='{nurse}' node='o' name='For owners'/>"
        self.assert_shown(self.nurse, ITEMS, NS, item, nurse)
        self.assert_shown(
            self.nurse,
            INFO,
            "o",
            "<identity category='automation' type='command-node' name='For owners'/>"
            f"<feature var='{NS}'/><feature var='jabber:x:data'/>",
            nurse,
        )

    def test_what_a_node_is(self) -> None:
        self.assert_shown(
            self.romeo,
            INFO,
            NS,
            f"<identity category='automation' type='command-list'/><feature var='{ITEMS}'/>",
        )
        self.assert_shown(
            self.romeo,
            INFO,
            "x",
            "<identity category='automation' type='command-node' name='For all'/>"
            f"<feature var='{NS}'/><feature var='jabber:x:data'/>",
        )
        self.assert_shown(self.romeo, ITEMS, "x", "")

    def test_nodes_one_may_not_see(self) -> None:
        for ns in (INFO, ITEMS):
            for who, node, condition in (
                (self.romeo, "l", "forbidden"),
                (self.nurse, "a", "forbidden"),
                (self.nurse, "o", "item-not-found"),
                (self.juliet, "z", "item-not-found"),
            ):
                who.sends(
                    f"<iq type='get' id='1' to='{HERE}'><query xmlns='{ns}' node='{node}'/></iq>"
                )
                self.assert_refused(who, condition)

    def test_support_is_told(self) -> None:
        for to in (HERE, "nurse@example.org"):
            self.nurse.sends(f"<iq type='get' id='1' to='{to}'><query xmlns='{INFO}'/></iq>")
            self.assertIn(f'<feature var="{NS}"/>', self.nurse.take()[0])

    def test_commands_known_late(self) -> None:
        """A feature may make its list when it is asked for; what is registered goes first."""
        start = self.wizard.start

        def late() -> Iterable[AdHoc]:
            yield AdHoc("x", "Too late", start, Level.ANYBODY)
            yield AdHoc("y", "Just in time", start, Level.ANYBODY)
            yield AdHoc("o2", "Elsewhere", start, Level.ANYBODY, OWN_ACCOUNT)

        self.host.install("late", [AdHocs(late)])
        self.assert_shown(
            self.romeo,
            ITEMS,
            NS,
            f"<item jid='{HERE}' node='x' name='For all'/>"
            f"<item jid='{HERE}' node='y' name='Just in time'/>",
        )

    def test_a_feature_that_cannot_say(self) -> None:
        """It hides no others."""

        def late() -> Iterable[AdHoc]:
            yield AdHoc("y", "", self.wizard.start, Level.ANYBODY)
            raise KeyError

        self.host.install("late", [AdHocs(late)])
        self.assert_shown(self.romeo, ITEMS, NS, f"<item jid='{HERE}' node='x' name='For all'/>")
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))

    def test_a_node_belongs_to_one_feature(self) -> None:
        error = self.assertRaises(
            RegistrationError, self.offer, AdHoc("x", "Mine", self.wizard.start, at=HOST)
        )
        self.assertIn("the command node x is claimed by both", str(error))


class RunTests(CommandsCase):
    """Commands that end at once (2.4.1), and what is wrong with requests (4.4)."""

    def test_result(self) -> None:
        table: list[tuple[Done, str]] = [
            (Done(), ""),
            (Done(notes=(Note("Well done."),)), "<note type='info'>Well done.</note>"),
            (
                Done(notes=(Note("a & b", Severity.WARN), Note("c", Severity.ERROR))),
                "<note type='warn'>a &amp; b</note><note type='error'>c</note>",
            ),
            (Done(Form.result("", {"n": 1})), x(("n", "1"), type="result")),
            (Done(Element("url", "jabber:x:oob")), "<url xmlns='jabber:x:oob'/>"),
        ]
        for number, (done, inner) in enumerate(table):
            self.offer(AdHoc(f"c{number}", "", partial(ending, done), Level.ANYBODY))
            self.ask(self.romeo, f"c{number}", action="execute" if number else "")
            self.assert_answered(self.romeo, f"c{number}", f"token{number + 1}", "completed", inner)
            self.ask(self.romeo, f"c{number}", f"token{number + 1}")
            self.assert_refused(self.romeo, "bad-request", "bad-sessionid")

    def test_who_may(self) -> None:
        self.offer(
            AdHoc("a", "", lambda _: Done()),
            AdHoc("l", "", lambda _: Done(), Level.LOCAL_USER),
            AdHoc("x", "", lambda _: Done(), Level.ANYBODY),
        )
        for who, nodes in ((self.juliet, "alx"), (self.nurse, "lx"), (self.romeo, "x")):
            for node in "alx":
                self.ask(who, node)
                [answer] = who.take()
                self.assertEqual("completed" in answer, node in nodes)
                self.assertEqual("forbidden" in answer, node not in nodes)

    def test_without_a_list_of_administrators_nobody_is_one(self) -> None:
        self.host.remove("server")
        self.offer(AdHoc("a", "", lambda _: Done()))
        self.ask(self.juliet, "a")
        self.assert_refused(self.juliet, "forbidden")

    def test_the_owner_at_the_account(self) -> None:
        self.offer(AdHoc("o", "", self.wizard.start, Level.LOCAL_USER, OWN_ACCOUNT))
        nurse = "nurse@example.org"
        id = self.begin(self.nurse, "o", nurse)
        self.ask(self.nurse, "o", id, "cancel", to=nurse)
        self.assert_answered(self.nurse, "o", id, "canceled", from_=nurse)
        self.assertEqual(["start nurse@example.org/kitchen nurse"], self.wizard.got)
        self.ask(self.juliet, "o", to="nurse@example.org")
        self.assert_refused(self.juliet, "service-unavailable", from_="nurse@example.org")

    def test_what_is_promised_waits_for_the_disk(self) -> None:
        store = self.host.open("acme-names", KeyValue)

        def keep(_execution: Execution) -> Outcome:
            return Done(ticket=store.put("", b"Bard"))

        self.offer(AdHoc("k", "", keep, Level.ANYBODY))
        self.host.storage.latency = 1.0
        self.ask(self.nurse, "k")
        self.nurse.receives()
        self.host.clock.advance(1.0)
        self.assert_answered(self.nurse, "k", "token1", "completed")

    def test_one_that_waits_to_begin(self) -> None:
        waiting: Deferred[Outcome] = Deferred()
        self.offer(AdHoc("w", "", lambda _: waiting, Level.ANYBODY))
        self.ask(self.nurse, "w")
        self.nurse.receives()
        waiting.callback(Done())
        self.assert_answered(self.nurse, "w", "token1", "completed")

    def test_bad_requests(self) -> None:
        self.offer(AdHoc("c", "", self.wizard.start, Level.ANYBODY))
        begun = "the command has not begun"
        table = [
            ("", "", "", "bad-request", "", "a command is named by its node"),
            ("z", "", "", "item-not-found", "", ""),
            (UNKNOWN, "", "", "feature-not-implemented", "", ""),
            ("c", "", "run", "bad-request", "malformed-action", ""),
            ("c", "", "EXECUTE", "bad-request", "malformed-action", ""),
            ("c", "unknown", "", "bad-request", "bad-sessionid", ""),
            ("c", "", "next", "bad-request", "bad-action", begun),
            ("c", "", "prev", "bad-request", "bad-action", begun),
            ("c", "", "complete", "bad-request", "bad-action", begun),
            ("c", "", "cancel", "bad-request", "bad-action", begun),
        ]
        for node, id, action, condition, detail, text in table:
            self.ask(self.romeo, node, id, action)
            self.assert_refused(self.romeo, condition, detail, text)
        self.assertEqual([], self.wizard.got)


class StagesTests(CommandsCase):
    """Commands of several forms (2.4.2, 2.4.3)."""

    def setUp(self) -> None:
        super().setUp()
        self.offer(AdHoc("wizard", "Wizard", self.wizard.start, Level.ANYBODY))

    def assert_name_form(self, id: str = "token1") -> None:
        inner = f"<actions execute='next'><next/></actions>{blank('name')}"
        self.assert_answered(self.romeo, "wizard", id, "executing", inner)

    def assert_colour_form(self, id: str = "token1") -> None:
        inner = (
            "<actions execute='next'><prev/><next/><complete/></actions>"
            f"<note type='warn'>A bold name.</note>{blank('colour')}"
        )
        self.assert_answered(self.romeo, "wizard", id, "executing", inner)

    def assert_size_form(self, id: str = "token1") -> None:
        form = "<field type='boolean' var='size'><required/></field>"
        inner = (
            "<actions execute='complete'><prev/><complete/></actions>"
            f"<x xmlns='jabber:x:data' type='form'>{form}</x>"
        )
        self.assert_answered(self.romeo, "wizard", id, "executing", inner)

    def assert_completed(self, id: str = "token1") -> None:
        form = x(("ok", "1"), type="result")
        self.assert_answered(self.romeo, "wizard", id, "completed", form)

    def step(self, action: str = "", *fields: tuple[str, str], id: str = "token1") -> None:
        self.ask(self.romeo, "wizard", id, action, x=x(*fields) if fields else "")

    def test_from_beginning_to_end(self) -> None:
        spellings = (("token1", "execute", "execute", ""), ("token2", "next", "next", "complete"))
        for id, first, second, third in spellings:
            self.wizard.got.clear()
            self.ask(self.romeo, "wizard")
            self.assert_name_form(id)
            self.step(first, ("name", "Bard"), id=id)
            self.assert_colour_form(id)
            self.step(second, ("colour", "red"), id=id)
            self.assert_size_form(id)
            self.step(third, ("size", "1"), id=id)
            self.assert_completed(id)
            began = f"start {self.romeo.jid} "
            self.assertEqual([began, "Bard", "red", "finished with size"], self.wizard.got)

    def test_ending_early(self) -> None:
        self.begin(self.romeo)
        self.step("next")
        self.assert_colour_form()
        self.step("complete")
        self.assert_completed()

    def test_back_and_forth(self) -> None:
        self.begin(self.romeo)
        self.step("next", ("name", "Bard"))
        self.step("next", ("colour", "red"))
        self.romeo.take()
        self.step("prev")
        self.assert_colour_form()
        self.step("prev", ("colour", "blue"))
        self.assert_name_form()
        self.step("prev")
        self.assert_refused(self.romeo, "bad-request", "bad-action", "this is the first form")
        self.step("next", ("name", "Will"))
        self.assert_colour_form()
        self.assertEqual(["Bard", "red", "Will"], self.wizard.got[1:])

    def test_actions_not_offered(self) -> None:
        self.begin(self.romeo)
        refused = ("bad-request", "bad-action", "the form offers no such action")
        self.step("complete")
        self.assert_refused(self.romeo, *refused)
        self.step()
        self.step("next")
        self.romeo.take()
        self.step("next", ("size", "1"))
        self.assert_refused(self.romeo, *refused)
        self.assertEqual(["", ""], self.wizard.got[1:])

    def test_cancelled_form(self) -> None:
        """It counts as submitted (3.5.1): whoever cancels a command says so in the action."""
        self.begin(self.romeo)
        cancelled = x(("name", "Bard"), type="cancel")
        self.ask(self.romeo, "wizard", "token1", "next", x=cancelled)
        self.assert_colour_form()
        self.assertEqual("Bard", self.wizard.got[-1])

    def test_cancelling(self) -> None:
        self.begin(self.romeo)
        self.step("cancel")
        self.assert_answered(self.romeo, "wizard", "token1", "canceled")
        self.step("cancel")
        self.assert_refused(self.romeo, "not-allowed", "session-expired")

    def test_after_the_end(self) -> None:
        self.begin(self.romeo)
        self.step()
        self.step("complete")
        self.romeo.take()
        self.step("complete")
        self.assert_refused(self.romeo, "not-allowed", "session-expired")
        self.assertEqual(1, self.wizard.got.count("finished with "))

    def test_payloads_that_will_not_do(self) -> None:
        """The form can be filled in anew."""
        self.begin(self.romeo)
        self.step()
        self.step("next")
        self.romeo.take()
        table = [
            ("", "size: this is required"),
            (x(("size", "big")), "size: give true or false"),
            (x(("size", "1"), type="result"), "the form is not submitted"),
            (x(type="nonsense"), "a form is a form, submit, cancel or result"),
            (x(("FORM_TYPE", "urn:x"), ("size", "1")), "this form was not offered"),
        ]
        for form, text in table:
            self.ask(self.romeo, "wizard", "token1", "complete", x=form)
            self.assert_refused(self.romeo, "bad-request", "bad-payload", text)
        self.step("complete", ("size", "0"))
        self.assert_completed()

    def test_refused_by_the_command(self) -> None:
        self.begin(self.romeo)
        self.step("next", ("name", "Iago"))
        self.assert_refused(self.romeo, "conflict", text="not him")
        self.step("next", ("name", "Nobody"))
        self.assert_refused(self.romeo, "bad-request", "bad-payload", "give a name")
        self.step("next", ("name", "Bard"))
        self.assert_colour_form()

    def test_a_crash_ends_it(self) -> None:
        self.begin(self.romeo)
        self.step()
        self.romeo.take()
        self.wizard.waiting = Deferred()
        self.step("complete")
        self.romeo.receives()
        self.wizard.waiting.errback(KeyError())
        self.assert_refused(self.romeo, "internal-server-error")
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))
        self.step("complete")
        self.assert_refused(self.romeo, "not-allowed", "session-expired")

    def test_one_step_at_a_time(self) -> None:
        self.begin(self.romeo)
        self.step()
        self.romeo.take()
        self.wizard.waiting = Deferred()
        self.step("complete")
        self.step("complete")
        busy = "the last step has not ended yet"
        self.assert_refused(self.romeo, "bad-request", "bad-action", busy)
        self.wizard.waiting.callback(Done())
        self.assert_answered(self.romeo, "wizard", "token1", "completed")
        self.assertEqual(1, self.wizard.got.count("finished with "))

    def test_nobody_elses(self) -> None:
        """A session is one of its asker, its command and its address (3.3)."""
        other = self.host.remote("romeo@example.net/tomb")
        self.offer(AdHoc("twin", "", self.wizard.start, Level.ANYBODY))
        self.offer(AdHoc("wizard", "", self.wizard.start, Level.ANYBODY, OWN_ACCOUNT))
        id = self.begin(self.romeo)
        for who in (other, self.nurse, self.juliet):
            for action in ("", "cancel", "prev"):
                self.ask(who, "wizard", id, action)
                self.assert_refused(who, "bad-request", "bad-sessionid")
        self.ask(self.romeo, "twin", id)
        self.assert_refused(self.romeo, "bad-request", "bad-sessionid")
        mine = self.begin(self.nurse)
        self.ask(self.nurse, "wizard", mine, to="nurse@example.org")
        self.assert_refused(self.nurse, "bad-request", "bad-sessionid", from_="nurse@example.org")
        self.step("cancel", id=id)
        self.romeo.take()
        self.ask(other, "wizard", id)
        self.assert_refused(other, "bad-request", "bad-sessionid")

    def test_who_may_no_more(self) -> None:
        welcome = True
        self.offer(AdHoc("v", "", self.wizard.start, lambda _jid: welcome))
        id = self.begin(self.romeo, "v")
        welcome = False
        self.ask(self.romeo, "v", id, "next")
        self.assert_refused(self.romeo, "forbidden")

    def test_only_so_far_back(self) -> None:
        def again(_answers: Answers) -> Outcome:
            return Stage(Form.of(""), next=again)

        self.offer(AdHoc("loop", "", lambda _: Stage(Form.of(""), next=again), Level.ANYBODY))
        id = self.begin(self.romeo, "loop")
        for _ in range(MOST_STAGES + 10):
            self.ask(self.romeo, "loop", id, "next")
        self.romeo.take()
        steps = 0
        while True:
            self.ask(self.romeo, "loop", id, "prev")
            if "first form" in self.romeo.take()[0]:
                break
            steps += 1
        self.assertEqual(MOST_STAGES - 1, steps)


class LimitsTests(CommandsCase):
    """What is remembered, and for how long."""

    settings = CommandsSettings(sessions=4, sessions_per_user=2, session_seconds=100.0)

    def setUp(self) -> None:
        super().setUp()
        self.offer(AdHoc("wizard", "", self.wizard.start, Level.ANYBODY))

    def assert_state(self, who: Someone, id: str, expected: str) -> None:
        self.ask(who, "wizard", id, "prev")
        self.assertIn({"open": "bad-action"}.get(expected, expected), who.take()[0])

    def test_the_oldest_of_ones_own_ends(self) -> None:
        ids = [self.begin(self.romeo) for _ in range(3)]
        for id, expected in zip(ids, ("session-expired", "open", "open"), strict=True):
            self.assert_state(self.romeo, id, expected)

    def test_the_one_untouched_for_longest_goes_first(self) -> None:
        """By time, so it lives on while it is used."""
        first = self.begin(self.romeo)
        self.host.clock.advance(60)
        second = self.begin(self.romeo)
        self.assert_state(self.romeo, first, "open")
        self.host.clock.advance(60)
        self.assert_state(self.romeo, first, "open")
        self.assert_state(self.romeo, second, "open")
        self.host.clock.advance(60)
        self.assert_state(self.romeo, second, "open")
        self.host.clock.advance(100)
        self.assert_state(self.romeo, first, "session-expired")
        self.assert_state(self.romeo, second, "session-expired")

    def test_all_in_all(self) -> None:
        """Administrators get in all the same."""
        for name in "abcd":
            self.begin(self.host.remote(f"{name}@example.net/x"))
        self.ask(self.romeo, "wizard")
        text = "too many commands are being run"
        self.assert_refused(self.romeo, "resource-constraint", text=text)
        self.begin(self.juliet)
        self.host.clock.advance(100)
        self.begin(self.romeo)

    def test_memory_of_the_past_is_bounded(self) -> None:
        ids = [self.begin(self.romeo) for _ in range(8)]
        expected = ["bad-sessionid"] * 2 + ["session-expired"] * 4 + ["open"] * 2
        for id, state in zip(ids, expected, strict=True):
            self.assert_state(self.romeo, id, state)

    def test_who_goes_leaves_nothing(self) -> None:
        kitchen, cellar = self.nurse, self.host.login("nurse/cellar")
        gone, kept = self.begin(kitchen), self.begin(cellar)
        kitchen.disconnects()
        self.assert_state(cellar, kept, "open")
        again = self.host.login("nurse/kitchen")
        self.assert_state(again, gone, "session-expired")
        self.juliet.disconnects()
