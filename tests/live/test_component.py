"""A slixmpp component on a running server, and a slixmpp client that talks to it."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.live.clients import ClientCase, ToldClient
from tests.live.harness import Server, free_ports, loopback_address
from tests.live.test_durability import require

HOST = Server.HOST
IRC = f"irc.{HOST}"
PROGRAM = (sys.executable, "-m", "tests.live.slixmpp_component")
BODIES = ("hello", "a < b && c > d", "]]>", "'\" &amp;", "Grüße, \U0001f469\u200d\U0001f680")


class ComponentCase(ClientCase):
    """A server that a component may connect to."""

    def setUp(self) -> None:
        require(find_spec("slixmpp") is not None, "slixmpp")
        (self.port,) = free_ports(loopback_address(), 1)
        folder = self.folder()
        self.secret = folder / "irc.secret"
        self.secret.write_text("hush\n")
        self.running = self.server(
            listen=f'components = {self.port}\ncomponent_addresses = ["{loopback_address()}"]',
            tables=f'[component."{IRC}"]\nsecret_file = "{self.secret}"',
        )
        self.running.add("juliet")

    def component(self, secret: str = "hush") -> ToldClient:
        """Return a component that is about to connect."""
        component = ToldClient(Path(self.mktemp()), IRC, PROGRAM)
        self.addCleanup(component.end)
        self.log_in(component, secret)
        return component

    def log_in(self, component: ToldClient, secret: str = "hush") -> None:
        component.ask(
            "connect", jid=IRC, secret=secret, address=self.running.address, port=self.port
        )

    def listed(self) -> Any:
        return self.running.do("component list")


class ConnectionTests(ComponentCase):
    """Who gets in."""

    def test_the_right_secret(self) -> None:
        self.component().expect("session")
        (row,) = self.listed()
        self.assertEqual((row["domain"], row["queued"]), (IRC, 0))
        self.assertRegex(row["address"], r"^127\.")
        self.assertTrue(row["since"])
        self.assertIn(IRC, self.ctl(self.running, "component", "list"))
        self.assertEqual(self.ctl_json(self.running, "status")["components"], [IRC])

    def test_a_wrong_secret(self) -> None:
        component = self.component("guess")
        component.expect("stream error", condition="not-authorized")
        self.running.expect(f"component {IRC} was refused from .*: it does not know the secret")
        self.assertEqual(component.seen("session"), [])
        (row,) = self.listed()
        self.assertEqual(row["since"], "")

    def test_a_second_one(self) -> None:
        first = self.component()
        first.expect("session")
        self.component().expect("stream error", condition="conflict")
        self.assertEqual(len(self.listed()), 1)
        self.assertEqual(first.seen("disconnected"), [])

    def test_a_new_secret(self) -> None:
        self.secret.write_text("shh\n")
        self.running.hang_up()
        self.running.expect(f"reloaded: {HOST}$")
        self.component().expect("stream error", condition="not-authorized")
        self.component("shh").expect("session")

    def test_the_end_of_the_server(self) -> None:
        component = self.component()
        component.expect("session")
        self.running.stop()
        component.expect("stream error", condition="system-shutdown")


class TrafficTests(ComponentCase):
    """Stanzas both ways."""

    def setUp(self) -> None:
        super().setUp()
        self.irc = self.component()
        self.irc.expect("session")
        self.juliet = self.online(self.running)
        self.me = f"juliet@{HOST}/slix"

    def test_messages(self) -> None:
        romeo = f"romeo@{IRC}/verona"
        for body in BODIES:
            self.juliet.ask("message", to=romeo, body=body)
            self.irc.expect("message", sender=self.me, to=romeo, body=body, type="chat")
            self.irc.ask("message", sender=romeo, to=self.me, body=body)
            self.juliet.expect("message", sender=romeo, body=body, type="chat")

    def test_requests(self) -> None:
        self.juliet.ask("ping", to=IRC)
        self.juliet.expect("answer")
        self.juliet.ask("disco", to=IRC)
        self.juliet.expect("answer", identities=["gateway/irc"])
        self.irc.ask("ping", sender=IRC, to=HOST)
        self.irc.expect("answer")
        self.irc.ask("disco", sender=f"romeo@{IRC}", to=HOST)
        self.assertIn("urn:xmpp:ping", self.irc.expect("answer")["features"])

    def test_presence(self) -> None:
        self.juliet.ask("presence", to=f"#verona@{IRC}", status="here")
        self.irc.expect("presence", sender=self.me, to=f"#verona@{IRC}", status="here")
        self.irc.ask("presence", sender=f"#verona@{IRC}/romeo", to=self.me, status="me too")
        self.juliet.expect("presence", sender=f"#verona@{IRC}/romeo", status="me too")
        self.juliet.end()
        self.irc.expect("presence", sender=self.me, type="unavailable")

    def test_many(self) -> None:
        """More than a socket holds, in order."""
        bodies = [f"{number} {'x' * 1_000}" for number in range(300)]
        for body in bodies:
            self.juliet.ask("message", to=IRC, body=body)
        self.irc.expect("message", body=bodies[-1])
        self.assertEqual([event["body"] for event in self.irc.seen("message")], bodies)

    def test_when_it_is_gone(self) -> None:
        self.irc.ask("disconnect")
        self.irc.expect("disconnected")
        self.juliet.ask("ping", to=IRC)
        self.juliet.expect("error", condition="remote-server-timeout")
        self.log_in(self.irc)
        self.irc.expect("session")
        self.juliet.ask("ping", to=IRC)
        self.juliet.expect("answer")
