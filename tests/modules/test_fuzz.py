"""Malformed requests, messages and presence, for every shipped feature and from everybody.

Made of what the features register: a new one is held to it without a test of its own, once
`tests.modules.wellformed` has a request that it answers. For a longer run with other seeds::

    XMPPD_FUZZ_SEEDS=1:200 python -m twisted.trial tests.modules.test_fuzz
"""

import os
from collections.abc import Iterator

from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.modules.fuzz_world import (
    MESSAGE_TYPES,
    PRESENCE_TYPES,
    TARGETS,
    Case,
    Someone,
    World,
    condition,
    conditions,
    tree,
)
from tests.modules.malformed import ADDRESSES
from tests.modules.surroundings import DOLL
from tests.modules.wellformed import MESSAGES, PRESENCES, requests
from xmppd.api.moments import STOP, SentByClient
from xmppd.api.registrations import (
    ACCOUNT,
    HOST,
    OWN_ACCOUNT,
    SERVICE,
    HandleBeforeLogin,
    HandleIq,
    IqHandler,
    Registration,
    Request,
    StreamContext,
    Watch,
)
from xmppd.api.waiting import settle
from xmppd.stanza.errors import DEFAULT_TYPES, StanzaError
from xmppd.wire.element import Element
from xmppd.wire.namespaces import CLIENT
from xmppd.wire.serializer import serialize

FIRST, _, END = os.environ.get("XMPPD_FUZZ_SEEDS", "0:1").partition(":")
SEEDS = range(int(FIRST), int(END))
REQUESTS = 6000
CONTENTS = 4000
NEWCOMERS = 300
GUESTS = 1000
PLACES = {OWN_ACCOUNT: "", ACCOUNT: "nurse@example.org", HOST: "example.org", SERVICE: DOLL}
"""What Juliet asks to reach a handler at those addresses."""

ADDRESSED = (
    ("iq", "get"),
    ("iq", "result"),
    ("message", "chat"),
    ("presence", ""),
    ("presence", "subscribe"),
    ("presence", "unsubscribed"),
)


