"""Rosters (RFC 6121 section 2)."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.plays import refusal
from xmppd.api.registrations import StreamContext, StreamFeature
from xmppd.api.roster import IRoster
from xmppd.api.storage import Map
from xmppd.modules.roster import Rosters, RosterSettings
from xmppd.stanza.errors import DEFAULT_TYPES
from xmppd.stanza.jid import JID
from xmppd.stanza.roster import RosterItem
from xmppd.stanza.subscription import Subscription
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession
from xmppd.wire.namespaces import ROSTER
from xmppd.wire.serializer import serialize

JULIET = "juliet@example.org"
SMALL = RosterSettings(items=3, requests=1, name_length=16, group_length=16, groups=2, removals=2)


def asks(ver: str | None = None, to: str = "") -> str:
    version = "" if ver is None else f" ver='{ver}'"
    return f"<iq type='get' id='g'{to}><query xmlns='{ROSTER}'{version}/></iq>"


def sets(item: str, to: str = "") -> str:
    return f"<iq type='set' id='s'{to}><query xmlns='{ROSTER}'>{item}</query></iq>"


def listed(item: RosterItem) -> RosterItem:
    return RosterItem(item.jid, listed=True)


class SlowMap:
    """A store whose `items` have to be waited for."""

    def __init__(self, store: Map) -> None:
        self._store = store
        self._waiting: Deferred[None] = Deferred()
        self.get, self.put, self.delete = store.get, store.put, store.delete

    def items(self, owner: str) -> Deferred[list[tuple[str, bytes]]]:
        answer: Deferred[list[tuple[str, bytes]]] = Deferred()
        rows: list[list[tuple[str, bytes]]] = []
        self._store.items(owner).addCallback(rows.append)
        self._waiting.addCallback(lambda _: answer.callback(rows[0]))
        return answer

    def go_on(self) -> None:
        self._waiting.callback(None)


class RosterCase(SynchronousTestCase):
    """Juliet on her balcony and in her chamber, both interested."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.rosters = self.host.load(Rosters, SMALL)
        self.balcony = self.host.login("juliet/balcony")
        self.chamber = self.host.login("juliet/chamber")
        for client in (self.balcony, self.chamber):
            client.sends(asks())
            client.receives(self.result(client, "", "0"))

    def result(self, client: FakeSession, items: str, ver: str, id: str = "g") -> str:
        return (
            f"<iq type='result' id='{id}' from='{JULIET}' to='{client.jid}'>"
            f"<query xmlns='{ROSTER}' ver='{ver}'>{items}</query></iq>"
        )

    def done(self, client: FakeSession, id: str = "s") -> str:
        return f"<iq type='result' id='{id}' from='{JULIET}' to='{client.jid}'/>"

    def push(self, client: FakeSession, item: str, ver: str, id: str) -> str:
        return (
            f"<iq type='set' id='{id}' from='{JULIET}' to='{client.jid}'>"
            f"<query xmlns='{ROSTER}' ver='{ver}'>{item}</query></iq>"
        )

    def wait_for(self, deferred: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(deferred))


