"""Tests of xmppd.c2s.phase and xmppd.c2s.features: what needs no wire."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.auth.realm import LoggedIn
from xmppd.c2s.features import mechanisms, starttls
from xmppd.c2s.phase import is_account
from xmppd.stanza.jid import JID


class IsAccountTests(SynchronousTestCase):
    """Whether an address a client gave for itself is its own."""

    def test_addresses(self) -> None:
        for address, localpart, own in (
            ("juliet@example.org", "juliet", True),
            ("Juliet@example.org/balcony", "juliet", True),
            ("stra\u00dfe@example.org", "strasse", True),  # as RFC 6122 has it
            ("romeo@example.org", "juliet", False),
            ("juliet@example.net", "juliet", False),
            ("example.org", "juliet", False),
        ):
            account = LoggedIn(localpart)
            self.assertEqual(is_account(JID.parse(address), account, "example.org"), own, address)

    def test_guests(self) -> None:
        """They have a name they cannot know (XEP-0175)."""
        guest = LoggedIn("0a1b", anonymous=True)
        for address in ("juliet@example.org", "example.net"):
            self.assertTrue(is_account(JID.parse(address), guest, "example.org"))


class FeatureElementTests(SynchronousTestCase):
    """Stream features as they are written."""

    def test_mechanisms(self) -> None:
        plain = b'<mechanisms xmlns="urn:ietf:params:xml:ns:xmpp-sasl">'
        plain += b"<mechanism>PLAIN</mechanism></mechanisms>"
        bindings = b'<sasl-channel-binding xmlns="urn:xmpp:sasl-cb:0">'
        bindings += b'<channel-binding type="tls-exporter"/></sasl-channel-binding>'
        for names, types, expected in (
            ((), (), b""),
            (("PLAIN",), (), plain),
            (("PLAIN",), ("tls-exporter",), plain + bindings),
        ):
            self.assertEqual(mechanisms(names, types), expected)

    def test_starttls(self) -> None:
        begin = b'<starttls xmlns="urn:ietf:params:xml:ns:xmpp-tls"'
        self.assertEqual(starttls(required=False), begin + b"/>")
        self.assertEqual(starttls(required=True), begin + b"><required/></starttls>")
