"""Offline messages (XEP-0160): what is kept, how much, and for how long."""

from twisted.internet.defer import Deferred

from tests.modules.offline_case import (
    BODY,
    COMPOSING,
    JULIET,
    NO_STORE,
    ROMEO,
    STAMP,
    OfflineCase,
    delay,
    message,
    received,
    too_much,
)
from xmppd.api.moments import AccountDeleted
from xmppd.api.registrations import HOST
from xmppd.api.storage import Archive, Page, Range
from xmppd.modules.delay import Delays
from xmppd.modules.offline import boxes, delivery, feature
from xmppd.modules.offline.feature import OfflineMessages, OfflineSettings
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message
from xmppd.testing.collaborators import NOON
from xmppd.testing.fake_host import FakeHost
from xmppd.wire.element import Element
from xmppd.wire.namespaces import DELAY, OFFLINE


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
        """What others say of us stands in for nothing (module `delay` takes it away)."""
        forged = delay(stamp="2002-09-10T23:08:25Z")
        text = self.delivered(BODY + forged)
        self.assertEqual((2, 1), (text.count("<delay"), text.count(STAMP)), text)
        self.host.load(Delays)
        text = self.delivered(forged + BODY + forged)
        self.assertEqual((1, 1), (text.count("<delay"), text.count(STAMP)), text)

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

    def test_what_could_not_be_written(self) -> None:
        """It does not count, whichever of several commits it was in."""
        for lost in (0, 1):
            self.assertEqual(self.send(2), 0)
            self.host.storage.latency = 5.0
            self.assertEqual(self.send(1), 0)
            self.host.clock.advance(1)
            self.assertEqual(self.send(1), 0)
            self.host.clock.advance(4 * lost)
            self.host.storage.fail_next_commit()
            self.host.clock.pump([5, 5, 5])
            self.host.storage.latency = 0.0
            self.assertEqual(len(self.kept()), 3)
            self.assertEqual(self.send(5), 4)
            self.comes().disconnects()

    def test_what_was_read_does_not_count(self) -> None:
        """Even if the rest was not."""
        self.patch(delivery, "PAGE", 1)
        self.send(4)
        self.slow().disconnects()
        self.host.clock.advance(delivery.PAUSE)
        self.assertEqual(len(self.kept()), 3)
        self.assertEqual(self.send(2), 1)

    def test_what_is_remembered_of_accounts(self) -> None:
        """Bounded; whoever was forgotten is counted again."""
        self.patch(boxes, "REMEMBERED", 2)
        names = [f"nurse{number}" for number in range(4)]
        for name in names:
            self.host.add_account(name)
        for _ in range(6):
            self.romeo.sends(*(message(to=f"{name}@example.org") for name in names))
            self.assertLessEqual(len(self.module._boxes._away), 2)
        self.assertEqual(len(self.romeo.take()), 2 * 4)

    def test_those_in_use_are_not_forgotten(self) -> None:
        self.patch(boxes, "REMEMBERED", 1)
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
        self.host.clock.advance(feature.EXPIRY_SECONDS)
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
        other.clock.advance(feature.EXPIRY_SECONDS)
        self.assertEqual([], other.clock.getDelayedCalls())
