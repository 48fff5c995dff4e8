"""Tests of xmppd.stream.outbound."""

import gc
from collections.abc import Iterator
from pathlib import Path

from hypothesis import given, settings
from hypothesis.strategies import booleans, integers, lists, sampled_from
from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Message, Presence
from xmppd.stream.errors import CONDITIONS, StreamError
from xmppd.stream.events import Answered, Broken, Closed, Features, Opened, Received, Refused
from xmppd.stream.inbound import InboundStream
from xmppd.stream.limits import StreamLimits
from xmppd.stream.outbound import OutboundStream
from xmppd.stream.stream import State
from xmppd.wire.element import Element
from xmppd.wire.limits import ParserLimits
from xmppd.wire.namespaces import SASL, SERVER, STREAM_ERRORS, STREAMS, TLS
from xmppd.wire.parser import StreamParser

LIMITS = StreamLimits(ParserLimits(stanza=2000), unauthenticated=300)
CONDITIONS_FILE = Path(__file__).resolve().parent.parent / "data" / "stream_errors.txt"
OUR_HEADER = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:server'"
    b" xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback'"
    b" from='a.example' to='b.example' version='1.0' xml:lang='en'>"
)
ANSWER = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:server'"
    b" xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback'"
    b" id='x1' from='b.example' to='a.example' version='1.0'>"
)
OLD_ANSWER = ANSWER.replace(b" version='1.0'>", b">")
ANSWERED = Answered("x1", JID.parse("b.example"), "1.0", True)
FEATURES = b"<stream:features><starttls xmlns='%b'/></stream:features>" % TLS.encode()
OFFERED = Features(Element("features", STREAMS, children=[Element("starttls", TLS)]))
CLOSE = b"</stream:stream>"


def opened() -> OutboundStream:
    """Return a stream whose header is out."""
    stream = OutboundStream(SERVER, LIMITS)
    stream.open("a.example", "b.example")
    return stream


def answered() -> OutboundStream:
    """Return a stream whose headers have been exchanged."""
    stream = opened()
    stream.receive(ANSWER)
    return stream


def established() -> OutboundStream:
    """Return a stream ready for stanzas."""
    stream = answered()
    stream.trust()
    stream.establish()
    return stream


def refusal(content: bytes) -> bytes:
    """Return a stream error of the peer's with the end of its stream."""
    return b"<stream:error>%b</stream:error>%b" % (content, CLOSE)


def named(condition: str, text: str = "") -> bytes:
    """Return a condition as it is written."""
    return f"<{condition} xmlns='{STREAM_ERRORS}'>{text}</{condition}>".encode()


def plain(events: list[object]) -> list[object]:
    """Return events so that they compare: an error by its condition."""
    return [("broken", e.error.condition) if isinstance(e, Broken) else e for e in events]


def drain(stream: OutboundStream | InboundStream, data: bytes) -> list[object]:
    """Feed bytes and return every event they come to."""
    events = stream.receive(data)
    while stream.unread:
        events += stream.receive(b"")
    return events


def parsers() -> int:
    """Count the parsers alive."""
    return sum(type(each) is StreamParser for each in gc.get_objects())


