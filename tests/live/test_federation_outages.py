"""Servers that are away for a while, and two of ours that call each other at once."""

from tests.live.conversation import Person
from tests.live.federation import EJABBERD, PROSODY, FederationCase

SOON = "retry_seconds = 0.5\nretry_longest_seconds = 1.0"
BODIES = [f"message {number}" for number in range(20)]


def say(one: Person, other: Person) -> None:
    """Send all messages to somebody's client."""
    for body in BODIES:
        one.client.ask("message", to=other.jid, body=body)


class OutageTests(FederationCase):
    """Prosody keeps what comes for people who are not there."""

    def setUp(self) -> None:
        super().setUp()
        self.there = self.prosody(modules=("dialback", "offline", "smacks"))
        self.ours = self.here(s2s=SOON)
        self.run_all(self.ours, self.there)

    def assert_heard(self, person: Person) -> None:
        """Hold that all messages have come, once each and in order; nothing is bounced."""
        person.client.expect("message", body=BODIES[-1])
        self.assertEqual([each["body"] for each in person.client.seen("message")], BODIES)

    def queued(self) -> int:
        return sum(row["queued"] for row in self.ours.do("s2s list"))

    def test_messages_wait_for_a_server_and_outlive_ours(self) -> None:
        self.there.stop()
        juliet = self.juliet(self.ours)
        for body in BODIES:
            juliet.client.ask("message", to=f"romeo@{PROSODY}", body=body)
        juliet.client.ask("ping", to=PROSODY)
        juliet.client.expect("error", condition="remote-server-timeout")
        self.assertEqual(self.queued(), len(BODIES))
        self.ours.stop()
        self.ours.start()
        self.assertEqual(self.queued(), len(BODIES))
        self.there.start()
        self.there.expect(f"Incoming s2s connection .*->{PROSODY} complete")
        romeo = self.romeo(self.there)
        romeo.arrive()
        self.assert_heard(romeo)
        self.assertEqual(juliet.client.seen("bounce"), [])

    def test_a_server_that_is_restarted(self) -> None:
        """Its streams end; there are new ones when they are needed."""
        juliet, romeo = self.juliet(self.ours), self.romeo(self.there)
        for each in (juliet, romeo):
            each.arrive()
        for one, other in ((juliet, romeo), (romeo, juliet)):
            one.says(other, other.jid, "before")
        self.there.stop()
        self.there.start()
        romeo.again()
        for one, other in ((juliet, romeo), (romeo, juliet)):
            one.says(other, other.jid, "after")
        self.assertEqual(juliet.client.seen("bounce"), [])

    def test_ours_is_restarted(self) -> None:
        juliet, romeo = self.juliet(self.ours), self.romeo(self.there)
        for each in (juliet, romeo):
            each.arrive()
        for one, other in ((juliet, romeo), (romeo, juliet)):
            one.says(other, other.jid, "before")
        self.ours.stop()
        self.ours.start()
        juliet.again()
        for one, other in ((romeo, juliet), (juliet, romeo)):
            one.says(other, other.jid, "after")
        self.assertEqual(romeo.client.seen("bounce"), [])


class CrossingTests(FederationCase):
    """Two servers of ours."""

    def test_both_at_once(self) -> None:
        late = "retry_seconds = 60.0"  # once more would be too late
        here, there = self.here(s2s=late), self.here(s2s=late, host=EJABBERD)
        self.run_all(here)
        self.started(there)
        there.add("juliet")
        one, other = self.juliet(here), self.juliet(there)
        for each in (one, other):
            each.arrive()
        say(one, other)
        say(other, one)
        for each in (one, other):
            each.client.expect("message", body=BODIES[-1])
            self.assertEqual([said["body"] for said in each.client.seen("message")], BODIES)
            self.assertEqual(each.client.seen("bounce"), [])
