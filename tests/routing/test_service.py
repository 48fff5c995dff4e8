"""Services in the process, each with a domain of its own."""

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.plays import refusal
from xmppd.api.host import IHost
from xmppd.api.registrations import (
    HOST,
    SERVICE,
    Every,
    HandleIq,
    Identity,
    Promised,
    Registration,
    Request,
    Serve,
)
from xmppd.api.router import IDomain
from xmppd.api.services import IService, service_domain
from xmppd.api.storage import KeyValue
from xmppd.routing.registry import RegistrationError
from xmppd.routing.service import ServiceDomain
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Stanza
from xmppd.testing.fake_host import FakeHost
from xmppd.wire.element import Element

ECHO = "echo.example.org"
PING = "<ping xmlns='urn:xmpp:ping'/>"
IDENTITY = Identity("component", "generic", "Echo")


@implementer(IService)
class Echo:
    """Says again what is said to it."""

    def __init__(self, host: IHost) -> None:
        self._host = host

    def registrations(self) -> Iterator[Registration]:
        yield Serve(service_domain("echo", self._host.domain), self, IDENTITY)

    def receive(self, stanza: Stanza) -> None:
        if stanza.type == "error":
            return
        if stanza.kind != "message":
            raise StanzaError("feature-not-implemented")
        again = stanza.copy()
        again.to, again.from_ = stanza.from_, stanza.to
        self._host.route(again)


@implementer(IService)
class Recorder:
    """Keeps what comes, and does with it what a test says."""

    def __init__(self) -> None:
        self.came: list[Stanza] = []
        self.react: Callable[[Stanza], Any] = lambda _: None

    def receive(self, stanza: Stanza) -> Any:
        self.came.append(stanza)
        return self.react(stanza)


class EchoTests(SynchronousTestCase):
    """A service as somebody would write one."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.echo = self.host.load(Echo)
        self.juliet = self.host.login("juliet/balcony")
        self.romeo = self.host.remote("romeo@example.net/orchard")

    def test_from_here_and_elsewhere(self) -> None:
        for to in (ECHO, f"romeo@{ECHO}", f"romeo@{ECHO}/orchard"):
            for who in (self.juliet, self.romeo):
                who.sends(f"<message to='{to}' id='1'><body>Hello</body></message>")
                who.receives(
                    f"<message from='{to}' to='{who.jid}' id='1'><body>Hello</body></message>"
                )
        self.assertEqual({}, self.host.unread())

    def test_refusals(self) -> None:
        for kind, more in (("iq", PING), ("presence", "")):
            type = "type='get'" if kind == "iq" else ""
            self.romeo.sends(f"<{kind} {type} to='{ECHO}' id='1'>{more}</{kind}>")
            self.romeo.receives(
                refusal(
                    "feature-not-implemented",
                    kind=kind,
                    id="1",
                    from_=ECHO,
                    to=str(self.romeo.jid),
                )
            )

    def test_malformed_requests_do_not_reach_it(self) -> None:
        self.romeo.sends(f"<iq type='get' to='{ECHO}' id='1'/>")
        [answer] = self.romeo.take()
        self.assertIn("bad-request", answer)

    def test_it_goes_with_its_feature(self) -> None:
        self.assertEqual((ECHO,), tuple(serve.domain for serve in self.host.services()))
        self.host.remove("echo")
        self.assertEqual((), self.host.services())
        self.romeo.sends(f"<message to='{ECHO}' id='1'/>")
        self.romeo.receives(
            refusal(
                "remote-server-not-found",
                kind="message",
                id="1",
                from_=ECHO,
                to=str(self.romeo.jid),
            )
        )
        self.host.load(Echo)

    def test_it_goes_with_its_host(self) -> None:
        self.host.shut_down()
        self.assertIsNone(self.host.router.answering(ECHO))

    def test_another_host_has_its_own(self) -> None:
        other = FakeHost("example.com", beside=self.host)
        other.load(Echo)
        self.romeo.sends("<message to='echo.example.com' id='1'/>")
        self.romeo.receives(f"<message from='echo.example.com' to='{self.romeo.jid}' id='1'/>")


class ClashTests(SynchronousTestCase):
    """Domains that cannot be had."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.other = FakeHost("example.com", beside=self.host)
        self.host.install("first", [self.serve(ECHO)])

    def serve(self, domain: str) -> Serve:
        return Serve(domain, Recorder(), IDENTITY)

    def test_they_are_refused(self) -> None:
        for host in (self.host, self.other):
            for domain, why in (
                (ECHO, f"second of {host.domain} cannot answer for {ECHO}: that is served already"),
                ("example.com", "cannot answer for example.com: that is served already"),
                ("Echo.example.org", "cannot answer for 'Echo.example.org': it is no domain"),
                ("a@b", "second cannot answer for 'a@b': it is no domain"),
            ):
                records = [self.serve("new.example.org"), self.serve(domain), Every(1, int)]
                error = self.assertRaises(RegistrationError, host.install, "second", records)
                self.assertIn(why, str(error))
        self.assertIsNone(self.host.router.answering("new.example.org"))
        self.assertEqual([], self.host.clock.getDelayedCalls())

    def test_one_feature_cannot_have_it_twice(self) -> None:
        records = [self.serve("a.example.org"), self.serve("a.example.org")]
        error = self.assertRaises(RegistrationError, self.host.install, "second", records)
        self.assertIn("the domain a.example.org is claimed by both second and second", str(error))
        self.assertIsNone(self.host.router.answering("a.example.org"))

    def test_two_features_at_once_cannot_have_the_same(self) -> None:
        both = {name: [self.serve("a.example.org"), Every(1, int)] for name in ("second", "third")}
        error = self.assertRaises(RegistrationError, self.host.install_all, both)
        self.assertIn("the domain a.example.org is claimed by both second and third", str(error))
        self.assertIsNone(self.host.router.answering("a.example.org"))
        self.assertEqual(("first",), self.host.registry.features)
        self.assertEqual([], self.host.clock.getDelayedCalls())

    def test_a_feature_that_clashes_otherwise_serves_nothing(self) -> None:
        answer = HandleIq("get", "urn:example", "query", lambda _: None, HOST)
        self.host.install("acme", [answer])
        records = [self.serve("a.example.org"), answer]
        self.assertRaises(RegistrationError, self.host.install, "second", records)
        self.assertIsNone(self.host.router.answering("a.example.org"))
        self.assertEqual(("first", "acme"), self.host.registry.features)


