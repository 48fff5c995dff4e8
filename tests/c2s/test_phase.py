"""Tests of xmppd.c2s.phase and xmppd.c2s.features: what needs no wire."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.auth.realm import LoggedIn
from xmppd.c2s.features import mechanisms, starttls
from xmppd.c2s.phase import is_account
from xmppd.sasl.exchange import SaslContext
from xmppd.stanza.jid import JID
from xmppd.wire.element import Element


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
    """Stream features as elements."""

    def test_mechanisms(self) -> None:
        def context(*offered: str, **bindings: bytes) -> SaslContext:
            return SaslContext("a", bytes, True, bindings, offered)

        names = [f"{each.ns} {each.name}" for each in mechanisms(context("PLAIN"))]
        self.assertEqual(names, ["urn:ietf:params:xml:ns:xmpp-sasl mechanisms"])
        self.assertEqual(mechanisms(context()), [])
        bound = SaslContext("a", bytes, True, {"tls-exporter": b"x"}, ("SCRAM-SHA-1-PLUS", "PLAIN"))
        offer, bindings = mechanisms(bound)
        self.assertEqual([each.text for each in offer.elements()], ["SCRAM-SHA-1-PLUS", "PLAIN"])
        self.assertEqual([each.attrs for each in bindings.elements()], [{"type": "tls-exporter"}])

    def test_starttls(self) -> None:
        tls = "urn:ietf:params:xml:ns:xmpp-tls"
        self.assertEqual(starttls(required=False), Element("starttls", tls))
        self.assertEqual(
            starttls(required=True), Element("starttls", tls, {}, [Element("required", tls)])
        )
