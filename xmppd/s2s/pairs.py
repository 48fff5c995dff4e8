"""Which pairs of domains are proven on a stream between servers (RFC 6120 8.1, XEP-0220, XEP-0288).

A stream has two directions and a pair counts in one of them: that the other server may send us
stanzas does not mean that it takes ours. Over a bidirectional stream a pair may count in both.
"""

from collections.abc import Container
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from xmppd.stanza.jid import JID
from xmppd.stream.errors import StreamError


class Proof(Enum):
    """How a pair was proven; the value says it to an operator. The weakest comes first."""

    DIALBACK = "dialback"
    """The server that the DNS names for the domain knew the key."""
    DIALBACK_CERTIFICATE = "dialback and certificate"
    """The same, and its certificate is valid for the domain."""
    EXTERNAL = "certificate"
    """The certificate shown on this stream is valid for the domain (SASL EXTERNAL)."""


_STRENGTH = {proof: strength for strength, proof in enumerate(Proof)}


class Pair(NamedTuple):
    """A domain of ours and one of another server, as A-labels."""

    local: str
    remote: str


@dataclass(frozen=True, slots=True)
class Proven:
    """How it was proven that we take stanzas of a pair, and may send them; None if it was not."""

    pair: Pair
    incoming: Proof | None
    outgoing: Proof | None


class TooManyPairs(Exception):
    """A stream has as many pairs as it may have."""


class Pairs:
    """The pairs proven on one stream; at most `limit` in each direction."""

    __slots__ = ("_incoming", "_limit", "_outgoing")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._incoming: dict[Pair, Proof] = {}
        self._outgoing: dict[Pair, Proof] = {}

    def admit(self, pair: Pair, proof: Proof) -> None:
        """Take stanzas of this pair from now on: the other server has proven that it is `remote`.

        A weaker proof does not replace a stronger one. Raises `TooManyPairs`. Over a bidirectional
        stream the one who has proven itself may be sent stanzas, too (XEP-0288): see `permit`.
        """
        self._add(self._incoming, pair, proof)

    def permit(self, pair: Pair, proof: Proof) -> None:
        """Send stanzas of this pair from now on: the other server takes them.

        As for `admit`. That it takes them proves nothing about who it is: a stream that we have
        opened is bidirectional for a pair only if the certificate of the other side has proven it
        to be just this `remote`; then `admit` is called as well.
        """
        self._add(self._outgoing, pair, proof)

    def _add(self, proven: dict[Pair, Proof], pair: Pair, proof: Proof) -> None:
        known = proven.get(pair)
        if known is None and len(proven) >= self._limit:
            raise TooManyPairs
        if known is None or _STRENGTH[known] < _STRENGTH[proof]:
            proven[pair] = proof

    def withdraw(self, pair: Pair) -> None:
        """Let the pair count no more, in either direction; nothing happens if it does not."""
        self._incoming.pop(pair, None)
        self._outgoing.pop(pair, None)

    def incoming(self, pair: Pair) -> Proof | None:
        """Return how it was proven that we may take stanzas of this pair, None if it was not."""
        return self._incoming.get(pair)

    def outgoing(self, pair: Pair) -> Proof | None:
        """Return how it was proven that we may send stanzas of this pair, None if it was not."""
        return self._outgoing.get(pair)

    def check(self, from_: JID | None, to: JID | None, ours: Container[str]) -> None:
        """Raise `StreamError` unless a stanza with these addresses may come over the stream.

        `ours` are the domains we serve. The errors are those of RFC 6120 8.1.1.2 and 8.1.2.2: an
        address is missing or is none, the sender's domain is not proven at all, the other domain is
        not ours or not one that the sender's is proven for.
        """
        if from_ is None or to is None:
            raise StreamError("improper-addressing", "'from' or 'to' is missing or no address")
        local, remote = to.domainpart, from_.domainpart
        if (local, remote) in self._incoming and local in ours:
            return
        if not any(pair.remote == remote for pair in self._incoming):
            raise StreamError("invalid-from", f"{remote} is not proven on this stream")
        if local not in ours:
            raise StreamError("host-unknown", f"{local} is not served here")
        raise StreamError("host-unknown", f"{remote} is not proven for {local} on this stream")

    def all(self) -> list[Proven]:
        """Return all pairs there are, in the order of their domains."""
        return [
            Proven(pair, self._incoming.get(pair), self._outgoing.get(pair))
            for pair in sorted({**self._incoming, **self._outgoing})
        ]

    def __bool__(self) -> bool:
        """Whether there is any pair (XEP-0220 2.2.1 asks when one has turned out invalid)."""
        return bool(self._incoming or self._outgoing)
