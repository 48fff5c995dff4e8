"""Tests of xmppd.s2s.dialback."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.s2s.dialback import (
    MAX_LENGTH,
    Answer,
    Kind,
    Outcome,
    Request,
    Unanswered,
    feature,
    knows_errors,
    make_key,
    read_dialback,
)
from xmppd.stream.errors import StreamError
from xmppd.wire.document import parse_document, parse_fragment
from xmppd.wire.element import Element
from xmppd.wire.namespaces import DIALBACK, STREAMS
from xmppd.wire.serializer import serialize

SECRET = b"s3cr3tf0rd14lb4ck"
ROOT = f"<stream:stream xmlns='jabber:server' xmlns:stream='{STREAMS}' xmlns:db='{DIALBACK}'>"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
NOT_FOUND = f"<error type='cancel'><item-not-found xmlns='{STANZAS}'/></error>"
RESULT, VERIFY = Kind.RESULT, Kind.VERIFY


def parse(text: str) -> Element:
    """Return an element as it stands in a stream that declares the prefix `db`."""
    return parse_fragment(text.encode(), ROOT.encode())


class KeyTests(SynchronousTestCase):
    """Keys (XEP-0185)."""

    def test_examples(self) -> None:
        """XEP-0185, and XEP-0220 2.1.1 and 2.2.2."""
        for secret, receiving, originating, id, key in (
            (
                SECRET,
                "xmpp.example.com",
                "example.org",
                "D60000229F",
                "37c69b1cf07a3f67c04a5ef5902fa5114f2c76fe4a2686482ba5b89323075643",
            ),
            (
                SECRET,
                "montague.example",
                "capulet.example",
                "D60000229F",
                "b4835385f37fe2895af6c196b59097b16862406db80559900d96bf6fa7d23df3",
            ),
            (
                b"d14lb4ck43v3r",
                "capulet.example",
                "montague.example",
                "417GAF25",
                "225cc5aa6a071133249d25fef42ae516fc7a86c523aa1c6980a7f73e784c972d",
            ),
        ):
            self.assertEqual(make_key(secret, receiving, originating, id), key)
            asked = Request(VERIFY, receiving, originating, key, id)
            self.assertTrue(asked.is_right(secret))

    def test_everything_counts(self) -> None:
        key = make_key(SECRET, "b.example", "a.example", "x1")
        for secret, from_, to, given, id, right in (
            (SECRET, "b.example", "a.example", key, "x1", True),
            (b"other", "b.example", "a.example", key, "x1", False),
            (SECRET, "a.example", "b.example", key, "x1", False),
            (SECRET, "c.example", "a.example", key, "x1", False),
            (SECRET, "b.example", "c.example", key, "x1", False),
            (SECRET, "b.example", "a.example", key, "x2", False),
            (SECRET, "b.example", "a.example", key, "X1", False),
            (SECRET, "b.example", "a.example", key.upper(), "x1", False),
            (SECRET, "b.example", "a.example", key[:-1], "x1", False),
            (SECRET, "b.example", "a.example", "", "x1", False),
            (SECRET, "b.example", "a.example", "\u20ac" * 64, "x1", False),
        ):
            self.assertIs(Request(VERIFY, from_, to, given, id).is_right(secret), right)

    def test_a_key_does_not_show(self) -> None:
        self.assertNotIn("hidden", repr(Request(RESULT, "a", "b", "hidden")))


class ElementTests(SynchronousTestCase):
    """What is asked and answered, on the wire."""

    table: tuple[tuple[Request | Answer, str], ...] = (
        (
            Request(RESULT, "a.example", "b.example", "key"),
            "<db:result from='a.example' to='b.example'>key</db:result>",
        ),
        (
            Request(VERIFY, "b.example", "a.example", "key", "x1"),
            "<db:verify from='b.example' to='a.example' id='x1'>key</db:verify>",
        ),
        (
            Answer(RESULT, "b.example", "a.example", Outcome.VALID),
            "<db:result from='b.example' to='a.example' type='valid'/>",
        ),
        (
            Answer(VERIFY, "a.example", "b.example", Outcome.INVALID, "x1"),
            "<db:verify from='a.example' to='b.example' id='x1' type='invalid'/>",
        ),
        (
            Answer(RESULT, "b.example", "a.example", Outcome.ERROR, "", "item-not-found"),
            f"<db:result from='b.example' to='a.example' type='error'>{NOT_FOUND}</db:result>",
        ),
        (
            Answer(VERIFY, "a", "b", Outcome.ERROR, "x1", "remote-connection-failed", "it's <off>"),
            "<db:verify from='a' to='b' id='x1' type='error'><error type='cancel'>"
            f"<remote-connection-failed xmlns='{STANZAS}'/>"
            f"<text xmlns='{STANZAS}'>it's &lt;off&gt;</text></error></db:verify>",
        ),
        (
            Request(VERIFY, "b", "a", "<&'>", "'\"<&"),
            "<db:verify from='b' to='a' id='&apos;&quot;&lt;&amp;'>&lt;&amp;'&gt;</db:verify>",
        ),
    )

    def test_both_ways(self) -> None:
        for value, text in self.table:
            self.assertEqual(value.to_bytes().decode(), text)
            self.assertEqual(read_dialback(parse(text)), value)

    def test_answers_to_a_request(self) -> None:
        result = Request(RESULT, "a.example", "b.example", "key")
        verify = Request(VERIFY, "b.example", "a.example", "key", "x1")
        self.assertEqual(
            result.answer(Outcome.VALID), Answer(RESULT, "b.example", "a.example", Outcome.VALID)
        )
        self.assertEqual(
            verify.answer(Outcome.INVALID),
            Answer(VERIFY, "a.example", "b.example", Outcome.INVALID, "x1"),
        )
        self.assertEqual(
            verify.error("forbidden", "no"),
            Answer(VERIFY, "a.example", "b.example", Outcome.ERROR, "x1", "forbidden", "no"),
        )

    def test_error_conditions(self) -> None:
        """All of XEP-0220 2.5; no other than those and RFC 6120's."""
        request = Request(RESULT, "a", "b", "")
        for condition in (
            "item-not-found",
            "remote-connection-failed",
            "remote-server-not-found",
            "remote-server-timeout",
            "policy-violation",
            "not-authorized",
            "forbidden",
            "not-acceptable",
            "resource-constraint",
        ):
            answer = request.error(condition)
            self.assertEqual(read_dialback(parse(answer.to_bytes().decode())), answer)
        for condition in ("", "host-unknown", "x y"):
            with self.assertRaises(ValueError):
                request.error(condition)

    def test_what_can_be_read_nevertheless(self) -> None:
        addressed = "from='a' to='b'"
        failed = Answer(RESULT, "a", "b", Outcome.ERROR, "", "undefined-condition")
        for text, value in (
            (
                "<db:result from='A.Example.' to='B\u00fccher.example'>\n  key\t\n</db:result>",
                Request(RESULT, "a.example", "xn--bcher-kva.example", "key"),
            ),
            (f"<db:result {addressed} id='x'/>", Request(RESULT, "a", "b", "")),
            (f"<db:result {addressed}>a<b/>c</db:result>", Request(RESULT, "a", "b", "ac")),
            (
                f"<result xmlns='{DIALBACK}' {addressed}>k</result>",
                Request(RESULT, "a", "b", "k"),
            ),
            (
                f"<db:result {addressed} type='valid'>x</db:result>",
                Answer(RESULT, "a", "b", Outcome.VALID),
            ),
            ("<db:result from='127.0.0.1' to='[::1]'/>", Request(RESULT, "127.0.0.1", "[::1]", "")),
            (f"<db:result {addressed} type='error'/>", failed),
            (f"<db:result {addressed} type='error'><error/></db:result>", failed),
            (
                f"<db:result {addressed} type='error'><error><x xmlns='{STANZAS}'/>"
                f"<text xmlns='{STANZAS}'> a\n b&#155;{'x' * 900}</text></error></db:result>",
                Answer(
                    RESULT,
                    "a",
                    "b",
                    Outcome.ERROR,
                    "",
                    "undefined-condition",
                    f"a b\ufffd{'x' * 496}",
                ),
            ),
            (
                f"<db:result {addressed} type='error'><error xmlns='jabber:client'>"
                f"<forbidden xmlns='{STANZAS}'/></error></db:result>",
                Answer(RESULT, "a", "b", Outcome.ERROR, "", "forbidden"),
            ),
            (
                f"<db:result {addressed} type='error'><db:error>"
                f"<forbidden xmlns='{STANZAS}'/></db:error></db:result>",
                Answer(RESULT, "a", "b", Outcome.ERROR, "", "forbidden"),
            ),
        ):
            self.assertEqual(read_dialback(parse(text)), value, text)

    def test_what_cannot_be_read(self) -> None:
        for text, condition in (
            ("<db:other from='a' to='b'/>", "unsupported-stanza-type"),
            ("<result from='a' to='b'/>", "unsupported-stanza-type"),
            ("<db:result to='b'/>", "improper-addressing"),
            ("<db:result from='a'/>", "improper-addressing"),
            ("<db:result from='' to='b'/>", "improper-addressing"),
            ("<db:result from='a@b' to='b'/>", "improper-addressing"),
            ("<db:result from='a' to='b/c'/>", "improper-addressing"),
            ("<db:result from='a b' to='b'/>", "improper-addressing"),
            ("<db:verify from='a' to='b'/>", "bad-format"),
            ("<db:verify from='a' to='b' id=''/>", "bad-format"),
            ("<db:result from='a' to='b' type=''/>", "bad-format"),
            ("<db:result from='a' to='b' type='Valid'/>", "bad-format"),
            (f"<db:result from='a' to='b'>{'k' * 1025}</db:result>", "policy-violation"),
            (f"<db:verify from='a' to='b' id='{'i' * 1025}'/>", "policy-violation"),
        ):
            error: StreamError = self.assertRaises(StreamError, read_dialback, parse(text))
            self.assertEqual(error.condition, condition, text)

    def test_the_longest(self) -> None:
        long = "x" * MAX_LENGTH
        request = Request(VERIFY, "a", "b", long, long)
        self.assertEqual(read_dialback(parse(request.to_bytes().decode())), request)

    def test_feature(self) -> None:
        """XEP-0220 2.4.2, the example there."""
        text = "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>"
        self.assertEqual(serialize(feature()).replace(b'"', b"'").decode(), text)
        for inner, knows in (
            (text, True),
            (f"<starttls xmlns='x'/>{text}", True),
            (text.replace("<errors/>", ""), False),
            (text.replace("<errors/>", "<errors xmlns='x'/>"), False),
            (text.replace("features:dialback", "x"), False),
            ("", False),
        ):
            features = parse_document(f"<features xmlns='{STREAMS}'>{inner}</features>".encode())
            self.assertIs(knows_errors(features), knows, inner)


