"""Offline messages (XEP-0160): what is kept, for how long, and how it is delivered."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.plays import refusal
from xmppd.api.moments import AccountDeleted
from xmppd.api.registrations import HOST
from xmppd.api.storage import Archive, Page, Range, StorageError
from xmppd.modules import offline
from xmppd.modules.blocking import Blocking
from xmppd.modules.offline import OfflineMessages, OfflineSettings
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message
from xmppd.testing.collaborators import NOON
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession
from xmppd.wire.element import Element
from xmppd.wire.namespaces import BLOCKING, CLIENT, DELAY, OFFLINE

JULIET, ROMEO = "juliet@example.org", "romeo@example.net/orchard"
BALCONY, CHAMBER = f"{JULIET}/balcony", f"{JULIET}/chamber"
STAMP = "2026-01-01T12:00:00Z"
BODY = "<body>Hi</body>"
COMPOSING = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
NO_STORE = "<no-store xmlns='urn:xmpp:hints'/>"
NEGATIVE = "<presence><priority>-1</priority></presence>"


def delay(from_: str = "example.org", stamp: str = STAMP) -> str:
    return f"<delay xmlns='{DELAY}' from='{from_}' stamp='{stamp}'/>"


def message(id: str = "1", inner: str = BODY, to: str = JULIET, type: str = "chat") -> str:
    return f"<message type='{type}' id='{id}' to='{to}'>{inner}</message>"


def received(
    id: str = "1", inner: str = BODY, to: str = JULIET, type: str = "chat", from_: str = ROMEO
) -> str:
    return f"<message type='{type}' id='{id}' from='{from_}' to='{to}'>{inner}</message>"


def too_much(id: str, to: str = JULIET) -> str:
    return refusal("service-unavailable", kind="message", id=id, from_=to, to=ROMEO)


class OfflineCase(SynchronousTestCase):
    """Juliet's account, which nobody uses, and Romeo on another server."""

    settings = OfflineSettings(messages=4, bytes=2_048, held_bytes=3_000)

    def setUp(self) -> None:
        self.host = FakeHost()
        self.module = self.host.load(OfflineMessages, self.settings)
        self.host.add_account("juliet")
        self.romeo = self.host.remote(ROMEO)

    def comes(self, resource: str = "balcony", priority: int = 0) -> FakeSession:
        """Log Juliet in and let her send presence."""
        client = self.host.login(f"juliet/{resource}")
        client.sends(f"<presence><priority>{priority}</priority></presence>")
        return client

    def ids(self, client: FakeSession) -> list[str]:
        """Return the ids of the messages a client has got, which must be from Romeo."""
        ids = [stanza.id for stanza in client.stanzas if stanza.kind == "message"]
        client.take()
        return ids

    def kept(self) -> list[str]:
        """Return what is in the store, as it is."""
        page: Page = self.successResultOf(
            self.host.open("offline", Archive).page("juliet", Range(), 100_000)
        )
        return [entry.value.decode() for entry in page.entries]

    def slowly(self) -> "list[Callable[[], None]]":
        """Let reads of the store take until what is appended here is called."""
        waiting: list[Callable[[], None]] = []
        archive = self.module._archive
        page = archive.page

        def later(owner: str, range: Range, limit: int) -> "Deferred[Page]":
            answer: Deferred[Page] = Deferred()
            waiting.append(lambda: answer.callback(self.successResultOf(page(owner, range, limit))))
            return answer

        self.patch(archive, "page", later)
        return waiting

    def slow(self) -> FakeSession:
        """Log in a client that takes what comes at once, and then no more until it `reads`."""
        juliet = self.host.login("juliet/balcony")
        self.seen(lambda _: juliet.reads(False))
        juliet.sends("<presence/>")
        return juliet

    def seen(self, see: Callable[[str], None]) -> None:
        """Call `see` with the id of everything that is written to a session."""
        write = FakeSession.write

        def writes(session: FakeSession, stanza: Message) -> None:
            write(session, stanza)
            see(stanza.id)

        self.patch(FakeSession, "write", writes)


