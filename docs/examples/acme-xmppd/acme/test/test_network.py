"""The greeting on a server among others, with what can go wrong there."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from acme.greeting import GREETING, Greeting, GreetingSettings
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq
from xmppd.testing.network import Network, NetworkClient
from xmppd.wire.element import Element

ASK = f"<iq to='juliet@a.example' type='get' id='1'><greeting xmlns='{GREETING}'/></iq>"


def greeted(client: NetworkClient) -> list[str]:
    """Return the types of messages that have come."""
    return [str(stanza.type) for stanza in client.take() if stanza.kind == "message"]


class NetworkTests(SynchronousTestCase):
    """`Greeting`, on one of two servers."""

    def setUp(self) -> None:
        self.network = Network(seed=1)
        self.addCleanup(self.network.close)
        self.network.add("a.example", prepare=self.prepare)
        self.network.add("b.example")
        self.juliet = self.network.client("juliet@a.example/balcony")
        self.romeo = self.network.client("romeo@b.example/orchard")
        self.network.run(1)

    def prepare(self, server: Any) -> None:
        """Bring the module: in each life of the server, before it starts."""
        host = server.host()
        host.install("acme-greeting", Greeting(host, GreetingSettings("Hello.")).registrations())

    def test_one_greeting_whatever_happens(self) -> None:
        self.assertEqual(greeted(self.juliet), ["chat"])
        self.network.crash("a.example")
        self.network.start("a.example")
        self.juliet.login()
        self.network.run(1)
        self.assertEqual(greeted(self.juliet), [])

    def test_who_asks_from_another_server(self) -> None:
        """They get an answer, once the servers can reach each other, and it is no."""
        self.network.cut("a.example", "b.example")
        self.romeo.send(ASK)
        self.network.run(3)
        self.assertEqual(self.romeo.take(), [])
        self.network.mend()
        self.network.run(10)
        self.assertEqual([(each.id, each.type) for each in self.romeo.take()], [("1", "error")])

    def test_asking_another_server(self) -> None:
        """As a module does that asks others; here it is the server of Romeo."""
        server = self.network.nodes["b.example"].server
        assert server is not None  # it runs
        host = server.host()
        for domain, condition in (
            ("a.example", "service-unavailable"),  # the greeting is for users
            ("nowhere.example", "remote-server-not-found"),
        ):
            greeting = Element("greeting", GREETING)
            asking = host.request(Iq(greeting, to=JID.parse(domain), type="get"), timeout=5.0)
            self.network.run(10)
            error = self.failureResultOf(asking, StanzaError).value
            self.assertEqual(error.condition, condition)

    def test_nothing_is_left(self) -> None:
        self.juliet.logout()
        self.romeo.logout()
        self.network.run(1)
        self.assertEqual(self.network.left(), [])
