"""Servers that are not who they say, or not there: what users, operators and they themselves hear.

Prosody serves a domain for each thing that can be wrong with a certificate.
"""

from pathlib import Path

from tests.live.federation import HERE, PROSODY, FederationCase
from tests.live.impostor import Impostor
from tests.live.internet import keep
from tests.net.pki import Issued

SELF_SIGNED, EXPIRED, UNKNOWN, MISNAMED = UNPROVEN = tuple(
    f"{kind}.example" for kind in ("self-signed", "expired", "unknown", "misnamed")
)
ABSENT, ELSEWHERE, CLOSED = (f"{kind}.example" for kind in ("absent", "elsewhere", "closed"))

TIMEOUT, NOT_FOUND = "remote-server-timeout", "remote-server-not-found"

# domain, the step that fails, what is said of it, the error for stanzas (RFC 6120 8.3.3.16, 17)
WORDS = (
    (
        SELF_SIGNED,
        "the certificate",
        "the certificate is self-signed, and not one this server trusts",
        TIMEOUT,
    ),
    (EXPIRED, "the certificate", "the certificate has expired on ", TIMEOUT),
    (
        UNKNOWN,
        "the certificate",
        "the certificate's authority, Somebody's, is not one this server trusts, or certificates in"
        " between were not sent",
        TIMEOUT,
    ),
    (
        MISNAMED,
        "the certificate",
        f"the certificate is for somebody.example, not for {MISNAMED}",
        TIMEOUT,
    ),
    (ABSENT, "finding the server", f"{ABSENT}: there is no such name", NOT_FOUND),
    (
        ELSEWHERE,
        "the stream",
        "the other server has refused the stream (host-unknown: This host does not serve"
        f" {ELSEWHERE})",
        NOT_FOUND,
    ),
    (CLOSED, "connecting", "127.0.0.1 port 1 refused the connection", TIMEOUT),
)


class RefusalTests(FederationCase):
    """A server of ours, and a Prosody of many domains."""

    def setUp(self) -> None:
        super().setUp()
        self.there = self.prosody(
            more={
                SELF_SIGNED: self.internet.self_signed(SELF_SIGNED),
                EXPIRED: self.internet.expired(EXPIRED),
                UNKNOWN: self.internet.unknown(UNKNOWN),
                MISNAMED: self.internet.valid("somebody.example"),
            }
        )
        self.ours = self.here()
        self.internet.serve(ELSEWHERE, self.there.server_port)
        self.internet.serve(CLOSED, 1)
        self.run_all(self.ours, self.there)

    def test_towards_them(self) -> None:
        """An operator is told the same as whoever has sent something, and what to do."""
        juliet = self.juliet(self.ours).client
        for domain, step, text, condition in WORDS:
            *before, last = self.explained(self.ours, domain)
            self.assertTrue(all(ok for _, ok, _ in before), before)
            self.assertEqual(last[:2], (step, False))
            self.assertEqual(last[2][: len(text)], text)
            self.assertIn(text, self.ctl(self.ours, "s2s", "explain", domain))
            juliet.ask("ping", to=domain)
            juliet.expect("error", condition=condition)
            (row,) = (row for row in self.ours.do("s2s list") if row["remote"] == domain)
            self.assertEqual(row["trouble"], last[2])
            if domain != CLOSED:  # there it is tried again
                juliet.ask("message", to=f"romeo@{domain}", body="Are you there?")
                bounce = juliet.expect("bounce", sender=f"romeo@{domain}", condition=condition)
                self.assertEqual(bounce["text"], last[2])

    def test_from_them(self) -> None:
        """They cannot prove who they are by dialback either: that, too, needs their certificate."""
        juliet = self.juliet(self.ours)
        for domain in UNPROVEN:
            self.there.add("romeo", domain, "romeo")
            romeo = self.romeo(self.there, domain)
            romeo.client.ask("message", to=juliet.jid, body="It is me.")
            romeo.client.expect("bounce", sender=juliet.jid)
            self.ours.expect(f"{domain} is not proven by dialback from 127.0.0.1: the certificate")
        self.assertEqual(juliet.client.seen("message"), [])
        self.assert_streams(self.ours)


