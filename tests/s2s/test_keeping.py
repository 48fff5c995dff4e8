"""Messages on disk until they have arrived: over failures, restarts and crashes."""

from collections.abc import AsyncIterator
from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from tests.s2s.test_outgoing import JULIET, ROMEO, SM, OutgoingCase, late, message, ping, sent
from tests.s2s.world import ADDRESSES, CAPULET, MONTAGUE, Peer, service
from xmppd.api.storage import Archive, StorageError, Ticket
from xmppd.s2s.spool import SENT, WAITING, Kept, Spool
from xmppd.s2s.waiting import LATE_SECONDS
from xmppd.stanza.dates import format_datetime
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message, Stanza


class KeepingCase(OutgoingCase):
    """The other server is away, and may come."""

    settings: ClassVar[dict[str, Any]] = {"retry_longest_seconds": 10.0}

    def setUp(self) -> None:
        super().setUp()
        del self.world.network.listening[ADDRESSES[MONTAGUE], 5269]

    def comes(self) -> None:
        """Let the other server be there."""
        self.world.network.listening[ADDRESSES[MONTAGUE], 5269] = self.place
        self.world.passes(12)

    def kept(self) -> tuple[int, int]:
        """Count what is on disk: what waits, and what may have been sent."""
        storage = self.world.storage(CAPULET).host(CAPULET)
        waiting, gone = (
            self.successResultOf(storage.open(name, Archive).count("")) for name in (WAITING, SENT)
        )
        return waiting, gone

    def restarts(self) -> None:
        """Kill our server and start another one over what it has left."""
        self.server = self.world.server(CAPULET, data=self.world.crash(CAPULET), **self.settings)
        self.juliet = self.world.login(JULIET)
        self.world.turn()


class CrashTests(KeepingCase):
    """What a crash may do to messages, and what not."""

    def test_what_waited_is_sent(self) -> None:
        self.sends(message("1"), message("2"), ping())
        self.assertEqual(self.kept(), (2, 0))
        self.restarts()
        self.juliet.receives()
        self.comes()
        self.ready()
        self.called().receives(sent("1"), sent("2"))

    def test_what_has_waited_for_long_says_so(self) -> None:
        """XEP-0203: from when it was accepted, also by a server of ours that is no more."""
        since = format_datetime(self.world.wall.now())
        self.sends(message("1"))
        self.restarts()
        self.world.wall.seconds += LATE_SECONDS
        self.sends(message("2"))
        self.comes()
        self.ready()
        self.called().receives(late(since), sent("2"))

    def test_order(self) -> None:
        self.sends(message("1"))
        self.restarts()
        self.sends(message("2"))
        self.comes()
        self.ready()
        self.called().receives(sent("1"), sent("2"))

    def test_what_may_have_been_sent_comes_back_and_goes_no_more(self) -> None:
        self.sends(message("1"))
        self.comes()
        peer = self.ready(SM)
        peer.takes()
        peer.sends("<enabled xmlns='urn:xmpp:sm:3'/>")
        self.sends(message("2"))
        self.assertEqual(self.kept(), (0, 2))
        del self.world.network.listening[ADDRESSES[MONTAGUE], 5269]
        # Juliet is back before her server has looked at its disk.
        self.restarts()
        self.assertEqual(self.kept(), (0, 0))
        self.comes()
        self.assertEqual(len(self.place.peers), 1)

    def test_nothing_leaves_before_it_is_on_disk(self) -> None:
        self.comes()
        self.sends(message("1"))
        peer = self.ready()
        peer.receives(sent("1"))
        self.world.storage(CAPULET).latency = 1.0
        self.sends(message("2"))
        peer.receives()
        self.world.passes(2)
        peer.receives(sent("2"))

    def test_what_cannot_be_kept_is_not_sent(self) -> None:
        self.comes()
        self.sends(message("1"))
        peer = self.ready()
        peer.takes()
        self.world.storage(CAPULET).fail_next_commit()
        self.sends(message("2"))
        peer.receives()
        self.assertEqual(self.bounced("2")[0], "internal-server-error")

    def test_what_cannot_be_noted_as_sent_is_not_sent(self) -> None:
        """The disk is too far behind as the other server comes."""

        def go(_spool: Spool, _messages: object) -> None:
            raise StorageError("the disk does not keep up")

        self.sends(message("1"), message("2"))
        self.patch(Spool, "go", go)
        self.comes()
        self.ready().receives()
        conditions = ["internal-server-error" in text for text in self.juliet.take()]
        self.assertEqual([True, True], conditions)
        self.assertEqual(self.kept(), (0, 0))
        self.flushLoggedErrors(StorageError)

    def test_acknowledged_is_forgotten(self) -> None:
        self.comes()
        self.sends(message("1"), message("2"))
        peer = self.ready(SM)
        peer.sends("<enabled xmlns='urn:xmpp:sm:3'/>")
        self.assertEqual(self.kept(), (0, 2))
        peer.sends("<a xmlns='urn:xmpp:sm:3' h='1'/>")
        self.assertEqual(self.kept(), (0, 1))
        peer.sends("<a xmlns='urn:xmpp:sm:3' h='2'/>")
        self.assertEqual(self.kept(), (0, 0))

    def test_quiet_is_enough_without_acknowledgements(self) -> None:
        self.comes()
        self.sends(message("1"))
        self.ready()
        self.world.passes(25)
        self.assertEqual(self.kept(), (0, 1))
        self.world.passes(10)
        self.assertEqual(self.kept(), (0, 0))

    def test_errors_are_not_kept(self) -> None:
        self.sends(message("1").replace("type='chat'", "type='error'"))
        self.assertEqual(self.kept(), (0, 0))
        self.juliet.receives()


