"""In-Band Registration (XEP-0077): users' requests, errors, and how often newcomers may try.

`tests.c2s.test_registration` has the conversations of newcomers and of those who leave.
"""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.modules.passwords import PlainPasswords
from tests.plays import refusal
from xmppd.api.commands import Command, IAdministration
from xmppd.api.host import Busy
from xmppd.api.registrations import (
    HOST,
    HandleBeforeLogin,
    Provide,
    StreamContext,
    StreamFeature,
)
from xmppd.api.storage import StorageError
from xmppd.modules.register import InBandRegistration, RegisterSettings
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession
from xmppd.testing.remote import FakeRemote
from xmppd.wire.document import parse_document

NS = "jabber:iq:register"
JULIET = "juliet@example.org"
BALCONY = f"{JULIET}/balcony"
HERE, THERE = "192.0.2.1", "2001:db8::/64"
REMOVE = "<remove/>"


def filled(username: str = "", password: str = "") -> str:
    """Return what a client fills in that knows no forms."""
    return f"<username>{username}</username><password>{password}</password>"


def form(fields: dict[str, str], about: str = NS, type: str = "submit") -> str:
    """Return a form a client submits."""
    content = "".join(
        f"<field var='{var}'><value>{value}</value></field>"
        for var, value in ({"FORM_TYPE": about} | fields).items()
    )
    return f"<x xmlns='jabber:x:data' type='{type}'>{content}</x>"


@implementer(IAdministration)
class Administration:
    """Somebody may administer this host, somebody else another one."""

    admins = frozenset({JID.parse("paris@example.com")})
    everywhere = admins | {JID.parse("nurse@example.org"), JID.parse("example.org")}

    def commands(self) -> tuple[Command, ...]:
        return ()


class RegisterTestCase(SynchronousTestCase):
    """A host whose accounts' passwords are in a dict."""

    settings = RegisterSettings()

    def setUp(self) -> None:
        self.host = FakeHost()
        self.host.install("administration", [Provide(IAdministration, Administration())])
        self.passwords = self.host.load(PlainPasswords)
        self.feature = self.host.load(InBandRegistration, self.settings)

    def submit(self, content: str, network: str = HERE, *, secure: bool = True) -> "Deferred[None]":
        """Have a newcomer's form handled."""
        query = parse_document(f"<query xmlns='{NS}'>{content}</query>".encode())
        stream = StreamContext("example.org", secure, network=network)
        return Deferred.fromCoroutine(self.feature.submitted(stream, query))

    def assert_made(self, name: str, network: str = HERE) -> None:
        self.assertIsNone(self.successResultOf(self.submit(filled(name, "secret"), network)))
        self.assertEqual(self.passwords.kept[name], "secret")

    def assert_not_made(self, condition: str, content: str, network: str = HERE) -> None:
        before = dict(self.passwords.kept)
        error = self.failureResultOf(self.submit(content, network), StanzaError).value
        self.assertEqual((error.condition, self.passwords.kept), (condition, before), content)
        self.assertNotIn("secret", error.text)


class NewcomerTests(RegisterTestCase):
    """What newcomers send (3.1)."""

    def test_fields_and_forms(self) -> None:
        """A form counts more than fields beside it (section 6)."""
        for content in (
            filled("romeo", "secret"),
            form({"username": "romeo", "password": "secret"}),
            form({"username": "romeo", "password": "secret", "email": "r@example.net"}, ""),
            filled("other", "other") + form({"username": "romeo", "password": "secret"}),
            f"<email>r@example.net</email>{filled('romeo', 'secret')}<key>1</key>",
        ):
            self.passwords.kept.clear()
            self.successResultOf(self.submit(content))
            self.assertEqual(self.passwords.kept, {"romeo": "secret"}, content)

    def test_incomplete(self) -> None:
        for content in (
            "",
            filled(),
            filled("romeo"),
            filled("", "secret"),
            "<username>romeo</username>",
            form({"username": "romeo"}),
            form({"username": "", "password": "secret"}),
        ):
            self.assert_not_made("not-acceptable", content)

    def test_names(self) -> None:
        for name in ("a b", "a@b", "a/b", "x" * 1024, "a&apos;b", " "):
            self.assert_not_made("not-acceptable", filled(name, "secret"))

    def test_reserved_names(self) -> None:
        """However they are written."""
        for name in ("admin", "Root", "POSTMASTER", "\uff41dmin"):
            self.assert_not_made("not-acceptable", filled(name, "secret"))
        self.assert_made("administrators")

    def test_names_of_administrators(self) -> None:
        """Whoever had such an account would be one; whether it is there or not (any more)."""
        for name in ("nurse", "NURSE", "nur\uff53e"):
            self.assert_not_made("not-acceptable", filled(name, "secret"))
        self.assert_made("paris")  # is one as somebody of another domain

    def test_other_forms(self) -> None:
        for content in (
            form({"username": "romeo", "password": "secret"}, "urn:other"),
            form({"username": "romeo", "password": "secret"}, type="cancel"),
            form({"username": "romeo", "password": "secret"}, type="nonsense"),
        ):
            self.assert_not_made("bad-request", content)

    def test_leaving(self) -> None:
        """3.2, table 1: nobody is there to be removed."""
        self.assert_not_made("unexpected-request", REMOVE)

    def test_what_goes_wrong(self) -> None:
        self.passwords.kept["juliet"] = "hers"
        self.assert_not_made("conflict", filled("juliet", "secret"))
        for failure, condition in (
            (ValueError("secret"), "not-acceptable"),
            (Busy(), "resource-constraint"),
        ):
            self.passwords.failure = failure
            self.assert_not_made(condition, filled("romeo", "secret"))
        self.passwords.failure = StorageError("full")
        self.failureResultOf(self.submit(filled("romeo", "secret")), StorageError)

    def test_in_clear(self) -> None:
        failing = self.submit(filled("romeo", "secret"), secure=False)
        self.assertEqual(
            self.failureResultOf(failing, StanzaError).value.condition, "not-authorized"
        )
        self.assertEqual(self.passwords.kept, {})