class ImpostorTests(FederationCase):
    """A server of ours, a Prosody, and somebody who says that he is Prosody."""

    def setUp(self) -> None:
        super().setUp()
        self.there = self.prosody()
        self.ours = self.here()
        self.run_all(self.ours, self.there)
        self.juliet_here = self.juliet(self.ours)

    def impostor(self, issued: Issued, domain: str = PROSODY, to: str = HERE) -> Impostor:
        certificate = keep(Path(self.folder()), issued)
        made = Impostor(self.ours.address, self.ours.server_port, domain, to, certificate)
        self.addCleanup(made.close)
        return made

    def assert_error(self, heard: str, condition: str) -> None:
        self.assertIn(f"<stream:error><{condition} xmlns=", heard)
        self.assertTrue(heard.endswith("</stream:stream>"), heard)

    def test_who_has_proven_nothing(self) -> None:
        for issued in (self.internet.valid(PROSODY), self.internet.self_signed(PROSODY)):
            impostor = self.impostor(issued)
            impostor.open()
            heard = impostor.ends(self.message(PROSODY, HERE))
            self.assert_error(heard, "not-authorized")

    def test_pairs_that_are_not_proven(self) -> None:
        for from_, to, condition in (
            ("other.example", HERE, "invalid-from"),
            (f"sub.{PROSODY}", HERE, "invalid-from"),
            (HERE, HERE, "invalid-from"),
            (PROSODY, "other.example", "host-unknown"),
        ):
            impostor = self.impostor(self.internet.valid(PROSODY))
            impostor.open()
            impostor.authenticate()
            self.assert_error(impostor.ends(self.message(from_, to)), condition)
        self.juliet_here.client.ask("ping", to=HERE)
        self.juliet_here.client.expect("answer")
        self.assertEqual(self.juliet_here.client.seen("message"), [])

    def test_a_prefix_of_the_stream(self) -> None:
        """What is bound on its header only must not break the stream of whoever gets the stanza."""
        impostor = self.impostor(self.internet.valid(PROSODY))
        impostor.header = impostor.header.replace(" xmlns:db=", " xmlns:e='urn:e' xmlns:db=")
        impostor.open()
        impostor.authenticate()
        stanza = self.message(PROSODY, HERE).replace("<body>", "<e:x e:y='1'/><body>")
        self.assertTrue(impostor.ends(f"{stanza}</stream:stream>").endswith("</stream:stream>"))
        self.juliet_here.client.expect("message", body="x")
        self.juliet_here.client.ask("ping", to=HERE)
        self.juliet_here.client.expect("answer")

    def message(self, from_: str, to: str) -> str:
        return (
            f"<message from='romeo@{from_}/x' to='juliet@{to}/somewhere'><body>x</body></message>"
        )

    def test_a_domain_that_is_not_ours(self) -> None:
        impostor = self.impostor(self.internet.valid(PROSODY), to="other.example")
        self.assert_error(impostor.ends(impostor.header), "host-unknown")

    def test_a_key_that_prosody_does_not_know(self) -> None:
        impostor = self.impostor(self.internet.self_signed(PROSODY))
        impostor.open()
        self.assertNotIn("EXTERNAL", impostor.heard)
        heard = impostor.ends(
            f"<db:result from='{PROSODY}' to='{HERE}'>0123456789abcdef</db:result>"
        )
        self.assertIn(f"<db:result from='{HERE}' to='{PROSODY}' type='invalid'/>", heard)
        self.there.expect("verified dialback key... it is invalid")
        self.assert_streams(self.ours)


class DoubleTests(FederationCase):
    """Two servers of one domain: the DNS leads to the other one, which does not know our keys."""

    def test_our_key_is_not_confirmed(self) -> None:
        there = self.prosody(modules=("dialback", "no_external"))
        ours, double = self.here(published=False), self.here()
        self.run_all(ours, there)
        self.started(double)
        step, ok, text = self.explained(ours, PROSODY)[-1]
        self.assertEqual((step, ok), ("proving who we are", False))
        self.assertEqual(
            text, "the other server could not confirm by dialback that we are who we are"
        )
        self.assertIn(
            "does the DNS lead other servers to this one?",
            self.ctl(ours, "s2s", "explain", PROSODY),
        )
        juliet = self.juliet(ours).client
        juliet.ask("message", to=f"romeo@{PROSODY}", body="It is me.")
        # XEP-0220 section 2.1.1 names that condition.
        juliet.expect("bounce", condition="internal-server-error", text=text)
