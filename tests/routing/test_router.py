"""The router: who gets a stanza, what becomes of exceptions (RFC 6120 8.2.3, 8.3 and 10)."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.plays import refusal
from xmppd.api.router import IDomain, IRouter
from xmppd.routing.router import WAIT_SECONDS, Router
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza
from xmppd.testing.texts import normal, read_stanzas

ROMEO = JID.parse("romeo@example.net/orchard")


@implementer(IDomain)
class Domain:
    """Keeps what it receives; what it returns is up to the test."""

    def __init__(self) -> None:
        self.stanzas: list[Stanza] = []
        self.then: Callable[[], Any] = lambda: None

    def receive(self, stanza: Stanza) -> Any:
        self.stanzas.append(stanza)
        return self.then()

    def texts(self) -> list[str]:
        return [normal(stanza) for stanza in self.stanzas]


def raising(error: Exception) -> Callable[[], Any]:
    def then() -> None:
        raise error

    return then


def returning(value: object) -> Callable[[], Any]:
    return lambda: value


class RouterTestCase(SynchronousTestCase):
    """A router with a domain of ours, example.org, and one of Romeo's."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.router = Router(self.clock)
        self.ours, self.romeos = Domain(), Domain()
        self.router.add("example.org", self.ours)
        self.router.add("example.net", self.romeos)

    def route(self, text: str) -> "Deferred[None] | None":
        """Route what Romeo sends."""
        [stanza] = read_stanzas(text)
        stanza.from_ = ROMEO
        return self.router.route(stanza)

    def assert_answered(self, *expected: str) -> None:
        self.assertEqual([normal(each) for each in expected], self.romeos.texts())


class WhereToTests(RouterTestCase):
    """A stanza goes to the domain of its `to`."""

    def test_interface(self) -> None:
        self.assertTrue(verifyObject(IRouter, self.router))

    def test_addresses_of_a_domain(self) -> None:
        for to in ("example.org", "example.org/x", "juliet@example.org", "juliet@example.org/x"):
            self.assertIsNone(self.route(f"<message to='{to}'/>"))
        self.assertEqual(4, len(self.ours.stanzas))
        self.assert_answered()

    def test_unknown_domain(self) -> None:
        """RFC 6120 10.4.3."""
        self.route("<message id='1' to='nurse@example.com'/>")
        self.assert_answered(
            refusal(
                "remote-server-not-found",
                kind="message",
                id="1",
                from_="nurse@example.com",
                to=str(ROMEO),
            )
        )

    def test_elsewhere(self) -> None:
        elsewhere = self.router.elsewhere = Domain()
        self.route("<message to='nurse@example.com'/>")
        self.route("<message to='juliet@example.org'/>")
        self.assertEqual(["nurse@example.com"], [str(each.to) for each in elsewhere.stanzas])

    def test_no_address(self) -> None:
        """RFC 6120 8.3.1 rule 2: a malformed address is not given back."""
        for attribute in ("", "to='@'"):
            self.romeos.stanzas.clear()
            self.route(f"<message id='1' {attribute}/>")
            self.assert_answered(
                refusal(
                    "jid-malformed",
                    kind="message",
                    id="1",
                    type="modify",
                    from_="romeo@example.net",
                    to=str(ROMEO),
                )
            )

    def test_adding_and_removing(self) -> None:
        self.assertRaises(KeyError, self.router.add, "example.org", Domain())
        self.router.remove("example.org")
        self.assertRaises(KeyError, self.router.remove, "example.org")
        self.route("<message to='juliet@example.org'/>")
        self.assertEqual([], self.ours.stanzas)
        self.assertEqual(1, len(self.romeos.stanzas))


