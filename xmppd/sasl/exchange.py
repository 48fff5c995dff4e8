"""The shape of every SASL exchange: bytes from the client in, one outcome out (RFC 4422).

An exchange is one attempt of one client with one mechanism. It is fed the client's messages and
says what to do next; it never looks up an account, sends anything or draws random numbers itself.

The life of an exchange::

    exchange = mechanism.start(context)
    exchange.step(initial response)   -> Challenge | NeedKeys | Verify | Failed
    exchange.keys(ScramKeys)          -> Challenge | Failed   (only after NeedKeys)
    exchange.step(response)           -> ...

`Verify` and `Failed` end an exchange; whatever the client sends afterwards is `Failed` again. After
`Verify` whoever runs the exchange turns the facts into twisted.cred credentials and asks a portal
once. Whether that succeeded is not the exchange's affair.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Condition(StrEnum):
    """The failure conditions of RFC 6120 section 6.5, by their element names."""

    ABORTED = "aborted"
    ACCOUNT_DISABLED = "account-disabled"
    CREDENTIALS_EXPIRED = "credentials-expired"
    ENCRYPTION_REQUIRED = "encryption-required"
    INCORRECT_ENCODING = "incorrect-encoding"
    INVALID_AUTHZID = "invalid-authzid"
    INVALID_MECHANISM = "invalid-mechanism"
    MALFORMED_REQUEST = "malformed-request"
    MECHANISM_TOO_WEAK = "mechanism-too-weak"
    NOT_AUTHORIZED = "not-authorized"
    TEMPORARY_AUTH_FAILURE = "temporary-auth-failure"


@dataclass(frozen=True, slots=True)
class ScramKeys:
    """What is kept of a password for one SCRAM hash (RFC 5802 section 3).

    `salt`, `stored_key` and `server_key` are bytes; `iterations` is the PBKDF2 count.
    The keys are secrets: they are never logged (and left out of `repr`).
    """

    salt: bytes = field(repr=False)
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SaslContext:
    """What an exchange may know of the stream it runs on.

    - `domain`: the host the client addressed, as an A-label.
    - `entropy`: `entropy(n)` returns `n` unpredictable bytes.
    - `secure`: whether the stream is under TLS.
    - `bindings`: channel-binding data by type name (RFC 5056), empty without TLS.
    - `offered`: the mechanisms offered on this stream, in the order they were sent.
    - `offered_bindings`: the channel-binding types advertised on this stream (XEP-0440), in order.
    - `certified`: the bare JIDs the client's verified certificate speaks for (XEP-0178).
    """

    domain: str
    entropy: Callable[[int], bytes] = field(repr=False)
    secure: bool = False
    bindings: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    offered: tuple[str, ...] = ()
    offered_bindings: tuple[str, ...] = ()
    certified: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Challenge:
    """Send `data` (bytes, before base64) as a challenge and wait for a response."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NeedKeys:
    """Look up the keys of `username` (prepared, without domain) for `hash` ("SHA-256", ...).

    Answer with `exchange.keys(...)`. For an unknown user answer keys that look the same each time.
    """

    username: str
    hash: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The exchange is over: answer `<failure/>` with `condition` and, for a person, `text`."""

    condition: Condition
    text: str = ""


class Facts(Protocol):
    """What a client claims, with the proof for it; each mechanism has its own class of facts.

    `username` is the prepared localpart the client authenticates as, "" if it left that open.
    An authorization identity other than the user's own was refused before (`invalid-authzid`).
    """

    @property
    def username(self) -> str:
        """The prepared localpart, or ""."""


@dataclass(frozen=True, slots=True)
class Verify:
    """The client has said all it has to say: check `facts` against the account.

    Facts that are kept for another answer (SCRAM's server signature) leave that to the credentials
    made of them.
    """

    facts: Facts


Outcome = Challenge | NeedKeys | Verify | Failed


class Exchange(Protocol):
    """One attempt to authenticate. Methods never raise for anything a client can send."""

    def step(self, data: bytes | None) -> Outcome:
        """Take the client's next message, decoded from base64.

        `None` stands for an `<auth/>` without initial response; `b""` for an empty one (`=`) and
        for an empty `<response/>`.
        """

    def keys(self, keys: ScramKeys) -> Outcome:
        """Take the keys asked for by `NeedKeys`.

        If the client ended the exchange while they were looked up the answer is `Failed`. Raises
        ValueError if none were asked for, and for keys that do not fit the hash.
        """


class Mechanism(Protocol):
    """A SASL mechanism: a name, when it can be offered, and a way to start an exchange."""

    @property
    def name(self) -> str:
        """The registered name, for example "SCRAM-SHA-256-PLUS"."""

    def possible(self, context: SaslContext) -> bool:
        """Whether this stream meets the mechanism's needs (TLS, channel binding, certificate)."""

    def start(self, context: SaslContext) -> Exchange:
        """Begin an exchange for one client, on a stream where the mechanism was offered."""
