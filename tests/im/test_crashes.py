"""Crashes in the middle of things: what somebody was told stands, and the two sides come to agree.

Each step of a flow is sent while commits take time; after none, one or more of them the server is
killed, with the commit under way on the disk or not. Then both log in again, with presence.
"""

from collections.abc import Iterator, Sequence

from twisted.trial.unittest import SynchronousTestCase

from tests.im.house import GET, ONE_HOST, ROMEO, TWO_HOSTS, TWO_SERVERS, House
from tests.im.seen import ABSENT
from tests.im.shipped import messaging
from tests.im.states import ASK, ASKED, CONTACT, GRANT, GRANTED, PUT, USER, Step
from tests.im.subscription_table import REMOVE

COMMIT_SECONDS = 0.01
COMMITS = range(4)
"""How many commits are waited for; the longest flow of answers has three."""

HANDSHAKE = (ASK, GRANTED, ASKED, GRANT)
FLOWS: dict[str, Sequence[Step]] = {
    "a mutual subscription": HANDSHAKE,
    "a refused request": (ASK, (CONTACT, "unsubscribed")),
    "a request granted beforehand": (GRANT, ASKED),
    "unsubscribing": (*HANDSHAKE, (USER, "unsubscribe"), (CONTACT, "unsubscribe")),
    "cancelling": (*HANDSHAKE, (CONTACT, "unsubscribed"), (USER, "unsubscribed")),
    "a removal": (*HANDSHAKE, (USER, REMOVE)),
    "a removal by the other": (*HANDSHAKE, (CONTACT, REMOVE)),
    "a contact put in and taken out": (PUT, (USER, REMOVE)),
}

MIRRORED = {"none": "none", "to": "from", "from": "to", "both": "both", ABSENT: "none"}


def points() -> Iterator[tuple[int, bool]]:
    """Yield when to crash: after how many commits, and whether the next one reached the disk."""
    for commits in COMMITS:
        for landed in (False, True):
            yield commits, landed


def subscription(shown: str) -> str:
    """Return the subscription of what a roster shows."""
    return "none" if shown == ABSENT else shown.split()[0]


class Crash:
    """A flow up to some step, and a crash in it."""

    def __init__(self, where: str, steps: Sequence[Step], commits: int, landed: bool) -> None:
        self.house = House(where)
        for step in steps[:-1]:
            self.house.sends(*step)
        self.house.take()
        self.before = self.shown()
        storage = self.house.host.storage
        storage.latency = COMMIT_SECONDS
        self.house.sends(*steps[-1])
        for _ in range(commits):
            self.house.host.clock.advance(COMMIT_SECONDS)
        self.told = self.house.take()
        self.house.host = self.house.host.crashed(landed=landed)
        self.house.host.storage.latency = 0
        self.greeted = self.house.log_in()
        self.after = self.shown()

    def shown(self) -> list[str]:
        """Return what each side's roster shows of the other, for those on our server."""
        sides = (USER,) if self.house.remote is not None else (USER, CONTACT)
        shown = [self.house.look(side)[0] for side in sides]
        self.house.take()
        return shown

    def acknowledged(self, side: int) -> str:
        """Return what a side was shown last before the crash, "" if nothing has changed for it."""
        pushes = [
            word.removeprefix("push ")
            for jid, words in self.told.items()
            if jid.startswith(self.house.people[side])
            for word in words
            if word.startswith("push ")
        ]
        return ABSENT if pushes[-1:] == ["remove"] else "".join(pushes[-1:])


