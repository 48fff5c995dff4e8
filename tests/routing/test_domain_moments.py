"""Features on a stanza's way: what watchers and handlers can do to it, and what they cannot."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import capturedLogs

from tests.plays import refusal
from tests.routing.cases import BALCONY, JULIET, QUERY, DomainTestCase
from xmppd.api.moments import (
    PASS,
    STOP,
    Moment,
    PresenceChanged,
    SentByClient,
    Stage,
    ToAccount,
    ToResource,
    Undeliverable,
    Verdict,
)
from xmppd.api.registrations import Answer, Promised, Request, Watch
from xmppd.api.sessions import ISession
from xmppd.api.storage import KeyValue
from xmppd.routing.router import WAIT_SECONDS
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.stanza import Iq, Stanza
from xmppd.testing.texts import normal
from xmppd.wire.element import Element


class MomentTests(DomainTestCase):
    """What watchers can do, moment by moment."""

    MESSAGE = f"<message id='1' to='{BALCONY}'><body>Hi</body></message>"

    def table(self) -> list[tuple[Moment[Any], str, type]]:
        """Return each moment, what brings it about, and the type of its second argument."""
        offline = "<message id='1' to='nurse@example.org'/>"
        return [
            (SentByClient, self.MESSAGE, ISession),
            (ToAccount, self.MESSAGE, str),
            (ToResource, self.MESSAGE, ISession),
            (Undeliverable, offline, str),
            (PresenceChanged, "<presence id='1'/>", ISession),
        ]

    def play(self, moment: Moment[Any], watcher: Callable[..., Any]) -> list[str]:
        """Bring the moment about with that watcher; return what Juliet gets."""
        self.setUp()
        self.host.add_account("nurse")
        self.watch(moment, watcher)
        text = next(text for each, text, _ in self.table() if each is moment)
        with capturedLogs() as self.events:
            self.juliet.sends(text)
        return self.juliet.take()

    def without(self, moment: Moment[Any]) -> list[str]:
        return self.play(moment, lambda *_: PASS)

    def test_arguments(self) -> None:
        for moment, _, subject in self.table():
            seen: list[tuple[object, ...]] = []

            def look(*arguments: object, seen: list[Any] = seen) -> Verdict:
                seen.append(arguments)
                return PASS

            self.play(moment, look)
            [(stanza, second)] = seen
            assert isinstance(stanza, Stanza)
            self.assertEqual("1", stanza.id)
            if subject is str:
                self.assertIsInstance(second, str)
            else:
                self.assertIs(self.juliet, second)

    def test_stopping(self) -> None:
        for moment, *_ in self.table():
            self.assertEqual([], self.play(moment, lambda *_: STOP), moment)
            self.assertEqual([], self.play(moment, lambda *_: succeed(STOP)), moment)

    def test_waiting(self) -> None:
        for moment, *_ in self.table():
            if moment is ToResource:
                continue  # it cannot
            expected = self.without(moment)
            for verdict, result in ((PASS, expected), (STOP, [])):
                waiting: Deferred[Verdict] = Deferred()
                self.assertEqual([], self.play(moment, lambda *_, w=waiting: w))
                waiting.callback(verdict)
                self.assertEqual(result, self.juliet.take(), (moment, verdict))

    def test_waiting_at_one_moment_after_another(self) -> None:
        first: Deferred[Verdict] = Deferred()
        second: Deferred[Verdict] = Deferred()
        self.watch(SentByClient, lambda *_: first)
        self.watch(ToAccount, lambda *_: second)
        self.juliet.sends(self.MESSAGE)
        first.callback(PASS)
        self.juliet.receives()
        second.callback(PASS)
        self.assertEqual(1, len(self.juliet.take()))

    def test_a_session_that_is_closed_at_its_moment(self) -> None:
        """What was for it has nobody to go to, and is answered so."""

        def close(stanza: Stanza, _owner: str) -> Verdict:
            self.juliet.close("policy-violation")
            return PASS

        self.watch(ToAccount, close)
        self.romeo.sends(f"<message id='1' to='{BALCONY}'/>")
        to = str(self.romeo.jid)
        self.romeo.receives(
            refusal("service-unavailable", kind="message", id="1", from_=BALCONY, to=to)
        )

    def test_refusing(self) -> None:
        def refuse(stanza: Stanza, _subject: object) -> Verdict:
            if stanza.type == "error":  # the answer, on its way back
                return PASS
            raise StanzaError("not-allowed")

        for moment, *_ in self.table():
            got = self.play(moment, refuse)
            if moment is ToResource:
                self.assertEqual([], got)  # this session does not get it, nothing else happens
            else:
                self.assertEqual(1, len(got), moment)
                self.assertIn("<not-allowed ", got[0])

    def test_crashing(self) -> None:
        """Nobody but the log learns what went wrong; at ToResource nothing is lost by it."""

        def crash(stanza: Stanza, _subject: object) -> Verdict:
            if stanza.type == "error":
                return PASS
            raise KeyError("secret")

        async def crash_later(stanza: Stanza, subject: object) -> Verdict:
            return crash(stanza, subject)

        for moment, *_ in self.table():
            expected = self.without(moment)
            for watcher in (crash, crash_later):
                got = self.play(moment, watcher)
                if moment is ToResource:
                    self.assertEqual(expected, got)
                else:
                    self.assertEqual(1, len(got), moment)
                    self.assertIn("<internal-server-error ", got[0])
                    self.assertNotIn("secret", got[0])
                named = [event["feature"] for event in self.events if "feature" in event]
                self.assertEqual([f"{moment} watcher"], named)
                self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))

    def test_changing_on_the_way_in(self) -> None:
        """SentByClient and ToAccount may change the stanza in place."""

        def mark(stanza: Stanza, _subject: object) -> Verdict:
            stanza.add(Element("mark", "urn:example"))
            return PASS

        for moment in (SentByClient, ToAccount):
            got = self.play(moment, mark)
            self.assertEqual(
                [
                    normal(
                        f"<message id='1' from='{BALCONY}' to='{BALCONY}'>"
                        "<body>Hi</body><mark xmlns='urn:example'/></message>"
                    )
                ],
                got,
            )

    def test_one_session_refuses_for_itself(self) -> None:
        chamber = self.host.login("juliet/chamber")
        self.juliet.sends("<presence/>")
        chamber.sends("<presence/>")

        def only_chamber(_stanza: Stanza, session: ISession) -> Verdict:
            return PASS if session is chamber else STOP

        self.watch(ToResource, only_chamber)
        self.romeo.sends(f"<message to='{JULIET}'/>")
        chamber.receives(f"<message from='{self.romeo.jid}' to='{JULIET}'/>")
        self.juliet.receives()

    def test_stages(self) -> None:
        order: list[str] = []

        def note(name: str, verdict: Verdict) -> Callable[..., Verdict]:
            return lambda *_: order.append(name) or verdict  # type: ignore[func-returns-value]

        self.watch(ToAccount, note("last", PASS), stage=Stage.AFTER)
        self.host.install("block", [Watch(ToAccount, note("block", STOP), Stage.FIRST)])
        self.romeo.sends(f"<message to='{BALCONY}'/>")
        self.assertEqual(["block"], order)
        self.host.remove("block")
        self.romeo.sends(f"<message to='{BALCONY}'/>")
        self.assertEqual(["block", "last"], order)


class OrderTests(DomainTestCase):
    """RFC 6120 10.1: in order, while handlers wait."""

    def test_what_comes_behind_a_request_in_work_waits(self) -> None:
        waiting: Deferred[Answer] = Deferred()
        self.handle(lambda _: waiting)
        nurse = self.host.login("nurse/kitchen")
        self.juliet.sends(f"<iq type='get' id='1'>{QUERY}</iq>")
        self.juliet.sends(*(f"<message id='{n}' to='{nurse.jid}'/>" for n in (2, 3)))
        nurse.sends(f"<message id='4' to='{BALCONY}'/>")  # nobody else waits
        nurse.receives()
        self.juliet.receives(f"<message id='4' from='{nurse.jid}' to='{BALCONY}'/>")
        waiting.callback(None)
        self.juliet.receives(f"<iq type='result' id='1' from='{JULIET}' to='{BALCONY}'/>")
        nurse.receives(
            *(f"<message id='{n}' from='{BALCONY}' to='{nurse.jid}'/>" for n in (2, 3)),
        )

    def test_a_request_takes_no_longer_than_it_may(self) -> None:
        self.handle(lambda _: Deferred())
        self.juliet.sends(f"<iq type='get' id='1'>{QUERY}</iq>", f"<message to='{BALCONY}'/>")
        with capturedLogs() as events:
            self.host.clock.advance(WAIT_SECONDS)
        self.assertEqual(["acme"], [event["feature"] for event in events])
        self.juliet.receives(
            refusal(
                "resource-constraint",
                id="1",
                type="wait",
                from_=JULIET,
                to=BALCONY,
                text="this took too long",
            ),
            f"<message from='{BALCONY}' to='{BALCONY}'/>",
        )
        self.assertEqual([], self.host.clock.getDelayedCalls())

    def test_a_crash_late_holds_nobody_up(self) -> None:
        waiting: Deferred[Answer] = Deferred()
        self.handle(lambda _: waiting)
        self.juliet.sends(f"<iq type='get' id='1'>{QUERY}</iq>", f"<message to='{BALCONY}'/>")
        with capturedLogs() as events:
            waiting.errback(KeyError())
        self.assertEqual("acme", events[0]["feature"])
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))
        self.juliet.receives(
            refusal("internal-server-error", id="1", from_=JULIET, to=BALCONY),
            f"<message from='{BALCONY}' to='{BALCONY}'/>",
        )

    def test_an_answer_to_us_goes_ahead_of_what_waits_for_it(self) -> None:
        """A feature asks the very client whose request it is working on."""

        async def ask_back(request: Request) -> Answer:
            question = Element("question", "urn:example")
            answer = await self.host.request(Iq(question, to=request.sender, type="get", id="back"))
            return answer.payload()

        self.handle(ask_back)
        self.juliet.sends(f"<iq type='get' id='1'>{QUERY}</iq>")
        self.juliet.sends(f"<message id='2' to='{BALCONY}'/>")
        self.juliet.receives(
            f"<iq type='get' id='back' from='example.org' to='{BALCONY}'>"
            "<question xmlns='urn:example'/></iq>"
        )
        self.juliet.sends("<iq type='result' id='back' to='example.org'><a xmlns='urn:a'/></iq>")
        self.juliet.receives(
            f"<iq type='result' id='1' from='{JULIET}' to='{BALCONY}'><a xmlns='urn:a'/></iq>",
            f"<message id='2' from='{BALCONY}' to='{BALCONY}'/>",
        )

    def test_what_is_promised_is_kept_first(self) -> None:
        self.host.storage.latency = 0.01
        store = self.host.open("acme", KeyValue)
        self.handle(lambda _: Promised(None, store.put("juliet", b"kept")))
        self.juliet.sends(f"<iq type='get' id='1'>{QUERY}</iq>")
        self.romeo.sends(f"<message to='{BALCONY}'/>")
        self.juliet.receives()
        self.host.clock.advance(0.01)
        self.juliet.receives(
            f"<iq type='result' id='1' from='{JULIET}' to='{BALCONY}'/>",
            f"<message from='{self.romeo.jid}' to='{BALCONY}'/>",
        )
