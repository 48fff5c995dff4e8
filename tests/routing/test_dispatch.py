"""IQ requests brought to features (RFC 6120 8.2.3)."""

from collections.abc import Callable
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.registrations import (
    ACCOUNT,
    HOST,
    OWN_ACCOUNT,
    Answer,
    At,
    Followed,
    HandleIq,
    Promised,
    Request,
)
from xmppd.api.storage import Ticket
from xmppd.api.waiting import settle
from xmppd.routing.dispatch import handle
from xmppd.routing.registry import Registry
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Message
from xmppd.testing.texts import normal
from xmppd.wire.element import Element

JULIET = JID.parse("juliet@example.org/balcony")
SHOPPING = Element("query", "urn:example", {"about": "shopping"})
EMPTY = f"<iq type='result' id='1' from='juliet@example.org' to='{JULIET}'/>"
FULL = EMPTY.replace("/>", "><query xmlns='urn:example' about='shopping'/></iq>")


def request(type: str = "get", name: str = "query") -> Iq:
    return Iq(Element(name, "urn:example"), to=JULIET.bare, from_=JULIET, type=type, id="1")


class HandleTests(SynchronousTestCase):
    """`handle`."""

    def setUp(self) -> None:
        self.registry = Registry()
        self.requests: list[Request] = []

    def install(self, answer: Callable[[Request], Any], at: At = OWN_ACCOUNT) -> None:
        self.registry.install("acme", [HandleIq("get", "urn:example", "query", answer, at)])

    def handle(self, iq: Iq | None = None, at: At = OWN_ACCOUNT | ACCOUNT) -> Any:
        return settle(handle(self.registry, request() if iq is None else iq, at, "juliet"))

    def test_answers(self) -> None:
        async def coroutine(_request: Request) -> Answer:
            return SHOPPING

        table: list[tuple[Callable[[Request], Any], str, int]] = [
            (lambda _: None, EMPTY, 0),
            (lambda _: SHOPPING, FULL, 0),
            (lambda _: succeed(SHOPPING), FULL, 0),
            (coroutine, FULL, 0),
            (lambda _: Promised(None, Ticket(3)), EMPTY, 3),
            (lambda _: Promised(SHOPPING, Ticket(4)), FULL, 4),
        ]
        for answer, expected, ticket in table:
            self.setUp()
            self.install(answer)
            [result] = self.handle()
            self.assertEqual(normal(expected), normal(result))
            self.assertEqual(ticket, result.ticket)

    def test_followed_answers(self) -> None:
        """What is to be sent behind an answer comes behind it."""
        news = Message(to=JULIET)
        for answer, expected, ticket in (
            (Followed(None, (news,)), EMPTY, 0),
            (Followed(Promised(SHOPPING, Ticket(4)), (news,)), FULL, 4),
        ):
            self.setUp()
            self.install(lambda _, answer=answer: answer)  # type: ignore[misc]
            result, *rest = self.handle()
            self.assertEqual((normal(expected), ticket), (normal(result), result.ticket))
            self.assertEqual([news], rest)

    def test_refusals(self) -> None:
        """A feature says what strangers are told; others hear `service-unavailable`."""
        handler = HandleIq("set", "urn:example", "query", self.requests.append, refusal="forbidden")
        self.registry.install("acme", [handler])
        for iq, condition in ((request("set"), "forbidden"), (request(), "service-unavailable")):
            with self.assertRaises(StanzaError) as caught:
                self.handle(iq, ACCOUNT)
            self.assertEqual(condition, caught.exception.condition)

    def test_answer_after_waiting(self) -> None:
        waiting: Deferred[Answer] = Deferred()
        self.install(lambda _: waiting)
        result = self.handle()
        self.assertNoResult(result)
        waiting.callback(Promised(SHOPPING, Ticket(7)))
        [answer] = self.successResultOf(result)
        self.assertEqual((normal(FULL), 7), (normal(answer), answer.ticket))

    def test_what_the_handler_sees(self) -> None:
        self.install(self.requests.append, HOST | OWN_ACCOUNT | ACCOUNT)
        for at, seen in (
            (HOST, HOST),
            (ACCOUNT, ACCOUNT),
            (OWN_ACCOUNT | ACCOUNT, OWN_ACCOUNT),
        ):
            iq = request()
            self.handle(iq, at)
            made = self.requests.pop()
            self.assertIs(iq, made.iq)
            self.assertEqual(Element("query", "urn:example"), made.payload)
            self.assertEqual((seen, "juliet", JULIET), (made.at, made.owner, made.sender))

    def test_nobody_answers(self) -> None:
        self.install(self.requests.append)
        table = [
            (request("set"), OWN_ACCOUNT | ACCOUNT),
            (request(name="other"), OWN_ACCOUNT | ACCOUNT),
            (request(), ACCOUNT),
            (request(), HOST),
        ]
        for iq, at in table:
            error = self.assertRaises(StanzaError, self.handle, iq, at)
            self.assertEqual("service-unavailable", error.condition)
        self.assertEqual([], self.requests)

    def test_refusing(self) -> None:
        def refuse(_request: Request) -> Answer:
            raise StanzaError("not-acceptable")

        waiting: Deferred[Answer] = Deferred()
        self.install(refuse)
        error = self.assertRaises(StanzaError, self.handle)
        self.assertEqual("not-acceptable", error.condition)
        self.setUp()
        self.install(lambda _: waiting)
        result = self.handle()
        waiting.errback(error)
        self.assertIs(error, self.failureResultOf(result).value)

    def test_crashes_are_the_features(self) -> None:
        """Also an answer nobody could send: it is logged where it was made."""
        unwritable = Element("query", "urn:example", children=["\0"])
        table: list[tuple[Callable[[Request], Any], type[Exception]]] = [
            (lambda request: request.iq.children[7], IndexError),
            (lambda _: 7, TypeError),
            (lambda _: "", TypeError),
            (lambda _: [SHOPPING], TypeError),
            (lambda request: request.iq.result(), TypeError),
            (lambda _: Promised(cast(Any, False), Ticket(1)), TypeError),
            (lambda _: Element("a query", "urn:example"), ValueError),
            (lambda _: unwritable, ValueError),
            (lambda _: Promised(unwritable, Ticket(1)), ValueError),
        ]
        for answer, expected in table:
            for late in (False, True):
                self.setUp()
                waiting: Deferred[None] = Deferred()

                async def handler(
                    request: Request, answer: Any = answer, waiting: Any = waiting
                ) -> Answer:
                    await waiting
                    made: Answer = answer(request)
                    return made

                self.install(handler if late else answer)
                with capturedLogs() as events:
                    if late:
                        result = self.handle()
                        waiting.callback(None)
                        error = self.failureResultOf(result, StanzaError).value
                        assert isinstance(error, StanzaError)
                    else:
                        error = self.assertRaises(StanzaError, self.handle)
                self.assertEqual("internal-server-error", error.condition)
                logged = [(event["feature"], event["where"]) for event in events]
                self.assertEqual([("acme", "IQ get urn:example")], logged)
                self.assertEqual(1, len(self.flushLoggedErrors(expected)))

    def test_being_given_up(self) -> None:
        self.install(lambda _: Deferred())
        result = self.handle()
        with capturedLogs() as events:
            result.cancel()
        self.failureResultOf(result, CancelledError)
        self.assertEqual(["acme"], [event["feature"] for event in events])
