"""What XEP-0198, XEP-0220 and XEP-0288 say of streams to us, byte for byte."""

from typing import Any, ClassVar

from tests.c2s.texts import CLOSE, SASL, stream_error
from tests.s2s.test_incoming import DIALBACK as OFFERED
from tests.s2s.test_incoming import (
    ERRORS,
    JULIET,
    OUR_SM,
    SUCCESS,
    DialbackCase,
    answer,
    auth,
    failure,
    features,
    message,
    result,
)
from tests.s2s.test_outgoing import SM, OutgoingCase, sent
from tests.s2s.test_outgoing import message as outgoing
from tests.s2s.world import CAPULET, MONTAGUE, Peer, certificate, connect, opening, service
from xmppd.s2s.dialback import make_key
from xmppd.server.config import RemoteConfig

OTHER = "other.example"
BIDI = "<bidi xmlns='urn:xmpp:bidi'/>"
ENABLE = "<enable xmlns='urn:xmpp:sm:3'/>"
ENABLED = "<enabled xmlns='urn:xmpp:sm:3'/>"
R = "<r xmlns='urn:xmpp:sm:3'/>"


def a(h: object) -> str:
    return f"<a xmlns='urn:xmpp:sm:3' h='{h}'/>"


def failed(condition: str) -> str:
    return f"<failed xmlns='urn:xmpp:sm:3'><{condition} xmlns='{ERRORS}'/></failed>"


class AckCase(DialbackCase):
    """A server that can be sent to over its own stream (XEP-0288)."""

    def bidi(self) -> Peer:
        peer = self.secured(certificate(MONTAGUE))
        peer.sends(BIDI, auth(), opening())
        peer.takes()
        return peer


class AckTests(AckCase):
    """Stream management on streams to us (XEP-0198)."""

    def test_before_proof(self) -> None:
        for said in (ENABLE, R, a(0), "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>"):
            peer = self.secured(certificate(MONTAGUE))
            peer.takes()
            peer.sends(said)
            self.fails(peer, "not-authorized")

    def test_exchanges(self) -> None:
        """What is sent, and what comes back; the last one ends the stream where it is an error."""
        for said, came in (
            ((ENABLE,), (ENABLED,)),
            ((ENABLE.replace("/>", " resume='1' max='600'/>"),), (ENABLED,)),
            ((ENABLE, R), (ENABLED, a(0))),
            ((message(), ENABLE, message(), R), (ENABLED, a(1))),
            (
                (ENABLE, message(), R, f"<presence from='{MONTAGUE}' to='{JULIET}'/>", R),
                (ENABLED, a(1), a(2)),
            ),
            ((ENABLE, " ", a(0), R), (ENABLED, a(0))),
            (
                (ENABLE, result("k", to="elsewhere.example"), R),
                (ENABLED, answer("error", "elsewhere.example", error="item-not-found"), a(0)),
            ),
            (
                ("<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>", ENABLE),
                (failed("feature-not-implemented"), ENABLED),
            ),
            ((ENABLE, ENABLE), (ENABLED, a(0), stream_error("policy-violation"))),
            ((R,), (stream_error("unsupported-stanza-type"),)),
            ((a(0),), (stream_error("unsupported-stanza-type"),)),
            ((ENABLED,), (stream_error("unsupported-stanza-type"),)),
            ((ENABLE, ENABLED), (ENABLED, a(0), stream_error("unsupported-stanza-type"))),
            ((ENABLE, failed("x")), (ENABLED, a(0), stream_error("unsupported-stanza-type"))),
            ((ENABLE, "<a xmlns='urn:xmpp:sm:3'/>"), (ENABLED, a(0), stream_error("bad-format"))),
            ((ENABLE, a(-1)), (ENABLED, a(0), stream_error("bad-format"))),
            ((ENABLE, a(2**32)), (ENABLED, a(0), stream_error("bad-format"))),
            (("<x xmlns='urn:xmpp:sm:3'/>",), (stream_error("bad-format"),)),
            (("<enable xmlns='urn:xmpp:sm:2'/>",), (stream_error("unsupported-stanza-type"),)),
        ):
            peer = self.logged_in()
            peer.sends(*said)
            peer.receives(*came)
            self.assertEqual(peer.reader.ended, "error" in came[-1] and "stream" in came[-1], said)
            peer.sends(CLOSE)

    def test_too_many(self) -> None:
        """XEP-0198 7, byte for byte."""
        peer = self.logged_in()
        peer.sends(ENABLE)
        peer.takes()
        peer.sends(a(3))
        self.assertIn(
            '<stream:error><undefined-condition xmlns="urn:ietf:params:xml:ns:xmpp-streams"/>',
            peer.raw.decode(),
        )
        self.assertIn(
            '<handled-count-too-high xmlns="urn:xmpp:sm:3" h="3" send-count="0"/>',
            peer.raw.decode(),
        )

    def test_what_we_send_is_counted_both_ways(self) -> None:
        """On a stream for both directions."""
        peer = self.bidi()
        peer.sends(ENABLE)
        peer.receives(ENABLED)
        self.juliet.sends(
            f"<message to='romeo@{MONTAGUE}' id='1' type='chat'><body>x</body></message>"
        )
        self.world.turn()
        peer.receives(
            f"<message from='{JULIET}/balcony' to='romeo@{MONTAGUE}' id='1' type='chat'>"
            "<body>x</body></message>",
            R,
        )
        peer.sends(a(1), message(), R)
        peer.receives(a(1))


