"""Tests of xmppd.c2s.session, between a host and a link that are none."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from xmppd.api.gate import Gate
from xmppd.api.router import ISessionHost
from xmppd.api.sessions import ISession, SessionRecord
from xmppd.api.storage import Ticket
from xmppd.c2s.link import ILink
from xmppd.c2s.session import Session
from xmppd.server.assemble import client_settings
from xmppd.server.config import ServerConfig
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Message, Stanza
from xmppd.stanza.weight import weight
from xmppd.storage.tickets import NONE_FAILED, TicketCounter
from xmppd.stream.errors import StreamError

JULIET = JID.parse("juliet@example.org/balcony")


@implementer(ILink)
class Link:
    """Writes everything down."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.failed: list[str] = []
        self.paused = False
        self.writable = True
        self.begun = 0
        self.rests: list[Deferred[None]] = []

    def begin(self) -> None:
        self.begun += 1

    def rest(self) -> "Deferred[None] | None":
        return self.rests.pop(0) if self.rests else None

    def send(self, stanza: Stanza) -> None:
        self.sent.append(stanza.id)

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def fail(self, error: StreamError) -> None:
        self.failed.append(error.condition)


class Host:
    """Takes stanzas; those whose type is "wait" take until `go_on`."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.waiting: list[Deferred[None]] = []
        self.closed: list[Session] = []
        self.published: list[SessionRecord] = []
        self.taken_back: list[str] = []
        self.breaks = False

    def submit(self, stanza: Stanza, session: Session) -> "Deferred[None] | None":
        if self.breaks:
            raise ZeroDivisionError
        self.taken.append(stanza.id)
        if stanza.type != "wait":
            return None
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def urgent(self, stanza: Stanza) -> bool:
        return stanza.type == "result"

    def close(self, session: Session) -> None:
        self.closed.append(session)
        session.write(Message(id="from closing"))
        session.close("reset")
        session.publish(available=False)

    def take_back(self, stanzas: Iterable[Stanza], session: Session) -> None:
        assert session in self.closed
        self.taken_back += [stanza.id for stanza in stanzas]

    def publish(self, record: SessionRecord) -> None:
        self.published.append(record)

    def check_state(self, kind: type) -> None:
        if kind is not dict:
            raise LookupError(kind)

    def go_on(self) -> None:
        self.waiting.pop(0).callback(None)


class SessionCase(SynchronousTestCase):
    """A test with a session that has begun."""

    def setUp(self) -> None:
        self.host, self.link = Host(), Link()
        self.tickets = TicketCounter()
        self.gate = Gate(self.tickets)
        self.logouts: list[None] = []
        self.session = self.make()
        self.session.start()

    def make(self, lang: str = "", **settings: Any) -> Session:
        return Session(
            JULIET,
            "juliet",
            SessionRecord(JULIET, "node"),
            host=cast(ISessionHost, self.host),
            link=self.link,
            gate=self.gate,
            settings=replace(client_settings(ServerConfig()), **settings),
            lang=lang,
            logout=lambda: self.logouts.append(None),
        )

    def receive(self, *ids: str, type: str = "") -> None:
        for id in ids:
            self.session.receive(Message(id=id, type=type))

    def write(self, id: str, ticket: int = 0) -> None:
        stanza = Message(id=id)
        stanza.ticket = ticket
        self.session.write(stanza)

    def settle(self, upto: int, failed: range = NONE_FAILED) -> None:
        """Commit up to a ticket, or lose those in `failed`."""
        while self.tickets.issued < upto:
            self.tickets.issue()
        self.tickets.settle(Ticket(upto), failed)


class ReceivingTests(SessionCase):
    """From the client to its host, in order."""

    def test_interface(self) -> None:
        verifyObject(ISession, self.session)
        verifyObject(ILink, self.link)

    def test_stamped_with_sender_and_language(self) -> None:
        session = self.make(lang="cs")
        for spoken, expected in (("", "cs"), ("de", "de")):
            stanza = Message(lang=spoken, from_=JULIET.bare)
            session.receive(stanza)
            self.assertEqual((stanza.from_, stanza.lang), (JULIET, expected))

    def test_order(self) -> None:
        """While one waits the others do; nothing waits where nothing must."""
        self.receive("1", "2")
        self.receive("3", type="wait")
        self.receive("4", "5")
        self.receive("6", type="wait")
        self.receive("7")
        self.assertEqual(self.host.taken, ["1", "2", "3"])
        self.host.go_on()
        self.assertEqual(self.host.taken, ["1", "2", "3", "4", "5", "6"])
        self.host.go_on()
        self.receive("8")
        self.assertEqual(self.host.taken, list("12345678"))

    def test_others_have_their_turns(self) -> None:
        """However much there is to do for this client, and whatever has waited."""
        rests: list[Deferred[None]] = [Deferred(), Deferred()]
        self.link.rests = list(rests)
        self.receive("1", "2")
        self.receive("3", type="wait")
        self.receive("4")
        self.assertEqual((self.host.taken, self.link.begun), (["1"], 0))
        rests[0].callback(None)
        self.assertEqual((self.host.taken, self.link.begun), (["1", "2"], 1))
        rests[1].callback(None)
        self.assertEqual((self.host.taken, self.link.begun), (["1", "2", "3"], 2))
        self.host.go_on()
        self.assertEqual((self.host.taken, self.link.begun), (["1", "2", "3", "4"], 3))

    def test_answers_to_our_requests_do_not_queue(self) -> None:
        """Else a handler could wait for ever for what stands behind it."""
        self.receive("1", type="wait")
        self.receive("2")
        self.session.receive(Iq(id="3", type="result"))
        self.assertEqual(self.host.taken, ["1", "3"])

    def test_a_full_inbox_pauses_reading(self) -> None:
        by_size = 3 * weight(Message(id="1"))
        limits: list[dict[str, Any]] = [{"inbox_stanzas": 3}, {"inbox_bytes": by_size}]
        for settings in limits:
            self.setUp()
            self.session = self.make(**settings)
            self.receive("1", type="wait")
            self.receive("2", type="wait")
            self.receive("3")
            self.assertFalse(self.link.paused)
            self.receive("4")
            self.assertTrue(self.link.paused)
            self.host.go_on()
            self.assertFalse(self.link.paused)
            self.receive("5")
            self.assertTrue(self.link.paused)
            self.host.go_on()
            self.assertFalse(self.link.paused)
            self.assertEqual(self.host.taken, list("12345"))

    def test_somebody_elses_stanza(self) -> None:
        for sender in ("juliet@example.org/other", "romeo@example.org", "example.org"):
            self.setUp()
            self.session.receive(Message(from_=JID.parse(sender)))
            self.assertEqual(self.link.failed, ["invalid-from"])
            self.assertEqual(self.host.taken, [])
        self.setUp()
        malformed = Message()
        malformed.malformed = "from"
        self.session.receive(malformed)
        self.assertEqual(self.link.failed, ["invalid-from"])

    def test_an_exception_of_ours_behind_a_wait(self) -> None:
        """It ends this session, and is in the log."""
        self.receive("1", type="wait")
        self.receive("2")
        self.host.breaks = True
        self.host.go_on()
        self.assertEqual(self.link.failed, ["internal-server-error"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_nothing_is_taken_after_the_end(self) -> None:
        self.session.end()
        self.receive("1")
        self.assertEqual(self.host.taken, [])

    def test_what_waits_goes_nowhere_after_the_end(self) -> None:
        self.receive("1", type="wait")
        self.receive("2")
        self.session.end()
        self.host.go_on()
        self.assertEqual(self.host.taken, ["1"])


class WritingTests(SessionCase):
    """To the client, in order, and nothing before what it promises is kept."""

    def test_at_once(self) -> None:
        self.write("1")
        self.assertEqual(self.link.sent, ["1"])

    def test_nothing_before_the_start(self) -> None:
        self.session = self.make()
        self.settle(1)
        self.write("1")
        self.write("2", 1)
        self.write("3", 2)
        self.assertEqual(self.link.sent, [])
        self.session.start()
        self.assertEqual(self.link.sent, ["1", "2"])
        self.settle(2)
        self.assertEqual(self.link.sent, ["1", "2", "3"])

    def test_all_behind_a_ticket_waits(self) -> None:
        self.settle(1)
        self.write("1", 1)
        self.write("2", 2)
        self.write("3")
        self.write("4", 5)
        self.write("5", 3)
        self.assertEqual(self.link.sent, ["1"])
        self.settle(2)
        self.assertEqual(self.link.sent, ["1", "2", "3"])
        self.settle(4)
        self.write("6")
        self.assertEqual(self.link.sent, ["1", "2", "3"])
        self.settle(5)
        self.assertEqual(self.link.sent, list("123456"))
        self.assertEqual(len(self.gate), 0)
        self.write("7")
        self.assertEqual(self.link.sent, list("1234567"))

    def test_a_lost_promise_ends_the_session(self) -> None:
        """What went before it may go out still."""
        self.write("1", 1)
        self.write("2", 2)
        self.write("3", 3)
        self.settle(1)
        self.settle(3, range(2, 4))
        self.assertEqual(self.link.sent, ["1"])
        self.assertEqual(self.link.failed, ["internal-server-error"])
        self.assertEqual(len(self.gate), 0)

    def test_also_one_that_does_not_stand_in_front(self) -> None:
        """Tickets need not stand in order: an answer may be late."""
        self.write("1", 5)
        self.write("2", 3)
        self.settle(3, range(3, 4))
        self.assertEqual((self.link.sent, self.link.failed), ([], ["internal-server-error"]))

    def test_others_losses_do_not_matter(self) -> None:
        self.write("1", 1)
        self.write("2", 4)
        self.settle(3, range(2, 4))
        self.settle(4)
        self.assertEqual((self.link.sent, self.link.failed), (["1", "2"], []))

    def test_what_waits_is_bounded(self) -> None:
        self.session = self.make(output=3 * weight(Message(id="1")))
        for number in range(5):
            self.write(str(number), 1)
        self.assertEqual(self.link.failed, ["resource-constraint"])
        self.settle(1)
        self.assertEqual(self.link.sent, [])

    def test_who_has_much_for_it_waits(self) -> None:
        """For the client to read, and for storage."""
        self.session = self.make(output=8 * weight(Message(id="1")))
        self.session.start()
        self.assertTrue(self.session.writable)
        self.link.writable = False
        self.assertFalse(self.session.writable)
        self.link.writable = True
        seen = []
        for number in range(3):
            self.write(str(number), 1)
            seen.append(self.session.writable)
        self.assertEqual(seen, [True, True, False])
        self.settle(1)
        self.assertTrue(self.session.writable)
        self.session.end()
        self.assertFalse(self.session.writable)

    def test_nothing_after_the_end(self) -> None:
        self.write("1", 1)
        self.session.end()
        self.link.sent.clear()
        self.write("2")
        self.write("3", 2)
        self.settle(2)
        self.assertEqual((self.link.sent, len(self.gate)), ([], 0))


class EndTests(SessionCase):
    """The end of a session, whoever brings it about."""

    def test_once(self) -> None:
        """Whatever happens meanwhile: see what `Host.close` does."""
        for end in (self.session.end, lambda: self.session.close("conflict"), self.session.end):
            end()
        self.assertEqual(self.host.closed, [self.session])
        self.assertEqual(self.logouts, [None])
        self.assertEqual(self.link.failed, [])
        self.assertEqual(self.link.sent, ["from closing"])

    def test_closed(self) -> None:
        self.session.close("conflict", "somebody else")
        self.assertEqual(self.link.failed, ["conflict"])
        self.assertEqual(self.host.closed, [self.session])

    def test_records_are_published_as_long_as_it_lasts(self) -> None:
        """Another session may have the address by then."""
        self.session.publish(priority=5)
        self.session.end()
        self.assertEqual([record.priority for record in self.host.published], [5, 5])
        self.session.publish(priority=7)
        self.assertEqual(len(self.host.published), 2)
        self.assertEqual(self.session.record.priority, 7)

    def test_leaving_at_once(self) -> None:
        left: list[None] = []
        self.session.leave(lambda: left.append(None))
        self.assertEqual((left, self.host.closed), ([None], [self.session]))

    def test_leaving_waits_for_work(self) -> None:
        left: list[None] = []
        self.receive("1", type="wait")
        self.receive("2")
        self.session.leave(lambda: left.append(None))
        self.assertEqual((left, self.host.closed), ([], []))
        self.host.go_on()
        self.assertEqual(self.host.taken, ["1", "2"])
        self.assertEqual((left, self.host.closed), ([None], [self.session]))

    def test_leaving_waits_for_what_is_to_be_sent(self) -> None:
        """RFC 6120 4.4: whoever closes still gets what is on its way."""
        left: list[None] = []
        self.write("1", 1)
        self.session.leave(lambda: left.append(None))
        self.assertEqual(left, [])
        self.settle(1)
        self.assertEqual((left, self.link.sent), ([None], ["1", "from closing"]))

    def test_a_lost_connection_waits_for_work_only(self) -> None:
        self.receive("1", type="wait")
        self.write("2", 1)
        self.session.leave()
        self.write("3", 1)
        self.assertEqual(len(self.gate), 0)
        self.host.go_on()
        self.assertEqual(self.host.closed, [self.session])
        self.setUp()
        self.write("1", 1)
        self.session.leave()
        self.assertEqual(self.host.closed, [self.session])

    def test_what_was_never_sent_is_given_back(self) -> None:
        """It has waited for storage, which fails; or for a client, which is gone."""

        def commit_fails() -> None:
            self.settle(1, range(1, 2))

        def client_goes() -> None:
            self.session.leave()

        def client_goes_at_work() -> None:
            self.receive("a", type="wait")
            self.session.leave()
            self.assertEqual(self.host.taken_back, [])
            self.host.go_on()

        def kicked() -> None:
            self.session.close("conflict")

        for end in (commit_fails, client_goes, client_goes_at_work, kicked):
            self.setUp()
            self.write("0")
            self.write("1", 1)
            self.write("2")
            end()
            expected = (["0"], ["1", "2", "from closing"])
            self.assertEqual((self.link.sent, self.host.taken_back), expected, end)

    def test_what_comes_for_who_is_gone_is_given_back(self) -> None:
        """What the client has sent before is still in work."""
        self.receive("1", type="wait")
        self.session.leave()
        self.write("2")
        self.host.go_on()
        self.assertEqual((self.link.sent, self.host.taken_back), ([], ["2", "from closing"]))

    def test_closed_while_leaving(self) -> None:
        left: list[None] = []
        self.receive("1", type="wait")
        self.session.leave(lambda: left.append(None))
        self.session.close("conflict")
        self.assertEqual(self.link.failed, ["conflict"])
        self.host.go_on()
        self.assertEqual(left, [])


class StateTests(SessionCase):
    """What features keep for a session."""

    def test_one_instance_of_each_kind(self) -> None:
        self.assertEqual(self.session.kinds(), ())
        state = self.session.state(dict)
        self.assertEqual(state, {})
        self.assertIs(self.session.state(dict), state)
        self.assertEqual(self.session.kinds(), (dict,))

    def test_only_what_is_registered(self) -> None:
        with self.assertRaises(LookupError):
            self.session.state(list)
