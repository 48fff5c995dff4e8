"""Tests of xmppd.s2s.trust: what is believed."""

from dataclasses import replace
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
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
    srv_name,
    xmpp_address,
)
from tests.s2s.judging import DOMAIN, believing, below, custom, look
from xmppd.s2s.trust import judge

SHA256_RSA, SHA1_RSA = (bytes.fromhex(f"2a864886f70d0101{last}") for last in ("0b", "05"))


def weakened(issued: Issued) -> x509.Certificate:
    """Return a certificate that claims to be signed with SHA-1."""
    return x509.load_der_x509_certificate(issued.der.replace(SHA256_RSA, SHA1_RSA))


class TrustTests(SynchronousTestCase):
    """What is believed."""

    def test_any_extended_key_usage(self) -> None:
        """Public authorities no longer issue certificates for clients."""
        for usages in (
            None,
            [ExtendedKeyUsageOID.SERVER_AUTH],
            [ExtendedKeyUsageOID.CLIENT_AUTH],
            [ExtendedKeyUsageOID.EMAIL_PROTECTION],
        ):
            for critical in (False, True):
                self.assertTrue(look(custom(usages, critical=critical)).valid, usages)

    def test_one_that_is_believed_itself(self) -> None:
        """An operator may name a peer's own certificate, as OpenSSL makes it when asked for one."""
        for issued in (
            issue(Order(hosts=[DOMAIN])),
            issue(Order(hosts=[DOMAIN], authority=True)),
            issue(Order(hosts=[DOMAIN]), authority("stranger")),
        ):
            self.assertFalse(look(issued).trusted)
            self.assertTrue(look(issued, DOMAIN, believing(issued)).valid)
            self.assertTrue(look(issued, DOMAIN, believing(authority(), issued)).valid)
            self.assertFalse(look(issued, "other.example", believing(issued)).valid)

    def test_one_that_may_not_name_everybody(self) -> None:
        """OpenSSL holds it to that for hosts; by other kinds of names it could be anybody."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = authority()
        held = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "held")]))
            .issuer_name(issuer.certificate.subject)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(NOW - DAY)
            .not_valid_after(NOW + DAY)
            .add_extension(x509.BasicConstraints(True, None), True)
            .add_extension(x509.NameConstraints([x509.DNSName("im.example.org")], None), True)
            .sign(issuer.key, SHA256())
        )
        why = f"an authority that may not name everybody vouches for {DOMAIN}, and not as a host"
        for name, domain, reason in (
            (x509.DNSName("im.example.org"), "im.example.org", ""),
            (
                x509.DNSName("im.example.org"),
                DOMAIN,
                f"the certificate is for im.example.org, not for {DOMAIN}",
            ),
            (
                x509.DNSName(DOMAIN),
                DOMAIN,
                "the certificate cannot be believed: permitted subtree violation",
            ),
            (xmpp_address(DOMAIN), DOMAIN, why),
            (srv_name(f"_xmpp-server.{DOMAIN}"), DOMAIN, why),
        ):
            issued = issue(Order(others=[name]), Issued(held, key))
            judged = look(below(issued, Issued(held, key)), domain)
            self.assertEqual((judged.reason, judged.valid), (reason, not reason))

    def test_strangers_on_the_way_do_not_matter(self) -> None:
        """Weak, or beside the path: only what leads to an authority counts."""
        weak = issue(Order(key=rsa_key(1024)))
        self.assertTrue(look(below(server(DOMAIN), weak)).valid)

    def test_weak_signatures(self) -> None:
        root = issue(Order(subject="root", authority=True, key=rsa_key()))
        strong = issue(Order(hosts=[DOMAIN]), root)
        self.assertTrue(look(strong, DOMAIN, believing(root)).valid)
        weak = replace(strong, certificate=weakened(strong))
        self.assertFalse(look(weak, DOMAIN, believing(root)).trusted)
        old = replace(root, certificate=weakened(root))
        self.assertTrue(look(strong, DOMAIN, believing(old)).valid)

    def test_time_is_absolute(self) -> None:
        issued = server(DOMAIN)
        roots = believing(authority())
        for moment, valid in ((NOW, True), (NOW + 90 * DAY, True), (NOW + 91 * DAY, False)):
            self.assertIs(judge(issued.chain_der, DOMAIN, roots, moment).valid, valid)
        self.assertFalse(
            judge(issued.chain_der, DOMAIN, roots, datetime(2020, 1, 1, tzinfo=UTC)).valid
        )
