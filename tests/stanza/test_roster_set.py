"""What a client sets in its roster (RFC 6121 2.1.5, 2.3.3)."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.roster_set import ItemLimits, RosterSet
from xmppd.wire.document import parse_document

NURSE = JID.parse("nurse@example.org")
LIMITS = ItemLimits(name_length=4, group_length=5, groups=2)
ITEM = "<item jid='nurse@example.org'"


def read(items: str) -> RosterSet:
    query = parse_document(f"<query xmlns='jabber:iq:roster'>{items}</query>".encode())
    return RosterSet.from_element(query, LIMITS)


class RosterSetTests(SynchronousTestCase):
    """One item, at the limits and beyond."""

    def test_what_may_be_set(self) -> None:
        table = [
            (f"{ITEM}/>", RosterSet(NURSE)),
            (f"{ITEM} name='Nurs' subscription='both'/>", RosterSet(NURSE, "Nurs")),
            (
                f"{ITEM}><group>House</group><group>house</group></item>",
                RosterSet(NURSE, groups=("House", "house")),
            ),
            (f"{ITEM}/><item xmlns='urn:other'/>", RosterSet(NURSE)),
            (f"{ITEM} subscription='remove'/>", RosterSet(NURSE, remove=True)),
            (
                f"{ITEM} name='Nurse' subscription='remove'><group/></item>",
                RosterSet(NURSE, remove=True),
            ),
        ]
        for items, expected in table:
            self.assertEqual(read(items), expected, items)

    def test_refusals(self) -> None:
        table = [
            ("", "bad-request", "exactly one item can be set"),
            (f"{ITEM}/>{ITEM}/>", "bad-request", "exactly one item can be set"),
            ("<item/>", "bad-request", "an item needs an address"),
            ("<item jid=''/>", "bad-request", "an item needs an address"),
            ("<item jid='@'/>", "jid-malformed", ""),
            ("<item jid='@' subscription='remove'/>", "jid-malformed", ""),
            (f"{ITEM} name='Nurse'/>", "not-acceptable", "the name is too long"),
            (f"{ITEM}><group/></item>", "not-acceptable", "a group needs a name"),
            (
                f"{ITEM}><group>Houses</group></item>",
                "not-acceptable",
                "the name of a group is too long",
            ),
            (
                f"{ITEM}><group>a</group><group>b</group><group>c</group></item>",
                "not-acceptable",
                "too many groups",
            ),
            (
                f"{ITEM}><group>a\u0301</group><group>\u00e1</group></item>",
                "bad-request",
                "a group is named twice",
            ),
            # U+0085 cannot be prepared, and is twice the same.
            (
                f"{ITEM}><group>\u0085</group><group>\u0085</group></item>",
                "bad-request",
                "a group is named twice",
            ),
        ]
        for items, condition, text in table:
            error = self.assertRaises(StanzaError, read, items)
            self.assertEqual((error.condition, error.text or ""), (condition, text), items)
