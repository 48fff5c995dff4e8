"""Stanzas before binding (RFC 6120 7.1), and sessions that take their time to open."""

from typing import Any

from twisted.internet.defer import Deferred

from tests.c2s.client import Client
from tests.c2s.house import HouseCase, Setup
from tests.c2s.texts import CAPULET, JULIET, binding, bound, iq_error
from tests.c2s.watchers import breaks, noting
from xmppd.api.moments import SessionClosed, SessionOpened
from xmppd.api.registrations import (
    HOST,
    OWN_ACCOUNT,
    HandleIq,
    PerAccount,
    Promised,
    Request,
    Watch,
)
from xmppd.api.storage import KeyValue, StorageError
from xmppd.wire.element import Element


class UnboundTests(HouseCase):
    """Stanzas before binding: the server and the own account answer, nobody else hears (7.1)."""

    def setUp(self) -> None:
        super().setUp()
        self.house.install(
            HandleIq("get", "urn:host", "query", lambda _: Element("host", "urn:host"), at=HOST),
            HandleIq("get", "urn:own", "query", lambda _: None, at=OWN_ACCOUNT),
            HandleIq("get", "urn:slow", "query", lambda _: self.slow),
            HandleIq("get", "urn:broken", "query", breaks),
        )
        self.slow: Deferred[Element] = Deferred()
        self.romeo = self.house.login("romeo", "orchard")
        self.client = self.house.connect()
        self.client.logs_in()

    def ask(self, ns: str, attributes: str = "") -> None:
        self.client.sends(f"<iq type='get' id='1' {attributes}><query xmlns='{ns}'/></iq>")

    def test_the_server_answers(self) -> None:
        self.ask("urn:host", f"to='{CAPULET}'")
        self.client.receives(
            f"<iq type='result' id='1' from='{CAPULET}'><host xmlns='urn:host'/></iq>"
        )
        self.client.sends(binding("x"))
        self.client.receives(bound("x"))

    def test_the_own_account_answers(self) -> None:
        for attributes, answered in (
            ("", ""),
            (f"to='{JULIET}'", f"from='{JULIET}'"),
            (f"from='{JULIET}'", ""),
        ):
            self.ask("urn:own", attributes)
            self.client.receives(f"<iq type='result' id='1' {answered}/>")

    def test_what_nobody_answers(self) -> None:
        self.ask("urn:unknown")
        self.client.receives(iq_error("service-unavailable", "cancel", "type='error' id='1'"))
        self.ask("urn:broken")
        self.client.receives(iq_error("internal-server-error", "cancel", "type='error' id='1'"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        for answer in ("result", "error"):
            self.client.sends(f"<iq type='{answer}' id='1'/>")
            self.client.receives()

    def test_order_is_kept(self) -> None:
        self.ask("urn:slow")
        self.client.sends(binding("x"))
        self.client.receives()
        self.slow.callback(Element("late", "urn:slow"))
        self.house.turn()
        self.client.receives(
            "<iq type='result' id='1'><late xmlns='urn:slow'/></iq>",
            bound("x"),
        )

    def test_messages_and_presence(self) -> None:
        for kind in ("message", "presence"):
            for attributes in ("", f"to='{CAPULET}'", f"to='{JULIET}'"):
                self.client.sends(f"<{kind} id='1' {attributes}/>")
                (answer,) = self.client.takes()
                self.assertEqual(answer.tag, f"{{jabber:client}}{kind}")
                self.assertEqual(answer.get("type"), "error")
        self.assertEqual(self.house.server.hosts[CAPULET].local.sessions("juliet"), ())

    def test_to_others(self) -> None:
        for stanza in (
            f"<message to='romeo@{CAPULET}/orchard'/>",
            f"<message to='{JULIET}/balcony'/>",
            "<presence to='romeo@montague.example'/>",
            f"<iq type='get' id='1' to='romeo@{CAPULET}'><query xmlns='urn:own'/></iq>",
            "<message to='@'/>",
            binding("x").replace("<iq ", f"<iq to='romeo@{CAPULET}' "),
        ):
            client = self.house.connect()
            client.logs_in()
            client.sends(stanza)
            client.fails_with("not-authorized")
        self.romeo.receives()

    def test_from_others(self) -> None:
        for sender in (f"romeo@{CAPULET}", f"{JULIET}/balcony", "@", CAPULET):
            client = self.house.connect()
            client.logs_in()
            client.sends(f"<iq type='get' id='1' from='{sender}'><query xmlns='urn:own'/></iq>")
            client.fails_with("invalid-from")

    def test_the_client_leaves(self) -> None:
        self.ask("urn:slow")
        assert self.client.protocol is not None
        self.client.protocol.abort()
        self.house.turn()
        self.assertTrue(self.slow.called)
        self.assertEqual(len(self.house.clients), 1)


class PromiseTests(HouseCase):
    """What an answer promises is on disk before it leaves, also before binding."""

    setup = Setup(store="simulated")

    def setUp(self) -> None:
        super().setUp()
        storage: Any = self.house.server.storage
        self.storage = storage
        self.kept = self.house.server.hosts[CAPULET].local.open("notes", KeyValue)
        self.house.install(HandleIq("set", "urn:note", "note", self.keep))
        self.client = self.house.connect()
        self.client.logs_in()
        self.storage.latency = 5.0
        self.client.sends("<iq type='set' id='1'><note xmlns='urn:note'/></iq>", binding("x"))
        self.client.receives()

    def keep(self, request: Request) -> Promised:
        return Promised(None, self.kept.put(request.owner, b"note"))

    def test_kept(self) -> None:
        self.house.passes(6)
        self.client.receives("<iq type='result' id='1'/>", bound("x"))

    def test_lost(self) -> None:
        self.storage.fail_next_commit()
        self.house.passes(6)
        self.client.fails_with("internal-server-error")
        self.assertEqual(len(self.flushLoggedErrors(StorageError)), 1)


class LoadingTests(HouseCase):
    """What an account needs is loaded before its session can be reached."""

    def load(self, waiting: "Deferred[dict[str, str]]") -> Client:
        """Return a client whose session waits for that to be bound."""
        self.house.install(PerAccount(dict, lambda _: waiting))
        client = self.house.connect()
        client.logs_in()
        client.sends(binding("balcony"))
        client.receives()
        return client

    def test_it_fails(self) -> None:
        """The client is told, and may try again."""
        waiting: Deferred[dict[str, str]] = Deferred()
        client = self.load(waiting)
        waiting.errback(ZeroDivisionError())
        self.house.turn()
        client.receives(iq_error("internal-server-error", "cancel"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        local = self.house.server.hosts[CAPULET].local
        local.remove(local.registry.features[-1])
        client.sends(binding("balcony"))
        client.receives(bound("balcony"))

    def test_the_client_leaves(self) -> None:
        cancelled: list[object] = []
        waiting: Deferred[dict[str, str]] = Deferred(cancelled.append)
        client = self.load(waiting)
        assert client.protocol is not None
        client.protocol.abort()
        self.house.turn()
        self.assertEqual(len(cancelled), 1)
        self.assertEqual(self.house.server.hosts[CAPULET].local.sessions("juliet"), ())
        self.assertEqual(len(self.house.clients), 0)

    def test_the_client_leaves_and_the_load_goes_on(self) -> None:
        """Code of others may swallow that nobody waits any more."""
        opened: list[object] = []
        closed: list[object] = []
        waiting: Deferred[dict[str, str]] = Deferred(lambda ended: ended.callback({}))
        self.house.install(
            Watch(SessionOpened, noting(opened)), Watch(SessionClosed, noting(closed))
        )
        client = self.load(waiting)
        assert client.protocol is not None
        client.protocol.abort()
        self.house.turn()
        self.assertEqual((len(opened), len(closed)), (1, 1))
        self.assertEqual(self.house.server.hosts[CAPULET].local.sessions("juliet"), ())

    def test_the_client_leaves_and_the_load_fails(self) -> None:
        waiting: Deferred[dict[str, str]] = Deferred(
            lambda ended: ended.errback(ZeroDivisionError())
        )
        client = self.load(waiting)
        assert client.protocol is not None
        client.protocol.abort()
        self.house.turn()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(len(self.house.clients), 0)

    def test_what_came_meanwhile(self) -> None:
        waiting: Deferred[dict[str, str]] = Deferred()
        romeo = self.house.login("romeo", "orchard")
        client = self.load(waiting)
        message = f"<message to='romeo@{CAPULET}/orchard' id='%d'/>"
        client.sends(*(message % number for number in range(5)))
        self.assertEqual(romeo.takes(), [])
        waiting.callback({})
        self.house.turn()
        client.receives(bound("balcony"))
        self.assertEqual([each.get("id") for each in romeo.takes()], list("01234"))
