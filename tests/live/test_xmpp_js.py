"""xmpp.js, a library for Node.js and browsers, against a running server."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from tests.live.clients import ClientCase, ToldClient
from tests.live.fetched import node_modules
from tests.live.harness import Server
from tests.live.test_durability import require
from xmppd.net.development import ensure_development_identity

HOST = Server.HOST
SCRIPT = Path(__file__).with_name("xmpp_js_client.mjs")


class XmppJsTests(ClientCase):
    """juliet uses xmpp.js, romeo too, or slixmpp."""

    def setUp(self) -> None:
        require(None not in (shutil.which("node"), shutil.which("npm")), "node with npm")
        self.packages = node_modules()
        self.running = self.server()
        self.running.add("juliet", "romeo")

    def script(self, user: str, *, scheme: str = "xmpp", ca: Path | None = None) -> ToldClient:
        """Return a client that is about to log in; `scheme` "xmpps" is direct TLS."""
        port = self.running.tls_port if scheme == "xmpps" else self.running.port
        client = ToldClient(
            Path(self.mktemp()),
            user,
            ["node", str(SCRIPT), str(self.packages)],
            NODE_EXTRA_CA_CERTS=str(ca or self.running.ca),
        )
        self.addCleanup(client.end)
        client.ask(
            "connect",
            service=f"{scheme}://{HOST}:{port}",
            address=self.running.address,
            username=user,
            password=user,
            resource="js",
        )
        return client

    def logged_in(self, user: str, scheme: str = "xmpp") -> ToldClient:
        client = self.script(user, scheme=scheme)
        client.expect("session", jid=f"{user}@{HOST}/js", tls="TLSv1.3", verified=True)
        return client

    def test_pings_and_the_end(self) -> None:
        for scheme in ("xmpp", "xmpps"):
            client = self.logged_in("juliet", scheme)
            client.ask("ping", to=HOST)
            client.expect("answer")
            client.ask("ping")
            client.expect("answer")
            client.ask("ping", to=f"nobody@{HOST}")
            client.expect("error", condition="service-unavailable")
            client.ask("disconnect")
            client.expect("disconnected")
            self.assertEqual(self.running.do("session list"), [])

    def test_an_authority_that_is_not_the_servers(self) -> None:
        other = ensure_development_identity(self.folder(), ["elsewhere.example"], datetime.now(UTC))
        for scheme in ("xmpp", "xmpps"):
            client = self.script("juliet", scheme=scheme, ca=other.ca)
            self.assertIn("unable to verify", client.expect("failed")["why"])
        self.assertEqual(self.running.do("session list"), [])

    def test_friends(self) -> None:
        """Subscriptions, presence, messages, and what is left of them after logging in again."""
        juliet, romeo = self.logged_in("juliet"), self.logged_in("romeo", scheme="xmpps")
        for client in (juliet, romeo):
            client.ask("roster")
            client.expect("roster", items=[])
            client.ask("presence", status="here")
        juliet.expect("presence", sender=f"juliet@{HOST}/js", status="here")
        juliet.ask("presence", type="subscribe", to=f"romeo@{HOST}")
        juliet.expect("push", jid=f"romeo@{HOST}", subscription="none", ask="subscribe")
        romeo.expect("presence", sender=f"juliet@{HOST}", type="subscribe")
        romeo.ask("presence", type="subscribed", to=f"juliet@{HOST}")
        juliet.expect("push", jid=f"romeo@{HOST}", subscription="to")
        romeo.expect("push", jid=f"juliet@{HOST}", subscription="from")
        juliet.expect("presence", sender=f"romeo@{HOST}/js", status="here")
        juliet.ask("message", to=f"romeo@{HOST}", body="O Romeo, <Romeo> & Romeo \u2665")
        heard = romeo.expect("message", body="O Romeo, <Romeo> & Romeo \u2665")
        romeo.ask("message", to=heard["sender"], body="Speak again")
        juliet.expect("message", sender=f"romeo@{HOST}/js", body="Speak again")
        romeo.ask("disconnect")
        juliet.expect("presence", sender=f"romeo@{HOST}/js", type="unavailable")
        juliet.ask("disconnect")
        juliet.expect("disconnected")
        again = self.logged_in("juliet")
        again.ask("roster")
        items = again.expect("roster")["items"]
        self.assertEqual(items, [{"jid": f"romeo@{HOST}", "subscription": "to"}])

    def test_slixmpp_on_the_other_side(self) -> None:
        juliet, romeo = self.logged_in("juliet"), self.online(self.running, "romeo")
        juliet.ask("message", to=f"romeo@{HOST}/slix", body="But, soft!")
        heard = romeo.expect("message", sender=f"juliet@{HOST}/js", body="But, soft!")
        romeo.ask("message", to=heard["sender"], body="Speak again")
        juliet.expect("message", sender=f"romeo@{HOST}/slix", body="Speak again")
