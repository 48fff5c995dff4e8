"""SASL on the wire (RFC 6120 section 6; XEP-0178, XEP-0440)."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element as Tree

from twisted.internet.defer import Deferred

from tests.c2s.client import Client
from tests.c2s.house import House, HouseCase, Setup
from tests.c2s.scram import Scram
from tests.c2s.texts import (
    CAPULET,
    CLOSE,
    PASSWORD,
    PROCEED,
    SASL,
    STARTTLS,
    SUCCESS,
    auth,
    failure,
    opening,
    plain,
    stream_error,
)
from tests.net import pairs, pki
from xmppd.net.bindings import server_end_point

ABORT = f"<abort xmlns='{SASL}'/>"
CHALLENGE = f"<challenge xmlns='{SASL}'>*</challenge>"
FIRST = b"n,,n=juliet,r=nonce"


def response(data: bytes | None) -> str:
    text = "" if data is None else b64encode(data).decode()
    return f"<response xmlns='{SASL}'>{text}</response>"


def offered(features: Tree) -> list[str]:
    return [each.text or "" for each in features.iter(f"{{{SASL}}}mechanism")]


class PlainTests(HouseCase):
    """One message from the client."""

    def test_with_an_initial_response(self) -> None:
        client = self.house.connect()
        client.opens()
        client.sends(plain("juliet"))
        client.receives(SUCCESS)

    def test_without(self) -> None:
        """RFC 6120 6.3.10: the less efficient way must do as well."""
        client = self.house.connect()
        client.opens()
        client.sends(auth("PLAIN"))
        client.receives(f"<challenge xmlns='{SASL}'/>")
        client.sends(response(f"\0juliet\0{PASSWORD}".encode()))
        client.receives(SUCCESS)

    def test_names_are_prepared(self) -> None:
        for name in ("JULIET", "\uff4auliet"):
            client = self.house.connect()
            client.logs_in(name)
            self.assertEqual(client.binds().localpart, "juliet")

    def test_authzid(self) -> None:
        """One's own bare JID, and nobody else's: others bind as that other account."""
        for authzid, right in (
            (f"juliet@{CAPULET}", True),
            (f"Juliet@{CAPULET}", True),
            (f"romeo@{CAPULET}", False),
            ("juliet@montague.example", False),
            (f"juliet@{CAPULET}/balcony", False),
            (CAPULET, False),
            ("@", False),
        ):
            client = self.house.connect()
            client.opens()
            client.sends(plain("juliet", authzid=authzid))
            client.receives(SUCCESS if right else failure("invalid-authzid"))

    def test_malformed(self) -> None:
        for message in (b"", b"juliet", b"\0juliet", b"\0\0", b"\0juliet\0secret\0", b"\0\xff\0x"):
            client = self.house.connect()
            client.opens()
            client.sends(auth("PLAIN", message))
            client.receives(failure("malformed-request"))


class FailureTests(HouseCase):
    """Each condition of 6.5, and the stream goes on after it."""

    setup = Setup(disable=("SCRAM-SHA-512",))

    def test_conditions(self) -> None:
        self.house.add("tybalt", disabled=True)
        for sent, condition in (
            (plain("juliet", "wrong"), "not-authorized"),
            (plain("nobody"), "not-authorized"),
            (plain("tybalt"), "account-disabled"),
            (plain("tybalt", "wrong"), "not-authorized"),
            (ABORT, "aborted"),
            (f"<auth xmlns='{SASL}'/>", "invalid-mechanism"),
            (auth(""), "invalid-mechanism"),
            (auth("CRAM-MD5"), "invalid-mechanism"),
            (auth("plain"), "invalid-mechanism"),
            (auth("EXTERNAL"), "invalid-mechanism"),
            (auth("ANONYMOUS"), "mechanism-too-weak"),
            (auth("DIGEST-MD5"), "mechanism-too-weak"),
            (auth("SCRAM-SHA-512", FIRST), "mechanism-too-weak"),
            (auth("SCRAM-SHA-1-PLUS", FIRST), "invalid-mechanism"),
            (auth("SCRAM-SHA-1", b"nonsense"), "malformed-request"),
            (auth("SCRAM-SHA-1", b"n,a=romeo,n=juliet,r=x"), "invalid-authzid"),
            (response(b""), "malformed-request"),
            (response(None), "malformed-request"),
        ):
            client = self.house.connect()
            client.opens()
            client.sends(sent)
            self.house.passes(4)
            client.receives(failure(condition))
            client.sends(plain("juliet"))
            self.house.passes(4)
            client.receives(SUCCESS)
            client.closes()

    def test_encoding(self) -> None:
        """RFC 6120 6.3.5 and 13.9.1: strictly base 64, padding bits zero."""
        for text in (
            "=AAA",
            "BBBB=CCC",
            "AGp1bGlldABzZWNyZXQ",
            "AGp1bGlldABzZWNyZXR=",
            "AGp1bGlldABzZWNyZXQ==",
            "AGp1bGll dABzZWNyZXQ=",
            "\nAGp1bGlldABzZWNyZXQ=",
            "AGp1bGlldABzZWNyZXQ=AGp1",
            "AGp1bGlldABzZWNyZX-_",
            "\u0391\u0392",
            "==",
            "====",
        ):
            client = self.house.connect()
            client.opens()
            client.sends(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{text}</auth>")
            client.receives(failure("incorrect-encoding"))
            client.sends(auth("PLAIN"), f"<response xmlns='{SASL}'>{text}</response>")
            client.receives(f"<challenge xmlns='{SASL}'/>", failure("incorrect-encoding"))
            client.sends(response(b"\0juliet\0secret"))
            client.receives(failure("malformed-request"))

    def test_temporary(self) -> None:
        """Too many passwords are being hashed."""
        self.house.workers.busy = True
        client = self.house.connect()
        client.opens()
        client.sends(plain("juliet"))
        client.receives(failure("temporary-auth-failure"))

    def test_elements_no_client_sends(self) -> None:
        for name in ("success", "challenge", "failure", "mechanisms", "other"):
            client = self.house.connect()
            client.opens()
            client.sends(f"<{name} xmlns='{SASL}'/>")
            client.fails_with("unsupported-stanza-type")


class TriesTests(HouseCase):
    """Tries are bounded on each stream (6.4.5)."""

    setup = Setup(settings={"tries": 3})

    def test_failures(self) -> None:
        for sent, condition in (
            (plain("juliet", "wrong"), "not-authorized"),
            (auth("CRAM-MD5"), "invalid-mechanism"),
            (response(b""), "malformed-request"),
            (ABORT, "aborted"),
        ):
            client = self.house.connect()
            client.opens()
            for _ in range(2):
                client.sends(sent)
                self.house.passes(4)
                client.receives(failure(condition))
            client.sends(sent)
            self.house.passes(4)
            client.receives(failure(condition), stream_error("policy-violation"))
            self.assertTrue(client.reader.ended)

    def test_attempts_given_up_count_too(self) -> None:
        """Else each of them would have the server look up keys for nothing."""
        client = self.house.connect()
        client.opens()
        first = auth("SCRAM-SHA-1", FIRST)
        client.sends(first, first, first, first)
        client.receives(
            CHALLENGE, CHALLENGE, CHALLENGE, CHALLENGE, stream_error("policy-violation")
        )

    def test_the_last_try_may_succeed(self) -> None:
        client = self.house.connect()
        client.opens()
        client.sends(auth("CRAM-MD5"), auth("CRAM-MD5"), plain("juliet"))
        client.receives(failure("invalid-mechanism"), failure("invalid-mechanism"), SUCCESS)


class ScramTests(HouseCase):
    """An exchange of several messages."""

    def test_logins(self) -> None:
        for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"):
            client = self.house.connect()
            client.opens()
            self.assertEqual(Scram(client, mechanism, "juliet").logs_in(PASSWORD), b"")
            client.opens()
            self.assertEqual(client.binds().localpart, "juliet")

    def test_wrong(self) -> None:
        """Whoever is unknown takes the same way as whoever has another password."""
        for user in ("juliet", "nobody"):
            client = self.house.connect()
            client.opens()
            challenge = Scram(client, "SCRAM-SHA-1", user).begins()
            self.assertTrue(challenge.startswith(b"r=nonce-of-ours"))
            again = Scram(client, "SCRAM-SHA-1", user).begins()
            self.assertEqual(challenge.partition(b",")[2], again.partition(b",")[2])
            login = Scram(client, "SCRAM-SHA-1", user)
            challenge = login.begins()
            client.sends(response(b"c=biws,r=%b,p=AAAA" % challenge[2:].partition(b",")[0]))
            self.house.passes(4)
            client.receives(failure("not-authorized"))

    def test_a_new_attempt_discards_the_old_one(self) -> None:
        """RFC 6120 6.4.2."""
        client = self.house.connect()
        client.opens()
        Scram(client, "SCRAM-SHA-1", "juliet").begins()
        client.sends(plain("romeo"))
        client.receives(SUCCESS)
        client.opens()
        self.assertEqual(client.binds().localpart, "romeo")

    def test_abort(self) -> None:
        client = self.house.connect()
        client.opens()
        login = Scram(client, "SCRAM-SHA-1", "juliet")
        challenge = login.begins()
        client.sends(ABORT)
        client.receives(failure("aborted"))
        self.assertEqual(login.ends(challenge, PASSWORD), b"malformed-request")
        client.sends(plain("juliet"))
        client.receives(SUCCESS)


class BoundTests(HouseCase):
    """Channel binding with real TLS (RFC 5802 6, RFC 5929, RFC 9266)."""

    setup = Setup(tls=True)

    def secure(self, tls: pairs.Client) -> Client:
        client = self.house.connect(direct=tls)
        client.sends(opening())
        (self.features,) = client.takes()
        return client

    def test_offers(self) -> None:
        self.secure(pairs.Client())
        names = offered(self.features)
        self.assertEqual(names[0], "SCRAM-SHA-512-PLUS")
        self.assertEqual(names[-1], "PLAIN")
        types = [
            each.get("type") for each in self.features.iter("{urn:xmpp:sasl-cb:0}channel-binding")
        ]
        self.assertEqual(types, ["tls-exporter", "tls-server-end-point"])

    def test_logins(self) -> None:
        """Each type, on both versions of TLS where it is defined."""
        for version, kind in (
            (pairs.VERSIONS[1], "tls-exporter"),
            (pairs.VERSIONS[1], "tls-server-end-point"),
            (pairs.VERSIONS[0], "tls-unique"),
            (pairs.VERSIONS[0], "tls-server-end-point"),
        ):
            for data, outcome in ((b"", b""), (b"x", b"not-authorized")):
                tls = pairs.Client(highest=version)
                client = self.secure(tls)
                bound = data or _binding(tls, kind)
                login = Scram(client, "SCRAM-SHA-256-PLUS", "juliet", f"p={kind}", bound)
                challenge = login.begins()
                self.assertTrue(challenge.startswith(b"r="), challenge)
                if outcome:
                    fields = challenge[2:].partition(b",")[0]
                    wrong = b64encode(f"p={kind},,".encode() + data)
                    client.sends(response(b"c=%b,r=%b,p=AAAA" % (wrong, fields)))
                    self.house.passes(4)
                    client.receives(failure("not-authorized"))
                else:
                    self.assertEqual(login.ends(challenge, PASSWORD), b"")

    def test_who_says_it_was_not_offered(self) -> None:
        """RFC 5802 6: it was, so somebody between took it away."""
        client = self.secure(pairs.Client())
        client.sends(auth("SCRAM-SHA-1", b"y,,n=juliet,r=x"))
        self.house.passes(4)
        client.receives(failure("not-authorized"))
        client.sends(auth("SCRAM-SHA-1-PLUS", b"p=tls-unique,,n=juliet,r=x"))
        self.house.passes(4)
        client.receives(failure("not-authorized"))


def _binding(tls: pairs.Client, kind: str) -> bytes:
    """Return what a client binds to."""
    if kind == "tls-exporter":
        return tls.connection.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
    if kind == "tls-unique":
        return tls.connection.get_finished() or b""
    certificate = tls.connection.get_peer_certificate()
    assert certificate is not None
    return server_end_point(certificate.to_cryptography()) or b""


class ExternalTests(HouseCase):
    """Client certificates (XEP-0178)."""

    def setUp(self) -> None:
        authorities = Path(self.mktemp())
        authorities.write_bytes(pki.authority().pem)
        self.house = House(self, Setup(tls=True, client_ca=authorities))

    def shows(self, *addresses: str, issuer: pki.Issued | None = None) -> tuple[Client, list[str]]:
        """Return a client that shows a certificate for those, and what it is offered."""
        others = [pki.xmpp_address(each) for each in addresses]
        shown = pki.issue(pki.Order(others=others), issuer or pki.authority())
        client = self.house.connect()
        client.starts_tls(pairs.Client(shows=shown))
        client.sends(opening())
        (features,) = client.takes()
        return client, offered(features)

    def test_one_address(self) -> None:
        for initial in (b"", f"juliet@{CAPULET}".encode()):
            client, names = self.shows(f"juliet@{CAPULET}")
            self.assertEqual(names[0], "EXTERNAL")
            client.sends(auth("EXTERNAL", initial))
            client.receives(SUCCESS)
            client.opens()
            self.assertEqual(client.binds().localpart, "juliet")

    def test_no_initial_response(self) -> None:
        client, _ = self.shows(f"juliet@{CAPULET}")
        client.sends(auth("EXTERNAL"))
        client.receives(f"<challenge xmlns='{SASL}'/>")
        client.sends(response(b""))
        client.receives(SUCCESS)

    def test_several_addresses(self) -> None:
        client, _ = self.shows(f"juliet@{CAPULET}", f"nurse@{CAPULET}")
        client.sends(auth("EXTERNAL", b""))
        client.receives(failure("invalid-authzid"))
        client.sends(auth("EXTERNAL", f"romeo@{CAPULET}".encode()))
        client.receives(failure("invalid-authzid"))
        client.sends(auth("EXTERNAL", f"nurse@{CAPULET}".encode()))
        client.receives(SUCCESS)

    def test_not_offered(self) -> None:
        """Others offer it without a certificate; and what is not offered is refused."""
        stranger = pki.issue(pki.Order(subject="nobody", authority=True))
        for addresses, issuer in (
            ((), None),
            (("juliet@montague.example",), None),
            ((f"juliet@{CAPULET}",), stranger),
        ):
            client, names = self.shows(*addresses, issuer=issuer)
            self.assertNotIn("EXTERNAL", names)
            self.assertIn("PLAIN", names)
            client.sends(auth("EXTERNAL", f"juliet@{CAPULET}".encode()))
            client.receives(failure("invalid-mechanism"))
            client.sends(plain("juliet"))
            client.receives(SUCCESS)

    def test_an_account_that_is_not_there(self) -> None:
        client, _ = self.shows(f"nobody@{CAPULET}")
        client.sends(auth("EXTERNAL", b""))
        self.house.passes(4)
        client.receives(failure("not-authorized"))


class ClaimedTests(HouseCase):
    """Who the header says it is from, held against who has logged in (6.4.6)."""

    setup = Setup(tls=True)

    def test_under_tls(self) -> None:
        for claimed, right in (
            (f"juliet@{CAPULET}", True),
            (f"JULIET@{CAPULET}/balcony", True),
            (f"nurse@{CAPULET}", False),
            ("juliet@montague.example", False),
            (CAPULET, False),
        ):
            self.check(self.house.connect(direct=pairs.Client()), claimed, right)

    def check(self, client: Client, claimed: str, right: bool) -> None:
        """Log in as Juliet on a stream whose header says that it is from that address."""
        client.opens(extra=f"version='1.0' from='{claimed}'")
        client.sends(plain("juliet"))
        if right:
            client.receives(SUCCESS)
        else:
            client.fails_with("invalid-from")

    def test_in_clear(self) -> None:
        """Where a login is allowed there, what is said along with it counts as well."""
        self.house = House(self)
        for claimed, right in ((f"juliet@{CAPULET}", True), (f"nurse@{CAPULET}", False)):
            self.check(self.house.connect(), claimed, right)

    def test_what_was_said_before_tls_does_not_count(self) -> None:
        """Anybody may have written it, and the stream begins anew."""
        client = self.house.connect()
        client.opens(extra=f"version='1.0' from='nurse@{CAPULET}'")
        client.sends(STARTTLS)
        client.receives(PROCEED)
        client.begin_tls(pairs.Client(server_name=CAPULET.encode()))
        client.opens()
        client.sends(plain("juliet"))
        client.receives(SUCCESS)

    def test_on_the_stream_after_the_login(self) -> None:
        for claimed, right in (
            (f"juliet@{CAPULET}", True),
            (f"juliet@{CAPULET}/other", True),
            (f"nurse@{CAPULET}", False),
        ):
            client = self.house.connect(direct=pairs.Client())
            client.opens()
            client.sends(plain("juliet"))
            client.receives(SUCCESS)
            client.sends(opening(extra=f"version='1.0' from='{claimed}'"))
            if right:
                self.assertEqual(len(client.takes()), 1)
            else:
                client.fails_with("invalid-from")

    def test_the_stream_after_the_login_is_to_the_same_host(self) -> None:
        client = self.house.connect(direct=pairs.Client())
        client.opens()
        client.sends(plain("juliet"))
        client.receives(SUCCESS)
        client.sends(opening("montague.example"))
        client.fails_with("not-authorized")


class WaitingTests(HouseCase):
    """A password hash takes its time: nothing is read meanwhile, and nothing lost."""

    def slow(self) -> list["Deferred[None]"]:
        """Have passwords checked only when told to."""
        work: list[Deferred[None]] = []
        run = self.house.workers.run

        def later(function: Callable[..., Any], *args: Any) -> "Deferred[Any]":
            work.append(Deferred())
            return work[-1].addCallback(lambda _: run(function, *args))

        self.patch(self.house.workers, "run", later)
        return work

    def test_order(self) -> None:
        work = self.slow()
        client = self.house.connect()
        client.opens()
        client.sends(plain("juliet", "wrong") + plain("juliet"), opening())
        client.sends("<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
        client.receives()
        work.pop().callback(None)
        self.house.passes(4)
        client.receives(failure("not-authorized"))
        work.pop().callback(None)
        self.house.turn()
        client.receives(
            SUCCESS,
            "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>",
            "<iq type='result' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>*</jid>"
            "</bind></iq>",
        )

    def test_what_is_read_ahead_is_bounded(self) -> None:
        self.slow()
        client = self.house.connect()
        client.opens()
        client.sends(plain("juliet"))
        client.sends(*[b" " * 65536] * 4)
        protocol = client.protocol
        assert protocol is not None
        self.assertNotIn(client.transport, self.house.reactor.getReaders())
        protocol.dataReceived(b" " * 140_000)
        self.house.turn()
        client.fails_with("policy-violation")

    def test_the_client_leaves(self) -> None:
        work = self.slow()
        client = self.house.connect()
        client.opens()
        client.sends(plain("juliet"))
        client.hangs_up()
        # Reading is paused, so that the end shows only with the deadline.
        self.house.passes(71)
        self.assertEqual(len(self.house.clients), 0)
        work.pop().callback(None)

    def test_it_takes_too_long(self) -> None:
        self.slow()
        client = self.house.connect()
        client.opens()
        client.sends(plain("juliet"), CLOSE)
        self.house.passes(30)
        client.receives(failure("temporary-auth-failure"))
        self.assertTrue(client.reader.ended)
