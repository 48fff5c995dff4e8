"""The fingerprint of what was offered, by which SCRAM clients notice a downgrade (XEP-0474)."""

from base64 import b64encode
from collections.abc import Iterable

from xmppd.sasl.scram_keys import digest

_BETWEEN_NAMES = b"\x1e"
_BEFORE_BINDINGS = b"\x1f"


def fingerprint(hash: str, mechanisms: Iterable[str], bindings: Iterable[str]) -> bytes:
    """The value of SCRAM's attribute `h`, in base64 (XEP-0474 section 6.1).

    `hash` is the one of the SCRAM mechanism in use. `mechanisms` and `bindings` are what the SASL
    profile in use offered on the stream, in any order; no bindings means that none were announced.
    """
    offer = _joined(mechanisms)
    kinds = _joined(bindings)
    if kinds:
        offer += _BEFORE_BINDINGS + kinds
    return b64encode(digest(hash, offer))


def _joined(names: Iterable[str]) -> bytes:
    # Sorted as octets ("i;octet"), hence after encoding.
    return _BETWEEN_NAMES.join(sorted(name.encode() for name in names))
