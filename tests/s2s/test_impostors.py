"""Who pretends to be another server, or to have been proven to be one (XEP-0220 3, RFC 6120 13)."""

from base64 import b64encode
from typing import Any, ClassVar

from zope.interface import implementer

from tests.c2s.texts import CLOSE, PROCEED, SASL, STARTTLS, stream_error
from tests.net import pairs
from tests.s2s.test_incoming import (
    BIDI,
    DIALBACK,
    EXTERNAL,
    REQUIRED,
    SUCCESS,
    DialbackCase,
    IncomingCase,
    answer,
    auth,
    failure,
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
    service,
)
from xmppd.api.network import SrvRecord
from xmppd.api.router import IDomain
from xmppd.s2s.dialback import make_key
from xmppd.s2s.external import TRIES
from xmppd.s2s.verifying import PLACES
from xmppd.stanza.stanza import Stanza

EVIL = "evil.example"
BIDI_ELEMENT = "<bidi xmlns='urn:xmpp:bidi'/>"


class DialbackSpoofingTests(DialbackCase):
    """The attacker has a domain and keys of its own, and says that it is Montague's."""

    def asking(self, *keys: str) -> Peer:
        peer = self.secured()
        peer.takes()
        peer.sends(*(result(key) for key in keys))
        return peer

    def test_the_real_server_is_asked(self) -> None:
        """The key may be right by the attacker's secret; whose it is, the DNS says."""
        peer = self.secured(certificate(EVIL), MONTAGUE, DIALBACK, BIDI)
        peer.sends(result(make_key(b"the attacker's", CAPULET, MONTAGUE, peer.id)))
        self.assertEqual(self.world.network.asked, [(ADDRESSES[MONTAGUE], 5269)])
        home, question = self.asked()
        home.sends(self.verdict(question, "invalid"))
        peer.receives(answer("invalid"))
        peer.sends(message())
        self.assertEqual(self.heard(), [])

    def test_the_answer_comes_over_no_stream_of_the_attacker(self) -> None:
        """It answers for the real one: on its own stream, and on another one."""
        peer = self.asking("k3y")
        home, question = self.asked()
        other = connect(self.world)
        other.sends(opening(from_=EVIL))
        other.takes()
        for attacker in (peer, other):
            attacker.sends(self.verdict(question, "valid"))
            self.fails(attacker, "policy-violation")
        home.sends(self.verdict(question, "valid"))
        peer.receives()
        self.assertEqual(self.heard(), [])

    def test_a_key_of_another_stream(self) -> None:
        """Each question bears the id of the stream its key came over, and each id is new."""
        ids = []
        for _ in range(3):
            peer = self.asking("k3y")
            home, question = self.asked()
            ids.append(question.get("id"))
            self.assertEqual(question.get("id"), peer.id)
            home.sends(self.verdict(question, "invalid"))
            peer.receives(answer("invalid"))
        self.assertEqual(len(set(ids)), 3)

    def test_an_id_is_new_for_each_header(self) -> None:
        """Who has been given an id in clear cannot use it under TLS, nor before SASL behind it."""
        peer = connect(self.world)
        ids = []
        peer.sends(opening())
        ids.append(peer.id)
        peer.sends(STARTTLS)
        peer.begin_tls(pairs.Client(shows=certificate(MONTAGUE)))
        peer.sends(opening())
        ids.append(peer.id)
        peer.sends(auth(), opening())
        ids.append(peer.id)
        self.assertEqual(len(set(ids)), 3)

    def test_the_id_the_attacker_says(self) -> None:
        """An id in the other side's header means nothing."""
        peer = connect(self.world)
        peer.sends(opening(more="version='1.0' id='mine'"))
        self.assertNotEqual(peer.id, "mine")

    def test_another_local_domain(self) -> None:
        """A pair is proven as it was asked for: not turned round, and for no other domain."""
        peer = self.asking("k3y")
        home, question = self.asked()
        home.sends(
            self.verdict(question, "valid", from_=question.get("from"), to=question.get("to"))
        )
        peer.receives(answer("error", error="remote-server-timeout"))
        peer.sends(message())
        self.fails(peer, "not-authorized")
        self.assertEqual(self.heard(), [])

    def test_domains_that_are_ours(self) -> None:
        for domain in (CAPULET, CAPULET.upper()):
            peer = self.secured()
            peer.takes()
            peer.sends(result("k", from_=domain))
            self.fails(peer, "invalid-from")
        self.assertEqual(self.world.network.asked, [])

    def test_a_pair_twice_at_once(self) -> None:
        peer = self.asking("k3y", "other")
        peer.receives(answer("error", error="resource-constraint"))
        self.assertEqual(len(self.place.peers), 1)

    def test_only_so_many_questions_to_one_domain(self) -> None:
        """Many streams together cannot have us bother a domain with more than that."""
        askers = [self.asking("k3y") for _ in range(5)]
        self.assertEqual(len(self.place.peers), 4)
        for peer in askers[:4]:
            peer.receives()
        askers[4].receives(answer("error", error="resource-constraint"))
        for peer in askers:
            peer.transport.abortConnection()
        self.world.turn()
        self.asking("k3y").receives()