class HeaderTests(SynchronousTestCase):
    """Our header and the peer's."""

    def test_exchange(self) -> None:
        stream = OutboundStream(SERVER, LIMITS)
        self.assertIs(stream.state, State.FRESH)
        self.assertEqual(stream.open("a.example", "b.example"), OUR_HEADER)
        self.assertIs(stream.state, State.OPEN)
        self.assertEqual(stream.receive(ANSWER), [ANSWERED])
        self.assertEqual(stream.receive(FEATURES), [OFFERED])

    def test_who_we_are_and_dialback_can_be_left_out(self) -> None:
        written = OutboundStream(SERVER, LIMITS).open("", "b.example", dialback=False)
        expected = OUR_HEADER.replace(b" from='a.example'", b"")
        self.assertEqual(written, expected.replace(b" xmlns:db='jabber:server:dialback'", b""))

    def test_answers(self) -> None:
        for answer, expected in (
            (ANSWER, ANSWERED),
            (OLD_ANSWER, Answered("x1", ANSWERED.from_, "", True)),
            (ANSWER.replace(b"1.0'>", b"0.9'>"), Answered("x1", ANSWERED.from_, "", True)),
            (ANSWER.replace(b" id='x1'", b""), Answered("", ANSWERED.from_, "1.0", True)),
            (
                ANSWER.replace(b"'b.ex", b"'c.ex"),
                Answered("x1", JID.parse("c.example"), "1.0", True),
            ),
            (ANSWER.replace(b"b.example", b""), Answered("x1", None, "1.0", True)),
            (ANSWER.replace(b":db=", b":else="), ANSWERED),
            (ANSWER.replace(b":dialback", b":else"), Answered("x1", ANSWERED.from_, "1.0", False)),
            (ANSWER.replace(b"stream:", b"s:").replace(b":stream=", b":s="), ANSWERED),
            (ANSWER.replace(b" xmlns='jabber:server'", b""), ANSWERED),
        ):
            self.assertEqual(opened().receive(answer), [expected], answer)

    def test_what_is_no_answer(self) -> None:
        for answer, condition in (
            (ANSWER.replace(b"etherx", b"other"), "invalid-namespace"),
            (ANSWER.replace(b"'jabber:server'", b"'jabber:client'"), "invalid-namespace"),
            (ANSWER.replace(b"stream:stream", b"stream:features"), "bad-format"),
            (
                FEATURES.replace(b"res>", b"res xmlns:stream='%b'>" % STREAMS.encode(), 1),
                "bad-format",
            ),
            (b"<message xmlns='jabber:server'/>", "invalid-namespace"),
            (ANSWER.replace(b"b.example", b"@b.example"), "improper-addressing"),
            (FEATURES, "not-well-formed"),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n<html>", "not-well-formed"),
            (b"\xff\xfe", "unsupported-encoding"),
            (b"<!DOCTYPE html>", "restricted-xml"),
            (ANSWER.replace(b" id='x1'", b" id='%b'" % (b"x" * 300)), "policy-violation"),
        ):
            stream = opened()
            (event,) = plain(stream.receive(answer)[:1])
            self.assertEqual(event, ("broken", condition), answer)

    def test_a_second_header(self) -> None:
        """It is none of the stream's, and nothing behind it is."""
        stream = answered()
        again = ANSWER.partition(b"?>")[2]
        (event,) = stream.receive(again + FEATURES)
        assert isinstance(event, Broken)
        self.assertEqual(event.error.condition, "unsupported-stanza-type")
        self.assertEqual(stream.receive(FEATURES), [])

    def test_old_peers_may_send_what_they_like_next(self) -> None:
        """Before 1.0 there are no features, and dialback begins at once (RFC 3920 8)."""
        stream = opened()
        stream.receive(OLD_ANSWER)
        (event,) = stream.receive(b"<db:result type='valid'/>")
        self.assertEqual(
            event, Received(Element("result", "jabber:server:dialback", {"type": "valid"}))
        )


