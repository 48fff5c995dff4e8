"""Tests of xmppd.net.networks."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.net.networks import network_of


class NetworkTests(SynchronousTestCase):
    """Which addresses are one place."""

    def test_networks(self) -> None:
        for address, expected in (
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::/64"),
            ("2001:db8::ffff:ffff:ffff:ffff", "2001:db8::/64"),
            ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("fe80::1%eth0", "fe80::/64"),
            ("", ""),
            ("not:an:address", "not:an:address"),
        ):
            self.assertEqual(network_of(address), expected)
