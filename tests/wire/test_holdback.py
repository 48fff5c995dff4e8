"""Whole tags only, for an expat that defers."""

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.every_split import held_wrongly
from xmppd.wire import holdback
from xmppd.wire.holdback import HoldBack, defers

# Pieces fed and what is released for each: what is no markup we hold for.
GOES_THROUGH = [
    ([b"<!", b"-", b"- <a>"], [b"", b"<!-", b"- <a>"]),
    ([b"<!D", b"OCTYPE"], [b"<!D", b"OCTYPE"]),
    ([b"<![cdata", b"["], [b"", b"<![cdata["]),
    ([b"<![CDATA", b"]"], [b"", b"<![CDATA]"]),
    ([b"&&", b"amp;"], [b"&", b"&amp;"]),
    ([b"& <a", b">"], [b"& ", b"<a>"]),
    ([b"&" + b"a" * 63, b"a", b"a"], [b"", b"&" + b"a" * 64, b"a"]),
    ([b"&" + b"a" * 63 + b";"], [b"&" + b"a" * 63 + b";"]),
    ([b"<?" + b"a" * 255, b"a", b"a"], [b"", b"<?" + b"a" * 256, b"a"]),
    ([b"<?a?", b">", b"<?"], [b"", b"<?a?>", b""]),
    ([b"<a <b", b">"], [b"<a ", b"<b>"]),
    ([b"<>", b"<'", b"'>"], [b"<>", b"", b"<''>"]),
    ([b"<a b='", b"<c>'", b">"], [b"", b"<a b='<c>'", b">"]),
    ([b"", b"a", b"<", b"a", b"", b">"], [b"", b"a", b"", b"", b"", b"<a>"]),
]


class HoldBackTests(SynchronousTestCase):
    """What is kept and what is let through."""

    def test_every_prefix(self) -> None:
        self.assertEqual(held_wrongly(), [])

    def test_goes_through(self) -> None:
        for pieces, expected in GOES_THROUGH:
            hold = HoldBack()
            self.assertEqual([hold.release(piece) for piece in pieces], expected)

    def test_length(self) -> None:
        hold = HoldBack()
        lengths = []
        for piece in (b"text<", b"a b='", b">", b"'", b">", b"&", b"<![CDATA[]]", b"]>&a"):
            hold.release(piece)
            lengths.append(len(hold))
        self.assertEqual(lengths, [1, 6, 7, 8, 0, 1, 2, 2])

    def test_a_long_tag(self) -> None:
        """Each byte is looked at once, or this would take minutes."""
        data = b"<a " + b"b='>\"' " * 5000 + b">"
        hold = HoldBack()
        released = [hold.release(data[at : at + 1]) for at in range(len(data))]
        self.assertEqual(released[-1], data)
        self.assertEqual(set(released[:-1]), {b""})


class _Fake:
    """Reports start tags in time, or only when more came than was held."""

    def __init__(self, patience: int) -> None:
        self.StartElementHandler: Callable[[str, dict[str, str]], object] = lambda name, attrs: None
        self._patience = patience
        self._data = b""

    def Parse(self, data: bytes, _final: bool) -> int:
        """Report the names of start tags, `_patience` bytes after they end."""
        self._data += data
        while 0 <= self._data.find(b">") < len(self._data) - self._patience:
            tag, _, self._data = self._data.partition(b">")
            self.StartElementHandler(tag.split()[0].strip(b"<").decode(), {})
        return 1


class DefersTests(SynchronousTestCase):
    """The probe at start-up."""

    def test_defers(self) -> None:
        for patience, expected in ((0, False), (1, True), (100, True)):
            self.patch(holdback, "new_expat", lambda patience=patience: _Fake(patience))
            self.assertIs(defers(), expected)
