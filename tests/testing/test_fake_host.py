"""Hosts and their sessions as tests of features have them."""

from collections.abc import Iterator

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from xmppd.api.host import IHost
from xmppd.api.registrations import (
    OWN_ACCOUNT,
    Answer,
    HandleIq,
    PerAccount,
    Promised,
    Registration,
    Request,
)
from xmppd.api.sessions import ISession
from xmppd.api.storage import AccountExists, KeyValue
from xmppd.routing.registry import RegistrationError
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.texts import normal


class Notes:
    """A feature that keeps a note, as its documentation would show one."""

    def __init__(self, host: IHost, limit: int = 100) -> None:
        self.limit = limit
        self.notes = host.open("notes", KeyValue)

    def registrations(self) -> Iterator[Registration]:
        yield HandleIq("set", "urn:example:notes", "note", self.keep, at=OWN_ACCOUNT)

    def keep(self, request: Request) -> Answer:
        text = request.payload.text
        if len(text) > self.limit:
            raise StanzaError("not-acceptable")
        return Promised(None, self.notes.put(request.owner, text.encode()))


class Silent:
    """A feature that does nothing."""

    def __init__(self, _host: IHost) -> None: ...

    def registrations(self) -> Iterator[Registration]:
        return iter(())


class HostTests(SynchronousTestCase):
    """`FakeHost`."""

    def setUp(self) -> None:
        self.host = FakeHost()

    def test_it_is_a_host(self) -> None:
        self.assertTrue(verifyObject(IHost, self.host))
        self.assertEqual("example.org", self.host.domain)

    def test_loading_many_features(self) -> None:
        """They are installed at once, or none is."""
        self.host.load_all({"notes": (Notes, ()), "other": (Silent, ())})
        self.assertEqual(("notes", "other"), self.host.registry.features)
        self.assertEqual(("notes", "other"), self.host.restarted().registry.features)
        clashing = {"one": (Notes, (5,)), "two": (Notes, ())}
        host = FakeHost()
        self.assertRaises(RegistrationError, host.load_all, clashing)
        self.assertEqual((), host.registry.features)
        self.assertEqual((), host.restarted().registry.features)

    def test_loading_features(self) -> None:
        self.assertEqual(100, self.host.load(Notes).limit)
        self.assertEqual(("notes",), self.host.registry.features)
        self.host.remove("notes")
        self.assertEqual(5, self.host.load(Notes, 5, name="short-notes").limit)
        self.assertEqual(("short-notes",), self.host.registry.features)

    def test_accounts(self) -> None:
        self.host.add_account("juliet")
        self.assertRaises(AccountExists, self.host.add_account, "juliet")
        account = self.successResultOf(self.host.accounts.get("juliet"))
        assert account is not None
        self.assertEqual(self.host.wall.now(), account.created)
        self.host.login("juliet/balcony")
        self.host.login("romeo/orchard")
        self.host.login("romeo/street")
        self.assertEqual(2, self.successResultOf(self.host.accounts.count()))
        self.host.login("guest/web", anonymous=True)
        self.assertEqual(2, self.successResultOf(self.host.accounts.count()))

    def test_logging_in_may_fail(self) -> None:
        def load(_localpart: str) -> object:
            raise KeyError

        self.host.install("faulty", [PerAccount(object, load)])
        self.assertRaises(StanzaError, self.host.login, "juliet/balcony")
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))

    def test_logging_in_may_take_its_time(self) -> None:
        waiting: Deferred[int] = Deferred()
        self.host.install("slow", [PerAccount(int, lambda _: waiting)])
        juliet = self.host.login("juliet/balcony")
        self.assertNoResult(juliet.opening)
        waiting.callback(1)
        self.successResultOf(juliet.opening)

    def test_beside(self) -> None:
        """Two hosts of one server."""
        other = FakeHost("example.net", beside=self.host)
        juliet, romeo = self.host.login("juliet/balcony"), other.login("romeo/orchard")
        juliet.sends(f"<message to='{romeo.jid}'/>")
        romeo.receives(f"<message from='{juliet.jid}' to='{romeo.jid}'/>")
        self.assertIs(self.host.clock, other.clock)
        self.assertNotEqual(self.host.entropy.token(), other.entropy.token())

    def test_unread(self) -> None:
        juliet = self.host.login("juliet/balcony")
        romeo = self.host.remote("romeo@example.net/orchard")
        self.assertEqual({}, self.host.unread())
        juliet.sends(f"<message to='{romeo.jid}'/><message to='{juliet.jid}'/>")
        self.assertEqual(
            {
                str(jid): [normal(f"<message from='{juliet.jid}' to='{jid}'/>")]
                for jid in (juliet.jid, romeo.jid)
            },
            self.host.unread(),
        )
        self.assertEqual({}, self.host.unread())

    def test_overlooking(self) -> None:
        romeo = self.host.remote("romeo@example.net/orchard")
        juliet = self.host.login("juliet/balcony")
        juliet.sends(f"<message to='{romeo.jid}'/>", f"<message to='{juliet.jid}'/>")
        self.assertEqual(1, len(juliet.stanzas))
        self.host.overlook()
        self.assertEqual({}, self.host.unread())


