"""Pairs of domains on one stream to us: several, both ways, how many (XEP-0220, XEP-0288)."""

from typing import Any, ClassVar

from tests.c2s.reading import shape
from tests.c2s.texts import CLOSE, STARTTLS, TLS, stream_error
from tests.net.pairs import Client
from tests.s2s.test_incoming import (
    BIDI,
    DIALBACK,
    EXTERNAL,
    JULIET,
    OUR_SM,
    SUCCESS,
    DialbackCase,
    answer,
    auth,
    features,
    message,
    result,
)
from tests.s2s.world import (
    ADDRESSES,
    CAPULET,
    MONTAGUE,
    Peer,
    certificate,
    connect,
    opening,
    parse,
    service,
)
from xmppd.api.network import Trouble
from xmppd.server.config import RemoteConfig

TOO_MANY = stream_error("resource-constraint")
BIDI_ELEMENT = "<bidi xmlns='urn:xmpp:bidi'/>"


def ours(id: str = "1", to: str = f"romeo@{MONTAGUE}") -> str:
    return f"<message to='{to}' id='{id}' type='chat'><body>Hello</body></message>"


def sent(id: str = "1", to: str = f"romeo@{MONTAGUE}") -> str:
    return ours(id, to).replace("<message ", f"<message from='{JULIET}/balcony' ")


class BothWaysTests(DialbackCase):
    """What waits for a server goes over the stream it has made, if that may be."""

    def setUp(self) -> None:
        super().setUp()
        del self.world.network.listening[ADDRESSES[MONTAGUE], 5269]
        self.juliet.sends(ours())
        self.world.turn()

    def test_by_dialback_with_a_certificate(self) -> None:
        """The answer comes first: before it nothing may come over the stream."""
        self.world.network.listening[ADDRESSES[MONTAGUE], 5269] = self.place
        peer = self.secured(certificate(MONTAGUE))
        peer.takes()
        peer.sends(BIDI_ELEMENT, result("k3y"))
        self.judges()
        peer.receives(answer("valid"), sent())
        self.juliet.sends(ours("2"))
        self.world.turn()
        peer.receives(sent("2"))

    def log_in_by_external(self) -> None:
        self.peer = peer = self.secured(certificate(MONTAGUE))
        peer.takes()
        peer.sends(BIDI_ELEMENT, auth())
        peer.receives(SUCCESS)
        peer.sends(opening())
        peer.receives(features(OUR_SM, DIALBACK))

    def test_by_external(self) -> None:
        """Not before it goes on: what is sent before it asks for stream management has no count."""
        self.log_in_by_external()
        self.peer.sends("<enable xmlns='urn:xmpp:sm:3'/>")
        self.peer.receives("<enabled xmlns='urn:xmpp:sm:3'/>", sent(), "<r xmlns='urn:xmpp:sm:3'/>")

    def test_by_external_without_stream_management(self) -> None:
        self.log_in_by_external()
        self.peer.sends(f"<message from='romeo@{MONTAGUE}' to='{JULIET}' type='error' id='2'/>")
        self.peer.receives(sent())

    def test_not_without(self) -> None:
        """Who has shown no certificate is sent nothing over it, though dialback has proven it."""
        self.world.network.listening[ADDRESSES[MONTAGUE], 5269] = self.place
        peer = self.secured()
        peer.takes()
        peer.sends(BIDI_ELEMENT, result("k3y"))
        home, question = self.asked()
        home.sends(self.verdict(question, "valid"))
        peer.receives(answer("valid"))
        self.assertEqual(len(self.place.peers), 2)  # it is alive, so we call it

    def test_not_where_nobody_has_asked_for_it(self) -> None:
        peer = self.logged_in()
        peer.receives()
        self.assertEqual(self.world.network.asked[1:], [(ADDRESSES[MONTAGUE], 5269)])

    def test_what_may_come_back(self) -> None:
        """Only what is for this pair; another user's mail goes its own way."""
        peer = self.secured(certificate(MONTAGUE))
        peer.sends(BIDI_ELEMENT, auth(), opening())
        peer.takes()
        self.juliet.sends(ours("2", f"nurse@sub.{MONTAGUE}"))
        self.world.turn()
        peer.receives()