class OftenTests(RegisterTestCase):
    """So many accounts, and so many attempts, within an hour."""

    settings = RegisterSettings(accounts_per_address=2, accounts_per_hour=3, tries_per_address=4)

    def test_accounts(self) -> None:
        for name in "ab":
            self.assert_made(name)
        self.assert_not_made("resource-constraint", filled("c", "secret"))
        self.assert_made("c", THERE)
        self.assert_not_made("resource-constraint", filled("d", "secret"), THERE)
        self.host.clock.advance(3599)
        self.assert_not_made("resource-constraint", filled("d", "secret"), THERE)
        self.host.clock.advance(1)
        for name in "de":
            self.assert_made(name, THERE)

    def test_what_fails_makes_no_account(self) -> None:
        """When no account could be made for somebody else's sake, nothing is counted, either."""
        self.passwords.kept["taken"] = ""
        for _ in range(2):
            self.assert_not_made("conflict", filled("taken", "secret"))
        for name in "ab":
            self.assert_made(name)
        self.assert_made("c", THERE)
        self.assert_not_made("resource-constraint", filled("d", "secret"), "192.0.2.2")
        self.host.clock.advance(3600)
        for name in "de":
            self.assert_made(name, "192.0.2.2")

    def test_attempts(self) -> None:
        """So nobody can try what names there are."""
        self.passwords.kept["taken"] = ""
        for content in (filled("taken", "secret"), filled(), filled("admin", "x"), REMOVE):
            failing = self.submit(content)
            self.assertNotEqual(
                self.failureResultOf(failing, StanzaError).value.condition, "resource-constraint"
            )
        self.assert_not_made("resource-constraint", filled("taken", "secret"))
        self.assert_made("a", THERE)

    def test_who_hangs_up_is_counted(self) -> None:
        """The account may have been made by then."""
        waiting: Deferred[str] = Deferred()
        self.patch(self.passwords, "create", lambda *_: waiting)
        submitting = self.submit(filled("a", "secret"))
        submitting.cancel()
        self.failureResultOf(submitting, CancelledError)
        self.patch(self.passwords, "create", type(self.passwords).create.__get__(self.passwords))
        self.assert_made("a")
        self.assert_not_made("resource-constraint", filled("b", "secret"))


class OfferTests(SynchronousTestCase):
    """What is offered to whom."""

    def load(self, settings: RegisterSettings) -> FakeHost:
        host = FakeHost()
        host.load(PlainPasswords)
        host.load(InBandRegistration, settings)
        self.assertEqual(host.features(HOST), (NS,))
        return host

    def test_stream_feature(self) -> None:
        """Under TLS; in clear only where that is allowed."""
        for in_clear in (False, True):
            host = self.load(RegisterSettings(without_tls=in_clear))
            [(_, feature)] = host.registry.records(StreamFeature)
            self.assertEqual(feature.when, "before-login")
            for secure, expected in ((True, True), (False, in_clear)):
                shown = feature.element(StreamContext("example.org", secure))
                self.assertIs(shown is not None, expected)

    def test_no_newcomers(self) -> None:
        registry = self.load(RegisterSettings(newcomers=False)).registry
        self.assertEqual(list(registry.records(StreamFeature)), [])
        self.assertEqual(list(registry.records(HandleBeforeLogin)), [])

    def test_hosts_without_accounts_of_their_own(self) -> None:
        for host in (FakeHost(), FakeHost(anonymous=True)):
            error = self.assertRaises(ValueError, InBandRegistration, host)
            self.assertIn('"xmppd" among the users', str(error))

    def test_hosts_with_other_users_too(self) -> None:
        """Somebody else's name would be free for who comes first."""
        host = FakeHost()
        host.load(PlainPasswords).sole = False
        error = self.assertRaises(ValueError, InBandRegistration, host)
        self.assertIn("set newcomers = false", str(error))
        host.load(InBandRegistration, RegisterSettings(newcomers=False))

    def test_reserved_names_that_cannot_be(self) -> None:
        self.assertRaises(ValueError, RegisterSettings, reserved=("abuse", "a b"))


