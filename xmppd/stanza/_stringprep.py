"""What is left of stringprep (RFC 3454): SASLprep for passwords, and keys over both eras of names.

SASLprep is RFC 4013, over the tables of the standard library, which are those of Unicode 3.2.
The keys make names prepared by Nodeprep (RFC 6122 appendix A) and by PRECIS (RFC 8265) meet.
"""

import re
import stringprep
from itertools import groupby
from unicodedata import combining, normalize, ucd_3_2_0

from xmppd.stanza._parts import MAX_BYTES, PrepError, check_length, fits

_PLAIN_PASSWORD = re.compile(r"[\x20-\x7e]{0,1023}+")
_PLAIN_NAME = re.compile(r"[\x21-\x7e]{1,1023}+")

# RFC 4013 section 2.3, in its order
_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)

# RFC 3454 table B.1
_NOTHING = dict.fromkeys(
    map(ord, "\u00ad\u034f\u1806\u180b\u180c\u180d\u200b\u200c\u200d\u2060\ufeff")
) | dict.fromkeys(range(0xFE00, 0xFE10))

# Unicode's Corrigendum 4, made after version 3.2, mended the decompositions of five ideographs;
# where each went before is mapped to where it goes now.
_CORRECTED = {0x2136A: 0x36FC, 0x5F33: 0x5F53, 0x43AB: 0x243AB, 0x7AAE: 0x7AEE, 0x4D57: 0x45D7}

_IOTA = "\u03b9"


def saslprep(text: str, *, allow_unassigned: bool = False) -> str:
    """Prepare a password with SASLprep (RFC 4013); messages never show any of it.

    `allow_unassigned` lets characters that Unicode 3.2 had not assigned pass: wanted for a password
    that is compared (a query), not for one that is stored (RFC 3454 section 7). The result is
    empty if the text is, or if all of it is mapped to nothing. Raises PrepError, also for texts of
    more than 1023 bytes before or after.
    """
    if _PLAIN_PASSWORD.fullmatch(text):
        return text
    _check_password_length(text)
    prepared = ucd_3_2_0.normalize("NFKC", "".join(map(_saslprep_map, text)))
    _check_password_length(prepared)
    characters = set(prepared)
    for prohibits in _PROHIBITED:
        if any(map(prohibits, characters)):
            raise PrepError("password has a character that is not allowed")
    if not allow_unassigned and any(map(stringprep.in_table_a1, characters)):
        raise PrepError("password has a character newer than Unicode 3.2")
    _check_directions(prepared, characters)
    return prepared


def _check_password_length(text: str) -> None:
    if not fits(text, MAX_BYTES):
        raise PrepError(f"password is longer than {MAX_BYTES} bytes")


def _saslprep_map(char: str) -> str:
    # U+200B is in both tables; RFC 4013 section 2.1 names the spaces first.
    if stringprep.in_table_c12(char):
        return " "
    return "" if stringprep.in_table_b1(char) else char


def _check_directions(text: str, characters: set[str]) -> None:
    """Apply RFC 3454 section 6: right-to-left text is not mixed, and has it at both ends."""
    if not any(map(stringprep.in_table_d1, characters)):
        return
    mixed = any(map(stringprep.in_table_d2, characters))
    if mixed or not (stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])):
        raise PrepError("password mixes writing directions")


def skeleton(localpart: str) -> str:
    """Return a key under which the stringprep and the PRECIS form of one name meet.

    Two localparts that are equal under Nodeprep or equal under PRECIS have equal keys. The reverse
    does not hold: `fußball` and `fussball` are two names under PRECIS and share a key. A key is
    for finding accounts and for refusing a second one of that key, never for showing: it need not
    be a valid localpart. A newer Unicode changes no key of characters assigned before.

    Any text has a key, except that an empty one and one of more than 1023 bytes raise PrepError.
    """
    if _PLAIN_NAME.fullmatch(localpart):
        return localpart.lower()
    check_length("localpart", localpart)
    # Unicode's compatibility caseless match (definition D146), without what stringprep drops
    canonical = normalize("NFD", localpart.translate(_NOTHING)).casefold()
    folded = normalize("NFKD", canonical).casefold()
    return normalize("NFKC", _iotas_first(folded)).translate(_CORRECTED)


def _iotas_first(text: str) -> str:
    """Move each iota before the marks of the letter it follows.

    U+0345, the iota below, is a mark that becomes a letter when folded. Nodeprep folds where it
    stands, PRECIS first moves it behind the other marks: an accent may be left on either letter.
    """
    if _IOTA not in text:
        return text
    runs = groupby(text, lambda char: char == _IOTA or _is_mark(char))
    return "".join("".join(sorted(run, key=_is_mark)) for _, run in runs)


def _is_mark(char: str) -> bool:
    return combining(char) != 0
