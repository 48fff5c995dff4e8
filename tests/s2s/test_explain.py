"""What an operator is told of servers played by hand (see `tests.server.test_server_commands`)."""

from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from tests.c2s.texts import CLOSE, PROCEED, SASL, STARTTLS, TLS, stream_error
from tests.net.pki import DAY, NOW, Issued, Order, authority, issue
from tests.s2s.test_outgoing import (
    AUTH,
    DIALBACK,
    EXTERNAL,
    HOST,
    STARTING,
    OutgoingCase,
    elsewhere,
    features,
    header,
)
from tests.s2s.world import ADDRESSES, CAPULET, MONTAGUE, Listening, certificate, service
from xmppd.api.network import SrvRecord, Trouble
from xmppd.net.tls import ServerContexts
from xmppd.s2s.explain import Told, explain
from xmppd.s2s.pairs import Pair
from xmppd.server.config import RemoteConfig

FOUND = ("finding the server", f"by the DNS it is xmpp.{MONTAGUE} port 5269")
CONNECTED = ("connecting", f"{ADDRESSES[MONTAGUE]} port 5269 answers")
ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"


class ExplainCase(OutgoingCase):
    """Somebody asks for an explanation."""

    def setUp(self) -> None:
        super().setUp()
        self.ask(MONTAGUE)

    def ask(self, domain: str) -> None:
        around = service(self.server).around
        self.told: Deferred[list[Told]] = Deferred.fromCoroutine(
            explain(around, Pair(CAPULET, domain))
        )
        self.world.turn()

    def last(self) -> list[Told]:
        """Return the last two steps."""
        return self.all()[-2:]

    def all(self) -> list[Told]:
        """Return all steps."""
        self.world.turn()
        told = self.successResultOf(self.told)
        self.assertEqual(len(told), len(set(told)), "nothing is told twice")
        return told

    def fails(self, text: str, *advice: str) -> list[tuple[str, str]]:
        """Return the steps that were good; the last one has failed, with this text and advice."""
        *before, last = self.all()
        self.assertEqual([each.ok for each in before], [True] * len(before))
        self.assertFalse(last.ok)
        self.assertIn(text, last.text)
        self.assertLess(len(last.text), 200)
        for each in advice:
            self.assertIn(each, last.advice, text)
        return [(each.step, each.text) for each in before]


class ExplainTests(ExplainCase):
    """The last step is what counts."""

    def refuse(self) -> None:
        """Have our certificate refused, and be called once more."""
        peer = self.secured(EXTERNAL, DIALBACK)
        peer.receives(AUTH)
        peer.sends(f"<failure xmlns='{SASL}'><not-authorized/></failure>")
        self.world.turn()

    def test_one_who_refuses_our_certificate(self) -> None:
        """Stanzas get there all the same: see `Dialler`."""
        self.refuse()
        peer = self.secured(EXTERNAL, DIALBACK)
        peer.takes()
        peer.sends(f"<db:result from='{MONTAGUE}' to='{CAPULET}' type='valid'/>")
        self.assertEqual(
            [(each.ok, each.text) for each in self.last()],
            [
                (
                    True,
                    "the other server does not accept our certificate (not-authorized), so it is "
                    "tried without",
                ),
                (True, "dialback was accepted"),
            ],
        )

    def test_one_who_takes_nothing(self) -> None:
        self.refuse()
        peer = self.secured(EXTERNAL, DIALBACK)
        peer.takes()
        peer.sends(f"<db:result from='{MONTAGUE}' to='{CAPULET}' type='invalid'/>")
        first, last = self.last()
        self.assertIn("(not-authorized), so it is tried without", first.text)
        self.assertEqual((last.ok, last.step), (False, "proving who we are"))
        self.assertIn("could not confirm by dialback", last.text)

    def test_one_who_says_nothing(self) -> None:
        self.called()
        self.world.clock.pump([1.0] * 121)
        last = self.last()[-1]
        self.assertEqual((last.ok, last.step), (False, "the stream"))
        self.assertEqual(last.text, "the other server had not let us in after 120 seconds")
        self.assertIn("something else than an XMPP server", last.advice)

    def test_a_server_of_somebody_else(self) -> None:
        self.called().sends(header(), stream_error("host-unknown") + CLOSE)
        last = self.last()[-1]
        self.assertEqual((last.ok, last.step), (False, "the stream"))
        self.assertIn("host-unknown", last.text)
        self.assertIn("entries in the DNS", last.advice)


