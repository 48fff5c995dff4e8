"""Tests of xmppd.stream.inbound."""

import gc

from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Message, Presence
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Broken, Closed, Opened, Received
from xmppd.stream.inbound import InboundStream, State
from xmppd.stream.limits import StreamLimits
from xmppd.wire.element import Element
from xmppd.wire.limits import ParserLimits
from xmppd.wire.namespaces import CLIENT, SERVER, STREAMS
from xmppd.wire.parser import StreamParser

LIMITS = StreamLimits(ParserLimits(stanza=2000), unauthenticated=300)
HEADER = (
    b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
    b" to='example.org' version='1.0'>"
)
OUR_HEADER = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:client'"
    b" xmlns:stream='http://etherx.jabber.org/streams' id='id' from='example.org'"
    b" version='1.0' xml:lang='en'>"
)
CLOSE = b"</stream:stream>"


def fresh(content: str = CLIENT) -> InboundStream:
    return InboundStream(content, "default.example", LIMITS)


def opened() -> InboundStream:
    """Return a stream whose headers have been exchanged."""
    stream = fresh()
    stream.receive(HEADER)
    stream.open("example.org", "id")
    return stream


def established() -> InboundStream:
    """Return a stream ready for stanzas."""
    stream = opened()
    stream.trust()
    stream.establish()
    return stream


def condition(event: object) -> str:
    """Return the condition of a `Broken`."""
    assert isinstance(event, Broken), event
    return event.error.condition


def parsers() -> int:
    """Count the parsers alive."""
    return sum(type(each) is StreamParser for each in gc.get_objects())


class HeaderTests(SynchronousTestCase):
    """The peer's header and ours."""

    def test_exchange(self) -> None:
        stream = fresh()
        self.assertIs(stream.state, State.FRESH)
        events = stream.receive(b"<?xml version='1.0'?>" + HEADER)
        self.assertEqual(events, [Opened(JID.parse("example.org"), None, "")])
        self.assertEqual(stream.open("example.org", "id"), OUR_HEADER)
        self.assertIs(stream.state, State.OPEN)

    def test_addressed_to_whom_it_comes_from(self) -> None:
        stream = fresh()
        stream.receive(HEADER[:-1] + b" from='juliet@example.org/balcony' xml:lang='de'>")
        written = stream.open("example.org", "id")
        self.assertIn(b" to='juliet@example.org' ", written)
        self.assertIn(b" xml:lang='en'>", written)

    def test_any_prefix(self) -> None:
        for written in (
            b"<s:stream xmlns:s='%b' xmlns='jabber:client' version='1.0'>",
            b"<jabber:stream xmlns:jabber='%b' xmlns='jabber:client' version='1.0'>",
            b"<stream xmlns='%b' version='1.0'>",
            b"<stream:stream xmlns:stream='%b' version='1.0'>",
        ):
            stream = fresh()
            (event,) = stream.receive(written % STREAMS.encode())
            self.assertEqual(event, Opened(None, None, ""))
            self.assertEqual(stream.open("example.org", "id"), OUR_HEADER)

    def test_what_is_wrong_is_told_inside_a_stream(self) -> None:
        """RFC 6120 4.9.1.2, 4.9.1.3: with a name of ours, to whom it came from."""
        for data, expected, attributes in (
            (HEADER.replace(b"etherx", b"wrong"), "invalid-namespace", b" version='1.0'"),
            (HEADER.replace(b":client", b":server"), "invalid-namespace", b" version='1.0'"),
            (HEADER.replace(b" version='1.0'", b""), "unsupported-version", b""),
            (HEADER.replace(b"1.0", b"0.9"), "unsupported-version", b" version='0.9'"),
            (HEADER.replace(b" to='", b" to='@"), "improper-addressing", b" version='1.0'"),
            (
                HEADER.replace(b" version='1.0'", b" from='a@b/c'"),
                "unsupported-version",
                b" to='a@b'",
            ),
            (b"<!-- -->", "restricted-xml", b" version='1.0'"),
            (b"\xfe\xff", "unsupported-encoding", b" version='1.0'"),
            (b"hello<", "not-well-formed", b" version='1.0'"),
        ):
            stream = fresh()
            (event,) = stream.receive(data)
            self.assertEqual(condition(event), expected)
            written = stream.fail(StreamError(expected), "id")
            head = OUR_HEADER.replace(b" version='1.0' xml:lang", attributes + b" xml:lang")
            self.assertEqual(
                written,
                head.replace(b"example.org", b"default.example")
                + b'<stream:error><%b xmlns="urn:ietf:params:xml:ns:xmpp-streams"/>'
                b"</stream:error></stream:stream>" % expected.encode(),
            )

    def test_one_at_a_time(self) -> None:
        """Until it is established, what stands behind an element waits for its answer."""
        stream = fresh()
        waiting = b"<a xmlns='x'/><b xmlns='x'/>"
        self.assertEqual(len(stream.receive(HEADER + waiting)), 1)
        self.assertEqual(stream.unread, len(waiting))
        stream.open("example.org", "id")
        for name in "ab":
            self.assertEqual(stream.receive(b""), [Received(Element(name, "x"))])
        self.assertEqual(stream.unread, 0)
        self.assertEqual(stream.receive(b""), [])


