"""An attempt's time, its end, and what is logged of it."""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import LogEvent, capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface, implementer

from tests.auth.clients import ScramClient, plain
from tests.auth.house import House
from tests.auth.token import TokenCredentials, TokenMechanism, TokenStore
from xmppd.api.auth import IAccount, IScramCredentials
from xmppd.auth.attempt import Attempt
from xmppd.auth.doorkeeper import Success, once
from xmppd.auth.methods import Method, method_for
from xmppd.auth.realm import LoggedIn
from xmppd.sasl.exchange import Challenge, Condition, Failed, SaslContext, ScramKeys

ABORTED = Failed(Condition.ABORTED)
MALFORMED = Failed(Condition.MALFORMED_REQUEST, "No message was expected here.")
TEMPORARY = Failed(Condition.TEMPORARY_AUTH_FAILURE)

MESSAGE = b"\0juliet\0pencil"


@implementer(ICredentialsChecker)
class SlowChecker:
    """Answers when the test says so."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self) -> None:
        self.answer: Deferred[bytes | tuple[()]] = Deferred()

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        return self.answer


@implementer(IRealm)
class CountingRealm:
    """Counts logins and logouts."""

    def __init__(self) -> None:
        self.logins: list[tuple[object, ...]] = []
        self.logouts = 0

    def requestAvatar(self, avatarId: Any, mind: object, *interfaces: type[Interface]) -> Any:
        self.logins.append((avatarId, mind, interfaces))
        return succeed((IAccount, LoggedIn("juliet"), self._logout))

    def _logout(self) -> None:
        self.logouts += 1


class AttemptCase(SynchronousTestCase):
    """A house whose checker answers when the test says so."""

    def setUp(self) -> None:
        self.checker = SlowChecker()
        self.house = House([self.checker])
        self.realm = CountingRealm()
        self.house.portal.realm = self.realm
        self.attempt = self.house.attempt("PLAIN")


class WaitingTests(AttemptCase):
    """While a step waits."""

    def test_success(self) -> None:
        waiting = self.attempt.step(MESSAGE)
        self.assertNoResult(waiting)
        self.checker.answer.callback(b"juliet")
        success = self.successResultOf(waiting)
        assert isinstance(success, Success)
        self.assertEqual(self.realm.logins, [(b"juliet", None, (IAccount,))])
        self.assertEqual(success.mechanism, "PLAIN")
        self.assertEqual(self.house.clock.getDelayedCalls(), [])

    def test_logout_happens_once(self) -> None:
        waiting = self.attempt.step(MESSAGE)
        self.checker.answer.callback(b"juliet")
        success = self.successResultOf(waiting)
        assert isinstance(success, Success)
        self.assertEqual(self.realm.logouts, 0)
        success.logout()
        success.logout()
        self.assertEqual(self.realm.logouts, 1)

    def test_patience_ends(self) -> None:
        waiting = self.attempt.step(MESSAGE)
        self.house.clock.advance(29.9)
        self.assertNoResult(waiting)
        self.house.clock.advance(0.2)
        self.assertEqual(self.successResultOf(waiting), TEMPORARY)
        self.assertEqual(self.successResultOf(self.attempt.step(MESSAGE)), MALFORMED)

    def test_patience_counts_from_the_beginning(self) -> None:
        self.assertEqual(self.successResultOf(self.attempt.step(None)), Challenge(b""))
        self.assertEqual(self.house.clock.getDelayedCalls(), [])
        self.house.clock.advance(20)
        waiting = self.attempt.step(MESSAGE)
        self.house.clock.advance(9.9)
        self.assertNoResult(waiting)
        self.house.clock.advance(0.2)
        self.assertEqual(self.successResultOf(waiting), TEMPORARY)

    def test_what_comes_late_gives_up_at_once_if_it_has_to_wait(self) -> None:
        self.successResultOf(self.attempt.step(None))
        self.house.clock.advance(100)
        waiting = self.attempt.step(MESSAGE)
        self.house.clock.advance(0)
        self.assertEqual(self.successResultOf(waiting), TEMPORARY)

    def test_a_login_that_comes_too_late_is_logged_out(self) -> None:
        ends: tuple[Callable[[Deferred[Any]], object], ...] = (
            lambda waiting: self.house.clock.advance(31),
            lambda waiting: self.attempt.abort(),
            lambda waiting: self.attempt.step(b""),
            lambda waiting: waiting.cancel(),
        )
        for end in ends:
            self.setUp()
            waiting = self.attempt.step(MESSAGE)
            end(waiting)
            waiting.addErrback(cancelled)
            self.assertEqual(self.realm.logouts, 0)
            self.checker.answer.callback(b"juliet")
            self.assertEqual((len(self.realm.logins), self.realm.logouts), (1, 1))
            self.assertEqual(self.house.clock.getDelayedCalls(), [])

    def test_a_refusal_that_comes_too_late_is_nothing(self) -> None:
        waiting = self.attempt.step(MESSAGE)
        self.attempt.abort()
        self.checker.answer.errback(KeyError())
        self.assertEqual(self.successResultOf(waiting), ABORTED)

    def test_abort_ends_the_step_as_well(self) -> None:
        waiting = self.attempt.step(MESSAGE)
        self.assertEqual(self.attempt.abort(), ABORTED)
        self.assertEqual(self.successResultOf(waiting), ABORTED)
        self.assertEqual(self.successResultOf(self.attempt.step(MESSAGE)), MALFORMED)

    def test_cancelling_ends_the_attempt(self) -> None:
        waiting = self.attempt.step(MESSAGE)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(self.successResultOf(self.attempt.step(MESSAGE)), MALFORMED)

    def test_a_message_too_early_ends_the_attempt(self) -> None:
        waiting = self.attempt.step(MESSAGE)
        self.assertEqual(self.successResultOf(self.attempt.step(MESSAGE)), MALFORMED)
        self.assertEqual(self.successResultOf(waiting), ABORTED)

    def test_given_up_before_it_waits(self) -> None:
        house = House()
        keys: Deferred[ScramKeys] = Deferred()
        attempt = house.attempt("SCRAM-SHA-1")

        def look_up(username: str, hash: str) -> Deferred[ScramKeys]:
            attempt.abort()
            return keys

        self.patch(house.keys, "lookup", look_up)
        waiting = attempt.step(ScramClient("SCRAM-SHA-1", "juliet", "pencil").first())
        self.assertEqual(self.successResultOf(waiting), ABORTED)
        self.assertEqual(house.clock.getDelayedCalls(), [])

    def test_keys_that_come_too_late(self) -> None:
        house = House()
        keys: Deferred[ScramKeys] = Deferred()
        self.patch(house.keys, "lookup", lambda username, hash: keys)
        attempt = house.attempt("SCRAM-SHA-1")
        waiting = attempt.step(ScramClient("SCRAM-SHA-1", "juliet", "pencil").first())
        house.clock.advance(31)
        self.assertEqual(self.successResultOf(waiting), TEMPORARY)
        keys.callback(ScramKeys(b"salt", 4096, b"k" * 20, b"k" * 20))
        self.assertEqual(self.successResultOf(attempt.step(b"")), MALFORMED)


class BrokenMechanism(TokenMechanism):
    """Answers what no exchange may."""

    def start(self, context: SaslContext) -> Any:
        return self

    def step(self, data: bytes | None) -> Any:
        return data


class StillbornMechanism(TokenMechanism):
    """Cannot even begin."""

    def start(self, context: SaslContext) -> Any:
        raise ValueError(context)


def gossip(facts: Any) -> Any:
    """A factory that fails with what it was told."""
    raise ValueError(facts.token)


@implementer(ICredentialsChecker)
class GossipChecker:
    """A checker that fails with the password in its error."""

    credentialInterfaces = (IUsernamePassword,)

    def requestAvatarId(self, credentials: Any) -> Any:
        raise RuntimeError(f"cannot bind with {credentials.password!r}")


@implementer(ICredentialsChecker)
class TrustingChecker:
    """Lets everybody in and looks at nothing."""

    credentialInterfaces = (IScramCredentials,)

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        return succeed(bytes(credentials.username))


class BrokenTests(SynchronousTestCase):
    """What breaks is the server's fault, is logged, and gives no secret away."""

    def assert_temporary(self, attempt: Attempt, *messages: bytes) -> str:
        """Feed the messages; the last one breaks something. Return what was logged."""
        with capturedLogs() as logs:
            answers = [self.successResultOf(attempt.step(message)) for message in messages]
        self.assertEqual(answers[-1], TEMPORARY)
        return text_of(logs)

    def test_mechanisms(self) -> None:
        for mechanism in (BrokenMechanism(), StillbornMechanism()):
            house = House(
                [TokenStore()], [method_for(mechanism, House().workers, TokenCredentials)]
            )
            logged = self.assert_temporary(house.attempt("X-TOKEN"), b"sesame")
            self.assertIn("Authentication by X-TOKEN broke down", logged)
            self.assertNotIn("sesame", logged)

    def test_factories(self) -> None:
        whole = method_for(TokenMechanism(), House().workers, TokenCredentials)
        method = Method(whole.mechanism, gossip, whole.interfaces)
        logged = self.assert_temporary(
            House([TokenStore()], [method]).attempt("X-TOKEN"), b"sesame"
        )
        self.assertIn("ValueError", logged)
        self.assertIn("in gossip", logged)
        self.assertNotIn("sesame", logged)

    def test_checkers(self) -> None:
        logged = self.assert_temporary(House([GossipChecker()]).attempt("PLAIN"), MESSAGE)
        self.assertIn("RuntimeError", logged)
        self.assertNotIn("pencil", logged)

    def test_a_proof_nobody_looked_at_is_no_login(self) -> None:
        house = House([TrustingChecker()])
        house.portal.realm = realm = CountingRealm()
        client = ScramClient("SCRAM-SHA-1", "juliet", "pencil")
        with capturedLogs() as logs:
            answer = house.converse(client)
        self.assertEqual(answer, TEMPORARY)
        self.assertIn("Unproven", text_of(logs))
        self.assertEqual((len(realm.logins), realm.logouts), (1, 1))

    def test_a_portal_that_lost_its_checker(self) -> None:
        house = House()
        attempt = house.attempt("PLAIN")
        house.portal.checkers.clear()
        self.assertIn("UnhandledCredentials", self.assert_temporary(attempt, MESSAGE))


