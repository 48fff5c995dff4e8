"""Resource binding on the wire (RFC 6120 section 7)."""

from twisted.internet.defer import Deferred

from tests.c2s.client import Client
from tests.c2s.house import HouseCase, Setup
from tests.c2s.texts import (
    BIND,
    CAPULET,
    JULIET,
    SASL,
    binding,
    bound,
    iq_error,
    opening,
    plain,
    stream_error,
)
from tests.c2s.watchers import noting
from xmppd.api.moments import PASS, SessionClosed, SessionOpened, Verdict
from xmppd.api.registrations import PerAccount, Watch

FEATURES = f"<stream:features><bind xmlns='{BIND}'/></stream:features>"


class BindTests(HouseCase):
    """One client, one resource."""

    def known(self) -> Client:
        """Return a client that has logged in."""
        client = self.house.connect()
        client.logs_in()
        return client

    def test_offered_once_logged_in(self) -> None:
        client = self.house.connect()
        client.sends(opening())
        (features,) = client.takes()
        self.assertIsNone(features.find(f"{{{BIND}}}bind"))
        client.sends(plain("juliet"), opening())
        client.receives(f"<success xmlns='{SASL}'/>", FEATURES)

    def test_a_resource_of_ours(self) -> None:
        """RFC 6120 7.6: unpredictable, and never the same."""
        found = set()
        for wanted in ("", "<resource/>", "<other xmlns='urn:x'/>"):
            client = self.known()
            client.sends(f"<iq type='set' id='1'><bind xmlns='{BIND}'>{wanted}</bind></iq>")
            (result,) = client.takes()
            found.add(result.findtext(f".//{{{BIND}}}jid"))
        self.assertEqual(len(found), 3)

    def test_a_resource_of_theirs(self) -> None:
        for wanted, made in (
            ("balcony", "balcony"),
            ("'/&gt;&lt;x a='", "'/&gt;&lt;x a='"),
            ("\u00e9", "\u00e9"),
            ("e\u0301", "\u00e9"),
            ("a\u3000b", "a b"),
            ("a/b@c d", "a/b@c d"),
            ("x" * 1023, "x" * 1023),
        ):
            client = self.known()
            client.sends(binding(wanted))
            client.receives(bound(made))

    def test_addressed_to_the_server_or_oneself(self) -> None:
        for attributes in (f"to='{CAPULET}'", f"to='{JULIET}'", f"from='{JULIET}'"):
            client = self.known()
            client.sends(binding("x").replace("<iq ", f"<iq {attributes} "))
            (result,) = client.takes()
            self.assertEqual(result.get("type"), "result")
            client.closes()

    def test_bad_requests(self) -> None:
        """The stream stays, and the next try may succeed (7.7.2)."""
        client = self.known()
        for request in (
            binding("\u0007".join("ab")).replace("\u0007", "\u0085"),
            binding("x" * 1024),
            binding(" x"),
            binding("x").replace("<bind ", "<ping xmlns='urn:xmpp:ping'/><bind "),
        ):
            client.sends(request)
            client.receives(iq_error("bad-request", "modify"))
        client.sends(binding("x").replace("id='bind'", ""))
        client.receives(iq_error("bad-request", "modify", "type='error' id=''"))
        client.sends(binding("balcony"))
        client.receives(bound("balcony"))

    def test_retries_are_bounded(self) -> None:
        """RFC 6120 7.7.3: at least 5 and at most 10."""
        client = self.known()
        for _ in range(9):
            client.sends(binding(" x"))
        client.receives(*[iq_error("bad-request", "modify")] * 9)
        client.sends(binding(" x"))
        client.receives(iq_error("bad-request", "modify"), stream_error("policy-violation"))
        self.assertTrue(client.reader.ended)

    def test_not_twice(self) -> None:
        """A bound stream has its resource; another is an ordinary request nobody answers to."""
        client = self.house.login()
        client.sends(binding("other"))
        (answer,) = client.takes()
        self.assertEqual(answer.get("type"), "error")
        client.sends(f"<message to='{JULIET}/balcony' id='1'/>")
        client.receives(f"<message from='{JULIET}/balcony' to='{JULIET}/balcony' id='1'/>")

    def test_no_stream_restart(self) -> None:
        """RFC 6120 7.3.2."""
        client = self.house.login()
        client.sends(opening())
        client.fails_with("not-well-formed")

    def test_first_the_answer_then_stanzas(self) -> None:
        """Whatever is sent to a session that has just been opened goes behind."""

        def greet(session: object) -> Verdict:
            romeo.sends(f"<message to='{JULIET}/balcony' id='2'/>")
            return PASS

        romeo = self.house.login("romeo")
        self.house.install(Watch(SessionOpened, greet))
        juliet = self.known()
        juliet.sends(binding("balcony"))
        juliet.receives(bound("balcony"), "<message from='*' to='*' id='2'/>")