class SplitTests(SynchronousTestCase):
    """The same events however the bytes are cut."""

    data = (
        ANSWER
        + FEATURES
        + b"<db:result from='b.example' to='a.example' type='valid'/>\n <a xmlns='urn:a'>&gt;</a>"
        + refusal(named("see-other-host", "[2001:db8::1]:9222") + named("text", "go \u20ac"))
    )

    def events(self, pieces: Iterator[bytes]) -> list[object]:
        stream = opened()
        events = [event for piece in pieces for event in drain(stream, piece)]
        self.assertIs(stream.state, State.CLOSED)
        refused = events.pop()
        assert isinstance(refused, Refused)
        return [*events, refused.error.condition, refused.error.text, refused.see_other_host]

    def test_every_split(self) -> None:
        expected = self.events(iter([self.data]))
        self.assertEqual(expected[:2], [ANSWERED, OFFERED])
        self.assertEqual(expected[4:], ["see-other-host", "go \u20ac", "[2001:db8::1]:9222"])
        for at in range(1, len(self.data)):
            self.assertEqual(self.events(iter([self.data[:at], self.data[at:]])), expected, at)
        single = (self.data[at : at + 1] for at in range(len(self.data)))
        self.assertEqual(self.events(single), expected)

    @settings(deadline=None, derandomize=True, database=None, max_examples=50)
    @given(lists(integers(1, 60), min_size=1, max_size=20))
    def test_any_pieces(self, sizes: list[int]) -> None:
        pieces, at = [], 0
        for size in sizes:
            pieces.append(self.data[at : at + size])
            at += size
        pieces.append(self.data[at:])
        self.assertEqual(self.events(iter(pieces)), self.events(iter([self.data])))


PIECES = (
    ANSWER,
    OLD_ANSWER,
    FEATURES,
    CLOSE,
    refusal(b"<x/>"),
    named("reset"),
    b"<stream:error>",
    b"</stream:error>",
    b"<message/>",
    b"<a xmlns='jabber:client'/>",
    b"<db:verify id='",
    b"text & ",
    b"<!--",
    b"\xff",
    b" ",
    b"<b>" * 200,
)


class AnythingTests(SynchronousTestCase):
    """Whatever a peer sends comes to named events, and to an end once."""

    @settings(deadline=None, derandomize=True, database=None)
    @given(lists(sampled_from(PIECES), max_size=8), booleans())
    def test_pieces(self, pieces: list[bytes], ready: bool) -> None:
        stream = established() if ready else opened()
        last = Refused, Closed
        for piece in pieces:
            was = stream.state
            events = drain(stream, piece)
            kinds = (Answered, Features, Received, Broken, Message, *last)
            self.assertTrue(all(isinstance(event, kinds) for event in events), events)
            self.assertFalse(any(isinstance(event, last) for event in events[:-1]))
            if was is State.CLOSED:
                self.assertEqual(events, [])
            if any(isinstance(event, last) for event in events):
                self.assertIs(stream.state, State.CLOSED)
            if not ready:
                self.assertFalse(any(isinstance(event, Message) for event in events))
        self.assertEqual((stream.close(), stream.close()), (CLOSE, b""))


class ElementTests(SynchronousTestCase):
    """What comes over an open stream."""

    def test_no_stanza_before_its_time(self) -> None:
        """RFC 6120 4.9.3.12."""
        for stanza in (b"<message/>", b"<presence/>", b"<iq/>"):
            stream = answered()
            self.assertEqual(plain(stream.receive(stanza * 2)), [("broken", "not-authorized")])

    def test_stanzas_once_it_is_established(self) -> None:
        events = established().receive(b"<message/> <presence/>\n<iq/>")
        self.assertEqual([type(event) for event in events], [Message, Presence, Iq])

    def test_features_again(self) -> None:
        """A peer may offer more behind a proof; what it means is not ours to say."""
        self.assertEqual(established().receive(FEATURES), [OFFERED])

    def test_features_of_another_namespace(self) -> None:
        for data, expected in (
            (b"<features/>", Element("features", SERVER)),
            (b"<features xmlns='urn:x'/>", Element("features", "urn:x")),
            (b"<stream:other/>", Element("other", STREAMS)),
            (b"<error xmlns='urn:x'/>", Element("error", "urn:x")),
        ):
            self.assertEqual(answered().receive(data), [Received(expected)])

    def test_another_content_namespace(self) -> None:
        for ns in (b"jabber:client", b"jabber:component:accept"):
            data = b"<iq xmlns='%b'/><message/>" % ns
            self.assertEqual(plain(established().receive(data)), [("broken", "invalid-namespace")])

    def test_limits(self) -> None:
        """More is allowed to who is known."""
        long = b"<a xmlns='urn:a'>%b</a>" % (b"x" * 400)
        self.assertEqual(plain(answered().receive(long)), [("broken", "policy-violation")])
        stream = answered()
        stream.trust()
        (event,) = stream.receive(long)
        self.assertIsInstance(event, Received)
        self.assertEqual(
            plain(stream.receive(long.replace(b"x" * 400, b"x" * 2000))),
            [("broken", "policy-violation")],
        )

    def test_written(self) -> None:
        bind = Element("auth", SASL, {"mechanism": "EXTERNAL"}, ["="])
        self.assertEqual(
            answered().element(bind),
            b'<auth xmlns="%b" mechanism="EXTERNAL">=</auth>' % SASL.encode(),
        )
        self.assertEqual(answered().element(Element("x", SERVER)), b"<x/>")