class SessionTests(SynchronousTestCase):
    """`FakeSession`."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.juliet = self.host.login("juliet/balcony")
        self.itself = f"<message from='{self.juliet.jid}' to='{self.juliet.jid}'/>"

    def test_it_is_a_session(self) -> None:
        self.assertTrue(verifyObject(ISession, self.juliet))
        self.assertEqual("juliet", self.juliet.account)
        self.assertEqual(self.host.wall.now(), self.juliet.record.since)

    def test_sending_and_receiving(self) -> None:
        self.juliet.receives()
        self.juliet.sends(f"<message to='{self.juliet.jid}'/>")
        self.juliet.receives(self.itself)
        self.juliet.receives()

    def test_something_else_was_received(self) -> None:
        self.juliet.sends(f"<message to='{self.juliet.jid}'/>")
        error = self.assertRaises(AssertionError, self.juliet.receives, "<presence/>")
        self.assertEqual(
            "juliet@example.org/balcony should have received:\n    <presence/>\n"
            f"but received:\n    {normal(self.itself)}",
            str(error),
        )
        self.juliet.sends(f"<message to='{self.juliet.jid}'/>")
        error = self.assertRaises(AssertionError, self.juliet.receives)
        self.assertIn("should have received nothing\nbut", str(error))

    def test_looking_and_taking(self) -> None:
        self.juliet.sends(f"<message to='{self.juliet.jid}'/>")
        self.assertEqual(["message"], [stanza.kind for stanza in self.juliet.stanzas])
        self.assertEqual([normal(self.itself)], self.juliet.take())
        self.assertEqual((), self.juliet.stanzas)

    def test_bad_xml(self) -> None:
        self.assertRaises(ValueError, self.juliet.sends, "<message>")

    def test_claiming_to_be_somebody_else(self) -> None:
        self.assertEqual("", self.juliet.closed_with)
        self.juliet.sends("<message from='nurse@example.org' to='romeo@example.net'/>")
        self.assertEqual("invalid-from", self.juliet.closed_with)
        self.assertIsNone(self.host.session(self.juliet.jid))
        self.assertEqual(1, self.juliet.logouts)

    def test_losing_the_connection(self) -> None:
        self.juliet.disconnects()
        self.assertIsNone(self.host.session(self.juliet.jid))
        self.assertEqual((1, ""), (self.juliet.logouts, self.juliet.closed_with))

    def test_sending_much_while_one_stanza_waits(self) -> None:
        waiting: Deferred[Answer] = Deferred()
        self.host.install("slow", [HandleIq("get", "urn:slow", "query", lambda _: waiting)])
        self.juliet.sends("<iq type='get' id='1'><query xmlns='urn:slow'/></iq>")
        self.juliet.sends(f"<message to='{self.juliet.jid}'/>" * 64)
        self.assertTrue(self.juliet.paused)
        waiting.callback(None)
        self.assertFalse(self.juliet.paused)
        self.assertEqual(65, len(self.juliet.take()))


class StorageTests(SynchronousTestCase):
    """What a session may be told, and when."""

    NOTE = "<iq type='set' id='1'><note xmlns='urn:example:notes'>Milk</note></iq>"
    KEPT = "<iq type='result' id='1' from='juliet@example.org' to='juliet@example.org/balcony'/>"

    def setUp(self) -> None:
        self.host = FakeHost()
        self.host.load(Notes)
        self.juliet = self.host.login("juliet/balcony")

    def test_commits_end_with_the_turn(self) -> None:
        self.juliet.sends(self.NOTE)
        self.juliet.receives(self.KEPT)

    def test_commits_may_take_time(self) -> None:
        self.host.storage.latency = 0.01
        self.juliet.sends(self.NOTE)
        self.juliet.receives()
        self.host.clock.advance(0.01)
        self.juliet.receives(self.KEPT)

    def test_commits_may_fail(self) -> None:
        self.host.storage.fail_next_commit()
        self.juliet.sends(self.NOTE)
        self.juliet.receives()
        self.assertEqual("internal-server-error", self.juliet.closed_with)


class RemoteTests(SynchronousTestCase):
    """`FakeRemote`."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.juliet = self.host.login("juliet/balcony")
        self.romeo = self.host.remote("romeo@example.net/orchard")

    def test_sending(self) -> None:
        self.romeo.sends(f"<message to='{self.juliet.jid}'/>")
        self.romeo.sends(f"<message from='romeo@example.net' to='{self.juliet.jid}'/>")
        self.juliet.receives(
            *(
                f"<message from='{sender}' to='{self.juliet.jid}'/>"
                for sender in ("romeo@example.net/orchard", "romeo@example.net")
            )
        )

    def test_only_for_its_own_domain(self) -> None:
        forged = f"<message from='nurse@example.org' to='{self.juliet.jid}'/>"
        self.assertRaises(ValueError, self.romeo.sends, forged)
        self.juliet.receives()

    def test_receiving(self) -> None:
        """By its full address or its bare one."""
        street = self.host.remote("romeo@example.net/street")
        self.juliet.sends("<message to='romeo@example.net/street'/>")
        street.receives(f"<message from='{self.juliet.jid}' to='romeo@example.net/street'/>")
        self.romeo.receives()
        self.juliet.sends("<message to='romeo@example.net'/>")
        for remote in (self.romeo, street):
            self.assertEqual(1, len(remote.take()))

    def promise(self, to: str) -> None:
        """Write something and tell somebody of it."""
        message = Message(to=JID.parse(to), from_=self.juliet.jid)
        message.ticket = self.host.open("notes", KeyValue).put("juliet", b"Milk")
        self.host.route(message)

    def test_what_is_promised_waits_and_all_behind_it(self) -> None:
        self.host.storage.latency = 0.01
        self.promise("romeo@example.net/orchard")
        self.juliet.sends("<presence to='romeo@example.net'/>")
        self.romeo.receives()
        self.host.clock.advance(0.01)
        self.assertEqual(2, len(self.romeo.take()))

    def test_what_is_promised_in_vain(self) -> None:
        self.host.storage.fail_next_commit()
        self.promise("romeo@example.net/orchard")
        self.host.turn()
        self.juliet.sends("<presence to='romeo@example.net'/>")
        self.romeo.receives(f"<presence from='{self.juliet.jid}' to='romeo@example.net'/>")

    def test_what_was_not_sent_when_the_server_was_killed(self) -> None:
        self.host.storage.latency = 0.01
        self.promise("romeo@example.net/orchard")
        self.host = self.host.crashed()
        self.host.clock.advance(1)
        self.romeo.receives()

    def test_nobody_there(self) -> None:
        self.juliet.sends("<message to='nobody@example.net'/>")
        [bounce] = self.juliet.take()
        self.assertIn("<remote-server-not-found ", bounce)
