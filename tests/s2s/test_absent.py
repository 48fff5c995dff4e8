"""Errors for senders who are away: kept until they come, over restarts, and given to them once."""

from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from tests.network.watcher import said
from tests.s2s.test_keeping import KeepingCase
from tests.s2s.test_outgoing import JULIET, SM, message
from tests.s2s.world import CAPULET, MONTAGUE, service
from xmppd.api.storage import Account, Archive, Page
from xmppd.s2s.absent import RETURNED, TIDY_SECONDS, Fate
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.prep import skeleton
from xmppd.stanza.stanza import Message
from xmppd.testing.fake_session import FakeSession

GONE = StanzaError("remote-server-timeout")
PHONE = f"juliet@{CAPULET}/phone"
HERE = "<presence/>"
DOUBT = (
    "remote-server-timeout: this server was stopped before it was known whether this has arrived"
)


class AbsentCase(KeepingCase):
    """The other server is away, Juliet has an account, and goes before her messages come back."""

    settings: ClassVar[dict[str, Any]] = {
        "retry_longest_seconds": 10.0,
        "give_up_seconds": 5,
        "spool_stanzas": 8,
        "return_seconds": 10_000.0,
    }

    def setUp(self) -> None:
        super().setUp()
        self.account("juliet")
        self.sessions: list[FakeSession] = [self.juliet]

    def account(self, name: str) -> None:
        account = Account(name, skeleton(name), {}, self.world.wall.now())
        self.successResultOf(self.server.host().accounts.create(account))
        self.world.turn()

    def on_disk(self) -> int:
        archive = self.world.storage(CAPULET).host(CAPULET).open(RETURNED, Archive)
        return self.successResultOf(archive.count(""))

    def goes(self) -> None:
        """Lose all connections."""
        for session in self.sessions:
            session.disconnects()
        self.sessions.clear()
        self.world.turn()

    def comes_back(self, address: str = JULIET, presence: str = HERE) -> FakeSession:
        session = self.world.login(address)
        self.sessions.append(session)
        if presence:
            session.sends(presence)
        self.world.turn()
        return session

    def errors(self, session: FakeSession) -> list[tuple[str, str]]:
        """Return the ids and reasons of the errors that have come, all for that session."""
        found = [each for each in session.stanzas if each.type == "error"]
        session.overlook()
        self.assertEqual({each.to for each in found} - {session.jid}, set())
        return [(each.id, said(each).partition(" (")[0]) for each in found]

    def ids(self, session: FakeSession) -> list[str]:
        return [id for id, _ in self.errors(session)]

    def returned(self, *ids: str) -> None:
        """Have Juliet write, go, and be given up."""
        self.sends(*(message(id) for id in ids))
        self.goes()
        self.world.passes(15)
        self.assertEqual((self.kept(), self.on_disk()), ((0, 0), len(ids)))

    def restarts(self) -> None:
        self.sessions.clear()
        self.server = self.world.server(CAPULET, data=self.world.crash(CAPULET), **self.settings)
        self.world.turn()


