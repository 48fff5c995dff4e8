"""Roster items: as XML and as stored (RFC 6121 2.1.2)."""

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza.jid import JID
from xmppd.stanza.roster import RosterItem
from xmppd.stanza.subscription import Subscription
from xmppd.wire.namespaces import ROSTER
from xmppd.wire.serializer import serialize

ROMEO = RosterItem(JID.parse("romeo@example.net"), listed=True)
STRANGER = RosterItem(ROMEO.jid, subscription=Subscription.NONE_IN, request=b"<presence/>")
TABLE = [
    (ROMEO, "subscription='none'", ""),
    (replace(ROMEO, name="R & J"), "name='R &amp; J' subscription='none'", ""),
    (replace(ROMEO, subscription=Subscription.NONE_OUT), "subscription='none' ask='subscribe'", ""),
    (
        replace(ROMEO, subscription=Subscription.FROM_OUT, approved=True),
        "subscription='from' ask='subscribe' approved='true'",
        "",
    ),
    (
        replace(ROMEO, subscription=Subscription.TO_IN, groups=("A", "b<")),
        "subscription='to'",
        "<group>A</group><group>b&lt;</group>",
    ),
    (STRANGER, "subscription='remove'", ""),
]


class RosterItemTests(SynchronousTestCase):
    """What the client sees, and what is kept."""

    def test_xml(self) -> None:
        for item, attrs, groups in TABLE:
            inner = f">{groups}</item>" if groups else "/>"
            expected = f"<item jid='romeo@example.net' {attrs}{inner}".replace("'", '"')
            self.assertEqual(expected, serialize(item.element(), ROSTER).decode())

    def test_stored(self) -> None:
        for version, (item, _attrs, _groups) in enumerate(TABLE):
            kept = replace(item, version=version)
            self.assertEqual(kept, RosterItem.from_bytes(item.jid, kept.to_bytes()))

    def test_what_cannot_be_read(self) -> None:
        for stored in (
            b"",
            b"{",
            b"{}",
            b"[]",
            b'{"version":1,"subscription":"remove"}',
            b'{"version":1,"subscription":"to","request":1}',
        ):
            self.assertRaises(ValueError, RosterItem.from_bytes, ROMEO.jid, stored)

    def test_modifications(self) -> None:
        """Only what the client can see counts (2.6.3)."""
        for one, other, alike in (
            (ROMEO, ROMEO, True),
            (ROMEO, replace(ROMEO, subscription=Subscription.NONE_IN, request=b"x"), True),
            (ROMEO, replace(ROMEO, name="Romeo"), False),
            (ROMEO, replace(ROMEO, groups=("A",)), False),
            (ROMEO, replace(ROMEO, approved=True), False),
            (ROMEO, replace(ROMEO, subscription=Subscription.NONE_OUT), False),
            (ROMEO, STRANGER, False),
            (STRANGER, RosterItem(ROMEO.jid), True),
        ):
            self.assertIs(alike, one.looks_like(other))
            self.assertIs(alike, other.looks_like(one))

    def test_blank(self) -> None:
        for item, blank in (
            (RosterItem(ROMEO.jid), True),
            (RosterItem(ROMEO.jid, approved=True), False),
            (ROMEO, False),
            (STRANGER, False),
        ):
            self.assertIs(blank, item.is_blank)

    def test_requests_are_private(self) -> None:
        self.assertNotIn("presence", repr(STRANGER))