class ManyQuestionsTests(DialbackCase):
    """Few questions may be asked at a time."""

    settings: ClassVar[dict[str, Any]] = {"verifications": 16}

    def test_one_network_leaves_others_their_questions(self) -> None:
        """Whoever shows keys for domains that do not answer uses up a share, and not all."""
        self.world.network.silent.add("203.0.113.8")
        came: list[Any] = []
        for stream in range(3):
            peer = self.secured()
            peer.takes()
            for number in range(8):
                domain = f"d{stream}-{number}.example"
                self.world.publish(domain, "203.0.113.8")
                peer.sends(result("k", domain))
            came += peer.takes()
        self.assertEqual([each.get("type") for each in came], ["error"] * 20)
        other = connect(self.world, address="192.0.2.7")
        other.sends(opening(), STARTTLS)
        other.begin_tls(pairs.Client())
        other.sends(opening())
        other.takes()
        other.sends(result("k3y"))
        other.receives()
        self.assertEqual(len(self.place.peers), 1)
        self.world.passes(29)
        self.assertEqual(len(service(self.server)._verifier), 5)
        self.world.passes(1)
        self.assertEqual(len(service(self.server)._verifier), 0)

    def test_one_owner_leaves_others_their_questions(self) -> None:
        """Names below one that is theirs cost nothing, and keys for them may come from anywhere."""
        self.world.network.silent.add("203.0.113.8")
        came: list[tuple[str | None, str | None]] = []
        for number, name in enumerate([*(f"d{each}.evil.example" for each in range(6)), MONTAGUE]):
            peer = connect(self.world, address=f"192.0.{number}.7")
            peer.sends(opening(), STARTTLS)
            peer.begin_tls(pairs.Client())
            peer.sends(opening())
            peer.takes()
            if name != MONTAGUE:
                self.world.publish(name, "203.0.113.8")
            peer.sends(result("k", name))
            came += [(each.get("from"), each.get("type")) for each in peer.takes()]
        self.assertEqual(came, [(CAPULET, "error")] * 2)
        self.assertEqual(len(self.place.peers), 1)

    def test_a_server_that_says_nothing(self) -> None:
        """It has so long for all of it, and no longer, however alive its connection is."""
        peer = self.secured()
        peer.takes()
        peer.sends(result("k3y"))
        (home,) = self.place.peers
        self.world.passes(29)
        peer.receives()
        self.assertTrue(home.transport.connected)
        self.world.passes(1)
        peer.receives(answer("error", error="remote-server-timeout"))
        self.world.passes(6)
        self.assertFalse(home.transport.connected)
        self.assertEqual(len(service(self.server)._verifier), 0)

    def test_only_so_many_places(self) -> None:
        """Whoever has a domain asked may choose how many places it names."""
        records = [SrvRecord(1, 1, number, "hosts.example") for number in range(1, 10)]
        self.world.resolver.services[f"_xmpp-server._tcp.{EVIL}"] = records
        self.world.resolver.hosts["hosts.example"] = ["203.0.113.8"]
        self.world.network.silent.add("203.0.113.8")
        peer = self.secured()
        peer.takes()
        peer.sends(result("k", EVIL))
        self.world.passes(30)
        peer.receives(answer("error", to=EVIL, error="remote-server-timeout"))
        self.assertEqual(len(set(self.world.network.asked)), PLACES)