class RefusedTests(SynchronousTestCase):
    """The peer's stream errors."""

    def refused(self, content: bytes) -> tuple[str, str, str]:
        stream = established()
        (event,) = stream.receive(refusal(content) + b"<message/>")
        assert isinstance(event, Refused), event
        self.assertIs(stream.state, State.CLOSED)
        self.assertEqual(stream.receive(b"<message/>"), [])
        self.assertEqual((stream.close(), stream.close()), (CLOSE, b""))
        return event.error.condition, event.error.text, event.see_other_host

    def test_each_condition(self) -> None:
        conditions = CONDITIONS_FILE.read_text().split()
        self.assertEqual(len(conditions), len(CONDITIONS))
        for condition in conditions:
            self.assertEqual(self.refused(named(condition)), (condition, "", ""))

    def test_texts_and_what_else_there_is(self) -> None:
        for content, expected in (
            (b"", ("undefined-condition", "", "")),
            (b"just words", ("undefined-condition", "just words", "")),
            (named("invalid-id"), ("undefined-condition", "", "")),
            (named("text", "no"), ("undefined-condition", "no", "")),
            (b"<reset xmlns='urn:x'/>", ("undefined-condition", "", "")),
            (b"<x xmlns='urn:x'/>" + named("reset"), ("reset", "", "")),
            (named("reset") + named("conflict"), ("reset", "", "")),
            (named("reset") + named("text", " a\n\tb "), ("reset", "a b", "")),
            (named("reset") + named("text", "&#155;[2J"), ("reset", "\ufffd[2J", "")),
            (named("reset") + named("text", "x" * 900), ("reset", "x" * 500, "")),
        ):
            self.assertEqual(self.refused(content), expected, content)

    def test_see_other_host(self) -> None:
        for content, expected in (
            (named("see-other-host", " c.example:5270\n"), "c.example:5270"),
            (named("see-other-host", "[2001:db8::1]:9222"), "[2001:db8::1]:9222"),
            (named("see-other-host"), ""),
            (named("see-other-host", "x" * 1101), ""),
            (named("see-other-host", "x" * 1100), "x" * 1100),
        ):
            self.assertEqual(self.refused(content), ("see-other-host", "", expected))
        self.assertEqual(
            self.refused(named("reset") + named("see-other-host", "c.example")), ("reset", "", "")
        )

    def test_right_behind_the_answer(self) -> None:
        """RFC 6120 4.9.1.2: a peer says why inside of a stream, and closes that."""
        stream = opened()
        answer = ANSWER.replace(b" from='b.example'", b" from=''")
        first, second = drain(stream, answer + refusal(named("host-unknown")))
        self.assertEqual(first, Answered("x1", None, "1.0", True))
        assert isinstance(second, Refused)
        self.assertEqual(second.error.condition, "host-unknown")

    def test_what_is_private_does_not_show(self) -> None:
        self.assertNotIn("hidden", repr(Features(Element("a", "b", {"c": "hidden"}))))


