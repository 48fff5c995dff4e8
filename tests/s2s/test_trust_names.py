"""Tests of xmppd.s2s.trust: whom a certificate names."""

from collections.abc import Callable
from ipaddress import ip_address

from cryptography import x509
from service_identity.hazmat import DNSPattern, SRVPattern
from twisted.trial.unittest import SynchronousTestCase

from tests.net.pki import (
    Order,
    authority,
    der,
    issue,
    raw_addresses,
    srv_name,
    xmpp_address,
)
from tests.s2s.judging import DOMAIN, look
from xmppd.s2s.trust import MAX_ADDRESSES, MAX_NAMES


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
