"""Tests of xmppd.sasl.binding against XEP-0440."""

from twisted.trial.unittest import SynchronousTestCase

from tests.sasl.helpers import BINDINGS, context
from xmppd.sasl.binding import announced, available, binds

ALL = ("tls-exporter", "tls-unique", "tls-server-end-point")


class BindingTests(SynchronousTestCase):
    """What a stream has to bind to, and what it says about that."""

    def test_types_come_in_our_order(self) -> None:
        self.assertEqual(available(context(bindings=BINDINGS)), ALL)

    def test_what_the_stream_lacks_is_left_out(self) -> None:
        table: list[tuple[dict[str, bytes], tuple[str, ...]]] = [
            ({}, ()),
            ({"tls-server-end-point": b"hash"}, ("tls-server-end-point",)),
            ({"tls-unique": b"", "tls-exporter": b"x"}, ("tls-exporter",)),
            ({"tls-unique-for-telnet": b"x"}, ()),
        ]
        for bindings, expected in table:
            self.assertEqual(available(context(bindings=bindings)), expected, bindings)

    def test_nothing_to_bind_to_without_tls(self) -> None:
        self.assertEqual(available(context(secure=False, bindings=BINDINGS)), ())

    def test_binds(self) -> None:
        table: list[tuple[list[str], bool]] = [
            ([], False),
            (["PLAIN", "SCRAM-SHA-1"], False),
            (["PLAIN", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"], True),
            (["X-PLUSH"], False),
        ]
        for mechanisms, expected in table:
            self.assertEqual(binds(mechanisms), expected, mechanisms)

    def test_types_are_announced_only_beside_a_mechanism_that_binds(self) -> None:
        here = context(bindings=BINDINGS)
        self.assertEqual(announced(here, ["SCRAM-SHA-256-PLUS", "PLAIN"]), ALL)
        self.assertEqual(announced(here, ["SCRAM-SHA-256", "PLAIN"]), ())
        self.assertEqual(announced(context(), ["SCRAM-SHA-256-PLUS"]), ())