class EndTests(SynchronousTestCase):
    """The end of either side (RFC 6120 4.4)."""

    def test_the_peer_closes_first(self) -> None:
        stream = established()
        self.assertEqual(stream.receive(b"<message/>" + CLOSE)[1:], [Closed()])
        self.assertIs(stream.state, State.CLOSED)
        self.assertEqual((stream.close(), stream.close()), (CLOSE, b""))
        self.assertEqual(stream.receive(b"<message/>"), [])

    def test_we_close_first(self) -> None:
        for stream, state in (
            (established(), State.LISTENING),
            (answered(), State.CLOSING),
            (opened(), State.CLOSING),
        ):
            self.assertEqual(stream.close(), CLOSE)
            self.assertIs(stream.state, state)
            self.assertEqual(stream.close(), b"")

    def test_what_still_comes(self) -> None:
        """Stanzas count, nothing else does, and an error of theirs is as good as an end."""
        stream = established()
        stream.close()
        (message,) = stream.receive(b"<message/><x xmlns='jabber:client'/>")
        self.assertIsInstance(message, Message)
        self.assertEqual(stream.receive(refusal(named("reset"))), [Closed(orderly=False)])
        self.assertIs(stream.state, State.CLOSED)
        self.assertEqual(stream.fail(StreamError("reset")), b"")

    def test_closing_before_the_answer(self) -> None:
        stream = opened()
        stream.close()
        self.assertEqual(stream.receive(ANSWER + FEATURES + CLOSE), [Closed()])

    def test_what_cannot_be_read_counts_as_the_end(self) -> None:
        for data in (b"<message></iq>", b"<!DOCTYPE x>", b"<message>" + b"x" * 3000):
            stream = established()
            stream.close()
            self.assertEqual(stream.receive(data), [Closed(orderly=False)])

    def test_an_error_of_ours(self) -> None:
        stream = established()
        self.assertEqual(
            stream.fail(StreamError("invalid-from", "not <yours>")),
            b'<stream:error><invalid-from xmlns="urn:ietf:params:xml:ns:xmpp-streams"/>'
            b'<text xmlns="urn:ietf:params:xml:ns:xmpp-streams" xml:lang="en">not &lt;yours&gt;'
            b"</text></stream:error></stream:stream>",
        )
        self.assertEqual(stream.fail(StreamError("reset")), b"")
        self.assertEqual(stream.receive(CLOSE), [Closed()])

    def test_nothing_is_said_before_our_header(self) -> None:
        stream = OutboundStream(SERVER, LIMITS)
        self.assertEqual(stream.fail(StreamError("connection-timeout")), b"")
        self.assertEqual(stream.close(), b"")
        stream.open("a", "b")
        stream.discard()
        self.assertEqual(stream.fail(StreamError("connection-timeout")), b"")

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
                self.assertEqual(stream.receive(b"</body></message>"), [])
            del stream
            self.assertEqual(parsers() - before, left)


class RestartTests(SynchronousTestCase):
    """A new stream on the same connection."""

    def test_behind_tls(self) -> None:
        """RFC 6120 5.4.3.3: nothing that came in clear may count."""
        stream = answered()
        stream.receive(b"<proceed xmlns='%b'/><message/>" % TLS.encode() + ANSWER)
        stream.discard()
        self.assertEqual((stream.unread, stream.state), (0, State.FRESH))
        self.assertEqual(stream.receive(b""), [])
        self.assertEqual(stream.open("a.example", "b.example"), OUR_HEADER)
        second = ANSWER.replace(b"x1", b"x2")
        self.assertEqual(stream.receive(second), [Answered("x2", ANSWERED.from_, "1.0", True)])

    def test_behind_sasl(self) -> None:
        """RFC 6120 6.4.6: what stands unread behind success belongs to the new stream."""
        stream = answered()
        success = b"<success xmlns='%b'/>" % SASL.encode()
        self.assertEqual(stream.receive(success + ANSWER), [Received(Element("success", SASL))])
        stream.restart()
        self.assertEqual(stream.open("a.example", "b.example"), OUR_HEADER)
        self.assertEqual(stream.receive(b""), [ANSWERED])

    def test_sleep_and_wake(self) -> None:
        stream = established()
        stream.sleep()
        (event,) = stream.receive(b"<message id='1'/>")
        assert isinstance(event, Message)
        self.assertEqual(event.id, "1")