class ElementTests(SynchronousTestCase):
    """What comes over an open stream."""

    def test_stanzas_are_themselves(self) -> None:
        events = established().receive(b"<message/> <presence/>\n<iq/>")
        self.assertEqual([type(event) for event in events], [Message, Presence, Iq])

    def test_elements_of_other_namespaces(self) -> None:
        for data, name, ns in (
            (b"<pubsub/>", "pubsub", CLIENT),
            (b"<r xmlns='urn:xmpp:sm:3'/>", "r", "urn:xmpp:sm:3"),
            (b"<message xmlns='urn:x'/>", "message", "urn:x"),
            (b"<message xmlns=''/>", "message", ""),
            (b"<stream:features/>", "features", STREAMS),
        ):
            self.assertEqual(established().receive(data), [Received(Element(name, ns))])

    def test_a_content_namespace_that_is_not_this_streams(self) -> None:
        """RFC 6120 4.8.3."""
        for ns in (b"jabber:server", b"jabber:component:accept"):
            for name in (b"message", b"other"):
                (event,) = established().receive(b"<%b xmlns='%b'/>" % (name, ns))
                self.assertEqual(condition(event), "invalid-namespace")
        server = fresh(SERVER)
        server.receive(HEADER.replace(b"jabber:client", b"jabber:server"))
        server.open("example.org", "id")
        (event,) = server.receive(b"<iq xmlns='jabber:client'/>")
        self.assertEqual(condition(event), "invalid-namespace")

    def test_nothing_counts_behind_what_breaks(self) -> None:
        stream = established()
        events = stream.receive(b"<message/><iq xmlns='jabber:server'/><message/>")
        self.assertEqual([type(event) for event in events], [Message, Broken])

    def test_faults(self) -> None:
        for data, expected in (
            (b"<message", None),
            (b"<message></iq>", "not-well-formed"),
            (b"<a:b/>", "not-well-formed"),
            (b"<!-- -->", "restricted-xml"),
            (b"text", "bad-format"),
            (b"<message>\xff</message>", "unsupported-encoding"),
            (b"<message>%b</message>" % (b"x" * 2000), "policy-violation"),
        ):
            stream = established()
            events = stream.receive(data)
            if expected is None:
                self.assertEqual(events, [])
                continue
            self.assertEqual(condition(events[-1]), expected, data)
            self.assertIs(stream.state, State.CLOSED)
            self.assertEqual(stream.receive(b"<message/>"), [])

    def test_limits(self) -> None:
        """More is allowed to who is known."""
        message = b"<message>%b</message>" % (b"x" * 400)
        (event,) = opened().receive(message)
        self.assertEqual(condition(event), "policy-violation")
        stream = opened()
        stream.trust()
        (event,) = stream.receive(message)
        self.assertIsInstance(event, Message)

    def test_written(self) -> None:
        stream = opened()
        bind = Element("bind", "urn:x")
        self.assertEqual(stream.features([]), b"<stream:features></stream:features>")
        self.assertEqual(
            stream.features([bind, b'<sm xmlns="urn:y"/>']),
            b'<stream:features><bind xmlns="urn:x"/><sm xmlns="urn:y"/></stream:features>',
        )
        self.assertEqual(stream.element(bind), b'<bind xmlns="urn:x"/>')
        self.assertEqual(stream.element(Element("x")), b"<x/>")


