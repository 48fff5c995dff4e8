"""Servers that we call and that mean no good: what they get of ours is nothing (RFC 6120 13)."""

from dataclasses import replace
from typing import Any, ClassVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from tests.c2s.texts import CLOSE, PROCEED, SASL, STARTTLS, TLS, stream_error
from tests.net.pki import DAY, NOW, Issued, Order, authority, der, issue, xmpp_address
from tests.s2s.test_outgoing import (
    AUTH,
    DIALBACK,
    EXTERNAL,
    HOST,
    JULIET,
    ROMEO,
    STARTING,
    OutgoingCase,
    elsewhere,
    features,
    header,
    message,
    ping,
    sent,
)
from tests.s2s.world import ADDRESSES, CAPULET, MONTAGUE, Peer, certificate
from xmppd.net.tls import ServerContexts
from xmppd.server.config import RemoteConfig

BIDI = "<bidi xmlns='urn:xmpp:features:bidi'/>"
_LAST = ("}starttls", "}error")
OPEN = {"require_valid_certificate": False}


class StrippingTests(OutgoingCase):
    """Somebody on the way has a part in what is said in clear (RFC 6120 13.8, 13.9)."""

    def nothing_leaves(self, *said: str, condition: str) -> None:
        self.sends(ping())
        peer = self.called()
        peer.sends(*said)
        self.assertEqual(self.bounced("p")[0], condition, said)
        self.assertEqual([each for each in peer.takes() if not each.tag.endswith(_LAST)], [])
        self.assertTrue(peer.reader.ended)
        self.assertNotIn(b"ping", peer.raw)
        peer.transport.abortConnection()
        self.world.passes(1000)

    def test_no_tls_on_offer(self) -> None:
        for offered in ("", EXTERNAL, DIALBACK, f"<starttls xmlns='{SASL}'/>"):
            said = header(), features(offered) + f"<failure xmlns='{TLS}'/>"
            self.nothing_leaves(*said, condition="remote-server-timeout")

    def test_proof_before_tls(self) -> None:
        """Nobody is believed to take us at our word, or to have asked for anything."""
        for said in (
            f"<success xmlns='{SASL}'/>",
            f"<db:result from='{MONTAGUE}' to='{CAPULET}' type='valid'/>",
            f"<db:result from='{MONTAGUE}' to='{CAPULET}'>key</db:result>",
            sent(),
            header(),
        ):
            self.nothing_leaves(header(), STARTING + said, condition="remote-server-timeout")

    def test_what_came_in_clear_behind_proceed(self) -> None:
        """It is forgotten with all else that came in clear (RFC 6120 5.4.3.3)."""
        for injected in (
            header() + features(EXTERNAL),
            "<",
            CLOSE,
            f"<success xmlns='{SASL}'/>",
            sent(),
        ):
            self.sends(message())
            peer = self.called()
            peer.sends(header(), STARTING)
            peer.receives(STARTTLS)
            peer.begin_tls(self.contexts.creator(), PROCEED + injected)
            peer.receives()
            peer.sends(header(), features(EXTERNAL))
            peer.receives(AUTH)
            peer.sends(f"<success xmlns='{SASL}'/>", header(), features())
            peer.receives(sent())
            peer.sends(CLOSE)
            self.world.passes(3)

    def test_what_is_no_tls(self) -> None:
        """It is tried a second time, without our certificate, and no third."""
        self.sends(ping())
        for _ in range(2):
            peer = self.called()
            self.patch(peer, "dataReceived", lambda data: None)
            peer.sends(header(), STARTING, PROCEED, "no TLS at all")
        condition, text = self.bounced("p")
        self.assertEqual(condition, "remote-server-timeout")
        self.assertIn("TLS failed", text)
        self.assertEqual(len(self.place.peers), 2)


