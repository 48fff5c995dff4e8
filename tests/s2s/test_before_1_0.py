"""Servers that speak what was before XMPP 1.0, on either side (RFC 6120 4.7.5, XEP-0220)."""

from typing import Any, ClassVar

from tests.c2s.texts import CLOSE, PROCEED, SASL, STARTTLS, TLS, stream_error
from tests.net import pairs
from tests.s2s.test_incoming import (
    BIDI,
    DIALBACK,
    OUR_SM,
    REQUIRED,
    SUCCESS,
    DialbackCase,
    auth,
    features,
    result,
)
from tests.s2s.test_incoming import answer as answered
from tests.s2s.test_incoming import message as incoming
from tests.s2s.test_outgoing import (
    AUTH,
    EXTERNAL,
    STARTING,
    OutgoingCase,
    header,
    message,
    ping,
    sent,
)
from tests.s2s.world import (
    ADDRESSES,
    CAPULET,
    MONTAGUE,
    Peer,
    certificate,
    connect,
    opening,
    service,
)
from xmppd.s2s.dialback import make_key
from xmppd.server.config import RemoteConfig

OLD = "old.example"
LAX: dict[str, Any] = {"require_tls": False, "require_valid_certificate": False}
VALID = f"<db:result from='{MONTAGUE}' to='{CAPULET}' type='valid'/>"


class AcceptedTests(DialbackCase):
    """They open streams to us."""

    settings: ClassVar[dict[str, Any]] = {
        "domains": (
            RemoteConfig(OLD, **LAX),
            RemoteConfig("strict.example", dialback=False, **LAX),
        ),
    }

    def opened(self, from_: str = OLD, more: str = "") -> Peer:
        peer = connect(self.world)
        peer.sends(opening(from_=from_, more=more))
        return peer

    def test_headers(self) -> None:
        """What is answered has no version, or theirs; there are no features (4.3.2)."""
        for more, version in (("", None), ("version='0.9'", "0.9"), ("version='0.99'", "0.99")):
            peer = self.opened(more=more)
            peer.receives()
            self.assertFalse(peer.reader.ended)
            self.assertEqual(peer.reader.header.get("version"), version)
            self.assertEqual(peer.reader.header["from"], CAPULET)
            self.assertEqual(peer.reader.header["to"], OLD)
            self.assertIn("xmlns:db='jabber:server:dialback'", peer.raw.decode())

    def test_who_is_refused(self) -> None:
        for from_, more, condition in (
            (MONTAGUE, "", "unsupported-version"),
            (MONTAGUE, "version='0.9'", "unsupported-version"),
            ("strict.example", "", "policy-violation"),
            (OLD, "version='one'", "unsupported-version"),
            (OLD, "version=''", "unsupported-version"),
        ):
            peer = self.opened(from_, more)
            self.fails(peer, condition)
            self.assertEqual(peer.reader.headers, 1)

    def test_dialback(self) -> None:
        self.world.publish(OLD, ADDRESSES[MONTAGUE])
        peer = self.opened()
        peer.sends(result("k3y", OLD))
        peer.receives()
        home = self.place.peers[-1]
        home.sends(opening(CAPULET, OLD, "id='s'"))
        (question,) = home.takes()
        self.assertEqual(question.get("id"), peer.id)
        home.sends(self.verdict(question, "valid"))
        peer.receives(answered("valid", to=OLD))
        peer.sends(incoming(from_=f"romeo@{OLD}"))
        self.assertEqual(len(self.heard()), 1)

    def test_a_key_that_is_wrong(self) -> None:
        self.world.publish(OLD, ADDRESSES[MONTAGUE])
        peer = self.opened()
        peer.sends(result("k3y", OLD))
        home = self.place.peers[-1]
        home.sends(opening(CAPULET, OLD, "id='s'"))
        (question,) = home.takes()
        home.sends(self.verdict(question, "invalid"))
        peer.receives(answered("invalid", to=OLD))
        self.assertTrue(peer.reader.ended)

    def test_without_a_name(self) -> None:
        """As it was usual; what may be is decided for each domain, and keys may be asked about."""
        peer = self.opened("")
        peer.receives()
        self.assertNotIn("to", peer.reader.header)
        peer.sends(result("k", MONTAGUE))
        peer.receives(answered("error", error="policy-violation"))
        key = make_key(service(self.server).around.secret, OLD, CAPULET, "s1")
        peer.sends(f"<db:verify from='{OLD}' to='{CAPULET}' id='s1'>{key}</db:verify>")
        peer.receives(f"<db:verify from='{CAPULET}' to='{OLD}' id='s1' type='valid'/>")

    def test_without_the_name_of_ours(self) -> None:
        """It was optional: what a stream is for says dialback (4.7.2)."""
        peer = connect(self.world)
        peer.sends(opening(from_=OLD, more="").replace(f"to='{CAPULET}'", ""))
        peer.receives()
        self.assertEqual(peer.reader.header["from"], CAPULET)
        peer.sends(result("k", OLD, "elsewhere.example"))
        peer.receives(answered("error", "elsewhere.example", OLD, "item-not-found"))

    def test_what_comes_before_proof(self) -> None:
        for sent_ in (
            incoming(from_=f"romeo@{OLD}"),
            f"<presence from='{OLD}' to='{CAPULET}'/>",
            "<bidi xmlns='urn:xmpp:bidi'/>",
            "<enable xmlns='urn:xmpp:sm:3'/>",
        ):
            peer = self.opened()
            peer.sends(sent_)
            self.fails(peer, "not-authorized")
        peer = self.opened()
        peer.sends(auth())
        peer.receives(f"<failure xmlns='{SASL}'><encryption-required/></failure>")

    def test_tls_all_the_same(self) -> None:
        """Who asks for it without an offer gets it (RFC 7590 3.1)."""
        peer = self.opened()
        peer.sends(STARTTLS)
        peer.receives(PROCEED)
        peer.begin_tls(pairs.Client(server_name=CAPULET.encode(), shows=certificate(OLD)))
        peer.sends(opening(from_=OLD, more=""))
        peer.receives()
        peer.sends(auth())
        peer.receives(SUCCESS)
        peer.sends(opening(from_=OLD))
        peer.receives(features(OUR_SM, DIALBACK))

    def test_under_tls(self) -> None:
        """There it is a means like others, also for who has to have TLS."""
        peer = connect(self.world)
        peer.sends(opening())
        peer.receives(REQUIRED)
        peer.sends(STARTTLS)
        peer.receives(PROCEED)
        peer.begin_tls(pairs.Client(server_name=CAPULET.encode()))
        peer.sends(opening(more=""))
        peer.receives()
        peer.sends(result("k3y"))
        home, question = self.asked()
        home.sends(self.verdict(question, "valid"))
        peer.receives(answered("valid"))

    def test_silence_has_an_end(self) -> None:
        peer = self.opened()
        self.world.passes(121)
        self.fails(peer, "connection-timeout")


