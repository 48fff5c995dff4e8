"""Tests of xmppd.sasl.identity against RFC 6120 section 6.3.8."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.sasl.identity import local_at, may_act_as

ADDRESSES: list[tuple[str, str, str | None]] = [
    ("juliet@example.org", "example.org", "juliet"),
    ("Juliet@EXAMPLE.org", "example.org", "juliet"),
    ("juliet@b\u00fccher.example", "xn--bcher-kva.example", "juliet"),
    ("juliet@example.org", "example.net", None),
    ("juliet@example.org/balcony", "example.org", None),
    ("example.org", "example.org", None),
    # a localpart of elsewhere, where it may be lawful; here it is not
    ("juliet\u2665@example.org", "example.org", None),
    ("juliet@", "example.org", None),
    ("@example.org", "example.org", None),
    ("", "example.org", None),
    ("juliet@example.org", "", None),
]

CLAIMS: list[tuple[str, bool]] = [
    ("", True),
    ("juliet@example.org", True),
    ("JULIET@example.org", True),
    ("romeo@example.org", False),
    ("juliet@example.net", False),
    ("juliet", False),
]


class IdentityTests(SynchronousTestCase):
    """Whom a client may act as."""

    def test_local_at(self) -> None:
        for address, domain, expected in ADDRESSES:
            self.assertEqual(local_at(address, domain), expected, (address, domain))

    def test_may_act_as(self) -> None:
        for authzid, expected in CLAIMS:
            self.assertEqual(may_act_as(authzid, "juliet", "example.org"), expected, authzid)
