"""slixmpp against a running server: logging in, chatting, and what administrators do meanwhile."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.live.clients import ClientCase, Event, SlixmppClient
from tests.live.harness import Server
from xmppd import __version__
from xmppd.net.development import ensure_development_identity

HOST = Server.HOST

BODIES = (
    "hello",
    "a < b && c > d",
    "]]>",
    "'\" &amp;",
    "Grüße, \U0001f469\u200d\U0001f680",
    "two\nlines",
)


def another_authority(folder: Path) -> Path:
    """Return the certificate of an authority that has issued nothing for the server."""
    return ensure_development_identity(folder, ["elsewhere.example"], datetime.now(UTC)).ca


class LoginTests(ClientCase):
    """Who gets in, how, and who does not."""

    # (mechanism, TLS version, the mechanism that comes of it)
    MECHANISMS = (
        ("SCRAM-SHA-1", "TLSv1.3", "SCRAM-SHA-1"),
        ("SCRAM-SHA-256", "TLSv1.3", "SCRAM-SHA-256"),
        ("SCRAM-SHA-512", "TLSv1.3", "SCRAM-SHA-512"),
        ("SCRAM-SHA-1", "TLSv1.2", "SCRAM-SHA-1"),
        # Python's ssl knows the channel binding of TLS 1.2 only.
        ("SCRAM-SHA-1-PLUS", "TLSv1.2", "SCRAM-SHA-1-PLUS"),
        ("SCRAM-SHA-256-PLUS", "TLSv1.2", "SCRAM-SHA-256-PLUS"),
        ("SCRAM-SHA-512-PLUS", "TLSv1.2", "SCRAM-SHA-512-PLUS"),
        ("PLAIN", "TLSv1.3", "PLAIN"),
        ("", "TLSv1.2", "SCRAM-SHA-512-PLUS"),
    )

    def test_mechanisms(self) -> None:
        server = self.server()
        server.add("juliet")
        client = self.client(server, mechanism="SCRAM-SHA-1")
        client.expect("session")
        for mechanism, tls, used in self.MECHANISMS:
            client.ask("disconnect")
            client.expect("disconnected")
            self.connect(client, server, mechanism=mechanism, tls=tls)
            client.expect("session", jid=f"juliet@{HOST}/slix", mechanism=used, tls=tls)

    def test_direct_tls(self) -> None:
        server = self.server()
        server.add("juliet")
        client = self.online(server, way="direct")
        client.ask("ping", to=HOST)
        client.expect("answer")

    def test_direct_tls_on_the_other_port_leaves_starttls_working(self) -> None:
        server = self.server()
        server.add("juliet")
        client = self.client(server, way="either")
        client.expect("not connected")
        client.expect("session")

    def test_a_wrong_authority_is_noticed(self) -> None:
        server = self.server()
        server.add("juliet")
        for way in ("starttls", "direct"):
            client = self.client(server, way=way, ca=another_authority(self.folder()))
            refusal = client.expect("distrusted")
            self.assertIn("certificate verify failed", refusal["why"])
            self.assertEqual(client.seen("session"), [])
        self.assertEqual(server.do("session list"), [])

    def test_wrong_password_and_unknown_user_look_the_same(self) -> None:
        server = self.server()
        server.add("juliet")
        for mechanism in ("SCRAM-SHA-256", "PLAIN"):
            refusals = []
            for user, password in (("juliet", "wrong"), ("nobody", "nobody")):
                client = self.client(server, user, password=password, mechanism=mechanism)
                refusals.append(client.expect("refused", condition="not-authorized"))
                client.expect("gave up")
                self.assertEqual(client.seen("session"), [])
            self.assertEqual(refusals[0], refusals[1])
        for _ in range(4):
            server.expect(r"A login from 127\.\d+\.\d+\.\d+ was refused$")


class ChatTests(ClientCase):
    """Two users."""

    def setUp(self) -> None:
        self.running = self.server()
        self.running.add("juliet", "romeo")
        self.juliet = self.online(self.running)
        self.romeo = self.online(self.running, "romeo", way="direct")

    def receive(self, to: SlixmppClient, body: str) -> Event:
        return to.expect("message", body=body, type="chat")

    def test_both_ways_to_full_addresses(self) -> None:
        for body in BODIES:
            self.juliet.ask("message", to=f"romeo@{HOST}/slix", body=body)
            received = self.receive(self.romeo, body)
            self.assertEqual(received["sender"], f"juliet@{HOST}/slix")
            self.romeo.ask("message", to=received["sender"], body=body)
            self.assertEqual(self.receive(self.juliet, body)["sender"], f"romeo@{HOST}/slix")

    def test_both_ways_to_bare_addresses(self) -> None:
        for client in (self.juliet, self.romeo):
            client.ask("presence", to="", status="here")
            client.expect("presence", status="here")
        self.juliet.ask("message", to=f"romeo@{HOST}", body="Wherefore art thou?")
        received = self.receive(self.romeo, "Wherefore art thou?")
        self.assertEqual(received["to"], f"romeo@{HOST}")
        self.romeo.ask("message", to=f"juliet@{HOST}", body="Here.")
        self.receive(self.juliet, "Here.")

    def test_order(self) -> None:
        bodies = [str(number) for number in range(100)]
        for body in bodies:
            self.juliet.ask("message", to=f"romeo@{HOST}/slix", body=body)
        self.receive(self.romeo, bodies[-1])
        self.assertEqual([event["body"] for event in self.romeo.seen("message")], bodies)

    def test_presence_is_seen_by_the_own_clients(self) -> None:
        self.juliet.ask("presence", to="", status="balcony")
        self.juliet.expect("presence", sender=f"juliet@{HOST}/slix", status="balcony")
        phone = self.online(self.running, resource="phone")
        phone.ask("presence", to="", status="garden")
        self.juliet.expect("presence", sender=f"juliet@{HOST}/phone", status="garden")
        phone.expect("presence", sender=f"juliet@{HOST}/slix", status="balcony")
        phone.ask("disconnect")
        self.juliet.expect("presence", sender=f"juliet@{HOST}/phone", type="unavailable")

    def test_directed_presence_is_seen_and_taken_back_at_the_end(self) -> None:
        self.juliet.ask("presence", to=f"romeo@{HOST}/slix", status="for you")
        self.romeo.expect("presence", sender=f"juliet@{HOST}/slix", status="for you")
        self.juliet.end()
        self.romeo.expect("presence", sender=f"juliet@{HOST}/slix", type="unavailable")


class QueryTests(ClientCase):
    """Requests."""

    def test_the_host_answers(self) -> None:
        server = self.server()
        server.add("juliet")
        client = self.online(server)
        client.ask("ping", to=HOST)
        client.expect("answer")
        client.ask("version", to=HOST)
        client.expect("answer", name="xmppd", version=__version__)
        client.ask("time", to=HOST)
        told = datetime.fromisoformat(client.expect("answer")["utc"])
        self.assertLess(abs(datetime.now(UTC) - told), timedelta(minutes=1))
        client.ask("disco", to=HOST)
        features = client.expect("answer", identities=["server/im"])["features"]
        for feature in ("jabber:iq:version", "urn:xmpp:ping", "urn:xmpp:time"):
            self.assertIn(feature, features)

    def test_clients_reach_each_other_once_they_have_shown_themselves(self) -> None:
        server = self.server()
        server.add("juliet", "romeo")
        juliet, romeo = self.online(server), self.online(server, "romeo")
        juliet.ask("presence", to=f"romeo@{HOST}", status="you may ask")
        juliet.ask("ping", to=HOST)
        juliet.expect("answer")
        romeo.ask("ping", to=f"juliet@{HOST}/slix")
        romeo.expect("answer")


class SessionTests(ClientCase):
    """What ends sessions, and what does not."""

    def setUp(self) -> None:
        self.running = self.server()
        self.running.add("juliet")
        self.juliet = self.online(self.running)

    def assert_ended(self, condition: str, text: str) -> None:
        self.juliet.expect("stream error", condition=condition, text=text)
        self.juliet.expect("disconnected")

    def assert_alive(self) -> None:
        self.juliet.ask("ping", to=HOST)
        self.juliet.expect("answer")

    def test_the_same_resource_again_replaces(self) -> None:
        self.online(self.running)
        self.assert_ended("conflict", "another client has taken this resource")

    def test_kick(self) -> None:
        phone = self.online(self.running, resource="phone")
        said = self.ctl(
            self.running, "session", "kick", f"juliet@{HOST}/slix", "--text", "good night"
        )
        self.assertIn(f"juliet@{HOST}/slix", said)
        self.assert_ended("policy-violation", "good night")
        phone.ask("ping", to=HOST)
        phone.expect("answer")

    def test_a_new_password_is_for_the_next_login(self) -> None:
        address = f"juliet@{HOST}"
        self.ctl(self.running, "user", "password", address, "--password-stdin", given="new\n")
        self.assert_alive()
        late = self.client(self.running, resource="late", mechanism="SCRAM-SHA-1")
        late.expect("refused", condition="not-authorized")
        self.online(self.running, resource="new", password="new")

    def test_deleting_the_user(self) -> None:
        self.ctl(self.running, "user", "delete", f"juliet@{HOST}")
        self.assert_ended("not-authorized", "this account has been deleted")
        late = self.client(self.running, mechanism="SCRAM-SHA-1")
        late.expect("refused", condition="not-authorized")

    def test_the_end_of_the_server(self) -> None:
        direct = self.online(self.running, resource="direct", way="direct")
        self.running.stop()
        self.assert_ended("system-shutdown", "")
        direct.expect("stream error", condition="system-shutdown")
        direct.expect("disconnected")

    def test_accounts_outlive_the_server(self) -> None:
        self.running.stop()
        self.started(self.running)
        self.juliet.expect("disconnected")
        self.connect(self.juliet, self.running)
        self.juliet.expect("session")


class CertificateTests(ClientCase):
    """Certificates that change while the server runs."""

    def setUp(self) -> None:
        self.home = self.folder()
        self.chain, self.key = self.home / "chain.pem", self.home / "key.pem"
        self.renew()
        files = f'certificate = "{self.chain}"\nkey = "{self.key}"'
        self.running = self.server(tls=files)
        self.running.ca = self.home / "ca.pem"
        self.running.add("juliet")
        self.old = self.online(self.running, resource="old")
        (session,) = self.old.seen("session")
        self.first: str = session["certificate"]

    def renew(self) -> None:
        """Have a new certificate in the place of the one in use."""
        for made in self.home.glob(f"{HOST}*.pem"):
            made.unlink()
        fresh = ensure_development_identity(self.home, [HOST], datetime.now(UTC))
        self.chain.write_bytes(fresh.chain.read_bytes())
        self.key.write_bytes(fresh.key.read_bytes())
        self.key.chmod(0o600)

    def shown(self, way: str) -> str:
        """Return the fingerprint of what a new connection gets to see."""
        client = self.online(self.running, resource=f"new-{way}", way=way)
        certificate: str = client.seen("session")[0]["certificate"]
        return certificate

    def test_reload(self) -> None:
        for reload in (self.running.hang_up, lambda: self.ctl(self.running, "reload")):
            before = self.shown("starttls")
            self.renew()
            reload()
            self.running.expect(f"reloaded: {HOST}$")
            after = self.shown("starttls")
            self.assertNotEqual(after, before)
            self.assertEqual(self.shown("direct"), after)
        self.old.ask("ping", to=HOST)
        self.old.expect("answer")

    def test_a_key_of_another_certificate_is_refused(self) -> None:
        other = ensure_development_identity(self.folder(), [HOST], datetime.now(UTC))
        self.key.write_bytes(other.key.read_bytes())
        self.running.expected_trouble.append("certificates are kept as they are")
        self.running.hang_up()
        self.running.expect(f"certificates are kept as they are: {self.key}: is not the key of")
        complaint = self.ctl(self.running, "reload", status=1)
        self.assertRegex(complaint, f"^xmppdctl: nothing has changed: {self.key}: is not the key")
        for way in ("starttls", "direct"):
            self.assertEqual(self.shown(way), self.first)
        self.old.ask("ping", to=HOST)
        self.old.expect("answer")
