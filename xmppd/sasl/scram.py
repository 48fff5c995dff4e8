"""The SCRAM mechanisms and their exchange, channel binding included (RFC 5802, RFC 7677)."""

import hmac
from base64 import b64encode
from dataclasses import dataclass, field
from enum import Enum, auto

from xmppd.sasl import binding
from xmppd.sasl.downgrade import fingerprint
from xmppd.sasl.exchange import (
    Challenge,
    Condition,
    Exchange,
    Failed,
    NeedKeys,
    Outcome,
    SaslContext,
    ScramKeys,
    Verify,
)
from xmppd.sasl.identity import may_act_as
from xmppd.sasl.scram_keys import HASHES, answer_proof, check_keys, make_keys
from xmppd.sasl.scram_messages import (
    ClientFirst,
    ScramSyntaxError,
    read_client_final,
    read_client_first,
    write_server_final,
    write_server_first,
)
from xmppd.stanza import prep

_NONCE_ENTROPY = 18  # bytes; a multiple of three makes 24 base64 characters without padding


@dataclass(frozen=True, slots=True)
class ScramFacts:
    """A client's proof that it knows a password, to be checked against the account's keys.

    `salt` and `iterations` are those the exchange announced, so keys made with others cannot match.
    """

    username: str
    hash: str
    salt: bytes = field(repr=False)
    iterations: int
    auth_message: bytes = field(repr=False)
    client_proof: bytes = field(repr=False)

    def check(self, stored_key: bytes, server_key: bytes) -> bytes | None:
        """The server-final message if the proof holds, else None; compares in constant time.

        The message is additional data of the success (RFC 5802 section 5.2): without it the client
        cannot tell that the server knows its keys.
        """
        signature = answer_proof(
            self.hash, stored_key, server_key, self.auth_message, self.client_proof
        )
        return None if signature is None else write_server_final(signature)

    def derive(self, password: str) -> ScramKeys:
        """The keys of `password` with this exchange's salt, for a store that keeps passwords.

        This is slow by design. Raises ValueError for a password that cannot be prepared.
        """
        return make_keys(self.hash, password, self.salt, self.iterations, allow_unassigned=True)


@dataclass(frozen=True, slots=True)
class Scram:
    """SCRAM with `hash`, one of `scram_keys.HASHES`; with channel binding if `plus`."""

    hash: str
    plus: bool = False

    @property
    def name(self) -> str:
        """The registered name (RFC 5802 section 4)."""
        return f"SCRAM-{self.hash}-PLUS" if self.plus else f"SCRAM-{self.hash}"

    def possible(self, context: SaslContext) -> bool:
        """Whether the stream has something to bind to, if that is what the mechanism does."""
        return not self.plus or bool(binding.available(context))

    def start(self, context: SaslContext) -> Exchange:
        """Begin an exchange for one client."""
        nonce = b64encode(context.entropy(_NONCE_ENTROPY))
        return ScramExchange(self.hash, self.plus, context, nonce)


MECHANISMS = tuple(Scram(hash, plus) for plus in (True, False) for hash in HASHES)
"""Every SCRAM mechanism, the preferred first: channel binding counts more than the hash."""


class _Turn(Enum):
    START = auto()
    INVITED = auto()
    LOOKUP = auto()
    FINAL = auto()
    OVER = auto()