class ExternalSpoofingTests(IncomingCase):
    """EXTERNAL for another domain than the certificate's, and TLS that is not what it seems."""

    def test_certificates_that_almost_fit(self) -> None:
        """No EXTERNAL is offered, and none is taken."""
        for names in (
            (f"xmpp.{MONTAGUE}",),
            (f"*.{MONTAGUE}",),
            ("*.example",),
            ("*",),
            (f"{MONTAGUE}.{EVIL}",),
            (f"{MONTAGUE}*",),
        ):
            peer = self.secured(certificate(*names), MONTAGUE, DIALBACK, BIDI)
            peer.sends(auth(b64encode(MONTAGUE.encode()).decode()))
            peer.receives(failure("not-authorized"))
            peer.sends(message())
            self.fails(peer, "not-authorized")
        self.assertEqual(self.heard(), [])

    def test_another_domain_of_the_certificate(self) -> None:
        """It may be in the certificate: what counts is who the header says it is."""
        peer = self.secured(certificate(EVIL, MONTAGUE), EVIL, EXTERNAL, DIALBACK, BIDI)
        peer.sends(auth(b64encode(MONTAGUE.encode()).decode()))
        peer.receives(failure("invalid-authzid"))

    def test_the_local_domain_is_swapped_behind_sasl(self) -> None:
        self.world.servers[CAPULET].router.add("second.example", _Nobody())
        peer = self.secured(certificate(MONTAGUE))
        peer.takes()
        peer.sends(auth())
        peer.receives(SUCCESS)
        peer.sends(opening(to="second.example"))
        self.fails(peer, "invalid-from")

    def test_a_pair_counts_for_its_own_local_domain(self) -> None:
        self.world.servers[CAPULET].router.add("second.example", _Nobody())
        peer = self.logged_in()
        peer.sends(message(to="x@second.example"))
        self.fails(peer, "host-unknown")

    def test_stanzas_between_success_and_header(self) -> None:
        """They belong to no stream."""
        peer = self.secured(certificate(MONTAGUE))
        peer.takes()
        peer.sends(auth() + message())
        came = peer.takes()
        self.assertEqual(came[0].tag, f"{{{SASL}}}success")
        self.assertTrue(peer.reader.ended)
        self.assertEqual(self.heard(), [])

    def test_all_at_once(self) -> None:
        """Who does not wait for answers is understood, one element after the other."""
        peer = self.secured(certificate(MONTAGUE))
        peer.takes()
        peer.sends(auth() + opening() + message())
        self.assertEqual(len(self.heard()), 1)

    def test_tries_are_counted(self) -> None:
        peer = self.secured(certificate(MONTAGUE))
        peer.takes()
        for _ in range(TRIES - 1):
            peer.sends(auth("!"))
            peer.receives(failure("incorrect-encoding"))
        peer.sends(auth("!"))
        peer.receives(failure("incorrect-encoding"), stream_error("policy-violation"))

    def test_what_came_in_clear_behind_starttls(self) -> None:
        """It is nobody's: an attacker may have put it there (RFC 6120 5.4.3.3)."""
        for injected in (message(), auth(), "<", "</stream:stream>", opening() + BIDI_ELEMENT):
            peer = connect(self.world)
            peer.sends(opening())
            peer.receives(REQUIRED)
            peer.sends(STARTTLS + injected)
            peer.receives(PROCEED)
            peer.begin_tls(pairs.Client(shows=certificate(MONTAGUE)))
            peer.sends(opening())
            peer.receives(features(EXTERNAL, DIALBACK, BIDI))
        self.assertEqual(self.heard(), [])

    def test_what_is_no_tls_behind_starttls(self) -> None:
        peer = connect(self.world)
        peer.sends(opening())
        peer.takes()
        peer.sends(STARTTLS)
        peer.receives(PROCEED)
        peer.sends(opening() + message())
        self.world.passes(6)
        self.assertIsNotNone(peer.lost)
        self.assertEqual(len(service(self.server)), 0)
        self.assertEqual(self.heard(), [])

    def test_what_is_written_together_with_proceed(self) -> None:
        """Nothing of ours leaves in clear behind it."""
        peer = connect(self.world)
        peer.sends(opening())
        before = len(peer.raw)
        peer.sends(STARTTLS)
        self.assertTrue(peer.raw[before:].endswith(b"/>"), peer.raw[before:])
        self.assertEqual(len(peer.takes()), 2)


@implementer(IDomain)
class _Nobody:
    """A domain that takes everything and says nothing."""

    def receive(self, stanza: Stanza) -> None:
        pass


class StreamErrorTests(IncomingCase):
    """What is no XMPP, or not the XMPP that is meant here (RFC 6120 4.9.3, 11)."""

    def test_at_any_time(self) -> None:
        for sent, condition in (
            ("<?php ?>", "restricted-xml"),
            ("<!-- -->", "restricted-xml"),
            ("<message>&amp;&unknown;</message>", "restricted-xml"),
            ("<message><body></message>", "not-well-formed"),
            ("<x:message/>", "not-well-formed"),
            ("text", "bad-format"),
            ("<message xmlns='jabber:client'/>", "invalid-namespace"),
            ("<stream:other/>", "unsupported-stanza-type"),
            ("<presence xmlns='urn:x'/>", "unsupported-stanza-type"),
            ("<message" + " a='b'" * 2 + "/>", "not-well-formed"),
        ):
            peer = self.logged_in()
            peer.sends(sent)
            self.fails(peer, condition)
        self.assertEqual(self.heard(), [])

    def test_encodings(self) -> None:
        for said in (opening().encode("utf-16"), b"<?xml version='1.0' encoding='latin-1'?>"):
            peer = connect(self.world)
            peer.transport.write(said)
            self.world.turn()
            self.fails(peer, "unsupported-encoding")

    def test_errors_of_the_other_side(self) -> None:
        """It is we who close then (RFC 6120 4.9.1.1); nothing is said against it."""
        peer = self.logged_in()
        peer.sends(stream_error("system-shutdown"))
        peer.receives()
        self.assertTrue(peer.reader.ended)
        peer.sends(CLOSE)
        self.world.passes(6)
        self.assertIsNotNone(peer.lost)

    def test_nothing_counts_behind_the_end(self) -> None:
        peer = self.logged_in()
        peer.sends(CLOSE + message())
        self.assertEqual(self.heard(), [])
        self.assertTrue(peer.reader.ended)
