"""Streams to other servers, which are played by hand: what is sent, and what comes back."""

from typing import Any, ClassVar
from xml.etree.ElementTree import fromstring

from tests.c2s.texts import CLOSE, PROCEED, SASL, STARTTLS, TLS, stream_error
from tests.net.pki import Order, authority, issue
from tests.s2s.world import (
    ADDRESSES,
    CAPULET,
    MONTAGUE,
    Listening,
    Peer,
    WorldCase,
    certificate,
    opening,
    service,
)
from xmppd.api.network import SrvRecord, Trouble
from xmppd.net.tls import ServerContexts
from xmppd.s2s.dialled import DialledStream
from xmppd.s2s.pairs import Pair
from xmppd.s2s.protocol import Phase
from xmppd.s2s.traffic import Traffic
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message

JULIET, ROMEO = f"juliet@{CAPULET}/balcony", f"romeo@{MONTAGUE}/orchard"
STARTING = f"<stream:features><starttls xmlns='{TLS}'/></stream:features>"
EXTERNAL = f"<mechanisms xmlns='{SASL}'><mechanism>EXTERNAL</mechanism></mechanisms>"
DIALBACK = "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>"
SM = "<sm xmlns='urn:xmpp:sm:3'/>"
AUTH = f"<auth xmlns='{SASL}' mechanism='EXTERNAL'>Y2FwdWxldC5leGFtcGxl</auth>"
DIALBACK_NS = "jabber:server:dialback"
HOST = "203.0.113.7"


def features(*offered: str) -> str:
    return f"<stream:features>{''.join(offered)}</stream:features>"


def header(more: str = "version='1.0' id='s1'", from_: str = MONTAGUE) -> str:
    return opening(CAPULET, from_, more)


def message(id: str = "1", to: str = ROMEO) -> str:
    return f"<message to='{to}' id='{id}' type='chat'><body>Hello</body></message>"


def sent(id: str = "1", to: str = ROMEO) -> str:
    return message(id, to).replace("<message ", f"<message from='{JULIET}' ")


def late(since: str) -> str:
    """Return the first message as it is sent after a long wait (XEP-0203)."""
    delay = f"<delay xmlns='urn:xmpp:delay' from='{CAPULET}' stamp='{since}'/></message>"
    return sent().replace("</message>", delay)


def ping(id: str = "p") -> str:
    return f"<iq to='{MONTAGUE}' id='{id}' type='get'><ping xmlns='urn:xmpp:ping'/></iq>"


def elsewhere(place: str) -> str:
    return (
        "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>"
        f"{place}</see-other-host></stream:error>"
    )


class OutgoingCase(WorldCase):
    """Our server, Juliet on it, and a place where another server answers."""

    settings: ClassVar[dict[str, Any]] = {}

    def setUp(self) -> None:
        super().setUp()
        self.server = self.world.server(CAPULET, **self.settings)
        self.juliet = self.world.login(JULIET)
        self.place = Listening(self.world)
        self.world.network.listening[ADDRESSES[MONTAGUE], 5269] = self.place
        self.world.publish(MONTAGUE, ADDRESSES[MONTAGUE])
        self.show(MONTAGUE)

    def show(self, *hosts: str) -> None:
        """Have the other server show a certificate for these."""
        identity = certificate(*hosts).identity()
        self.contexts = ServerContexts({MONTAGUE: identity}, MONTAGUE, (), True)

    def sends(self, *texts: str) -> None:
        self.juliet.sends(*texts)
        self.world.turn()

    def called(self) -> Peer:
        """Return the other server's end of the last connection."""
        return self.place.peers[-1]

    def secured(self, *offered: str) -> Peer:
        """Go through TLS with our server, and offer it something then."""
        peer = self.called()
        peer.sends(header(), STARTING)
        peer.receives(STARTTLS)
        peer.begin_tls(self.contexts.creator(), PROCEED)
        if peer.lost is None:
            peer.sends(header(), features(*offered))
        return peer

    def ready(self, *offered: str) -> Peer:
        """Let our server prove itself by its certificate."""
        peer = self.secured(EXTERNAL)
        peer.receives(AUTH)
        peer.sends(f"<success xmlns='{SASL}'/>", header(), features(*offered))
        return peer

    def bounced(self, id: str = "1") -> tuple[str, str]:
        """Return the condition and text of the one error that has come back to Juliet."""
        (text,) = self.juliet.take()
        stanza = fromstring(text)
        self.assertEqual((stanza.get("type"), stanza.get("id")), ("error", id))
        error = next(each for each in stanza if each.tag.endswith("error"))
        names = [each.tag.rpartition("}")[2] for each in error]
        texts = [each.text or "" for each in error if each.tag.endswith("}text")]
        return names[0], "".join(texts)


