"""STARTTLS with real TLS on real sockets (RFC 6120 section 5, RFC 7590)."""

from OpenSSL import SSL

from tests.c2s.client import Client
from tests.c2s.house import HouseCase, Setup, identities
from tests.c2s.texts import (
    CAPULET,
    CLOSE,
    MONTAGUE,
    PROCEED,
    SASL,
    STARTTLS,
    TLS,
    auth,
    failure,
    opening,
    plain,
)
from tests.net import pairs
from xmppd.api.registrations import StreamFeature
from xmppd.wire.element import Element

REQUIRED = f"<stream:features><starttls xmlns='{TLS}'><required/></starttls></stream:features>"
HELLO_CAPULET = "<iq type='get' id='1' to='capulet.example'><ping xmlns='urn:xmpp:ping'/></iq>"


def mechanisms(client: Client) -> list[str]:
    """Open a stream and return what it offers to log in with."""
    client.sends(opening())
    (features,) = client.takes()
    return [each.text or "" for each in features.iter(f"{{{SASL}}}mechanism")]


class RequiredTests(HouseCase):
    """TLS is required, as it is by default."""

    setup = Setup(tls=True)

    def test_nothing_else_is_offered(self) -> None:
        """RFC 6120 5.3.1; not even what features have for strangers."""
        self.house.install(
            StreamFeature(lambda _: Element("register", "urn:x"), when="before-login"),
            StreamFeature(lambda _: Element("other", "urn:x"), when="both"),
        )
        client = self.house.connect()
        client.sends(opening())
        client.receives(REQUIRED)

    def test_a_whole_login(self) -> None:
        client = self.house.connect()
        client.opens()
        first = client.reader.header["id"]
        client.sends(STARTTLS)
        client.receives(PROCEED)
        client.begin_tls(pairs.Client(server_name=CAPULET.encode()))
        client.sends(opening())
        (features,) = client.takes()
        self.assertNotEqual(client.reader.header["id"], first)
        self.assertIsNone(features.find(f"{{{TLS}}}starttls"))
        self.assertIsNotNone(features.find(f"{{{SASL}}}mechanisms"))
        client.sends(plain("juliet"))
        client.receives(f"<success xmlns='{SASL}'/>")
        client.opens()
        client.binds("balcony")
        client.sends(HELLO_CAPULET)
        self.assertEqual([element.get("type") for element in client.takes()], ["error"])

    def test_logins_in_clear_are_refused(self) -> None:
        for login, condition in (
            (plain("juliet"), "encryption-required"),
            (auth("SCRAM-SHA-1", b"n,,n=juliet,r=x"), "encryption-required"),
            (auth("SCRAM-SHA-1-PLUS", b"p=tls-unique,,n=juliet,r=x"), "invalid-mechanism"),
            (auth("CRAM-MD5"), "invalid-mechanism"),
            (f"<response xmlns='{SASL}'/>", "malformed-request"),
        ):
            client = self.house.connect()
            client.opens()
            client.sends(login)
            client.receives(failure(condition))

    def test_what_came_in_clear_behind_is_never_answered(self) -> None:
        """RFC 6120 5.4.3.3, rule 2; the flaw others had (CVE-2011-0411 and its kind)."""
        for behind in (plain("juliet"), opening() + plain("juliet"), "<message/>", "</x", "<"):
            client = self.house.connect()
            client.opens()
            client.sends(STARTTLS + behind)
            client.receives(PROCEED)
            client.begin_tls(pairs.Client())
            client.sends(opening())
            (features,) = client.takes()
            self.assertIsNotNone(features.find(f"{{{SASL}}}mechanisms"), behind)
            client.sends(CLOSE)
            client.receives()
            self.assertTrue(client.reader.ended)

    def test_also_if_it_waited_for_something_before(self) -> None:
        """The header's answer may take time; what was read meanwhile is read in its turn."""
        client = self.house.connect()
        client.sends(opening() + STARTTLS + plain("juliet") + "<message/>")
        client.receives(REQUIRED, PROCEED)
        client.begin_tls(pairs.Client())
        self.assertIn("PLAIN", mechanisms(client))

    def test_no_clear_byte_after_proceed(self) -> None:
        client = self.house.connect()
        client.opens()
        client.sends(STARTTLS)
        client.receives(PROCEED)
        client.begin_tls(pairs.Client())
        client.logs_in()
        client.binds()
        _, _, behind = client.raw.partition(b'proceed xmlns="%b"/>' % TLS.encode())
        while behind:
            kind, version, size = behind[0], behind[1], int.from_bytes(behind[3:5], "big")
            self.assertIn(kind, (20, 21, 22, 23))  # TLS records and nothing between them
            self.assertEqual(version, 3)
            behind = behind[5 + size :]
        self.assertNotIn(b"stream:features", client.raw.partition(b"proceed")[2])

    def test_not_twice(self) -> None:
        """It is not offered under TLS, and so it fails (5.4.2.2)."""
        client = self.house.connect()
        client.starts_tls()
        client.opens()
        client.sends(STARTTLS + plain("juliet"))
        client.receives(f"<failure xmlns='{TLS}'/>")
        self.assertTrue(client.reader.ended)

    def test_nothing_is_known_of_the_stream_before(self) -> None:
        """Who somebody in clear said it was does not matter (6.4.6 asks of protected headers)."""
        client = self.house.connect()
        client.opens(extra="version='1.0' from='nurse@capulet.example'")
        client.sends(STARTTLS)
        client.receives(PROCEED)
        client.begin_tls(pairs.Client())
        client.logs_in("juliet")
        self.assertEqual(client.binds("x").localpart, "juliet")

    def test_a_login_begun_before_is_given_up(self) -> None:
        client = self.house.connect()
        client.opens()
        for _ in range(3):
            client.sends(plain("juliet"))
            client.receives(failure("encryption-required"))
        client.sends(STARTTLS)
        client.receives(PROCEED)
        client.begin_tls(pairs.Client())
        client.opens()
        client.sends(f"<response xmlns='{SASL}'/>")
        client.receives(failure("malformed-request"))
        client.sends(plain("juliet"))
        client.receives(f"<success xmlns='{SASL}'/>")


