"""TLS from the first byte (XEP-0368), with real TLS on real sockets."""

from tests.c2s.client import Client
from tests.c2s.house import HouseCase, Setup, identities
from tests.c2s.texts import CAPULET, MONTAGUE, SASL, STARTTLS, TLS, opening
from tests.net import pairs


class DirectTlsTests(HouseCase):
    """The port of its own."""

    setup = Setup(tls=True)

    def test_a_whole_login(self) -> None:
        client = self.house.connect(direct=pairs.Client(protocols=[b"xmpp-client"]))
        client.sends(opening())
        (features,) = client.takes()
        self.assertIsNone(features.find(f"{{{TLS}}}starttls"))
        self.assertIsNotNone(features.find(f"{{{SASL}}}mechanisms"))
        client.sends("</stream:stream>")
        self.assertTrue(client.reader.ended)
        other = self.house.login(direct=pairs.Client(protocols=[b"xmpp-client"]))
        self.assertEqual(other.raw.find(b"stream"), -1)

    def test_alpn(self) -> None:
        """RFC 7301 3.2: none offered is fine; only others offered is refused."""
        for offered, chosen in (
            ([], b""),
            ([b"xmpp-client"], b"xmpp-client"),
            ([b"h2", b"xmpp-client", b"xmpp-server"], b"xmpp-client"),
        ):
            tls = pairs.Client(protocols=offered)
            client = self.house.login(direct=tls)
            self.assertEqual(tls.connection.get_alpn_proto_negotiated(), chosen)
            client.closes()
        for offered in ([b"h2"], [b"http/1.1", b"xmpp-server"], [b"xmpp-Client"]):
            client = self.house.connect(direct=pairs.Client(protocols=offered))
            self.assertIn("no application protocol", client.refusal)
            self.assertTrue(client.lost)

    def test_alpn_does_not_matter_behind_starttls(self) -> None:
        client = self.house.connect()
        client.starts_tls(pairs.Client(protocols=[b"h2"]))
        client.logs_in()

    def test_certificates(self) -> None:
        for name, shown in (
            (b"", CAPULET),
            (MONTAGUE.encode(), MONTAGUE),
            (b"verona.example", CAPULET),
        ):
            tls = pairs.Client(server_name=name)
            self.house.connect(direct=tls)
            self.assertEqual(tls.shown, identities()[shown].der, name)

    def test_a_host_not_served_here(self) -> None:
        client = self.house.connect(direct=pairs.Client(server_name=b"verona.example"))
        client.sends(opening("verona.example"))
        client.fails_with("host-unknown")

    def test_starttls_is_out_of_place(self) -> None:
        """XEP-0368: it must not be used over direct TLS."""
        client = self.house.connect(direct=pairs.Client())
        client.opens()
        client.sends(STARTTLS)
        client.receives(f"<failure xmlns='{TLS}'/>")
        self.assertTrue(client.reader.ended)

    def test_a_stream_in_clear(self) -> None:
        client = self.clear()
        client.sends(opening())
        self.assertTrue(client.lost)
        self.assertNotIn(b"stream", client.raw)

    def test_silence(self) -> None:
        client = self.clear()
        self.house.passes(60 + 5 + 5 + 1)
        self.assertTrue(client.lost)
        self.assertEqual(client.raw, b"")
        self.assertEqual(len(self.house.clients), 0)

    def test_the_connection_is_lost_on_the_way(self) -> None:
        client = self.clear()
        client.sends(b"\x16\x03\x01\x02\x00\x01\x00")
        self.assertEqual(len(self.house.clients), 1)
        client.hangs_up()
        self.assertEqual(len(self.house.clients), 0)

    def clear(self) -> Client:
        """Return a client that does not know of TLS."""
        client = self.house.connect(direct=pairs.Client())
        client.hangs_up()
        client = Client(self.house, direct=pairs.Client())
        client.tls = None
        self.house.ends.append(client)
        return client
