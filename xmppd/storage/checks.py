"""What every back end can keep: text without NUL or lone surrogates, times as whole microseconds.

Back ends differ in what they would do with anything else (SQLite ends a JSON string at NUL and
keeps 15 digits of a float read from text), so it is refused or rounded here, once for all of them.
"""

LATEST = 2**63 - 1
"""The last moment a back end can hold, in microseconds since 1970."""


def storable(value: str) -> bool:
    """Whether `value` can be kept and found again: no NUL, no lone surrogate."""
    if "\0" in value:
        return False
    if value.isascii():
        return True
    return not any("\ud800" <= character <= "\udfff" for character in value)


def text(value: str) -> str:
    """Return `value`. Raises `ValueError` if it is not storable; the message does not repeat it."""
    if not storable(value):
        raise ValueError("text to be stored holds NUL or a lone surrogate")
    return value


def micros(when: float) -> int:
    """Return seconds since 1970 as microseconds, held within what 64 bits can say.

    Raises `ValueError` for NaN.
    """
    if -9e12 < when < 9e12:
        return round(when * 1e6)
    if when != when:
        raise ValueError("a time that is not a number")
    return LATEST if when > 0 else -LATEST


def seconds(when: int) -> float:
    """Return microseconds since 1970 as seconds: the float nearest to the exact quotient."""
    return when / 1_000_000