class CertificateTests(HouseCase):
    """Whose certificate is shown: by SNI, else by the stream's `to` (5.4.3.1, rule 4)."""

    setup = Setup(tls=True)

    def test_by_sni_or_to(self) -> None:
        for name, to, shown in (
            (b"", CAPULET, CAPULET),
            (b"", MONTAGUE, MONTAGUE),
            (CAPULET.encode(), MONTAGUE, CAPULET),
            (MONTAGUE.encode(), MONTAGUE, MONTAGUE),
            (b"verona.example", MONTAGUE, MONTAGUE),
        ):
            tls = pairs.Client(server_name=name)
            client = self.house.connect()
            client.starts_tls(tls, to)
            self.assertEqual(tls.shown, identities()[shown].der, (name, to))

    def test_a_host_not_served_here(self) -> None:
        """The handshake succeeds, and then the stream says what is wrong (RFC 9325 3.7)."""
        for to in (CAPULET, "verona.example"):
            client = self.house.connect()
            client.starts_tls(pairs.Client(server_name=b"verona.example"))
            client.sends(opening(to))
            client.fails_with("host-unknown")

    def test_another_host_of_ours(self) -> None:
        client = self.house.connect()
        client.starts_tls(pairs.Client(server_name=CAPULET.encode()))
        client.logs_in("romeo", MONTAGUE)
        self.assertEqual(client.binds("x").domainpart, MONTAGUE)


class OptionalTests(HouseCase):
    """TLS is on offer and not required."""

    def test_both_are_offered(self) -> None:
        house = self.house
        house.clients.contexts = house.direct
        client = house.connect()
        client.sends(opening())
        (features,) = client.takes()
        starttls = features.find(f"{{{TLS}}}starttls")
        assert starttls is not None
        self.assertEqual(len(starttls), 0)
        self.assertIsNotNone(features.find(f"{{{SASL}}}mechanisms"))

    def test_not_after_a_login_in_clear(self) -> None:
        """RFC 6120 5.3.4: TLS comes first or not at all."""
        self.house.clients.contexts = self.house.direct
        client = self.house.connect()
        client.logs_in()
        client.sends(STARTTLS)
        client.receives(f"<failure xmlns='{TLS}'/>")
        self.assertTrue(client.reader.ended)

    def test_where_there_is_no_certificate(self) -> None:
        client = self.house.connect()
        client.sends(opening())
        (features,) = client.takes()
        self.assertIsNone(features.find(f"{{{TLS}}}starttls"))
        client.sends(STARTTLS)
        client.receives(f"<failure xmlns='{TLS}'/>")
        self.assertTrue(client.reader.ended)


class HandshakeTests(HouseCase):
    """Handshakes that come to nothing end the connection without a word of XMPP (5.4.3.2)."""

    setup = Setup(tls=True)

    def begun(self) -> Client:
        client = self.house.connect()
        client.opens()
        client.sends(STARTTLS)
        client.receives(PROCEED)
        return client

    def test_garbage(self) -> None:
        for garbage in (
            b"GET / HTTP/1.0\r\n\r\n",
            b"\0" * 100,
            opening().encode(),
            b"\x16\x03\x01",
        ):
            client = self.begun()
            size = len(client.raw)
            client.sends(garbage)
            self.house.passes(70 if garbage == b"\x16\x03\x01" else 0)
            self.assertTrue(client.lost, garbage)
            self.assertNotIn(b"stream", client.raw[size:])
        self.assertEqual(len(self.house.clients), 0)

    def test_the_connection_is_lost_on_the_way(self) -> None:
        for began in (False, True):
            client = self.begun()
            client.deaf = True
            if began:
                client.begin_tls(pairs.Client())
            else:
                client.sends(b"\x16\x03\x01\x02\x00\x01\x00")
            self.assertEqual(len(self.house.clients), 1)
            client.hangs_up()
            self.assertEqual(len(self.house.clients), 0)

    def test_silence(self) -> None:
        client = self.begun()
        size = len(client.raw)
        self.house.passes(60 + 5 + 5 + 1)
        self.assertTrue(client.lost)
        self.assertEqual(client.raw[size:], b"")
        self.assertEqual(len(self.house.clients), 0)

    def test_old_versions(self) -> None:
        """RFC 9325 3.1.1."""
        client = self.begun()
        client.begin_tls(pairs.Client(lowest=SSL.TLS1_VERSION, highest=SSL.TLS1_1_VERSION))
        self.assertIn("alert protocol version", client.refusal)
        self.assertTrue(client.lost)
        self.assertEqual(len(self.house.clients), 0)