class LateCountTests(AckCase):
    """COMPAT(Prosody): it sends what has waited, and asks for stream management behind that."""

    settings: ClassVar[dict[str, Any]] = {"quiet_seconds": 5.0, "answer_seconds": 60.0}

    def sent_before(self) -> Peer:
        """Return a server that is sent a message before it asks for stream management."""
        peer = self.bidi()
        peer.sends(message())
        self.assertEqual(len(self.heard()), 1)
        self.juliet.sends(
            f"<message to='romeo@{MONTAGUE}' id='1' type='chat'><body>x</body></message>"
        )
        self.world.turn()
        peer.receives(
            f"<message from='{JULIET}/balcony' to='romeo@{MONTAGUE}' id='1' type='chat'>"
            "<body>x</body></message>"
        )
        peer.sends(ENABLE)
        peer.receives(ENABLED, R)
        return peer

    def loses(self, peer: Peer) -> None:
        peer.transport.abortConnection()
        self.world.turn()

    def test_an_acknowledgement_covers_what_went_before(self) -> None:
        peer = self.sent_before()
        peer.sends(a(0))
        peer.receives()
        self.loses(peer)
        self.assertEqual(self.heard(), [])

    def test_a_while_without_one_does_not(self) -> None:
        peer = self.sent_before()
        self.world.passes(30)
        self.loses(peer)
        (error,) = self.heard()
        self.assertIn("before it was known whether this has arrived", error)

    def test_one_is_waited_for_at_the_end(self) -> None:
        """No stream is ended while it is not known whether what was sent has arrived."""
        for is_answered in (True, False):
            peer = self.sent_before()
            (stream,) = service(self.server).around.connections.all()
            stream.leave()
            peer.receives()
            if is_answered:
                peer.sends(a(0))
            else:
                self.world.passes(61)
            self.assertTrue(peer.reader.ended)
            self.loses(peer)
            self.assertEqual(len(self.heard()), not is_answered)


class CalledAckTests(OutgoingCase):
    """Stream management on streams of ours."""

    def test_counts_that_cannot_be(self) -> None:
        for said, condition in (
            (a(2), "undefined-condition"),
            ("<a xmlns='urn:xmpp:sm:3' h=''/>", "bad-format"),
            (ENABLE, "unsupported-stanza-type"),
            (ENABLED, "unsupported-stanza-type"),
        ):
            self.sends(outgoing())
            peer = self.ready(SM)
            peer.receives(ENABLE)
            peer.sends(ENABLED)
            peer.receives(sent(), R)
            peer.sends(said)
            came = peer.takes()
            self.assertEqual(came[-1][0].tag.rpartition("}")[2], condition, said)
            peer.sends(CLOSE)
            self.world.passes(1000)
            self.juliet.take()


