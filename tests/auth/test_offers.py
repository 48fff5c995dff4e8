"""What is offered on which stream, and in which order (RFC 6120 6.3.3, 6.3.4)."""

from dataclasses import replace
from pathlib import Path

from twisted.cred.checkers import AllowAnonymousAccess
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse as InMemory
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.clients import ScramClient, plain
from tests.auth.house import DOMAIN, House, password_file, shipped_methods
from tests.auth.token import DirectoryStore, TokenCredentials, TokenMechanism, TokenStore
from xmppd.api.storage import StorageError
from xmppd.auth.attempt import Attempt
from xmppd.auth.doorkeeper import Success
from xmppd.auth.first_of import FirstOf
from xmppd.auth.methods import in_order, method_for
from xmppd.sasl.exchange import Condition, Failed
from xmppd.sasl.plain import Plain
from xmppd.sasl.scram import Scram

BOUND = ("SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS")
UNBOUND = ("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1")
CERTIFIED = (f"juliet@{DOMAIN}",)


class OfferTests(SynchronousTestCase):
    """`Authenticator.offered`."""

    def test_under_tls(self) -> None:
        self.assertEqual(House().context().offered, (*BOUND, *UNBOUND, "PLAIN"))

    def test_in_clear(self) -> None:
        self.assertEqual(House().context(secure=False).offered, UNBOUND)

    def test_with_a_certificate(self) -> None:
        offered = House().context(certified=CERTIFIED).offered
        self.assertEqual(offered, ("EXTERNAL", *BOUND, *UNBOUND, "PLAIN"))

    def test_a_certificate_for_elsewhere(self) -> None:
        offered = House().context(certified=("juliet@example.net",)).offered
        self.assertNotIn("EXTERNAL", offered)

    def test_nothing_without_checkers(self) -> None:
        self.assertEqual(House([]).context(certified=CERTIFIED).offered, ())

    def test_only_what_is_enabled(self) -> None:
        house = House()
        house = House(methods=[method_for(Plain(), house.workers)])
        self.assertEqual(house.context().offered, ("PLAIN",))

    def test_guests(self) -> None:
        house = House([AllowAnonymousAccess()])
        for secure in (True, False):
            self.assertEqual(house.context(secure=secure).offered, ("ANONYMOUS",))

    def test_a_hash_some_account_lacks_is_not_offered(self) -> None:
        house = House()
        house.add("romeo", "rose")
        keys = house.add("juliet", "pencil").keys
        house.change("juliet", keys={"SHA-1": keys["SHA-1"]})
        self.assertEqual(house.context().offered, ("SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN"))

    def test_it_is_offered_once_everybody_has_logged_in_by_plain(self) -> None:
        house = House()
        keys = house.add("juliet", "pencil").keys
        house.change("juliet", keys={"SHA-1": keys["SHA-1"]})
        self.assertIsInstance(house.converse(plain("juliet", "pencil")), Success)
        self.assertEqual(house.context().offered, (*BOUND, *UNBOUND, "PLAIN"))

    def test_scram_is_for_everybody_or_for_nobody(self) -> None:
        path = Path(self.mktemp())
        path.write_bytes(b"romeo:esor\n")
        hashed = password_file(path, hash=lambda user, password, stored: password[::-1])
        for checkers in ([None, hashed], [hashed, None]):
            house = House(checkers)
            house.portal.registerChecker(FirstOf(one or house.store for one in checkers))
            self.assertEqual(house.context().offered, ("PLAIN",))
            self.assertIsInstance(house.converse(plain("romeo", "rose")), Success)

    def test_two_checkers_without_a_chain(self) -> None:
        # A portal asks one checker per interface, so passwords and proofs go to different ones.
        house = House([None, InMemory(romeo=b"rose")])
        offered = house.context().offered
        self.assertEqual(offered, ("PLAIN", "DIGEST-MD5"))
        self.assertIsInstance(house.converse(plain("romeo", "rose")), Success)
        house = House([DirectoryStore(romeo="rose"), None])
        self.assertIn("SCRAM-SHA-1", house.context().offered)
        answer = house.converse(ScramClient("SCRAM-SHA-1", "romeo", "rose"))
        self.assertIsInstance(answer, Success)

    def test_the_storage_fails(self) -> None:
        house = House()
        context = house.context()
        house.result(house.storage.stop())
        self.failureResultOf(house.authenticator.offered(context), StorageError)

    def test_each_hash_is_counted_once(self) -> None:
        house = House()
        house.context()
        self.assertEqual(sorted(house.accounts.counted), ["SHA-1", "SHA-256", "SHA-512"])


class OrderTests(SynchronousTestCase):
    """`in_order`."""

    def test_the_strongest_first(self) -> None:
        house = House([TokenStore()])
        token = method_for(TokenMechanism(), house.workers, TokenCredentials)
        names = list(in_order([token, *reversed(shipped_methods(house.workers))]))
        self.assertEqual(
            names,
            ["EXTERNAL", *BOUND, *UNBOUND, "X-TOKEN", "PLAIN", "DIGEST-MD5", "ANONYMOUS"],
        )

    def test_scram_of_others(self) -> None:
        house = House()
        made = [
            method_for(mechanism, house.workers)
            for mechanism in (Scram("SHA3-512"), Scram("SHA-1"), Scram("SHA3-512", True))
        ]
        self.assertEqual(
            list(in_order(made)), ["SCRAM-SHA3-512-PLUS", "SCRAM-SHA-1", "SCRAM-SHA3-512"]
        )

    def test_two_of_one_name(self) -> None:
        house = House()
        method = method_for(Plain(), house.workers)
        with self.assertRaisesRegex(ValueError, "two mechanisms are called PLAIN"):
            House(methods=[method, method])


class BeginTests(SynchronousTestCase):
    """`Authenticator.begin`."""

    # (mechanism, whether under TLS, what it is answered when nothing was offered)
    NOT_OFFERED = (
        ("PLAIN", False, Condition.ENCRYPTION_REQUIRED),
        ("SCRAM-SHA-1", False, Condition.ENCRYPTION_REQUIRED),
        ("SCRAM-SHA-1-PLUS", False, Condition.INVALID_MECHANISM),
        ("EXTERNAL", False, Condition.INVALID_MECHANISM),
        ("ANONYMOUS", False, Condition.INVALID_MECHANISM),
        ("DIGEST-MD5", False, Condition.INVALID_MECHANISM),
        ("PLAIN", True, Condition.INVALID_MECHANISM),
        ("SCRAM-SHA-1", True, Condition.INVALID_MECHANISM),
        ("X-UNHEARD-OF", False, Condition.INVALID_MECHANISM),
    )

    def test_not_offered(self) -> None:
        house = House()
        for name, secure, condition in self.NOT_OFFERED:
            context = replace(house.context(secure=secure), offered=())
            begun = house.authenticator.begin(name, context, "192.0.2.1")
            self.assertEqual(begun, Failed(condition), (name, secure))

    def test_offered_by_mistake(self) -> None:
        house = House()
        context = replace(house.context(), offered=("X-UNHEARD-OF",))
        begun = house.authenticator.begin("X-UNHEARD-OF", context, "192.0.2.1")
        self.assertEqual(begun, Failed(Condition.INVALID_MECHANISM))

    def test_offered(self) -> None:
        house = House()
        context = house.context()
        for name in context.offered:
            self.assertIsInstance(house.authenticator.begin(name, context, ""), Attempt)