class SecrecyTests(SynchronousTestCase):
    """No password, key, salt or proof is logged or shown."""

    def test_nothing_shows(self) -> None:
        house = House()
        account = house.add("juliet", "pencil")
        keys = account.keys["SHA-256"]
        secrets = [b"pencil", keys.salt, keys.stored_key, keys.server_key, b"rspauth", b"v="]
        shown = []
        with capturedLogs() as logs:
            for client in (
                plain("juliet", "pencil"),
                plain("juliet", "pencil!"),
                ScramClient("SCRAM-SHA-256", "juliet", "pencil"),
                ScramClient("SCRAM-SHA-256", "juliet", "pencil!"),
            ):
                shown.append(repr(house.converse(client)))
        logged = text_of(logs) + "".join(shown)
        self.assertIn("192.0.2.1", logged)
        for secret in secrets:
            self.assertNotIn(repr(secret)[2:-1], logged)


class OnceTests(SynchronousTestCase):
    """`once`."""

    def test_a_logout_that_fails_is_not_repeated(self) -> None:
        calls = []

        def logout() -> None:
            calls.append(1)
            raise ValueError

        call = once(logout)
        self.assertRaises(ValueError, call)
        call()
        self.assertEqual(calls, [1])


class PortalTests(SynchronousTestCase):
    """The portal is asked once, at the end."""

    def test_one_login_per_attempt(self) -> None:
        house = House()
        house.add("juliet", "pencil")
        asked: list[tuple[object, ...]] = []
        login = Portal.login

        def record(portal: Portal, credentials: Any, mind: object, *interfaces: Any) -> Any:
            asked.append((credentials.username, mind, interfaces))
            return login(portal, credentials, mind, *interfaces)

        self.patch(Portal, "login", record)
        for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-512-PLUS"):
            client = ScramClient(mechanism, "juliet", "pencil")
            attempt = house.attempt(mechanism)
            first = self.successResultOf(attempt.step(client.first()))
            assert isinstance(first, Challenge)
            self.assertEqual(asked, [])
            self.assertIsInstance(
                self.successResultOf(attempt.step(client.respond(first.data))), Success
            )
            self.assertEqual(asked, [(b"juliet", None, (IAccount,))])
            asked.clear()


def cancelled(failure: Failure) -> None:
    """Take a `CancelledError` as what was to be."""
    assert isinstance(failure.value, CancelledError)


def text_of(logs: Sequence[LogEvent]) -> str:
    """All events as an operator sees them, and everything else in them."""
    return "\n".join(formatEvent(event) + repr(event) for event in logs)
