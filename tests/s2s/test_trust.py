"""Tests of xmppd.s2s.trust."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import crypto
from service_identity.hazmat import DNSPattern, SRVPattern
from twisted.trial.unittest import SynchronousTestCase

from tests.net.pki import (
    DAY,
    NOW,
    Issued,
    Order,
    authority,
    der,
    issue,
    raw_addresses,
    rsa_key,
    server,
    srv_name,
    xmpp_address,
)
from xmppd.net.roots import MAX_CHAIN, Roots
from xmppd.s2s.trust import MAX_ADDRESSES, MAX_NAMES, Judgement, judge

SHA256_RSA, SHA1_RSA = (bytes.fromhex(f"2a864886f70d0101{last}") for last in ("0b", "05"))
DOMAIN = "example.net"


def believing(*believed: Issued) -> Roots:
    return Roots(crypto.X509.from_cryptography(one.certificate) for one in believed)


def look(issued: Issued, domain: str = DOMAIN, roots: Roots | None = None) -> Judgement:
    """Judge what was issued, where the authority of the tests is believed."""
    return judge(issued.chain_der, domain, roots or believing(authority()), NOW)


def below(issued: Issued, *above: Issued) -> Issued:
    """Return it as it is sent, with those above it."""
    return replace(issued, above=tuple(one.certificate for one in above))


def weakened(issued: Issued) -> x509.Certificate:
    """Return a certificate that claims to be signed with SHA-1."""
    return x509.load_der_x509_certificate(issued.der.replace(SHA256_RSA, SHA1_RSA))


class CoversTests(SynchronousTestCase):
    """Whom a certificate names (RFC 9525 6, RFC 6120 13.7.1.2)."""

    def covers(self, order: Order, domain: str) -> bool:
        judged = look(issue(order, authority()), domain)
        self.assertTrue(judged.trusted)
        self.assertEqual(judged.valid, judged.covers)
        self.assertEqual(judged.valid, judged.reason == "")
        return judged.covers

    def test_dns(self) -> None:
        for host, domain, expected in (
            ("example.net", "example.net", True),
            ("EXAMPLE.net", "example.net", True),
            ("example.net.", "example.net", True),
            ("example.net", "im.example.net", False),
            ("im.example.net", "example.net", False),
            ("*.example.net", "im.example.net", True),
            ("*.EXAMPLE.net", "im.example.net", True),
            ("*.example.net", "example.net", False),
            ("*.example.net", "a.im.example.net", False),
            ("*.example.net", "im.example.org", False),
            ("i*.example.net", "im.example.net", False),
            ("*m.example.net", "im.example.net", False),
            ("im.*.net", "im.example.net", False),
            ("*.*.net", "im.example.net", False),
            ("*", "localhost", False),
            ("*.net", "example.net", False),
            ("*.net", "xn--bcher-kva.net", False),
            ("localhost", "localhost", True),
            ("xn--bcher-kva.example", "xn--bcher-kva.example", True),
            ("*.xn--bcher-kva.example", "im.xn--bcher-kva.example", True),
            ("*.example.net", "xn--bcher-kva.example.net", True),
            ("*.example.net", "a.xn--bcher-kva.example.net", False),
            ("xn--*.example.net", "xn--bcher-kva.example.net", False),
            ("_xmpp.example.net", "_xmpp.example.net", True),
            (" example.net", "example.net", False),
            ("192.0.2.1", "192.0.2.1", False),
            ("1_0", "1_0", False),
        ):
            self.assertIs(self.covers(Order(hosts=[host]), domain), expected, (host, domain))

    def test_services(self) -> None:
        for name, domain, expected in (
            ("_xmpp-server.example.net", "example.net", True),
            ("_XMPP-Server.Example.net.", "example.net", True),
            ("_xmpp-server.xn--bcher-kva.example", "xn--bcher-kva.example", True),
            ("_xmpp-client.example.net", "example.net", False),
            ("_xmpps-server.example.net", "example.net", False),
            ("_xmpp-server._tcp.example.net", "example.net", False),
            ("_xmpp-server.example.net", "im.example.net", False),
            ("_xmpp-server.*.example.net", "im.example.net", False),
            ("xmpp-server.example.net", "example.net", False),
            ("example.net", "example.net", False),
            ("", "example.net", False),
        ):
            order = Order(others=[srv_name(name)])
            self.assertIs(self.covers(order, domain), expected, (name, domain))

    def test_xmpp_addresses(self) -> None:
        for address, domain, expected in (
            ("example.net", "example.net", True),
            ("Example.net.", "example.net", True),
            ("b\u00fccher.example", "xn--bcher-kva.example", True),
            ("xn--bcher-kva.example", "xn--bcher-kva.example", True),
            ("192.0.2.1", "192.0.2.1", True),
            ("1_0", "1_0", True),
            ("juliet@example.net", "example.net", False),
            ("example.net/server", "example.net", False),
            ("*.example.net", "im.example.net", False),
            ("example.org", "example.net", False),
            ("a b", "example.net", False),
            ("", "example.net", False),
        ):
            order = Order(others=[xmpp_address(address)])
            self.assertIs(self.covers(order, domain), expected, (address, domain))

    def test_ip_addresses(self) -> None:
        for address, domain, expected in (
            ("192.0.2.1", "192.0.2.1", True),
            ("192.0.2.1", "192.0.2.2", False),
            ("2001:db8::1", "[2001:db8::1]", True),
            ("::ffff:192.0.2.1", "[::ffff:192.0.2.1]", True),
            ("192.0.2.1", "[::ffff:192.0.2.1]", False),
            ("192.0.2.1", "example.net", False),
        ):
            order = Order(others=[x509.IPAddress(ip_address(address))])
            self.assertIs(self.covers(order, domain), expected, (address, domain))

    def test_never_the_common_name(self) -> None:
        self.assertFalse(self.covers(Order(subject=DOMAIN), DOMAIN))

    def test_a_malformed_name_takes_nothing_from_the_others(self) -> None:
        bad = ["*", "*.*", "192.0.2.1", "\x1b[2J", "a..b", "..", "-"]
        for hosts in ([*bad, DOMAIN], [DOMAIN, *bad]):
            others = [srv_name(""), srv_name("junk"), xmpp_address("@"), xmpp_address("\x1b")]
            self.assertTrue(self.covers(Order(hosts=hosts, others=others), DOMAIN))
        raw = raw_addresses(b"\x0c\x02\xc3\x28", der(0x0C, DOMAIN.encode()))
        self.assertTrue(self.covers(Order(raw_names=raw), DOMAIN))


class NamesTests(SynchronousTestCase):
    """What a certificate names, for people to read."""

    def test_all_kinds(self) -> None:
        others = [
            xmpp_address("b\u00fccher.example"),
            xmpp_address("juliet@example.net"),
            srv_name("_xmpp-server.Example.net"),
            x509.IPAddress(ip_address("192.0.2.1")),
        ]
        hosts = ["*.Example.net", "example.net", "EXAMPLE.net", "\x1b[2J", "a b"]
        self.assertEqual(
            look(issue(Order(hosts=hosts, others=others), authority())).names,
            (
                "*.example.net",
                "example.net",
                "_xmpp-server.example.net",
                "xn--bcher-kva.example",
                "192.0.2.1",
            ),
        )

    def test_of_one_that_is_not_believed(self) -> None:
        judged = look(issue(Order(hosts=[DOMAIN])))
        self.assertEqual((judged.trusted, judged.covers, judged.valid), (False, True, False))
        self.assertEqual(judged.names, (DOMAIN,))

    def test_only_so_many(self) -> None:
        """More would be a way to make us work: whoever connects shows what it likes."""
        for limit, make in (
            (MAX_NAMES, x509.DNSName),
            (MAX_NAMES, lambda name: srv_name(f"_xmpp-server.{name}")),
            (MAX_ADDRESSES, xmpp_address),
        ):
            names = [make(f"h{number}.example") for number in range(limit + 1)]
            issued = issue(Order(others=names), authority())
            self.assertTrue(look(issued, f"h{limit - 1}.example").valid)
            judged = look(issued, f"h{limit}.example")
            self.assertFalse(judged.covers)
            self.assertEqual(len(judged.names), limit)

    def test_patterns_are_read_for_names_that_could_match_only(self) -> None:
        """Each costs as much as a stanza, and strangers choose how many there are, and repeat."""
        read = []
        for kind in (DNSPattern, SRVPattern):
            from_bytes = kind.from_bytes

            def reading(name: bytes, of: Callable[[bytes], object] = from_bytes) -> object:
                read.append(name)
                return of(name)

            self.patch(kind, "from_bytes", reading)
        names = [f"h{number % 9}.example" for number in range(99)]
        names += ["*.example.net", "im.example.net"] * 9
        hosts = [x509.DNSName(name) for name in names]
        services = [srv_name(f"_xmpp-server.{name}") for name in names]
        for others, expected in (
            (hosts, [b"*.example.net", b"im.example.net"]),
            # That of the service has the one of its host in it.
            (services, [b"_xmpp-server.im.example.net", b"im.example.net"]),
        ):
            del read[:]
            self.assertTrue(look(issue(Order(others=others), authority()), "im.example.net").valid)
            self.assertEqual(sorted(read), expected)


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


def custom(
    usages: list[x509.ObjectIdentifier] | None = None,
    issuer: x509.Name | None = None,
    critical: bool = False,
) -> Issued:
    """Return a certificate for the domain with these extended key usages, or no such extension."""
    root, key = authority(), rsa_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(root.certificate.subject if issuer is None else issuer)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(DOMAIN)]), critical=critical)
    )
    if usages is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=critical)
    return Issued(builder.sign(root.key, SHA256()), key)


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