class LostWriteTests(KeepingCase):
    """Commits that fail: nothing is sent that depends on them, and its sender hears of it once."""

    def fails(self) -> None:
        self.world.storage(CAPULET).fail_next_commit()

    def gone(self, peer: Peer) -> None:
        """Fail unless nothing is left, sent or returned, also after a crash."""
        peer.receives()
        self.assertEqual(self.kept(), (0, 0))
        self.restarts()
        self.juliet.receives()
        self.assertEqual(self.kept(), (0, 0))

    def test_before_the_other_server_counts(self) -> None:
        self.comes()
        self.sends(ping())
        peer = self.ready(SM)
        peer.takes()
        self.fails()
        self.sends(message("2"))
        self.assertEqual(self.bounced("2")[0], "internal-server-error")
        peer.sends("<enabled xmlns='urn:xmpp:sm:3'/>")
        peer.receives(
            ping().replace("<iq ", f"<iq from='{JULIET}' ") + "<r xmlns='urn:xmpp:sm:3'/>"
        )
        self.gone(peer)

    def test_before_there_is_a_stream(self) -> None:
        self.fails()
        self.sends(message("1"))
        self.assertEqual(self.bounced()[0], "internal-server-error")
        self.comes()
        self.assertEqual(self.kept(), (0, 0))

    def test_as_it_is_noted_that_it_goes(self) -> None:
        self.sends(message("1"))
        self.comes()
        self.fails()
        peer = self.ready()
        self.assertEqual(self.bounced()[0], "internal-server-error")
        self.gone(peer)

    def test_twice(self) -> None:
        self.sends(message("1"))
        self.comes()
        self.world.storage(CAPULET).latency = 1.0
        self.fails()
        peer = self.ready()
        self.world.passes(1)
        self.fails()
        self.juliet.receives()
        self.world.passes(3)
        self.assertEqual(self.bounced()[0], "internal-server-error")
        self.gone(peer)

    def test_only_the_first_of_two_writes(self) -> None:
        self.comes()
        self.sends(ping())
        self.world.storage(CAPULET).latency = 2.0
        self.sends(message("1"))
        self.world.passes(1)
        self.fails()
        peer = self.ready()
        self.world.passes(4)
        self.assertEqual(self.bounced()[0], "internal-server-error")
        peer.receives(ping().replace("<iq ", f"<iq from='{JULIET}' "))
        self.world.passes(4)
        self.gone(peer)

    def test_who_is_told_first_does_not_matter(self) -> None:
        self.comes()
        self.sends(message("1"))
        peer = self.ready()
        peer.takes()
        around = service(self.server).around
        (route,) = service(self.server).outgoing
        refused: list[str] = []

        class Early:
            def release(self, settled: Ticket, failed: range) -> bool:
                late = Message(to=JID.parse(ROMEO), from_=JID.parse(JULIET), id="late")
                late.ticket = settled
                with case.assertRaises(StanzaError) as caught:
                    route.submit(late)
                refused.append(caught.exception.condition)
                late.ticket, late.type = 0, "error"
                route.submit(late)
                return False

        case = self
        around.gate.add(Early())
        self.fails()
        self.sends(message("2"))
        self.assertEqual(refused, ["internal-server-error"])
        self.assertEqual(self.bounced("2")[0], "internal-server-error")
        self.assertEqual([each.get("id") for each in peer.takes()], ["late"])