class CrashTests(SynchronousTestCase):
    """On our server are both, or Romeo alone."""

    def crashes(self, where: str) -> Iterator[tuple[Crash, str]]:
        for name, flow in FLOWS.items():
            for length in range(1, len(flow) + 1):
                for commits, landed in points():
                    crash = Crash(where, flow[:length], commits, landed)
                    yield crash, f"{name}, step {length}, {commits} commits, landed: {landed}"

    def check_both(self, where: str) -> None:
        kept = lost = 0
        for crash, name in self.crashes(where):
            for side, shown in enumerate(crash.after):
                told = crash.acknowledged(side)
                if told:
                    self.assertEqual(told, shown, name)
                kept += shown != crash.before[side]
                lost += shown == crash.before[side]
            mine, theirs = crash.after
            self.assertEqual(MIRRORED[subscription(mine)], subscription(theirs), name)
            self.check_requests(crash, name)
        self.assertGreater(min(kept, lost), 20)

    def check_requests(self, crash: Crash, name: str) -> None:
        """Who has asked and got no answer is still asking: the other one sees that at once."""
        for side, shown in enumerate(crash.after):
            me, other = crash.house.people[side], crash.house.people[1 - side]
            request = f"subscribe from {me} to {other}"
            seen = [
                request in crash.greeted.get(each.jid, [])
                for each in crash.house.resources
                if each.available and each.jid.startswith(other)
            ]
            self.assertEqual({" ask" in shown}, set(seen), name)

    def test_one_host(self) -> None:
        self.check_both(ONE_HOST)

    def test_two_hosts(self) -> None:
        self.check_both(TWO_HOSTS)

    def test_two_servers(self) -> None:
        """What another server was told, and Romeo, holds; what they were not told may be gone."""
        told_remote = 0
        for crash, name in self.crashes(TWO_SERVERS):
            told = crash.acknowledged(USER)
            if told:
                self.assertEqual(told, crash.after[0], name)
            self.check_what_the_other_server_knows(crash, name)
            told_remote += f"{crash.house.juliet}/balcony" in crash.told
        self.assertGreater(told_remote, 20)

    def check_what_the_other_server_knows(self, crash: Crash, name: str) -> None:
        """It was granted, refused or asked only what Romeo's roster has."""
        words = crash.told.get(f"{crash.house.juliet}/balcony", [])
        shown = crash.after[0]
        sees_us = subscription(shown) in ("from", "both")
        table = {
            "subscribe": " ask" in shown,
            "subscribed": sees_us,
            "unsubscribed": not sees_us,
            "unsubscribe": subscription(shown) not in ("to", "both") and " ask" not in shown,
        }
        for type, holds in table.items():
            if f"{type} from {ROMEO} to {crash.house.juliet}" in words:
                self.assertTrue(holds, f"{name}: {words} but {shown}")


class HealingTests(SynchronousTestCase):
    """What another server has said and a crash took away."""

    def lost(self, *steps: Step) -> tuple[House, list[str]]:
        """Lose the last step; return what the other server sees when Romeo is there again."""
        crash = Crash(TWO_SERVERS, steps, 0, False)
        self.assertEqual(crash.before, crash.after)
        return crash.house, crash.greeted.get(f"{crash.house.juliet}/balcony", [])

    def heal(self, house: House, answer: str) -> str:
        """Let the other server answer; return what Romeo's roster shows then."""
        house.sends(CONTACT, answer)
        return house.look(USER)[0]

    def test_a_lost_approval_comes_again_as_the_answer_to_the_request(self) -> None:
        """3.1.2: what is not answered is asked again."""
        house, seen = self.lost(ASK, GRANTED)
        self.assertIn(f"subscribe from {ROMEO} to {house.juliet}", seen)
        self.assertEqual("to", self.heal(house, "subscribed"))

    def test_a_lost_refusal_comes_again_as_the_answer_to_a_probe(self) -> None:
        house, seen = self.lost(ASK, GRANTED, (CONTACT, "unsubscribed"))
        self.assertIn(f"probe from {ROMEO} to {house.juliet}", seen)
        self.assertEqual("none", self.heal(house, "unsubscribed"))

    def test_a_lost_request_comes_again_when_she_asks_again(self) -> None:
        """3.1.2: that is for her server to do."""
        house, _ = self.lost(ASKED)
        house.sends(CONTACT, "subscribe")
        self.assertIn(f"subscribe from {house.juliet} to {ROMEO}", words_of(house))

    def test_a_lost_farewell_is_answered_when_she_asks_again(self) -> None:
        """A lost `unsubscribe` leaves her in Romeo's roster until she, or he, does something."""
        house, seen = self.lost(ASKED, GRANT, (CONTACT, "unsubscribe"))
        self.assertIn(f"available from {ROMEO}/orchard to {house.juliet}", seen)
        self.assertEqual("none", self.heal(house, "unsubscribe"))

    def test_a_probe_for_what_is_lost_is_denied(self) -> None:
        """She believes to see him and does not: her next probe tells her (4.3.2 rule 1)."""
        house, _ = self.lost(ASKED)
        house.sends(CONTACT, "probe")
        words = words_of(house)
        self.assertIn(f"unsubscribed from {ROMEO} to {house.juliet}", words)