class KeepingTests(OfflineCase):
    """XEP-0160 sections 2 and 3, RFC 6121 8.5.2.2.1 and 8.5.3.2.1, XEP-0334."""

    def check(self, sent: tuple[str, str, str], outcome: str) -> None:
        type, inner, to = sent
        self.romeo.sends(message("1", inner, to, type))
        if outcome == "bounced":
            self.romeo.receives(too_much("1", to))
        else:
            self.romeo.receives()
        juliet = self.comes()
        if outcome == "kept":
            juliet.receives(received("1", inner + delay(), to, type))
        else:
            juliet.receives()
        juliet.disconnects()

    def test_what_is_kept(self) -> None:
        nobody = f"{JULIET}/cellar"
        for sent, outcome in (
            (("chat", BODY, JULIET), "kept"),
            (("chat", BODY, nobody), "kept"),
            (("normal", BODY, JULIET), "kept"),
            (("normal", BODY, nobody), "bounced"),
            (("unknown", BODY, JULIET), "kept"),
            (("groupchat", BODY, JULIET), "bounced"),
            (("groupchat", BODY, nobody), "bounced"),
            (("headline", BODY, JULIET), "dropped"),
            (("error", BODY, JULIET), "dropped"),
            (("chat", "<received xmlns='urn:xmpp:receipts' id='1'/>", JULIET), "kept"),
            (("chat", "<store xmlns='urn:xmpp:hints'/>", JULIET), "kept"),
            (("chat", "<no-permanent-store xmlns='urn:xmpp:hints'/>" + BODY, JULIET), "kept"),
            (("chat", NO_STORE + BODY, JULIET), "bounced"),
            (("chat", NO_STORE + COMPOSING, JULIET), "dropped"),
            (("chat", COMPOSING, JULIET), "dropped"),
            (("normal", COMPOSING, JULIET), "dropped"),
            (("chat", "", JULIET), "dropped"),
        ):
            self.check(sent, outcome)
        self.assertEqual(self.kept(), [])

    def test_a_message_without_a_type(self) -> None:
        self.romeo.sends(f"<message to='{JULIET}'>{BODY}</message>")
        self.comes().receives(
            f"<message from='{ROMEO}' to='{JULIET}'><body>Hi</body>{delay()}</message>"
        )

    def test_discovered(self) -> None:
        self.assertIn(OFFLINE, self.host.features(HOST))

    def test_stored_as_it_came(self) -> None:
        self.romeo.sends(f"<message to='{JULIET}' xml:lang='it' id='1' a='b'>{BODY}<x/></message>")
        [stored] = self.kept()
        for part in (f'to="{JULIET}"', f'from="{ROMEO}"', 'xml:lang="it"', 'id="1"', "<x/>"):
            self.assertIn(part, stored)
        self.assertNotIn("delay", stored)
        page: Page = self.successResultOf(
            self.host.open("offline", Archive).page("juliet", Range(), 1)
        )
        self.assertEqual(
            [(entry.when, entry.contact) for entry in page.entries], [(NOON, "romeo@example.net")]
        )

    def test_it_names_its_ticket(self) -> None:
        """For whoever has to say that the message has been taken."""
        note = Message(Element("body"), to=JID.parse(JULIET), from_=JID.parse(ROMEO), type="chat")
        self.host.storage.latency = 5.0
        self.host.router.route(note)
        self.assertGreater(note.ticket, self.host.storage.tickets.settled)

    def test_nobody_there(self) -> None:
        """No account, nothing kept."""
        self.romeo.sends(message(to="nobody@example.org"))
        self.romeo.receives(too_much("1", "nobody@example.org"))

    def test_guests(self) -> None:
        guests = FakeHost("guests.example", beside=self.host, anonymous=True)
        guests.load(OfflineMessages)
        self.assertNotIn(OFFLINE, guests.features(HOST))
        guests.login("somebody/x", anonymous=True)
        self.romeo.sends(message(to="somebody@guests.example"))
        self.romeo.receives(too_much("1", "somebody@guests.example"))