class NamesTests(ExplainCase):
    """What the DNS says, or does not."""

    def setUp(self) -> None:
        super().setUp()
        self.called().transport.abortConnection()
        self.world.turn()

    def explained(self, domain: str, text: str, *advice: str) -> list[tuple[str, str]]:
        self.ask(domain)
        return self.fails(text, *advice)

    def test_no_such_name(self) -> None:
        """That is one step, and no other."""
        before = self.explained("no.example", "no.example: there is no such name", "name right?")
        self.assertEqual(before, [])

    def test_no_records(self) -> None:
        resolver = self.world.resolver
        resolver.hosts["bare.example"] = ["203.0.113.9"]
        resolver.hosts["empty.example"] = Trouble.NO_RECORDS
        before = self.explained("bare.example", "203.0.113.9 port 5269 refused", "firewall")
        self.assertEqual(
            before,
            [
                (
                    "finding the server",
                    "there are no SRV records, so the domain itself is tried: bare.example port"
                    " 5269",
                )
            ],
        )
        before = self.explained("empty.example", "the name exists, but has no address", "host")
        self.assertEqual(before, [])

    def test_ipv6_only(self) -> None:
        self.world.publish("six.example", "2001:db8::7")
        self.explained("six.example", "2001:db8::7 port 5269 refused", "reaches others by IPv6")
        self.world.publish("both.example", "2001:db8::7")
        self.world.resolver.hosts["xmpp.both.example"] = ["2001:db8::7", "203.0.113.9"]
        self.ask("both.example")
        self.world.clock.pump([0.5] * 4)
        self.fails("203.0.113.9 port 5269 refused", "The server is down")

    def test_an_address(self) -> None:
        before = self.explained("203.0.113.9", "203.0.113.9 port 5269 refused", "firewall")
        place = "it is an address, so the DNS is not asked: 203.0.113.9 port 5269"
        self.assertEqual(before, [("finding the server", place)])
        self.explained("127.0.0.1", "an address of this machine", "allow_private_addresses")

    def test_a_place_that_is_no_name(self) -> None:
        service_ = f"_xmpp-server._tcp.{MONTAGUE}"
        self.world.resolver.services[service_] = [SrvRecord(0, 0, 5269, "gone.example")]
        before = self.explained(MONTAGUE, "gone.example: there is no such name", "in the DNS")
        self.assertEqual(before, [(FOUND[0], "by the DNS it is gone.example port 5269")])

    def test_our_own_dns(self) -> None:
        """What it does not say is not the other side's fault."""
        resolver = self.world.resolver
        for trouble in (Trouble.TIMEOUT, Trouble.BROKEN, Trouble.BUSY):
            resolver.services["_xmpp-server._tcp.x.example"] = trouble
            before = self.explained("x.example", trouble.value, "servers in [dns]", "resolv.conf")
            self.assertEqual(before, [])
            resolver.services["_xmpp-server._tcp.x.example"] = [SrvRecord(0, 0, 1, "y.example")]
            resolver.hosts["y.example"] = trouble
            self.explained("x.example", f"y.example: {trouble.value}", "servers in [dns]")

    def test_their_dns(self) -> None:
        resolver = self.world.resolver
        resolver.services["_xmpp-server._tcp.x.example"] = Trouble.LOOP
        self.explained("x.example", "leads nowhere", "Those who run x.example")
        resolver.services["_xmpp-server._tcp.x.example"] = [SrvRecord(0, 0, 0, ".")]
        self.explained("x.example", "no XMPP server for other", "Only they can change that")
        self.world.publish("x.example", "10.0.0.1")
        self.explained("x.example", "a private address", "allow_private_addresses = true")

    def test_many_places(self) -> None:
        """Why each of them will not do."""
        resolver = self.world.resolver
        resolver.services["_xmpp-server._tcp.x.example"] = [
            SrvRecord(0, 0, 5269, "gone.example"),
            SrvRecord(1, 0, 5269, "closed.example"),
        ]
        resolver.hosts["closed.example"] = ["203.0.113.9"]
        self.explained(
            "x.example",
            "203.0.113.9 port 5269 refused the connection; gone.example: there is no such name",
        )