class ChangeTests(RosterCase):
    """What a client sets (2.3 to 2.5)."""

    def test_interface(self) -> None:
        verifyObject(IRoster, self.rosters)

    def test_adding_changing_removing(self) -> None:
        table = [
            (
                "<item jid='nurse@example.org' name='Nurse'><group>Servants</group></item>",
                "<item jid='nurse@example.org' name='Nurse' subscription='none'>"
                "<group>Servants</group></item>",
            ),
            (
                "<item jid='nurse@example.org' name='' subscription='both' ask='subscribe'/>",
                "<item jid='nurse@example.org' subscription='none'/>",
            ),
            (
                "<item jid='nurse@example.org' subscription='remove'/>",
                "<item jid='nurse@example.org' subscription='remove'/>",
            ),
        ]
        token = ""
        for version, (item, shown) in enumerate(table, 1):
            self.balcony.sends(sets(item))
            for client, last in ((self.balcony, self.done(self.balcony)), (self.chamber, "")):
                [push, *rest] = client.stanzas
                query = push.child("query", ROSTER)
                assert query is not None
                token = token or query.attrs["ver"].partition("-")[0]
                expected = [self.push(client, shown, f"{token}-{version}", push.id)]
                client.receives(*expected, *([last] if last else []))
                self.assertEqual(bool(last), bool(rest))
        self.balcony.sends(asks())
        self.balcony.receives(self.result(self.balcony, "", f"{token}-3"))

    def test_who_has_not_asked_is_not_told(self) -> None:
        """2.2."""
        orchard = self.host.login("juliet/orchard")
        self.balcony.sends(sets("<item jid='nurse@example.org'/>"))
        orchard.receives()
        self.chamber.take()
        orchard.sends(sets("<item jid='tybalt@example.org'/>"))
        orchard.receives(self.done(orchard))
        self.assertEqual(1, len(self.chamber.take()))

    def test_nothing_changes(self) -> None:
        self.balcony.sends(sets("<item jid='nurse@example.org'/>"))
        self.host.unread()
        self.balcony.sends(sets("<item jid='nurse@example.org' subscription='to'/>"))
        self.balcony.receives(self.done(self.balcony))
        self.assertEqual({}, self.host.unread())

    def test_errors(self) -> None:
        """2.3.3, 2.5.3."""
        long = "x" * 17
        nurse = "<item jid='nurse@example.org'"
        table = [
            ("", "bad-request", "exactly one item can be set"),
            (f"{nurse}/><item jid='a@b'/>", "bad-request", "exactly one item can be set"),
            ("<item/>", "bad-request", "an item needs an address"),
            ("<item jid='@'/>", "jid-malformed", ""),
            (f"{nurse} name='{long}'/>", "not-acceptable", "the name is too long"),
            (f"{nurse}><group/></item>", "not-acceptable", "a group needs a name"),
            (
                f"{nurse}><group>{long}</group></item>",
                "not-acceptable",
                "the name of a group is too long",
            ),
            (
                f"{nurse}><group>a</group><group>b</group><group>c</group></item>",
                "not-acceptable",
                "too many groups",
            ),
            (
                f"{nurse}><group>a</group><group>a</group></item>",
                "bad-request",
                "a group is named twice",
            ),
            (
                f"{nurse}><group>\u2160\u0301</group><group>\u2160\u0301</group></item>",
                "bad-request",
                "a group is named twice",
            ),
            (f"{nurse} subscription='remove'/>", "item-not-found", ""),
        ]
        for item, condition, text in table:
            self.balcony.sends(sets(item))
            self.balcony.receives(
                refusal(
                    condition,
                    type=DEFAULT_TYPES[condition],
                    id="s",
                    from_=JULIET,
                    to=str(self.balcony.jid),
                    text=text,
                )
            )
        self.assertEqual({}, self.host.unread())

    def test_asking_with_items(self) -> None:
        item = "<item jid='nurse@example.org'/>"
        self.balcony.sends(f"<iq type='get' id='g'><query xmlns='{ROSTER}'>{item}</query></iq>")
        self.assertIn("bad-request", self.balcony.take()[0])

    def test_somebody_elses(self) -> None:
        """2.3.3: forbidden, whether there is such an account or not."""
        for to in ("nurse@example.org", "nobody@example.org"):
            self.balcony.sends(sets("<item jid='a@b'/>", f" to='{to}'"))
            self.balcony.receives(
                refusal("forbidden", type="auth", id="s", from_=to, to=str(self.balcony.jid))
            )

    def test_full_roster(self) -> None:
        for name in ("a", "b", "c"):
            self.balcony.sends(sets(f"<item jid='{name}@b'/>"))
        self.host.unread()
        self.balcony.sends(sets("<item jid='d@b'/>"))
        self.assertIn("resource-constraint", self.balcony.take()[0])
        self.balcony.sends(sets("<item jid='a@b' subscription='remove'/>"))
        self.balcony.sends(sets("<item jid='d@b'/>"))
        self.assertIn('type="result"', self.balcony.take()[-1])

    def test_all_of_it_has_a_size(self) -> None:
        """Which is counted right whatever comes and goes."""
        self.host.remove("rosters")
        rosters = self.host.load(Rosters, RosterSettings(bytes=1_000, items=100))
        self.balcony = self.host.login("nurse/x")
        taken = 0
        for name in range(20):
            self.balcony.sends(sets(f"<item jid='a{name}@b' name='{'x' * 50}'/>"))
            if "resource-constraint" not in self.balcony.take()[0]:
                taken += 1
        self.assertEqual(8, taken)
        for name in range(8):
            self.balcony.sends(sets(f"<item jid='a{name}@b' name='y'/>"))
            self.balcony.sends(sets(f"<item jid='a{name}@b' subscription='remove'/>"))
        self.assertEqual(0, rosters._rosters["nurse"].head.bytes)

    def test_so_have_addresses(self) -> None:
        """Which may be three kilobytes long: nobody should fill the memory with them."""
        self.host.remove("rosters")
        self.host.load(Rosters, RosterSettings(bytes=10_000, items=100))
        self.balcony = self.host.login("nurse/x")
        for name in range(9):
            self.balcony.sends(sets(f"<item jid='{name}{'a' * 1000}@b'/>"))
            self.assertNotIn("resource-constraint", self.balcony.take()[0])
        self.balcony.sends(sets(f"<item jid='9{'a' * 1000}@b'/>"))
        self.assertIn("resource-constraint", self.balcony.take()[0])

    def test_guests(self) -> None:
        host = FakeHost("guests.example.org", beside=self.host, anonymous=True)
        host.load(Rosters)
        guest = host.login("x/y", anonymous=True)
        guest.sends(asks(), sets("<item jid='a@b'/>"))
        empty, refused = guest.take()
        self.assertIn(f'<query xmlns="{ROSTER}" ver="0"/>', empty)
        self.assertIn("not-allowed", refused)

    def test_unbound(self) -> None:
        """A roster may be asked for before a resource is bound."""
        self.balcony.sends(sets("<item jid='a@b'/>"))
        self.chamber.disconnects()
        self.balcony.disconnects()
        self.assertIsNone(self.rosters.online("juliet"))
        items = self.wait_for(self.rosters.items("juliet"))
        self.assertEqual([JID.parse("a@b")], [item.jid for item in items])


