"""Two whole servers and their users: what goes between them when all is well."""

from typing import Any, ClassVar

from tests.net.pki import Issued, Order, authority, issue
from tests.s2s.world import ADDRESSES, CAPULET, MONTAGUE, WorldCase, service
from xmppd.api.storage import Archive
from xmppd.s2s.incoming import IncomingStream
from xmppd.s2s.pairs import Pair, Proof
from xmppd.s2s.protocol import ServerProtocol
from xmppd.testing.fake_session import FakeSession

JULIET, ROMEO = f"juliet@{CAPULET}", f"romeo@{MONTAGUE}"


def hello(id: str) -> str:
    return f"<message to='{ROMEO}/orchard' id='{id}' type='chat'><body>Wherefore?</body></message>"


def heard(id: str) -> str:
    return hello(id).replace("<message ", f"<message from='{JULIET}/balcony' ")


def unknown(domain: str) -> Issued:
    """Return a certificate of an authority that nobody believes."""
    return issue(Order(hosts=(domain,)), authority("nobody's"))


class ExternalTests(WorldCase):
    """What two users do; subclasses say how their servers prove themselves."""

    settings: ClassVar[dict[str, Any]] = {}
    proof = Proof.EXTERNAL
    bidi = True

    def prepare(self) -> None:
        """Start both servers."""
        for domain in (CAPULET, MONTAGUE):
            self.world.server(domain, **self.settings)

    def setUp(self) -> None:
        super().setUp()
        self.prepare()
        self.juliet = self.login(f"{JULIET}/balcony")
        self.romeo = self.login(f"{ROMEO}/orchard")

    def login(self, address: str) -> FakeSession:
        session = self.world.login(address)
        session.sends("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>", "<presence/>")
        session.take()
        return session

    def streams(self, domain: str) -> list[ServerProtocol]:
        found = service(self.world.servers[domain]).around.connections.all()
        return [each for each in found if isinstance(each, ServerProtocol)]

    def test_messages_in_order(self) -> None:
        ids = [f"m{number}" for number in range(30)]
        self.juliet.sends(*map(hello, ids))
        self.world.turn(200)
        self.romeo.receives(*map(heard, ids))
        self.juliet.sends(hello("late"))
        self.world.turn()
        self.romeo.receives(heard("late"))

    def test_how_it_was_proven(self) -> None:
        self.juliet.sends(hello("1"))
        self.world.turn(200)
        (incoming,) = [each for each in self.streams(MONTAGUE) if isinstance(each, IncomingStream)]
        self.assertIs(incoming.pairs.incoming(Pair(MONTAGUE, CAPULET)), self.proof)
        self.assertTrue(incoming.secure)
        self.assertEqual(len(self.streams(CAPULET)), 1)

    def test_a_request_and_its_answer(self) -> None:
        self.juliet.sends(
            f"<iq to='{MONTAGUE}' id='1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>"
        )
        self.world.turn(200)
        self.juliet.receives(f"<iq from='{MONTAGUE}' to='{JULIET}/balcony' id='1' type='result'/>")
        self.assertEqual(len(self.streams(CAPULET)), 1 if self.bidi else 2)

    def test_a_subscription_and_presence(self) -> None:
        self.juliet.sends(f"<presence to='{ROMEO}' type='subscribe' id='s'/>")
        self.world.turn(200)
        self.juliet.take()
        self.romeo.receives(f"<presence from='{JULIET}' to='{ROMEO}' type='subscribe' id='s'/>")
        self.romeo.sends(f"<presence to='{JULIET}' type='subscribed'/>")
        self.world.turn(200)
        came = self.juliet.take()
        self.assertTrue(any('type="subscribed"' in each for each in came), came)
        self.assertTrue(any(f'from="{ROMEO}/orchard"' in each for each in came), came)
        self.romeo.sends("<presence type='unavailable'/>")
        self.world.turn(200)
        self.juliet.receives(f"<presence from='{ROMEO}/orchard' to='{JULIET}' type='unavailable'/>")

    def test_a_user_who_is_not_there(self) -> None:
        self.juliet.sends(
            f"<message to='nobody@{MONTAGUE}' id='1' type='chat'><body>Hello?</body></message>"
        )
        self.world.turn(200)
        self.juliet.receives(
            f"<message from='nobody@{MONTAGUE}' to='{JULIET}/balcony' id='1' type='error'>"
            "<error type='cancel'><service-unavailable"
            " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        )

    def test_nothing_is_left(self) -> None:
        """What was sent has arrived: nothing is kept on disk; an idle stream is closed."""
        self.juliet.sends(hello("1"))
        self.world.turn(200)
        self.world.passes(40)
        self.assertEqual(self.kept(CAPULET), [0, 0])
        self.world.passes(1000)
        self.assertEqual(self.streams(CAPULET), [])
        self.assertEqual(self.streams(MONTAGUE), [])
        self.assertEqual(len(service(self.world.servers[CAPULET]).outgoing), 0)
        self.juliet.sends(hello("2"))
        self.world.turn(200)
        self.romeo.receives(heard("1"), heard("2"))

    def kept(self, domain: str) -> list[int]:
        """Count what is on disk for other servers."""
        storage = self.world.servers[domain].storage.host(domain)
        return [
            self.successResultOf(storage.open(name, Archive).count(""))
            for name in ("s2s-spool", "s2s-sent")
        ]


class DialbackTests(ExternalTests):
    """Neither shows its certificate to servers it calls, but both have one.

    So nothing is sent back over a stream whose other side has shown none.
    """

    proof = Proof.DIALBACK_CERTIFICATE
    bidi = False

    def prepare(self) -> None:
        super().prepare()
        for server in self.world.servers.values():
            for domain in (CAPULET, MONTAGUE):
                service(server).dialler._remember(domain)


class OnlyDialbackTests(ExternalTests):
    """Certificates prove nothing, and nobody asks for them."""

    proof = Proof.DIALBACK
    bidi = False
    settings: ClassVar[dict[str, Any]] = {"require_valid_certificate": False}

    def prepare(self) -> None:
        for domain in (CAPULET, MONTAGUE):
            self.world.server(domain, certified=unknown(domain), **self.settings)


class DirectTests(ExternalTests):
    """TLS begins at once (XEP-0368)."""

    def prepare(self) -> None:
        super().prepare()
        self.world.resolver.services.clear()
        for domain in (CAPULET, MONTAGUE):
            self.world.publish(domain, ADDRESSES[domain], direct=True)

    def test_where_it_went(self) -> None:
        self.juliet.sends(hello("1"))
        self.world.turn(200)
        self.assertEqual(self.world.network.asked, [(ADDRESSES[MONTAGUE], 5270)])