class LimitTests(DialbackCase):
    """How many streams and pairs one domain, one stream may have."""

    settings: ClassVar[dict[str, Any]] = {"pairs_per_stream": 3, "streams_per_domain": 2}

    def published(self, count: int) -> list[str]:
        """Return names of domains that the place serves, too."""
        names = [f"d{number}.example" for number in range(count)]
        for name in names:
            self.world.publish(name, ADDRESSES[MONTAGUE])
        return names

    def test_streams_by_external(self) -> None:
        for _ in range(2):
            self.logged_in()
        peer = self.secured(certificate(MONTAGUE))
        peer.takes()
        peer.sends(auth())
        self.fails(peer, "resource-constraint")

    def test_streams_by_dialback(self) -> None:
        streams = [self.logged_in() for _ in range(2)]
        peer = self.secured()
        peer.takes()
        peer.sends(result("k3y"))
        home, question = self.asked()
        home.sends(self.verdict(question, "valid"))
        self.fails(peer, "resource-constraint")
        peer.sends(message())
        self.assertEqual(self.heard(), [])
        streams[0].sends(CLOSE)
        self.world.turn()
        self.logged_in()

    def test_pairs(self) -> None:
        names = self.published(5)
        peer = self.secured(certificate(*names), names[0])
        peer.takes()
        for name in names[:3]:
            peer.sends(result("k", name))
            self.judges()
            peer.receives(answer("valid", to=name))
        for name in names[3:]:
            peer.sends(result("k", name))
            peer.receives(answer("error", to=name, error="resource-constraint"))
        peer.sends(result("k", names[0]))
        peer.receives(answer("valid", to=names[0]))
        peer.sends(message(from_=f"romeo@{names[2]}"))
        self.assertEqual(len(self.heard()), 1)
        peer.sends(message(from_=f"romeo@{names[3]}"))
        self.fails(peer, "invalid-from")

    def test_a_pair_beside_those_of_dialback(self) -> None:
        names = self.published(4)
        peer = self.secured(certificate(MONTAGUE, *names))
        peer.takes()
        peer.sends(auth())
        peer.takes()
        peer.sends(opening())
        peer.takes()
        for name, type in zip(names, ("valid", "valid", "error", "error"), strict=True):
            peer.sends(result("k", name))
            if name != names[3]:  # of more than three, nobody is asked
                self.judges()
            (said,) = peer.takes()
            self.assertEqual(said.get("type"), type, name)

    def test_questions_of_one_stream(self) -> None:
        """Those that fail count, too."""
        peer = self.secured()
        peer.takes()
        for number in range(3):
            peer.sends(result("k", f"d{number}.example"))
            peer.receives(answer("error", to=f"d{number}.example", error="remote-server-not-found"))
        peer.sends(result("k3y"))
        peer.receives(answer("error", error="resource-constraint"))


class NetworkLimitTests(DialbackCase):
    """How many proven streams may come from one network, whatever their domains."""

    settings: ClassVar[dict[str, Any]] = {"streams_per_address": 3}

    def from_(self, address: str, domain: str) -> Peer:
        peer = connect(self.world, address=address)
        peer.sends(opening(from_=domain), STARTTLS)
        peer.begin_tls(Client(server_name=CAPULET.encode(), shows=certificate(domain)))
        peer.sends(opening(from_=domain), auth())
        return peer

    def test_by_external(self) -> None:
        streams = [self.from_("2001:db8::1", f"d{number}.example") for number in range(3)]
        self.assertEqual([each.reader.ended for each in streams], [False] * 3)
        refused = self.from_("2001:db8::2:2", "d3.example")
        self.assertEqual(shape(refused.takes()[-1]), shape(parse(TOO_MANY)[0]))
        self.assertTrue(refused.reader.ended)
        other = self.from_("2001:db8:0:1::1", "d3.example")
        self.assertFalse(other.reader.ended)
        streams[0].sends(CLOSE)
        self.assertFalse(self.from_("2001:db8::1", "d3.example").reader.ended)

    def test_by_dialback(self) -> None:
        for number in range(3):
            self.from_("198.51.100.7", f"d{number}.example")
        peer = self.secured()
        peer.takes()
        peer.sends(result("k3y"))
        home, question = self.asked()
        home.sends(self.verdict(question, "valid"))
        self.fails(peer, "resource-constraint")

    def test_nothing_is_left(self) -> None:
        streams = [self.from_("198.51.100.7", f"d{number}.example") for number in range(5)]
        for each in streams:
            each.transport.abortConnection()
        self.world.turn()
        around = service(self.server).around
        self.assertEqual((dict(around.incoming), dict(around.incoming_networks)), ({}, {}))