class ReturnTests(KeepingCase):
    """A crash, or a stop, while a message is being returned: it is never lost, and never sent."""

    settings: ClassVar[dict[str, Any]] = {"retry_longest_seconds": 10.0, "give_up_seconds": 5}

    def setUp(self) -> None:
        super().setUp()
        self.sends(message("1"), ping())
        self.juliet.take()
        self.world.storage(CAPULET).latency = 3.0

    def until_due(self) -> None:
        """Let time pass until it is being noted that the message is not to be sent."""
        tickets = self.world.storage(CAPULET).tickets
        while tickets.issued == tickets.settled:
            self.world.passes(1)
        self.juliet.receives()

    def test_before_it_is_noted(self) -> None:
        self.until_due()
        self.restarts()
        self.world.passes(10)
        self.assertEqual(self.bounced()[0], "remote-server-timeout")
        self.assertEqual(self.kept(), (0, 0))

    def test_as_it_is_returned(self) -> None:
        self.until_due()
        self.world.passes(4)
        self.assertEqual(self.bounced()[0], "remote-server-timeout")
        self.assertTrue(self.world.storage(CAPULET).pending)
        self.world.network.listening[ADDRESSES[MONTAGUE], 5269] = self.place
        reading: Deferred[None] = Deferred()
        load = Spool.load

        async def late(spool: Spool) -> AsyncIterator[tuple[Kept, Stanza]]:
            await reading  # until Juliet is back
            async for found in load(spool):
                yield found

        self.patch(Spool, "load", late)
        self.restarts()
        reading.callback(None)
        self.world.passes(12)
        self.assertIn("before it was known", self.bounced()[1])
        self.assertEqual(self.kept(), (0, 0))
        self.assertEqual(self.place.peers, [])

    def test_forgotten_once_returned(self) -> None:
        self.until_due()
        self.world.passes(8)
        self.assertEqual(self.bounced()[0], "remote-server-timeout")
        self.assertEqual(self.kept(), (0, 0))
        self.restarts()
        self.juliet.receives()

    def test_a_disk_too_far_behind(self) -> None:
        def behind(*_: object) -> None:
            raise StorageError("too far behind")

        self.patch(Spool, "go", behind)
        self.world.passes(20)
        self.assertEqual(self.bounced()[0], "remote-server-timeout")
        self.assertEqual(len(self.flushLoggedErrors(StorageError)), 1)

    def test_stopped_before(self) -> None:
        self.until_due()
        (route,) = service(self.server).outgoing
        route.end()
        self.world.passes(5)
        self.juliet.receives()
        self.assertEqual(self.kept(), (0, 1))


class LoadingTests(KeepingCase):
    """What happens while the disk is still being read."""

    def test_what_was_left_goes_first_and_once(self) -> None:
        self.sends(message("1"))
        path = self.world.crash(CAPULET)
        reading: Deferred[None] = Deferred()
        load = Spool.load

        async def slowly(spool: Spool) -> AsyncIterator[tuple[Kept, Stanza]]:
            first = True
            async for found in load(spool):
                if first:
                    await reading
                first = False
                yield found

        self.patch(Spool, "load", slowly)
        self.world.network.listening[ADDRESSES[MONTAGUE], 5269] = self.place
        self.server = self.world.server(CAPULET, data=path, **self.settings)
        self.juliet = self.world.login(JULIET)
        self.sends(message("2"), ping())
        self.world.passes(3)
        self.assertEqual(self.place.peers, [])
        reading.callback(None)
        self.world.turn()
        self.ready()
        peer = self.called()
        peer.receives(sent("1"), sent("2"), ping().replace("<iq ", f"<iq from='{JULIET}' "))

    def test_more_in_doubt_than_are_read_at_a_time(self) -> None:
        """What is forgotten while it is returned does not keep the rest from being read."""
        storage = self.world.storage(CAPULET).host(CAPULET)
        nonsense = (b"nonsense", self.world.wall.now())
        for name, count in ((SENT, 450), (WAITING, 250)):
            archive = storage.open(name, Archive)
            for number in range(count):
                stanza = Message(to=JID.parse(ROMEO), from_=JID.parse(JULIET), id=str(number))
                value = nonsense[0] if number % 200 == 199 else bytes(stanza)
                archive.append("", value, when=nonsense[1], contact=MONTAGUE)
        self.world.turn()
        self.restarts()
        self.assertEqual(self.kept(), (249, 0))
        (route,) = service(self.server).outgoing
        self.assertEqual(len(route), 249)
