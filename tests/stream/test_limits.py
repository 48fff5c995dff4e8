"""Tests of xmppd.stream.limits."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.stream.limits import StreamLimits
from xmppd.wire.limits import ParserLimits


class StreamLimitsTests(SynchronousTestCase):
    """What a stranger may send, and what a friend."""

    def test_before_authentication(self) -> None:
        for stanza, tag, unauthenticated, expected in (
            (262_144, 65_536, 10_240, (10_240, 10_240)),
            (262_144, 4_096, 10_240, (10_240, 4_096)),
            (5_000, 4_000, 10_240, (5_000, 4_000)),
        ):
            parser = ParserLimits(stanza=stanza, tag=tag, depth=7, attributes=8, children=9)
            strict = StreamLimits(parser, unauthenticated).before_authentication()
            self.assertEqual((strict.stanza, strict.tag), expected)
            self.assertEqual((strict.depth, strict.attributes, strict.children), (7, 8, 9))

    def test_the_usual_ones(self) -> None:
        """RFC 6120 13.12, rule 4: no less than 10000 bytes may be refused."""
        limits = StreamLimits()
        self.assertGreaterEqual(limits.parser.stanza, 10_000)
        self.assertGreaterEqual(limits.before_authentication().stanza, 10_000)
