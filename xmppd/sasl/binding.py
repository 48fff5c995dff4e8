"""Channel-binding types: which a stream has, and which to announce (RFC 5056, XEP-0440).

The data come with the `SaslContext`; whoever takes them from the TLS connection leaves out a type
that is not defined or not safe there: tls-unique from TLS 1.3 on; before that tls-exporter without
the extended master secret (RFC 9266 section 4.2), and tls-unique without it too unless no session
is ever resumed (RFC 7677 section 4); tls-server-end-point for a certificate whose signature has no
single hash (RFC 5929 section 4.1).
"""

from collections.abc import Iterable

from xmppd.sasl.exchange import SaslContext

TYPES = ("tls-exporter", "tls-unique", "tls-server-end-point")
"""The types we know, the preferred first: those unique to a connection before the end-point type,
which a thief of the certificate's key can satisfy (XEP-0440 section 4)."""

_PLUS = "-PLUS"


def available(context: SaslContext) -> tuple[str, ...]:
    """The types a client may bind to on this stream, in our order; none without TLS."""
    if not context.secure:
        return ()
    return tuple(kind for kind in TYPES if context.bindings.get(kind))


def binds(mechanisms: Iterable[str]) -> bool:
    """Whether one of the mechanisms named does channel binding (RFC 5802 section 4)."""
    return any(name.endswith(_PLUS) for name in mechanisms)


def announced(context: SaslContext, mechanisms: Iterable[str]) -> tuple[str, ...]:
    """The types to announce beside an offer of `mechanisms`.

    None without a mechanism that binds: clients take that combination for an attack
    (XEP-0440 section 3).
    """
    return available(context) if binds(mechanisms) else ()