class PolicyTests(DialbackCase):
    """What is said of single domains holds for each pair (XEP-0220 2.5)."""

    settings: ClassVar[dict[str, Any]] = {
        "blocked": ("evil.example",),
        "domains": (
            RemoteConfig("strict.example", dialback=False),
            RemoteConfig("open.example", require_tls=False, require_valid_certificate=False),
        ),
    }

    def test_headers(self) -> None:
        for name in ("evil.example", "sub.evil.example"):
            peer = connect(self.world)
            peer.sends(opening(from_=name))
            self.fails(peer, "policy-violation")

    def test_requests(self) -> None:
        for name, error in (
            ("evil.example", "policy-violation"),
            ("sub.evil.example", "policy-violation"),
            ("strict.example", "not-authorized"),
        ):
            for from_ in (MONTAGUE, ""):
                peer = self.secured(None, from_)
                peer.takes()
                peer.sends(result("k", name))
                peer.receives(answer("error", to=name, error=error))
        self.assertEqual(self.world.network.asked, [])

    def test_what_is_offered(self) -> None:
        peer = connect(self.world)
        peer.sends(opening(from_="open.example"))
        peer.receives(features(f"<starttls xmlns='{TLS}'/>", DIALBACK))
        self.fails(self.secured(None, "strict.example"), "policy-violation")
        strict = certificate("strict.example")
        self.secured(strict, "strict.example", EXTERNAL, BIDI)

    def test_a_strict_domain_on_a_lax_stream(self) -> None:
        """What one domain may do in clear, another one on the same stream may not."""
        peer = connect(self.world)
        peer.sends(opening(from_="open.example"))
        peer.takes()
        peer.sends(result("k"))
        peer.receives(answer("error", error="policy-violation"))

    def test_in_clear(self) -> None:
        """Where an operator wants it so."""
        self.world.publish("open.example", ADDRESSES[MONTAGUE])
        peer = connect(self.world)
        peer.sends(opening(from_="open.example"))
        peer.takes()
        peer.sends(result("k3y", "open.example"))
        home = self.place.peers[-1]
        home.sends(opening(CAPULET, "open.example", "version='1.0' id='s'"), features(DIALBACK))
        (question,) = home.takes()
        home.sends(self.verdict(question, "valid"))
        peer.receives(answer("valid", to="open.example"))
        peer.sends(message(from_="romeo@open.example"))
        self.assertEqual(len(self.heard()), 1)


class HomeTests(DialbackCase):
    """What an initiating server is told when its domain's own server cannot be asked (2.5)."""

    def told(self, domain: str = MONTAGUE) -> Peer:
        peer = self.secured()
        peer.takes()
        peer.sends(result("k3y", domain))
        return peer

    def test_no_answer_of_the_dns(self) -> None:
        self.world.resolver.services[f"_xmpp-server._tcp.{MONTAGUE}"] = Trouble.TIMEOUT
        self.told().receives(answer("error", error="remote-server-timeout"))

    def test_stream_errors(self) -> None:
        for condition, error in (
            ("host-unknown", "remote-server-not-found"),
            ("host-gone", "remote-server-not-found"),
            ("system-shutdown", "remote-server-timeout"),
            ("policy-violation", "remote-server-timeout"),
        ):
            peer = self.told()
            home = self.place.peers[-1]
            home.sends(opening(CAPULET, MONTAGUE), stream_error(condition))
            peer.receives(answer("error", error=error))

    def test_silence(self) -> None:
        """As long as another server is asked, whoever waits for that may wait (design, 3)."""
        peer = self.told()
        self.world.passes(29)
        peer.receives()
        self.assertFalse(peer.reader.ended)
        self.world.passes(1)
        peer.receives(answer("error", error="remote-server-timeout"))
        self.world.passes(120)
        self.fails(peer, "connection-timeout")

    def test_no_encryption(self) -> None:
        peer = self.told()
        home = self.place.peers[-1]
        home.sends(opening(CAPULET, MONTAGUE), features(DIALBACK), f"<failure xmlns='{TLS}'/>")
        peer.receives(answer("error", error="remote-connection-failed"))

    def test_sent_elsewhere(self) -> None:
        """Its own server may be somewhere else, but not in our own network."""
        peer = self.told()
        home = self.place.peers[-1]
        home.sends(
            opening(CAPULET, MONTAGUE),
            "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>"
            "127.0.0.1:5269</see-other-host></stream:error>",
        )
        peer.receives(answer("error", error="remote-server-not-found"))
        self.assertEqual([ip for ip, _ in self.world.network.asked], [ADDRESSES[MONTAGUE]])
