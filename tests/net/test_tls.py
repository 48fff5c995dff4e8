"""Tests of xmppd.net.tls, with real handshakes."""

import gc
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from weakref import ref

from cryptography.hazmat.primitives.asymmetric import ed25519
from OpenSSL import SSL
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.net.pairs import VERSIONS, Client, Pair, join
from tests.net.pki import Issued, Order, authority, issue, rsa_key, server
from xmppd.net import tls
from xmppd.net.certificates import CertificateError
from xmppd.net.tls import CIPHERS_TLS12, ServerContexts, tls_facts

A, B = server("a.example"), server("b.example")
BOTH = {"a.example": A, "b.example": B}


def contexts(
    shown: Mapping[str, Issued] = BOTH, default: str = "a.example", **options: object
) -> ServerContexts:
    identities = {host: issued.identity() for host, issued in shown.items()}
    return ServerContexts(identities, default, **options)  # type: ignore[arg-type]


class ServerNameTests(SynchronousTestCase):
    """Which certificate is shown to whom."""

    def test_direct(self) -> None:
        for name, shown, fact in (
            (b"", A, ""),
            (b"a.example", A, "a.example"),
            (b"b.example", B, "b.example"),
            (b"B.Example.", B, "b.example"),
            (b"c.example", A, "c.example"),
            (b"sub.b.example", A, "sub.b.example"),
            (b"b\xc3\xbc.example", A, "b\ufffd\ufffd.example"),
        ):
            for version in VERSIONS:
                pair = join(contexts().creator(), Client(server_name=name, highest=version))
                self.assertTrue(pair.complete, name)
                self.assertEqual(pair.tls.shown, shown.der, name)
                self.assertEqual(pair.facts.server_name, fact)

    def test_starttls_goes_by_the_stream_unless_told_by_tls(self) -> None:
        for host, name, shown in (
            ("", b"", A),
            ("b.example", b"", B),
            ("b.example", b"a.example", A),
            ("b.example", b"c.example", B),
            ("c.example", b"", A),
            ("c.example", b"b.example", B),
        ):
            pair = join(contexts().creator(host), Client(server_name=name))
            self.assertTrue(pair.complete)
            self.assertEqual(pair.tls.shown, shown.der, (host, name))

    def test_one_certificate_for_many_hosts(self) -> None:
        identity = server("a.example", "b.example").identity()
        made = ServerContexts(dict.fromkeys(BOTH, identity), "a.example")
        hosts = ("a.example", "b.example")
        one, other = (made.connection(host).get_context() for host in hosts)
        self.assertIs(one, other)

    def test_intermediates_are_sent(self) -> None:
        middle = issue(Order(subject="middle", authority=True), authority())
        leaf = replace(issue(Order(hosts=["a.example"]), middle), above=(middle.certificate,))
        pair = join(contexts({"a.example": leaf}).creator())
        chain = pair.tls.connection.get_peer_cert_chain() or []
        found = tuple(one.to_cryptography() for one in chain)
        self.assertEqual(found, (leaf.certificate, middle.certificate))

    def test_failure_refuses_the_connection_and_is_logged(self) -> None:
        made = contexts()
        self.patch(tls, "_host", lambda name: [][0])
        for version in VERSIONS:
            pair = join(made.creator(), Client(server_name=b"a.example", highest=version))
            self.assertFalse(pair.client.shaken)
            self.assertIn("handshake failure", pair.refusal())
            self.assertIsNotNone(pair.server.lost)
            self.assertEqual(len(self.flushLoggedErrors(IndexError)), 1)


class AlpnTests(SynchronousTestCase):
    """RFC 7301 section 3.2 and XEP-0368."""

    def test_direct(self) -> None:
        served = ("xmpp-client", "xmpp-alt")
        for offered, chosen in (
            ((), ""),
            ((b"xmpp-client",), "xmpp-client"),
            ((b"h2", b"xmpp-alt"), "xmpp-alt"),
            ((b"xmpp-alt", b"h2", b"xmpp-client"), "xmpp-client"),
        ):
            for name in (b"", b"b.example"):
                client = Client(protocols=offered, server_name=name)
                pair = join(contexts(protocols=served).creator(), client)
                self.assertTrue(pair.complete, offered)
                self.assertEqual(pair.facts.alpn, chosen)
                negotiated = client.connection.get_alpn_proto_negotiated()
                self.assertEqual(negotiated, chosen.encode())

    def test_only_foreign(self) -> None:
        for offered in ((b"h2",), (b"xmpp-server",), (b"XMPP-CLIENT", b"http/1.1")):
            for version in VERSIONS:
                for name in (b"", b"b.example"):
                    client = Client(protocols=offered, highest=version, server_name=name)
                    pair = join(contexts(protocols=["xmpp-client"]).creator(), client)
                    self.assertFalse(pair.client.shaken, offered)
                    self.assertIn("alert no application protocol", pair.refusal())

    def test_ignored_on_starttls(self) -> None:
        for offered in ((b"h2",), (b"xmpp-client",)):
            pair = join(contexts().creator("b.example"), Client(protocols=offered))
            self.assertTrue(pair.complete)
            self.assertEqual(pair.facts.alpn, "")

    def test_failure_refuses_the_connection_and_is_logged(self) -> None:
        self.patch(ServerContexts, "_pick", lambda contexts, offered: [][0])
        made = contexts(protocols=["xmpp-client"])
        pair = join(made.creator(), Client(protocols=[b"xmpp-client"]))
        self.assertIn("alert no application protocol", pair.refusal())
        self.assertEqual(len(self.flushLoggedErrors(IndexError)), 1)


