"""What a connection leaves behind: nothing, without the help of the collector."""

import gc
from collections import Counter
from collections.abc import Callable

from twisted.internet.defer import Deferred

from tests.c2s.client import Client
from tests.c2s.house import HouseCase
from tests.c2s.texts import CAPULET, JULIET, STARTTLS, auth, binding, opening, plain
from tests.net import pairs
from xmppd.api.moments import SentByClient
from xmppd.api.registrations import PerAccount, Watch
from xmppd.c2s.after_login import AfterLogin
from xmppd.c2s.before_login import BeforeLogin
from xmppd.c2s.intake import Intake
from xmppd.c2s.login import Login
from xmppd.c2s.negotiation import Negotiation
from xmppd.c2s.protocol import ClientProtocol
from xmppd.c2s.session import Session
from xmppd.net.transport import Writer
from xmppd.stream.errors import StreamError
from xmppd.stream.inbound import InboundStream
from xmppd.wire.parser import StreamParser

NEGOTIATING = (AfterLogin, BeforeLogin, Intake, Login, Negotiation)
OURS = (*NEGOTIATING, ClientProtocol, InboundStream, Session, StreamParser, Writer)


def alive() -> Counter[str]:
    """Count the objects of a connection, and expat's."""
    kinds = Counter(type(each) for each in gc.get_objects())
    found = Counter({kind.__name__: kinds[kind] for kind in OURS if kinds[kind]})
    expat = sum(count for kind, count in kinds.items() if kind.__name__ == "xmlparser")
    return found + Counter(xmlparser=expat)


class MemoryCase(HouseCase):
    """A test during which nothing is collected."""

    def setUp(self) -> None:
        super().setUp()
        warm = self.house.login("nurse")
        warm.closes()
        self.forget(warm)
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)

    def forget(self, client: Client) -> None:
        """Let go of our own end."""
        client.socket.close()
        self.house.ends.remove(client)
        client.protocol = None
        client.transport = None

    def leaves_nothing(self, bring: Callable[[], Client], ways: int = 3) -> None:
        """End a connection each of three ways and look for remains."""
        for way in (Client.hangs_up, Client.closes, self.fails)[:ways]:
            before = alive()
            client = bring()
            self.assertNotEqual(alive(), before)
            way(client)
            self.house.passes(70 if client.tls is not None else 0)
            self.forget(client)
            del client
            self.assertEqual(alive() - before, Counter(), way)

    def fails(self, client: Client) -> None:
        assert client.protocol is not None
        client.protocol.fail(StreamError("reset"))
        self.house.turn()
        client.hangs_up()


class ClearTests(MemoryCase):
    """Connections without TLS."""

    def test_connected(self) -> None:
        self.leaves_nothing(self.house.connect)

    def test_opened(self) -> None:
        def bring() -> Client:
            client = self.house.connect()
            client.opens()
            return client

        self.leaves_nothing(bring)

    def test_logging_in(self) -> None:
        def bring() -> Client:
            client = self.house.connect()
            client.opens()
            client.sends(auth("SCRAM-SHA-1", b"n,,n=juliet,r=x"))
            return client

        self.leaves_nothing(bring)

    def test_logged_in(self) -> None:
        def bring() -> Client:
            client = self.house.connect()
            client.logs_in()
            return client

        self.leaves_nothing(bring)

    def test_bound(self) -> None:
        def bring() -> Client:
            client = self.house.login()
            client.sends(f"<message to='{JULIET}/balcony'><body>half")
            return client

        self.leaves_nothing(bring)

    def test_after_errors(self) -> None:
        for wrong in ("</x", "<x/>", f"<message from='romeo@{CAPULET}'/>"):

            def bring(wrong: str = wrong) -> Client:
                client = self.house.login()
                client.sends(wrong)
                return client

            self.leaves_nothing(bring, 1)

    def test_refused(self) -> None:
        def bring() -> Client:
            client = self.house.connect()
            client.sends(opening("verona.example"))
            return client

        self.leaves_nothing(bring)

    def test_replaced(self) -> None:
        def bring() -> Client:
            first = self.house.login()
            second = self.house.login()
            first.hangs_up()
            self.forget(first)
            return second

        self.house.clients.binder.sweep()
        self.leaves_nothing(bring, 1)


class WaitingTests(MemoryCase):
    """Connections that end while something waits.

    Twisted ties the exception of work that is cancelled into cycles with the frames it passed, and
    these hold on to small things of ours until the collector comes; expat's parser goes at once.
    """

    def leaves_little(self, bring: Callable[[], Client]) -> None:
        before = alive()
        client = bring()
        assert client.protocol is not None
        client.protocol.abort()
        self.house.turn()
        self.forget(client)
        del client
        self.assertNotIn("xmlparser", alive() - before)
        gc.collect()
        self.assertEqual(alive() - before, Counter())

    def test_a_login(self) -> None:
        self.patch(self.house.workers, "run", lambda *_: Deferred())

        def bring() -> Client:
            client = self.house.connect()
            client.opens()
            client.sends(plain("juliet"))
            return client

        self.leaves_little(bring)

    def test_binding(self) -> None:
        self.house.install(PerAccount(dict, lambda _: Deferred()))

        def bring() -> Client:
            client = self.house.connect()
            client.logs_in()
            client.sends(binding())
            return client

        self.leaves_little(bring)

    def test_a_stanza(self) -> None:
        """The session lasts until it is worked off."""
        self.house.install(Watch(SentByClient, lambda *_: Deferred()))
        before = alive()
        client = self.house.login()
        client.sends(f"<message to='{JULIET}/balcony'/>", "<message/>")
        client.hangs_up()
        self.forget(client)
        del client
        self.assertEqual((alive() - before)["Session"], 1)
        self.assertEqual((alive() - before)["xmlparser"], 0)
        self.house.passes(130)
        gc.collect()
        self.assertEqual(alive() - before, Counter())


class TlsTests(MemoryCase):
    """Connections under TLS, begun both ways."""

    def setUp(self) -> None:
        super().setUp()
        self.house.clients.contexts = self.house.direct

    def test_starttls(self) -> None:
        def bring() -> Client:
            client = self.house.connect()
            client.starts_tls()
            client.logs_in()
            client.binds()
            return client

        self.leaves_nothing(bring)

    def test_direct(self) -> None:
        self.leaves_nothing(lambda: self.house.login(direct=pairs.Client()))

    def test_in_the_handshake(self) -> None:
        def bring() -> Client:
            client = self.house.connect()
            client.opens()
            client.sends(STARTTLS, b"\x16\x03\x01")
            return client

        self.leaves_nothing(bring, 1)


class BoundTests(MemoryCase):
    """What a bound connection keeps."""

    def test_negotiation_is_forgotten(self) -> None:
        before = alive()
        client = self.house.login()
        self.assertEqual(
            alive() - before,
            Counter(
                (
                    "ClientProtocol",
                    "InboundStream",
                    "Session",
                    "StreamParser",
                    "Writer",
                    "xmlparser",
                )
            ),
        )
        self.house.passes(32)
        self.assertNotIn("xmlparser", alive() - before)
        client.closes()

    def test_no_dictionaries(self) -> None:
        for kind in OURS:
            self.assertNotIn("__dict__", dir(kind), kind)
