"""Offline messages (XEP-0160): who is given what is kept, in which order, once."""

from twisted.internet.defer import Deferred

from tests.modules.offline_case import (
    BALCONY,
    BODY,
    CHAMBER,
    COMPOSING,
    NEGATIVE,
    NO_STORE,
    OfflineCase,
    delay,
    message,
    received,
    too_much,
)
from xmppd.api.moments import PASS, STOP, PresenceChanged, Stage, ToResource, Verdict
from xmppd.api.registrations import Watch
from xmppd.api.storage import Archive, Page, Range, StorageError
from xmppd.modules.blocking.feature import Blocking
from xmppd.modules.offline import delivery
from xmppd.modules.offline.feature import OfflineMessages, OfflineSettings
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message, Presence
from xmppd.testing.collaborators import NOON
from xmppd.testing.fake_session import FakeSession
from xmppd.wire.namespaces import BLOCKING, CLIENT


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
        store = self.host.open("offline", Archive)
        for value, when in (
            (b"<message>secret", NOON),
            (b"<message/>", 1e12),
            (b"<message/>", NOON),
        ):
            store.append("juliet", value, when=when)
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
        # What may not be kept, and what is too much: four are enough.
        self.romeo.receives(too_much("7"), too_much("9", BALCONY), too_much("5"))
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

    def test_who_takes_over_where_nothing_new_has_come(self) -> None:
        self.comes()
        chamber = self.comes("chamber")
        self.lose()
        self.read()
        self.assertEqual(self.ids(chamber), ["1", "2"])

    def test_chat_of_equals(self) -> None:
        """Both have got it (RFC 6121 8.5.2.1.1); one of them is enough."""
        self.comes()
        chamber = self.comes("chamber")
        self.romeo.sends(message("3"))
        self.lose()
        self.read()
        self.assertEqual(self.ids(chamber), ["3", "1", "2"])

    def test_others_that_are_slow(self) -> None:
        """Another feature that thinks about somebody's presence makes no difference."""
        thinking: list[Deferred[Verdict]] = []

        def think(_presence: object, _session: object) -> "Deferred[Verdict]":
            thinking.append(Deferred())
            return thinking[-1]

        self.host.remove("offlinemessages")
        self.host.install("slow", [Watch(PresenceChanged, think)])
        self.host.install("offline", self.module.registrations())
        juliet = self.comes()
        self.assertEqual(len(thinking), 1)
        self.romeo.sends(message("3"))
        self.read()
        self.assertEqual(self.ids(juliet), ["1", "2", "3"])

    def test_others_see_everything_once(self) -> None:
        seen: list[str] = []

        def see(message: Message, _session: object) -> Verdict:
            seen.append(message.id)
            return PASS

        self.host.remove("offlinemessages")
        self.host.install("other", [Watch(ToResource, see, kinds=("message",))])
        self.host.install("offline", self.module.registrations())
        self.comes()
        self.romeo.sends(message("3"))
        self.read()
        self.assertEqual(seen, ["1", "2", "3"])

    def test_a_session_of_which_nobody_says_that_it_goes(self) -> None:
        """As where another feature fails before we hear of it."""

        def fails(presence: Presence, _session: object) -> Verdict:
            return STOP if presence.type else PASS

        self.host.remove("offlinemessages")
        self.host.install("bad", [Watch(PresenceChanged, fails, Stage.FIRST)])
        self.host.install("offline", self.module.registrations())
        self.comes().disconnects()
        self.read()
        self.assertEqual((len(self.kept()), self.module._boxes._online), (2, {}))

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

    def test_what_comes_in_between(self) -> None:
        """While nobody takes messages, before the disk has answered one that did and will again."""
        juliet = self.comes()
        juliet.sends(NEGATIVE)
        self.romeo.sends(message("3"))
        juliet.sends("<presence/>")
        self.read()
        self.assertEqual(self.ids(juliet), ["1", "2", "3"])
        self.assertEqual(self.kept(), [])

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
            self.host.clock.advance(delivery.PAUSE)
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
        self.assertLessEqual(max(map(len, bites)), delivery.PAGE)

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
        for count, body, most in ((500, "x", delivery.PAGE), (40, "x" * 10_000, 4)):
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
        self.host.clock.pump([delivery.PAUSE] * 50)
        self.romeo.sends(message("new"))
        juliet.receives()
        self.assertEqual(len(self.kept()), 200)
        juliet.reads()
        self.assertEqual([id for bite in self.bites(juliet) for id in bite], [*ids, "new"])

    def test_one_that_stops_in_the_middle(self) -> None:
        """What it was not given is for the next one, in order."""
        ids = self.fill(200)
        juliet = self.slow()
        self.host.clock.pump([delivery.PAUSE] * 5)
        got = self.ids(juliet)
        self.assertEqual(len(got), delivery.PAGE)
        juliet.disconnects()
        self.host.clock.pump([delivery.PAUSE] * 5)
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
        self.patch(delivery, "PAGE", 1)
        self.assertEqual(self.ids(self.slow()), ["0"])
        self.host = self.host.crashed()
        self.assertEqual(self.ids(self.comes()), ["1", "2"])
