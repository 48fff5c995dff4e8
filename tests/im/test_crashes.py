"""Crashes in the middle of things: what somebody was told stands, and the two sides come to agree.

Each step of a flow is sent while commits take time; after none, one or more of them the server is
killed, with the commit under way on the disk or not. Then both log in again, with presence.
"""

from collections.abc import Iterator, Sequence

from twisted.trial.unittest import SynchronousTestCase

from tests.im.crash_points import COMMIT_SECONDS, kill, pass_commits, points
from tests.im.house import ONE_HOST, ROMEO, TWO_HOSTS, TWO_SERVERS, House
from tests.im.seen import ABSENT
from tests.im.states import ASK, ASKED, CONTACT, GRANT, GRANTED, PUT, USER, Step
from tests.im.subscription_table import REMOVE

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
        pass_commits(self.house.host, commits)
        self.told = self.house.take()
        self.house.host = kill(self.house.host, landed=landed)
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

    def test_a_lost_farewell_is_answered_when_it_comes_again(self) -> None:
        """A lost `unsubscribe` leaves her in Romeo's roster, and RFC 6121 has nothing for that.

        Her server has no reason to say it again: she sees nobody, so it does not probe (4.3.1), and
        only requests are to be repeated (3.1.2). Romeo's server goes on sending her his presence,
        which hers has to deliver without a look at her roster (4.2.3, 4.4.3). The notes in 4.4.2
        and 4.5.2 have `unsubscribe` for such a case; no rule says who sends it, and when.

        What there is: she may say it again whatever her own state is (3.3.2, A.2.2), as she sees
        his presence come. Then Romeo's server takes it for a new one (3.3.3).
        """
        house, seen = self.lost(ASKED, GRANT, (CONTACT, "unsubscribe"))
        self.assertIn(f"available from {ROMEO}/orchard to {house.juliet}", seen)
        self.assertNotIn(f"probe from {ROMEO} to {house.juliet}", seen)
        house.sends(CONTACT, "unsubscribe")
        words = words_of(house)
        self.assertIn(f"unavailable from {ROMEO}/orchard to {house.juliet}", words)
        self.assertEqual("none", house.look(USER)[0])

    def test_a_lost_farewell_is_answered_when_romeo_denies_her(self) -> None:
        """He may cancel what he believes she has (3.2.2); hers makes nothing of it (A.3.4)."""
        house, _ = self.lost(ASKED, GRANT, (CONTACT, "unsubscribe"))
        house.sends(USER, "unsubscribed")
        words = words_of(house)
        self.assertIn(f"unsubscribed from {ROMEO} to {house.juliet}", words)
        self.assertEqual("none", house.look(USER)[0])

    def test_a_probe_for_what_is_lost_is_denied(self) -> None:
        """She believes to see him and does not: her next probe tells her (4.3.2 rule 1)."""
        house, _ = self.lost(ASKED)
        house.sends(CONTACT, "probe")
        words = words_of(house)
        self.assertIn(f"unsubscribed from {ROMEO} to {house.juliet}", words)


def words_of(house: House) -> list[str]:
    """Return all that has come for anybody."""
    return [word for words in house.take().values() for word in words]
