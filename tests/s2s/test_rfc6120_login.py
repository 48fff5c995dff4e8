"""How another server gets in: STARTTLS (RFC 6120 5), SASL EXTERNAL (6, XEP-0178), byte for byte."""

from base64 import b64encode

from tests.c2s.texts import CLOSE, PROCEED, SASL, STARTTLS, TLS, stream_error
from tests.net import pairs
from tests.s2s.test_incoming import (
    BIDI,
    DIALBACK,
    EXTERNAL,
    OUR_SM,
    REQUIRED,
    SUCCESS,
    IncomingCase,
    answer,
    auth,
    failure,
    features,
    message,
    result,
)
from tests.s2s.world import CAPULET, MONTAGUE, Peer, certificate, connect, opening

CHALLENGE = f"<challenge xmlns='{SASL}'/>"
ABORT = f"<abort xmlns='{SASL}'/>"


def response(said: str = "") -> str:
    return f"<response xmlns='{SASL}'>{said}</response>"


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


class StartTlsTests(IncomingCase):
    """RFC 6120 5.3, 5.4."""

    def opened(self) -> Peer:
        peer = connect(self.world)
        peer.sends(opening())
        peer.receives(REQUIRED)
        return peer

    def test_nothing_stands_between(self) -> None:
        """5.3.3: no white space, and nothing behind it in clear."""
        peer = self.opened()
        before = len(peer.raw)
        peer.sends(STARTTLS)
        self.assertEqual(peer.raw[before:], f'<proceed xmlns="{TLS}"/>'.encode())

    def test_features_before_and_behind(self) -> None:
        """5.3.1, 5.4.3.3: TLS alone where it is required; then everything but TLS."""
        self.secured(certificate(MONTAGUE), MONTAGUE, EXTERNAL, DIALBACK, BIDI)
        self.secured(None, MONTAGUE, DIALBACK, BIDI)
        self.secured(certificate("other.example"), MONTAGUE, DIALBACK, BIDI)

    def test_anything_but_tls(self) -> None:
        """Only TLS is there as long as it is required."""
        for said, answered in (
            (auth(), failure("encryption-required")),
            (result("k"), answer("error", error="policy-violation")),
        ):
            peer = self.opened()
            peer.sends(said)
            peer.receives(answered)
            peer.sends(STARTTLS)
            peer.receives(PROCEED)
        for said in (message(), "<bidi xmlns='urn:xmpp:bidi'/>", "<enable xmlns='urn:xmpp:sm:3'/>"):
            peer = self.opened()
            peer.sends(said)
            self.fails(peer, "not-authorized")

    def test_other_elements_of_tls(self) -> None:
        for name in ("proceed", "failure", "other"):
            peer = self.opened()
            peer.sends(f"<{name} xmlns='{TLS}'/>")
            self.fails(peer, "not-authorized")

    def test_a_handshake_that_fails(self) -> None:
        """5.4.3.2: the connection ends, and no end of a stream is written."""
        peer = self.opened()
        peer.sends(STARTTLS)
        peer.takes()
        came: list[bytes] = []
        self.patch(peer, "dataReceived", came.append)
        peer.sends("\x16\x03\x01\x00\x05hello")
        self.world.passes(10)
        self.assertIsNotNone(peer.lost)
        self.assertNotIn(b"stream", b"".join(came))