class WhoseTests(SynchronousTestCase):
    """What reaches the service and what others answer."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.service = Recorder()
        self.host.install("acme", [Serve(ECHO, self.service, IDENTITY)])
        self.romeo = self.host.remote("romeo@example.net/orchard")
        self.asked: list[Request] = []

    def handle(self, handler: Callable[[Request], Any]) -> None:
        self.host.install(
            "pinger", [HandleIq("get", "urn:xmpp:ping", "ping", handler, HOST | SERVICE)]
        )

    def pong(self, request: Request) -> None:
        self.asked.append(request)

    def ask(self, to: str, type: str = "get") -> None:
        self.romeo.sends(f"<iq type='{type}' id='1' to='{to}'>{PING}</iq>")

    def result(self) -> str:
        return f"<iq type='result' id='1' from='{ECHO}' to='{self.romeo.jid}'/>"

    def test_features_answer_at_the_bare_domain(self) -> None:
        self.handle(self.pong)
        self.ask(ECHO)
        self.romeo.receives(self.result())
        [request] = self.asked
        self.assertEqual((SERVICE, ""), (request.at, request.owner))
        self.assertEqual(JID.parse(ECHO), request.iq.to)
        self.assertEqual([], self.service.came)

    def test_and_nowhere_else(self) -> None:
        self.handle(self.pong)
        for to, type in ((f"{ECHO}/x", "get"), (f"a@{ECHO}", "get"), (ECHO, "set")):
            self.ask(to, type)
            self.assertEqual(1, len(self.service.came), (to, type))
            self.service.came.clear()
        self.romeo.receives()
        self.assertEqual([], self.asked)

    def test_a_feature_for_the_host_alone_does_not(self) -> None:
        self.host.install("pinger", [HandleIq("get", "urn:xmpp:ping", "ping", self.pong, at=HOST)])
        self.ask(ECHO)
        self.assertEqual(1, len(self.service.came))

    def test_an_answer_that_takes_time(self) -> None:
        waiting: Deferred[None] = Deferred()
        self.handle(lambda _: waiting)
        self.ask(ECHO)
        self.romeo.receives()
        waiting.callback(None)
        self.romeo.receives(self.result())

    def test_a_promise_takes_its_ticket_along(self) -> None:
        store = self.host.open("kept", KeyValue)
        self.host.storage.latency = 1.0
        self.handle(lambda _: Promised(None, store.put("", b"1")))
        juliet = self.host.login("juliet/balcony")
        self.host.clock.advance(2)
        juliet.sends(f"<iq type='get' id='1' to='{ECHO}'>{PING}</iq>")
        juliet.receives()
        self.host.clock.advance(2)
        juliet.receives(f"<iq type='result' id='1' from='{ECHO}' to='{juliet.jid}'/>")

    def test_answers_to_requests_of_the_service(self) -> None:
        """`host.request` with an address of the service; all other answers are the service's."""
        for from_ in (ECHO, f"room@{ECHO}/nurse"):
            request = Iq(
                Element("ping", "urn:xmpp:ping"),
                to=self.romeo.jid,
                from_=JID.parse(from_),
                type="get",
                id="1",
            )
            answer = self.host.request(request)
            self.romeo.take()
            self.romeo.sends(f"<iq type='result' id='2' to='{from_}'/>")
            self.assertEqual(["2"], [stanza.id for stanza in self.service.came])
            self.assertNoResult(answer)
            self.romeo.sends(f"<iq type='result' id='1' to='{from_}'/>")
            self.successResultOf(answer)
            self.assertEqual(1, len(self.service.came))
            self.service.came.clear()

    def test_what_it_refuses_is_answered_once(self) -> None:
        async def later(_stanza: Stanza) -> None:
            await waiting
            raise StanzaError("item-not-found")

        def at_once(_stanza: Stanza) -> None:
            raise StanzaError("item-not-found")

        for react in (at_once, later):
            waiting: Deferred[None] = Deferred()
            self.service.react = react
            self.romeo.sends(f"<message to='{ECHO}' id='1'/>")
            waiting.callback(None)
            self.romeo.receives(
                refusal(
                    "item-not-found", kind="message", id="1", from_=ECHO, to=str(self.romeo.jid)
                )
            )
            self.romeo.sends(f"<message type='error' to='{ECHO}' id='2'/>")
            self.romeo.receives()

    def test_crashes_are_the_features(self) -> None:
        waiting: Deferred[None] = Deferred()

        async def later(_stanza: Stanza) -> None:
            await waiting
            raise KeyError

        def at_once(_stanza: Stanza) -> None:
            raise KeyError

        self.service.react = at_once
        with capturedLogs() as events:
            self.romeo.sends(f"<message to='{ECHO}' id='1'/>")
            self.service.react = later
            self.romeo.sends(f"<message to='{ECHO}' id='1'/>")
            waiting.callback(None)
        crash = refusal(
            "internal-server-error", kind="message", id="1", from_=ECHO, to=str(self.romeo.jid)
        )
        self.romeo.receives(crash, crash)
        self.assertEqual(["acme"] * 2, [event["feature"] for event in events])
        self.assertEqual(2, len(self.flushLoggedErrors(KeyError)))

    def test_waiting_holds_up_the_sender_and_has_an_end(self) -> None:
        juliet = self.host.login("juliet/balcony")
        self.service.react = lambda _: Deferred()
        juliet.sends(f"<message to='{ECHO}' id='1'/>", f"<message to='{ECHO}' id='2'/>")
        self.assertEqual(["1"], [stanza.id for stanza in self.service.came])
        self.service.react = lambda _: None
        with capturedLogs() as events:
            self.host.clock.advance(60)
        self.assertEqual(["acme"], [event["feature"] for event in events])
        self.assertEqual(["1", "2"], [stanza.id for stanza in self.service.came])
        [answer] = juliet.take()
        self.assertIn("resource-constraint", answer)

    def test_interfaces(self) -> None:
        for domain in (ECHO,):
            answering: Any = self.host.router.answering(domain)
            self.assertIsInstance(answering, ServiceDomain)
            self.assertTrue(verifyObject(IDomain, answering))
        self.assertTrue(verifyObject(IService, self.service))