class DelayTests(OfflineCase):
    """XEP-0203."""

    def delivered(self, inner: str) -> str:
        self.romeo.sends(message("1", inner))
        juliet = self.comes()
        [text] = juliet.take()
        juliet.disconnects()
        return text

    def test_stamps(self) -> None:
        self.romeo.sends(message("1"))
        self.host.wall.seconds += 1.5
        self.romeo.sends(message("2"))
        self.host.wall.seconds += 86_400
        self.comes().receives(
            received("1", BODY + delay()),
            received("2", BODY + delay(stamp="2026-01-01T12:00:01.500Z")),
        )

    def test_that_of_the_sender(self) -> None:
        """It stays; ours is one more."""
        theirs = delay("example.net", "2002-09-10T23:08:25Z")
        for inner in (
            theirs,
            f"<delay xmlns='{DELAY}' stamp='{STAMP}'/>",
            f"<delay xmlns='{DELAY}' from='@' stamp='{STAMP}'/>",
            "<delay xmlns='urn:other' from='example.org'/>",
        ):
            text = self.delivered(BODY + inner)
            self.assertEqual(2, text.count("<delay"), text)

    def test_forged(self) -> None:
        for from_ in ("example.org", "EXAMPLE.org"):
            forged = delay(from_, "2002-09-10T23:08:25Z")
            text = self.delivered(forged + BODY + forged)
            self.assertEqual((1, False), (text.count("<delay"), "2002" in text), text)

    def test_forged_in_passing(self) -> None:
        """Also in messages that are delivered at once."""
        juliet = self.comes()
        self.romeo.sends(message("1", BODY + delay() + delay("example.net")))
        juliet.receives(received("1", BODY + delay("example.net")))

    def test_our_own(self) -> None:
        """What the host itself says of a delay is true, now and when it has been kept."""
        note = Message(
            Element("body"),
            Element("delay", DELAY, {"from": "example.org", "stamp": "2025-01-01T00:00:00Z"}),
            to=JID.parse(JULIET),
            from_=self.host.jid,
        )
        self.host.route(note.copy())
        juliet = self.comes()
        self.host.route(note)
        for text in juliet.take():
            self.assertEqual((1, True), (text.count("<delay"), "2025" in text), text)