class NegotiationTests(OutgoingCase):
    """From the first stanza to its arrival."""

    def test_nothing_leaves_before_its_time(self) -> None:
        self.sends(message("1"), message("2"))
        self.assertEqual(len(self.place.peers), 1)
        peer = self.called()
        self.assertEqual(
            {name: peer.reader.header[name] for name in ("from", "to", "version")},
            {"from": CAPULET, "to": MONTAGUE, "version": "1.0"},
        )
        self.ready()
        peer.receives(sent("1"), sent("2"))
        self.sends(message("3"))
        peer.receives(sent("3"))
        self.assertEqual(len(self.place.peers), 1)

    def test_dialback_with_one_who_wants_it(self) -> None:
        self.sends(message())
        peer = self.secured(DIALBACK)
        (request,) = peer.takes()
        self.assertEqual(dict(request.attrib), {"from": CAPULET, "to": MONTAGUE})
        peer.sends(f"<db:result from='{MONTAGUE}' to='{CAPULET}' type='valid'/>")
        peer.receives(sent())

    def test_what_others_do_instead(self) -> None:
        """Whatever comes at the wrong time, nothing of Juliet's leaves."""
        for said in (
            "no XML",
            f"{header()}<message/>",
            header("version='1.0' id='s1'").replace("jabber:server'", "jabber:client'"),
            f"{header()}<proceed xmlns='{TLS}'/>",
            f"{header()}{STARTING}<failure xmlns='{TLS}'/>",
            f"{header()}{STARTING}{CLOSE}",
            header() + CLOSE,
            CLOSE,
        ):
            self.sends(ping())
            peer = self.called()
            peer.sends(said)
            self.assertEqual(self.bounced("p")[0], "remote-server-timeout", said)
            self.assertEqual([each.tag for each in peer.takes() if "iq" in each.tag], [])
            self.world.passes(1000)
        self.assertEqual(len(service(self.server)), 0)

    def test_what_others_do_to_dialback(self) -> None:
        for said, condition in (
            (
                f"<db:result from='{MONTAGUE}' to='{CAPULET}' type='invalid'/>",
                "internal-server-error",
            ),
            (
                f"<db:result from='{MONTAGUE}' to='{CAPULET}' type='error'/>",
                "remote-server-timeout",
            ),
            (
                f"<db:result from='other.example' to='{CAPULET}' type='valid'/>",
                "remote-server-timeout",
            ),
            (
                f"<db:result from='{MONTAGUE}' to='other.example' type='valid'/>",
                "remote-server-timeout",
            ),
            (
                f"<db:verify from='{MONTAGUE}' to='{CAPULET}' id='s1' type='valid'/>",
                "remote-server-timeout",
            ),
            (
                f"<db:result from='{MONTAGUE}' to='{CAPULET}'>key</db:result>",
                "remote-server-timeout",
            ),
            ("<db:result/>", "remote-server-timeout"),
            ("<x xmlns='urn:x'/>", "remote-server-timeout"),
        ):
            self.sends(ping())
            peer = self.secured(DIALBACK)
            peer.takes()
            peer.sends(said)
            self.assertEqual(self.bounced("p")[0], condition, said)
            self.world.passes(1000)

    def test_external_refused(self) -> None:
        """Dialback is tried on another stream, and at once the next time (design, 3)."""
        self.sends(message())
        first = self.secured(EXTERNAL, DIALBACK)
        first.receives(AUTH)
        first.sends(f"<failure xmlns='{SASL}'><not-authorized/></failure>")
        self.assertTrue(first.reader.ended)
        self.assertEqual(len(self.place.peers), 2)
        peer = self.secured(DIALBACK)
        peer.takes()
        peer.sends(f"<db:result from='{MONTAGUE}' to='{CAPULET}' type='valid'/>")
        peer.receives(sent())
        peer.sends(CLOSE)
        self.world.passes(3)
        self.sends(message("2"))
        third = self.secured(EXTERNAL, DIALBACK)
        (request,) = third.takes()
        self.assertIn("result", request.tag)

    def test_neither_will_do(self) -> None:
        self.sends(ping())
        peer = self.called()
        peer.sends(header(), STARTING)
        peer.begin_tls(self.contexts.creator(), PROCEED)
        plain = header().replace(f"xmlns:db='{DIALBACK_NS}'", "")
        peer.sends(plain, features(EXTERNAL.replace("EXTERNAL", "PLAIN")))
        self.assertEqual(self.bounced("p")[0], "remote-server-timeout")

    def test_silence(self) -> None:
        self.sends(ping(), message())
        self.world.passes(121)
        self.assertEqual(self.bounced("p")[0], "remote-server-timeout")
        self.world.passes(10)
        self.assertEqual(len(self.place.peers), 2)
        self.ready()
        self.called().receives(late("2026-06-01T12:00:00Z"))


