"""What components, and those who write to them, can make grow (RFC 6120 13.12)."""

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from tests.component.house import HOST, IRC, JULIET, PLAYS, ComponentCase, House, opening
from xmppd.api.moments import PASS, ToAccount
from xmppd.api.registrations import HOST as AT_HOST
from xmppd.api.registrations import HandleIq, Promised, Request, Watch
from xmppd.api.storage import KeyValue
from xmppd.component.backlog import LONGEST
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Presence, Stanza
from xmppd.storage.simulated import SimulatedStorage
from xmppd.wire.element import Element

ROMEO = f"romeo@{HOST}/orchard"


class StrangerTests(ComponentCase):
    """Who has not proven anything."""

    limits = {"unauthenticated_per_address": 3, "negotiation_seconds": 10.0}  # noqa: RUF012

    def test_connections_of_one_network(self) -> None:
        strangers = [self.house.connect("192.0.2.1") for _ in range(4)]
        self.assertEqual([each.refused for each in strangers], [False, False, False, True])
        self.assertFalse(self.house.connect("192.0.2.2").refused)
        strangers[0].hangs_up()
        self.assertFalse(self.house.connect("192.0.2.1").refused)
        self.assertTrue(self.house.connect("192.0.2.1").refused)

    def test_components_are_no_strangers(self) -> None:
        for domain in (PLAYS, IRC):
            self.house.component(domain)
        strangers = [self.house.connect() for _ in range(4)]
        self.assertEqual([each.refused for each in strangers], [False, False, False, True])

    def test_time(self) -> None:
        silent, slow = self.house.connect(), self.house.connect()
        slow.sends(opening())
        slow.read()
        self.house.passes(9)
        silent.receives()
        self.house.passes(1)
        silent.fails_with("connection-timeout")
        slow.fails_with("connection-timeout")

    def test_bytes(self) -> None:
        for text in (opening(more=f"x='{'a' * 11_000}'"), opening() + "<handshake>" + "a" * 11_000):
            component = self.house.connect()
            component.sends(text)
            component.fails_with("policy-violation")

    def test_who_does_not_close_is_closed(self) -> None:
        component = self.house.connect()
        component.sends(opening("nowhere.example"))
        component.fails_with("host-unknown")
        self.assertFalse(component.wire.disconnecting)
        self.house.passes(5)
        self.assertTrue(component.wire.disconnecting)
        self.assertFalse(component.wire.aborted)
        self.house.passes(5)
        self.assertTrue(component.wire.aborted)


class StanzaTests(ComponentCase):
    """What a component sends."""

    limits = {"component_stanza_bytes": 30_000, "stanza_bytes": 20_000}  # noqa: RUF012

    def test_size(self) -> None:
        juliet, plays = self.house.login(), self.house.component()
        for size, arrives in ((29_000, True), (31_000, False)):
            plays.sends(
                f"<message from='{PLAYS}' to='{JULIET}'><body>{'a' * size}</body></message>"
            )
            self.assertEqual(len(juliet.take()), arrives)
        plays.fails_with("policy-violation")

    def test_depth(self) -> None:
        plays = self.house.component()
        plays.sends(f"<message from='{PLAYS}' to='{JULIET}'>" + "<a>" * 100)
        plays.fails_with("policy-violation")