class VersionTests(RosterCase):
    """Roster versioning (2.6)."""

    def version(self) -> str:
        self.balcony.sends(asks())
        query = self.balcony.stanzas[-1].child("query", ROSTER)
        assert query is not None
        self.host.unread()
        return query.attrs["ver"]

    def since(self, ver: str) -> list[str]:
        """Return the items that are pushed behind an empty result, or "all" and those there."""
        self.host.unread()
        self.balcony.sends(asks(ver))
        first, *pushes = self.balcony.stanzas
        self.host.unread()
        whole = first.child("query", ROSTER)
        if whole is not None:
            return ["all", *(item.attrs["jid"] for item in whole.elements())]
        queries = [push.child("query", ROSTER) for push in pushes]
        versions = [int(query.attrs["ver"].rpartition("-")[2]) for query in queries if query]
        self.assertEqual(sorted(set(versions)), versions)
        items = [query.child() for query in queries if query]
        return [serialize(item, ROSTER).decode() for item in items if item]

    def test_nothing_has_changed(self) -> None:
        self.assertEqual([], self.since("0"))
        self.balcony.sends(sets("<item jid='a@b'/>"))
        self.assertEqual([], self.since(self.version()))

    def test_what_has_changed(self) -> None:
        for name in ("a", "b", "c"):
            self.balcony.sends(sets(f"<item jid='{name}@b'/>"))
        before = self.version()
        self.balcony.sends(sets("<item jid='b@b' name='B'/>"))
        self.balcony.sends(sets("<item jid='a@b' subscription='remove'/>"))
        self.balcony.sends(sets("<item jid='b@b' name='C'/>"))
        removed = '<item jid="a@b" subscription="remove"/>'
        changed = '<item jid="b@b" name="C" subscription="none"/>'
        self.assertEqual([removed, changed], self.since(before))
        self.chamber.disconnects()
        self.balcony.disconnects()
        self.balcony = self.host.login("juliet/balcony")
        self.assertEqual([removed, changed], self.since(before))

    def test_versions_nobody_knows(self) -> None:
        for name in ("a", "b"):
            self.balcony.sends(sets(f"<item jid='{name}@b'/>"))
        token = self.version().partition("-")[0]
        for ver in ("", "0", "ver14", "-1", "other-1", f"{token}-3", f"{token}-x", f"{token}-٣"):
            self.assertEqual(["all", "a@b", "b@b"], self.since(ver), ver)

    def test_more_changes_than_items(self) -> None:
        self.balcony.sends(sets("<item jid='a@b'/>"))
        before = self.version()
        self.balcony.sends(sets("<item jid='b@b'/>"))
        self.balcony.sends(sets("<item jid='b@b' subscription='remove'/>"))
        self.balcony.sends(sets("<item jid='a@b' name='A'/>"))
        self.assertEqual(["all", "a@b"], self.since(before))

    def test_forgotten_removals(self) -> None:
        """As many as the settings say are remembered, in memory and on disk."""
        self.balcony.sends(sets("<item jid='a@b'/>"))
        before = self.version()
        for name in ("b", "c", "d"):
            self.balcony.sends(sets(f"<item jid='{name}@b'/>"))
            self.balcony.sends(sets(f"<item jid='{name}@b' subscription='remove'/>"))
        self.assertEqual(["all", "a@b"], self.since(before))
        rows = self.successResultOf(self.host.open("roster", Map).items("juliet"))
        self.assertEqual(["a@b", "c@b", "d@b"], [key for key, _ in rows])

    def test_a_new_roster_of_the_same_name(self) -> None:
        self.balcony.sends(sets("<item jid='a@b'/>"))
        before = self.version()
        self.chamber.disconnects()
        self.balcony.disconnects()
        self.successResultOf(self.host.accounts.delete("juliet"))
        self.rosters.deleted("juliet")
        self.balcony = self.host.login("juliet/balcony")
        self.balcony.sends(sets("<item jid='b@b'/>"))
        self.host.unread()
        self.assertEqual(["all", "b@b"], self.since(before))

    def test_stream_feature(self) -> None:
        [(_, feature)] = self.host.registry.records(StreamFeature)
        shown = feature.element(StreamContext("example.org", True))
        assert shown is not None
        self.assertEqual(("ver", "urn:xmpp:features:rosterver"), (shown.name, shown.ns))