class CertificateTests(OutgoingCase):
    """Certificates that prove something else, or nothing (RFC 6120 13.7, RFC 9525)."""

    def shown(self, identity: Issued, *above: Issued) -> str:
        """Return what is said of a certificate, and see that nothing of ours was sent."""
        chain = replace(identity, above=tuple(each.certificate for each in above))
        self.contexts = ServerContexts({MONTAGUE: chain.identity()}, MONTAGUE)
        self.sends(ping())
        peer = self.secured(EXTERNAL)
        condition, text = self.bounced("p")
        self.assertEqual(condition, "remote-server-timeout")
        self.assertEqual([each for each in peer.takes() if "error" not in each.tag], [])
        self.assertNotIn(b"ping", peer.raw)
        self.world.passes(1000)
        return text

    def test_names(self) -> None:
        for names, why in (
            ((f"*.{MONTAGUE}",), f"is for *.{MONTAGUE}"),
            (("*.example", "*", "m*.example"), "is for *.example"),
            ((f"xmpp.{MONTAGUE}",), f"is for xmpp.{MONTAGUE}"),
            ((), "names no server"),
        ):
            self.assertIn(why, self.shown(certificate(*names)))

    def test_a_nul_in_a_name(self) -> None:
        """What stands before it is not taken for the name."""
        for name in (f"{MONTAGUE}\0.evil.example", f"{MONTAGUE}\0"):
            raw = der(0x30, der(0x82, name.encode()))
            issued = issue(Order(subject=MONTAGUE, raw_names=raw), authority())
            self.assertIn(f"not for {MONTAGUE}", self.shown(issued))
            issued = issue(Order(others=(xmpp_address(name),)), authority())
            self.assertIn(f"not for {MONTAGUE}", self.shown(issued))

    def test_times(self) -> None:
        old = Order(hosts=(MONTAGUE,), start=NOW - 9 * DAY, end=NOW - DAY)
        new = Order(hosts=(MONTAGUE,), start=NOW + DAY)
        self.assertIn("has expired", self.shown(issue(old, authority())))
        self.assertIn("is not valid before", self.shown(issue(new, authority())))

    def test_one_who_is_no_authority(self) -> None:
        """Whoever has a certificate could else make others."""
        evil = certificate("evil.example")
        forged = issue(Order(hosts=(MONTAGUE,), subject="forged"), evil)
        self.assertIn("cannot be believed", self.shown(forged, evil))

    def test_an_authority_for_other_names(self) -> None:
        """RFC 5280 4.2.1.10."""
        evil = _constrained("evil.example")
        forged = issue(Order(hosts=(MONTAGUE,)), evil)
        self.assertIn("cannot be believed", self.shown(forged, evil))

    def test_a_chain_without_an_end(self) -> None:
        above = [issue(Order(subject=f"a{n}", authority=True), authority()) for n in range(30)]
        self.assertIn("were shown", self.shown(certificate(MONTAGUE), *above))

    def test_a_chain_of_many_bytes(self) -> None:
        """OpenSSL ends the handshake: it keeps no more than 100 KiB of it."""
        names = tuple(f"n{number}.example" for number in range(12_000))
        chain = certificate(MONTAGUE, *names)
        self.contexts = ServerContexts({MONTAGUE: chain.identity()}, MONTAGUE)
        self.sends(ping())
        self.secured(EXTERNAL)
        self.secured(EXTERNAL)
        condition, text = self.bounced("p")
        self.assertEqual(condition, "remote-server-timeout")
        self.assertIn("excessive message size", text)


def _constrained(name: str) -> Issued:
    """Return an authority that may make certificates for these names only."""
    key = ec.generate_private_key(ec.SECP256R1())
    root = authority()
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(root.certificate.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.NameConstraints([x509.DNSName(name)], None), critical=True)
    )
    return Issued(builder.sign(root.key, SHA256()), key)


