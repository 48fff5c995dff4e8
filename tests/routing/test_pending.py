"""Our own requests and who may answer them."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from xmppd.routing.pending import PendingRequests
from xmppd.stanza.errors import ErrorType, StanzaError, error_reply
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq
from xmppd.wire.element import Element
from xmppd.wire.namespaces import STANZA_ERRORS

HOST = JID.parse("example.org")
ROMEO = JID.parse("romeo@example.net/orchard")


def request(id: str = "1") -> Iq:
    return Iq(Element("ping", "urn:xmpp:ping"), to=ROMEO, from_=HOST, type="get", id=id)


class PendingTests(SynchronousTestCase):
    """`PendingRequests`."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.pending = PendingRequests(self.clock, limit=2)

    def condition(self, answer: Deferred[Iq]) -> str:
        error = self.failureResultOf(answer, StanzaError).value
        assert isinstance(error, StanzaError)
        return error.condition

    def assert_nothing_left(self) -> None:
        self.assertEqual(0, len(self.pending))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_result(self) -> None:
        answer = self.pending.expect(request(), 30)
        result = request().result()
        self.assertTrue(self.pending.knows(result))
        self.assertTrue(self.pending.answer(result))
        self.assertIs(result, self.successResultOf(answer))
        self.assert_nothing_left()

    def test_a_second_answer_is_nobodys(self) -> None:
        answer = self.pending.expect(request(), 30)
        self.pending.answer(request().result())
        self.assertFalse(self.pending.knows(request().result()))
        self.assertFalse(self.pending.answer(request().result()))
        self.successResultOf(answer)

    def test_error(self) -> None:
        answer = self.pending.expect(request(), 30)
        self.pending.answer(error_reply(request(), StanzaError("forbidden", "Go away")))
        error = self.failureResultOf(answer, StanzaError).value
        assert isinstance(error, StanzaError)
        self.assertEqual(("forbidden", "Go away"), (error.condition, error.text))
        self.assert_nothing_left()

    def test_errors_that_say_nothing_known(self) -> None:
        """RFC 6120 8.3.2: an unknown condition counts as `undefined-condition`."""
        unknown = Element("error", children=[Element("on-holiday", STANZA_ERRORS)])
        for payload in ([], [Element("error")], [unknown]):
            answer = self.pending.expect(request(), 30)
            self.pending.answer(Iq(*payload, to=HOST, from_=ROMEO, type="error", id="1"))
            self.assertEqual("undefined-condition", self.condition(answer))

    def test_nobody_answers_for_another(self) -> None:
        answer = self.pending.expect(request(), 30)
        result = request().result
        forgeries = [
            ("from_", JID.parse("mallory@example.net/orchard")),
            ("from_", JID.parse("romeo@example.net/balcony")),
            ("from_", ROMEO.bare),
            ("from_", JID.parse("example.net")),
            ("from_", None),
            ("to", JID.parse("juliet@example.org")),
            ("id", "2"),
        ]
        for name, value in forgeries:
            forged = result()
            setattr(forged, name, value)
            self.assertFalse(self.pending.knows(forged), name)
            self.assertFalse(self.pending.answer(forged), name)
        self.assertNoResult(answer)
        self.pending.abandon()
        self.assertEqual("remote-server-timeout", self.condition(answer))

    def test_no_answer(self) -> None:
        answer = self.pending.expect(request(), 30)
        self.clock.advance(29.9)
        self.assertNoResult(answer)
        self.clock.advance(0.1)
        self.assertEqual("remote-server-timeout", self.condition(answer))
        self.assertFalse(self.pending.answer(request().result()))
        self.assert_nothing_left()

    def test_giving_up_one_when_the_other_fails(self) -> None:
        first, second = (self.pending.expect(request(id), 30) for id in ("1", "2"))
        first.addErrback(lambda _: second.cancel())
        self.pending.abandon()
        self.successResultOf(first)
        self.failureResultOf(second, CancelledError)
        self.assert_nothing_left()

    def test_giving_up(self) -> None:
        answer = self.pending.expect(request(), 30)
        answer.cancel()
        self.failureResultOf(answer)
        self.assert_nothing_left()

    def test_limit(self) -> None:
        waiting = [self.pending.expect(request(id), 30) for id in ("1", "2")]
        refused = self.pending.expect(request("3"), 30)
        self.assertEqual("resource-constraint", self.condition(refused))
        self.assertEqual(2, len(self.pending))
        self.pending.answer(request("1").result())
        self.successResultOf(waiting[0])
        self.pending.expect(request("3"), 30)
        self.assertEqual(2, len(self.pending))

    def test_one_id_twice(self) -> None:
        first = self.pending.expect(request(), 30)
        self.assertEqual("conflict", self.condition(self.pending.expect(request(), 1)))
        self.clock.advance(1)
        self.pending.answer(request().result())
        self.successResultOf(first)

    def test_abandon(self) -> None:
        waiting = [self.pending.expect(request(id), 30) for id in ("1", "2")]
        self.pending.abandon()
        self.assertEqual(["remote-server-timeout"] * 2, [self.condition(each) for each in waiting])
        self.assert_nothing_left()

    def test_type_of_the_error(self) -> None:
        """Whoever asked learns what may be done about it (RFC 6120 8.3.2)."""
        answer = self.pending.expect(request(), 30)
        refusal = StanzaError("item-not-found", type=ErrorType.MODIFY)
        self.pending.answer(error_reply(request(), refusal))
        error = self.failureResultOf(answer, StanzaError).value
        assert isinstance(error, StanzaError)
        self.assertIs(ErrorType.MODIFY, error.type)
