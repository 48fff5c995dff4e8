"""Servers that are stopped or killed and started again."""

from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.host import IHost
from xmppd.api.moments import PASS, PresenceChanged, Verdict
from xmppd.api.registrations import Every, HandleIq, Promised, Registration, Request, Watch
from xmppd.api.sessions import ISession
from xmppd.api.storage import KeyValue
from xmppd.stanza.stanza import Presence
from xmppd.testing.fake_host import FakeHost
from xmppd.wire.element import Element

SET = "<iq type='set' id='1'><note xmlns='urn:example:notes'>Milk</note></iq>"
GET = "<iq type='get' id='2'><note xmlns='urn:example:notes'/></iq>"
BALCONY = "juliet@example.org/balcony"
KEPT = f"<iq type='result' id='1' from='juliet@example.org' to='{BALCONY}'/>"


def answer(text: str) -> str:
    """Return what the one on the balcony is told of the note."""
    note = f"<note xmlns='urn:example:notes'>{text}</note>"
    return f"<iq type='result' id='2' from='juliet@example.org' to='{BALCONY}'>{note}</iq>"


class Notes:
    """Keeps a note, and counts its time and who leaves."""

    def __init__(self, host: IHost, default: str = "") -> None:
        self.notes = host.open("notes", KeyValue)
        self.default = default
        self.ticks = 0
        self.left: list[str] = []

    def registrations(self) -> Iterator[Registration]:
        yield HandleIq("set", "urn:example:notes", "note", self.keep)
        yield HandleIq("get", "urn:example:notes", "note", self.show)
        yield Every(10, self.tick)
        yield Watch(PresenceChanged, self.changed)

    def keep(self, request: Request) -> Promised:
        return Promised(None, self.notes.put(request.owner, request.payload.text.encode()))

    async def show(self, request: Request) -> Element:
        kept = await self.notes.get(request.owner)
        note = Element("note", "urn:example:notes")
        note.children.append(self.default if kept is None else kept.decode())
        return note

    def tick(self) -> None:
        self.ticks += 1

    def changed(self, presence: Presence, session: ISession) -> Verdict:
        if presence.type == "unavailable":
            self.left.append(str(session.jid))
        return PASS


class RestartTests(SynchronousTestCase):
    """`FakeHost.restarted` and `crashed`."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.notes = self.host.load(Notes, "Nothing", name="notes")
        self.juliet = self.host.login("juliet/balcony")

    def read(self, host: FakeHost) -> str:
        """Return the note as a client of that server sees it."""
        juliet = host.login("juliet/balcony")
        juliet.sends(GET)
        [text] = juliet.take()
        return text

    def test_clean_stop(self) -> None:
        """Everything is committed, however long it takes; sessions end as they do."""
        self.host.storage.latency = 5
        self.juliet.sends("<presence/>", SET)
        again = self.host.restarted()
        self.assertEqual("system-shutdown", self.juliet.closed_with)
        self.assertEqual([BALCONY], self.notes.left)
        self.assertEqual((), again.sessions("juliet"))
        self.assertEqual((), self.host.registry.features)
        self.assertIn(">Milk<", self.read(again))

    def test_crash(self) -> None:
        """What was acknowledged stays, what was not is gone, and nobody did anything."""
        self.juliet.sends("<presence/>", SET)
        self.juliet.receives(KEPT)
        self.host.storage.latency = 0.01
        self.juliet.sends(SET.replace("Milk", "Bread"))
        self.juliet.receives()
        again = self.host.crashed()
        again.clock.advance(1)
        self.juliet.receives()
        self.assertEqual(("", []), (self.juliet.closed_with, self.notes.left))
        self.assertIn(">Milk<", self.read(again))

    def test_crash_after_the_disk_and_before_the_answer(self) -> None:
        self.host.storage.latency = 0.01
        self.juliet.sends(SET)
        again = self.host.crashed(landed=True)
        self.juliet.receives()
        self.assertIn(">Milk<", self.read(again))

    def test_features_are_loaded_again_with_their_settings(self) -> None:
        host = self.host
        for end in (FakeHost.restarted, FakeHost.crashed, FakeHost.restarted):
            host = end(host)
            self.assertEqual(("notes",), host.registry.features)
            self.assertIn(">Nothing<", self.read(host))

    def test_a_feature_that_could_not_be_loaded(self) -> None:
        self.assertRaises(TypeError, self.host.load, Notes, 1, 2, 3)
        self.assertEqual(("notes",), self.host.restarted().registry.features)

    def test_timers_of_a_server_that_is_no_more(self) -> None:
        for end in (FakeHost.restarted, FakeHost.crashed):
            host = FakeHost()
            old = host.load(Notes)
            again = end(host)
            self.assertEqual(1, len(again.clock.getDelayedCalls()))
            again.clock.advance(10)
            self.assertEqual(0, old.ticks)

    def test_clients_of_a_server_that_is_no_more(self) -> None:
        again = self.host.crashed()
        juliet = again.login("juliet/balcony")
        self.juliet.sends(SET)
        self.juliet.disconnects()
        self.juliet.receives()
        self.assertIsNotNone(again.session(juliet.jid))
        juliet.sends(GET)
        juliet.receives(answer("Nothing"))

    def test_hosts_beside(self) -> None:
        """One server stops: all its hosts do, and are there again."""
        other = FakeHost("example.net", beside=self.host, anonymous=True)
        other.load(Notes)
        again = self.host.restarted()
        self.assertIs(again, again.beside("example.org"))
        self.assertIsNot(other, again.beside("example.net"))
        self.assertTrue(again.beside("example.net").anonymous)
        self.assertEqual(("notes",), again.beside("example.net").registry.features)
        self.assertRaises(KeyError, again.beside, "example.com")
        juliet = again.login("juliet/balcony")
        romeo = again.beside("example.net").login("romeo/orchard", anonymous=True)
        romeo.sends(f"<message to='{BALCONY}'/>")
        juliet.receives(f"<message from='{romeo.jid}' to='{BALCONY}'/>")

    def test_others_go_on(self) -> None:
        """Entities of other servers know nothing of it; neither does time, nor chance."""
        romeo = self.host.remote("romeo@example.net/orchard")
        before = self.host.entropy.token()
        self.host.clock.advance(7)
        again = self.host.crashed().restarted()
        juliet = again.login("juliet/balcony")
        romeo.sends(f"<message to='{BALCONY}'/>")
        juliet.receives(f"<message from='{romeo.jid}' to='{BALCONY}'/>")
        juliet.sends(f"<message to='{romeo.jid}'/>")
        romeo.receives(f"<message from='{BALCONY}' to='{romeo.jid}'/>")
        self.assertEqual(7, again.clock.seconds())
        self.assertNotEqual(before, again.entropy.token())

    def test_any_host_of_the_server_will_do(self) -> None:
        """The host one has may be of a server before the last one: it is the same server."""
        self.juliet.sends(SET)
        self.host.restarted()
        self.assertIn(">Milk<", self.read(self.host.crashed()))
