"""Which DNS servers are asked."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from xmppd.net.dns_servers import SystemServers, parse, server

LOCAL = (("127.0.0.1", 53),)


class ServerTests(SynchronousTestCase):
    """Servers as somebody writes them."""

    def test_servers(self) -> None:
        table: list[tuple[str, tuple[str, int] | None]] = [
            ("192.0.2.53", ("192.0.2.53", 53)),
            ("192.0.2.53:5353", ("192.0.2.53", 5353)),
            ("2001:db8::53", ("2001:db8::53", 53)),
            ("2001:DB8:0::53", ("2001:db8::53", 53)),
            ("[2001:db8::53]", ("2001:db8::53", 53)),
            ("[2001:db8::53]:5353", ("2001:db8::53", 5353)),
            ("fe80::1%eth0", ("fe80::1%eth0", 53)),
            ("", None),
            ("ns.example.net", None),
            ("192.0.2.53:", None),
            ("192.0.2.53:0", None),
            ("192.0.2.53:65536", None),
            ("192.0.2.53:+1", None),
            ("192.0.2.53:\u0661", None),
            ("[2001:db8::53", None),
            ("[2001:db8::53]5353", None),
            ("[2001:db8::53]:", None),
            ("[]:53", None),
            ("[ns.example.net]:53", None),
        ]
        for text, expected in table:
            with self.subTest(text=text):
                if expected is None:
                    self.assertRaises(ValueError, server, text)
                else:
                    self.assertEqual(server(text), expected)


class SystemTests(SynchronousTestCase):
    """The file of the system."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())

    def write(self, text: str, stamp: int) -> None:
        self.path.write_text(text)
        os.utime(self.path, (stamp, stamp))

    def test_files(self) -> None:
        table = [
            ("", LOCAL),
            ("search example.net\noptions timeout:1\n", LOCAL),
            ("nameserver 192.0.2.1\n", (("192.0.2.1", 53),)),
            ("# nameserver 192.0.2.1\n;nameserver 192.0.2.1\n", LOCAL),
            ("nameserver 192.0.2.1 # ours\r\n", (("192.0.2.1", 53),)),
            ("  nameserver\t2001:DB8::1\n", (("2001:db8::1", 53),)),
            ("nameserver\nnameserver x\nnameserver 192.0.2.2", (("192.0.2.2", 53),)),
            (
                "".join(f"nameserver 192.0.2.{n}\n" for n in range(1, 6)),
                (("192.0.2.1", 53), ("192.0.2.2", 53), ("192.0.2.3", 53)),
            ),
        ]
        for text, expected in table:
            with self.subTest(text=text):
                self.assertEqual(parse(text), expected)

    def test_changes_are_seen(self) -> None:
        servers = SystemServers(self.path)
        self.assertEqual(servers(), LOCAL)
        self.write("nameserver 192.0.2.1\n", 1000)
        self.assertEqual(servers(), (("192.0.2.1", 53),))
        self.write("nameserver 192.0.2.2\n", 2000)
        self.assertEqual(servers(), (("192.0.2.2", 53),))

    def test_it_is_read_once(self) -> None:
        self.write("nameserver 192.0.2.1\n", 1000)
        servers = SystemServers(self.path)
        servers()
        self.patch(Path, "read_text", lambda *_: self.fail("it has been read again"))
        self.assertEqual(servers(), (("192.0.2.1", 53),))

    def test_the_last_known(self) -> None:
        self.write("nameserver 192.0.2.1\n", 1000)
        servers = SystemServers(self.path)
        servers()
        self.path.unlink()
        self.assertEqual(servers(), (("192.0.2.1", 53),))
