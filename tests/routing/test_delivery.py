"""The delivery plan against the table of RFC 6121 section 8.5."""

from dataclasses import replace
from itertools import product

from twisted.trial.unittest import SynchronousTestCase

from tests.routing.delivery_table import Case, cases
from xmppd.api.sessions import SessionRecord
from xmppd.routing.delivery import Fate, Plan, is_left, plan
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message, Presence

JULIET = JID.make("juliet", "example.org")


def record(resource: str, priority: int | None) -> SessionRecord:
    """Return the record of a session; it is only connected if it has no priority."""
    return SessionRecord(
        JID.make("juliet", "example.org", resource),
        "local",
        available=priority is not None,
        priority=priority or 0,
    )


def planned(case: Case) -> Plan:
    records = [record(*each) for each in case.priorities.items()]
    match = records[0] if case.address == "match" else None
    return plan(case.kind, case.type, match, case.address != "bare", records)


def outcomes(decided: Plan) -> set[str]:
    """Return what a plan can come to, in the words of the table."""
    fate, records = decided
    if fate is Fate.DELIVER:
        return {"to:" + "+".join(sorted(record.jid.resourcepart for record in records))}
    return {
        Fate.KEEP: {"store", "error"},
        Fate.BOUNCE: {"error"},
        Fate.DROP: {"ignore"},
    }[fate]


class PlanTests(SynchronousTestCase):
    """`plan`, row by row and in general."""

    def test_table(self) -> None:
        seen = 0
        for case in cases():
            if not case.account or (case.kind == "iq" and case.address == "bare"):
                continue  # decided before a plan is made
            seen += 1
            self.assertLessEqual(outcomes(planned(case)), case.allowed, case.row)
        self.assertGreater(seen, 100)

    def test_errors_reach_who_sees_the_roster(self) -> None:
        """To the account, as an answer to its request for a subscription (3.1.2)."""
        away, shown = record("r1", None), record("r2", 1)
        interested = replace(away, interested=True)
        for records, told in (
            ([away], []),
            ([interested], [interested]),
            ([interested, shown], [interested, shown]),
            ([away, shown], [shown]),
        ):
            self.assertEqual(told, list(plan("presence", "error", None, False, records)[1]))
            self.assertEqual(
                [each for each in records if each.available],
                list(plan("presence", "", None, False, records)[1]),
            )

    def test_negative_priorities_get_no_message_sent_to_the_account(self) -> None:
        """RFC 6121 8.5.2.1.1, in all states of three resources."""
        types = ("", "normal", "chat", "groupchat", "headline", "error")
        states = product((None, -1, 0, 5), repeat=3)
        for type, state, full in product(types, states, (False, True)):
            records = [record(f"r{n}", priority) for n, priority in enumerate(state)]
            fate, chosen = plan("message", type, None, full, records)
            self.assertEqual(bool(chosen), fate is Fate.DELIVER)
            self.assertTrue(all(each.available and each.priority >= 0 for each in chosen))

    def test_presence_reaches_negative_priorities(self) -> None:
        low = record("low", -1)
        self.assertEqual((Fate.DELIVER, [low]), plan("presence", "", None, False, [low]))


FULL = JID.make("juliet", "example.org", "r1")


class LeftTests(SynchronousTestCase):
    """`is_left`: what a session, whose priority is 1, has ended with."""

    def test_messages(self) -> None:
        # (type, address, the priorities of who is there still, whether nobody has got it)
        for type, to, priorities, left in (
            ("chat", JULIET, (), True),
            ("chat", JULIET, (0,), True),
            ("chat", JULIET, (1,), False),
            ("chat", JULIET, (0, 2), False),
            ("", JULIET, (0,), False),
            ("", JULIET, (-1, None), True),
            ("chat", FULL, (1,), True),
            ("", FULL, (1,), True),
            ("headline", JULIET, (), False),
            ("groupchat", FULL, (), False),
            ("error", FULL, (1,), True),
        ):
            others = [record(f"o{number}", each) for number, each in enumerate(priorities)]
            found = is_left(Message(to=to, from_=FULL, type=type), record("r1", 1), others)
            self.assertEqual(found, left, (type, to, priorities))

    def test_what_nobody_could_answer_for(self) -> None:
        gone = record("r1", 1)
        for stanza in (Presence(to=FULL, from_=FULL), Message(to=FULL), Message(from_=FULL)):
            self.assertFalse(is_left(stanza, gone, ()), stanza)
