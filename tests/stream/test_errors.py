"""Tests of xmppd.stream.errors."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from xmppd.stream.errors import CONDITIONS, StreamError
from xmppd.wire.element import Element
from xmppd.wire.namespaces import STREAM_ERRORS, STREAMS
from xmppd.wire.serializer import serialize

TABLE = Path(__file__).resolve().parent.parent / "data" / "stream_errors.txt"
"""The headings of RFC 6120 4.9.3.1 to 4.9.3.25."""


class StreamErrorTests(SynchronousTestCase):
    """What ends a stream."""

    def test_conditions_are_those_of_the_rfc(self) -> None:
        self.assertEqual(set(TABLE.read_text().split()), CONDITIONS)

    def test_no_other_condition(self) -> None:
        for condition in ("", "invalid-id", "xml-not-well-formed", "Conflict", "text"):
            with self.assertRaises(ValueError):
                StreamError(condition)

    def test_element(self) -> None:
        for error, inner in (
            (StreamError("reset"), f"<reset xmlns='{STREAM_ERRORS}'/>"),
            (
                StreamError("conflict", "a & b"),
                f"<conflict xmlns='{STREAM_ERRORS}'/>"
                f"<text xmlns='{STREAM_ERRORS}' xml:lang='en'>a &amp; b</text>",
            ),
            (
                StreamError("undefined-condition", "c", detail=Element("x", "urn:x", {"h": "1"})),
                f"<undefined-condition xmlns='{STREAM_ERRORS}'/>"
                f"<text xmlns='{STREAM_ERRORS}' xml:lang='en'>c</text><x xmlns='urn:x' h='1'/>",
            ),
        ):
            written = serialize(error.to_element()).decode().replace('"', "'")
            self.assertEqual(written, f"<error xmlns='{STREAMS}'>{inner}</error>")

    def test_it_can_be_told_apart(self) -> None:
        error = StreamError("conflict", "somebody else")
        self.assertEqual((error.condition, error.text), ("conflict", "somebody else"))
        self.assertIn("conflict", str(error))

    def test_text_that_cannot_be_written_in_xml(self) -> None:
        error = StreamError("policy-violation", "bye\x1b[2J \ud800 \u2665")
        self.assertEqual(error.text, "bye\ufffd[2J \ufffd \u2665")
        self.assertIn("\u2665".encode(), serialize(error.to_element()))
