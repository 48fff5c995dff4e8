"""Tests of xmppd.net.names."""

from ipaddress import ip_address, ip_network

from cryptography import x509
from twisted.trial.unittest import SynchronousTestCase

from tests.net.pki import Order, der, issue, raw_addresses, srv_name, xmpp_address
from xmppd.net.names import (
    covers,
    dns_names,
    ip_addresses,
    names_of,
    srv_names,
    xmpp_addresses,
)

UTF8 = 0x0C


def addresses_in(*values: bytes) -> tuple[str, ...]:
    return xmpp_addresses(issue(Order(raw_names=raw_addresses(*values))).certificate)


class NamesOfTests(SynchronousTestCase):
    """Which hosts a certificate speaks for."""

    table: tuple[tuple[Order, tuple[str, ...]], ...] = (
        (Order(), ()),
        (Order(subject="example.org"), ()),
        (Order(hosts=["example.org", "EXAMPLE.org", "b.example"]), ("example.org", "b.example")),
        (Order(hosts=["*.example.org", "example.org."]), ("*.example.org", "example.org")),
        (Order(others=[srv_name("_xmpp-client.Im.example.org")]), ("im.example.org",)),
        (Order(others=[srv_name("_XMPP-Client.im.example.org")]), ("im.example.org",)),
        (Order(others=[srv_name("_xmpp-server.im.example.org")]), ()),
        (Order(others=[srv_name("_imap.im.example.org")]), ()),
        (Order(others=[xmpp_address("im.example.org")]), ("im.example.org",)),
        (Order(others=[xmpp_address("juliet@im.example.org")]), ()),
        (Order(others=[xmpp_address("im.example.org/balcony")]), ()),
        (Order(others=[xmpp_address("*.example.org"), srv_name("_xmpp-client.*.b.example")]), ()),
        (Order(raw_names=b"\x30\x03junk"), ()),
    )

    def test_table(self) -> None:
        for order, expected in self.table:
            self.assertEqual(names_of(issue(order).certificate), expected, order)

    def test_all_kinds_in_order(self) -> None:
        others = [xmpp_address("c.example"), srv_name("_xmpp-client.b.example")]
        issued = issue(Order(hosts=["a.example", "b.example"], others=others))
        self.assertEqual(names_of(issued.certificate), ("a.example", "b.example", "c.example"))


class XmppAddressesTests(SynchronousTestCase):
    """id-on-xmppAddr, read by hand."""

    def test_several(self) -> None:
        addresses = ("juliet@example.org", "romeo@münchen.example", "example.org")
        others = [*map(xmpp_address, addresses), srv_name("_xmpp-client.example.org")]
        self.assertEqual(xmpp_addresses(issue(Order(others=others)).certificate), addresses)

    def test_none(self) -> None:
        self.assertEqual(xmpp_addresses(issue(Order()).certificate), ())

    def test_lengths(self) -> None:
        long = {127: b"\x7f", 128: b"\x81\x80", 255: b"\x81\xff", 256: b"\x82\x01\x00"}
        for size, length in long.items():
            value = bytes((UTF8,)) + length + b"a" * size
            self.assertEqual(addresses_in(value), ("a" * size,), size)

    def test_malformed(self) -> None:
        for value in (
            b"\x0c",
            b"\x0c\x05juli",
            b"\x0c\x03juliet",
            b"\x0c\x81\x03jul",  # a length that is longer than need be
            b"\x0c\x82\x00\x80" + b"a" * 128,
            b"\x0c\x80jul\x00\x00",  # indefinite length, not DER
            b"\x0c\xff" + b"a" * 10,
            b"\x0c\x02\xc3\x28",  # not UTF-8
            der(0x16, b"juliet@example.org"),  # another kind of string
        ):
            with self.subTest(value=value):
                self.assertEqual(addresses_in(value), ())

    def test_one_malformed_among_good_ones(self) -> None:
        bad, good = b"\x0c\x02\xc3\x28", der(UTF8, b"juliet@example.org")
        self.assertEqual(addresses_in(bad, good, bad), ("juliet@example.org",))


class OtherIdentifiersTests(SynchronousTestCase):
    """Identifiers of other kinds, as they stand."""

    def test_each_kind(self) -> None:
        addresses = [x509.IPAddress(ip_address(text)) for text in ("192.0.2.1", "2001:db8::1")]
        networks = [x509.IPAddress(ip_network("192.0.2.0/24"))]
        others = [srv_name("_xmpp-server.Example.org"), *addresses, *networks, xmpp_address("x")]
        certificate = issue(Order(hosts=["*.Example.org", "b."], others=others)).certificate
        self.assertEqual(dns_names(certificate), ("*.Example.org", "b."))
        self.assertEqual(srv_names(certificate), ("_xmpp-server.Example.org",))
        self.assertEqual(ip_addresses(certificate), ("192.0.2.1", "2001:db8::1"))

    def test_none(self) -> None:
        for order in (Order(), Order(raw_names=b"\x30\x03junk")):
            certificate = issue(order).certificate
            for read in (dns_names, srv_names, ip_addresses):
                self.assertEqual(read(certificate), ())


class CoversTests(SynchronousTestCase):
    """RFC 6125 section 6.4.3."""

    def test_table(self) -> None:
        for pattern, host, expected in (
            ("example.org", "example.org", True),
            ("example.org", "im.example.org", False),
            ("*.example.org", "im.example.org", True),
            ("*.example.org", "xn--bcher-kva.example.org", True),
            ("*.example.org", "example.org", False),
            ("*.example.org", "a.im.example.org", False),
            ("*.example.org", ".example.org", False),
            ("*.example.org", "example.net", False),
            ("i*.example.org", "im.example.org", False),
            ("im.*.org", "im.example.org", False),
            ("*", "localhost", False),
        ):
            self.assertIs(covers(pattern, host), expected, (pattern, host))