class MirrorTests(SynchronousTestCase):
    """An outbound and an inbound stream, face to face."""

    def setUp(self) -> None:
        self.out = OutboundStream(SERVER, LIMITS)
        self.in_ = InboundStream(SERVER, "default.example", LIMITS)

    def exchange_headers(self, id: str) -> None:
        opening = self.out.open("a.example", "b.example")
        self.assertEqual(
            drain(self.in_, opening),
            [Opened(JID.parse("b.example"), JID.parse("a.example"), "en")],
        )
        answer = self.in_.open("b.example", id, dialback=True)
        self.assertEqual(
            drain(self.out, answer + self.in_.features([Element("starttls", TLS)])),
            [Answered(id, JID.parse("b.example"), "1.0", True), OFFERED],
        )

    def send(self, element: Element) -> None:
        self.assertEqual(drain(self.in_, self.out.element(element)), [Received(element)])

    def answer(self, element: Element) -> None:
        self.assertEqual(drain(self.out, self.in_.element(element)), [Received(element)])

    def test_a_whole_life(self) -> None:
        self.exchange_headers("one")
        self.send(Element("starttls", TLS))
        self.answer(Element("proceed", TLS))
        self.out.discard()
        self.in_.discard()
        self.exchange_headers("two")
        self.send(Element("auth", SASL, {"mechanism": "EXTERNAL"}, ["YQ=="]))
        self.answer(Element("success", SASL))
        self.out.restart()
        self.in_.restart()
        self.exchange_headers("three")
        for stream in (self.out, self.in_):
            stream.trust()
            stream.establish()
        message = Message(Element("body", children=["hi"]), to=JID.parse("b.example"))
        (event,) = drain(self.in_, bytes(message))
        self.assertEqual(bytes(event), bytes(message))  # type: ignore[call-overload]
        self.assertEqual(drain(self.in_, self.out.close()), [Closed()])
        self.assertEqual(drain(self.out, self.in_.close()), [Closed()])
        self.assertEqual((self.out.state, self.in_.state), (State.CLOSED, State.CLOSED))

    def test_both_close_at_once(self) -> None:
        self.exchange_headers("one")
        ours, theirs = self.out.close(), self.in_.close()
        self.assertEqual(drain(self.in_, ours), [Closed()])
        self.assertEqual(drain(self.out, theirs), [Closed()])

    def test_an_error_of_either(self) -> None:
        self.exchange_headers("one")
        (event,) = drain(self.out, self.in_.fail(StreamError("policy-violation", "no"), "x"))
        assert isinstance(event, Refused)
        self.assertEqual((event.error.condition, event.error.text), ("policy-violation", "no"))
        self.assertEqual(drain(self.in_, self.out.close()), [Closed()])
        self.setUp()
        self.exchange_headers("one")
        self.assertEqual(drain(self.in_, self.out.fail(StreamError("invalid-from"))), [Closed()])
        self.assertEqual(drain(self.out, self.in_.close()), [Closed()])

    def test_an_error_instead_of_an_answer(self) -> None:
        drain(self.in_, self.out.open("a.example", "nobody.example"))
        answer = self.in_.fail(StreamError("host-unknown"), "x")
        first, second = drain(self.out, answer)
        self.assertEqual(first, Answered("x", JID.parse("default.example"), "1.0", False))
        assert isinstance(second, Refused)
        self.assertEqual(second.error.condition, "host-unknown")
