"""Whose messages go to other servers, and where their errors can go."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.storage import Account
from xmppd.s2s.senders import Senders
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message
from xmppd.testing.fake_host import FakeHost


class SendersTests(SynchronousTestCase):
    """A host with accounts, and one for guests."""

    def setUp(self) -> None:
        self.host = FakeHost("example.org")
        self.guests = FakeHost("guests.example", anonymous=True)
        self.senders = Senders({"example.org": self.host, "guests.example": self.guests})

    def test_table(self) -> None:
        for address, account, has_client in (
            ("juliet@example.org/balcony", "juliet@example.org", True),
            ("juliet@example.org", "juliet@example.org", False),
            ("example.org", None, False),
            ("example.org/admin", None, False),
            ("x@guests.example/y", "guests.example", False),
            ("guests.example", None, False),
            ("room@muc.example.org/nick", None, False),
            ("romeo@elsewhere.example/x", None, False),
        ):
            jid = JID.parse(address)
            found = self.senders.account(jid)
            self.assertEqual(found, account and JID.parse(account), address)
            self.assertIs(self.senders.has_client(jid), has_client, address)

    def reach(self, address: str) -> str:
        return str(self.senders.reach(JID.parse(address)))

    def test_where_somebody_is(self) -> None:
        balcony = "juliet@example.org/balcony"
        self.assertEqual(self.reach(balcony), "None")
        self.assertEqual(self.reach("romeo@elsewhere.example/x"), "None")
        here = self.host.login("juliet/balcony")
        self.assertEqual(self.reach(balcony), balcony)
        self.assertEqual(self.reach("juliet@example.org/phone"), "None")
        self.assertEqual(self.reach("juliet@example.org"), "None")
        here.sends("<presence/>")
        self.assertEqual(self.reach("juliet@example.org/phone"), balcony)
        self.assertEqual(self.reach("juliet@example.org"), balcony)

    def test_who_has_begun_it(self) -> None:
        """A client that is there, by what is no answer; all else others can bring about."""
        self.host.login("juliet/balcony")
        self.guests.login("x/y")
        juliet = "juliet@example.org"
        for sender, kind, account in (
            (f"{juliet}/balcony", "chat", juliet),
            (f"{juliet}/balcony", "error", None),
            (f"{juliet}/phone", "chat", None),
            (juliet, "chat", None),
            ("example.org", "chat", None),
            ("x@guests.example/y", "chat", "guests.example"),
            ("room@muc.example.org/nick", "chat", None),
            ("", "chat", None),
        ):
            stanza = Message(type=kind, from_=JID.parse(sender) if sender else None)
            found = self.senders.opener(stanza)
            self.assertEqual(found, account and JID.parse(account), (sender, kind))

    def created(self, address: str) -> float | None:
        created = self.senders.created(JID.parse(address))
        return self.successResultOf(Deferred.fromCoroutine(created))

    def test_since_when(self) -> None:
        self.successResultOf(self.host.accounts.create(Account("juliet", "juliet", {}, 5.0)))
        self.assertEqual(self.created("juliet@example.org"), 5.0)
        self.assertIsNone(self.created("romeo@example.org"))
        self.assertIsNone(self.created("juliet@elsewhere.example"))