class BlockedTests(OutgoingCase):
    """A domain that an operator has blocked (RFC 6120 8.3.3.10)."""

    settings: ClassVar[dict[str, Any]] = {"blocked": (MONTAGUE,)}

    def test_nobody_is_called(self) -> None:
        self.sends(ping())
        condition, text = self.bounced("p")
        self.assertEqual(condition, "not-allowed")
        self.assertIn(MONTAGUE, text)
        self.assertEqual(self.place.peers, [])


class ProofTests(OutgoingCase):
    """The other side has to prove that it is the domain, and nothing else counts."""

    def refused(self) -> str:
        self.sends(ping())
        peer = self.secured(EXTERNAL)
        condition, text = self.bounced("p")
        self.assertEqual(condition, "remote-server-timeout")
        self.assertEqual(peer.takes(), [])
        return text

    def test_another_name(self) -> None:
        self.show(f"xmpp.{MONTAGUE}")
        self.assertIn(f"is for xmpp.{MONTAGUE}, not for {MONTAGUE}", self.refused())

    def test_an_unknown_authority(self) -> None:
        identity = issue(Order(hosts=(MONTAGUE,)), authority("nobody's")).identity()
        self.contexts = ServerContexts({MONTAGUE: identity}, MONTAGUE)
        self.assertIn("nobody's", self.refused())

    def test_a_self_signed_certificate(self) -> None:
        identity = issue(Order(hosts=(MONTAGUE,))).identity()
        self.contexts = ServerContexts({MONTAGUE: identity}, MONTAGUE)
        self.assertIn("self-signed", self.refused())


class FindingTests(OutgoingCase):
    """Servers that are not found (RFC 6120 3.2)."""

    def result(self, domain: str) -> str:
        self.sends(f"<iq to='{domain}' id='1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>")
        return self.bounced()[0]

    def test_where_nothing_is(self) -> None:
        resolver = self.world.resolver
        resolver.services["_xmpp-server._tcp.closed.example"] = [SrvRecord(0, 0, 0, ".")]
        resolver.services["_xmpp-server._tcp.timeout.example"] = Trouble.TIMEOUT
        self.world.publish("loop.example", "127.0.0.1")
        self.world.publish("private.example", "10.0.0.1")
        self.world.publish("mapped.example", "::ffff:127.0.0.1")
        self.world.publish("refusing.example", HOST)
        for domain, condition in (
            ("nowhere.example", "remote-server-not-found"),
            ("closed.example", "remote-server-not-found"),
            ("timeout.example", "remote-server-timeout"),
            ("loop.example", "remote-server-not-found"),
            ("private.example", "remote-server-not-found"),
            ("mapped.example", "remote-server-not-found"),
            ("127.0.0.1", "remote-server-not-found"),
            ("[::1]", "remote-server-not-found"),
            ("refusing.example", "remote-server-timeout"),
        ):
            self.assertEqual(self.result(domain), condition, domain)
        self.assertEqual([ip for ip, _ in self.world.network.asked], [HOST])

    def test_without_records(self) -> None:
        """The domain itself is tried at the usual port."""
        self.world.resolver.hosts["plain.example"] = [HOST]
        self.result("plain.example")
        self.assertEqual(self.world.network.asked, [(HOST, 5269)])

    def test_another_server_meanwhile(self) -> None:
        """One that never answers delays no other."""
        self.world.publish("dead.example", HOST)
        self.world.network.silent.add(HOST)
        self.sends(message("d", "romeo@dead.example"), message())
        self.ready()
        self.called().receives(sent())

    def test_see_other_host(self) -> None:
        there = Listening(self.world)
        self.world.network.listening[HOST, 5222] = there
        self.sends(message())
        self.called().sends(header(), elsewhere(f"{HOST}:5222") + CLOSE)
        (peer,) = there.peers
        self.assertEqual(peer.reader.header["to"], MONTAGUE)
        self.place = there
        self.show("other.example")
        self.secured(EXTERNAL)
        self.assertEqual(self.bounced()[0], "remote-server-timeout")
        self.assertEqual(len(peer.takes()), 0)

    def test_see_other_host_for_ever(self) -> None:
        self.sends(ping())
        for number in range(4):
            self.place.peers[number].sends(header(), elsewhere(ADDRESSES[MONTAGUE]) + CLOSE)
        self.assertEqual(self.bounced("p")[0], "remote-server-timeout")
        self.assertEqual(len(self.place.peers), 4)