class PolicyTests(SynchronousTestCase):
    """RFC 9325."""

    def test_versions(self) -> None:
        for version, name in zip(VERSIONS, ("TLSv1.2", "TLSv1.3"), strict=True):
            pair = join(contexts().creator(), Client(highest=version))
            self.assertTrue(pair.complete)
            self.assertEqual(pair.facts.version, name)

    def test_old_versions_are_refused(self) -> None:
        for version in (SSL.TLS1_VERSION, SSL.TLS1_1_VERSION):
            client = Client(lowest=SSL.TLS1_VERSION, highest=version, ciphers=b"ALL@SECLEVEL=0")
            pair = join(contexts().creator(), client)
            self.assertFalse(pair.client.shaken)
            self.assertIn("alert protocol version", pair.refusal())

    def test_old_ciphers_are_refused(self) -> None:
        for cipher in (
            b"ECDHE-RSA-AES256-SHA384",
            b"AES256-GCM-SHA384",
            b"DHE-RSA-AES256-GCM-SHA384",
        ):
            shown = {"a.example": issue(Order(hosts=["a.example"], key=rsa_key()))}
            client = Client(highest=SSL.TLS1_2_VERSION, ciphers=cipher + b"@SECLEVEL=0")
            pair = join(contexts(shown).creator(), client)
            self.assertFalse(pair.client.shaken, cipher)
            self.assertIn("handshake failure", pair.refusal())

    def test_our_order_counts(self) -> None:
        for kind, key in (("ECDSA", None), ("RSA", rsa_key())):
            order = Order(hosts=["a.example"])
            shown = {"a.example": issue(replace(order, key=key) if key else order)}
            ours = [name for name in CIPHERS_TLS12 if f"-{kind}-" in name]
            self.assertEqual(len(ours), 3)
            theirs = ":".join(reversed(ours)).encode() + b"@SECLEVEL=0"
            client = Client(highest=SSL.TLS1_2_VERSION, ciphers=theirs)
            self.assertEqual(join(contexts(shown).creator(), client).facts.cipher, ours[0])

    def test_settings(self) -> None:
        """What no handshake with a current OpenSSL would show."""
        made = contexts(request_certificates=True)
        unused: list[Any] = list(made._by_host.values())
        for context in unused:
            options = context.set_options(0)
            for bit in (SSL.OP_NO_COMPRESSION, SSL.OP_NO_TICKET, 1 << 30):
                self.assertTrue(options & bit, hex(bit))
            self.assertTrue(context.set_mode(0) & SSL.MODE_RELEASE_BUFFERS)
            self.assertEqual(context.get_verify_depth(), 8)

    def test_kinds_of_keys(self) -> None:
        for key in (rsa_key(), ed25519.Ed25519PrivateKey.generate()):
            shown = {"a.example": issue(Order(hosts=["a.example"], key=key))}
            for version in VERSIONS:
                pair = join(contexts(shown).creator(), Client(highest=version))
                self.assertTrue(pair.complete)

    def resumes(self, made: ServerContexts, version: int) -> bool:
        """Tell whether a client that keeps its session is spared the certificate."""
        first = Client(highest=version)
        join(made.creator(), first).exchange(self.assertEqual)
        seen = first.verified
        self.assertTrue(seen)
        session = first.connection.get_session()
        again = Client(context=first.context, session=session)
        self.assertTrue(join(made.creator(), again).complete)
        return first.verified == seen

    def test_no_resumption(self) -> None:
        for version in VERSIONS:
            for request in (False, True):
                self.assertFalse(self.resumes(contexts(request_certificates=request), version))

    def test_resumption_would_be_seen(self) -> None:
        """The test above looks in the right place: OpenSSL by itself does resume."""
        self.patch(tls, "_OPTIONS", 0)
        self.patch(SSL.Context, "set_session_cache_mode", lambda context, mode: None)
        for version in VERSIONS:
            self.assertTrue(self.resumes(contexts(), version))

    def test_no_renegotiation(self) -> None:
        for name in (b"", b"b.example"):
            client = Client(highest=SSL.TLS1_2_VERSION, server_name=name)
            pair = join(contexts().creator(), client)
            pair.exchange(self.assertEqual)
            self.renegotiate(pair)
            self.assertTrue(pair.pump.serverIO.disconnecting)
            pair.pump.flush()
            self.assertIsNotNone(pair.server.lost)
            self.assertEqual(pair.server.received, b"")

    def renegotiate(self, pair: Pair) -> None:
        """Let the server read a renegotiation attempt; its answer is not read yet."""
        connection = pair.tls.connection
        self.assertTrue(connection.renegotiate())
        self.assertRaises(SSL.WantReadError, connection.do_handshake)
        pair.pump.serverIO.bufferReceived(connection.bio_read(2**14))

    def test_failure_to_close_is_logged(self) -> None:
        pair = join(contexts().creator(), Client(highest=SSL.TLS1_2_VERSION))
        self.patch(pair.pump.serverIO, "abortConnection", lambda: [][0])
        self.renegotiate(pair)
        self.assertEqual(len(self.flushLoggedErrors(IndexError)), 1)