class LimitTests(OfflineCase):
    """So much and no more; nothing is counted twice."""

    def send(self, count: int, inner: str = BODY) -> int:
        """Send messages; return how many came back."""
        self.romeo.sends(*(message(str(number), inner) for number in range(count)))
        return len(self.romeo.take())

    def test_messages(self) -> None:
        self.assertEqual(self.send(6), 2)
        self.romeo.sends(message("last"))
        self.romeo.receives(too_much("last"))
        juliet = self.comes()
        self.assertEqual(self.ids(juliet), ["0", "1", "2", "3"])
        juliet.disconnects()
        self.assertEqual(self.send(4), 0)
        self.assertEqual(self.send(1), 1)

    def test_bytes(self) -> None:
        self.send(1, "<body></body>")
        [short] = self.kept()
        self.comes().disconnects()
        half = f"<body>{'x' * (1_024 - len(short))}</body>"
        self.assertEqual(self.send(3, half), 1)
        self.assertEqual([len(each) for each in self.kept()], [1_024, 1_024])
        self.assertEqual(self.send(1), 1)
        self.comes().disconnects()
        self.assertEqual(self.send(1, f"<body>{'x' * 2_048}</body>"), 1)

    def test_after_a_restart(self) -> None:
        self.assertEqual(self.send(3), 0)
        self.host = self.host.restarted()
        self.assertEqual(self.send(3), 2)

    def test_the_account_in_between(self) -> None:
        """Others' messages do not count, nor do those of an account that had the name before."""
        self.send(4)
        self.host.add_account("nurse")
        self.romeo.sends(message(to="nurse@example.org"))
        self.romeo.receives()
        self.host.accounts.delete("juliet")
        self.host.announce(AccountDeleted, "juliet")
        self.host.add_account("juliet")
        self.assertEqual(self.send(5), 1)

    def test_a_flood_is_counted_once(self) -> None:
        """However much comes for an account, its messages are read at most once."""
        reads: list[str] = []
        page = self.module._archive.page

        def counted(owner: str, range: Range, limit: int) -> "Deferred[Page]":
            reads.append(owner)
            return page(owner, range, limit)

        self.patch(self.module._archive, "page", counted)
        self.assertEqual(self.send(2_000), 1_996)
        self.assertEqual(reads, ["juliet"])

    def test_what_is_remembered_of_accounts(self) -> None:
        """Bounded; whoever was forgotten is counted again."""
        self.patch(offline, "REMEMBERED", 2)
        names = [f"nurse{number}" for number in range(4)]
        for name in names:
            self.host.add_account(name)
        for _ in range(6):
            self.romeo.sends(*(message(to=f"{name}@example.org") for name in names))
            self.assertLessEqual(len(self.module._away), 2)
        self.assertEqual(len(self.romeo.take()), 2 * 4)

    def test_those_in_use_are_not_forgotten(self) -> None:
        self.patch(offline, "REMEMBERED", 1)
        self.host.add_account("nurse")
        waiting = self.slowly()
        self.romeo.sends(message("1"), message("2", to="nurse@example.org"), message("3"))
        self.assertEqual(len(waiting), 2)
        while waiting:
            waiting.pop()()
        self.assertEqual(len(self.kept()), 2)

    def test_while_it_is_counted(self) -> None:
        """Messages wait for that in the order in which they came."""
        waiting = self.slowly()
        self.assertEqual(self.send(6), 0)
        self.assertEqual((len(waiting), self.kept()), (1, []))
        waiting.pop()()
        self.assertEqual(len(self.romeo.take()), 2)
        juliet = self.comes()
        waiting.pop()()
        self.assertEqual(self.ids(juliet), ["0", "1", "2", "3"])

    def test_an_account_deleted_while_it_is_counted(self) -> None:
        waiting = self.slowly()
        self.romeo.sends(message("1"))
        self.host.accounts.delete("juliet")
        self.host.announce(AccountDeleted, "juliet")
        waiting.pop()()
        self.romeo.receives(too_much("1"))
        self.assertEqual(self.kept(), [])


class ExpiryTests(OfflineCase):
    """What is too old is not delivered, and goes."""

    settings = OfflineSettings(messages=4, days=7)

    def later(self, days: float) -> None:
        self.host.wall.seconds += days * 86_400

    def test_expired(self) -> None:
        self.romeo.sends(message("1"), message("2"))
        self.later(6)
        self.romeo.sends(message("3"))
        self.later(1.5)
        self.assertEqual(len(self.kept()), 3)
        self.assertEqual(self.ids(self.comes()), ["3"])
        self.assertEqual(self.kept(), [])

    def test_swept(self) -> None:
        self.romeo.sends(message("1"), message("2"), message("3"))
        self.later(6)
        self.romeo.sends(message("4"))
        self.later(1.5)
        self.romeo.sends(message("full"))
        self.romeo.receives(too_much("full"))
        self.host.clock.advance(offline.EXPIRY_SECONDS)
        self.assertEqual(len(self.kept()), 1)
        self.romeo.sends(*(message(id) for id in ("5", "6", "7")))
        self.romeo.receives()
        self.romeo.sends(message("8"))
        self.romeo.receives(too_much("8"))

    def test_what_is_expired_does_not_count(self) -> None:
        self.romeo.sends(*(message(id) for id in ("1", "2", "3", "4")))
        self.later(8)
        self.host = self.host.restarted()
        self.romeo.sends(message("5"))
        self.romeo.receives()
        self.assertEqual(self.ids(self.comes()), ["5"])

    def test_never(self) -> None:
        other = FakeHost()
        module = other.load(OfflineMessages)
        module.expire()
        other.clock.advance(offline.EXPIRY_SECONDS)
        self.assertEqual([], other.clock.getDelayedCalls())


