"""Tests of xmppd.s2s.trust: what an operator is told of a certificate that proves nothing."""

from dataclasses import replace

from cryptography import x509
from cryptography.x509.oid import NameOID
from twisted.trial.unittest import SynchronousTestCase

from tests.net.pki import (
    DAY,
    NOW,
    Issued,
    Order,
    authority,
    issue,
    rsa_key,
    server,
)
from tests.s2s.judging import DOMAIN, believing, below, custom, look
from xmppd.net.roots import MAX_CHAIN
from xmppd.s2s.trust import Judgement, judge


class ReasonTests(SynchronousTestCase):
    """Why not, as an operator is told it."""

    def assert_reason(self, judged: Judgement, trusted: bool, reason: str) -> None:
        self.assertEqual((judged.trusted, judged.reason), (trusted, reason))
        self.assertFalse(judged.valid)

    def test_table(self) -> None:
        hosts = [DOMAIN]
        middle = issue(Order(subject="middle", authority=True), authority())
        old = issue(Order(subject="old", authority=True, end=NOW - DAY), authority())
        early = issue(Order(subject="early", authority=True, start=NOW + DAY), authority())
        wrong = issue(Order(subject="wrong"), authority())
        stranger = authority("stranger")
        table: tuple[tuple[Issued, str], ...] = (
            (server(DOMAIN), ""),
            (below(issue(Order(hosts=hosts), middle), middle), ""),
            (
                issue(Order(hosts=hosts, start=NOW - 9 * DAY, end=NOW - DAY), authority()),
                "the certificate has expired on 2026-05-31 12:00 UTC",
            ),
            (
                issue(Order(hosts=hosts, start=NOW + DAY), authority()),
                "the certificate is not valid before 2026-06-02 12:00 UTC",
            ),
            (
                issue(Order(hosts=hosts)),
                "the certificate is self-signed, and not one this server trusts",
            ),
            (
                issue(Order(hosts=hosts), stranger),
                "the certificate's authority, stranger, is not one this server trusts, or "
                "certificates in between were not sent",
            ),
            (
                below(issue(Order(hosts=hosts), stranger), stranger),
                "the certificate's authority, stranger, is not one this server trusts, or "
                "certificates in between were not sent",
            ),
            (
                issue(Order(hosts=hosts), middle),
                "the certificate's authority, middle, is not one this server trusts, or "
                "certificates in between were not sent",
            ),
            (
                below(issue(Order(hosts=hosts), old), old),
                "the certificate of its authority, old, has expired on 2026-05-31 12:00 UTC",
            ),
            (
                below(issue(Order(hosts=hosts), early), early),
                "the certificate of its authority, early, is not valid before 2026-06-02 12:00 UTC",
            ),
            (
                below(issue(Order(hosts=hosts), wrong), wrong),
                "the certificate of its authority, wrong, cannot be believed: invalid CA "
                "certificate",
            ),
            (
                issue(Order(hosts=hosts), issue(Order(subject="authority", authority=True))),
                "the certificate cannot be believed: certificate signature failure",
            ),
            (
                issue(Order(hosts=hosts, authority=True), authority()),
                "the certificate is that of an authority, not of a server",
            ),
            (
                issue(Order(hosts=hosts, key=rsa_key(1024)), authority()),
                "a key or signature of the certificate, or of one above it, is too weak",
            ),
        )
        for shown, reason in table:
            if reason:
                self.assert_reason(look(shown), False, reason)
            else:
                judged = replace(look(shown), until=None)
                self.assertEqual(judged, Judgement(True, True, (DOMAIN,), ""))

    def test_for_another_domain(self) -> None:
        for hosts, reason in (
            (["example.com"], "the certificate is for example.com, not for example.net"),
            ([], "the certificate names no server, so it is not for example.net"),
            (
                list("abcdefg"),
                "the certificate is for a, b, c, d, e and 2 more, not for example.net",
            ),
        ):
            self.assert_reason(look(issue(Order(hosts=hosts), authority())), True, reason)

    def test_what_cannot_be_judged(self) -> None:
        roots = believing(authority())
        good = server(DOMAIN)
        raw = issue(Order(raw_names=b"\x30\x03jun"), authority()).der
        for chain, reason in (
            ((), "no certificate was shown"),
            ((good.der,) * (MAX_CHAIN + 1), "more than 8 certificates were shown"),
            ((b"junk",), "a certificate that was shown cannot be read"),
            ((good.der + b"\0",), "a certificate that was shown cannot be read"),
            ((good.der, b""), "a certificate that was shown cannot be read"),
            ((raw,), "a certificate that was shown cannot be read"),
        ):
            judged = judge(chain, DOMAIN, roots, NOW)
            self.assert_reason(judged, False, reason)
            self.assertEqual((judged.covers, judged.names), (False, ()))
        most = (good.der,) * MAX_CHAIN
        self.assertTrue(judge(most, DOMAIN, roots, NOW).valid)

    def test_strangers_choose_names(self) -> None:
        for subject, shown in (
            ("\x1b[2Jbye", "\ufffd[2Jbye"),
            ("x" * 64, "x" * 64),
            ("M\u00fcller", "M\u00fcller"),
        ):
            reason = look(issue(Order(), issue(Order(subject=subject, authority=True)))).reason
            self.assertIn(f"authority, {shown}, is not", reason)

    def test_names_without_a_common_name(self) -> None:
        def named(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
            return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts])

        for name, shown in (
            (named((NameOID.ORGANIZATION_NAME, "Org")), "Org"),
            (named((NameOID.COUNTRY_NAME, "DE")), "C=DE"),
            (named(), "without a name"),
            (named(*((NameOID.STREET_ADDRESS, "x" * 100),) * 9), "STREET=" + "x" * 73),
        ):
            issued = custom(issuer=name)
            self.assertIn(f"authority, {shown}, is not", look(issued).reason)