class WaitingTests(OutgoingCase):
    """What waits for a server, and for how long."""

    settings: ClassVar[dict[str, Any]] = {
        "queue_stanzas": 5,
        "give_up_seconds": 60.0,
        "retry_longest_seconds": 10.0,
        "routes": 3,
    }

    def test_messages_wait_and_requests_do_not(self) -> None:
        del self.world.network.listening[ADDRESSES[MONTAGUE], 5269]
        self.sends(message(), ping())
        self.assertEqual(self.bounced("p")[0], "remote-server-timeout")
        self.sends(ping("q"))
        self.assertEqual(self.bounced("q")[0], "remote-server-timeout")
        self.world.passes(20)
        self.juliet.receives()
        self.world.network.listening[ADDRESSES[MONTAGUE], 5269] = self.place
        self.world.passes(12)
        self.ready()
        self.called().receives(late("2026-06-01T12:00:00Z"))

    def test_they_come_back_in_the_end(self) -> None:
        del self.world.network.listening[ADDRESSES[MONTAGUE], 5269]
        self.sends(message())
        self.world.passes(75)
        condition, text = self.bounced()
        self.assertEqual(condition, "remote-server-timeout")
        self.assertIn("refused the connection", text)
        self.world.passes(60)
        self.juliet.receives()
        self.assertEqual(len(service(self.server).outgoing), 0)

    def test_no_more_than_may_wait(self) -> None:
        nurse = self.world.login(f"nurse@{CAPULET}/x")
        nurse.sends(message("n"), ping("m"))
        self.sends(ping("0"), message("1"), message("2"))
        mine = ("resource-constraint", "too much of yours waits for that server")
        self.assertEqual(self.bounced("2"), mine)  # half of five is the most
        mercutio = self.world.login(f"mercutio@{CAPULET}/x")
        mercutio.sends(message("3"))
        self.assertEqual(mercutio.stanzas, ())
        self.sends(message("4"))
        all_ = ("resource-constraint", "too much waits for that server")
        self.assertEqual(self.bounced("4"), all_)
        self.ready()
        came = [each.get("id") for each in self.called().takes()]
        self.assertEqual(came, ["n", "m", "0", "1", "3"])
        self.sends(message("5"), message("6"))
        self.assertEqual(len(self.called().takes()), 2)

    def test_no_more_servers_than_may_be(self) -> None:
        self.world.network.silent.add(HOST)
        for number in range(3):
            self.world.publish(f"d{number}.example", HOST)
            friend = self.world.login(f"friend{number}@{CAPULET}/x")  # each may have one
            friend.sends(message("d", f"romeo@d{number}.example"))
        self.sends(message())
        self.assertEqual(self.bounced()[0], "resource-constraint")
        outgoing = service(self.server).outgoing
        outgoing.proven(Pair(CAPULET, MONTAGUE), Traffic.__new__(Traffic))  # over its own stream
        self.assertEqual(len(outgoing), 3)

    def test_from_nobody_here(self) -> None:
        stray = Message(to=JID.parse(ROMEO), from_=JID.parse("x@other.example"))
        with self.assertRaises(StanzaError) as caught:
            service(self.server).outgoing.receive(stray)
        self.assertEqual(caught.exception.condition, "forbidden")