class UserTestCase(RegisterTestCase):
    """Users who are logged in."""

    def setUp(self) -> None:
        super().setUp()
        self.juliet = self.host.login("juliet/balcony")
        self.romeo = self.host.remote("romeo@example.net/orchard")
        self.passwords.kept["juliet"] = "before"

    def ask(
        self, who: FakeSession | FakeRemote, type: str, content: str = "", to: str = "example.org"
    ) -> None:
        address = f" to='{to}'" if to else ""
        who.sends(f"<iq type='{type}' id='1'{address}><query xmlns='{NS}'>{content}</query></iq>")

    def assert_refused(
        self, condition: str, type: str, text: str = "", to: str = "example.org"
    ) -> None:
        self.juliet.receives(refusal(condition, type=type, id="1", from_=to, to=BALCONY, text=text))


class UserTests(UserTestCase):
    """What they ask, and their passwords (3.1, 3.3)."""

    def test_they_are_registered(self) -> None:
        for to in ("example.org", JULIET):
            self.ask(self.juliet, "get", to=to)
            self.juliet.receives(
                f"<iq type='result' id='1' from='{to}' to='{BALCONY}'><query xmlns='{NS}'>"
                "<registered/><username>juliet</username><password/></query></iq>"
            )

    def test_passwords(self) -> None:
        """3.3; by form as well."""
        for n, (to, content) in enumerate(
            (
                ("", filled("juliet", "p0")),
                (JULIET, filled("JULIET", "p1")),
                ("example.org", form({"username": "juliet", "password": "p2"})),
                (
                    "example.org",
                    form({"username": "juliet", "password": "p3"}, f"{NS}:changepassword"),
                ),
            )
        ):
            self.ask(self.juliet, "set", content, to)
            sender = to or JULIET
            self.juliet.receives(f"<iq type='result' id='1' from='{sender}' to='{BALCONY}'/>")
            self.assertEqual(self.passwords.kept, {"juliet": f"p{n}"})

    def test_incomplete(self) -> None:
        """3.3, table 2; an empty password changes nothing."""
        for content in ("", filled("juliet"), filled("", "p"), "<password>p</password>"):
            self.ask(self.juliet, "set", content)
            self.assert_refused("bad-request", "modify", "both name and password are needed")
        self.assertEqual(self.passwords.kept, {"juliet": "before"})

    def test_often(self) -> None:
        self.host.remove("inbandregistration")
        self.host.load(InBandRegistration, RegisterSettings(changes_per_hour=2))
        for _ in range(2):
            self.ask(self.juliet, "set", filled("juliet", "p"))
            self.assertEqual(len(self.juliet.take()), 1)
        self.ask(self.juliet, "set", filled("juliet", "other"))
        self.assert_refused("resource-constraint", "wait", "too many changes; try again later")
        self.assertEqual(self.passwords.kept, {"juliet": "p"})

    def test_other_names(self) -> None:
        self.passwords.kept["nurse"] = "hers"
        for name in ("nurse", "new", "a b"):
            self.ask(self.juliet, "set", filled(name, "p"))
            self.assert_refused("not-acceptable", "modify", "you have an account already")
        self.assertEqual(self.passwords.kept, {"juliet": "before", "nurse": "hers"})

    def test_what_goes_wrong(self) -> None:
        for failure, condition, type, text in (
            (KeyError("juliet"), "not-allowed", "cancel", "your password is not kept here"),
            (ValueError("p"), "not-acceptable", "modify", "this cannot be a password"),
            (Busy(), "resource-constraint", "wait", "try again later"),
        ):
            self.passwords.failure = failure
            self.ask(self.juliet, "set", filled("juliet", "p"))
            self.assert_refused(condition, type, text)
        self.passwords.failure = StorageError("full")
        self.ask(self.juliet, "set", filled("juliet", "p"))
        self.assert_refused("internal-server-error", "cancel")
        self.assertEqual(len(self.flushLoggedErrors(StorageError)), 1)

    def test_strangers(self) -> None:
        """At the host, and at accounts, whether these exist or not."""
        nurse = self.host.login("nurse/kitchen")
        for content in (filled("juliet", "p"), REMOVE):
            self.ask(self.romeo, "set", content)
            self.romeo.receives(
                refusal(
                    "registration-required",
                    type="auth",
                    id="1",
                    from_="example.org",
                    to=str(self.romeo.jid),
                )
            )
            for who in (nurse, self.romeo):
                for to in (JULIET, "nobody@example.org"):
                    self.ask(who, "set", content, to)
                    who.receives(refusal("service-unavailable", id="1", from_=to, to=str(who.jid)))
        self.ask(self.romeo, "get")
        self.romeo.receives(
            refusal("service-unavailable", id="1", from_="example.org", to=str(self.romeo.jid))
        )
        self.assertEqual(self.passwords.kept, {"juliet": "before"})


