"""A cluster of one node."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from xmppd.api.cluster import ICluster
from xmppd.api.sessions import SessionRecord
from xmppd.cluster.single import SingleNode
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message


def record(jid: str) -> SessionRecord:
    return SessionRecord(JID.parse(jid), "local")


BALCONY = record("juliet@example.org/balcony")
CHAMBER = record("juliet@example.org/chamber")
ORCHARD = record("romeo@example.org/orchard")
ABROAD = record("juliet@example.net/balcony")


class SingleNodeTests(SynchronousTestCase):
    """`SingleNode`."""

    def setUp(self) -> None:
        self.node = SingleNode()

    def test_interface(self) -> None:
        self.assertTrue(verifyObject(ICluster, self.node))
        self.assertEqual("elsewhere", SingleNode("elsewhere").node)

    def test_one_session(self) -> None:
        self.assertIsNone(self.node.record(BALCONY.jid))
        self.node.publish(BALCONY)
        self.assertIs(BALCONY, self.node.record(BALCONY.jid))
        self.assertIsNone(self.node.record(CHAMBER.jid))
        self.assertIsNone(self.node.record(BALCONY.jid.bare))

    def test_an_accounts_sessions_keep_the_order_of_binding(self) -> None:
        self.assertEqual((), self.node.account(BALCONY.jid.bare))
        for each in (CHAMBER, ORCHARD, BALCONY, ABROAD):
            self.node.publish(each)
        changed = replace(CHAMBER, priority=3)
        self.node.publish(changed)
        self.assertEqual((changed, BALCONY), self.node.account(BALCONY.jid.bare))

    def test_a_domains_sessions(self) -> None:
        for each in (BALCONY, ABROAD, ORCHARD, CHAMBER):
            self.node.publish(each)
        self.assertEqual([BALCONY, CHAMBER, ORCHARD], list(self.node.records("example.org")))
        self.assertEqual([], list(self.node.records("example.com")))

    def test_sessions_may_end_while_they_are_listed(self) -> None:
        self.node.publish(BALCONY)
        self.node.publish(ORCHARD)
        for each in self.node.records("example.org"):
            self.node.withdraw(each.jid)
        self.assertEqual([], list(self.node.records("example.org")))

    def test_withdrawing(self) -> None:
        for each in (BALCONY, CHAMBER):
            self.node.publish(each)
        for jid in (BALCONY.jid, BALCONY.jid, ORCHARD.jid):  # an unknown one does no harm
            self.node.withdraw(jid)
        self.assertEqual((CHAMBER,), self.node.account(BALCONY.jid.bare))
        self.node.withdraw(CHAMBER.jid)
        self.assertEqual(vars(SingleNode()), vars(self.node))

    def test_there_is_no_other_node(self) -> None:
        self.assertRaises(LookupError, self.node.send, "other", BALCONY.jid, Message())