class ComingTests(AbsentCase):
    """Who comes is told, once."""

    def test_told_once_there(self) -> None:
        self.returned("1", "2")
        juliet = self.comes_back(presence="")
        self.assertEqual(self.errors(juliet), [])
        juliet.sends(HERE)
        errors = self.errors(juliet)
        self.assertEqual([id for id, _ in errors], ["1", "2"])
        self.assertIn("refused the connection", errors[0][1])
        self.assertEqual((self.on_disk(), len(service(self.server).absent)), (0, 0))
        juliet.sends("<presence><show>away</show></presence>")
        phone = self.comes_back(PHONE)
        self.assertEqual(self.errors(juliet) + self.errors(phone), [])

    def test_told_again_if_gone_before_it_was_sent(self) -> None:
        """An error that waited behind what storage had not committed; others are nobody's here."""
        gone = self.juliet
        self.goes()
        romeo = JID.parse(f"romeo@{MONTAGUE}")
        for type, id in (("error", "1"), ("chat", "2")):
            element = Message(to=gone.jid, from_=romeo, type=type, id=id)
            self.server.host().accounts_domain.take_back([element], gone)
            self.world.turn()
        self.assertEqual(self.on_disk(), 1)
        juliet = self.comes_back()
        self.assertEqual([each.id for each in juliet.stanzas if each.type == "error"], ["1"])
        self.assertEqual(self.on_disk(), 0)

    def test_told_after_a_restart(self) -> None:
        """With the reason it had, also after more than one of them."""
        self.returned("1")
        self.restarts()
        self.restarts()
        self.assertEqual(self.on_disk(), 1)
        ((id, reason),) = self.errors(self.comes_back())
        self.assertEqual(id, "1")
        self.assertIn("refused the connection", reason)
        self.goes()
        self.restarts()
        self.assertEqual(self.errors(self.comes_back()), [])

    def test_in_doubt_after_a_crash(self) -> None:
        self.sends(message("1"))
        self.comes()
        peer = self.ready(SM)
        peer.sends("<enabled xmlns='urn:xmpp:sm:3'/>")
        self.restarts()
        self.assertEqual((self.kept(), self.on_disk()), ((0, 0), 1))
        self.assertEqual(self.errors(self.comes_back()), [("1", DOUBT)])
        self.assertEqual(self.on_disk(), 0)

    def test_blocked_since(self) -> None:
        """An operator wants nothing to do with the domain any more, and starts the server anew."""
        self.sends(message("1"))
        self.settings = {**self.settings, "blocked": (MONTAGUE,)}  # type: ignore[misc]
        self.restarts()
        self.assertEqual((self.kept(), self.on_disk()), ((0, 0), 1))
        reason = f"not-allowed: this server has nothing to do with {MONTAGUE}"
        self.assertEqual(self.errors(self.comes_back()), [("1", reason)])

    def test_a_stream_is_lost(self) -> None:
        self.sends(message("1"))
        self.comes()
        peer = self.ready(SM)
        peer.sends("<enabled xmlns='urn:xmpp:sm:3'/>")
        self.goes()
        peer.transport.abortConnection()
        self.world.turn()
        ((id, reason),) = self.errors(self.comes_back())
        self.assertEqual(id, "1")
        self.assertIn("the connection ended before", reason)

    def test_another_device_if_the_first_is_not_there(self) -> None:
        """The one of the highest priority; of two, the one that has come last."""
        priorities = (("tv", -5), ("phone", 7), ("tablet", 7), ("car", 5))
        self.sends(message("1"))
        for name, priority in priorities:
            self.world.wall.seconds += 1
            text = f"<presence><priority>{priority}</priority></presence>"
            self.comes_back(f"juliet@{CAPULET}/{name}", text)
        self.juliet.disconnects()
        self.world.passes(15)
        told = [self.ids(each) for each in self.sessions[1:]]
        self.assertEqual((told, self.on_disk()), ([[], [], ["1"], []], 0))

    def test_another_device_that_comes_first(self) -> None:
        self.returned("1")
        tv = self.comes_back(PHONE, "<presence><priority>-5</priority></presence>")
        self.assertEqual((self.ids(tv), self.on_disk()), (["1"], 0))

    def test_the_device_it_came_from_first(self) -> None:
        self.returned("1")
        juliet = self.comes_back(JULIET, "")
        phone = self.comes_back(PHONE, "<presence><priority>9</priority></presence>")
        self.assertEqual((self.ids(juliet), self.ids(phone)), (["1"], []))

    def test_at_once_while_somebody_is_there(self) -> None:
        phone = self.comes_back(PHONE)
        self.sends(message("1"))
        self.juliet.disconnects()
        self.world.passes(15)
        self.assertEqual((self.ids(phone), self.on_disk()), (["1"], 0))

    def test_somebody_who_is_there_without_presence(self) -> None:
        """As always, if it is the session that has written; for another one it has to wait."""
        self.sends(message("1"))
        self.world.passes(15)
        self.assertEqual(self.ids(self.juliet), ["1"])
        self.sends(message("2"))
        self.goes()
        phone = self.comes_back(PHONE, "")
        self.world.passes(15)
        self.assertEqual((self.ids(phone), self.on_disk()), ([], 1))
        phone.sends(HERE)
        self.assertEqual(self.ids(phone), ["2"])

    def test_others_are_told_nothing(self) -> None:
        self.account("nurse")
        self.returned("1")
        nurse = self.comes_back(f"nurse@{CAPULET}/x")
        self.assertEqual((self.ids(nurse), self.on_disk()), ([], 1))

    def test_behind_what_comes_with_presence(self) -> None:
        self.returned("1")
        juliet = self.comes_back()
        kinds = [stanza.kind for stanza in juliet.stanzas]
        self.assertEqual(kinds, ["presence", "message"])

    def test_who_goes_again_at_once(self) -> None:
        """The disk is slow: nobody is there any more by the time it has been read."""
        self.returned("1", "2")
        archive = service(self.server).absent._archive
        page = archive.page
        readings: list[Deferred[None]] = []

        async def slowly(*arguments: Any, **keywords: Any) -> Page:
            readings.append(Deferred())
            await readings[-1]
            return await page(*arguments, **keywords)

        self.patch(
            archive, "page", lambda *some, **more: Deferred.fromCoroutine(slowly(*some, **more))
        )
        gone = self.comes_back()
        self.goes()
        readings[0].callback(None)
        self.world.turn()
        self.assertEqual((self.ids(gone), self.on_disk(), len(readings)), ([], 2, 1))
        gone = self.comes_back()
        self.goes()
        juliet = self.comes_back()
        self.assertEqual(len(readings), 2)
        for reading in readings[1:]:
            reading.callback(None)
        self.world.turn()
        self.assertEqual((self.ids(juliet), self.on_disk()), (["1", "2"], 0))

    def test_one_more_while_the_last_ones_are_read(self) -> None:
        """What is kept while a page is read, and is not in it, is not forgotten."""
        self.returned("1")
        absent = service(self.server).absent
        page, reading = absent._archive.page, Deferred[None]()

        async def slowly(*arguments: Any, **keywords: Any) -> Page:
            found = await page(*arguments, **keywords)
            await reading
            return found

        self.patch(
            absent._archive,
            "page",
            lambda *some, **more: Deferred.fromCoroutine(slowly(*some, **more)),
        )
        self.comes_back()
        self.goes()
        late = Message(to=JID.parse(f"romeo@{MONTAGUE}"), from_=JID.parse(JULIET), id="2")
        self.assertIs(absent.give_back(late, GONE, self.world.wall.now()), Fate.KEPT)
        juliet = self.comes_back()
        reading.callback(None)
        self.world.turn()
        self.assertEqual((self.ids(juliet), self.on_disk(), len(absent)), (["1", "2"], 0, 0))

    def test_what_nobody_can_be_told(self) -> None:
        """Messages of an earlier run without a sender, which there should be none of."""
        absent = service(self.server).absent
        for stanza in (Message(id="1"), Message(id="2", type="error", from_=JID.parse(JULIET))):
            self.assertIs(absent.give_back(stanza, GONE, 0.0), Fate.TOLD)
        self.assertEqual((self.ids(self.juliet), len(absent)), ([], 0))