class EndTests(SynchronousTestCase):
    """The end of either side (RFC 6120 4.4)."""

    def test_the_peer_closes_first(self) -> None:
        stream = established()
        events = stream.receive(b"<message/></stream:stream>")
        self.assertEqual(events[1:], [Closed()])
        self.assertIs(stream.state, State.CLOSED)
        self.assertEqual(stream.close(), CLOSE)
        self.assertEqual(stream.close(), b"")
        self.assertIs(stream.state, State.CLOSED)

    def test_a_stream_error_of_theirs_is_an_end(self) -> None:
        stream = established()
        error = b"<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
        self.assertEqual(stream.receive(error + CLOSE), [Closed()])
        self.assertEqual(stream.close(), CLOSE)

    def test_we_close_first(self) -> None:
        stream = established()
        self.assertEqual(stream.close(), CLOSE)
        self.assertIs(stream.state, State.LISTENING)
        events = stream.receive(b"<message/><x xmlns='jabber:server'/><iq/>")
        self.assertEqual([type(event) for event in events], [Message, Iq])
        events = stream.receive(b"<presence/></stream:stream>")
        self.assertEqual([type(event) for event in events], [Presence, Closed])
        self.assertIs(stream.state, State.CLOSED)
        self.assertEqual(stream.receive(b"<message/>"), [])

    def test_we_close_first_with_an_error(self) -> None:
        stream = established()
        stream.fail(StreamError("reset"), "id")
        self.assertIs(stream.state, State.CLOSING)
        self.assertEqual(stream.receive(b"<message/>"), [])
        self.assertEqual(stream.receive(b"<message/></stream:stream>"), [Closed()])
        self.assertIs(stream.state, State.CLOSED)

    def test_we_close_before_it_is_established(self) -> None:
        """No stanza has counted before, and none does now."""
        stream = opened()
        self.assertEqual(stream.close(), CLOSE)
        self.assertIs(stream.state, State.CLOSING)
        self.assertEqual(stream.receive(b"<message/></stream:stream>"), [Closed()])

    def test_what_cannot_be_read_counts_as_the_end(self) -> None:
        for data in (b"<message></iq>", b"<!DOCTYPE x>", b"<message>" + b"x" * 3000):
            stream = established()
            stream.close()
            self.assertEqual(stream.receive(data), [Closed(orderly=False)])
            self.assertIs(stream.state, State.CLOSED)

    def test_an_error_of_ours(self) -> None:
        stream = established()
        written = stream.fail(StreamError("conflict", "it is <there>"), "unused")
        self.assertEqual(
            written,
            b'<stream:error><conflict xmlns="urn:ietf:params:xml:ns:xmpp-streams"/>'
            b'<text xmlns="urn:ietf:params:xml:ns:xmpp-streams" xml:lang="en">it is &lt;there&gt;'
            b"</text></stream:error></stream:stream>",
        )
        self.assertIs(stream.state, State.CLOSING)
        self.assertEqual(stream.fail(StreamError("reset"), "id"), b"")
        self.assertEqual(stream.receive(CLOSE), [Closed()])

    def test_what_waited_for_an_answer_is_read_at_the_end(self) -> None:
        stream = fresh()
        stream.receive(HEADER + b"<a xmlns='x'/><b xmlns='x'/>" + CLOSE)
        stream.fail(StreamError("host-unknown"), "id")
        self.assertEqual(stream.receive(b""), [Closed()])

    def test_an_error_before_anything(self) -> None:
        stream = fresh()
        written = stream.fail(StreamError("connection-timeout"), "id")
        self.assertTrue(written.startswith(OUR_HEADER.replace(b"example.org", b"default.example")))
        self.assertTrue(written.endswith(CLOSE))
        self.assertIs(stream.state, State.CLOSING)
        self.assertEqual(stream.receive(HEADER + b"<message/>" + CLOSE), [Closed()])

    def test_nothing_to_close(self) -> None:
        stream = fresh()
        self.assertEqual(stream.close(), b"")
        self.assertIs(stream.state, State.FRESH)


class RestartTests(SynchronousTestCase):
    """A new stream on the same connection."""

    def test_restart_keeps_what_is_unread(self) -> None:
        """RFC 6120 6.4.6: behind SASL, a client may send its header without waiting."""
        stream = opened()
        stream.receive(b"<auth xmlns='x'/>" + HEADER[:-1] + b" from='a@b'>")
        stream.restart()
        self.assertIs(stream.state, State.FRESH)
        (event,) = stream.receive(b"")
        self.assertEqual(event, Opened(JID.parse("example.org"), JID.parse("a@b"), ""))
        self.assertIn(b" to='a@b' ", stream.open("example.org", "second"))

    def test_a_restarted_stream_answers_by_itself(self) -> None:
        stream = fresh()
        stream.receive(HEADER.replace(b"1.0", b"1.0' from='a@b"))
        stream.open("example.org", "id")
        stream.restart()
        written = stream.fail(StreamError("reset"), "second")
        self.assertIn(b" id='second' from='example.org' version='1.0' ", written)

    def test_discard_forgets_all(self) -> None:
        """RFC 6120 5.4.3.3: nothing that came in clear may count under TLS."""
        stream = opened()
        stream.receive(b"<starttls xmlns='x'/><message/>" + HEADER)
        stream.discard()
        self.assertEqual((stream.unread, stream.state), (0, State.FRESH))
        self.assertEqual(stream.receive(b""), [])
        (event,) = stream.receive(HEADER)
        self.assertIsInstance(event, Opened)

    def test_sleep_and_wake(self) -> None:
        stream = established()
        stream.sleep()
        (event,) = stream.receive(b"<message id='1'/>")
        assert isinstance(event, Message)
        self.assertEqual(event.id, "1")

    def test_end_cuts_all_cycles(self) -> None:
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        before = parsers()
        for over, left in ((True, 0), (False, 1)):
            stream = established()
            stream.receive(b"<message><body>half")
            if over:
                stream.end()
                self.assertIs(stream.state, State.CLOSED)
                self.assertEqual(stream.receive(b"</body></message>"), [])
            del stream
            self.assertEqual(parsers() - before, left)
