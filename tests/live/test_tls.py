"""TLS as others see it: `openssl s_client` against a running server."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from tests.live.harness import LiveCase, Server, run
from tests.live.test_durability import require
from xmppd.net.development import ensure_development_identity

HOST = Server.HOST
OTHER = "montague.example"

OLD = ("-cipher", "DEFAULT@SECLEVEL=0")


class TlsTests(LiveCase):
    """Two hosts; the second one has a certificate of another authority."""

    def setUp(self) -> None:
        require(shutil.which("openssl") is not None, "openssl")
        made = ensure_development_identity(self.folder(), [OTHER], datetime.now(UTC))
        tables = f'[host."{OTHER}"]\ncertificate = "{made.chain}"\nkey = "{made.key}"'
        self.running = self.server(tables=tables)
        self.authorities = {HOST: self.running.ca, OTHER: made.ca}

    def s_client(self, port: int, *options: str) -> str:
        """Return what openssl has to say about a connection that it closes at once."""
        where = f"{self.running.address}:{port}"
        done = run(["openssl", "s_client", "-connect", where, *options], self.running.folder)
        return done.stdout + done.stderr

    def starttls(self, *options: str, host: str = HOST) -> str:
        how = ("-starttls", "xmpp", "-xmpphost", host)
        return self.s_client(self.running.port, *how, *options)

    def direct(self, *options: str) -> str:
        return self.s_client(self.running.tls_port, *options)

    def verifying(self, host: str, authority: Path | None = None) -> tuple[str, ...]:
        """Return options by which openssl hangs up unless the certificate is that of `host`."""
        ca = authority or self.authorities[host]
        return ("-CAfile", str(ca), "-verify_return_error", "-verify_hostname", host)

    def test_versions(self) -> None:
        for connect in (self.starttls, self.direct):
            for options, expected in (
                (("-tls1_3",), "New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384"),
                (("-tls1_2",), "New, TLSv1.2, Cipher is ECDHE-ECDSA-AES256-GCM-SHA384"),
                (("-tls1_2", "-cipher", "AES256-SHA"), "handshake failure"),
                (("-tls1_1", *OLD), "alert protocol version"),
                (("-tls1", *OLD), "alert protocol version"),
            ):
                self.assertIn(expected, connect(*options))

    def test_alpn(self) -> None:
        for names, expected in (
            ("xmpp-client", "ALPN protocol: xmpp-client"),
            ("h2,xmpp-client", "ALPN protocol: xmpp-client"),
            ("h2", "alert no application protocol"),
            ("xmpp-server", "alert no application protocol"),
        ):
            self.assertIn(expected, self.direct("-alpn", names))
        self.assertIn("No ALPN negotiated", self.direct())
        self.assertIn("No ALPN negotiated", self.starttls("-alpn", "h2"))

    def test_names(self) -> None:
        verified = "Verified peername: {}"
        for host in (HOST, OTHER):
            wanted = verified.format(host)
            sni = ("-servername", host)
            self.assertIn(wanted, self.direct(*sni, *self.verifying(host)))
            self.assertIn(wanted, self.starttls(*sni, *self.verifying(host)))
            # Without SNI the name in the stream decides (RFC 6120 5.4.3.1).
            unnamed = self.starttls("-noservername", *self.verifying(host), host=host)
            self.assertIn(wanted, unnamed)
        unknown = ("-servername", "elsewhere.example")
        self.assertIn(verified.format(HOST), self.direct(*unknown, *self.verifying(HOST)))
        self.assertIn(verified.format(HOST), self.direct("-noservername", *self.verifying(HOST)))

    def test_a_name_or_an_authority_that_is_not_the_servers(self) -> None:
        sni = ("-servername", HOST)
        for verifying, expected in (
            (self.verifying(OTHER, self.authorities[HOST]), "hostname mismatch"),
            (self.verifying(HOST, self.authorities[OTHER]), "unable to get local issuer"),
        ):
            for connect in (self.starttls, self.direct):
                self.assertIn(expected, connect(*sni, *verifying))

    def test_nothing_is_resumed(self) -> None:
        said = self.direct("-tls1_2", "-reconnect")  # five times
        self.assertEqual((said.count("New, TLSv1.2"), said.count("Reused, ")), (6, 0))