class BoundsTests(AbsentCase):
    """It has its limits: time, room, and the account's own end."""

    def test_too_long_away(self) -> None:
        self.returned("1")
        for hours in (2, 1):
            self.assertEqual(self.on_disk(), 1)
            self.world.wall.seconds += hours * TIDY_SECONDS
            self.world.clock.advance(hours * TIDY_SECONDS)
            self.world.turn()
        self.assertEqual((self.on_disk(), len(service(self.server).absent)), (0, 0))
        self.assertEqual(self.errors(self.comes_back()), [])

    def test_no_more_than_half_of_what_a_domain_has(self) -> None:
        self.returned("1", "2", "3", "4")
        for number in (5, 6):
            juliet = self.comes_back(PHONE, "")
            juliet.sends(message(str(number)))
            self.goes()
        self.world.passes(15)
        self.assertEqual(self.ids(self.comes_back()), ["1", "2", "3", "4"])
        self.assertEqual((self.on_disk(), self.kept()), (0, (0, 0)))

    def test_more_than_a_page(self) -> None:
        absent = service(self.server).absent
        self.patch(absent._kept, "_most_stanzas", 1000)
        self.goes()
        for number in range(120):
            gone = Message(to=JID.parse(f"romeo@{MONTAGUE}"), from_=JID.parse(JULIET))
            gone.id = str(number)
            kept = absent.give_back(gone, GONE, self.world.wall.now())
            self.assertIs(kept, Fate.KEPT)
        self.world.turn()
        juliet = self.comes_back()
        first = self.ids(juliet)
        self.assertEqual(len(first), 50)
        self.world.passes(2)
        self.assertEqual(first + self.ids(juliet), [str(number) for number in range(120)])
        self.assertEqual((self.on_disk(), len(absent)), (0, 0))

    def test_the_account_is_deleted(self) -> None:
        self.returned("1")
        self.deletes()
        self.assertEqual((self.on_disk(), len(service(self.server).absent)), (0, 0))

    def deletes(self) -> None:
        """Delete Juliet's account, as whoever does that does."""
        deleting = self.server.hosts[CAPULET].passwords.delete("juliet")
        self.world.turn()
        self.successResultOf(deleting)

    def test_the_account_was_deleted_before(self) -> None:
        self.sends(message("1"))
        self.goes()
        self.deletes()
        self.assertEqual(self.kept(), (1, 0))
        self.world.passes(15)
        self.assertEqual((self.on_disk(), self.kept()), (0, (0, 0)))

    def test_another_account_of_that_name(self) -> None:
        """It learns nothing of what the one before has written."""
        self.sends(message("1"))
        self.goes()
        self.deletes()
        self.world.passes(1)
        self.account("juliet")
        self.world.passes(15)
        self.assertEqual(self.errors(self.comes_back()), [])
        self.assertEqual((self.on_disk(), self.kept()), (0, (0, 0)))

    def test_very_many_accounts(self) -> None:
        """All of them gone; they are seen to a part at a time."""
        archive = service(self.server).absent._archive
        now = self.world.wall.now()
        for number in range(120):
            archive.append("", b"", when=now, contact=f"x{number}@{CAPULET}")
        self.world.turn()
        self.restarts()
        self.assertEqual((self.on_disk(), len(service(self.server).absent)), (120, 120))
        self.world.passes(2)
        self.assertEqual((self.on_disk(), len(service(self.server).absent)), (0, 0))

    def test_deleted_while_the_server_was_down(self) -> None:
        self.returned("1")
        self.successResultOf(self.server.host().accounts.delete("juliet"))
        self.world.turn()
        self.restarts()
        self.world.passes(2)
        self.assertEqual((self.on_disk(), len(service(self.server).absent)), (0, 0))