class StorageTests(RosterCase):
    """What is kept, and when it is promised."""

    def test_promises_wait_for_the_disk(self) -> None:
        self.host.storage.latency = 1.0
        self.balcony.sends(sets("<item jid='a@b'/>"))
        self.assertEqual({}, self.host.unread())
        self.host.clock.advance(1.0)
        self.assertEqual(2, len(self.balcony.take()))
        self.assertEqual(1, len(self.chamber.take()))

    def test_a_roster_is_read_while_it_changes(self) -> None:
        """A change for an account that is coming online is neither lost nor overwritten."""
        self.host.add_account("nurse")
        rows = SlowMap(self.host.open("roster", Map))
        self.patch(self.rosters, "_rows", rows)
        nurse = self.host.login("nurse/kitchen")
        change = Deferred.fromCoroutine(self.rosters.change("nurse", JID.parse("a@b"), listed))
        self.assertNoResult(change)
        rows.go_on()
        self.successResultOf(nurse.opening)
        self.successResultOf(change)
        items = self.rosters.online("nurse")
        assert items is not None
        self.assertEqual([JID.parse("a@b")], list(items))
        self.assertEqual(0, len(self.rosters._turns))

    def test_lost_writes(self) -> None:
        """Memory goes back to what is on disk; nobody was told otherwise."""
        self.balcony.sends(sets("<item jid='a@b'/>"))
        self.host.unread()
        self.host.storage.fail_next_commit()
        self.wait_for(self.rosters.change("juliet", JID.parse("c@d"), listed))
        self.host.turn()
        self.chamber.sends(asks())
        self.assertIn("a@b", self.chamber.stanzas[-1].inner.decode())
        self.assertNotIn("c@d", self.chamber.take()[-1])

    def test_requests_of_strangers_have_a_limit(self) -> None:
        def asked(item: RosterItem) -> RosterItem:
            return RosterItem(item.jid, subscription=Subscription.NONE_IN, request=b"<presence/>")

        first, second = JID.parse("a@b"), JID.parse("c@d")
        self.wait_for(self.rosters.change("juliet", first, asked))
        failed = Deferred.fromCoroutine(self.rosters.change("juliet", second, asked))
        self.assertEqual("resource-constraint", self.failureResultOf(failed).value.condition)
        self.wait_for(self.rosters.change("juliet", first, lambda item: RosterItem(item.jid)))
        self.wait_for(self.rosters.change("juliet", second, asked))
        self.assertEqual({}, self.host.unread())  # none of this is for the user's eyes
        self.assertEqual(1, self.rosters._rosters["juliet"].head.requests)

    def test_a_row_that_cannot_be_read(self) -> None:
        self.balcony.sends(sets("<item jid='a@b'/>"))
        self.host.open("roster", Map).put("juliet", "c@d", b"{}")
        self.chamber.disconnects()
        self.balcony.disconnects()
        with capturedLogs() as events:
            self.balcony = self.host.login("juliet/balcony")
        self.assertEqual(["juliet"], [event["owner"] for event in events])
        self.balcony.sends(asks())
        self.assertIn("a@b", self.balcony.take()[-1])
