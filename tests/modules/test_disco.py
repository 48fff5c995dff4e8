"""Service Discovery (XEP-0030) and its extensions (XEP-0128)."""

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.modules.people import BALCONY, JULIET, PeopleCase, presence
from tests.plays import refusal
from xmppd.api.registrations import (
    ACCOUNT,
    HOST,
    OWN_ACCOUNT,
    SERVICE,
    Answer,
    At,
    Extension,
    Feature,
    Identity,
    Item,
    Node,
    Promised,
    Registration,
    Request,
    Serve,
)
from xmppd.api.services import IService
from xmppd.api.storage import Ticket
from xmppd.modules.disco import Disco
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession
from xmppd.testing.remote import FakeRemote
from xmppd.wire.element import Element

INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"
OURS = f"<feature var='{INFO}'/><feature var='{ITEMS}'/>"
ACCOUNTS = "juliet@example.org"


class DiscoTestCase(SynchronousTestCase):
    """A host that can be asked, by Juliet and by Romeo from elsewhere."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.host.load(Disco)
        self.juliet = self.host.login("juliet/balcony")
        self.romeo = self.host.remote("romeo@example.net/orchard")

    def install(self, *records: Registration) -> None:
        self.host.install("acme", records)

    def ask(self, who: FakeSession | FakeRemote, ns: str, to: str, node: str | None = None) -> None:
        more = "" if node is None else f" node='{node}'"
        who.sends(f"<iq type='get' id='1' to='{to}'><query xmlns='{ns}'{more}/></iq>")

    def assert_shown(
        self,
        who: FakeSession | FakeRemote,
        ns: str,
        to: str,
        content: str,
        node: str | None = None,
    ) -> None:
        self.ask(who, ns, to, node)
        more = f" node='{node}'" if node else ""
        who.receives(
            f"<iq type='result' id='1' from='{to}' to='{who.jid}'>"
            f"<query xmlns='{ns}'{more}>{content}</query></iq>"
        )

    def assert_refused(
        self,
        condition: str,
        who: FakeSession | FakeRemote,
        ns: str,
        to: str,
        node: str | None = None,
    ) -> None:
        self.ask(who, ns, to, node)
        who.receives(refusal(condition, id="1", from_=to, to=str(who.jid)))


class InfoTests(DiscoTestCase):
    """disco#info (XEP-0030 section 3)."""

    def test_host(self) -> None:
        self.assert_shown(
            self.romeo, INFO, "example.org", f"<identity category='server' type='im'/>{OURS}"
        )

    def test_own_account(self) -> None:
        shown = f"<identity category='account' type='registered'/>{OURS}"
        self.assert_shown(self.juliet, INFO, ACCOUNTS, shown)

    def test_own_account_of_a_guest(self) -> None:
        """XEP-0175 section 4."""
        guest = self.host.login("guest7/web", anonymous=True)
        shown = f"<identity category='account' type='anonymous'/>{OURS}"
        self.assert_shown(guest, INFO, "guest7@example.org", shown)

    def test_features_are_sorted_and_shown_once(self) -> None:
        self.install(Feature("urn:z"), Feature("a:b"), Feature("urn:z"), Feature(ITEMS))
        self.assert_shown(
            self.romeo,
            INFO,
            "example.org",
            "<identity category='server' type='im'/>"
            f"<feature var='a:b'/>{OURS}<feature var='urn:z'/>",
        )

    def test_host_and_account_are_kept_apart(self) -> None:
        self.install(
            Feature("urn:1:host", HOST),
            Feature("urn:2:own", OWN_ACCOUNT),
            Feature("urn:3:anybody", ACCOUNT),
            Feature("urn:4:both", OWN_ACCOUNT | ACCOUNT),
            Identity("pubsub", "pep", at=OWN_ACCOUNT | ACCOUNT),
            Identity("store", "file", "Files & more", at=HOST),
        )
        self.assert_shown(
            self.juliet,
            INFO,
            "example.org",
            "<identity category='server' type='im'/>"
            "<identity category='store' type='file' name='Files &amp; more'/>"
            f"{OURS}<feature var='urn:1:host'/>",
        )
        self.assert_shown(
            self.juliet,
            INFO,
            ACCOUNTS,
            "<identity category='account' type='registered'/>"
            "<identity category='pubsub' type='pep'/>"
            f"{OURS}<feature var='urn:2:own'/><feature var='urn:3:anybody'/>"
            "<feature var='urn:4:both'/>",
        )

    def test_extensions(self) -> None:
        """XEP-0128: forms behind the features, made when asked for."""
        made: list[int] = []

        def form() -> Element:
            made.append(1)
            return Element("x", "jabber:x:data", {"type": "result", "n": str(len(made))})

        self.install(Extension(form), Extension(lambda: Element("x", "jabber:x:data"), OWN_ACCOUNT))
        for n in (1, 2):
            self.assert_shown(
                self.romeo,
                INFO,
                "example.org",
                f"<identity category='server' type='im'/>{OURS}"
                f"<x xmlns='jabber:x:data' type='result' n='{n}'/>",
            )
        self.assert_shown(
            self.juliet,
            INFO,
            ACCOUNTS,
            f"<identity category='account' type='registered'/>{OURS}<x xmlns='jabber:x:data'/>",
        )


