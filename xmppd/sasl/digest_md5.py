"""The DIGEST-MD5 mechanism, for old clients only: it is obsolete (RFC 2831, RFC 6331).

The flow is that of RFC 3920 section 6.5, but for its last round trip: what the server proves at the
end travels with the success (RFC 6120 section 6.3.10).
"""

import hashlib
import hmac
from base64 import b64encode
from dataclasses import dataclass, field
from enum import Enum, auto

from xmppd.sasl.digest_messages import (
    RESPONSE_BYTES,
    DigestResponse,
    DigestSyntaxError,
    read_response,
    write_challenge,
)
from xmppd.sasl.exchange import (
    Challenge,
    Condition,
    Exchange,
    Failed,
    Outcome,
    SaslContext,
    ScramKeys,
    Verify,
)
from xmppd.sasl.identity import may_act_as
from xmppd.stanza import prep

_NONCE_ENTROPY = 18  # bytes; a multiple of three makes 24 base64 characters without padding


@dataclass(frozen=True, slots=True)
class DigestFacts:
    """A client's proof that it knows a password, to be checked against the account's.

    Both checks answer the final data, `rspauth=...`, if the proof holds, else None. It is
    additional data of the success; where a profile has no place for that it is one more challenge,
    whose response is empty (RFC 4422 section 3).
    """

    username: str
    answer: DigestResponse = field(repr=False)

    def check_password(self, password: str) -> bytes | None:
        """Check against a password as it was chosen: the mechanism knows no preparation."""
        secret = (_octets(self.answer.username), self.answer.realm, _octets(password))
        return self.check_ha1(_md5(b":".join(secret)))

    def check_ha1(self, ha1: bytes) -> bytes | None:
        """Check against the 16-byte MD5 of "username:realm:password".

        It matches only if the client writes the username as the store did when it hashed.
        """
        expected = _response_value(self.answer, ha1, b"AUTHENTICATE")
        if not hmac.compare_digest(expected, self.answer.response):
            return None
        return b"rspauth=" + _response_value(self.answer, ha1, b"")


@dataclass(frozen=True, slots=True)
class DigestMd5:
    """DIGEST-MD5, offered under TLS only unless `allow_clear`: MD5 no longer resists search."""

    allow_clear: bool = False

    @property
    def name(self) -> str:
        """The registered name."""
        return "DIGEST-MD5"

    def possible(self, context: SaslContext) -> bool:
        """Whether the stream hides the exchange from eavesdroppers."""
        return self.allow_clear or context.secure

    def start(self, context: SaslContext) -> Exchange:
        """Begin an exchange for one client."""
        return DigestExchange(context.domain, b64encode(context.entropy(_NONCE_ENTROPY)))


class _Turn(Enum):
    START = auto()
    CHALLENGED = auto()
    OVER = auto()


class DigestExchange:
    """The server's side of one exchange in the realm `domain`; `nonce` is printable ASCII."""

    __slots__ = ("_domain", "_nonce", "_turn")

    def __init__(self, domain: str, nonce: bytes) -> None:
        self._domain = domain
        self._nonce = nonce
        self._turn = _Turn.START

    def step(self, data: bytes | None) -> Outcome:
        """Challenge the client, then take its response."""
        turn, self._turn = self._turn, _Turn.OVER
        if turn is _Turn.START:
            return self._challenge(data)
        if turn is _Turn.OVER or data is None:
            return Failed(Condition.MALFORMED_REQUEST, "No message was expected here.")
        return self._take_response(data)

    def keys(self, keys: ScramKeys) -> Outcome:
        """Raise ValueError: this exchange never asks for keys."""
        raise ValueError("no keys were asked for")

    def _challenge(self, data: bytes | None) -> Outcome:
        """Begin anew, also for a client that would resume (RFC 2831 section 2.2.2)."""
        if data is not None and len(data) > RESPONSE_BYTES:
            return Failed(Condition.MALFORMED_REQUEST, "The response is too long.")
        self._turn = _Turn.CHALLENGED
        return Challenge(write_challenge(self._domain, self._nonce))

    def _take_response(self, data: bytes) -> Outcome:
        try:
            answer = read_response(data)
        except DigestSyntaxError as error:
            return Failed(Condition.MALFORMED_REQUEST, str(error))
        if not self._is_for_us(answer):
            return Failed(Condition.NOT_AUTHORIZED)
        try:
            username = prep.localpart(answer.username)
        except prep.PrepError:
            return Failed(Condition.NOT_AUTHORIZED)
        if not may_act_as(answer.authzid or "", username, self._domain):
            return Failed(Condition.INVALID_AUTHZID)
        return Verify(DigestFacts(username, answer))

    def _is_for_us(self, answer: DigestResponse) -> bool:
        """Whether the response takes up our challenge, once, and names our service."""
        return (
            hmac.compare_digest(answer.nonce, self._nonce)
            and answer.count == b"00000001"
            and answer.realm == self._domain.encode()
            and answer.uri.lower() == b"xmpp/" + self._domain.encode().lower()
        )


def _response_value(answer: DigestResponse, ha1: bytes, method: bytes) -> bytes:
    """The response-value of RFC 2831 section 2.1.2.1, for quality of protection "auth"."""
    session = [ha1, answer.nonce, answer.cnonce]
    if answer.authzid is not None:
        session.append(answer.authzid.encode())
    request = method + b":" + answer.uri
    parts = (
        _hex_md5(b":".join(session)),
        answer.nonce,
        answer.count,
        answer.cnonce,
        b"auth",
        _hex_md5(request),
    )
    return _hex_md5(b":".join(parts))


def _octets(text: str) -> bytes:
    """ISO 8859-1 where that can say it, else UTF-8 (RFC 2831 section 2.1.2.1)."""
    try:
        return text.encode("iso-8859-1")
    except UnicodeEncodeError:
        return text.encode()


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _hex_md5(data: bytes) -> bytes:
    return _md5(data).hex().encode()
