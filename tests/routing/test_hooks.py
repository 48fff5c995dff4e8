"""Watchers: which are called, in what order, and what comes of those that crash or wait."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import LogEvent, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.moments import PASS, STOP, SessionOpened, ToAccount, ToResource, Verdict
from xmppd.api.registrations import Watch
from xmppd.api.waiting import settle
from xmppd.routing.hooks import KINDS, Hook, announce, compile_slots, consult, consult_now
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.stanza import Iq, Message, Stanza
from xmppd.wire.element import Element

Watcher = Callable[..., Verdict | Awaitable[Verdict]]


def says(verdict: Any) -> Watcher:
    """Return a watcher that always says the same."""
    return lambda *_: verdict


def raises(error: Exception) -> Watcher:
    def watcher(*_: object) -> Verdict:
        raise error

    return watcher


def hooks(*watchers: Watcher) -> tuple[Hook, ...]:
    """Return the watchers as those of features called f0, f1, ..."""
    return tuple(Hook.of(f"f{n}", Watch(ToAccount, each)) for n, each in enumerate(watchers))


def named(events: Sequence[LogEvent]) -> list[str]:
    """Return the features a log names."""
    return [event["feature"] for event in events if "feature" in event]


class CompileTests(SynchronousTestCase):
    """`compile_slots`."""

    def test_nobody_watching_is_none(self) -> None:
        watching = [Hook.of("f", Watch(ToAccount, says(PASS)))]
        self.assertEqual(dict.fromkeys(KINDS), compile_slots(watching, ToResource))

    def test_kinds(self) -> None:
        iqs = Hook.of("f", Watch(ToAccount, says(PASS), kinds=("iq",)))
        self.assertEqual(
            {"message": None, "presence": None, "iq": (iqs,)}, compile_slots([iqs], ToAccount)
        )


class ConsultTests(SynchronousTestCase):
    """`consult`: one verdict of many watchers."""

    def setUp(self) -> None:
        self.called: list[tuple[Stanza, object]] = []
        self.message = Message()

    def note(self, stanza: Stanza, subject: object) -> Verdict:
        self.called.append((stanza, subject))
        return PASS

    def consult(self, *watchers: Watcher) -> Any:
        return settle(consult(hooks(*watchers), self.message, "juliet", "juliet"))

    def test_all_pass(self) -> None:
        self.assertIs(PASS, self.consult(self.note, says(succeed(PASS)), self.note))
        self.assertEqual([(self.message, "juliet")] * 2, self.called)

    def test_one_stops(self) -> None:
        for stop in (STOP, succeed(STOP)):
            self.assertIs(STOP, self.consult(self.note, says(stop), self.note))
        self.assertEqual(2, len(self.called))

    def test_waiting(self) -> None:
        table = [([PASS, PASS], PASS, 2), ([PASS, STOP], STOP, 1), ([STOP, PASS], STOP, 0)]
        for verdicts, expected, called in table:
            self.called.clear()
            waiting: list[Deferred[Verdict]] = [Deferred() for _ in verdicts]
            result = self.consult(says(waiting[0]), self.note, says(waiting[1]), self.note)
            for each, verdict in zip(waiting, verdicts, strict=True):
                self.assertLess(len(self.called), 2)
                each.callback(verdict)
            self.assertIs(expected, self.successResultOf(result))
            self.assertEqual(called, len(self.called))

    def test_refusing(self) -> None:
        error = StanzaError("forbidden")
        self.assertIs(error, self.assertRaises(StanzaError, self.consult, raises(error)))
        waiting: Deferred[Verdict] = Deferred()
        result = self.consult(says(waiting), self.note)
        waiting.errback(error)
        self.assertIs(error, self.failureResultOf(result).value)
        self.assertEqual([], self.called)

    def test_crashing(self) -> None:
        with capturedLogs() as events:
            error = self.assertRaises(StanzaError, self.consult, self.note, raises(KeyError()))
        self.assertEqual("internal-server-error", error.condition)
        self.assertEqual(["f1"], named(events))
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))

    def test_crashing_after_waiting(self) -> None:
        waiting: Deferred[Verdict] = Deferred()
        result = self.consult(self.note, says(waiting))
        with capturedLogs() as events:
            waiting.errback(KeyError())
        error = self.failureResultOf(result, StanzaError).value
        self.assertEqual("internal-server-error", error.condition)
        self.assertEqual(["f1"], named(events))
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))

    def test_being_given_up(self) -> None:
        result = self.consult(says(Deferred()), self.note)
        with capturedLogs() as events:
            result.cancel()
        self.failureResultOf(result, CancelledError)
        self.assertEqual(["f0"], named(events))
        self.assertEqual([], self.called)

    def test_payload(self) -> None:
        ping, pong = Element("ping", "urn:example"), Element("pong", "urn:example")
        watch = Watch(ToAccount, says(STOP), payload=(("urn:example", "ping"), ("", "none")))
        slot = (Hook.of("f", watch),)
        for payload, expected in (([ping], STOP), ([pong, ping], STOP), ([pong], PASS), ([], PASS)):
            self.assertIs(expected, consult(slot, Iq(*payload), "", ""))
            self.assertIs(expected, consult_now(slot, Iq(*payload), "", ""))

    def test_accounts(self) -> None:
        """Which accounts are meant may change at any time."""
        some = {"juliet"}
        only = Hook.of("f", Watch(ToAccount, says(STOP), only_for=some))
        but = Hook.of("f", Watch(ToAccount, says(STOP), not_for=some))
        for account, by_only, by_but in (
            ("juliet", STOP, PASS),
            ("romeo", PASS, STOP),
            ("", PASS, STOP),
        ):
            for hook, expected in ((only, by_only), (but, by_but)):
                for ask in (consult, consult_now):
                    self.assertIs(expected, ask((hook,), self.message, "", account))
        some.clear()
        self.assertIs(PASS, consult((only,), self.message, "", "juliet"))
        self.assertIs(STOP, consult((but,), self.message, "", "juliet"))


class ConsultNowTests(SynchronousTestCase):
    """`consult_now`: no watcher keeps a stanza from those it says nothing about."""

    def consult(self, *watchers: Watcher) -> Verdict:
        return consult_now(hooks(*watchers), Message(), "session", "juliet")

    def test_verdicts(self) -> None:
        table: list[tuple[tuple[Watcher, ...], Verdict]] = [
            ((says(PASS), says(succeed(PASS))), PASS),
            ((says(PASS), says(STOP)), STOP),
            ((says(succeed(STOP)),), STOP),
            ((raises(StanzaError("forbidden")),), STOP),
        ]
        for watchers, expected in table:
            self.assertIs(expected, self.consult(*watchers))

    def test_a_crash_lets_pass(self) -> None:
        with capturedLogs() as events:
            self.assertIs(PASS, self.consult(raises(KeyError())))
            self.assertIs(STOP, self.consult(raises(KeyError()), says(STOP)))
        self.assertEqual(["f0", "f0"], named(events))
        self.assertEqual(2, len(self.flushLoggedErrors(KeyError)))

    def test_waiting_lets_pass_and_hides_no_refusal_behind_it(self) -> None:
        waiting: Deferred[Verdict] = Deferred()
        with capturedLogs() as events:
            self.assertIs(STOP, self.consult(says(waiting), says(STOP)))
            self.assertIs(PASS, self.consult(says(Deferred())))
        self.assertEqual(["f0", "f0"], named(events))
        self.assertTrue(waiting.called)

    def test_a_crash_while_given_up_is_logged(self) -> None:
        def crash(cancelled: Deferred[Verdict]) -> None:
            cancelled.errback(KeyError())

        self.assertIs(PASS, self.consult(says(Deferred(crash))))
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))


class AnnounceTests(SynchronousTestCase):
    """`announce`: everybody hears, whatever becomes of the others."""

    def test_everybody_hears(self) -> None:
        heard: list[tuple[object, ...]] = []

        def hear(*args: object) -> Verdict:
            heard.append(args)
            return STOP

        waiting: Deferred[Verdict] = Deferred()
        watchers = (raises(KeyError()), hear, says(waiting), hear)
        slot = [Hook.of(f"f{n}", Watch(SessionOpened, each)) for n, each in enumerate(watchers)]
        with capturedLogs() as events:
            announce(slot, "session")
            self.assertEqual([("session",)] * 2, heard)
            self.assertEqual(["f0"], named(events))
            waiting.errback(IndexError())
        self.assertEqual(["f0", "f2"], named(events))
        self.assertEqual(2, len(self.flushLoggedErrors(KeyError, IndexError)))