class DialledTests(OutgoingCase):
    """We open streams to them."""

    settings: ClassVar[dict[str, Any]] = LAX

    def keyed(self, peer: Peer) -> None:
        """See that we prove ourselves by dialback."""
        (request,) = peer.takes()
        self.assertEqual(dict(request.attrib), {"from": CAPULET, "to": MONTAGUE})
        secret = service(self.server).around.secret
        self.assertEqual(request.text, make_key(secret, MONTAGUE, CAPULET, "s1"))

    def test_dialback(self) -> None:
        for more in ("id='s1'", "id='s1' version='0.9'", "id='s1' version=''"):
            self.sends(message())
            peer = self.called()
            peer.sends(header(more))
            self.keyed(peer)
            peer.sends(VALID)
            peer.receives(sent())
            peer.sends(CLOSE)
            self.world.passes(4)

    def test_features_all_the_same(self) -> None:
        """They count for nothing, whenever they come."""
        for before, after in (
            (features(DIALBACK), ""),
            (features(STARTING[17:-18]), features()),
            ("", features(BIDI)),
        ):
            self.sends(message())
            peer = self.called()
            peer.sends(header("id='s1'") + before)
            self.keyed(peer)
            peer.sends(before, VALID + after)
            peer.receives(sent())
            peer.sends(CLOSE)
            self.world.passes(4)

    def test_without_dialback(self) -> None:
        self.sends(ping())
        peer = self.called()
        peer.sends(header("id='s1'").replace("xmlns:db='jabber:server:dialback'", ""))
        self.assertEqual(self.bounced("p")[0], "remote-server-timeout")
        peer.receives()
        self.assertTrue(peer.reader.ended)


class RequiredTests(OutgoingCase):
    """We open streams to them, and nothing goes without TLS."""

    def test_nothing_leaves_in_clear(self) -> None:
        """TLS is asked for without an offer (RFC 7590 3.1), and everything but TLS is a no."""
        for said in (
            f"<failure xmlns='{TLS}'/>",
            CLOSE,
            stream_error("unsupported-stanza-type"),
            VALID,
            features(DIALBACK) + f"<failure xmlns='{TLS}'/>",
            "<message/>",
        ):
            self.sends(ping())
            peer = self.called()
            peer.sends(header("id='s1'"))
            peer.receives(STARTTLS)
            peer.sends(said)
            condition, text = self.bounced("p")
            self.assertEqual(condition, "remote-server-timeout", said)
            self.assertIn("offers no encryption", text)
            self.assertTrue(peer.reader.ended)
            self.world.passes(1000)

    def test_silence_has_an_end(self) -> None:
        self.sends(ping())
        self.called().sends(header("id='s1'"))
        self.world.passes(121)
        self.assertIn("offers no encryption", self.bounced("p")[1])

    def test_one_who_can_do_it(self) -> None:
        """With features too late, or none at all; behind TLS there are some."""
        for late in ("", STARTING):
            self.sends(message())
            peer = self.called()
            peer.sends(header("id='s1'"))
            peer.receives(STARTTLS)
            peer.begin_tls(self.contexts.creator(), late + PROCEED)
            peer.sends(header(), features(EXTERNAL))
            peer.receives(AUTH)
            peer.sends(f"<success xmlns='{SASL}'/>", header(), features())
            peer.receives(sent())
            peer.sends(CLOSE)
            self.world.passes(4)

    def test_old_behind_tls(self) -> None:
        self.sends(message())
        peer = self.called()
        peer.sends(header(), STARTING)
        peer.receives(STARTTLS)
        peer.begin_tls(self.contexts.creator(), PROCEED)
        peer.sends(header("id='s2'"))
        (request,) = peer.takes()
        self.assertTrue(request.tag.endswith("}result"))
        peer.sends(features(EXTERNAL) + VALID)
        peer.receives(sent())

    def test_one_that_takes_its_time(self) -> None:
        """Who says version 1.0 is waited for, but not for ever (4.3.2)."""
        self.sends(message())
        peer = self.called()
        peer.sends(header())
        self.world.passes(100)
        peer.receives()
        peer.sends(STARTING)
        peer.receives(STARTTLS)