class InboxTests(ComponentCase):
    """What is in work for a component, and waits behind that."""

    limits = {"component_inbox_stanzas": 3}  # noqa: RUF012

    def setUp(self) -> None:
        super().setUp()
        self.juliet = self.house.login()
        self.waits: list[Deferred[Any]] = []
        self.house.install(Watch(ToAccount, self.wait, kinds=("message",)))
        self.plays = self.house.component()

    def wait(self, _stanza: Stanza, _owner: str) -> "Deferred[Any]":
        self.waits.append(Deferred())
        return self.waits[-1]

    @property
    def reading(self) -> bool:
        return self.plays.wire.producerState == "producing"

    def send(self, *senders: str) -> None:
        for sender in senders:
            self.plays.sends(f"<message from='{sender}@{PLAYS}' to='{JULIET}'/>")

    def test_reading_stops(self) -> None:
        for senders in ("aab", "abc", "aaa"):
            with self.subTest(senders=senders):
                self.send(*senders[:2])
                self.assertTrue(self.reading)
                self.send(senders[2])
                self.assertFalse(self.reading)
                while self.waits:
                    self.waits.pop(0).callback(PASS)
                    self.assertTrue(self.reading)
                self.assertEqual(len(self.juliet.take()), 3)

    def test_by_bytes(self) -> None:
        self.house = House(self, component_inbox_bytes=2_000)
        self.juliet = self.house.login()
        self.house.install(Watch(ToAccount, self.wait, kinds=("message",)))
        self.plays = self.house.component()
        body = f"<body>{'a' * 2_000}</body>"
        self.plays.sends(f"<message from='{PLAYS}' to='{JULIET}'>{body}</message>")
        self.assertFalse(self.reading)
        self.waits.pop().callback(PASS)
        self.assertTrue(self.reading)

    def test_what_was_changed_on_the_way_counts_as_it_came(self) -> None:
        """Watchers may add to a stanza, or take from it."""

        def shrink(stanza: Stanza, _owner: str) -> Any:
            stanza.remove(stanza.children)
            return PASS

        self.house.install(Watch(ToAccount, shrink, kinds=("message",)))
        body = f"<body>{'a' * 1_000}</body>"
        for _ in range(3):
            self.plays.sends(f"<message from='{PLAYS}' to='{JULIET}'>{body}</message>")
        self.assertFalse(self.reading)
        while self.waits:
            self.waits.pop(0).callback(PASS)
        self.assertTrue(self.reading)
        lanes = self.plays.protocol._lanes
        self.assertEqual((lanes._stanzas, lanes._bytes), (0, 0))

    def test_the_end_is_read_all_the_same(self) -> None:
        self.send(*"abc")
        self.assertFalse(self.reading)
        self.house.server.components.stop()
        self.house.turn()
        self.assertTrue(self.reading)
        self.plays.fails_with("system-shutdown")
        while self.waits:
            self.waits.pop(0).callback(PASS)
        self.assertEqual(len(self.juliet.take()), 3)
        self.assertTrue(self.reading)


