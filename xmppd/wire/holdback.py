"""Whole tags only: what a deferring expat must be fed to answer in time.

Expat 2.6, and some patched 2.5, put off parsing again after an unfinished tag until the input has
grown well beyond it, so the last tag of a stanza may lie there unseen. Where that cannot be
switched off, an unfinished tag is kept here instead and expat never meets one.
"""

import re

from xmppd.wire.document import new_expat

# Each pattern begins at `<` or `&` and matches a finished piece of markup. Comments, processing
# instructions and document types end the stream anyway, so they may go through as they come.
_FINISHED = re.compile(
    rb"<!\[CDATA\[|<[?]|<![^\[]|&[^;<&]*;|<[^!?\"'>][^\"'>]*(?:(?:\"[^\"]*\"|'[^']*')[^\"'>]*)*>"
)
_MARKUP = re.compile(rb"[<&]")


def defers() -> bool:
    """Tell whether this expat puts off parsing, for all that `new_expat` could do."""
    parser = new_expat()
    seen: list[str] = []
    parser.StartElementHandler = lambda name, _attrs: seen.append(name)
    for piece in (b"<a>", b"<b c='" + b"d" * 40, b"'/>"):
        parser.Parse(piece, False)
    return "b" not in seen


class HoldBack:
    """Lets text and finished markup through and keeps the beginning of anything unfinished."""

    __slots__ = ("_cdata", "_held")

    def __init__(self) -> None:
        self._held = bytearray()
        self._cdata = False

    def __len__(self) -> int:
        """Return how many bytes are held."""
        return len(self._held)

    def release(self, data: bytes) -> bytes:
        """Take the next input and return what may be parsed of it and of what was held."""
        if self._held:
            self._held += data
            # A tag cannot have ended if nothing came that ends one: do not scan it again.
            if b">" not in data and b";" not in data and len(self._held) > 16:
                return b""
            data = bytes(self._held)
        cut = self._finished(data)
        self._held = bytearray(data[cut:])
        return data[:cut]

    def _finished(self, data: bytes) -> int:
        """Return up to where `data` holds no unfinished markup."""
        at = 0
        while True:
            if self._cdata:
                end = data.find(b"]]>", at)
                if end < 0:
                    return max(at, len(data) - 2)
                at = end + 3
                self._cdata = False
            opening = _MARKUP.search(data, at)
            if opening is None:
                return len(data)
            finished = _FINISHED.match(data, opening.start())
            if finished is None:
                return opening.start()
            at = finished.end()
            if data.startswith(b"<![", opening.start()):
                self._cdata = True