class IqTests(RouterTestCase):
    """RFC 6120 8.2.3, for IQs on their way to anybody."""

    def test_well_formed(self) -> None:
        payload = "<query xmlns='urn:example'/>"
        for text in (
            f"<iq type='get' id='1' to='example.org'>{payload}</iq>",
            f"<iq type='set' id='1' to='example.org'>{payload}</iq>",
            "<iq type='result' id='1' to='example.org'/>",
            f"<iq type='result' id='1' to='example.org'>{payload}</iq>",
            f"<iq type='error' id='1' to='example.org'>{payload}<error/></iq>",
            "<iq type='error' id='1' to='example.org'/>",
        ):
            self.ours.stanzas.clear()
            self.route(text)
            self.assertEqual(1, len(self.ours.stanzas), text)
        self.assert_answered()

    def test_malformed_requests(self) -> None:
        no_type = "an IQ is a get, set, result or error"
        payloads = "a request has exactly one payload"
        table = [
            ("", "<iq type='get' to='example.org'><a xmlns='u'/></iq>", "an IQ needs an id"),
            ("", "<iq type='set' id='' to='example.org'><a xmlns='u'/></iq>", "an IQ needs an id"),
            ("1", "<iq type='get' id='1' to='example.org'/>", payloads),
            ("1", "<iq type='set' id='1' to='example.org'>text</iq>", payloads),
            ("1", "<iq type='get' id='1' to='example.org'><a/><b/></iq>", payloads),
            ("1", "<iq id='1' to='example.org'><a xmlns='u'/></iq>", no_type),
            ("1", "<iq type='GET' id='1' to='example.org'><a xmlns='u'/></iq>", no_type),
        ]
        for id, text, why in table:
            self.romeos.stanzas.clear()
            self.route(text)
            self.assert_answered(
                refusal(
                    "bad-request",
                    id=id,
                    type="modify",
                    from_="example.org",
                    to=str(ROMEO),
                    text=why,
                )
            )
        self.assertEqual([], self.ours.stanzas)

    def test_malformed_answers_are_not_answered(self) -> None:
        for text in (
            "<iq type='result' to='example.org'/>",
            "<iq type='error' to='example.org'/>",
            "<iq type='result' id='1' to='example.org'><a/><b/></iq>",
        ):
            self.route(text)
        self.assertEqual([], self.ours.stanzas)
        self.assert_answered()


class ErrorTests(RouterTestCase):
    """What is raised on the way becomes one error stanza (RFC 6120 8.3)."""

    def test_what_is_answered(self) -> None:
        """RFC 6120 8.3.1 rules 1, 3, 4 and 8, for a fault found at once or after a while."""
        payload = "<a xmlns='urn:example'/>"
        types = {
            "message": {"": 1, "chat": 1, "groupchat": 1, "headline": 1, "error": 0},
            "presence": {"": 1, "unavailable": 1, "subscribe": 1, "probe": 1, "error": 0},
            "iq": {"get": 1, "set": 1, "result": 0, "error": 0},
        }
        table = [(k, type, n) for k, each in types.items() for type, n in each.items()]
        for kind, type, answers in table:
            for late in (False, True):
                self.romeos.stanzas.clear()
                waiting: Deferred[None] = Deferred()
                error = StanzaError("not-allowed", "No")
                self.ours.then = returning(waiting) if late else raising(error)
                self.route(f"<{kind} type='{type}' id='i' to='example.org'>{payload}</{kind}>")
                if late:
                    self.assert_answered()
                    waiting.errback(error)
                reply = refusal(
                    "not-allowed",
                    kind=kind,
                    id="i",
                    from_="example.org",
                    to=str(ROMEO),
                    text="No",
                )
                self.assert_answered(*[reply] * answers)

    def test_no_id(self) -> None:
        self.ours.then = raising(StanzaError("not-allowed"))
        self.route("<message to='example.org'/>")
        self.assert_answered(
            refusal("not-allowed", kind="message", from_="example.org", to=str(ROMEO))
        )

    def test_an_answer_that_cannot_be_delivered_is_let_go(self) -> None:
        self.ours.then = raising(StanzaError("not-allowed"))
        self.romeos.then = raising(StanzaError("forbidden"))
        self.route("<message to='example.org'/>")
        self.assertEqual(1, len(self.romeos.stanzas))
        self.assertEqual(1, len(self.ours.stanzas))

    def test_nobody_to_answer(self) -> None:
        self.ours.then = raising(StanzaError("not-allowed"))
        [stanza] = read_stanzas("<message to='example.org'/>")
        self.assertIsNone(self.router.route(stanza))
        self.assert_answered()

    def test_crash(self) -> None:
        """What went wrong is for the log; of the message that shows the envelope alone."""
        waiting: Deferred[None] = Deferred()
        for then in (raising(KeyError("inside")), lambda: waiting):
            self.romeos.stanzas.clear()
            self.ours.then = then
            with capturedLogs() as events:
                self.route("<message id='1' to='example.org'><body>private</body></message>")
                if not waiting.called:
                    waiting.errback(KeyError("inside"))
            self.assertNotIn("private", repr(events))
            self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))
        self.assert_answered(
            refusal(
                "internal-server-error",
                kind="message",
                id="1",
                from_="example.org",
                to=str(ROMEO),
            )
        )


