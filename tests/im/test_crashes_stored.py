"""Crashes while rosters, block lists and messages are written: what was told stands.

What one turn wrote is there or not, as a whole, whenever the server is killed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from twisted.trial.unittest import SynchronousTestCase

from tests.im.crash_points import COMMIT_SECONDS, kill, pass_commits, points
from tests.im.house import GET
from tests.im.shipped import features, messaging
from tests.modules.block_lists import command
from xmppd.modules.offline.feature import OfflineSettings
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession
from xmppd.wire.namespaces import BLOCKING

JULIET = "juliet@example.org"
ROMEO = "romeo@example.net"


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
                pass_commits(host, commits)
                told = [n for n in range(edits) if f'id="{n}"' in "".join(juliet.take())]
                host = kill(host, landed=landed)
                juliet = host.login("juliet/balcony")
                juliet.sends(GET)
                [roster] = juliet.take()
                there = [n for n in range(edits) if f'"Nurse {n}"' in roster]
                point = f"{edits} edits, {commits} commits, landed: {landed}"
                self.assertLessEqual(told[-1:], there, point)
                self.assertEqual(bool(commits) or landed, bool(there), point)


@dataclass(slots=True)
class Block:
    """A command to a block list in which there is Tybalt, and a crash behind it.

    - `answered`: the client got its result; `pushed`: another one was told; `left`: Romeo, who sees
      Juliet's presence, was told that she is gone; `came`: that she is there.
    - `listed`: what is on the list afterwards; `stopped`: whether that is so for Romeo's messages.
    """

    answered: bool = False
    pushed: bool = False
    left: bool = False
    came: bool = False
    listed: tuple[str, ...] = ()
    stopped: bool = False

    @property
    def told(self) -> bool:
        """Whether anybody has seen anything of it."""
        return self.answered or self.pushed or self.left or self.came


TYBALT = "tybalt@example.com"

COMMANDS: dict[str, tuple[tuple[str, ...], Sequence[str], tuple[str, ...]]] = {
    "one more": ((TYBALT,), ("block", ROMEO), (ROMEO, TYBALT)),
    "two more": (
        (TYBALT,),
        ("block", ROMEO, "paris@example.com"),
        ("paris@example.com", ROMEO, TYBALT),
    ),
    "one less": ((ROMEO, TYBALT), ("unblock", ROMEO), (TYBALT,)),
    "none at all": ((ROMEO, TYBALT), ("unblock",), ()),
}
"""The list before, the command, the list behind it."""


def block(name: str, commits: int, landed: bool, loses: str = "") -> Block:
    """Carry out a command and kill the server."""
    before, (verb, *items), _ = COMMANDS[name]
    host = messaging()
    romeo = host.remote(f"{ROMEO}/orchard")
    juliet, other = host.login("juliet/balcony"), host.login("juliet/chamber")
    for client in (juliet, other):
        client.sends("<presence/>")
        listed(client)
    romeo.sends(f"<presence type='subscribe' from='{ROMEO}' to='{JULIET}'/>")
    juliet.sends(f"<presence type='subscribed' to='{ROMEO}'/>", command("block", *before))
    host.overlook()
    host.storage.latency = COMMIT_SECONDS
    juliet.sends(command(verb, *items, id="c"))
    pass_commits(host, commits)
    seen = romeo.take()
    found = Block(
        any('type="result"' in text for text in juliet.take()),
        any(f"<{verb} " in text for text in other.take()),
        any('type="unavailable"' in text for text in seen),
        any(text.startswith("<presence") and "type=" not in text for text in seen),
    )
    host = kill(host, landed=landed, loses=loses)
    found.stopped = stops(host)
    found.listed = listed(host.login("juliet/balcony"))
    return found


def listed(client: FakeSession) -> tuple[str, ...]:
    """Ask for the block list, and return it."""
    client.sends(f"<iq type='get' id='list'><blocklist xmlns='{BLOCKING}'/></iq>")
    payload = client.stanzas[-1].child("blocklist", BLOCKING)
    assert payload is not None
    return tuple(item.attrs["jid"] for item in payload.elements("item", BLOCKING))


def stops(host: FakeHost) -> bool:
    """Tell whether Romeo's messages are stopped: while Juliet is away, and when she is there."""
    romeo = host.remote(f"{ROMEO}/orchard")
    answers = []
    for resource in ("", "balcony"):
        client = host.login(f"juliet/{resource}") if resource else None
        if client is not None:
            client.sends("<presence/>")
        romeo.sends(f"<message id='m' to='{JULIET}'><body>Soft!</body></message>")
        answers.append(any('type="error"' in text for text in romeo.take()))
        if client is not None:
            client.disconnects()
    assert len(set(answers)) == 1, answers
    return answers[0]