def words_of(house: House) -> list[str]:
    """Return all that has come for anybody."""
    return [word for words in house.take().values() for word in words]


class RosterTests(SynchronousTestCase):
    """Edits of a roster: an answer or a push means that it is on the disk."""

    EDIT = (
        "<iq type='set' id='{0}'><query xmlns='jabber:iq:roster'>"
        "<item jid='nurse@example.org' name='Nurse {0}'/></query></iq>"
    )

    def test_edits(self) -> None:
        for edits in range(1, 4):
            for commits, landed in points():
                host = messaging()
                juliet = host.login("juliet/balcony")
                juliet.sends(GET)
                juliet.take()
                host.storage.latency = COMMIT_SECONDS
                juliet.sends(*(self.EDIT.format(n) for n in range(edits)))
                for _ in range(commits):
                    host.clock.advance(COMMIT_SECONDS)
                told = [n for n in range(edits) if f'id="{n}"' in "".join(juliet.take())]
                host = host.crashed(landed=landed)
                juliet = host.login("juliet/balcony")
                juliet.sends(GET)
                [roster] = juliet.take()
                there = [n for n in range(edits) if f'"Nurse {n}"' in roster]
                point = f"{edits} edits, {commits} commits, landed: {landed}"
                self.assertLessEqual(told[-1:], there, point)
                self.assertEqual(bool(commits) or landed, bool(there), point)


class OfflineTests(SynchronousTestCase):
    """Messages that wait: kept once committed, delivered at least once, and in the end once."""

    MESSAGE = "<message to='juliet@example.org' id='m{}'><body>Soft!</body></message>"

    def received(self, texts: Sequence[str]) -> list[str]:
        return [f"m{n}" for text in texts for n in range(3) if f'id="m{n}"' in text]

    def test_a_crash_while_they_are_kept(self) -> None:
        for commits, landed in points():
            host = messaging()
            host.add_account("juliet")
            romeo = host.login("romeo/orchard")
            host.storage.latency = COMMIT_SECONDS
            romeo.sends(*(self.MESSAGE.format(n) for n in range(3)))
            for _ in range(commits):
                host.clock.advance(COMMIT_SECONDS)
            host = host.crashed(landed=landed)
            host.storage.latency = 0
            juliet = host.login("juliet/balcony")
            juliet.sends("<presence/>")
            got = self.received(juliet.take())
            # What each turn wrote is there or not, in order and without a gap.
            self.assertEqual(["m0", "m1", "m2"][: len(got)], got)
            self.assertEqual(bool(commits) or landed, bool(got), (commits, landed))
            if commits >= 2:
                self.assertEqual(["m0", "m1", "m2"], got)

    def test_a_crash_while_they_are_delivered(self) -> None:
        again = 0
        for commits, landed in points():
            host = messaging()
            host.add_account("juliet")
            romeo = host.login("romeo/orchard")
            romeo.sends(*(self.MESSAGE.format(n) for n in range(3)))
            host.storage.latency = COMMIT_SECONDS
            juliet = host.login("juliet/balcony")
            juliet.sends("<presence/>")
            for _ in range(commits):
                host.clock.advance(COMMIT_SECONDS)
            first = self.received(juliet.take())
            host = host.crashed(landed=landed)
            host.storage.latency = 0
            juliet = host.login("juliet/balcony")
            juliet.sends("<presence/>")
            second = self.received(juliet.take())
            self.assertEqual({"m0", "m1", "m2"}, {*first, *second}, (commits, landed))
            self.assertIn(second, ([], ["m0", "m1", "m2"]))
            again += bool(first and second)
            juliet = host.crashed().login("juliet/balcony")
            juliet.sends("<presence/>")
            self.assertEqual([], self.received(juliet.take()))
        self.assertGreater(again, 0)