class UnansweredTests(SynchronousTestCase):
    """Answers count only where they were asked for (XEP-0220 3.1)."""

    result = Request(RESULT, "a", "b", "key")
    verify = Request(VERIFY, "a", "b", "key", "x1")

    def test_an_answer_counts_once(self) -> None:
        asked = Unanswered(5)
        for request in (self.result, self.verify):
            answer = request.answer(Outcome.VALID)
            self.assertIsNone(asked.settle(answer))
            self.assertTrue(asked.ask(request))
            self.assertEqual(asked.settle(answer), request)
            self.assertIsNone(asked.settle(answer))
        self.assertEqual(len(asked), 0)

    def test_what_was_not_asked(self) -> None:
        asked = Unanswered(5)
        asked.ask(self.result)
        asked.ask(self.verify)
        for answer in (
            Answer(RESULT, "a", "b", Outcome.VALID),
            Answer(RESULT, "c", "a", Outcome.VALID),
            Answer(RESULT, "b", "c", Outcome.VALID),
            Answer(VERIFY, "b", "a", Outcome.VALID, "x2"),
            Answer(VERIFY, "b", "a", Outcome.VALID, ""),
            Answer(VERIFY, "a", "b", Outcome.ERROR, "x1"),
        ):
            self.assertIsNone(asked.settle(answer))
        self.assertEqual(len(asked), 2)

    def test_no_question_twice_at_once(self) -> None:
        asked = Unanswered(5)
        self.assertTrue(asked.ask(self.result))
        self.assertFalse(asked.ask(Request(RESULT, "a", "b", "other")))
        asked.settle(self.result.answer(Outcome.ERROR))
        self.assertTrue(asked.ask(self.result))

    def test_limit(self) -> None:
        asked = Unanswered(2)
        found = [asked.ask(Request(RESULT, name, "b", "key")) for name in "xyz"]
        self.assertEqual(found, [True, True, False])
        asked.settle(Answer(RESULT, "b", "x", Outcome.INVALID))
        self.assertTrue(asked.ask(Request(RESULT, "z", "b", "key")))

    def test_the_end_of_a_stream(self) -> None:
        asked = Unanswered(5)
        asked.ask(self.verify)
        asked.ask(self.result)
        self.assertEqual(asked.abandon(), [self.verify, self.result])
        self.assertEqual((asked.abandon(), len(asked)), ([], 0))