class DialbackTests(DialbackCase):
    """Dialback on streams to us (XEP-0220)."""

    settings: ClassVar[dict[str, Any]] = {
        "domains": (RemoteConfig("open.example", require_tls=False),),
    }

    def valid(self, peer: Peer, domain: str = MONTAGUE) -> None:
        peer.sends(result("k3y", domain))
        home, question = self.asked()
        home.sends(self.verdict(question, "valid"))
        peer.receives(answer("valid", to=domain))

    def test_what_the_answers_say_exactly(self) -> None:
        peer = self.secured()
        peer.takes()
        before = len(peer.raw)
        peer.sends(result("k", to="elsewhere.example"))
        self.assertEqual(
            peer.raw[before:].decode(),
            f"<db:result from='elsewhere.example' to='{MONTAGUE}' type='error'>"
            f"<error type='cancel'><item-not-found xmlns='{ERRORS}'/>"
            f"<text xmlns='{ERRORS}'>elsewhere.example is not served here</text></error>"
            "</db:result>",
        )
        before = len(peer.raw)
        peer.sends(f"<db:verify from='{MONTAGUE}' to='{CAPULET}' id='a&amp;b'>k</db:verify>")
        self.assertEqual(
            peer.raw[before:].decode(),
            f"<db:verify from='{CAPULET}' to='{MONTAGUE}' id='a&amp;b' type='invalid'/>",
        )

    def test_questions_one_after_the_other(self) -> None:
        """2.2.2: no proof, no TLS and no waiting is needed to ask about keys of ours."""
        secret = service(self.server).around.secret
        peer = connect(self.world)
        peer.sends(opening(from_=""))
        peer.takes()
        asked, answered = "", []
        for number in range(20):
            key = make_key(secret, OTHER, CAPULET, f"s{number}") if number % 2 else "k"
            type = "valid" if number % 2 else "invalid"
            said = f"from='{OTHER}' to='{CAPULET}' id='s{number}'"
            asked += f"<db:verify {said}>{key}</db:verify>"
            answered.append(
                f"<db:verify from='{CAPULET}' to='{OTHER}' id='s{number}' type='{type}'/>"
            )
        peer.sends(asked)
        peer.receives(*answered)
        self.assertFalse(peer.reader.ended)

    def test_elements_that_say_nothing(self) -> None:
        for said, condition in (
            (f"<db:result to='{CAPULET}'>k</db:result>", "improper-addressing"),
            (f"<db:result from='{MONTAGUE}'>k</db:result>", "improper-addressing"),
            (f"<db:result from='romeo@{MONTAGUE}' to='{CAPULET}'/>", "improper-addressing"),
            (f"<db:result from='{CAPULET}' to='{CAPULET}'>k</db:result>", "invalid-from"),
            (f"<db:verify from='{MONTAGUE}' to='{CAPULET}'>k</db:verify>", "bad-format"),
            (answer("valid", MONTAGUE, CAPULET), "policy-violation"),
            (answer("invalid", MONTAGUE, CAPULET), "policy-violation"),
            (answer("error", MONTAGUE, CAPULET), "policy-violation"),
            (
                f"<db:verify from='{MONTAGUE}' to='{CAPULET}' id='1' type='valid'/>",
                "policy-violation",
            ),
            (answer("maybe", MONTAGUE, CAPULET), "bad-format"),
            ("<db:x/>", "unsupported-stanza-type"),
            ("<result xmlns='urn:x'/>", "not-authorized"),
        ):
            peer = self.secured()
            peer.takes()
            peer.sends(said)
            self.fails(peer, condition)
        self.assertEqual(self.world.network.asked, [])

    def test_the_pair_counts_and_no_other(self) -> None:
        """2.2.1: stanzas of a pair that is still asked about are too early, others go on."""
        peer = self.secured()
        peer.takes()
        self.valid(peer)
        self.world.publish(OTHER, "203.0.113.8")
        self.world.network.silent.add("203.0.113.8")
        peer.sends(result("k", OTHER))
        peer.receives()
        peer.sends(message())
        self.assertEqual(len(self.heard()), 1)
        peer.sends(f"<db:verify from='{OTHER}' to='{CAPULET}' id='1'>k</db:verify>")
        self.assertEqual(peer.takes()[0].get("type"), "invalid")
        peer.sends(message(from_=f"x@{OTHER}"))
        self.fails(peer, "invalid-from")

    def test_a_result_in_clear(self) -> None:
        """2.5: TLS comes first where it has to."""
        peer = connect(self.world)
        peer.sends(opening())
        peer.takes()
        peer.sends(result("k"))
        peer.receives(answer("error", error="policy-violation"))
        self.assertFalse(peer.reader.ended)

    def test_behind_external(self) -> None:
        """One more pair on a stream that is in use."""
        peer = self.logged_in()
        self.world.publish(OTHER, "203.0.113.2")
        self.contexts.replace({MONTAGUE: certificate(OTHER).identity()}, MONTAGUE)
        self.valid(peer, OTHER)
        peer.sends(message(from_=f"x@{OTHER}"), message())
        self.assertEqual(len(self.heard()), 2)

    def test_external_behind_dialback(self) -> None:
        """What is proven is proven: the stream is in use."""
        peer = self.secured()
        peer.takes()
        self.valid(peer)
        peer.sends(auth())
        self.fails(peer, "unsupported-stanza-type")

    def test_a_failed_login_before(self) -> None:
        """XEP-0178 3: dialback goes on where EXTERNAL has failed."""
        peer = self.secured()
        peer.takes()
        peer.sends(auth())
        peer.receives(failure("not-authorized"))
        self.valid(peer)
        peer.sends(message())
        self.assertEqual(len(self.heard()), 1)


