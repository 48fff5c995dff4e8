"""Tests of xmppd.net.client_certificates: handshakes never fail, judgement comes afterwards."""

from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path

from cryptography import x509
from twisted.trial.unittest import SynchronousTestCase

from tests.net.pairs import VERSIONS, Client, join
from tests.net.pki import DAY, NOW, Issued, Order, authority, issue, rsa_key, server, xmpp_address
from xmppd.net.certificates import CertificateError
from xmppd.net.client_certificates import ClientTrust, Judged, judge_client_certificate
from xmppd.net.roots import MAX_CHAIN
from xmppd.net.tls import ServerContexts, TlsFacts

JULIET = "juliet@example.org"
SHA256_RSA, SHA1_RSA = (bytes.fromhex(f"2a864886f70d0101{last}") for last in ("0b", "05"))


def order(**changes: object) -> Order:
    return replace(Order(others=[xmpp_address(JULIET)]), **changes)  # type: ignore[arg-type]


def good() -> Issued:
    return issue(order(), authority())


class JudgeCase(SynchronousTestCase):
    """A test with a trust store that holds one authority."""

    def setUp(self) -> None:
        self.store = Path(self.mktemp())
        self.store.write_bytes(authority().pem)

    def judge(self, issued: Issued) -> Judged:
        return judge_client_certificate(issued.chain_der, self.store, NOW)

    def assert_invalid(self, judged: Judged, reason: str) -> None:
        self.assertFalse(judged.valid)
        self.assertIn(reason, judged.reason)
        self.assertEqual(judged.xmpp_addresses, ())


class HandshakeTests(JudgeCase):
    """What a client shows arrives, whatever it is."""

    def shake(self, shows: Issued | None, version: int, name: bytes) -> TlsFacts:
        identities = {host: server(host).identity() for host in ("a.example", "b.example")}
        contexts = ServerContexts(identities, "a.example", request_certificates=True)
        client = Client(shows=shows, highest=version, server_name=name)
        pair = join(contexts.creator(), client)
        self.assertTrue(pair.complete)
        pair.exchange(self.assertEqual)
        return pair.facts

    def test_table(self) -> None:
        middle = issue(Order(subject="middle", authority=True), authority())
        table: tuple[tuple[Issued | None, str], ...] = (
            (good(), ""),
            (replace(issue(order(), middle), above=(middle.certificate,)), ""),
            (issue(order(), middle), "unable to get local issuer"),
            (issue(order(start=NOW - 9 * DAY, end=NOW - DAY), authority()), "expired"),
            (issue(order(start=NOW + DAY), authority()), "not yet valid"),
            (issue(order(), authority("stranger")), "unable to get local issuer"),
            (issue(order()), "self-signed"),
            (issue(order(key=rsa_key(1024)), authority()), "too weak"),
            (issue(order(authority=True), authority()), "authority's"),
            (None, "no certificate"),
        )
        trust = ClientTrust(self.store)
        for shows, reason in table:
            for version in VERSIONS:
                for name in (b"", b"b.example"):
                    facts = self.shake(shows, version, name)
                    self.assertEqual(facts.peer_chain, shows.chain_der if shows else ())
                    judged = trust.judge(facts.peer_chain, NOW)
                    if reason:
                        self.assert_invalid(judged, reason)
                    else:
                        self.assertEqual(judged, Judged(True, "", (JULIET,)))


class JudgeTests(JudgeCase):
    """The finer points."""

    def test_time_is_absolute(self) -> None:
        issued = good()
        end = issued.certificate.not_valid_after_utc
        trust = ClientTrust(self.store)
        for hours in (-11, 0, 11):
            zone = timezone(timedelta(hours=hours))
            before, after = ((end + by).astimezone(zone) for by in (-DAY / 24, DAY / 24))
            self.assertTrue(trust.judge(issued.chain_der, before).valid)
            self.assertFalse(trust.judge(issued.chain_der, after).valid)

    def test_many_addresses_or_none(self) -> None:
        addresses = (JULIET, "juliet@b.example")
        many = issue(Order(others=[*map(xmpp_address, addresses)]), authority())
        self.assertEqual(self.judge(many), Judged(True, "", addresses))
        self.assertEqual(self.judge(issue(Order(), authority())), Judged(True, "", ()))

    def test_explicitly_no_authority(self) -> None:
        self.assertTrue(self.judge(issue(order(authority=False), authority())).valid)

    def test_an_issuer_that_is_no_authority(self) -> None:
        middle = issue(Order(subject="middle", authority=False), authority())
        below = replace(issue(order(), middle), above=(middle.certificate,))
        self.assert_invalid(self.judge(below), "CA")

    def test_long_chain(self) -> None:
        filler = (authority("stranger").certificate,)
        issued = good()
        most = replace(issued, above=filler * (MAX_CHAIN - 1))
        self.assertTrue(self.judge(most).valid)
        self.assert_invalid(self.judge(replace(issued, above=filler * MAX_CHAIN)), "more than")

    def test_weak_signature(self) -> None:
        root = issue(Order(subject="root", authority=True, key=rsa_key()))
        self.store.write_bytes(root.pem)
        strong = issue(order(), root)
        self.assertTrue(self.judge(strong).valid)
        weak = x509.load_der_x509_certificate(strong.der.replace(SHA256_RSA, SHA1_RSA))
        self.assert_invalid(self.judge(replace(strong, certificate=weak)), "too weak")

    def test_old_signature_of_a_root_does_not_matter(self) -> None:
        root = issue(Order(subject="root", authority=True, key=rsa_key()))
        self.store.write_bytes(root.pem)
        old = x509.load_der_x509_certificate(root.der.replace(SHA256_RSA, SHA1_RSA))
        self.assertTrue(self.judge(replace(issue(order(), root), above=(old,))).valid)

    def test_forged_signature(self) -> None:
        fake = issue(Order(subject="authority", authority=True))
        self.assert_invalid(self.judge(issue(order(), fake)), "signature failure")

    def test_malformed(self) -> None:
        der = good().der
        version = b"\xa0\x03\x02\x01\x02"
        self.assertEqual(der.count(version), 1)
        for chain in (
            (b"",),
            (b"junk",),
            (der + b"\0",),
            (der.replace(version, version[:-1] + b"\x01"),),
            (der, b"junk"),
            (issue(Order(raw_names=b"\x30\x03jun"), authority()).der,),
        ):
            judged = judge_client_certificate(chain, self.store, NOW)
            self.assert_invalid(judged, "malformed")

    def test_several_authorities(self) -> None:
        self.store.write_bytes(authority("stranger").pem + authority().pem)
        self.assertTrue(self.judge(good()).valid)

    def test_trust_store_that_cannot_be_read(self) -> None:
        for name, data in (
            ("missing.pem", None),
            ("empty.pem", b""),
            ("key.pem", good().key_pem()),
        ):
            path = self.store.with_name(name)
            if data is not None:
                path.write_bytes(data)
            error = self.assertRaises(CertificateError, ClientTrust, path)
            text = str(error)
            self.assertTrue(text.startswith(f"{path}: "), text)
            self.assertTrue(text.endswith("."), text)
