"""Every failure condition of RFC 6120 section 6.5, and what exceptions turn into which."""

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import (
    LoginDenied,
    LoginFailed,
    Unauthorized,
    UnauthorizedLogin,
    UnhandledCredentials,
)
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.auth.clients import Client, OneMessageClient, ScramClient, anonymous, external, plain
from tests.auth.house import DOMAIN, House
from xmppd.api.auth import AccountDisabled, CredentialsExpired
from xmppd.api.host import Busy
from xmppd.api.storage import StorageError
from xmppd.auth.doorkeeper import Success
from xmppd.auth.first_of import FirstOf
from xmppd.auth.refusals import condition_of
from xmppd.sasl.exchange import Challenge, Condition, Failed

PROOFS = ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-512")


def client_for(mechanism: str, user: str, password: str) -> Client:
    """A client with a password."""
    if mechanism == "PLAIN":
        return plain(user, password)
    return ScramClient(mechanism, user, password)


@implementer(ICredentialsChecker)
class Refuser:
    """A checker that raises."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, error: Exception) -> None:
        self._error = error

    def requestAvatarId(self, credentials: Any) -> Any:
        raise self._error


class ConditionOfTests(SynchronousTestCase):
    """`condition_of`."""

    ROWS: tuple[tuple[Exception, Condition | None], ...] = (
        (AccountDisabled(), Condition.ACCOUNT_DISABLED),
        (CredentialsExpired(), Condition.CREDENTIALS_EXPIRED),
        (LoginDenied(), Condition.TEMPORARY_AUTH_FAILURE),
        (UnauthorizedLogin(), Condition.NOT_AUTHORIZED),
        (LoginFailed(), Condition.NOT_AUTHORIZED),
        (Unauthorized(), Condition.NOT_AUTHORIZED),
        (UnhandledCredentials(), None),
        (ValueError(), None),
    )

    def test_conditions(self) -> None:
        for error, expected in self.ROWS:
            self.assertEqual(condition_of(error), expected, repr(error))


class ConditionTests(SynchronousTestCase):
    """What a client is answered."""

    def setUp(self) -> None:
        self.house = House()
        self.house.add("juliet", "pencil")

    def assert_fails(self, client: Client, condition: Condition) -> None:
        answer = self.house.converse(client, self.house.context())
        assert isinstance(answer, Failed), answer
        self.assertEqual(answer.condition, condition)

    def test_aborted(self) -> None:
        for mechanism in PROOFS:
            attempt = self.house.attempt(mechanism)
            self.assertEqual(attempt.abort(), Failed(Condition.ABORTED))

    def test_account_disabled(self) -> None:
        self.house.change("juliet", disabled=True)
        for mechanism in PROOFS:
            client = client_for(mechanism, "juliet", "pencil")
            self.assert_fails(client, Condition.ACCOUNT_DISABLED)
        context = self.house.context(certified=(f"juliet@{DOMAIN}",))
        answer = self.house.converse(external(), context)
        self.assertEqual(answer, Failed(Condition.ACCOUNT_DISABLED))

    def test_account_disabled_is_no_news_for_strangers(self) -> None:
        self.house.change("juliet", disabled=True)
        for mechanism in PROOFS:
            self.assert_fails(client_for(mechanism, "juliet", "guess"), Condition.NOT_AUTHORIZED)

    def test_what_a_checker_says(self) -> None:
        for error, condition in ConditionOfTests.ROWS:
            house = House([Refuser(error)])
            expected = condition or Condition.TEMPORARY_AUTH_FAILURE
            answer = house.converse(plain("juliet", "pencil"))
            self.assertEqual(answer, Failed(expected), repr(error))

    def test_encryption_required(self) -> None:
        context = self.house.context(secure=False)
        self.assertNotIn("PLAIN", context.offered)
        answer = self.house.converse(plain("juliet", "pencil"), context)
        self.assertEqual(answer, Failed(Condition.ENCRYPTION_REQUIRED))

    def test_invalid_authzid(self) -> None:
        own = self.house.converse(plain("juliet", "pencil", f"juliet@{DOMAIN}"))
        self.assertIsInstance(own, Success)
        for authzid in (f"romeo@{DOMAIN}", "juliet@example.net", f"juliet@{DOMAIN}/r", "juliet"):
            client = plain("juliet", "pencil", authzid)
            self.assert_fails(client, Condition.INVALID_AUTHZID)

    def test_invalid_mechanism(self) -> None:
        for name in ("", "CRAM-MD5", "plain", "DIGEST-MD5", "EXTERNAL", "ANONYMOUS"):
            self.assert_fails(OneMessageClient(name, b""), Condition.INVALID_MECHANISM)

    def test_malformed_request(self) -> None:
        for mechanism, message in (
            ("PLAIN", b""),
            ("PLAIN", b"juliet"),
            ("PLAIN", b"\0juliet\0pencil\0"),
            ("PLAIN", b"\0juliet\0\xff"),
            ("SCRAM-SHA-1", b"n,,n=juliet"),
            ("SCRAM-SHA-1-PLUS", b"n,,n=juliet,r=nonce"),
        ):
            self.assert_fails(OneMessageClient(mechanism, message), Condition.MALFORMED_REQUEST)

    def test_mechanism_too_weak(self) -> None:
        house = House(methods=[], too_weak=("PLAIN", "DIGEST-MD5"))
        for name in ("PLAIN", "DIGEST-MD5"):
            for secure in (True, False):
                answer = house.converse(OneMessageClient(name, b""), house.context(secure=secure))
                self.assertEqual(answer, Failed(Condition.MECHANISM_TOO_WEAK))

    def test_not_authorized(self) -> None:
        for mechanism in PROOFS:
            for user, password in (("juliet", "guess"), ("romeo", "pencil")):
                client = client_for(mechanism, user, password)
                self.assert_fails(client, Condition.NOT_AUTHORIZED)
        for client in (plain("a b", "pencil"), plain("juliet", "\u00a0\u0007")):
            self.assert_fails(client, Condition.NOT_AUTHORIZED)

    def test_temporary_auth_failure(self) -> None:
        for error in (Busy(), StorageError("disk full"), KeyError("ldap"), LoginDenied()):
            house = House([FirstOf([Refuser(error), Refuser(AssertionError("not asked"))])])
            answer = house.converse(plain("juliet", "pencil"))
            self.assertEqual(answer, Failed(Condition.TEMPORARY_AUTH_FAILURE), repr(error))

    def test_too_much_to_do(self) -> None:
        context = self.house.context()
        self.house.workers.busy = True
        answer = self.house.converse(plain("juliet", "pencil"), context)
        self.assertEqual(answer, Failed(Condition.TEMPORARY_AUTH_FAILURE))

    def test_storage_fails(self) -> None:
        for mechanism in PROOFS:
            house = House()
            attempt = house.attempt(mechanism)
            house.result(house.storage.stop())
            first = client_for(mechanism, "juliet", "pencil").first()
            answer = house.result(attempt.step(first))
            self.assertEqual(answer, Failed(Condition.TEMPORARY_AUTH_FAILURE), mechanism)

    def test_after_the_end_all_is_malformed(self) -> None:
        attempt = self.house.attempt("PLAIN")
        self.assertIsInstance(self.house.result(attempt.step(b"\0juliet\0guess")), Failed)
        answer = self.house.result(attempt.step(b"\0juliet\0pencil"))
        assert isinstance(answer, Failed)
        self.assertEqual(answer.condition, Condition.MALFORMED_REQUEST)

    def test_a_failure_leaves_the_stream_free_for_another_attempt(self) -> None:
        context = self.house.context()
        for _ in range(3):
            self.house.converse(plain("juliet", "guess"), context)
        for mechanism in PROOFS:
            answer = self.house.converse(client_for(mechanism, "juliet", "pencil"), context)
            self.assertIsInstance(answer, Success)

    def test_no_initial_response(self) -> None:
        attempt = self.house.attempt("PLAIN")
        self.assertEqual(self.house.result(attempt.step(None)), Challenge(b""))
        self.assertIsInstance(self.house.result(attempt.step(b"\0juliet\0pencil")), Success)

    def test_guests_in_clear(self) -> None:
        answer = self.house.converse(anonymous(), self.house.context(secure=False))
        self.assertEqual(answer, Failed(Condition.INVALID_MECHANISM))
