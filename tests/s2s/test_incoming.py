"""Streams that another server, played by hand, opens to us: RFC 6120, XEP-0220, XEP-0178."""

from base64 import b64encode
from typing import Any, ClassVar

from tests.c2s.texts import CLOSE, PROCEED, SASL, STARTTLS, TLS, stream_error
from tests.net import pairs
from tests.net.pki import Issued, Order, authority, issue
from tests.s2s.world import (
    ADDRESSES,
    CAPULET,
    MONTAGUE,
    Listening,
    Peer,
    WorldCase,
    certificate,
    connect,
    opening,
    service,
)
from xmppd.net.tls import ServerContexts
from xmppd.s2s.dialback import make_key

REQUIRED = f"<stream:features><starttls xmlns='{TLS}'><required/></starttls></stream:features>"
DIALBACK = "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>"
BIDI = "<bidi xmlns='urn:xmpp:features:bidi'/>"
EXTERNAL = f"<mechanisms xmlns='{SASL}'><mechanism>EXTERNAL</mechanism></mechanisms>"
OUR_SM = "<sm xmlns='urn:xmpp:sm:3'/>"
SUCCESS = f"<success xmlns='{SASL}'/>"
JULIET = f"juliet@{CAPULET}"
ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"


def features(*offered: str) -> str:
    return f"<stream:features>{''.join(offered)}</stream:features>"


def auth(said: str = "=") -> str:
    return f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>{said}</auth>"


def failure(condition: str) -> str:
    return f"<failure xmlns='{SASL}'><{condition}/></failure>"


def result(key: str, from_: str = MONTAGUE, to: str = CAPULET) -> str:
    return f"<db:result from='{from_}' to='{to}'>{key}</db:result>"


def answer(type: str, from_: str = CAPULET, to: str = MONTAGUE, error: str = "") -> str:
    inner = f"<error type='*'><{error} xmlns='{ERRORS}'/></error>" if error else ""
    return f"<db:result from='{from_}' to='{to}' type='{type}'>{inner}</db:result>"


def message(from_: str = f"romeo@{MONTAGUE}", to: str = JULIET, id: str = "1") -> str:
    return f"<message from='{from_}' to='{to}' id='{id}' type='chat'><body>Hello</body></message>"


class IncomingCase(WorldCase):
    """A server, and Juliet on it."""

    settings: ClassVar[dict[str, Any]] = {}

    def setUp(self) -> None:
        super().setUp()
        self.server = self.world.server(CAPULET, **self.settings)
        self.juliet = self.world.login(f"{JULIET}/balcony")
        self.juliet.sends("<presence/>")
        self.juliet.take()

    def secured(self, shows: Issued | None = None, from_: str = MONTAGUE, *offered: str) -> Peer:
        """Return a peer that has begun TLS and opened a stream."""
        peer = connect(self.world)
        peer.sends(opening(from_=from_))
        peer.receives(REQUIRED)
        peer.sends(STARTTLS)
        peer.receives(PROCEED)
        peer.begin_tls(pairs.Client(server_name=CAPULET.encode(), shows=shows))
        peer.sends(opening(from_=from_))
        if offered:
            peer.receives(features(*offered))
        return peer

    def logged_in(self, first: str = "") -> Peer:
        """Return a peer that has proven itself by its certificate, and has sent `first` before."""
        peer = self.secured(certificate(MONTAGUE), MONTAGUE, EXTERNAL, DIALBACK, BIDI)
        if first:
            peer.sends(first)
        peer.sends(auth())
        peer.receives(SUCCESS)
        peer.sends(opening())
        peer.receives(features(OUR_SM, DIALBACK))
        return peer

    def fails(self, peer: Peer, condition: str) -> None:
        """Fail unless the stream has ended with that error."""
        peer.receives(stream_error(condition))
        self.assertTrue(peer.reader.ended)

    def heard(self) -> list[str]:
        return self.juliet.take()