class ScramExchange:
    """The server's side of one exchange; `nonce` is the server's part of it, in printable ASCII.

    A user who does not exist takes the same way: that the keys were made up shows only to who
    checks the facts.
    """

    __slots__ = (
        "_context",
        "_first",
        "_hash",
        "_iterations",
        "_nonce",
        "_plus",
        "_salt",
        "_server_first",
        "_turn",
        "_username",
    )

    # Known once the turn they belong to has come.
    _first: ClientFirst
    _username: str
    _salt: bytes
    _iterations: int
    _server_first: bytes

    def __init__(self, hash: str, plus: bool, context: SaslContext, nonce: bytes) -> None:
        self._hash = hash
        self._plus = plus
        self._context = context
        self._nonce = nonce
        self._turn = _Turn.START

    def step(self, data: bytes | None) -> Outcome:
        """Take the client-first message, then the client-final one."""
        turn, self._turn = self._turn, _Turn.OVER
        if data is None and turn is _Turn.START:
            self._turn = _Turn.INVITED
            return Challenge(b"")
        if data is not None and turn in (_Turn.START, _Turn.INVITED):
            return self._take_first(data)
        if data is not None and turn is _Turn.FINAL:
            return self._take_final(data)
        return Failed(Condition.MALFORMED_REQUEST, "No message was expected here.")

    def keys(self, keys: ScramKeys) -> Outcome:
        """Announce the salt and iterations of `keys` to the client.

        Raises ValueError if no keys were asked for, and for keys that are not of this hash or have
        fewer than 4096 iterations. If the client ended the exchange meanwhile it stays ended.
        """
        if self._turn is _Turn.OVER:
            return Failed(Condition.MALFORMED_REQUEST, "The exchange is over.")
        if self._turn is not _Turn.LOOKUP:
            raise ValueError("no keys were asked for")
        check_keys(self._hash, keys)
        self._salt, self._iterations = keys.salt, keys.iterations
        self._server_first = write_server_first(
            self._first.nonce + self._nonce, keys.salt, keys.iterations, self._fingerprint()
        )
        self._turn = _Turn.FINAL
        return Challenge(self._server_first)

    def _take_first(self, data: bytes) -> Outcome:
        try:
            first = read_client_first(data)
        except ScramSyntaxError as error:
            return Failed(Condition.MALFORMED_REQUEST, str(error))
        refusal = self._judge_flag(first)
        if refusal is not None:
            return refusal
        try:
            username = prep.localpart(first.username)
        except prep.PrepError:
            # What no account can be called is answered like a wrong password.
            return Failed(Condition.NOT_AUTHORIZED)
        if not may_act_as(first.authzid, username, self._context.domain):
            return Failed(Condition.INVALID_AUTHZID)
        self._first, self._username = first, username
        self._turn = _Turn.LOOKUP
        return NeedKeys(username, self._hash)

    def _judge_flag(self, first: ClientFirst) -> Failed | None:
        """Check the channel-binding flag by RFC 5802 section 6."""
        if self._plus != (first.flag == "p"):
            return Failed(
                Condition.MALFORMED_REQUEST, "The channel-binding flag contradicts the mechanism."
            )
        if first.flag == "p" and first.binding not in binding.available(self._context):
            return Failed(Condition.NOT_AUTHORIZED, "This channel-binding type is not supported.")
        if first.flag == "y" and binding.binds(self._context.offered):
            # The client did not see what we offered: somebody took it away.
            return Failed(Condition.NOT_AUTHORIZED, "Channel binding was offered.")
        return None

    def _take_final(self, data: bytes) -> Outcome:
        try:
            final = read_client_final(data)
        except ScramSyntaxError as error:
            return Failed(Condition.MALFORMED_REQUEST, str(error))
        same_channel = hmac.compare_digest(final.binding, self._expected_binding())
        same_nonce = hmac.compare_digest(final.nonce, self._first.nonce + self._nonce)
        if not (same_channel and same_nonce):
            return Failed(Condition.NOT_AUTHORIZED)
        message = b",".join((self._first.bare, self._server_first, final.bare))
        facts = ScramFacts(
            self._username, self._hash, self._salt, self._iterations, message, final.proof
        )
        return Verify(facts)

    def _expected_binding(self) -> bytes:
        """What the attribute `c` has to be: the GS2 header and the channel's data."""
        data = self._context.bindings[self._first.binding] if self._plus else b""
        return b64encode(self._first.header + data)

    def _fingerprint(self) -> bytes | None:
        context = self._context
        if not context.offered:
            return None
        return fingerprint(self._hash, context.offered, context.offered_bindings)