class ConflictTests(HouseCase):
    """A resource that is taken, by the policy `replace` (7.7.2.2)."""

    def asks(self, resource: str = "balcony") -> Client:
        """Return a client of Juliet's that has asked for a resource."""
        client = self.house.connect()
        client.logs_in()
        client.sends(binding(resource))
        return client

    def test_replaced(self) -> None:
        closed: list[object] = []
        self.house.install(Watch(SessionClosed, noting(closed)))
        first, second = self.asks(), self.asks()
        first.receives(bound("balcony"), stream_error("conflict"))
        second.receives(bound("balcony"))
        self.assertEqual(len(closed), 1)
        second.sends(f"<message to='{JULIET}/balcony' id='1'/>")
        self.assertEqual(len(second.takes()), 1)
        first.receives()

    def test_not_again_within_a_minute(self) -> None:
        """Else two clients that both insist would throw each other out for ever."""
        first, second = self.asks(), self.asks()
        first.takes()
        second.receives(bound("balcony"))
        self.house.passes(58)
        third = self.asks()
        second.receives()
        third.receives(bound("*").replace(f"{JULIET}/*", "*"))
        self.house.passes(3)
        fourth = self.asks()
        second.receives(stream_error("conflict"))
        fourth.receives(bound("balcony"))

    def test_a_renamed_resource_is_one_of_ours(self) -> None:
        first, second = self.asks("x" * 1023), self.asks("x" * 1023)
        first.takes()
        second.receives(bound("x" * 1023))
        third = self.asks("x" * 1023)
        (result,) = third.takes()
        made = (result.findtext(f".//{{{BIND}}}jid") or "").partition("/")[2]
        self.assertTrue(made.startswith("x" * 900))
        self.assertLessEqual(len(made), 1023)
        self.assertNotEqual(made, "x" * 1023)

    def test_other_resources_are_left_alone(self) -> None:
        first, second = self.asks("balcony"), self.asks("Balcony")
        first.receives(bound("balcony"))
        second.receives(bound("Balcony"))

    def test_two_at_once(self) -> None:
        """The one that came first is being opened: the other gets a name of its own."""
        loads: list[Deferred[dict[str, str]]] = []

        def load(account: str) -> "Deferred[dict[str, str]]":
            loads.append(Deferred())
            return loads[-1]

        self.house.install(PerAccount(dict, load))
        first, second = self.asks(), self.asks()
        first.receives()
        loads.pop().callback({})
        self.house.turn()
        first.receives(bound("balcony"))
        (result,) = second.takes()
        self.assertNotEqual(result.findtext(f".//{{{BIND}}}jid"), f"{JULIET}/balcony")