class ExternalTests(IncomingCase):
    """RFC 6120 6.3, 6.4."""

    def offered(self, shows: str = MONTAGUE) -> Peer:
        peer = self.secured(certificate(shows))
        peer.takes()
        return peer

    def test_both_ways_of_saying_it(self) -> None:
        """6.3.10: with an initial response, or in answer to a challenge, which is empty."""
        for said, answered in (
            ((auth("="),), (SUCCESS,)),
            ((auth(encoded(MONTAGUE)),), (SUCCESS,)),
            ((auth(f"\n {encoded(MONTAGUE)}\n"),), (SUCCESS,)),
            ((auth(""), response()), (CHALLENGE, SUCCESS)),
            ((auth(""), response("=")), (CHALLENGE, SUCCESS)),
            ((auth(""), response(encoded(MONTAGUE))), (CHALLENGE, SUCCESS)),
            ((auth(""), auth(""), response()), (CHALLENGE, CHALLENGE, SUCCESS)),
            ((auth(""), auth("=")), (CHALLENGE, SUCCESS)),
            ((auth(""), ABORT, auth()), (CHALLENGE, failure("aborted"), SUCCESS)),
        ):
            peer = self.offered()
            peer.sends(*said)
            peer.receives(*answered)
            peer.sends(opening())
            peer.receives(features(OUR_SM, DIALBACK))

    def test_what_is_refused(self) -> None:
        """6.5."""
        for said, condition in (
            (auth(encoded("other.example")), "invalid-authzid"),
            (auth(encoded(f"sub.{MONTAGUE}")), "invalid-authzid"),
            (auth(encoded(f"romeo@{MONTAGUE}")), "invalid-authzid"),
            (auth(encoded(CAPULET)), "invalid-authzid"),
            (auth(encoded("\0")), "invalid-authzid"),
            (auth("=="), "incorrect-encoding"),
            (auth("!"), "incorrect-encoding"),
            (auth().replace("EXTERNAL", "external"), "invalid-mechanism"),
            (auth().replace("EXTERNAL", "SCRAM-SHA-1"), "invalid-mechanism"),
            (auth().replace("mechanism='EXTERNAL'", ""), "invalid-mechanism"),
            (ABORT, "aborted"),
        ):
            peer = self.offered()
            peer.sends(said)
            peer.receives(failure(condition))
            peer.sends(auth())
            peer.receives(SUCCESS)

    def test_a_challenge_is_one_try(self) -> None:
        peer = self.offered()
        for _ in range(2):
            peer.sends(auth(""), response(encoded("other.example")))
            peer.receives(CHALLENGE, failure("invalid-authzid"))
        peer.sends(auth(""), response("!"))
        peer.receives(CHALLENGE, failure("incorrect-encoding"), stream_error("policy-violation"))

    def test_a_challenge_given_up_is_one_try_too(self) -> None:
        peer = self.offered()
        peer.sends(*[auth("")] * 4)
        peer.receives(*[CHALLENGE] * 4, stream_error("policy-violation"))

    def test_a_response_to_nothing(self) -> None:
        for said in ((response(),), (auth(""), ABORT, response()), (auth(""), response("!") * 2)):
            peer = self.offered()
            peer.sends(*said)
            self.assertEqual(peer.takes()[-1][0].tag.rpartition("}")[2], "unsupported-stanza-type")
            self.assertTrue(peer.reader.ended)

    def test_without_a_certificate_that_does(self) -> None:
        """XEP-0178 3, 12: then dialback may do, on the same stream."""
        peer = self.offered("other.example")
        peer.sends(auth(""))
        peer.receives(failure("not-authorized"))
        peer.sends(result("k", to="elsewhere.example"))
        peer.receives(answer("error", from_="elsewhere.example", error="item-not-found"))

    def test_behind_success(self) -> None:
        """6.4.6: a new header, and nothing else; then no SASL any more."""
        for said in (message(), auth(), " <presence/>", "<r xmlns='urn:xmpp:sm:3'/>"):
            peer = self.offered()
            peer.sends(auth(), said)
            came = peer.takes()
            self.assertEqual(came[0].tag, f"{{{SASL}}}success")
            self.assertEqual(came[1][0].tag.rpartition("}")[2], "invalid-namespace")
        peer = self.logged_in()
        peer.sends(auth())
        self.fails(peer, "unsupported-stanza-type")
        peer = self.logged_in()
        peer.sends(STARTTLS)
        self.fails(peer, "unsupported-stanza-type")

    def test_a_header_behind_success_that_says_less(self) -> None:
        """Who it is has been settled, and nobody else can be named."""
        for header, to in (
            (opening(from_=""), None),
            (opening(to=CAPULET.upper(), from_=MONTAGUE.upper()), MONTAGUE),
            (opening().replace(f"to='{CAPULET}'", ""), MONTAGUE),
        ):
            peer = self.offered()
            peer.sends(auth(), header)
            peer.receives(SUCCESS, features(OUR_SM, DIALBACK))
            self.assertEqual(peer.reader.header.get("to"), to)
            peer.sends(message())
            self.assertEqual(len(self.heard()), 1)
        for header, condition in (
            (opening(from_="other.example"), "invalid-from"),
            (opening(from_=CAPULET), "invalid-from"),
            (opening(to="elsewhere.example"), "host-unknown"),
        ):
            peer = self.offered()
            peer.sends(auth(), header)
            peer.receives(SUCCESS, stream_error(condition))

    def test_the_end_in_between(self) -> None:
        """A stream may end before it is used."""
        peer = self.offered()
        peer.sends(auth(""), CLOSE)
        peer.receives(CHALLENGE)
        self.assertTrue(peer.reader.ended)
        self.world.passes(1)
        self.assertIsNotNone(peer.lost)

    def test_by_another_name_of_the_certificate(self) -> None:
        """One stream is for one pair; what else the certificate names takes dialback."""
        shows = certificate(MONTAGUE, f"chat.{MONTAGUE}")
        peer = connect(self.world)
        peer.sends(opening(), STARTTLS)
        peer.begin_tls(pairs.Client(server_name=CAPULET.encode(), shows=shows))
        peer.sends(opening(), auth(), opening())
        peer.takes()
        peer.sends(message(from_=f"room@chat.{MONTAGUE}"))
        self.fails(peer, "invalid-from")