class ItemsTests(DiscoTestCase):
    """disco#items (XEP-0030 section 4)."""

    def test_none(self) -> None:
        """The result is empty, not an error."""
        self.assert_shown(self.romeo, ITEMS, "example.org", "")
        self.assert_shown(self.juliet, ITEMS, ACCOUNTS, "")

    def test_host(self) -> None:
        rooms, files = JID.parse("rooms.example.org"), JID.parse("files.example.org")
        self.install(Item(rooms, "Rooms"), Item(files), Item(rooms, "Rooms"))
        self.assert_shown(
            self.romeo,
            ITEMS,
            "example.org",
            "<item jid='rooms.example.org' name='Rooms'/><item jid='files.example.org'/>",
        )
        self.assert_shown(self.juliet, ITEMS, ACCOUNTS, "")

    def test_own_account(self) -> None:
        """Its available resources, and what features add."""
        self.install(Item(JID.parse("store.example.org"), at=OWN_ACCOUNT))
        self.host.login("juliet/asleep")
        for resource in ("chamber", "garden"):
            self.host.login(f"juliet/{resource}").sends("<presence/>")
        self.assert_shown(
            self.juliet,
            ITEMS,
            ACCOUNTS,
            f"<item jid='{ACCOUNTS}/chamber'/><item jid='{ACCOUNTS}/garden'/>"
            "<item jid='store.example.org'/>",
        )


class StrangerTests(DiscoTestCase):
    """Requests to somebody else's account (XEP-0030 section 8)."""

    def setUp(self) -> None:
        super().setUp()
        self.nurse = self.host.login("nurse/kitchen")
        self.nurse.sends("<presence/>")
        everybody = HOST | OWN_ACCOUNT | ACCOUNT
        self.install(
            Node("n", lambda _: None, lambda _: None, everybody), Feature("urn:example", everybody)
        )

    def test_they_learn_nothing(self) -> None:
        """Not even whether the account exists, nor the node."""
        for ns in (INFO, ITEMS):
            for node in (None, "", "n", "unknown"):
                for who in (self.juliet, self.romeo):
                    for name in ("nurse", "nobody"):
                        to = f"{name}@example.org"
                        self.assert_refused("service-unavailable", who, ns, to, node)


class ContactTests(PeopleCase):
    """Contacts who see an account's presence may ask it, nobody else (section 8)."""

    def test_by_subscription(self) -> None:
        self.capulet.load(Disco)
        self.available()
        ask = f"<iq type='get' id='1' to='{JULIET}'><query xmlns='{ITEMS}'/></iq>"
        self.romeo.sends(ask)
        self.assertIn("service-unavailable", self.romeo.take()[0])
        self.befriend()
        self.romeo.sends(ask)
        self.assertIn(f'<item jid="{BALCONY}"/>', self.romeo.take()[0])
        self.romeo.sends(presence("unsubscribe", JULIET))
        self.capulet.unread()
        self.romeo.sends(ask)
        self.assertIn("service-unavailable", self.romeo.take()[0])


