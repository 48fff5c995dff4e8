"""In-Band Registration (XEP-0077) on the wire: newcomers, passwords, the end of an account."""

from typing import Any
from xml.etree.ElementTree import Element

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from tests.c2s.client import Client
from tests.c2s.house import HouseCase, Setup
from tests.c2s.scram import Scram
from tests.c2s.texts import (
    CAPULET,
    JULIET,
    PASSWORD,
    auth,
    failure,
    iq_error,
    opening,
    plain,
    stream_error,
)
from xmppd.api.moments import PASS, AccountCreated, AccountEnding, Verdict
from xmppd.api.registrations import Watch
from xmppd.api.storage import KeyValue
from xmppd.modules.last import LastActivity
from xmppd.modules.register import InBandRegistration, RegisterSettings
from xmppd.modules.vcard import VCards

NS = "jabber:iq:register"
OFFERED = "{http://jabber.org/features/iq-register}register"
CONFLICT = iq_error("conflict", "cancel", "type='error' id='r'")


def register(name: str, password: str = "Calliope", attributes: str = "") -> str:
    """Return a newcomer's request."""
    fields = f"<username>{name}</username><password>{password}</password>"
    return f"<iq type='set' id='r' {attributes}><query xmlns='{NS}'>{fields}</query></iq>"


def remove(to: str = "") -> str:
    """Return the request of somebody who leaves."""
    address = f" to='{to}'" if to else ""
    return f"<iq type='set' id='x'{address}><query xmlns='{NS}'><remove/></query></iq>"


class RegistrationTestCase(HouseCase):
    """A server that takes newcomers, in clear."""

    settings = RegisterSettings(without_tls=True)

    def setUp(self) -> None:
        super().setUp()
        self.host = self.house.server.hosts[CAPULET]
        self.install(self.settings)

    def install(self, settings: RegisterSettings) -> None:
        feature = InBandRegistration(self.host.local, settings)
        self.house.install(*feature.registrations())

    def newcomer(self, **how: Any) -> Client:
        client = self.house.connect(**how)
        client.opens()
        return client

    def offer(self, client: Client) -> Element:
        client.sends(opening())
        (features,) = client.takes()
        return features


