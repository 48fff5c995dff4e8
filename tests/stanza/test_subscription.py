"""The states of subscriptions (RFC 6121 A.1); `tests/data/rfc6121_a.csv` has the transitions."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza.subscription import TYPES, Subscription, received, sent

STATES = [  # state, subscription attribute, sees, is seen, asks, is asked
    ("none", "none", False, False, False, False),
    ("none+out", "none", False, False, True, False),
    ("none+in", "none", False, False, False, True),
    ("none+out+in", "none", False, False, True, True),
    ("to", "to", True, False, False, False),
    ("to+in", "to", True, False, False, True),
    ("from", "from", False, True, False, False),
    ("from+out", "from", False, True, True, False),
    ("both", "both", True, True, False, False),
]


class SubscriptionTests(SynchronousTestCase):
    """States, and the rules no table may break."""

    def test_states(self) -> None:
        self.assertEqual(len(STATES), len(Subscription))
        for value, *expected in STATES:
            state = Subscription(value)
            self.assertEqual(
                expected,
                [state.name_for_client, state.sees, state.is_seen, state.asks, state.is_asked],
            )

    def test_who_decides_what(self) -> None:
        """A user decides who sees him, a contact whom the user sees; nobody decides both."""
        for type in TYPES:
            for state in Subscription:
                out, into = sent(type, state).state, received(type, state).state
                mine = type in ("subscribed", "unsubscribed")
                changed, kept = (out, into) if mine else (into, out)
                self.assertEqual(
                    (state.sees, state.asks), (changed.sees, changed.asks), (type, state)
                )
                self.assertEqual(
                    (state.is_seen, state.is_asked), (kept.is_seen, kept.is_asked), (type, state)
                )

    def test_pre_approval(self) -> None:
        """3.4.2: it is granted at once, unless there is something else to it."""
        for state, then, reply in (
            ("none", "from", "subscribed"),
            ("none+out", "from+out", "subscribed"),
            ("to", "both", "subscribed"),
            ("none+in", "none+in", ""),
            ("both", "both", "subscribed"),
        ):
            step = received("subscribe", Subscription(state), approved=True)
            self.assertEqual((False, then, reply), (step.passes, step.state.value, step.reply))
        self.assertFalse(received("unsubscribe", Subscription.NONE, approved=True).reply)