class BidiTests(DialbackCase):
    """Streams for both directions (XEP-0288)."""

    def test_when_it_is_too_late(self) -> None:
        for before, said, condition in (
            ((auth(), opening()), BIDI, "unsupported-stanza-type"),
            ((auth(),), BIDI, "invalid-namespace"),
        ):
            peer = self.secured(certificate(MONTAGUE))
            peer.sends(*before)
            peer.takes()
            peer.sends(said)
            self.fails(peer, condition)

    def test_not_on_offer_when_proven(self) -> None:
        peer = self.secured(certificate(MONTAGUE))
        peer.takes()
        peer.sends(BIDI, BIDI, auth(), opening())
        peer.receives(SUCCESS, features(OUR_SM, OFFERED))

    def test_nothing_before_proof(self) -> None:
        peer = self.secured(certificate(MONTAGUE))
        peer.takes()
        peer.sends(BIDI)
        self.juliet.sends(f"<message to='romeo@{MONTAGUE}' id='1'><body>x</body></message>")
        self.world.turn()
        peer.receives()

    def test_what_comes_is_checked_as_ever(self) -> None:
        """It is no way for the other side to send as one of ours."""
        for from_, condition in (
            (JULIET, "invalid-from"),
            (CAPULET, "invalid-from"),
            (f"romeo@{OTHER}", "invalid-from"),
        ):
            peer = self.secured(certificate(MONTAGUE))
            peer.sends(BIDI, auth(), opening())
            peer.takes()
            peer.sends(message(from_=from_))
            self.fails(peer, condition)
        self.assertEqual(self.heard(), [])

    def test_answers_nobody_has_asked_for(self) -> None:
        """XEP-0288 4: on such a stream they would do most harm."""
        for said in (
            answer("valid", MONTAGUE, CAPULET),
            answer("valid", CAPULET, MONTAGUE),
            f"<db:verify from='{MONTAGUE}' to='{CAPULET}' id='1' type='valid'/>",
            f"<success xmlns='{SASL}'/>",
        ):
            peer = self.secured(certificate(MONTAGUE))
            peer.sends(BIDI, auth(), opening())
            peer.takes()
            peer.sends(said)
            condition = "unsupported-stanza-type" if "success" in said else "policy-violation"
            self.fails(peer, condition)