class NodeTests(DiscoTestCase):
    """Requests with a node (XEP-0030 3.2, 4.2)."""

    def node(self, name: str, at: At = HOST) -> Node:
        """Return a node whose answers say how it was asked."""

        def info(request: Request) -> Answer:
            query = Element("query", INFO)
            query.add("feature", var=f"{name} {request.at.name}")
            return query

        def items(request: Request) -> Answer:
            query = Element("query", ITEMS)
            query.add("item", jid="example.org", node=f"{name} {request.at.name}")
            return query

        return Node(name, info, items, at)

    def test_known(self) -> None:
        self.install(self.node("a"), self.node("b", OWN_ACCOUNT), self.node("c", ACCOUNT))
        table: list[tuple[FakeSession | FakeRemote, str, str, str]] = [
            (self.romeo, "example.org", "a", "a HOST"),
            (self.juliet, ACCOUNTS, "b", "b OWN_ACCOUNT"),
            (self.juliet, ACCOUNTS, "c", "c OWN_ACCOUNT"),
        ]
        for who, to, node, how in table:
            self.assert_shown(who, INFO, to, f"<feature var='{how}'/>", node)
            self.assert_shown(who, ITEMS, to, f"<item jid='example.org' node='{how}'/>", node)

    def test_unknown(self) -> None:
        self.install(self.node("a"), self.node("b", OWN_ACCOUNT))
        for ns in (INFO, ITEMS):
            self.assert_refused("item-not-found", self.romeo, ns, "example.org", "b")
            self.assert_refused("item-not-found", self.romeo, ns, "example.org", "A")
            self.assert_refused("item-not-found", self.juliet, ns, ACCOUNTS, "a")

    def test_an_empty_name_is_none(self) -> None:
        self.assert_shown(self.romeo, ITEMS, "example.org", "", "")

    def test_ways_to_answer(self) -> None:
        """The name of the node is seen to here."""
        waiting: Deferred[Answer] = Deferred()

        async def coroutine(_request: Request) -> Answer:
            return await waiting

        def promised(_request: Request) -> Answer:
            return Promised(Element("query", ITEMS), Ticket(0))

        def deferred(_request: Request) -> Deferred[Answer]:
            return succeed(Element("query", ITEMS, {"node": "wrong"}))

        self.install(Node("a", coroutine, promised), Node("b", coroutine, deferred))
        self.assert_shown(self.romeo, ITEMS, "example.org", "", "a")
        self.assert_shown(self.romeo, ITEMS, "example.org", "", "b")
        self.ask(self.romeo, INFO, "example.org", "a")
        self.romeo.receives()
        waiting.callback(Element("query", INFO))
        self.romeo.receives(
            f"<iq type='result' id='1' from='example.org' to='{self.romeo.jid}'>"
            f"<query xmlns='{INFO}' node='a'/></iq>"
        )

    def test_no_content(self) -> None:
        self.install(Node("a", lambda _: None, lambda _: None))
        self.ask(self.romeo, INFO, "example.org", "a")
        self.romeo.receives(f"<iq type='result' id='1' from='example.org' to='{self.romeo.jid}'/>")

    def test_refusing_and_crashing(self) -> None:
        def refuse(_request: Request) -> Answer:
            raise StanzaError("not-allowed")

        def crash(_request: Request) -> Answer:
            raise KeyError

        self.install(Node("a", refuse, crash))
        self.assert_refused("not-allowed", self.romeo, INFO, "example.org", "a")
        with capturedLogs() as events:
            self.assert_refused("internal-server-error", self.romeo, ITEMS, "example.org", "a")
        self.assertEqual(["disco"], [event["feature"] for event in events])
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))


ROOMS = "rooms.example.org"


@implementer(IService)
class Rooms:
    """A service with two nodes, one of them empty."""

    def receive(self, stanza: Stanza) -> None:
        raise StanzaError("gone")

    def info(self, request: Request) -> Answer:
        query = Element("query", INFO)
        query.add("feature", var=f"in {request.payload.attrs['node']}")
        return query

    async def items(self, request: Request) -> Answer:
        node = request.payload.attrs.get("node")
        if node == "unknown":
            raise StanzaError("item-not-found")
        query = Element("query", ITEMS)
        query.add("item", jid=f"a@{ROOMS}", node=node or "none")
        return query


