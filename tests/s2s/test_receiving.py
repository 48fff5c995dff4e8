"""What a dialback key and certificates prove together (XEP-0220 2.1.2, RFC 6120 13.7.2)."""

from typing import Any, ClassVar

from twisted.logger import capturedLogs, formatEvent

from tests.c2s.texts import PROCEED, STARTTLS, TLS
from tests.s2s.test_incoming import DIALBACK, DialbackCase, answer, features, message, result
from tests.s2s.world import ADDRESSES, CAPULET, MONTAGUE, Peer, certificate, opening, service
from xmppd.net.tls import ServerContexts, tls_facts
from xmppd.s2s.pairs import Proof
from xmppd.s2s.telling import MOST
from xmppd.server.config import RemoteConfig
from xmppd.server.server_commands import ServerCommands

OTHER = "other.example"


def header() -> str:
    """Return the header of the server that is asked."""
    return opening(CAPULET, MONTAGUE, "version='1.0' id='s'")


class ReceivingCase(DialbackCase):
    """Somebody shows a key, and the domain's own server is asked about it."""

    def asking(self, stream: str, home: str) -> Peer:
        """Have a key shown on a stream with that certificate, "" for none; home has another."""
        identity = certificate(home).identity()
        self.contexts = ServerContexts({MONTAGUE: identity}, MONTAGUE, (), True)
        peer = self.secured(certificate(stream) if stream else None)
        peer.takes()
        peer.sends(result("k3y"))
        peer.receives()
        return peer

    def proof(self) -> str:
        """Return how the only pair there is was proven."""
        (row,) = ServerCommands(self.server.servers).show()
        return row.proof

    def hangs_up(self, peer: Peer) -> None:
        peer.transport.abortConnection()
        self.world.turn()

    def called(self) -> Peer:
        """Return the domain's own server."""
        return self.place.peers[-1]