class ElsewhereTests(OutgoingCase):
    """Where `see-other-host` may send us (RFC 6120 4.9.3.19)."""

    def sent_to(self, *places: str) -> list[tuple[str, int]]:
        """Return where we have been to, sent from each place to the next."""
        self.world.network.asked.clear()
        self.sends(ping())
        for place in places:
            self.called().sends(header(), elsewhere(place) + CLOSE)
        self.world.turn()
        return self.world.network.asked

    def test_addresses_that_are_not_public(self) -> None:
        self.world.publish("loop.example", "127.0.0.1")
        for place in (
            "127.0.0.1:22",
            "127.0.0.1",
            "[::1]:5269",
            "[::ffff:10.0.0.1]:5269",
            "10.0.0.1:80",
            "169.254.169.254:80",
            "[fe80::1]:5269",
            "0.0.0.0:5269",
            "localhost:5269",
            "loop.example",
            "xmpp.loop.example:5269",
        ):
            self.assertEqual(self.sent_to(place), [(ADDRESSES[MONTAGUE], 5269)], place)
            self.assertEqual(self.bounced("p")[0], "remote-server-not-found", place)
            self.world.passes(2000)

    def test_what_is_no_place(self) -> None:
        for place in ("", " ", "a b", "x" * 2000, "host:0", "host:99999", "::1", "@"):
            self.assertEqual(self.sent_to(place), [(ADDRESSES[MONTAGUE], 5269)], place)
            self.assertEqual(self.bounced("p")[0], "remote-server-timeout", place)
            self.world.passes(2000)

    def test_round_and_round(self) -> None:
        places = [ADDRESSES[MONTAGUE], MONTAGUE, f"{ADDRESSES[MONTAGUE]}:5269", MONTAGUE]
        self.assertEqual(len(self.sent_to(*places)), 4)
        self.assertEqual(self.bounced("p")[0], "remote-server-timeout")

    def test_once_the_stream_is_in_use(self) -> None:
        """Then it is an end like others, and the next stream is made where the DNS says."""
        self.sends(message())
        peer = self.ready()
        peer.receives(sent())
        peer.sends(elsewhere("203.0.113.66:1") + CLOSE)
        self.sends(message("2"))
        self.world.passes(4)
        self.ready()
        self.called().receives(sent("2"))
        self.assertEqual({ip for ip, _ in self.world.network.asked}, {ADDRESSES[MONTAGUE]})


class PlacedTests(OutgoingCase):
    """An operator has said where the domain is."""

    settings: ClassVar[dict[str, Any]] = {
        "domains": (RemoteConfig(MONTAGUE, host="127.0.0.1", port=7000),),
    }

    def setUp(self) -> None:
        super().setUp()
        self.world.network.listening["127.0.0.1", 7000] = self.place

    def test_an_own_address_may_be_named(self) -> None:
        self.sends(message())
        self.ready()
        self.called().receives(sent())
        self.assertEqual(self.world.network.asked, [("127.0.0.1", 7000)])

    def test_nobody_sends_us_elsewhere(self) -> None:
        for place in ("127.0.0.1:22", HOST, "evil.example"):
            self.sends(ping())
            self.called().sends(header(), elsewhere(place) + CLOSE)
            self.assertEqual(self.bounced("p")[0], "remote-server-timeout")
            self.world.passes(2000)
        self.assertEqual(set(self.world.network.asked), {("127.0.0.1", 7000)})


class UnprovenTests(OutgoingCase):
    """Nothing has to be proven to us, so there is less that may be believed."""

    settings: ClassVar[dict[str, Any]] = OPEN

    def test_only_the_domain_itself_sends_us_elsewhere(self) -> None:
        self.sends(ping())
        self.called().sends(header(), elsewhere(HOST) + CLOSE)
        self.assertEqual(self.bounced("p")[0], "remote-server-timeout")
        self.assertEqual(len(self.world.network.asked), 1)

    def test_nobody_unproven_sends_over_our_stream(self) -> None:
        """Bidirectional streams are for those who have proven themselves (XEP-0288)."""
        self.show("other.example")
        self.sends(message())
        peer = self.secured(EXTERNAL, BIDI)
        peer.receives(AUTH)
        peer.sends(f"<success xmlns='{SASL}'/>", header(), features())
        peer.receives(sent())
        peer.sends(f"<message from='{ROMEO}' to='{JULIET}'><body>Hello</body></message>")
        peer.receives(stream_error("invalid-from"))
        self.juliet.receives()


