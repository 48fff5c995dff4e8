"""The messages of DIGEST-MD5: the challenge and the client's response (RFC 2831 section 2.1)."""

import re
from dataclasses import dataclass, field

RESPONSE_BYTES = 4095
"""The longest response read (RFC 2831 section 2.1.2)."""

_LWS = rb"(?:(?:\r\n)?[ \t])*"
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = rb'(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\x20-\x7e])*'

# One element of a comma-separated list; it may be empty (RFC 2831 section 7.1, "#rule").
_ELEMENT = re.compile(
    rb'%b(?:(?P<name>%b)%b=%b(?:"(?P<quoted>%b)"|(?P<token>%b))%b)?(?:,|\Z)'
    % (_LWS, _TOKEN, _LWS, _LWS, _QUOTED, _TOKEN, _LWS)
)
_QUOTED_PAIR = re.compile(rb"\\(.)")

_REQUIRED = ("username", "realm", "nonce", "cnonce", "nc", "digest-uri", "response")
_OPTIONAL = ("qop", "charset", "authzid", "maxbuf", "cipher")
_KNOWN = frozenset(_REQUIRED + _OPTIONAL)

_NONCE_COUNT = re.compile(rb"[0-9a-f]{8}")
_RESPONSE = re.compile(rb"[0-9a-f]{32}")


class DigestSyntaxError(ValueError):
    """A response that is not what the grammar says; its text tells a person, quoting nothing."""


@dataclass(frozen=True, slots=True)
class DigestResponse:
    """The client's response, its values unquoted.

    `username` and `authzid` are text, not prepared; `authzid` is None if it was not sent, which
    changes the hashes. The rest are bytes as they were sent, as they are hashed.
    """

    username: str
    realm: bytes
    nonce: bytes = field(repr=False)
    cnonce: bytes = field(repr=False)
    count: bytes
    uri: bytes
    response: bytes = field(repr=False)
    authzid: str | None


def write_challenge(realm: str, nonce: bytes) -> bytes:
    """The digest-challenge: one realm, authentication only, UTF-8.

    Neither argument may contain a quote or a backslash.
    """
    return b'realm="%b",nonce="%b",qop="auth",charset=utf-8,algorithm=md5-sess' % (
        realm.encode(),
        nonce,
    )


def read_response(data: bytes) -> DigestResponse:
    """Parse a digest-response; raises `DigestSyntaxError`."""
    found = _read_directives(data)
    if any(name not in found for name in _REQUIRED):
        raise DigestSyntaxError("A directive is missing.")
    if found.get("qop", b"auth") != b"auth":
        raise DigestSyntaxError("Only authentication is offered.")
    if not _NONCE_COUNT.fullmatch(found["nc"]) or not _RESPONSE.fullmatch(found["response"]):
        raise DigestSyntaxError("A hexadecimal value is malformed.")
    if not found["cnonce"]:
        raise DigestSyntaxError("The client's nonce is empty.")
    return DigestResponse(
        username=_decode(found["username"], _encoding(found)),
        realm=found["realm"],
        nonce=found["nonce"],
        cnonce=found["cnonce"],
        count=found["nc"],
        uri=found["digest-uri"],
        response=found["response"],
        authzid=_decode(found["authzid"], "utf-8") if "authzid" in found else None,
    )


def _read_directives(data: bytes) -> dict[str, bytes]:
    """The directives we know by name, each at most once; others are skipped."""
    if len(data) > RESPONSE_BYTES:
        raise DigestSyntaxError("The response is too long.")
    found: dict[str, bytes] = {}
    position = 0
    while position < len(data):
        element = _ELEMENT.match(data, position)
        if element is None:
            raise DigestSyntaxError("The response is malformed.")
        position = element.end()
        name = (element["name"] or b"").decode().lower()
        if name in found:
            raise DigestSyntaxError("A directive is repeated.")
        if name in _KNOWN:
            found[name] = _value(element)
    return found


def _value(element: re.Match[bytes]) -> bytes:
    quoted: bytes | None = element["quoted"]
    if quoted is None:
        token: bytes = element["token"]
        return token
    return _QUOTED_PAIR.sub(rb"\1", quoted)


def _encoding(found: dict[str, bytes]) -> str:
    """How the client encoded the username (RFC 2831 section 2.1.2, "charset")."""
    charset = found.get("charset")
    if charset is None:
        return "iso-8859-1"
    if charset.lower() != b"utf-8":
        raise DigestSyntaxError("The only charset is utf-8.")
    return "utf-8"


def _decode(value: bytes, encoding: str) -> str:
    try:
        return value.decode(encoding)
    except UnicodeDecodeError as error:
        raise DigestSyntaxError("A value is not in its charset.") from error