class DeliveryTests(OfflineCase):
    """Who gets what is kept: one session, once."""

    def test_who_takes_messages(self) -> None:
        self.romeo.sends(message("1"), message("2"))
        juliet = self.host.login("juliet/balcony")
        juliet.sends(NEGATIVE, "<presence type='unavailable'/>", NEGATIVE)
        juliet.receives()
        juliet.sends("<presence><priority>0</priority></presence>")
        juliet.receives(received("1", BODY + delay()), received("2", BODY + delay()))
        self.assertEqual(self.kept(), [])
        juliet.sends("<presence><priority>5</priority></presence>", NEGATIVE, "<presence/>")
        juliet.receives()
        chamber = self.comes("chamber")
        chamber.receives()

    def test_a_second_time(self) -> None:
        juliet = self.comes()
        juliet.sends("<presence type='unavailable'/>")
        self.romeo.sends(message("1"))
        juliet.receives()
        juliet.sends("<presence/>")
        self.assertEqual(self.ids(juliet), ["1"])
        juliet.sends(NEGATIVE)
        self.romeo.sends(message("2"))
        juliet.sends("<presence/>")
        self.assertEqual(self.ids(juliet), ["2"])

    def test_to_the_one_that_comes(self) -> None:
        """Who was there with a negative priority gets nothing."""
        chamber = self.comes("chamber", -1)
        self.romeo.sends(message("1"))
        balcony = self.comes()
        self.assertEqual((self.ids(chamber), self.ids(balcony)), ([], ["1"]))

    def test_a_message_to_a_resource_that_is_gone(self) -> None:
        self.romeo.sends(message("1", to=CHAMBER))
        self.comes().receives(received("1", BODY + delay(), CHAMBER))

    def test_after_a_restart(self) -> None:
        self.romeo.sends(message("1"), message("2"))
        self.host = self.host.restarted()
        self.assertEqual(self.ids(self.comes()), ["1", "2"])
        self.host = self.host.restarted()
        self.assertEqual(self.ids(self.comes()), [])

    def test_what_cannot_be_read(self) -> None:
        """It is logged, without what is in it, and does not stop the rest."""
        self.host.open("offline", Archive).append("juliet", b"<message>secret", when=NOON)
        self.host.open("offline", Archive).append("juliet", b"<message/>", when=NOON)
        self.romeo.sends(message("1"))
        self.assertEqual(self.ids(self.comes()), ["", "1"])
        self.assertEqual(self.kept(), [])

    def test_those_of_the_blocked(self) -> None:
        """Who was blocked meanwhile is not heard any more (XEP-0191 section 3.3)."""
        self.host.load(Blocking)
        nurse = self.host.remote("nurse@example.net/kitchen")
        self.romeo.sends(message("1"))
        nurse.sends(message("2"))
        juliet = self.comes(priority=-1)
        item = "<item jid='romeo@example.net'/>"
        juliet.sends(f"<iq type='set' id='b'><block xmlns='{BLOCKING}'>{item}</block></iq>")
        juliet.take()
        juliet.sends("<presence/>")
        self.assertEqual(self.ids(juliet), ["2"])
        self.assertEqual(self.kept(), [])
        self.romeo.sends(message("3"))
        self.assertEqual(1, len(self.romeo.take()))

    def test_a_block_list_that_is_not_in_memory(self) -> None:
        """As where the feature came later than the session."""
        self.host.load(Blocking)
        juliet = self.host.login("juliet/balcony")
        item = "<item jid='romeo@example.net'/>"
        self.romeo.sends(message("1"))
        juliet.sends(f"<iq type='set' id='b'><block xmlns='{BLOCKING}'>{item}</block></iq>")
        self.host.remove("blocking")
        self.host.load(Blocking)
        juliet.take()
        juliet.sends("<presence/>")
        juliet.receives()

    def test_a_store_that_cannot_be_read(self) -> None:
        """What is kept stays, and what comes is delivered."""
        self.romeo.sends(message("1"))
        page = self.module._archive.page

        def broken(owner: str, range: Range, limit: int) -> "Deferred[Page]":
            raise StorageError("no")

        self.patch(self.module._archive, "page", broken)
        juliet = self.comes()
        self.assertEqual(1, len(self.flushLoggedErrors(StorageError)))
        self.romeo.sends(message("2"))
        self.assertEqual(self.ids(juliet), ["2"])
        self.patch(self.module._archive, "page", page)
        juliet.sends(NEGATIVE, "<presence/>")
        self.assertEqual(self.ids(juliet), ["1"])