class BacklogTests(ComponentCase):
    """What waits for a component that does not read."""

    # A quarter of the limit is 25 kB; an empty message weighs about half of one.
    limits = {"component_backlog_bytes": 100_000, "slow_reader_seconds": 20.0}  # noqa: RUF012

    def setUp(self) -> None:
        super().setUp()
        self.juliet, self.romeo = self.house.login(), self.house.login(ROMEO)
        self.plays = self.house.component()
        self.plays.stops_reading()

    def send(self, who: Any, *ids: str, size: int = 10_000) -> None:
        for id in ids:
            body = f"<body>{'a' * size}</body>"
            who.sends(f"<message to='{PLAYS}' id='{id}'>{body}</message>")

    def ids(self) -> list[str]:
        return [element.get("id") for element in self.plays.takes()]

    def backlog(self) -> int:
        return self.plays.protocol.backlog.bytes

    def test_it_is_kept_in_order(self) -> None:
        self.send(self.juliet, "1", "2")
        self.assertEqual(self.ids(), [])
        self.assertGreater(self.backlog(), 20_000)
        self.plays.reads_again()
        self.assertEqual(self.ids(), ["1", "2"])
        self.assertEqual(self.backlog(), 0)
        self.send(self.juliet, "3")
        self.assertEqual(self.ids(), ["3"])

    def test_who_writes_much_has_to_wait(self) -> None:
        self.send(self.juliet, "1", "2", "3", "4", "5")
        self.send(self.romeo, "6")
        self.assertLess(self.backlog(), 45_000)  # 1, 2, 3 and 6
        self.plays.reads_again()
        self.assertEqual(self.ids(), ["1", "2", "3", "6", "4", "5"])
        self.juliet.receives()

    def test_answers_wait_for_nobody(self) -> None:
        self.send(self.juliet, "1", "2", "3")
        self.send(self.romeo, "4")
        for id in ("5", "6"):
            self.romeo.sends(f"<iq type='result' id='{id}' to='{PLAYS}'/>")
        self.plays.reads_again()
        self.assertEqual(self.ids(), ["1", "2", "3", "4", "5", "6"])

    def test_one_that_reads_nothing_is_cut_off(self) -> None:
        """What it was not sent is answered, once."""
        self.send(self.juliet, "1", "2", "3", "4")
        self.romeo.sends(f"<presence to='{PLAYS}' id='5'/>")
        self.house.passes(19)
        self.juliet.receives()
        self.house.passes(1)
        answers = self.juliet.take()
        self.assertEqual(len(answers), 4)
        for answer in answers:
            self.assertIn("<remote-server-timeout ", answer)
            self.assertIn('<error type="wait">', answer)
        self.romeo.receives()
        self.house.passes(5)
        self.assertTrue(self.plays.wire.aborted)
        self.house.passes(60)
        self.juliet.receives()
        self.romeo.receives()

    def test_nobody_waits_longer_than_that_for_a_slow_one(self) -> None:
        self.send(self.juliet, "1", "2", "3", "4")
        self.house.passes(19)
        self.plays.protocol.backlog.moved()
        self.house.passes(1)
        self.send(self.juliet, "5")
        self.assertGreater(self.backlog(), 50_000)
        self.house.passes(18)
        self.plays.reads_again()
        self.assertEqual(self.ids(), ["1", "2", "3", "4", "5"])
        self.plays.stops_reading()
        self.send(self.juliet, "6", "7", "8", "9")
        self.assertLess(self.backlog(), 35_000)  # now there is waiting again
        self.plays.reads_again()
        self.assertEqual(self.ids(), ["6", "7", "8", "9"])

    def test_slow_for_too_long(self) -> None:
        self.send(self.juliet, "1", "2", "3")
        for _ in range(20 * LONGEST - 1):
            self.house.clock.advance(1)
            self.plays.protocol.backlog.moved()
        self.juliet.receives()
        self.house.clock.advance(1)
        self.house.turn()
        self.assertEqual(len(self.juliet.take()), 3)

    def test_the_limit(self) -> None:
        """Modules do not wait: what they send fills the backlog."""
        host, to = self.house.server.host(), JID.parse(PLAYS)
        for _ in range(9):
            self.assertFalse(self.plays.wire.disconnecting)
            payload = Element("x", "urn:example", children=["a" * 11_000])
            host.route(Presence(payload, from_=self.juliet.jid, to=to))
        self.assertTrue(self.plays.wire.disconnecting)
        self.assertEqual(self.backlog(), 0)
        self.send(self.juliet, "1")
        [answer] = self.juliet.take()
        self.assertIn("remote-server-timeout", answer)
        self.house.passes(10)
        self.assertTrue(self.plays.wire.aborted)

    def test_one_stanza_beyond_the_limit_is_answered(self) -> None:
        self.send(self.juliet, "1")
        self.send(self.juliet, "2", size=100_000)
        answers = self.juliet.take()
        self.assertEqual(len(answers), 2)
        self.assertIn('id="1"', answers[0])
        self.assertIn('id="2"', answers[1])

    def test_who_has_waited_too_long_is_answered(self) -> None:
        """The router's own limit: the stanza is taken back, and goes nowhere."""
        service = self.house.server.components
        service.settings = replace(service.settings, slow_reader_seconds=1_000.0)
        self.send(self.juliet, "1", "2", "3")
        self.house.passes(60)
        [answer] = self.juliet.take()
        self.assertIn("<resource-constraint ", answer)
        self.assertIn('id="3"', answer)
        self.plays.reads_again()
        self.assertEqual(self.ids(), ["1", "2"])
        self.assertEqual(self.backlog(), 0)

    def test_who_hangs_up_leaves_it_to_be_answered(self) -> None:
        self.send(self.juliet, "1", "2", "3", "4")
        self.plays.hangs_up()
        self.assertEqual(len(self.juliet.take()), 4)

    def test_it_is_shown(self) -> None:
        self.send(self.juliet, "1", "2")
        service = self.house.server.components
        self.assertGreater(service.components[PLAYS].backlog.bytes, 20_000)