class HeaderTests(IncomingCase):
    """What a header may say (RFC 6120 4.7, 4.9.3)."""

    def test_headers_that_are_refused(self) -> None:
        for header, condition in (
            (opening(to="elsewhere.example"), "host-unknown"),
            (opening(to=f"juliet@{CAPULET}"), "host-unknown"),
            (opening(from_=CAPULET), "invalid-from"),
            (opening(from_=f"romeo@{MONTAGUE}"), "invalid-from"),
            (opening(from_="a b"), "improper-addressing"),
            (opening(more=""), "unsupported-version"),
            (opening().replace("'jabber:server'", "'jabber:client'"), "invalid-namespace"),
        ):
            peer = connect(self.world)
            peer.sends(header)
            self.fails(peer, condition)

    def test_what_comes_before_proof_is_refused(self) -> None:
        for sent in (message(), "<presence/>", "<iq type='get' id='1'/>", "<x xmlns='urn:x'/>"):
            for peer in (connect(self.world), self.secured()):
                if peer.reader.headers == 0:
                    peer.sends(opening())
                peer.takes()
                peer.sends(sent)
                self.fails(peer, "not-authorized")
        self.assertEqual(self.heard(), [])

    def test_bidi_only_under_tls(self) -> None:
        peer = connect(self.world)
        peer.sends(opening())
        peer.takes()
        peer.sends("<bidi xmlns='urn:xmpp:bidi'/>")
        self.fails(peer, "not-authorized")

    def test_closing(self) -> None:
        peer = connect(self.world)
        peer.sends(opening())
        peer.takes()
        peer.sends(CLOSE)
        self.assertTrue(peer.reader.ended)
        self.assertIsNotNone(peer.lost)

    def test_silence_has_an_end(self) -> None:
        silent, begun = connect(self.world), connect(self.world)
        begun.sends(opening())
        begun.takes()
        self.world.passes(121)
        for peer in (silent, begun):
            self.fails(peer, "connection-timeout")
        self.world.passes(12)
        self.assertIsNotNone(silent.lost)
        self.assertIsNotNone(begun.lost)
        self.assertEqual(len(service(self.server)), 0)

    def test_connections_of_strangers_are_counted(self) -> None:
        most = self.server.config.limits.unauthenticated_per_address
        for _ in range(most):
            connect(self.world)
        self.assertFalse(service(self.server).admits("198.51.100.7"))
        self.assertTrue(service(self.server).admits("198.51.100.8"))


class ExternalTests(IncomingCase):
    """SASL EXTERNAL."""

    def test_a_stream(self) -> None:
        peer = self.logged_in()
        peer.sends(message())
        (got,) = self.heard()
        self.assertIn('from="romeo@montague.example"', got)
        peer.receives()

    def test_who_may_use_it(self) -> None:
        for shows in (
            None,
            certificate("other.example"),
            issue(Order(hosts=(MONTAGUE,))),
            issue(Order(hosts=(MONTAGUE,)), authority("nobody's")),
        ):
            peer = self.secured(shows, MONTAGUE, DIALBACK, BIDI)
            peer.sends(auth())
            peer.receives(failure("not-authorized"))

    def test_what_is_said(self) -> None:
        for said, condition in (
            (b64encode(MONTAGUE.encode()).decode(), ""),
            (b64encode(MONTAGUE.upper().encode()).decode(), ""),
            ("=", ""),
            (b64encode(b"other.example").decode(), "invalid-authzid"),
            (b64encode(f"romeo@{MONTAGUE}".encode()).decode(), "invalid-authzid"),
            (b64encode(b"\xff").decode(), "invalid-authzid"),
            ("not base64", "incorrect-encoding"),
            ("bW9=", "incorrect-encoding"),
        ):
            peer = self.secured(certificate(MONTAGUE))
            peer.takes()
            peer.sends(auth(said))
            peer.receives(failure(condition) if condition else SUCCESS)

    def test_other_mechanisms_and_elements(self) -> None:
        peer = self.secured(certificate(MONTAGUE))
        peer.takes()
        peer.sends(auth().replace("EXTERNAL", "PLAIN"))
        peer.receives(failure("invalid-mechanism"))
        peer.sends(f"<abort xmlns='{SASL}'/>")
        peer.receives(failure("aborted"))
        peer.sends(auth("b3RoZXI="))
        peer.receives(failure("invalid-authzid"), stream_error("policy-violation"))
        peer = self.secured(certificate(MONTAGUE))
        peer.takes()
        peer.sends(f"<response xmlns='{SASL}'/>")
        self.fails(peer, "unsupported-stanza-type")

    def test_without_a_name(self) -> None:
        """Who does not say who it is cannot have proven it."""
        peer = self.secured(certificate(MONTAGUE), "", DIALBACK, BIDI)
        peer.sends(auth())
        peer.receives(failure("not-authorized"))

    def test_another_name_afterwards(self) -> None:
        peer = self.secured(certificate(MONTAGUE, "other.example"))
        peer.takes()
        peer.sends(auth())
        peer.receives(SUCCESS)
        peer.sends(opening(from_="other.example"))
        self.fails(peer, "invalid-from")

    def test_tls_twice(self) -> None:
        peer = self.secured(certificate(MONTAGUE))
        peer.takes()
        peer.sends(STARTTLS)
        peer.receives(f"<failure xmlns='{TLS}'/>")
        self.assertTrue(peer.reader.ended)