class ReplaceTests(SynchronousTestCase):
    """Certificates change while the server runs."""

    def test_live_connection_keeps_its_own(self) -> None:
        for version in VERSIONS:
            made = contexts()
            creator = made.creator()
            pair = join(creator, Client(server_name=b"b.example", highest=version))
            before = pair.facts
            fresh = server("b.example")
            made.replace({"b.example": fresh.identity()}, "b.example")
            pair.exchange(self.assertEqual)
            self.assertEqual(pair.facts, before)
            for name in (b"", b"a.example", b"b.example"):
                new = join(creator, Client(server_name=name, highest=version))
                self.assertEqual(new.tls.shown, fresh.der)

    def test_handshake_begun_before(self) -> None:
        made = contexts()
        connection = made.connection("")
        connection.set_accept_state()
        fresh = server("b.example")
        made.replace({"b.example": fresh.identity()}, "b.example")
        client = Client(server_name=b"b.example").connection
        client.set_connect_state()
        self.assertRaises(SSL.WantReadError, client.do_handshake)
        connection.bio_write(client.bio_read(2**14))
        self.assertRaises(SSL.WantReadError, connection.do_handshake)
        shown = connection.get_certificate()
        assert shown is not None
        self.assertEqual(shown.to_cryptography(), fresh.certificate)

    def test_all_or_nothing(self) -> None:
        made = contexts()
        mixed = replace(A.identity(), key=B.key)
        good = server("a.example").identity()
        self.assertRaises(ValueError, made.replace, {"a.example": good}, "c.example")
        self.assertRaises(
            CertificateError, made.replace, {"a.example": good, "b.example": mixed}, "a.example"
        )
        self.assertEqual(join(made.creator()).tls.shown, A.der)

    def test_what_openssl_refuses_is_told(self) -> None:
        mixed = replace(A.identity(), key=B.key)
        error = self.assertRaises(CertificateError, ServerContexts, {"a": mixed}, "a")
        text = str(error)
        self.assertTrue(text.startswith("c.pem: OpenSSL refuses this certificate or its key ("))
        self.assertIn("mismatch", text)

    def test_default_must_be_there(self) -> None:
        self.assertRaises(ValueError, ServerContexts, {}, "a.example")

    def test_old_contexts_are_freed(self) -> None:
        made = contexts()
        old = ref(made.connection("").get_context())
        self.assertIsNotNone(old())
        made.replace({"b.example": B.identity()}, "b.example")
        gc.collect()
        self.assertIsNone(old())


class FactsTests(SynchronousTestCase):
    """tls_facts on transports of all kinds."""

    def test_no_tls(self) -> None:
        self.assertIsNone(tls_facts(StringTransport()))
        self.assertIsNone(tls_facts(None))

    def test_before_and_after(self) -> None:
        made = contexts()
        pair = join(made.creator())
        transport = pair.server.transport
        self.assertIsNotNone(tls_facts(transport))
        pair.client.transport.loseConnection()  # type: ignore[union-attr]
        pair.pump.flush()
        self.assertIsNotNone(pair.server.lost)
        self.assertIsNone(tls_facts(transport))

    def test_during_the_handshake(self) -> None:
        seen = []
        made = contexts()

        def choose(connection: SSL.Connection) -> None:
            seen.append(tls_facts(connection.get_app_data()))

        self.patch(made, "_choose", choose)
        made.replace({"a.example": A.identity()}, "a.example")
        self.assertTrue(join(made.creator()).complete)
        self.assertEqual(seen, [None])

    def test_secrets_stay_out_of_repr(self) -> None:
        shown = repr(join(contexts().creator()).facts)
        self.assertIn("TLS_AES_256_GCM_SHA384", shown)
        self.assertNotIn("bindings", shown)

    def test_no_certificate_is_requested_by_default(self) -> None:
        for version in VERSIONS:
            pair = join(contexts().creator(), Client(shows=B, highest=version))
            self.assertEqual(pair.facts.peer_chain, ())