class TicketTests(ComponentCase):
    """Promises wait for storage, and what is behind them."""

    def setUp(self) -> None:
        super().setUp()
        storage = self.house.server.storage
        assert isinstance(storage, SimulatedStorage)
        self.storage = storage
        store = storage.host(HOST).open("kept", KeyValue)

        def keep(request: Request) -> Promised:
            return Promised(None, store.put("", request.iq.id.encode()))

        self.house.install(HandleIq("set", "urn:keep", "keep", keep, at=AT_HOST))
        self.house.passes(1)
        storage.latency = 1.0
        self.juliet, self.plays = self.house.login(), self.house.component()

    def keep(self, id: str) -> None:
        self.plays.sends(
            f"<iq type='set' from='{PLAYS}' to='{HOST}' id='{id}'><keep xmlns='urn:keep'/></iq>"
        )

    def ids(self) -> list[str]:
        return [element.get("id") for element in self.plays.takes()]

    def test_nothing_is_promised_before_it_is_kept(self) -> None:
        self.keep("1")
        self.juliet.sends(f"<message to='{PLAYS}' id='2'/>")
        self.assertEqual(self.ids(), [])
        self.house.passes(2)
        self.assertEqual(self.ids(), ["1", "2"])
        self.juliet.sends(f"<message to='{PLAYS}' id='3'/>")
        self.assertEqual(self.ids(), ["3"])
        self.assertEqual(len(self.house.server.clients.gate), 0)

    def test_one_after_the_other(self) -> None:
        self.keep("1")
        self.house.clock.advance(0.5)
        self.keep("2")
        self.house.passes(1)
        self.assertEqual(self.ids(), ["1"])
        self.house.passes(1)
        self.assertEqual(self.ids(), ["2"])

    def test_what_was_lost_is_not_promised(self) -> None:
        self.keep("1")
        self.juliet.sends(f"<message to='{PLAYS}' id='2'/>")
        self.storage.fail_next_commit()
        self.house.passes(2)
        self.plays.fails_with("internal-server-error")
        [answer] = self.juliet.take()
        self.assertIn('id="2"', answer)
        self.flushLoggedErrors()

    def test_waiting_for_storage_is_not_reading_slowly(self) -> None:
        self.storage.latency = 1_000.0
        self.keep("1")
        body = f"<body>{'a' * 200_000}</body>"
        for _ in range(7):
            self.juliet.sends(f"<message to='{PLAYS}'>{body}</message>")
        self.assertGreater(self.plays.protocol.backlog.bytes, 1_048_576)
        self.house.passes(30)
        self.plays.receives()
        self.assertIsNotNone(self.house.server.components.domains[PLAYS].link)

    def test_who_is_gone_holds_up_nothing(self) -> None:
        self.keep("1")
        self.assertEqual(len(self.house.server.clients.gate), 1)
        self.plays.hangs_up()
        self.assertEqual(len(self.house.server.clients.gate), 0)


class SilenceTests(ComponentCase):
    """Signs of life."""

    limits = {"idle_seconds": 100.0, "answer_seconds": 10.0}  # noqa: RUF012

    def test_it_is_asked_for_one(self) -> None:
        plays = self.house.component()
        self.house.passes(100)
        plays.receives()
        self.house.passes(2)
        [ping] = plays.takes()
        self.assertEqual((ping.get("from"), ping.get("to"), ping.get("type")), (HOST, PLAYS, "get"))
        self.house.passes(8)
        plays.receives()
        self.house.passes(2)
        plays.fails_with("connection-timeout")

    def test_any_byte_will_do(self) -> None:
        plays = self.house.component()
        for _ in range(3):
            self.house.passes(70)
            plays.sends(" ")
            self.house.passes(102)
            self.assertEqual(len(plays.takes()), 1)
            plays.sends(" ")
            self.house.passes(20)
        plays.receives()

    def test_who_speaks_is_not_asked(self) -> None:
        plays = self.house.component()
        for _ in range(30):
            self.house.passes(10)
            plays.sends(" ")
        plays.receives()


