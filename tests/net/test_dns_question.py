"""Which bytes are the answer to a question, and which names can be asked for."""

import struct

from hypothesis import given, settings
from hypothesis.strategies import binary, integers, lists, tuples
from twisted.names import dns
from twisted.trial.unittest import SynchronousTestCase

from tests.net.messages import a, answer, record
from xmppd.net.dns_question import LARGEST, Question, askable

QUESTION = Question("example.net", dns.A, 4711)


def packed(
    id: int = 4711, *queries: tuple[str, int, int], response: int = 1, records: int = 1
) -> bytes:
    """An answer with `records` addresses."""
    message = answer(*[record("example.net", a("192.0.2.1"))] * records)
    message.id = id
    message.answer = response
    message.queries = [dns.Query(name.encode(), kind, cls) for name, kind, cls in queries]
    return message.toStr()


RIGHT = ("example.net", dns.A, dns.IN)


class QuestionTests(SynchronousTestCase):
    """Asking and being answered."""

    def test_question(self) -> None:
        """RFC 1035 section 4.1: a header that wants recursion, then one question."""
        header = struct.pack("!HHHHHH", 4711, 0x0100, 1, 0, 0, 0)
        self.assertEqual(QUESTION.to_bytes(), header + b"\7example\3net\0\0\1\0\1")

    def test_answers(self) -> None:
        table = [
            ("the answer", packed(4711, RIGHT), True),
            ("capitals", packed(4711, ("EXAMPLE.net", dns.A, dns.IN)), True),
            ("another id", packed(4712, RIGHT), False),
            ("another name", packed(4711, ("example.com", dns.A, dns.IN)), False),
            ("another type", packed(4711, ("example.net", dns.AAAA, dns.IN)), False),
            ("another class", packed(4711, ("example.net", dns.A, dns.CH)), False),
            ("no question", packed(4711), False),
            ("two questions", packed(4711, RIGHT, RIGHT), False),
            ("a question", packed(4711, RIGHT, response=0), False),
            ("nothing", b"", False),
            ("half a header", packed(4711, RIGHT)[:7], False),
            ("as much as is read", packed(4711, RIGHT, records=400), True),
            ("more than is read", packed(4711, RIGHT) + bytes(LARGEST), False),
        ]
        for what, data, expected in table:
            with self.subTest(what=what):
                self.assertIs(QUESTION.read(data) is not None, expected)

    def test_names_that_never_end(self) -> None:
        """A name of an answer that points to itself, or to one that points back."""
        right = packed(4711, RIGHT, records=0)
        header = struct.pack("!HHHHHH", 4711, 0x8000, 1, 1, 0, 0)
        end = len(right)
        tail = struct.pack("!HHIH", dns.A, dns.IN, 300, 4) + b"\1\2\3\4"
        for what, name in {
            "itself": struct.pack("!H", 0xC000 | end),
            "each other": struct.pack("!HH", 0xC000 | end + 2, 0xC000 | end),
            "a label and itself": b"\1x" + struct.pack("!H", 0xC000 | end),
        }.items():
            with self.subTest(what=what):
                self.assertIsNone(QUESTION.read(header + right[12:] + name + tail))

    @settings(deadline=None, derandomize=True, database=None, max_examples=300)
    @given(lists(tuples(integers(0, 80), integers(0, 255)), max_size=6), binary(max_size=20))
    def test_damage(self, changes: list[tuple[int, int]], rest: bytes) -> None:
        """Whatever comes is read or not, and raises nothing."""
        data = bytearray(packed(4711, RIGHT, records=4) + rest)
        for place, value in changes:
            data[place] = value
        message = QUESTION.read(bytes(data))
        if message is not None:
            self.assertEqual(message.id, 4711)


class AskableTests(SynchronousTestCase):
    """Names as the DNS has them."""

    def test_names(self) -> None:
        label = "a" * 63
        longest = f"{label}.{label}.{label}.{'a' * 61}"
        table = [
            ("example.net", "example.net"),
            ("Example.NET.", "example.net"),
            ("_xmpp-server._tcp.example.net", "_xmpp-server._tcp.example.net"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("localhost", "localhost"),
            (longest, longest),
            (longest + "a", ""),
            (label + "a.net", ""),
            ("bücher.example", ""),
            ("", ""),
            (".", ""),
            ("..", ""),
            ("a..b", ""),
            (".a", ""),
            ("a b", ""),
            ("a\nb", ""),
            ("a\n", ""),
            ("a\0b", ""),
            ("$(x).example", ""),
            ("[::1]", ""),
        ]
        for name, expected in table:
            with self.subTest(name=name):
                self.assertEqual(askable(name), expected)