class BlockingTests(SynchronousTestCase):
    """Block lists: who was told of a change may rely on it, and it is made as a whole."""

    def test_commands(self) -> None:
        kept = lost = told = 0
        for name, (before, _, after) in COMMANDS.items():
            for commits, landed in points():
                point = f"{name}, {commits} commits, landed: {landed}"
                found = block(name, commits, landed)
                self.assertEqual(after if commits or landed else before, found.listed, point)
                self.assertEqual(ROMEO in found.listed, found.stopped, point)
                self.assertEqual(found.answered, found.pushed, point)
                self.assertEqual(found.answered, found.left or found.came, point)
                self.assertTrue(commits or not found.told, point)
                told += found.told
                kept += found.listed == after
                lost += found.listed == before
        self.assertGreater(min(kept, lost, told), 3)

    def test_a_lost_list_is_noticed(self) -> None:
        for name in ("one more", "two more", "one less"):
            found = block(name, 1, False, "blocking")
            self.assertTrue(found.told)
            self.assertNotEqual(COMMANDS[name][2], found.listed)
            self.assertFalse(found.stopped)


class OfflineTests(SynchronousTestCase):
    """Messages that wait: kept once committed, delivered at least once, and in the end once."""

    MESSAGE = "<message to='juliet@example.org' id='m{}'><body>Soft!</body></message>"

    def received(self, texts: Sequence[str]) -> list[str]:
        return [f"m{n}" for text in texts for n in range(5) if f'id="m{n}"' in text]

    def waiting(self, host: FakeHost, count: int = 3) -> FakeSession:
        """Let messages wait for Juliet, and return who has sent them."""
        host.add_account("juliet")
        romeo = host.login("romeo/orchard")
        romeo.sends(*(self.MESSAGE.format(n) for n in range(count)))
        return romeo

    def come(self, host: FakeHost) -> FakeSession:
        """Let Juliet be there to read."""
        juliet = host.login("juliet/balcony")
        juliet.sends("<presence/>")
        return juliet

    def test_a_crash_while_they_are_kept(self) -> None:
        for commits, landed in points():
            host = messaging()
            host.add_account("juliet")
            romeo = host.login("romeo/orchard")
            host.storage.latency = COMMIT_SECONDS
            romeo.sends(*(self.MESSAGE.format(n) for n in range(3)))
            pass_commits(host, commits)
            got = self.received(self.come(kill(host, landed=landed)).take())
            # What each turn wrote is there or not, in order and without a gap.
            self.assertEqual(["m0", "m1", "m2"][: len(got)], got)
            self.assertEqual(bool(commits) or landed, bool(got), (commits, landed))
            if commits >= 2:
                self.assertEqual(["m0", "m1", "m2"], got)

    def test_a_crash_while_they_are_delivered(self) -> None:
        """What comes again is the same in every letter, its time included."""
        again = 0
        for commits, landed in points():
            host = messaging()
            self.waiting(host)
            host.storage.latency = COMMIT_SECONDS
            juliet = self.come(host)
            pass_commits(host, commits)
            first = [text for text in juliet.take() if text.startswith("<message")]
            host = kill(host, landed=landed)
            host.wall.seconds += 60
            second = [text for text in self.come(host).take() if text.startswith("<message")]
            self.assertEqual(["m0", "m1", "m2"], self.received(first), (commits, landed))
            self.assertIn(second, ([], first))
            self.assertTrue(second or commits or landed)
            again += bool(second)
            self.assertEqual([], self.received(self.come(host.crashed()).take()))
        self.assertGreater(again, 0)

    def test_a_crash_while_more_come(self) -> None:
        """Nothing overtakes, in either life of the server; what waited is not lost for that."""
        for commits, landed in points():
            host = messaging()
            romeo = self.waiting(host)
            host.storage.latency = COMMIT_SECONDS
            juliet = self.come(host)
            romeo.sends(self.MESSAGE.format(3))
            pass_commits(host, commits)
            romeo.sends(self.MESSAGE.format(4))
            first = self.received(juliet.take())
            second = self.received(self.come(kill(host, landed=landed)).take())
            for got in (first, second):
                self.assertEqual(sorted(set(got)), got, (commits, landed))
            self.assertLessEqual({"m0", "m1", "m2"}, {*first, *second}, (commits, landed))
            self.assertNotIn("m4", set(first) & set(second))

    def test_a_crash_when_the_client_has_left_in_between(self) -> None:
        """It may have seen some and not others: each is seen, or waits."""
        for commits, landed in points():
            host = messaging()
            self.waiting(host)
            host.storage.latency = COMMIT_SECONDS
            juliet = self.come(host)
            juliet.disconnects()
            first = self.received(juliet.take())
            pass_commits(host, commits)
            second = self.received(self.come(kill(host, landed=landed)).take())
            self.assertEqual({"m0", "m1", "m2"}, {*first, *second}, (commits, landed))

    def test_what_was_refused_is_not_kept(self) -> None:
        """The sender was told so (8.5.2.2.1), whatever becomes of those before it."""
        code, _ = features()["offline"]
        for commits, landed in points():
            host = FakeHost()
            small = (code, (OfflineSettings(messages=2),))
            host.load_all({**features(), "offline": small})
            host.add_account("juliet")
            romeo = host.login("romeo/orchard")
            host.storage.latency = COMMIT_SECONDS
            romeo.sends(*(self.MESSAGE.format(n) for n in range(3)))
            pass_commits(host, commits)
            self.assertEqual(["m2"], self.received(romeo.take()), (commits, landed))
            got = self.received(self.come(kill(host, landed=landed)).take())
            self.assertEqual(["m0", "m1"][: len(got)], got, (commits, landed))
            self.assertEqual(bool(commits) or landed, bool(got), (commits, landed))