class FaultTests(ComponentCase):
    """Faults of ours."""

    def test_one_stream_ends_and_no_other(self) -> None:
        plays, irc = self.house.component(), self.house.component(IRC)

        def crash(_stanza: Stanza) -> None:
            raise ZeroDivisionError

        self.patch(type(plays.protocol._lanes), "take", lambda _self, stanza: crash(stanza))
        plays.sends(f"<message from='{PLAYS}' to='{JULIET}'/>")
        plays.fails_with("internal-server-error")
        self.assertFalse(irc.reader.ended)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_what_cannot_be_written_is_dropped(self) -> None:
        plays, juliet = self.house.component(), self.house.login()
        bad = Presence(from_=juliet.jid, to=JID.parse(PLAYS), id="\0")
        with capturedLogs() as events:
            self.house.server.host().route(bad)
        juliet.sends(f"<message to='{PLAYS}' id='2'/>")
        plays.receives(f"<message from='{JULIET}' to='{PLAYS}' id='2'/>")
        self.assertEqual(len(events), 1)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_a_lane_that_breaks_is_not_clogged(self) -> None:
        juliet, plays = self.house.login(), self.house.component()
        waiting: Deferred[Any] = Deferred()
        self.house.install(
            Watch(ToAccount, lambda *_: waiting, kinds=("message",), payload=(("urn:s", "s"),))
        )
        one = f"<message from='{PLAYS}' to='{JULIET}'><s xmlns='urn:s'/></message>"
        two = f"<message from='{PLAYS}' to='{JULIET}' id='2'/>"
        plays.sends(one, two, two)

        def crash(_stanza: Stanza) -> None:
            raise ZeroDivisionError

        lanes = plays.protocol._lanes
        route, lanes._route = lanes._route, crash
        waiting.callback(PASS)
        lanes._route = route
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        juliet.take()
        plays.sends(two)
        juliet.receives(two)
        self.assertEqual((lanes._stanzas, lanes._bytes), (0, 0))

    def test_a_connection_that_cannot_be_looked_after(self) -> None:
        plays, irc = self.house.component(), self.house.component(IRC)

        def crash(*_: object) -> None:
            raise ZeroDivisionError

        for way in (self.house.server.components.stop, lambda: self.house.passes(1)):
            self.patch(plays.protocol.backlog.__class__, "is_stuck", crash)
            self.patch(plays.protocol.__class__, "fail", crash)
            way()
            self.assertTrue(plays.wire.aborted and irc.wire.aborted)
            self.assertGreater(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class LifeTests(ComponentCase):
    """The end of the server."""

    def test_stopping(self) -> None:
        juliet, plays = self.house.login(), self.house.component()
        juliet.sends(f"<presence to='{PLAYS}'/>")
        plays.takes()
        stopping = self.house.server.stop()
        self.house.turn()
        plays.fails_with("system-shutdown")
        self.assertTrue(self.house.connect().refused)
        self.assertNoResult(stopping)
        plays.sends("</stream:stream>")
        self.assertTrue(plays.wire.disconnecting)
        plays.hangs_up()
        self.house.passes(10)
        self.successResultOf(stopping)
        self.assertEqual(self.house.clock.getDelayedCalls(), [])

    def test_once_is_enough(self) -> None:
        plays = self.house.component()
        for _ in range(2):
            self.house.server.components.stop()
        self.house.turn()
        plays.fails_with("system-shutdown")

    def test_one_that_does_not_go(self) -> None:
        plays = self.house.component()
        stopping = self.house.server.stop()
        self.house.passes(10)
        self.assertTrue(plays.wire.aborted)
        self.successResultOf(stopping)

    def test_counts(self) -> None:
        service = self.house.server.components
        self.assertEqual((len(service), list(service.components)), (0, []))
        plays = self.house.component()
        self.house.connect()
        self.assertEqual((len(service), list(service.components)), (2, [PLAYS]))
        self.assertEqual(plays.protocol.since, self.house.wall.now())
        plays.hangs_up()
        plays.hangs_up()
        self.assertEqual((len(service), list(service.components)), (1, []))
