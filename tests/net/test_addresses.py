"""Which addresses a name in the public DNS may lead to: one list of those, one of the others."""

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given, settings
from hypothesis.strategies import ip_addresses
from twisted.trial.unittest import SynchronousTestCase

from xmppd.net.addresses import refused

OURS = "an address of this machine"
NOWHERE = "an unspecified address"
PRIVATE = "a private address"
LINK = "a link-local address"
GROUP = "a multicast address"
RESERVED = "a reserved address"
NONE = "not an IP address"


class RefusedTests(SynchronousTestCase):
    """One address at a time."""

    def test_addresses(self) -> None:
        table = [
            ("93.184.216.34", ""),
            ("192.0.2.1", ""),
            ("2001:db8::1", ""),
            ("2606:2800:220:1::1", ""),
            ("9.255.255.255", ""),
            ("11.0.0.0", ""),
            ("172.15.255.255", ""),
            ("172.32.0.0", ""),
            ("100.63.255.255", ""),
            ("100.128.0.0", ""),
            ("128.0.0.0", ""),
            ("223.255.255.255", ""),
            ("127.0.0.1", OURS),
            ("127.255.255.255", OURS),
            ("::1", OURS),
            ("0.0.0.0", NOWHERE),
            ("0.1.2.3", NOWHERE),
            ("::", NOWHERE),
            ("10.0.0.1", PRIVATE),
            ("172.16.0.1", PRIVATE),
            ("172.31.255.255", PRIVATE),
            ("192.168.1.1", PRIVATE),
            ("100.64.0.1", PRIVATE),
            ("192.0.0.8", PRIVATE),
            ("198.19.255.255", PRIVATE),
            ("fc00::1", PRIVATE),
            ("fdff::1", PRIVATE),
            ("fec0::1", PRIVATE),
            ("64:ff9b:1::5db8:d822", PRIVATE),
            ("169.254.169.254", LINK),
            ("fe80::1", LINK),
            ("fe80::1%eth0", LINK),
            ("224.0.0.1", GROUP),
            ("239.255.255.255", GROUP),
            ("ff02::1", GROUP),
            ("240.0.0.1", RESERVED),
            ("255.255.255.255", RESERVED),
            ("100::1", RESERVED),
            ("", NONE),
            ("localhost", NONE),
            ("127.1", NONE),
            ("0x7f000001", NONE),
            ("2130706433", NONE),
            ("127.0.0.1 ", NONE),
            ("[::1]", NONE),
            ("127.0.0.001", NONE),
        ]
        for address, expected in table:
            with self.subTest(address=address):
                self.assertEqual(refused(address), expected)

    def test_ipv4_within_ipv6(self) -> None:
        """Each way to write an IPv4 address as IPv6 is judged by what it holds."""
        inside = [("127.0.0.1", OURS), ("10.1.2.3", PRIVATE), ("192.0.2.1", ""), ("8.8.8.8", "")]
        inside += [("169.254.169.254", LINK), ("224.0.0.1", GROUP), ("255.255.255.255", RESERVED)]
        for text, expected in inside:
            ip = int(IPv4Address(text))
            for what, address in {
                "mapped": 0xFFFF << 32 | ip,
                "compatible": ip,
                "translated": 0xFFFF << 48 | ip,
                "NAT64": 0x64FF9B << 96 | ip,
                "6to4": 0x2002 << 112 | ip << 80 | 1,
                "Teredo server": 0x20010000 << 96 | ip << 64 | ~int(IPv4Address("8.8.8.8")) % 2**32,
                "Teredo client": 0x20010000 << 96 | 0x08080808 << 64 | ip ^ 0xFFFFFFFF,
            }.items():
                with self.subTest(what=what, inside=text):
                    self.assertEqual(refused(str(IPv6Address(address))), expected)

    def test_mapped_as_it_is_written(self) -> None:
        self.assertEqual(refused("::ffff:127.0.0.1"), OURS)
        self.assertEqual(refused("::ffff:192.0.2.1"), "")

    @settings(deadline=None, derandomize=True, database=None)
    @given(ip_addresses(v=4))
    def test_mapping_hides_nothing(self, address: IPv4Address) -> None:
        self.assertEqual(refused(f"::ffff:{address}"), refused(str(address)))