class ElsewhereTests(ExplainCase):
    """`see-other-host` (RFC 6120 4.9.3.19): the way that is walked is the way that is dialled."""

    def there(self, ip: str, port: int) -> None:
        """Answer at another place from now on."""
        self.place = Listening(self.world)
        self.world.network.listening[ip, port] = self.place

    def test_an_address(self) -> None:
        first = self.called()
        self.there(HOST, 5222)
        first.sends(header(), elsewhere(f"{HOST}:5222") + CLOSE)
        self.ready()
        told = [(each.step, each.text) for each in self.all() if each.step != "TLS"]
        self.assertEqual(
            told,
            [
                FOUND,
                CONNECTED,
                ("the stream", f"the other server sends us on to {HOST} port 5222"),
                ("finding the server", f"the other server says {HOST} port 5222"),
                ("connecting", f"{HOST} port 5222 answers"),
                ("the certificate", f"it is believed, and valid for {MONTAGUE}"),
                ("proving who we are", "our certificate was accepted"),
            ],
        )

    def test_a_domain(self) -> None:
        first = self.called()
        self.world.publish("other.example", HOST)
        self.there(HOST, 5269)
        first.sends(header(), elsewhere("other.example") + CLOSE)
        self.called().sends(header(), stream_error("host-unknown") + CLOSE)
        before = self.fails("host-unknown", "have that server serve it")
        self.assertEqual(
            before[2:4],
            [
                ("the stream", "the other server sends us on to other.example"),
                ("finding the server", "by the DNS it is xmpp.other.example port 5269"),
            ],
        )

    def test_in_circles(self) -> None:
        for number in range(4):
            self.place.peers[number].sends(header(), elsewhere(ADDRESSES[MONTAGUE]) + CLOSE)
        self.fails(f"see-other-host: {ADDRESSES[MONTAGUE]}", "not in circles")

    def test_what_is_no_place(self) -> None:
        self.called().sends(header(), elsewhere("a b:c" * 99) + CLOSE)
        self.fails("see-other-host: a b:c", "a proper name or address")


class PlacedTests(ExplainCase):
    """An operator has said where the domain is, and need not hear of the DNS."""

    settings: ClassVar[dict[str, Any]] = {
        "domains": (RemoteConfig(MONTAGUE, host="192.0.2.1", port=7, direct_tls=True),),
    }

    def test_where_it_is(self) -> None:
        before = self.fails("192.0.2.1 port 7 refused the connection", "firewall")
        place = "the configuration says 192.0.2.1 port 7 (direct TLS)"
        self.assertEqual(before, [("finding the server", place)])


class LaxTests(ExplainCase):
    """What is wrong and not asked for is told of all the same."""

    settings: ClassVar[dict[str, Any]] = {"require_tls": False, "require_valid_certificate": False}

    def last_but(self, count: int) -> tuple[str, bool, str]:
        told = self.all()
        self.assertEqual([each.ok for each in told], [True] * len(told))
        return told[-count].step, told[-count].ok, told[-count].text

    def test_a_certificate(self) -> None:
        self.show("other.example")
        self.ready()
        text = (
            f"the certificate is for other.example, not for {MONTAGUE}; but that is not asked for"
        )
        self.assertEqual(self.last_but(2), ("the certificate", True, text))

    def test_no_encryption(self) -> None:
        peer = self.called()
        peer.sends(header(), features(DIALBACK))
        peer.sends(f"<db:result from='{MONTAGUE}' to='{CAPULET}' type='valid'/>")
        self.assertEqual(self.last_but(2), ("TLS", True, "there is none, and it is not asked for"))