class OrderTests(OfflineCase):
    """What comes while messages are being read from a slow disk."""

    settings = OfflineSettings(messages=4, bytes=2_048, held_bytes=6_000)

    def setUp(self) -> None:
        super().setUp()
        self.romeo.sends(message("1"), message("2"))
        self.waiting = self.slowly()

    def read(self) -> None:
        """Let the disk answer, as often as it is asked."""
        while self.waiting:
            self.waiting.pop(0)()
            self.host.turn()

    def test_new_messages_do_not_overtake(self) -> None:
        juliet = self.comes()
        self.romeo.sends(message("3"), message("4", to=BALCONY), message("5", type="headline"))
        juliet.receives()
        self.read()
        juliet.receives(
            received("1", BODY + delay()),
            received("2", BODY + delay()),
            received("3"),
            received("4", to=BALCONY),
            received("5", type="headline"),
        )
        self.romeo.sends(message("6"))
        self.assertEqual(self.ids(juliet), ["6"])

    def test_others_are_not_held_up(self) -> None:
        chamber = self.comes("chamber")
        self.read()
        self.assertEqual(self.ids(chamber), ["1", "2"])
        self.comes("balcony")
        self.romeo.sends(message("3", to=CHAMBER))
        chamber.sends(f"<message to='{CHAMBER}' id='own'/>")
        self.assertEqual(self.ids(chamber), ["3", "own"])

    def test_two_at_once(self) -> None:
        """One gets everything; the other one gets what comes from now on."""
        balcony, chamber = self.comes(), self.comes("chamber")
        self.assertEqual(len(self.waiting), 1)
        self.romeo.sends(message("3", type="normal"))
        self.read()
        self.assertEqual((self.ids(balcony), self.ids(chamber)), (["1", "2", "3"], ["3"]))
        self.assertEqual(self.kept(), [])

    def test_one_that_is_lost_meanwhile(self) -> None:
        """Everything is still there, and what has come since is behind it."""
        self.comes()
        self.romeo.sends(
            message("3"),
            message("4", to=BALCONY),
            message("5", type="normal"),
            message("6", COMPOSING),
            message("7", NO_STORE + BODY),
            message("8", type="headline"),
            message("9", to=BALCONY, type="normal"),
        )
        self.romeo.receives()
        self.host.unread()
        balcony = self.host.sessions("juliet")[0]
        self.assertEqual(balcony.jid, JID.parse(BALCONY))
        self.lose()
        self.read()
        self.romeo.receives(too_much("5"))  # four are enough
        again = self.comes()
        self.read()
        again.receives(
            received("1", BODY + delay()),
            received("2", BODY + delay()),
            received("3", BODY + delay()),
            received("4", BODY + delay(), BALCONY),
        )

    def lose(self) -> None:
        """Lose Juliet's first connection."""
        self.host.accounts_domain.sessions.of("juliet")[0].close("reset")
        self.host.turn()

    def test_who_takes_over(self) -> None:
        """Another session that takes messages; what it has got it does not get again."""
        self.comes()
        chamber = self.comes("chamber", 5)
        cellar = self.comes("cellar", -5)
        self.romeo.sends(
            message("3", type="normal"), message("4", to=BALCONY), message("5", type="chat")
        )
        self.lose()
        self.read()
        self.assertEqual(self.ids(cellar), [])
        self.assertEqual(self.ids(chamber), ["3", "5", "1", "2", "4"])
        self.assertEqual(self.kept(), [])

    def test_what_only_the_lost_one_had_got(self) -> None:
        """Chat goes to the highest priority alone (RFC 6121 8.5.2.1.1)."""
        self.comes(priority=5)
        chamber = self.comes("chamber")
        self.romeo.sends(message("3"))
        self.lose()
        self.read()
        self.assertEqual(self.ids(chamber), ["1", "2", "3"])

    def test_one_that_goes_away_and_stays_connected(self) -> None:
        """It gets what was for it, and the rest is kept."""
        juliet = self.comes()
        self.romeo.sends(message("3"))
        juliet.sends(NEGATIVE)
        self.romeo.sends(message("4"), message("5", to=BALCONY))
        self.read()
        self.assertEqual(self.ids(juliet), ["3", "5"])
        juliet.sends("<presence/>")
        self.read()
        self.assertEqual(self.ids(juliet), ["1", "2", "4"])

    def test_one_that_comes_back_before_the_disk_answers(self) -> None:
        juliet = self.comes()
        juliet.sends(NEGATIVE, "<presence/>")
        self.romeo.sends(message("3"))
        self.read()
        self.assertEqual(self.ids(juliet), ["1", "2", "3"])

    def test_one_that_comes_while_a_message_is_about_to_be_kept(self) -> None:
        """It gets it, although it had read everything before."""
        self.host = self.host.restarted()
        self.module = self.host.load(OfflineMessages, self.settings, name="again")
        self.host.remove("offlinemessages")
        waiting = self.waiting = self.slowly()
        self.romeo.sends(message("3"))
        juliet = self.comes()
        self.romeo.sends(message("4"))
        self.assertEqual(len(waiting), 1)
        self.read()
        self.assertEqual(self.ids(juliet), ["1", "2", "3", "4"])

    def test_what_is_held_is_bounded(self) -> None:
        """Who is sent too much is disconnected, and nothing is lost."""
        juliet = self.comes()
        self.romeo.sends(message("3", f"<body>{'x' * 1_000}</body>"))
        self.assertEqual(juliet.closed_with, "")
        self.romeo.sends(message("4", f"<body>{'x' * 5_000}</body>"))
        self.assertEqual(juliet.closed_with, "resource-constraint")
        self.read()
        again = self.comes()
        self.read()
        self.assertEqual(self.ids(again), ["1", "2", "3"])  # the fourth is too large
        self.romeo.receives(too_much("4"))


