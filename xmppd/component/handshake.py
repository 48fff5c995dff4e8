"""How a component proves that it knows its secret (XEP-0114, section "Protocol Flow")."""

from hashlib import sha1
from hmac import compare_digest


def digest(id: str, secret: bytes) -> str:
    """Return what the component must send on the stream of that id: a SHA-1 in lower-case hex."""
    return sha1(id.encode() + secret, usedforsecurity=False).hexdigest()


def proves(given: str, id: str, secret: bytes) -> bool:
    """Tell whether `given` is that, in a time that does not tell how much of it is right."""
    return compare_digest(given.encode(), digest(id, secret).encode())
