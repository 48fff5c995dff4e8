"""What all preparations share: one error, one limit (RFC 7622 section 3.1), one way to quote."""

MAX_BYTES = 1023
"""The most bytes of UTF-8 a localpart, domainpart or resourcepart may have."""

_QUOTED = 64


class PrepError(ValueError):
    """A text that cannot be prepared; the message says why in plain words.

    It quotes at most 64 characters of the text, escaped as `repr` does, and nothing of a password.
    """


def quote(text: str) -> str:
    """Return the start of `text` for a message: at most 64 characters of it, escaped."""
    return repr(text) if len(text) <= _QUOTED else f"{text[:_QUOTED]!r}..."


def check_length(part: str, text: str) -> None:
    """Raise PrepError unless `text` has 1 to 1023 bytes; `part` names it in the message.

    Lone surrogates count like any character of three bytes: refusing them is left to the caller.
    """
    if not text:
        raise PrepError(f"{part} is empty")
    if not fits(text, MAX_BYTES):
        raise PrepError(f"{part} is longer than {MAX_BYTES} bytes: {quote(text)}")


def fits(text: str, limit: int) -> bool:
    """Whether `text` has at most `limit` bytes in UTF-8; the cost is bounded by the limit."""
    if len(text) > limit:
        return False
    return text.isascii() or len(text.encode("utf-8", "surrogatepass")) <= limit