class NewcomerTests(RegistrationTestCase):
    """From a connection to a session of an account that was not there (3.1)."""

    def test_all_on_one_stream(self) -> None:
        client = self.house.connect()
        self.assertIsNotNone(self.offer(client).find(OFFERED))
        client.sends(f"<iq type='get' id='f' to='{CAPULET}'><query xmlns='{NS}'/></iq>")
        words = "Choose a name and a password for your account."
        client.receives(
            f"<iq type='result' id='f' from='{CAPULET}'><query xmlns='{NS}'>"
            f"<instructions>{words}</instructions><username/><password/>"
            "<x xmlns='jabber:x:data' type='form'><title>Registration</title>"
            f"<instructions>{words}</instructions>"
            f"<field var='FORM_TYPE' type='hidden'><value>{NS}</value></field>"
            "<field var='username' type='text-single' label='Name'><required/></field>"
            "<field var='password' type='text-private' label='Password'><required/></field>"
            "</x></query></iq>"
        )
        client.sends(register("Bill"))
        client.receives("<iq type='result' id='r'/>")
        self.assertEqual(Scram(client, "SCRAM-SHA-256", "bill").logs_in("Calliope"), b"")
        client.opens()
        self.assertEqual(str(client.binds("globe")), f"bill@{CAPULET}/globe")

    def test_it_is_said(self) -> None:
        """To features, and in the log, but for the password."""
        made: list[str] = []

        def note(name: str) -> Verdict:
            made.append(name)
            return PASS

        self.house.install(Watch(AccountCreated, note))
        with capturedLogs() as events:
            self.newcomer(address="2001:db8::1").sends(register("bill"))
        self.assertEqual(made, ["bill"])
        [event] = [event for event in events if event.get("name") == "bill"]
        self.assertEqual((event["domain"], event["address"]), (CAPULET, "2001:db8::1"))
        self.assertNotIn("Calliope", str(events))

    def test_taken_names(self) -> None:
        """However they are written; the password stays what it was."""
        client = self.newcomer()
        for name in ("juliet", "JULIET", "\uff2auliet"):
            client.sends(register(name))
            client.receives(CONFLICT)
        client.sends(plain("juliet", "Calliope"))
        self.house.passes(1)
        client.receives(failure("not-authorized"))
        client.sends(plain("juliet", PASSWORD))
        self.house.passes(1)
        self.assertEqual(client.takes()[0].tag.rpartition("}")[2], "success")

    def test_two_at_once(self) -> None:
        """Whose keys are made first is the one."""
        waiting: list[tuple[Deferred[Any], Any]] = []
        run = self.house.workers.run

        def later(*call: Any) -> "Deferred[Any]":
            waiting.append((Deferred(), call))
            return waiting[-1][0]

        self.patch(self.house.workers, "run", later)
        clients = [self.newcomer(address=f"192.0.2.{n}") for n in (1, 2)]
        for n, client in enumerate(clients):
            client.sends(register("bill", f"pass{n}"))
        while waiting:
            done, call = waiting.pop()
            run(*call).chainDeferred(done)
        self.house.turn()
        self.assertEqual(
            sorted(client.takes()[0].get("type", "") for client in clients), ["error", "result"]
        )

    def slowly_registers(self) -> Client:
        """Return a newcomer who has asked for an account; the disk takes five seconds."""
        self.setup = Setup(store="simulated")
        self.setUp()
        storage: Any = self.house.server.storage
        storage.latency = 5.0
        client = self.newcomer()
        client.sends(register("bill"))
        return client

    def test_the_answer_is_a_promise(self) -> None:
        """It comes when the account is on disk."""
        client = self.slowly_registers()
        client.receives()
        self.house.passes(4)
        client.receives()
        self.house.passes(2)
        client.receives("<iq type='result' id='r'/>")

    def test_a_disk_that_fails(self) -> None:
        client = self.slowly_registers()
        self.house.server.storage.fail_next_commit()  # type: ignore[attr-defined]  # the simulated
        self.house.passes(6)
        client.receives(iq_error("internal-server-error", "cancel", "type='error' id='r'"))
        self.assertEqual(len(self.flushLoggedErrors()), 1)

    def test_strangers_have_a_limit(self) -> None:
        for n in range(6):
            client = self.newcomer()
            client.sends(register(f"bill{n}"))
            (answer,) = client.takes()
            self.assertEqual(answer.get("type"), "result" if n < 5 else "error")
        far = self.newcomer(address="2001:db8::1")
        far.sends(register("bill6"))
        far.receives("<iq type='result' id='r'/>")

    def test_time_for_the_form(self) -> None:
        client = self.newcomer()
        client.sends(f"<iq type='get' id='f'><query xmlns='{NS}'/></iq>")
        client.takes()
        self.house.passes(599)
        self.assertFalse(client.reader.ended)
        self.house.passes(2)
        client.fails_with("connection-timeout")

    def test_other_addresses(self) -> None:
        for to in (JULIET, "montague.example", f"{CAPULET}/x"):
            client = self.newcomer()
            client.sends(register("bill", attributes=f"to='{to}'"))
            client.fails_with("not-authorized")


class TlsTests(RegistrationTestCase):
    """Nothing goes in clear where TLS is required."""

    setup = Setup(tls=True)

    def test_in_clear(self) -> None:
        client = self.house.connect()
        self.assertIsNone(self.offer(client).find(OFFERED))
        client.sends(register("bill"))
        client.fails_with("not-authorized")

    def test_under_tls(self) -> None:
        client = self.house.connect()
        client.starts_tls()
        self.assertIsNotNone(self.offer(client).find(OFFERED))
        client.sends(register("bill"))
        client.receives("<iq type='result' id='r'/>")
        client.sends(plain("bill", "Calliope"))
        self.assertEqual(client.takes()[0].tag.rpartition("}")[2], "success")


class ClearTests(RegistrationTestCase):
    """Where TLS is not required, newcomers use it all the same, unless they are let off."""

    settings = RegisterSettings()

    def test_in_clear(self) -> None:
        client = self.house.connect()
        self.assertIsNone(self.offer(client).find(OFFERED))
        for request in (register("bill"), register("bill").replace("'set'", "'get'")):
            client.sends(request)
            client.receives(iq_error("not-authorized", "auth", "type='error' id='r'"))


class ClosedTests(RegistrationTestCase):
    """Users alone, no newcomers."""

    settings = RegisterSettings(newcomers=False, without_tls=True)

    def test_nothing_is_offered(self) -> None:
        client = self.house.connect()
        self.assertIsNone(self.offer(client).find(OFFERED))
        client.sends(register("bill"))
        client.fails_with("not-authorized")