class AddressTests(IncomingCase):
    """Stanzas of a proven pair, and of others (RFC 6120 4.9.3, 8.1)."""

    def test_stanzas_that_end_the_stream(self) -> None:
        for sent, condition in (
            (message(from_="romeo@other.example"), "invalid-from"),
            (message(from_=f"nurse@{CAPULET}"), "invalid-from"),
            (message(from_=f"romeo@sub.{MONTAGUE}"), "invalid-from"),
            (message(to="romeo@elsewhere.example"), "host-unknown"),
            (message(to=f"romeo@{MONTAGUE}"), "host-unknown"),
            (message().replace(f"from='romeo@{MONTAGUE}'", ""), "improper-addressing"),
            (message().replace(f"to='{JULIET}'", ""), "improper-addressing"),
            (message(from_="@"), "improper-addressing"),
            (message(from_="romeo@other.example", to="@"), "invalid-from"),
            ("<other/>", "unsupported-stanza-type"),
            ("<db:result/>", "improper-addressing"),
            ("<db:other from='a.example' to='b.example'/>", "unsupported-stanza-type"),
            (answer("valid", MONTAGUE, CAPULET), "policy-violation"),
            ("<r xmlns='urn:xmpp:sm:3'/>", "unsupported-stanza-type"),
            ("<resume xmlns='urn:xmpp:sm:3'/>", "bad-format"),
            ("<!-- -->", "restricted-xml"),
        ):
            peer = self.logged_in()
            peer.sends(sent)
            self.fails(peer, condition)
        self.assertEqual(self.heard(), [])

    def test_an_address_that_is_none(self) -> None:
        peer = self.logged_in("<bidi xmlns='urn:xmpp:bidi'/>")
        peer.sends(message(to="@"), message())
        peer.receives(
            f"<message from='{CAPULET}' to='romeo@{MONTAGUE}' id='1' type='error'>"
            f"<error type='modify'><jid-malformed xmlns='{ERRORS}'/></error></message>"
        )
        self.assertEqual(len(self.heard()), 1)

    def test_the_prefix_of_another_stream(self) -> None:
        """DESIGN 3: what leans on its sender's stream is written anew."""
        peer = self.secured(certificate(MONTAGUE))
        peer.takes()
        peer.sends(auth())
        peer.takes()
        peer.sends(opening(more="version='1.0' xmlns:e='urn:example'"))
        peer.takes()
        body = "<e:x/><db:y/><body>Hello</body>"
        peer.sends(message().replace("<body>Hello</body>", body))
        (got,) = self.heard()
        self.assertIn('<x xmlns="urn:example"/>', got)
        self.assertIn('<y xmlns="jabber:server:dialback"/>', got)

    def test_stanzas_that_are_too_long(self) -> None:
        peer = self.logged_in()
        for _ in range(9):
            peer.sends(f"<message from='romeo@{MONTAGUE}' to='{JULIET}'><body>" + "x" * 100)
            peer.sends("y" * 60_000 + "</body></message>")
        self.assertEqual(len(self.heard()), 9)
        peer.sends(f"<message from='romeo@{MONTAGUE}' to='{JULIET}'><body>")
        for _ in range(10):
            peer.sends("x" * 60_000)
        self.fails(peer, "policy-violation")

    def test_elements_that_are_too_long_before_proof(self) -> None:
        peer = connect(self.world)
        peer.sends(opening())
        peer.takes()
        peer.sends("<db:result from='a.example' to='b.example'>" + "x" * 11_000)
        self.fails(peer, "policy-violation")