class CountedTests(OutgoingCase):
    """Stream management on streams we have opened (XEP-0198)."""

    def counted(self) -> Peer:
        self.sends(message("1"), message("2"))
        peer = self.ready(SM)
        peer.receives("<enable xmlns='urn:xmpp:sm:3'/>")
        peer.sends("<enabled xmlns='urn:xmpp:sm:3'/>")
        return peer

    def test_nothing_is_sent_before_it_counts(self) -> None:
        peer = self.counted()
        peer.receives(sent("1"), "<r xmlns='urn:xmpp:sm:3'/>", sent("2"))
        peer.sends("<a xmlns='urn:xmpp:sm:3' h='1'/>")
        peer.receives("<r xmlns='urn:xmpp:sm:3'/>")

    def test_what_was_not_acknowledged_comes_back_once(self) -> None:
        peer = self.counted()
        peer.sends("<a xmlns='urn:xmpp:sm:3' h='1'/>")
        peer.transport.abortConnection()
        self.world.turn()
        condition, text = self.bounced("2")
        self.assertEqual(condition, "remote-server-timeout")
        self.assertIn("before it was known", text)
        self.world.passes(100)
        self.juliet.receives()

    def test_one_who_does_not_want_to_count(self) -> None:
        self.sends(message())
        peer = self.ready(SM)
        peer.takes()
        peer.sends("<failed xmlns='urn:xmpp:sm:3'/>")
        peer.receives(sent())

    def test_one_who_counts_too_far(self) -> None:
        peer = self.counted()
        peer.takes()
        peer.sends("<a xmlns='urn:xmpp:sm:3' h='3'/>")
        self.assertTrue(peer.reader.ended)
        peer.sends(CLOSE)
        self.assertEqual(len(self.juliet.take()), 2)

    def test_the_end_waits_for_acknowledgements(self) -> None:
        peer = self.counted()
        peer.takes()
        stopping = self.server.stop()
        self.world.turn()
        peer.receives()
        peer.sends("<a xmlns='urn:xmpp:sm:3' h='2'/>")
        peer.receives(stream_error("system-shutdown"))
        peer.sends(CLOSE)
        self.world.passes(3)
        self.successResultOf(stopping)

    def test_the_end_does_not_wait_for_ever(self) -> None:
        self.counted()
        stopping = self.server.stop()
        self.world.passes(9)
        self.successResultOf(stopping)

    def test_one_who_does_not_answer(self) -> None:
        peer = self.counted()
        peer.takes()
        self.world.passes(62)
        self.assertTrue(peer.reader.ended)


class SlowTests(OutgoingCase):
    """A server that reads slowly makes those wait who write to it, and loses nothing."""

    settings: ClassVar[dict[str, Any]] = {"queue_stanzas": 40}

    def setUp(self) -> None:
        super().setUp()
        self.sends(message("0"))
        self.peer = self.ready()
        self.peer.receives(sent("0"))
        (stream,) = service(self.server).around.connections.all()
        assert isinstance(stream, DialledStream)
        self.stream = stream

    def writes(self, id: str, type: str = "chat") -> Any:
        stanza = Message(to=JID.parse(ROMEO), from_=JID.parse(JULIET), id=id, type=type)
        done = service(self.server).outgoing.receive(stanza)
        self.world.turn()
        return done

    def stops_reading(self) -> None:
        writer = self.stream._writer
        assert writer is not None
        writer.pauseProducing()

    def reads_again(self) -> None:
        writer = self.stream._writer
        assert writer is not None
        writer.resumeProducing()
        self.world.turn()

    def test_writers_wait(self) -> None:
        self.stops_reading()
        done = [self.writes(str(number)) for number in range(12)]
        self.assertEqual([each is None for each in done], [True] * 10 + [False] * 2)
        self.assertIsNone(self.writes("e", "error"))
        self.assertNoResult(done[10])
        self.reads_again()
        self.successResultOf(done[10])
        self.successResultOf(done[11])
        self.assertEqual(
            [each.get("id") for each in self.peer.takes()], [*map(str, range(12)), "e"]
        )

    def test_order_of_those_who_waited(self) -> None:
        """What somebody sends as soon as the wait is over goes behind all that was there."""
        self.stops_reading()
        *_, tenth, _last = [self.writes(str(number)) for number in range(12)]
        tenth.addCallback(lambda _: self.writes("next"))
        self.reads_again()
        self.assertEqual(
            [each.get("id") for each in self.peer.takes()], [*map(str, range(12)), "next"]
        )

    def test_who_does_not_want_to_wait(self) -> None:
        self.stops_reading()
        *_, last = [self.writes(str(number)) for number in range(12)]
        last.addErrback(lambda failure: None)
        last.cancel()
        self.reads_again()
        self.assertEqual([each.get("id") for each in self.peer.takes()], [*map(str, range(11))])

    def test_the_end_of_the_stream_lets_go(self) -> None:
        self.stops_reading()
        *_, last = [self.writes(str(number)) for number in range(12)]
        self.world.network.listening.clear()
        self.peer.transport.abortConnection()
        self.world.turn()
        self.successResultOf(last)

    def test_one_who_does_not_read_at_all(self) -> None:
        self.stops_reading()
        self.writes("1")
        self.world.passes(23)
        self.assertIs(self.stream.phase, Phase.ENDED)
        self.world.passes(12)
        self.assertIsNotNone(self.peer.lost)


class StoppingTests(OutgoingCase):
    """The end of our server."""

    def test_streams_end(self) -> None:
        self.sends(message())
        peer = self.ready()
        peer.receives(sent())
        stopping = self.server.stop()
        self.world.turn()
        peer.receives(stream_error("system-shutdown"))
        peer.sends(CLOSE)
        self.world.passes(3)
        self.successResultOf(stopping)
