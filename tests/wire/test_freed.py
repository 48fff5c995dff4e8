"""Parsers leave no cycle behind: with the collector off, everything is freed."""

import gc
import weakref
from collections.abc import Callable
from sys import getrefcount

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.streams import HEADER
from xmppd.wire.limits import ParserLimits
from xmppd.wire.namespaces import CLIENT
from xmppd.wire.parser import End, Fault, StreamParser


class _Watched(StreamParser):
    """A parser whose death can be seen."""

    __slots__ = ("__weakref__",)


def freed(use: Callable[[StreamParser], object]) -> bool:
    """Use a parser with the collector off and tell whether it is gone once it is let go of."""
    gc.collect()
    gc.disable()
    try:
        parser = _Watched(CLIENT, {"iq": lambda *stanza: stanza}, ParserLimits(depth=10))
        parser.one_by_one = False
        watch = weakref.ref(parser)
        use(parser)
        del parser
        return watch() is None
    finally:
        gc.enable()


class FreedTests(SynchronousTestCase):
    """Every way a stream can end."""

    def test_closed(self) -> None:
        for data in (b"", b"<", HEADER, HEADER + b"<iq/>", HEADER + b"<iq><a", HEADER + b"<iq/>x"):

            def use(parser: StreamParser, data: bytes = data) -> None:
                parser.feed(data)
                parser.close()

            self.assertTrue(freed(use), data)

    def test_ended(self) -> None:
        for data in (b"<iq/></stream:stream>", b"</stream:stream>behind", b"</stream:stream>"):

            def use(parser: StreamParser, data: bytes = data) -> None:
                self.assertEqual(parser.feed(HEADER + data)[-1], End())

            self.assertTrue(freed(use), data)

    def test_faulted(self) -> None:
        for data in (
            b"\xff\xfe",
            b"<!DOCTYPE a>",
            HEADER + b"<iq></a>",
            HEADER + b"<iq>&a;</iq>",
            HEADER + b"<!-- -->",
            HEADER + b"text",
            HEADER + b"<iq>" + b"<a>" * 10,
            HEADER + b"<iq>" + b"x" * 300_000,
            HEADER + b"<iq>\xff",
        ):

            def use(parser: StreamParser, data: bytes = data) -> None:
                self.assertIsInstance(parser.feed(data)[-1], Fault)

            self.assertTrue(freed(use), data[:200])

    def test_asleep(self) -> None:
        def use(parser: StreamParser) -> None:
            parser.feed(HEADER + b"<iq/>")
            parser.sleep()

        self.assertTrue(freed(use))

    def test_reset(self) -> None:
        def use(parser: StreamParser) -> None:
            parser.feed(HEADER + b"<iq>")
            parser.reset()

        self.assertTrue(freed(use))

    def test_waiting(self) -> None:
        """Between one element and the next there is no expat at all."""

        def use(parser: StreamParser) -> None:
            parser.one_by_one = True
            parser.feed(HEADER)
            parser.feed(b"<iq/><iq/>")

        self.assertTrue(freed(use))

    def test_in_use(self) -> None:
        """One that reads is part of a cycle: the others would not be freed by chance."""

        def use(parser: StreamParser) -> None:
            parser.feed(HEADER + b"<iq/>")

        self.assertFalse(freed(use))
        gc.collect()

    def test_attributes_are_not_kept(self) -> None:
        """A parser that sleeps holds nothing of the last stanza."""
        parser = StreamParser(CLIENT, {"iq": lambda attrs, *_: attrs}, ParserLimits())
        parser.feed(HEADER)
        (attrs,) = parser.feed(b"<iq id='a'/>")
        before = getrefcount(attrs)
        parser.sleep()
        self.assertEqual(getrefcount(attrs), before - 1)

    def test_events_are_not_kept(self) -> None:
        """A parser holds no stanza that it has returned."""

        class Stanza:
            pass

        parser = StreamParser(CLIENT, {"iq": lambda *_: Stanza()}, ParserLimits())
        parser.feed(HEADER)
        watches = [weakref.ref(event) for event in parser.feed(b"<iq/>")]
        self.assertEqual([watch() for watch in watches], [None])
        parser.close()