class CountingTests(IncomingCase):
    """Stream management on streams to us (XEP-0198)."""

    def test_what_was_handled_is_counted(self) -> None:
        peer = self.logged_in()
        peer.sends("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
        peer.receives("<enabled xmlns='urn:xmpp:sm:3'/>")
        peer.sends(message(), message(id="2"), "<r xmlns='urn:xmpp:sm:3'/>")
        peer.receives("<a xmlns='urn:xmpp:sm:3' h='2'/>")
        peer.sends("<resume xmlns='urn:xmpp:sm:3' previd='x' h='1'/>")
        peer.receives(
            f"<failed xmlns='urn:xmpp:sm:3'><feature-not-implemented xmlns='{ERRORS}'/></failed>"
        )
        peer.sends("<a xmlns='urn:xmpp:sm:3' h='1'/>")
        came = peer.takes()
        self.assertEqual([each.tag.rpartition("}")[2] for each in came][-1], "error")

    def test_a_last_time(self) -> None:
        """What was handled is told before the stream is closed."""
        peer = self.logged_in()
        peer.sends("<enable xmlns='urn:xmpp:sm:3'/>", message())
        peer.takes()
        peer.sends(CLOSE)
        peer.receives("<a xmlns='urn:xmpp:sm:3' h='1'/>")


class DialbackCase(IncomingCase):
    """The domain's own server can be asked."""

    shows = (MONTAGUE,)

    def setUp(self) -> None:
        super().setUp()
        self.place = Listening(self.world)
        self.world.network.listening[ADDRESSES[MONTAGUE], 5269] = self.place
        self.world.publish(MONTAGUE, ADDRESSES[MONTAGUE])
        self.contexts = ServerContexts(
            {MONTAGUE: certificate(*self.shows).identity()}, MONTAGUE, (), True
        )

    def asked(self) -> tuple[Peer, Any]:
        """Return the server that is asked about a key, and how."""
        home = self.place.peers[-1]
        self.begin(home)
        (question,) = home.takes()
        return home, question

    def begin(self, home: Peer) -> None:
        """Answer a header, then TLS, then a header again."""
        header = opening(MONTAGUE, CAPULET, "version='1.0' id='s'").replace("to=", "x=")
        home.sends(header, features(f"<starttls xmlns='{TLS}'/>"))
        home.receives(STARTTLS)
        home.begin_tls(self.contexts.creator(), PROCEED)
        home.sends(header, features(DIALBACK))

    def judges(self, type: str = "valid") -> None:
        """Have it asked about a key, and answer."""
        home, question = self.asked()
        home.sends(self.verdict(question, type))

    def verdict(self, question: Any, type: str, **changes: str) -> str:
        said = {"from": question.get("to"), "to": question.get("from"), "id": question.get("id")}
        said |= {name.rstrip("_"): value for name, value in changes.items()}
        inner = f"<error type='cancel'><item-not-found xmlns='{ERRORS}'/></error>"
        attributes = " ".join(f"{name}='{value}'" for name, value in said.items())
        return (
            f"<db:verify {attributes} type='{type}'>{inner if type == 'error' else ''}</db:verify>"
        )


class DialbackTests(DialbackCase):
    """We are the receiving server (XEP-0220 2.2.1)."""

    def test_a_key_that_is_right(self) -> None:
        peer = self.secured()
        peer.takes()
        peer.sends(result("k3y"))
        peer.receives()
        home, question = self.asked()
        self.assertEqual(dict(question.attrib), {"from": CAPULET, "to": MONTAGUE, "id": peer.id})
        self.assertEqual(question.text, "k3y")
        home.sends(self.verdict(question, "valid"))
        peer.receives(answer("valid"))
        self.assertTrue(home.reader.ended)
        peer.sends(message())
        self.assertEqual(len(self.heard()), 1)
        peer.sends(result("other"))
        peer.receives(answer("valid"))

    def test_a_key_that_is_wrong(self) -> None:
        peer = self.secured()
        peer.takes()
        peer.sends(result("k3y"))
        home, question = self.asked()
        home.sends(self.verdict(question, "invalid"))
        peer.receives(answer("invalid"))
        self.assertTrue(peer.reader.ended)

    def test_a_wrong_key_beside_a_right_one(self) -> None:
        peer = self.logged_in()
        self.world.publish("other.example", ADDRESSES[MONTAGUE])
        self.contexts.replace({MONTAGUE: certificate("other.example").identity()}, MONTAGUE)
        peer.sends(result("k3y", "other.example"))
        home, question = self.asked()
        home.sends(self.verdict(question, "invalid"))
        peer.receives(answer("error", to="other.example", error="forbidden"))
        peer.sends(message())
        self.assertEqual(len(self.heard()), 1)
        peer.sends(message(from_="romeo@other.example"))
        self.fails(peer, "invalid-from")

    def test_answers_to_other_questions(self) -> None:
        """Somebody else's answer proves nothing (XEP-0220 3.1)."""
        for changes in (
            {"id": "other"},
            {"from_": "other.example"},
            {"to": "other.example"},
        ):
            peer = self.secured()
            peer.takes()
            peer.sends(result("k3y"))
            home, question = self.asked()
            home.sends(self.verdict(question, "valid", **changes))
            peer.receives(answer("error", error="remote-server-timeout"))
            peer.sends(message())
            self.fails(peer, "not-authorized")
            self.assertTrue(home.reader.ended)

    def test_a_home_that_does_not_know_the_domain(self) -> None:
        peer = self.secured()
        peer.takes()
        peer.sends(result("k3y"))
        home, question = self.asked()
        home.sends(self.verdict(question, "error"))
        peer.receives(answer("error", error="remote-server-not-found"))

    def test_a_home_with_the_wrong_certificate(self) -> None:
        self.contexts.replace({MONTAGUE: certificate("other.example").identity()}, MONTAGUE)
        peer = self.secured()
        peer.takes()
        peer.sends(result("k3y"))
        home = self.place.peers[-1]
        header = opening(MONTAGUE, CAPULET, "version='1.0' id='s'").replace("to=", "x=")
        home.sends(header, features(f"<starttls xmlns='{TLS}'/>"))
        home.begin_tls(self.contexts.creator(), PROCEED)
        peer.receives(answer("error", error="not-authorized"))
        self.assertEqual([each.tag for each in home.takes()][1:], [])

    def test_homes_that_cannot_be_reached(self) -> None:
        for domain, error in (
            ("nowhere.example", "remote-server-not-found"),
            ("refusing.example", "remote-connection-failed"),
            ("127.0.0.1", "remote-server-not-found"),
            ("loop.example", "remote-server-not-found"),
        ):
            self.world.publish("refusing.example", "203.0.113.9")
            self.world.publish("loop.example", "127.0.0.1")
            peer = self.secured()
            peer.takes()
            peer.sends(result("k3y", domain))
            peer.receives(answer("error", to=domain, error=error))
        self.assertNotIn("127.0.0.1", [ip for ip, _ in self.world.network.asked])

    def test_requests_that_are_refused(self) -> None:
        for peer, request, error in (
            (self.secured(), result("k", to="elsewhere.example"), "item-not-found"),
            (connect(self.world), result("k"), "policy-violation"),
        ):
            if not peer.reader.headers:
                peer.sends(opening())
            peer.takes()
            peer.sends(request)
            (said,) = peer.takes()
            self.assertIsNotNone(said.find(f".//{{{ERRORS}}}{error}"), error)
        peer = self.secured()
        peer.takes()
        peer.sends(result("k", from_=CAPULET))
        self.fails(peer, "invalid-from")

    def test_too_many_at_a_time(self) -> None:
        peer = self.secured()
        peer.takes()
        for number in range(9):
            self.world.publish(f"d{number}.example", "203.0.113.8")
            self.world.network.silent.add("203.0.113.8")
            peer.sends(result("k", f"d{number}.example"))
        peer.receives(answer("error", to="d8.example", error="resource-constraint"))
        peer.transport.loseConnection()
        self.world.turn()
        self.assertEqual(len(service(self.server)), 0)

    def test_a_stream_that_ends_meanwhile(self) -> None:
        peer = self.secured()
        peer.takes()
        peer.sends(result("k3y"))
        home, question = self.asked()
        peer.sends(CLOSE)
        self.assertTrue(home.reader.ended)
        home.sends(self.verdict(question, "valid"))
        peer.receives()


class AuthoritativeTests(IncomingCase):
    """We are asked about keys (XEP-0220 2.2.2)."""

    def verify(self, peer: Peer, key: str, to: str = CAPULET, id: str = "s1") -> Any:
        peer.sends(f"<db:verify from='{MONTAGUE}' to='{to}' id='{id}'>{key}</db:verify>")
        (said,) = peer.takes()
        self.assertEqual(said.get("from"), to)
        self.assertEqual(said.get("to"), MONTAGUE)
        self.assertEqual(said.get("id"), id)
        return said.get("type")

    def test_keys(self) -> None:
        secret = service(self.server).around.secret
        right = make_key(secret, MONTAGUE, CAPULET, "s1")
        for peer in (connect(self.world), self.secured()):
            if not peer.reader.headers:
                peer.sends(opening())
            peer.takes()
            self.assertEqual(self.verify(peer, right), "valid")
            self.assertEqual(self.verify(peer, right, id="s2"), "invalid")
            self.assertEqual(self.verify(peer, right[:-1]), "invalid")
            self.assertEqual(self.verify(peer, ""), "invalid")
            self.assertEqual(self.verify(peer, right, to="elsewhere.example"), "error")

    def test_keys_of_others_are_not_ours(self) -> None:
        """A key for one receiving server is of no use at another."""
        secret = service(self.server).around.secret
        for key in (
            make_key(secret, "other.example", CAPULET, "s1"),
            make_key(secret, CAPULET, MONTAGUE, "s1"),
            make_key(b"other", MONTAGUE, CAPULET, "s1"),
        ):
            peer = self.secured()
            peer.takes()
            self.assertEqual(self.verify(peer, key), "invalid")
