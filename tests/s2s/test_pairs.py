"""Tests of xmppd.s2s.pairs."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.s2s.pairs import Pair, Pairs, Proof, Proven, TooManyPairs
from xmppd.stanza.jid import JID
from xmppd.stream.errors import StreamError

OURS = frozenset({"a.example", "chat.a.example"})
A_B = Pair("a.example", "b.example")
CHAT_B = Pair("chat.a.example", "b.example")
A_C = Pair("a.example", "c.example")
DIALBACK, BOTH, EXTERNAL = Proof.DIALBACK, Proof.DIALBACK_CERTIFICATE, Proof.EXTERNAL


class PairsTests(SynchronousTestCase):
    """What is proven, in which direction, and how."""

    def test_directions_are_apart(self) -> None:
        pairs = Pairs(5)
        self.assertFalse(pairs)
        pairs.admit(A_B, EXTERNAL)
        pairs.permit(A_C, DIALBACK)
        self.assertTrue(pairs)
        self.assertEqual((pairs.incoming(A_B), pairs.outgoing(A_B)), (EXTERNAL, None))
        self.assertEqual((pairs.incoming(A_C), pairs.outgoing(A_C)), (None, DIALBACK))
        self.assertIsNone(pairs.incoming(Pair("b.example", "a.example")))
        self.assertEqual(pairs.all(), [Proven(A_B, EXTERNAL, None), Proven(A_C, None, DIALBACK)])

    def test_both_ways(self) -> None:
        """XEP-0288."""
        pairs = Pairs(5)
        pairs.permit(A_B, EXTERNAL)
        pairs.admit(A_B, BOTH)
        self.assertEqual(pairs.all(), [Proven(A_B, BOTH, EXTERNAL)])

    def test_a_stronger_proof_stays(self) -> None:
        for first, second, expected in (
            (DIALBACK, BOTH, BOTH),
            (BOTH, DIALBACK, BOTH),
            (BOTH, EXTERNAL, EXTERNAL),
            (EXTERNAL, DIALBACK, EXTERNAL),
            (DIALBACK, DIALBACK, DIALBACK),
        ):
            pairs = Pairs(1)
            pairs.admit(A_B, first)
            pairs.admit(A_B, second)
            pairs.permit(A_B, first)
            pairs.permit(A_B, second)
            self.assertEqual(pairs.all(), [Proven(A_B, expected, expected)])

    def test_limit(self) -> None:
        pairs = Pairs(2)
        for add in (pairs.admit, pairs.permit):
            add(A_B, DIALBACK)
            add(A_C, DIALBACK)
            with self.assertRaises(TooManyPairs):
                add(CHAT_B, EXTERNAL)
            add(A_B, EXTERNAL)
        self.assertEqual([each.pair for each in pairs.all()], [A_B, A_C])

    def test_withdrawn(self) -> None:
        pairs = Pairs(5)
        pairs.withdraw(A_B)
        pairs.admit(A_B, DIALBACK)
        pairs.permit(A_B, DIALBACK)
        pairs.admit(A_C, DIALBACK)
        pairs.withdraw(A_B)
        self.assertEqual(pairs.all(), [Proven(A_C, DIALBACK, None)])
        pairs.withdraw(A_C)
        self.assertFalse(pairs)

    def test_the_order_of_a_list(self) -> None:
        pairs = Pairs(5)
        for pair in (CHAT_B, A_C, A_B):
            pairs.admit(pair, DIALBACK)
        self.assertEqual([each.pair for each in pairs.all()], [A_B, A_C, CHAT_B])


class CheckTests(SynchronousTestCase):
    """Which stanzas may come over a stream (RFC 6120 4.9.3, 8.1.1.2, 8.1.2.2)."""

    def setUp(self) -> None:
        self.pairs = Pairs(9)
        self.pairs.admit(A_B, EXTERNAL)
        self.pairs.admit(Pair("chat.a.example", "c.example"), DIALBACK)
        self.pairs.admit(Pair("gone.example", "b.example"), DIALBACK)
        self.pairs.permit(Pair("a.example", "d.example"), EXTERNAL)

    def condition(self, from_: str, to: str) -> str:
        sender, recipient = (JID.parse(each) if each else None for each in (from_, to))
        try:
            self.pairs.check(sender, recipient, OURS)
        except StreamError as error:
            return error.condition
        return "taken"

    def test_table(self) -> None:
        for from_, to, expected in (
            ("b.example", "a.example", "taken"),
            ("B.example", "a.example.", "taken"),
            ("romeo@b.example/orchard", "juliet@a.example", "taken"),
            ("c.example", "room@chat.a.example/nick", "taken"),
            ("", "a.example", "improper-addressing"),
            ("b.example", "", "improper-addressing"),
            ("", "", "improper-addressing"),
            ("x.example", "a.example", "invalid-from"),
            ("sub.b.example", "a.example", "invalid-from"),
            ("example", "a.example", "invalid-from"),
            ("a.example", "a.example", "invalid-from"),
            ("x.example", "x.example", "invalid-from"),
            ("b.example", "chat.a.example", "host-unknown"),
            ("c.example", "a.example", "host-unknown"),
            ("d.example", "a.example", "invalid-from"),
            ("b.example", "x.example", "host-unknown"),
            ("b.example", "b.example", "host-unknown"),
            ("b.example", "gone.example", "host-unknown"),
            ("c.example", "gone.example", "host-unknown"),
        ):
            self.assertEqual(self.condition(from_, to), expected, (from_, to))

    def test_nothing_before_a_proof(self) -> None:
        self.pairs = Pairs(9)
        self.assertEqual(self.condition("b.example", "a.example"), "invalid-from")