class CertificateTests(ReceivingCase):
    """One of the two has to be valid, and the key has to be right."""

    def test_a_valid_one_on_either(self) -> None:
        for stream, home in ((MONTAGUE, MONTAGUE), (MONTAGUE, OTHER), (OTHER, MONTAGUE)):
            peer = self.asking(stream, home)
            self.judges()
            peer.receives(answer("valid"))
            self.assertEqual(self.proof(), Proof.DIALBACK_CERTIFICATE.value)
            peer.sends(message())
            self.assertEqual(len(self.heard()), 1)
            self.hangs_up(peer)

    def test_a_wrong_key(self) -> None:
        """A certificate does not make up for it."""
        for stream, home in ((MONTAGUE, MONTAGUE), (MONTAGUE, OTHER), ("", MONTAGUE)):
            peer = self.asking(stream, home)
            self.judges("invalid")
            peer.receives(answer("invalid"))
            self.assertTrue(peer.reader.ended)
            peer.sends(message())
            self.assertEqual(self.heard(), [])

    def test_no_valid_one(self) -> None:
        for stream in ("", OTHER):
            peer = self.asking(stream, OTHER)
            home = self.called()
            home.sends(header(), features(f"<starttls xmlns='{TLS}'/>"))
            home.takes()
            home.begin_tls(self.contexts.creator(), PROCEED)
            peer.receives(answer("error", error="not-authorized"))
            self.assertEqual(home.takes(), [])
            self.assertIsNotNone(home.lost)

    def test_nobody_there(self) -> None:
        """It is asked all the same."""
        del self.world.network.listening[ADDRESSES[MONTAGUE], 5269]
        peer = self.secured(certificate(MONTAGUE))
        peer.takes()
        peer.sends(result("k3y"))
        peer.receives(answer("error", error="remote-connection-failed"))

    def test_who_shows_a_key_is_not_told_what_was_found(self) -> None:
        """Strangers could have us look for names, addresses and ports for them."""
        del self.world.network.listening[ADDRESSES[MONTAGUE], 5269]
        peer = self.secured()
        peer.takes()
        with capturedLogs() as events:
            peer.sends(result("k3y"))
        (answered,) = peer.takes()
        (text,) = (each.text for each in answered.iter() if each.tag.endswith("}text"))
        self.assertEqual(text, f"{MONTAGUE} could not be asked about the key")
        told = [str(formatEvent(event)) for event in events]
        self.assertTrue(any("port 5269 refused" in each for each in told), told)

    def test_not_all_of_it_is_told(self) -> None:
        """A failure costs a few bytes, and could fill the disk with our log."""
        del self.world.network.listening[ADDRESSES[MONTAGUE], 5269]
        with capturedLogs() as events:
            for _ in range(3):
                peer = self.secured()
                peer.takes()
                for _ in range(MOST // 2):
                    peer.sends(result("k3y"))
                    self.assertEqual(len(peer.takes()), 1)
                self.hangs_up(peer)
        told = [str(formatEvent(event)) for event in events]
        self.assertEqual(len([each for each in told if "is not proven" in each]), MOST)
        self.assertEqual(len([each for each in told if "there is more" in each]), 1)

    def test_encryption_is_needed_all_the_same(self) -> None:
        peer = self.asking(MONTAGUE, MONTAGUE)
        self.called().sends(header(), features(DIALBACK), f"<failure xmlns='{TLS}'/>")
        peer.receives(answer("error", error="remote-connection-failed"))

    def test_who_has_proven_nothing_sends_us_nowhere(self) -> None:
        """Where the server that is asked need not prove itself, it does not say where to go on."""
        peer = self.asking(MONTAGUE, OTHER)
        self.called().sends(
            header(),
            "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>"
            "203.0.113.66</see-other-host></stream:error>",
        )
        peer.receives(answer("error", error="remote-server-timeout"))
        self.assertEqual(self.world.network.asked, [(ADDRESSES[MONTAGUE], 5269)])


class LaxTests(ReceivingCase):
    """Certificates are not asked for, and make a proof better all the same."""

    settings: ClassVar[dict[str, Any]] = {
        "domains": (RemoteConfig(MONTAGUE, require_valid_certificate=False),),
    }

    def test_proofs(self) -> None:
        for stream, home, proof in (
            ("", OTHER, Proof.DIALBACK),
            (OTHER, OTHER, Proof.DIALBACK),
            ("", MONTAGUE, Proof.DIALBACK_CERTIFICATE),
            (MONTAGUE, OTHER, Proof.DIALBACK_CERTIFICATE),
        ):
            peer = self.asking(stream, home)
            self.judges()
            peer.receives(answer("valid"))
            self.assertEqual(self.proof(), proof.value)
            self.hangs_up(peer)


class VerifyingTests(ReceivingCase):
    """Servers that cannot stand our certificate (RFC 6120 5.3.4)."""

    def chokes(self) -> None:
        """Go as far as TLS, and hang up."""
        home = self.called()
        home.sends(header(), features(f"<starttls xmlns='{TLS}'/>"))
        home.receives(STARTTLS)
        self.patch(home, "dataReceived", lambda data: None)
        home.sends(PROCEED)
        self.hangs_up(home)

    def test_asked_once_more_without_and_at_once_the_next_time(self) -> None:
        for calls in (2, 1):
            before = len(self.place.peers)
            peer = self.asking("", MONTAGUE)
            if calls == 2:
                self.chokes()
            self.judges()
            facts = tls_facts(self.called().transport)
            assert facts is not None
            self.assertEqual(facts.peer_chain, ())
            peer.receives(answer("valid"))
            self.assertEqual(len(self.place.peers) - before, calls)
            self.hangs_up(peer)

    def test_no_third_time(self) -> None:
        peer = self.asking("", MONTAGUE)
        self.chokes()
        self.chokes()
        peer.receives(answer("error", error="remote-connection-failed"))
        self.assertEqual(len(self.place.peers), 2)
        self.assertEqual(service(self.server).dialler._without, {})
