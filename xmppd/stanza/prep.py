"""Preparation of the parts of addresses and of passwords (RFC 7622, RFC 8265, RFC 5891, RFC 4013).

There are two kinds. The strict functions, `localpart`, `domainpart` and `resourcepart`, are for
what is ours: the accounts, domains and resources this server makes. The `foreign_` functions are
for addresses of others, whose servers may know a newer Unicode or still prepare with stringprep:
they refuse only what would be dangerous to pass on. Where a strict function accepts a text, the
foreign one gives the same result.

Every function looks at the length first, takes a short way through ASCII, and is idempotent.
"""

import re
from collections.abc import Callable
from unicodedata import normalize

from xmppd.stanza import _precis
from xmppd.stanza._domains import domainpart, foreign_domainpart
from xmppd.stanza._parts import MAX_BYTES, PrepError, check_length, quote
from xmppd.stanza._stringprep import saslprep, skeleton

__all__ = [
    "MAX_BYTES",
    "PrepError",
    "domainpart",
    "foreign_domainpart",
    "foreign_localpart",
    "foreign_resourcepart",
    "localpart",
    "resourcepart",
    "saslprep",
    "skeleton",
]

_LOCALPART = "localpart"
_RESOURCEPART = "resourcepart"

# The short ways: all of printable ASCII, for localparts without what RFC 7622 3.3.1 excludes.
_PLAIN_LOCALPART = re.compile(r"[!#-%(-.0-9;=?A-\[\\-~]{1,1023}+")
_PLAIN_RESOURCEPART = re.compile(r"[ -~]{1,1023}+")

_EXCLUDED = "\"&'/:<>@"
_SPACES = " \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_CONTROLS = "\x00-\x1f\x7f-\x9f\u2028\u2029"
_NOT_CHARACTERS = "\ud800-\udfff\ufdd0-\ufdef" + "".join(
    chr(plane + 0xFFFE) + chr(plane + 0xFFFF) for plane in range(0, 0x110000, 0x10000)
)
_BAD_IN_LOCALPART = re.compile(f"[{_EXCLUDED}{_SPACES}{_CONTROLS}{_NOT_CHARACTERS}]")
_BAD_IN_RESOURCEPART = re.compile(f"[{_CONTROLS}{_NOT_CHARACTERS}]")


def localpart(text: str) -> str:
    """Prepare the localpart of an address of ours: UsernameCaseMapped, 1 to 1023 bytes of UTF-8.

    The characters of RFC 7622 section 3.3.1 are refused after the mappings, so that a fullwidth
    `@` is as well. Raises PrepError.
    """
    if _PLAIN_LOCALPART.fullmatch(text):
        return text.lower()
    check_length(_LOCALPART, text)
    prepared = _precis.username(_LOCALPART, text)
    check_length(_LOCALPART, prepared)
    _refuse(_BAD_IN_LOCALPART, _LOCALPART, prepared)
    return prepared


def resourcepart(text: str) -> str:
    """Prepare a resource of ours: OpaqueString, 1 to 1023 bytes of UTF-8.

    A leading space is refused, as in RFC 7622 section 3.5, example 18. Raises PrepError.
    """
    if _PLAIN_RESOURCEPART.fullmatch(text) and text[0] != " ":
        return text
    check_length(_RESOURCEPART, text)
    prepared = _precis.opaque(_RESOURCEPART, text)
    check_length(_RESOURCEPART, prepared)
    if prepared[0] == " ":
        raise PrepError(f"{_RESOURCEPART} begins with a space: {quote(text)}")
    return prepared


def foreign_localpart(text: str) -> str:
    """Prepare a localpart of another server: as `localpart` does where that succeeds.

    Else it is kept as received, if it has 1 to 1023 bytes and, even when decomposed, none of
    the characters of RFC 7622 section 3.3.1, spaces, controls, surrogates or non-characters.
    Raises PrepError.
    """
    if _PLAIN_LOCALPART.fullmatch(text):
        return text.lower()
    return _foreign(_LOCALPART, text, _precis.username, _BAD_IN_LOCALPART)


def foreign_resourcepart(text: str) -> str:
    """Prepare a resource of another server: as `resourcepart` does where that succeeds.

    Else it is kept as received, if it has 1 to 1023 bytes and no controls, surrogates or
    non-characters; spaces are welcome anywhere. Raises PrepError.
    """
    if _PLAIN_RESOURCEPART.fullmatch(text):
        return text
    return _foreign(_RESOURCEPART, text, _precis.opaque, _BAD_IN_RESOURCEPART)


def _foreign(part: str, text: str, enforce: Callable[[str, str], str], bad: re.Pattern[str]) -> str:
    check_length(part, text)
    _refuse(bad, part, text)
    try:
        prepared = enforce(part, text)
    except PrepError:
        # RFC 6122 A.7: a server with Nodeprep would read the excluded characters out of others.
        _refuse(bad, part, normalize("NFKD", text))
        return text
    check_length(part, prepared)
    _refuse(bad, part, prepared)
    return prepared


def _refuse(bad: re.Pattern[str], part: str, text: str) -> None:
    found = bad.search(text)
    if found:
        raise PrepError(f"{part} must not have U+{ord(found[0]):04X}: {quote(text)}")