class RemovalTests(UserTestCase):
    """Leaving for good (3.2)."""

    def setUp(self) -> None:
        super().setUp()
        self.juliet.sends("<presence/>")

    def remove(self, content: str = REMOVE, to: str = "") -> None:
        self.ask(self.juliet, "set", content, to)

    def test_told_and_sent_away(self) -> None:
        for to in ("", JULIET, "example.org"):
            self.setUp()
            self.remove(to=to)
            sender = to or JULIET
            self.juliet.receives(f"<iq type='result' id='1' from='{sender}' to='{BALCONY}'/>")
            self.assertEqual(self.juliet.closed_with, "not-authorized")
            self.assertEqual(self.passwords.kept, {})
            self.assertEqual(self.host.sessions("juliet"), ())

    def test_not_before_it_is_done(self) -> None:
        """Meanwhile the session is there for nobody, and nothing of its client's is looked at."""
        done = self.passwords.deleting = Deferred[None]()
        self.remove()
        self.assertEqual(self.host.sessions("juliet"), ())
        self.juliet.sends("<message to='romeo@example.net' id='2'/>", "<presence/>")
        self.romeo.sends(f"<message to='{BALCONY}' type='headline'/>")
        self.juliet.receives()
        self.assertEqual(self.juliet.closed_with, "")
        done.callback(None)
        self.host.turn()
        self.assertEqual(len(self.juliet.take()), 1)
        self.assertEqual(self.juliet.closed_with, "not-authorized")
        self.assertEqual(["service-unavailable" in text for text in self.romeo.take()], [True])

    def test_it_cannot_be_done(self) -> None:
        """Who cannot be told so is sent away, too."""
        done = self.passwords.deleting = Deferred[None]()
        self.remove()
        done.errback(StorageError("full"))
        self.host.turn()
        self.juliet.receives()
        self.assertEqual(self.juliet.closed_with, "internal-server-error")
        self.assertEqual(len(self.flushLoggedErrors(StorageError)), 1)

    def test_somebody_was_faster(self) -> None:
        self.passwords.kept.clear()
        self.remove()
        self.assertEqual(len(self.juliet.take()), 1)
        self.assertEqual(self.juliet.closed_with, "not-authorized")

    def test_to_somebody_else(self) -> None:
        """It is about an account there, if anything."""
        for to in ("example.net", "romeo@example.net", "nurse@example.org", "example.org/x"):
            self.remove(to=to)
        self.remove(to=BALCONY)
        self.assertEqual(self.passwords.kept, {"juliet": "before"})
        self.assertEqual(self.juliet.closed_with, "")

    def test_with_something_besides(self) -> None:
        for content in (REMOVE * 2, REMOVE + filled("juliet", "p"), form({}) + REMOVE):
            self.remove(content, "example.org")
            self.assert_refused("bad-request", "modify", "remove nothing besides")
        self.assertEqual(self.passwords.kept, {"juliet": "before"})

    def test_ill_formed(self) -> None:
        query = f"<query xmlns='{NS}'>{REMOVE}</query>"
        self.juliet.sends(
            f"<iq type='set' id=''>{query}</iq>",
            f"<iq type='set' id='1'>{query}<more/></iq>",
            f"<iq type='set' id='1'><more/>{query}</iq>",
            f"<iq type='get' id='1'>{query}</iq>",
            f"<iq type='set' id='1'><query xmlns='{NS}'><remove xmlns='urn:x'/></query></iq>",
            f"<message id='1'>{query}</message>",
        )
        self.assertEqual(self.passwords.kept, {"juliet": "before"})
        self.assertEqual(self.juliet.closed_with, "")

    def test_not_where_it_is_switched_off(self) -> None:
        self.host.remove("inbandregistration")
        self.host.load(InBandRegistration, RegisterSettings(removal=False))
        self.remove(to="example.org")
        self.assert_refused("not-allowed", "cancel", "accounts are removed by the administrator")
        self.assertEqual(self.passwords.kept, {"juliet": "before"})