class UserTests(RegistrationTestCase):
    """Users change their passwords and leave (3.2, 3.3)."""

    def test_a_new_password(self) -> None:
        juliet = self.house.login()
        juliet.sends(register("juliet", "Calliope"))
        juliet.receives(f"<iq type='result' id='r' from='{JULIET}' to='{JULIET}/balcony'/>")
        for password, right in ((PASSWORD, False), ("Calliope", True)):
            client = self.newcomer()
            self.assertIs(Scram(client, "SCRAM-SHA-256", "juliet").logs_in(password) == b"", right)

    def test_leaving(self) -> None:
        """The answer, then the end of the stream, of all sessions, and of all that was kept."""
        for feature in (VCards, LastActivity):
            self.house.install(*feature(self.host.local).registrations())
        garden, juliet = self.house.login(resource="garden"), self.house.login()
        romeo = self.house.login("romeo")
        for client in (garden, juliet):
            client.sends("<presence/>")
        juliet.sends("<iq type='set' id='v'><vCard xmlns='vcard-temp'><FN>J</FN></vCard></iq>")
        juliet.takes()
        juliet.sends(remove() + f"<message to='romeo@{CAPULET}'/>")
        juliet.receives(
            f"<iq type='result' id='x' from='{JULIET}' to='{JULIET}/balcony'/>",
            stream_error("not-authorized"),
        )
        garden.fails_with("not-authorized")
        romeo.receives()
        accounts = self.host.local.accounts
        self.assertIsNone(self.successResultOf(accounts.get("juliet")))
        for store in ("vcard", "last"):
            kept = self.host.local.open(store, KeyValue)
            self.assertIsNone(self.successResultOf(kept.get("juliet")), store)
        self.assertEqual(self.host.local.sessions("juliet"), ())
        again = self.newcomer()
        again.sends(auth("PLAIN", f"\0juliet\0{PASSWORD}".encode()))
        self.house.passes(1)
        again.receives(failure("not-authorized"))
        again.sends(register("juliet"))
        again.receives("<iq type='result' id='r'/>")

    def test_features_have_their_time(self) -> None:
        """What has to be done before an account goes is waited for; others hear nothing of it."""
        ending: Deferred[Verdict] = Deferred()
        self.house.install(Watch(AccountEnding, lambda _name: ending))
        juliet = self.house.login()
        juliet.sends(remove(CAPULET))
        self.house.passes(5)
        juliet.receives()
        self.assertIsNotNone(self.successResultOf(self.host.local.accounts.get("juliet")))
        ending.callback(PASS)
        self.house.turn()
        self.assertEqual(len(juliet.takes()), 2)
        self.assertTrue(juliet.reader.ended)

    def test_who_hangs_up_meanwhile(self) -> None:
        """The account goes, and nothing is left of the session."""
        ending: Deferred[Verdict] = Deferred()
        self.house.install(Watch(AccountEnding, lambda _name: ending))
        juliet = self.house.login()
        juliet.sends(remove())
        juliet.hangs_up()
        ending.callback(PASS)
        self.house.turn()
        self.assertIsNone(self.successResultOf(self.host.local.accounts.get("juliet")))
        self.assertEqual(len(self.house.clients), 0)

    def test_sent_to_somebody_else(self) -> None:
        """COMPAT(ejabberd 23): there, this deletes the sender's account."""
        juliet, romeo = self.house.login(), self.house.login("romeo")
        for to in (f"romeo@{CAPULET}", "montague.example", "romeo@montague.example", "a.example"):
            juliet.sends(remove(to))
            (answer,) = juliet.takes()
            self.assertEqual((answer.get("type"), answer.get("from")), ("error", to))
        romeo.receives()
        for name in ("juliet", "romeo"):
            self.assertIsNotNone(self.successResultOf(self.host.local.accounts.get(name)))

    def test_not_before_binding(self) -> None:
        client = self.house.connect()
        client.logs_in()
        client.sends(remove())
        client.receives(iq_error("unexpected-request", "wait", "type='error' id='x'"))
        client.sends(register("juliet", "Calliope"))
        client.receives("<iq type='result' id='r'/>")
        self.assertIsNotNone(self.successResultOf(self.host.local.accounts.get("juliet")))