class ServiceTests(DiscoTestCase):
    """Services: their `Serve` says what is shown of them, and they answer for what is inside."""

    def setUp(self) -> None:
        super().setUp()
        self.rooms = Rooms()

    def serve(self, *features: str, identity: Identity | None = None, **more: Any) -> None:
        identity = identity or Identity("conference", "text", "Rooms")
        self.install(Serve(ROOMS, self.rooms, identity, features, **more))

    def test_info(self) -> None:
        self.serve("urn:z", "urn:a", INFO)
        self.host.install(
            "more",
            [
                Feature("urn:host", HOST),
                Feature("urn:service", SERVICE),
                Identity("pubsub", "service", at=SERVICE),
            ],
        )
        for who in (self.juliet, self.romeo):
            self.assert_shown(
                who,
                INFO,
                ROOMS,
                "<identity category='conference' type='text' name='Rooms'/>"
                "<identity category='pubsub' type='service'/>"
                f"{OURS}<feature var='urn:a'/><feature var='urn:service'/><feature var='urn:z'/>",
            )

    def test_forms(self) -> None:
        """XEP-0128: those of the service before those of others."""
        self.serve(forms=(lambda: Element("x", "jabber:x:data", {"n": "1"}),))
        form = Element("x", "jabber:x:data", {"n": "2"})
        self.host.install("more", [Extension(lambda: form, SERVICE)])
        self.assert_shown(
            self.romeo,
            INFO,
            ROOMS,
            f"<identity category='conference' type='text' name='Rooms'/>{OURS}"
            "<x xmlns='jabber:x:data' n='1'/><x xmlns='jabber:x:data' n='2'/>",
        )

    def test_which_of_several(self) -> None:
        self.serve("urn:rooms")
        self.host.install(
            "files", [Serve("files.example.org", self.rooms, Identity("store", "file"))]
        )
        self.assert_shown(
            self.romeo, INFO, "files.example.org", f"<identity category='store' type='file'/>{OURS}"
        )
        self.assert_shown(
            self.romeo,
            ITEMS,
            "example.org",
            f"<item jid='{ROOMS}' name='Rooms'/><item jid='files.example.org'/>",
        )
        self.assert_shown(self.juliet, ITEMS, ACCOUNTS, "")

    def test_without_anything_inside(self) -> None:
        self.serve()
        self.assert_shown(self.romeo, ITEMS, ROOMS, "")
        for ns in (INFO, ITEMS):
            self.assert_refused("item-not-found", self.romeo, ns, ROOMS, "a")

    def test_items_that_features_add(self) -> None:
        self.serve()
        self.host.install("more", [Item(JID.parse("a@example.net"), at=SERVICE)])
        self.assert_shown(self.romeo, ITEMS, ROOMS, "<item jid='a@example.net'/>")

    def test_what_it_has_inside(self) -> None:
        self.serve(info=self.rooms.info, items=self.rooms.items)
        self.assert_shown(self.romeo, ITEMS, ROOMS, f"<item jid='a@{ROOMS}' node='none'/>")
        self.assert_shown(self.romeo, ITEMS, ROOMS, f"<item jid='a@{ROOMS}' node='b'/>", "b")
        self.assert_shown(self.romeo, INFO, ROOMS, "<feature var='in b'/>", "b")
        self.assert_refused("item-not-found", self.romeo, ITEMS, ROOMS, "unknown")

    def test_nodes_of_features_come_first(self) -> None:
        self.serve(info=self.rooms.info, items=self.rooms.items)
        self.host.install(
            "more", [Node("b", lambda _: None, lambda _: Element("query", ITEMS), SERVICE)]
        )
        self.assert_shown(self.romeo, ITEMS, ROOMS, "", "b")

    def test_other_addresses_are_its_own_affair(self) -> None:
        self.serve()
        for to in (f"a@{ROOMS}", f"a@{ROOMS}/nurse", f"{ROOMS}/x"):
            for ns in (INFO, ITEMS):
                self.assert_refused("gone", self.romeo, ns, to)