class FaultTests(ExplainCase):
    """All that can be wrong with a server that was reached."""

    def shows(self, issued: Issued) -> None:
        self.contexts = ServerContexts({MONTAGUE: issued.identity()}, MONTAGUE)
        peer = self.called()
        peer.sends(header(), STARTING)
        peer.takes()
        peer.begin_tls(self.contexts.creator(), PROCEED)

    def test_certificates(self) -> None:
        old = Order(hosts=(MONTAGUE,), start=NOW - 9 * DAY, end=NOW - DAY)
        new = Order(hosts=(MONTAGUE,), start=NOW + DAY)
        stranger = authority("stranger's")
        middle = issue(Order(hosts=(MONTAGUE,), authority=True), authority())
        for issued, text, advice in (
            (issue(old, authority()), "has expired on", "renew it"),
            (issue(new, authority()), "is not valid before", "Is the clock of this machine right?"),
            (issue(Order(hosts=(MONTAGUE,))), "is self-signed", "name that as ca in"),
            (issue(Order(hosts=(MONTAGUE,)), stranger), "stranger's, is not", "with those in betw"),
            (certificate("other.example"), "not for", "names just this domain"),
            (middle, "that of an authority", "install another certificate"),
        ):
            self.shows(issued)
            steps = [step for step, _ in self.fails(text, advice)]
            self.assertEqual(steps, ["finding the server", "connecting", "TLS"])
            self.ask(MONTAGUE)

    def test_no_encryption(self) -> None:
        self.called().sends(header(), features(DIALBACK), f"<failure xmlns='{TLS}'/>")
        self.fails("offers no encryption", "offer TLS", "require_tls")

    def test_what_is_no_tls(self) -> None:
        for _ in range(2):
            peer = self.called()
            peer.sends(header(), STARTING)
            peer.receives(STARTTLS)
            self.patch(peer, "dataReceived", lambda data: None)
            peer.sends(PROCEED, "no TLS at all")
        self.fails("TLS failed", "version 1.2 or 1.3")

    def test_stream_errors(self) -> None:
        for condition, advice in (
            ("host-unknown", "have that server serve it"),
            ("host-gone", "have that server serve it"),
            ("policy-violation", f"why they refuse {CAPULET}"),
            ("not-authorized", f"why they refuse {CAPULET}"),
            ("invalid-from", f"why they refuse {CAPULET}"),
            ("system-shutdown", "this server does so by itself"),
            ("resource-constraint", "this server does so by itself"),
            ("internal-server-error", "what their log says"),
        ):
            self.called().sends(header(), stream_error(condition) + CLOSE)
            self.fails(condition, advice)
            self.ask(MONTAGUE)

    def test_what_is_no_server(self) -> None:
        self.called().sends("SSH-2.0-OpenSSH_9.2p1\r\n")
        self.fails("does not speak XMPP", "something else than an XMPP server")

    def test_dialback(self) -> None:
        for said, text, advice in (
            ("type='invalid'/>", "could not confirm", "There may be a second one"),
            (error("remote-connection-failed"), "remote-connection-failed", "your firewall"),
            (error("remote-server-timeout"), "remote-server-timeout", "your firewall"),
            (error("item-not-found"), "item-not-found", "have that server serve it"),
            (error("policy-violation"), "policy-violation", f"why they refuse {CAPULET}"),
            (error("resource-constraint"), "resource-constraint", "Try again later"),
            (error("not-authorized"), "not-authorized", f"the certificate of {CAPULET} valid"),
        ):
            peer = self.secured(DIALBACK)
            peer.sends(f"<db:result from='{MONTAGUE}' to='{CAPULET}' {said}")
            self.fails(text, advice)
            self.ask(MONTAGUE)

    def test_no_way_to_prove(self) -> None:
        peer = self.called()
        peer.sends(header(), STARTING)
        peer.begin_tls(self.contexts.creator(), PROCEED)
        plain = header().replace("xmlns:db='jabber:server:dialback'", "")
        peer.sends(plain, features(EXTERNAL.replace("EXTERNAL", "PLAIN")))
        self.fails("neither our certificate nor dialback", "an authority that others know?")


def error(condition: str) -> str:
    """Return the rest of a dialback error (XEP-0220 2.5)."""
    inner = f"<error type='cancel'><{condition} xmlns='{ERRORS}'/></error>"
    return f"type='error'>{inner}</db:result>"
