"""SCRAM keys in the portable format (XEP-0227 section 4.3)."""

from base64 import b64decode, b64encode
from collections.abc import Mapping

from xmppd.sasl.exchange import ScramKeys
from xmppd.sasl.scram_keys import HASHES, check_keys, digest_size
from xmppd.wire.element import Element
from xmppd.wire.namespaces import PORTABLE_SCRAM

_PREFIX = "SCRAM-"
_FOR_EJABBERD = ("SHA-1", "SHA-256", "SHA-512")


MAXIMUM_ITERATIONS = 10_000_000
"""The most PBKDF2 rounds that are believed: each login by PLAIN costs the server as many."""

MAXIMUM_SALT_BYTES = 1024


def check_found(hash: str, keys: ScramKeys) -> None:
    """Raise `ValueError` for keys from elsewhere that nobody could log in with, or not safely."""
    check_keys(hash, keys)
    if keys.iterations > MAXIMUM_ITERATIONS or len(keys.salt) > MAXIMUM_SALT_BYTES:
        raise ValueError("keys that cost too much")


def read_keys(element: Element) -> tuple[str, ScramKeys]:
    """Return the hash and the keys of a `<scram-credentials/>`.

    Raises `ValueError` with a few words, which tell nothing of the keys.
    """
    mechanism = element.attrs.get("mechanism", "")
    hash = mechanism.removeprefix(_PREFIX)
    if hash not in HASHES or hash == mechanism:
        raise ValueError(f"keys for the mechanism {mechanism[:40]!r}")
    try:
        iterations = int(_text(element, "iter-count"))
        salt, stored, server = (
            b64decode(_text(element, name), validate=True)
            for name in ("salt", "stored-key", "server-key")
        )
        if len(stored) != digest_size(hash):
            # COMPAT(ejabberd): 23.01 writes, and reads, all three in base64 of their base64.
            salt, stored, server = (
                b64decode(each, validate=True) for each in (salt, stored, server)
            )
        keys = ScramKeys(salt, iterations, stored, server)
        check_found(hash, keys)
    except ValueError:
        raise ValueError(f"damaged or weak keys for the mechanism {mechanism}") from None
    return hash, keys


def write_keys(keys: Mapping[str, ScramKeys], for_ejabberd: bool = False) -> list[Element]:
    """Return the `<scram-credentials/>` of an account.

    `for_ejabberd`: in the form that ejabberd 23.01 can read, which is not that of the XEP.
    """
    known = [hash for hash in HASHES if hash in keys]
    if for_ejabberd:
        # COMPAT(ejabberd): it keeps one kind of keys, by default those for SHA-1.
        known = [hash for hash in _FOR_EJABBERD if hash in keys][:1]
    return [_element(hash, keys[hash], for_ejabberd) for hash in known]


def _element(hash: str, keys: ScramKeys, twice: bool) -> Element:
    element = Element("scram-credentials", PORTABLE_SCRAM, {"mechanism": _PREFIX + hash})
    element.add("iter-count", text=str(keys.iterations))
    for name, value in (
        ("salt", keys.salt),
        ("server-key", keys.server_key),
        ("stored-key", keys.stored_key),
    ):
        coded = b64encode(value)
        element.add(name, text=(b64encode(coded) if twice else coded).decode())
    return element


def _text(element: Element, name: str) -> str:
    child = element.child(name, PORTABLE_SCRAM)
    return "" if child is None else child.text.strip()
