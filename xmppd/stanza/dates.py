"""Dates and times as XMPP writes them (XEP-0082)."""

import re
from datetime import UTC, datetime, timedelta, timezone

_DATETIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9})[0-9]*)?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))",
    re.ASCII,
)


def format_datetime(seconds: float) -> str:
    """Write seconds since 1970 as a UTC date and time, with milliseconds unless they are zero."""
    moment = datetime.fromtimestamp(seconds, UTC)
    text = moment.isoformat(timespec="milliseconds").removesuffix("+00:00")
    return f"{text.removesuffix('.000')}Z"


def parse_datetime(text: str) -> float:
    """Read an XEP-0082 DateTime and return seconds since 1970.

    Raises `ValueError` if it is not one.
    """
    match = _DATETIME.fullmatch(text)
    if match is None:
        raise ValueError("not an XEP-0082 DateTime")
    year, month, day, hour, minute, second = map(int, match.group(1, 2, 3, 4, 5, 6))
    micro = int((match[7] or "0").ljust(6, "0")[:6])
    zone = UTC
    if match[8]:
        offset = timedelta(hours=int(match[9]), minutes=int(match[10]))
        zone = timezone(offset if match[8] == "+" else -offset)
    return datetime(year, month, day, hour, minute, second, micro, zone).timestamp()