class RenameTests(ConflictTests):
    """The policy `rename`."""

    setup = Setup(conflict="rename")

    def test_replaced(self) -> None:
        first, second = self.asks(), self.asks()
        first.receives(bound("balcony"))
        (result,) = second.takes()
        made = (result.findtext(f".//{{{BIND}}}jid") or "").partition("/")[2]
        self.assertTrue(made.startswith("balcony."), made)

    def test_not_again_within_a_minute(self) -> None:
        clients = [self.asks() for _ in range(3)]
        made = {client.takes()[0].findtext(f".//{{{BIND}}}jid") for client in clients}
        self.assertEqual(len(made), 3)

    def test_a_renamed_resource_is_one_of_ours(self) -> None:
        self.asks("\u00e9" * 511)
        (result,) = self.asks("\u00e9" * 511).takes()
        made = (result.findtext(f".//{{{BIND}}}jid") or "").partition("/")[2]
        self.assertLessEqual(len(made.encode()), 1023)
        self.assertTrue(made.startswith("\u00e9" * 400))


class RefuseTests(ConflictTests):
    """The policy `refuse`."""

    setup = Setup(conflict="refuse")

    def test_replaced(self) -> None:
        first, second = self.asks(), self.asks()
        first.receives(bound("balcony"))
        second.receives(iq_error("conflict", "modify"))
        second.sends(binding("orchard"))
        second.receives(bound("orchard"))

    def test_not_again_within_a_minute(self) -> None:
        first = self.asks()
        for _ in range(3):
            self.asks().receives(iq_error("conflict", "modify"))
        first.receives(bound("balcony"))

    def test_a_renamed_resource_is_one_of_ours(self) -> None:
        first = self.asks()
        first.closes()
        self.asks().receives(bound("balcony"))

    def test_two_at_once(self) -> None:
        self.house.install(PerAccount(dict, lambda _: Deferred()))
        first, second = self.asks(), self.asks()
        first.receives()
        second.receives(iq_error("conflict", "modify"))


class LimitTests(HouseCase):
    """How many sessions an account may have (7.6.2.1, 13.12)."""

    setup = Setup(sessions=2)

    def test_too_many(self) -> None:
        first = self.house.login(resource="one")
        self.house.login(resource="two")
        third = self.house.connect()
        third.logs_in()
        for wanted in ("", "three"):
            third.sends(binding(wanted))
            third.receives(iq_error("resource-constraint", "wait"))
        first.closes()
        third.sends(binding("three"))
        third.receives(bound("three"))

    def test_who_replaces_is_not_one_more(self) -> None:
        self.house.login(resource="one")
        second = self.house.login(resource="two")
        third = self.house.connect()
        third.logs_in()
        third.sends(binding("two"))
        third.receives(bound("two"))
        second.fails_with("conflict")
        fourth = self.house.connect()
        fourth.logs_in()
        fourth.sends(binding("two"))
        fourth.receives(iq_error("resource-constraint", "wait"))

    def test_those_being_opened_count(self) -> None:
        self.house.install(PerAccount(dict, lambda _: Deferred()))
        clients = [self.house.connect() for _ in range(3)]
        for client in clients:
            client.logs_in()
            client.sends(binding())
        for client in clients[:2]:
            client.receives()
        clients[2].receives(iq_error("resource-constraint", "wait"))

    def test_who_replaces_need_not_care_who_is_coming(self) -> None:
        first = self.house.login(resource="one")
        load: Deferred[dict[str, str]] = Deferred()
        self.house.install(PerAccount(dict, lambda _: load))
        second, third = self.house.connect(), self.house.connect()
        for client, resource in ((second, "two"), (third, "one")):
            client.logs_in()
            client.sends(binding(resource))
        first.fails_with("conflict")
        load.callback({})
        self.house.turn()
        second.receives(bound("two"))
        third.receives(bound("one"))

    def test_others_are_others(self) -> None:
        for name in ("juliet", "romeo"):
            for resource in ("one", "two"):
                self.house.login(name, resource)
        self.assertEqual(len(self.house.clients), 4)
