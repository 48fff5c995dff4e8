"""Tests of xmppd.stream.management."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.stream.management import (
    Ack,
    Enable,
    Enabled,
    Failed,
    Management,
    ManagementError,
    Request,
    Resume,
    Resumed,
    feature,
    read_management,
)
from xmppd.wire.document import parse_document
from xmppd.wire.element import Element
from xmppd.wire.namespaces import STREAM_MANAGEMENT
from xmppd.wire.serializer import serialize

LAST = 2**32 - 1


def parse(name: str, attrs: str = "", inner: str = "") -> Element:
    """Return an element of stream management, as written in a specification's example."""
    text = f"<{name} xmlns='{STREAM_MANAGEMENT}' {attrs}>{inner}</{name}>"
    return parse_document(text.encode())


def condition(name: str) -> str:
    return f"<{name} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"


class ManagementTests(SynchronousTestCase):
    """Elements and what they mean."""

    table: tuple[tuple[Management, Element], ...] = (
        (Enable(), parse("enable")),
        (Enable(True), parse("enable", "resume='true'")),
        (Enable(True, 300), parse("enable", "resume='true' max='300'")),
        (Enabled(), parse("enabled")),
        (Enabled("an-id", True), parse("enabled", "id='an-id' resume='true'")),
        (Enabled("an-id"), parse("enabled", "id='an-id'")),
        (
            Enabled("an-id", True, 5, "[::1]:5269"),
            parse("enabled", "id='an-id' resume='true' max='5' location='[::1]:5269'"),
        ),
        (Resume("an-id", 0), parse("resume", "previd='an-id' h='0'")),
        (Resumed("an-id", LAST), parse("resumed", f"previd='an-id' h='{LAST}'")),
        (Failed(), parse("failed")),
        (Failed("item-not-found", 7), parse("failed", "h='7'", condition("item-not-found"))),
        (Failed("unexpected-request"), parse("failed", "", condition("unexpected-request"))),
        (Ack(0), parse("a", "h='0'")),
        (Ack(LAST), parse("a", f"h='{LAST}'")),
        (Request(), parse("r")),
    )

    def test_both_ways(self) -> None:
        for value, element in self.table:
            self.assertEqual(value.to_element(), element)
            self.assertEqual(read_management(element), value)

    def test_feature(self) -> None:
        self.assertEqual(serialize(feature()), b'<sm xmlns="urn:xmpp:sm:3"/>')

    def test_what_can_be_read_nevertheless(self) -> None:
        for element, value in (
            (parse("a", "h=' +007\n'"), Ack(7)),
            (parse("a", f"h='{'0' * 50}5'"), Ack(5)),
            (parse("a", "h='5' more='x'", "<inner/>"), Ack(5)),
            (parse("enable", "resume='1'"), Enable(True)),
            (parse("enable", "resume=' true '"), Enable(True)),
            (parse("enable", "resume='0'"), Enable()),
            (parse("enable", "resume='false'"), Enable()),
            (parse("enable", "resume='TRUE'"), Enable()),
            (parse("enable", "max='0'"), Enable()),
            (parse("enable", "max='-1'"), Enable()),
            (parse("enable", f"max='{LAST}'"), Enable(False, LAST)),
            (parse("enable", f"max='{LAST + 1}'"), Enable()),
            (parse("enable", f"max='{'9' * 5000}'"), Enable()),
            (parse("enabled", "resume='true'"), Enabled()),
            (parse("enabled", "resume='true' id=''"), Enabled()),
            (parse("failed", "h='x'", "text"), Failed()),
            (parse("failed", "", "<x xmlns='urn:x'/>"), Failed()),
        ):
            self.assertEqual(read_management(element), value)

    def test_what_cannot_be_read(self) -> None:
        counts = ("", "h=''", "h='-1'", "h='1.0'", f"h='{LAST + 1}'", "h='٣'", "h='1 2'", "h='0x1'")
        elements = [parse("a", h) for h in counts]
        elements += [
            parse(name, f"previd='x' {h}") for name in ("resume", "resumed") for h in counts
        ]
        elements += [parse("resume", "h='1'"), parse("resumed", "h='1' previd=''")]
        elements += [parse("other"), parse("sm"), Element("r", "urn:xmpp:sm:2"), Element("r")]
        for element in elements:
            with self.assertRaises(ManagementError):
                read_management(element)