@implementer(ILogObserver)
class Complaints:
    """Collects what is logged about errors."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, event: LogEvent) -> None:
        level = event.get("log_level")
        if level is not None and level >= LogLevel.error:
            failure = event.get("log_failure")
            self.texts.append(failure.getTraceback() if failure else str(formatEvent(event)))


class FuzzCase(SynchronousTestCase):
    """A test that fails with the stanza after which something was not right."""

    def setUp(self) -> None:
        self.complaints = Complaints()
        globalLogPublisher.addObserver(self.complaints)
        self.addCleanup(globalLogPublisher.removeObserver, self.complaints)

    def send(self, world: World, sender: Someone, case: Case) -> None:
        try:
            world.send(sender, case)
        except Exception as error:
            self.complaints.texts.append(f"{type(error).__name__}: {error}")
        self.check(f"{sender.jid} sent {case.text[:4000]}")

    def check(self, what: str) -> None:
        if self.complaints.texts:
            self.flushLoggedErrors()
            self.fail("\n".join((what, *self.complaints.texts)))


class FuzzTests(FuzzCase):
    """Nothing fails, nothing goes unanswered, nothing is said that the documents do not name."""

    def worlds(self, name: str) -> Iterator[World]:
        for seed in SEEDS:
            yield World(f"{name} {seed}")

    def good(self, world: World, handler: HandleIq, text: str) -> bool:
        """Tell whether a request is answered with a result to Juliet or the host's guests."""
        before = world.reached["result"]
        for at in handler.at:
            payload = tree(world.filled(text))
            self.send(world, world.juliet, world.case("iq", handler.type, PLACES[at], payload))
        return world.reached["result"] > before

    def test_every_handler_has_a_request_that_it_answers(self) -> None:
        world = World("")
        for handler in world.handlers:
            self.assertTrue(
                self.good(world, handler, requests(handler)[0]),
                f"put a request into tests/modules/wellformed.py for {handler}",
            )

    def test_every_watched_payload_has_an_example(self) -> None:
        world = World("")
        given = [tree(f"<root>{inner}</root>") for inner in (*MESSAGES, *PRESENCES)]
        known = {(each.ns, each.name) for root in given for each in root.elements()}
        known |= {(handler.ns, handler.name) for handler in world.handlers}
        watched = {
            name for _, watch in world.host.registry.records(Watch) for name in watch.payload
        }
        self.assertEqual(set(), watched - known, "put them into tests/modules/wellformed.py")

    def test_requests(self) -> None:
        for world in self.worlds("requests"):
            # Those with much to be got wrong come more often.
            weights = [len("".join(requests(handler))) for handler in world.handlers]
            for number in range(REQUESTS):
                self.send_request(world, world.spoiler.weighted(world.handlers, weights))
                if number % 500 == 250:
                    world.log_out()
                    world.log_in()
            self.assert_all_well(world)
            self.assertGreater(world.reached["result"], REQUESTS / 20)
            self.assertGreater(world.reached["bad-request"], REQUESTS / 20)

    def send_request(self, world: World, handler: HandleIq) -> None:
        choice, chance = world.spoiler.choice, world.spoiler.chance
        text = choice(requests(handler))
        children = world.spoilt(text) if chance(0.9) else [tree(world.filled(text))]
        type = handler.type if chance(0.85) else choice(("get", "set", "result", "error"))
        sender: Someone = world.juliet
        to = choice([PLACES[at] for at in handler.at])
        if chance(0.3):
            strangers: tuple[Someone, ...] = (world.nurse, world.romeo, world.tybalt)
            sender = choice((world.juliet, *strangers))
            to = choice(TARGETS)
        case = world.case("iq", type, to, *children, lang=chance(0.1))
        self.send(world, sender, case)

    def assert_all_well(self, world: World) -> None:
        """What was kept can be read, by this process and by the next one."""
        self.send_good_ones(world)
        world.log_out()
        world.restart()
        self.check("starting again")
        self.send_good_ones(world)

    def send_good_ones(self, world: World) -> None:
        for handler in world.handlers:
            for text in requests(handler):
                self.good(world, handler, text)

    def test_guests(self) -> None:
        """Nothing is kept for those who log in as nobody, whatever they do (XEP-0175 section 4)."""
        for seed in SEEDS:
            world = World(f"guests {seed}", anonymous=True)
            tickets = world.host.storage.tickets
            before = tickets.issued
            for _ in range(GUESTS):
                self.send_request(world, world.spoiler.choice(world.handlers))
                self.send_content(world)
            self.send_good_ones(world)
            world.log_out()
            self.check("logging out")
            self.assertEqual(tickets.issued, before)
            self.assertGreater(world.reached["not-allowed"], GUESTS / 50)

    def test_before_login(self) -> None:
        """Those who have not logged in are answered by functions of their own."""
        for world in self.worlds("newcomers"):
            for _, record in world.host.registry.records(HandleBeforeLogin):
                for number in range(NEWCOMERS):
                    text = world.spoiler.choice(requests(record))
                    for payload in world.spoilt(text)[:1]:
                        context = StreamContext("example.org", number % 5 > 0, network=str(number))
                        said = self.outcome(world, record, context, payload)
                        self.check(serialize(payload, CLIENT).decode())
                        self.assertIn(said, {"", *conditions(record.ns)}, text)

    def outcome(
        self, world: World, record: HandleBeforeLogin, context: StreamContext, payload: Element
    ) -> str:
        """Return the condition of the error somebody is answered with, "" for a result."""
        try:
            answer = settle(record.handler(context, payload))
            if isinstance(answer, Deferred):
                world.host.turn()
                answer = self.successResultOf(answer)
        except StanzaError as error:
            return error.condition
        if answer is not None:
            serialize(answer, CLIENT)
        return ""

    def test_messages_and_presence(self) -> None:
        for world in self.worlds("contents"):
            for number in range(CONTENTS):
                self.send_content(world)
                if number % 500 == 250:
                    world.log_out()
                    world.log_in()
            friar = world.host.login("friar/cell")
            friar.sends("<presence/>")
            world.host.unread()
            self.check("the friar has come")
            self.assert_all_well(world)

    def send_content(self, world: World) -> None:
        choice, chance = world.spoiler.choice, world.spoiler.chance
        senders: tuple[Someone, ...] = (world.juliet, world.nurse, world.romeo, world.tybalt)
        sender = choice((*senders, world.juliet))
        own = "" if sender in (world.juliet, world.nurse) else "juliet@example.org"
        to = choice(
            (
                own,
                own,
                own,
                own,
                *TARGETS,
                "juliet@example.org/balcony",
                "romeo@example.net/orchard",
            )
        )
        kind, types, contents = choice(
            (("message", MESSAGE_TYPES, MESSAGES), ("presence", PRESENCE_TYPES, PRESENCES))
        )
        children = world.spoilt(choice(contents))
        case = world.case(kind, choice(types), to, *children, lang=chance(0.1))
        self.send(world, sender, case)

    def test_addresses(self) -> None:
        """Anything in `to`; whoever is meant, nothing fails."""
        world = World("addresses")
        defined = {"", *DEFAULT_TYPES} - {"internal-server-error"}
        for sender in (world.juliet, world.romeo):
            for to in ADDRESSES:
                for kind, type in ADDRESSED:
                    content = (tree("<query xmlns='jabber:iq:version'/>"),) if kind == "iq" else ()
                    case = world.case(kind, type, to, *content)
                    sender.sends(case.text)
                    conditions = {condition(answer) for answer in world.answers(sender, case)}
                    self.assertLessEqual(conditions, set() if type == "result" else defined)
                    world.host.unread()
                    self.check(case.text)


class PlantedTests(FuzzCase):
    """What is wrong is noticed."""

    def planted(self, *records: Registration) -> str:
        """Return what is said about a feature that registers these."""
        world = World("planted")
        world.host.install("planted", records)
        case = world.case("iq", "get", "", Element("planted", "urn:acme"))
        return str(self.assertRaises(self.failureException, self.send, world, world.juliet, case))

    def handled(self, handler: IqHandler) -> str:
        """Return what is said about a feature that answers like that."""
        return self.planted(HandleIq("get", "urn:acme", "planted", handler))

    def test_crash(self) -> None:
        said = self.handled(lambda request: Element(request.payload.attrs["name"]))
        self.assertIn("KeyError", said)
        self.assertIn("internal-server-error", said)

    def test_a_condition_that_is_not_named(self) -> None:
        def gone(_request: Request) -> None:
            raise StanzaError("redirect")

        self.assertIn("['redirect'] to juliet@example.org/balcony", self.handled(gone))

    def test_taking_for_ever(self) -> None:
        """The framework gives up in the end, and answers."""
        self.assertIn("given up", self.handled(lambda _request: Deferred()))

    def test_silence(self) -> None:
        self.assertIn("[] to juliet", self.planted(Watch(SentByClient, lambda *_: STOP)))

    def test_what_is_logged(self) -> None:
        self.assertIn("alas", self.handled(lambda _request: Logger().error("alas")))
