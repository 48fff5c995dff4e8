"""What a stream must not contain, and the stream error that answers it (RFC 6120 4.9.3 and 11)."""

import re
from pyexpat import ErrorString, ExpatError, errors

_OTHER_ENCODING = re.compile(rb"[\xfe\xff\0]|.\0", re.DOTALL)
_VERSION = re.compile(r"1\.[0-9]+")  # what a reader of 1.0 takes for 1.0 (XML 1.0, 2.8)
_UNDEFINED_ENTITY = errors.codes[errors.XML_ERROR_UNDEFINED_ENTITY]
_INVALID_TOKEN = errors.codes[errors.XML_ERROR_INVALID_TOKEN]
_NOT_UTF8 = "unsupported-encoding", "a stream is UTF-8"

# Its end would not come while its sender waits for an answer to its beginning.
ANOTHER_STREAM = "unsupported-stanza-type", "a stream inside the stream"

# What reaching each of `ParserLimits` is answered with.
HEADER_TOO_LARGE = "policy-violation", "the stream header is too large"
TOO_LARGE = "policy-violation", "a stanza is too large"
TOO_FAR_AHEAD = "policy-violation", "too much is sent ahead of our answers"
TAG_TOO_LONG = "policy-violation", "a tag is too long"
NAMESPACE_TOO_LONG = "policy-violation", "a namespace name is too long"
TOO_DEEP = "policy-violation", "elements are nested too deeply"
TOO_MANY = "policy-violation", "too many attributes"
TOO_FULL = "policy-violation", "too many elements in one stanza"


class Refused(Exception):
    """Raised for what a stream must not contain; `args` are the condition and a text."""


def check_beginning(data: bytes) -> None:
    """Refuse a stream whose first two bytes (or one) begin UTF-16 or UTF-32 (RFC 6120 11.6).

    Expat would follow them, whatever encoding it was told. COMPAT(.NET): a mark of UTF-8, which its
    writers put first, is passed over as expat does it, though 11.6 forbids sending one.
    """
    if _OTHER_ENCODING.match(data):
        raise Refused(*_NOT_UTF8)


def check_declaration(version: str, encoding: str | None, _standalone: int) -> None:
    """Refuse an XML declaration of another encoding (RFC 6120 11.6) or version (11.8)."""
    if encoding is not None and encoding.upper() not in ("UTF-8", "UTF8"):
        raise Refused(*_NOT_UTF8)
    if not _VERSION.fullmatch(version):
        raise Refused("not-well-formed", "not XML 1.0")


def explain(error: ExpatError, at: bytes) -> tuple[str, str]:
    """Return the condition and text for expat's error; `at` is the input from there on."""
    if error.code == _UNDEFINED_ENTITY:  # only a document type could define it (RFC 6120 11.1)
        return "restricted-xml", "an entity other than the predefined five"
    if error.code == _INVALID_TOKEN and _breaks_utf8(at[:4]):
        return _NOT_UTF8
    return "not-well-formed", ErrorString(error.code)


def _breaks_utf8(data: bytes) -> bool:
    """Tell whether no UTF-8 character begins like this."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start == 0 and error.reason != "unexpected end of data"
    return False