class BothWaysTests(OutgoingCase):
    """What comes over a stream that we have made (XEP-0288)."""

    def bidi(self) -> Peer:
        self.sends(message())
        peer = self.secured(EXTERNAL, BIDI)
        peer.receives("<bidi xmlns='urn:xmpp:bidi'/>", AUTH)
        peer.sends(f"<success xmlns='{SASL}'/>", header(), features())
        peer.receives(sent())
        return peer

    def test_the_other_way(self) -> None:
        peer = self.bidi()
        peer.sends(f"<message from='{ROMEO}' to='{JULIET}' id='r'><body>Hello</body></message>")
        self.juliet.receives(
            f"<message from='{ROMEO}' to='{JULIET}' id='r'><body>Hello</body></message>"
        )

    def test_nobody_else(self) -> None:
        for from_, to, condition in (
            (f"romeo@sub.{MONTAGUE}", JULIET, "invalid-from"),
            (JULIET, JULIET, "invalid-from"),
            (JULIET, ROMEO, "invalid-from"),
            (ROMEO, "x@other.example", "host-unknown"),
            (ROMEO, ROMEO, "host-unknown"),
        ):
            peer = self.bidi()
            peer.sends(f"<message from='{from_}' to='{to}'><body>Hello</body></message>")
            peer.receives(stream_error(condition))
            peer.sends(CLOSE)
            self.world.passes(1000)
        self.juliet.receives()

    def test_no_more_pairs(self) -> None:
        """Whoever wants to send for more domains makes a stream of its own."""
        peer = self.bidi()
        peer.sends(f"<db:result from='other.example' to='{CAPULET}'>key</db:result>")
        (said,) = peer.takes()
        self.assertEqual(
            dict(said.attrib), {"from": CAPULET, "to": "other.example", "type": "error"}
        )
        for answered in (
            f"<db:result from='{MONTAGUE}' to='{CAPULET}' type='valid'/>",
            f"<db:verify from='{MONTAGUE}' to='{CAPULET}' id='1'>key</db:verify>",
            "<x xmlns='urn:x'/>",
            "<stream:features/><!-- -->",
        ):
            peer.sends(answered)
            condition = peer.takes()[0][0].tag.rpartition("}")[2]
            self.assertIn(
                condition, ("policy-violation", "unsupported-stanza-type", "restricted-xml")
            )
            peer.sends(CLOSE)
            self.world.passes(1000)
            peer = self.bidi()


class HalfOpenTests(OutgoingCase):
    """TLS need not be, but the other side has to prove itself, which it cannot without."""

    settings: ClassVar[dict[str, Any]] = {"require_tls": False}

    def test_no_tls_on_offer(self) -> None:
        self.sends(ping())
        peer = self.called()
        peer.sends(header(), features(DIALBACK))
        peer.receives(STARTTLS)
        peer.sends(f"<failure xmlns='{TLS}'/>")
        condition, text = self.bounced("p")
        self.assertEqual(condition, "remote-server-timeout")
        self.assertIn("cannot prove who it is", text)
        self.assertTrue(peer.reader.ended)

    def test_tls_on_offer(self) -> None:
        self.sends(message())
        self.ready()
        self.called().receives(sent())

    def test_no_features(self) -> None:
        self.sends(ping())
        self.called().sends(header(), "<x xmlns='urn:x'/>")
        condition, text = self.bounced("p")
        self.assertEqual(condition, "remote-server-timeout")
        self.assertIn("stream features", text)