class FloodTests(OfflineCase):
    """Many messages: a little at a time, as the client takes them."""

    settings = OfflineSettings(messages=10_000, bytes=100_000_000)

    def fill(self, count: int, body: str = "x") -> list[str]:
        ids = [str(number) for number in range(count)]
        for id in ids:
            message = f"<message xmlns='{CLIENT}' id='{id}'><body>{body}</body></message>"
            self.module._archive.append("juliet", message.encode(), when=NOON)
        self.host.turn()
        return ids

    def bites(self, client: FakeSession) -> list[list[str]]:
        """Return the ids a client gets each time it reads, until there are no more."""
        found = [self.ids(client)]
        while self.host.clock.getDelayedCalls():
            client.reads()
            self.host.clock.advance(offline.PAUSE)
            found.append(self.ids(client))
        return found

    def rest(self) -> list[str]:
        """Return what the next session gets."""
        juliet = self.comes()
        return [id for bite in self.bites(juliet) for id in bite]

    def test_many(self) -> None:
        ids = self.fill(1_000)
        bites = self.bites(self.slow())
        self.assertEqual([id for bite in bites for id in bite], ids)
        self.assertLessEqual(max(map(len, bites)), offline.PAGE)

    def test_large_ones(self) -> None:
        """Whatever their number, bytes are bounded."""
        ids = self.fill(60, "x" * 10_000)
        bites = self.bites(self.slow())
        self.assertEqual([id for bite in bites for id in bite], ids)
        self.assertLessEqual(max(map(len, bites)), 4)

    def test_others_get_their_turn(self) -> None:
        """Between two portions for a client that is fast, of a page and of several."""
        turns: list[int] = [0]

        def turn() -> None:
            turns.append(0)
            if len(turns) < 200:
                self.host.clock.callLater(0, turn)

        def see(_: str) -> None:
            turns[-1] += 1

        self.seen(see)
        for count, body, most in ((500, "x", offline.PAGE), (40, "x" * 10_000, 4)):
            ids = self.fill(count, body)
            turns[:] = [0]
            juliet = self.host.login("juliet/balcony")
            self.host.clock.callLater(0, turn)
            juliet.sends("<presence/>")
            self.assertEqual(self.ids(juliet), ids)
            self.assertLessEqual(max(turns), most)
            juliet.disconnects()

    def test_a_client_that_does_not_read(self) -> None:
        ids = self.fill(200)
        juliet = self.host.login("juliet/balcony")
        juliet.reads(False)
        juliet.sends("<presence/>")
        self.host.clock.pump([offline.PAUSE] * 50)
        self.romeo.sends(message("new"))
        juliet.receives()
        self.assertEqual(len(self.kept()), 200)
        juliet.reads()
        self.assertEqual([id for bite in self.bites(juliet) for id in bite], [*ids, "new"])

    def test_one_that_stops_in_the_middle(self) -> None:
        """What it was not given is for the next one, in order."""
        ids = self.fill(200)
        juliet = self.slow()
        self.host.clock.pump([offline.PAUSE] * 5)
        got = self.ids(juliet)
        self.assertEqual(len(got), offline.PAGE)
        juliet.disconnects()
        self.host.clock.pump([offline.PAUSE] * 5)
        self.assertEqual([], self.host.clock.getDelayedCalls())
        self.assertEqual(got + self.rest(), ids)

    def test_one_that_ends_as_it_is_given_something(self) -> None:
        """What had not been handed over stays."""
        ids = self.fill(10)
        juliet = self.host.login("juliet/balcony")
        self.seen(lambda id: juliet.close("reset") if id == "4" else None)
        juliet.sends("<presence/>")
        self.assertEqual(self.ids(juliet), ids[:5])
        self.assertEqual(self.ids(self.comes()), ids[5:])

    def test_a_server_that_stops(self) -> None:
        ids = self.fill(200)
        got = self.ids(self.slow())
        self.romeo.sends(message("new"))
        self.host = self.host.restarted()
        self.assertEqual(got + self.rest(), [*ids, "new"])


