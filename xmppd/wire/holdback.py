"""Whole tags only: what a deferring expat must be fed to answer in time.

Expat 2.6, and some patched 2.5, put off parsing again after an unfinished tag until the input has
grown well beyond it, so the last tag of a stanza may lie there unseen. Where that cannot be
switched off, an unfinished tag is kept here instead and expat never meets one.
"""

import re

from xmppd.wire.document import new_expat

_CDATA = b"<![CDATA["
_NOT_A_TAG = (b"&", b"<!", b"<?")
# What is long enough to go through though it began as one of these: an entity, the opening of
# CDATA, an XML declaration. Comments and document types end the stream anyway, so they go as they
# come, and so does what is longer than it ever needs to be.
_FINISHED = re.compile(
    rb"&(?:[^;<&]{0,63}[;<&]|[^;<&]{64})|<!\[.{6}|<![^\[]|<\?(?:.{0,254}?\?>|.{256})", re.DOTALL
)
_QUOTE_OR_END = re.compile(rb"[\"'>]")  # `>` is legal inside quotes


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

    __slots__ = ("_cdata", "_held", "_seen")

    def __init__(self) -> None:
        self._held = b""
        self._cdata = False
        self._seen = 0  # how much of a held tag need not be looked at again

    def __len__(self) -> int:
        """Return how many bytes are held."""
        return len(self._held)

    def release(self, data: bytes) -> bytes:
        """Take the next input and return what may be parsed of it and of what was held."""
        data = self._held + data
        cut = self._finished(data)
        self._held = data[cut:]
        return data[:cut]

    def _finished(self, data: bytes) -> int:
        """Return up to where `data` holds no unfinished markup."""
        at = self._past_cdata(data)
        if self._cdata:
            return max(at, len(data) - 2)  # where its end may have begun
        # Outside CDATA a `<` begins markup wherever it stands, so only the last can be unfinished.
        opening = data.rfind(b"<", at)
        if opening >= 0:
            if opening:
                self._seen = 0
            at = self._end_of_markup(data, opening)
            if at < 0:
                return opening
            self._seen = 0
        entity = data.rfind(b"&", at)
        if entity >= 0 and self._end_of_markup(data, entity) < 0:
            return entity
        return len(data)

    def _past_cdata(self, data: bytes) -> int:
        """Return the position behind the last CDATA section, or inside it if it is unfinished."""
        at = 0
        while True:
            if not self._cdata:
                opening = data.find(_CDATA, at)
                if opening < 0:
                    return at
                at = opening + len(_CDATA)
                self._cdata = True
            end = data.find(b"]]>", at)
            if end < 0:
                return at
            at = end + 3
            self._cdata = False

    def _end_of_markup(self, data: bytes, at: int) -> int:
        """Return the position behind the markup that begins there, or -1 if it is not whole."""
        if not data.startswith(_NOT_A_TAG, at):
            return self._end_of_tag(data, at)
        whole = _FINISHED.match(data, at)
        return whole.end() if whole else -1

    def _end_of_tag(self, data: bytes, at: int) -> int:
        seen = at + self._seen
        while True:
            mark = _QUOTE_OR_END.search(data, seen)
            if mark is None:
                self._seen = len(data) - at
                return -1
            if mark[0] == b">":
                return mark.end()
            closing = data.find(mark[0], mark.end())
            if closing < 0:
                self._seen = mark.start() - at
                return -1
            seen = closing + 1