class WaitingTests(RouterTestCase):
    """What a domain waits for holds up the sender, for a while."""

    def test_done_at_once(self) -> None:
        async def coroutine() -> None:
            await succeed(None)

        for then in (lambda: None, coroutine, lambda: succeed(None)):
            self.ours.then = then
            self.assertIsNone(self.route("<message to='example.org'/>"))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_done_later(self) -> None:
        waiting: Deferred[None] = Deferred()
        self.ours.then = lambda: waiting
        done = self.route("<message to='example.org'/>")
        assert done is not None
        self.assertNoResult(done)
        waiting.callback(None)
        self.assertIsNone(self.successResultOf(done))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_failing_later_never_fails_the_sender(self) -> None:
        waiting: Deferred[None] = Deferred()
        self.ours.then = lambda: waiting
        done = self.route("<message to='example.org'/>")
        assert done is not None
        waiting.errback(StanzaError("not-allowed"))
        self.assertIsNone(self.successResultOf(done))

    def test_deadline(self) -> None:
        cancelled: list[Deferred[None]] = []
        waiting: Deferred[None] = Deferred(cancelled.append)
        self.ours.then = lambda: waiting
        done = self.route("<message id='1' to='example.org'/>")
        assert done is not None
        self.clock.advance(WAIT_SECONDS - 0.1)
        self.assertNoResult(done)
        self.clock.advance(0.1)
        self.assertIsNone(self.successResultOf(done))
        self.assertEqual([waiting], cancelled)
        self.assert_answered(
            refusal(
                "resource-constraint",
                kind="message",
                id="1",
                type="wait",
                from_="example.org",
                to=str(ROMEO),
                text="this took too long",
            )
        )

    def test_in_time_or_not_it_is_answered_once(self) -> None:
        waiting: Deferred[None] = Deferred()
        self.ours.then = lambda: waiting
        self.route("<message to='example.org'/>")
        waiting.errback(StanzaError("not-allowed"))
        self.clock.advance(WAIT_SECONDS)
        self.assertEqual(1, len(self.romeos.stanzas))

    def test_a_result_at_the_last_moment_counts(self) -> None:
        """Whoever is told to stop may still say how it ended."""
        waiting: Deferred[None] = Deferred(lambda cancelled: cancelled.callback(None))
        self.ours.then = lambda: waiting
        self.route("<message to='example.org'/>")
        self.clock.advance(WAIT_SECONDS)
        self.assert_answered()

    def test_cancelled_by_somebody_else(self) -> None:
        waiting: Deferred[None] = Deferred()
        self.ours.then = lambda: waiting
        self.route("<iq type='get' id='1' to='example.org'><a xmlns='u'/></iq>")
        waiting.cancel()
        self.assertEqual(1, len(self.flushLoggedErrors(CancelledError)))
        self.assert_answered(
            refusal("internal-server-error", id="1", from_="example.org", to=str(ROMEO))
        )