class CrashTests(OfflineCase):
    """Nothing that was committed is lost, nothing is delivered twice but what was under way."""

    def test_a_message_that_was_not_committed(self) -> None:
        self.romeo.sends(message("1"))
        self.host.storage.latency = 5.0
        self.romeo.sends(message("2"))
        self.host = self.host.crashed()
        self.assertEqual(self.ids(self.comes()), ["1"])

    def test_a_delivery_that_was_not_committed(self) -> None:
        self.romeo.sends(message("1"))
        self.host.storage.latency = 5.0
        self.assertEqual(self.ids(self.comes()), ["1"])
        self.host = self.host.crashed()
        self.assertEqual(self.ids(self.comes()), ["1"])

    def test_one_that_was(self) -> None:
        for landed in (False, True):
            self.romeo.sends(message("1"))
            juliet = self.host.login("juliet/balcony")
            self.host.storage.latency = 5.0 if landed else 0.0
            juliet.sends("<presence/>")
            self.assertEqual(self.ids(juliet), ["1"])
            self.host = self.host.crashed(landed=landed)
            juliet = self.comes()
            self.assertEqual(self.ids(juliet), [])
            juliet.disconnects()

    def test_in_the_middle_of_a_flood(self) -> None:
        for id in range(3):
            self.romeo.sends(message(str(id)))
        self.patch(offline, "PAGE", 1)
        self.assertEqual(self.ids(self.slow()), ["0"])
        self.host = self.host.crashed()
        self.assertEqual(self.ids(self.comes()), ["1", "2"])
