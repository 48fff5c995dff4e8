"""The arithmetic of SCRAM: keys, proofs and signatures (RFC 5802 section 3, RFC 7677)."""

import hashlib
import hmac

from xmppd.sasl.exchange import ScramKeys
from xmppd.stanza.prep import saslprep

_ALGORITHMS = {"SHA-512": "sha512", "SHA-256": "sha256", "SHA-1": "sha1"}

HASHES = tuple(_ALGORITHMS)
"""The hashes known, the preferred first, named as in SCRAM's mechanism names."""

MINIMUM_ITERATIONS = 4096
"""The fewest PBKDF2 rounds we store or announce (RFC 7677 section 5.2)."""

SALT_BYTES = 16
"""The length of the salts we make (XEP-0438 section 6.2)."""


def digest(hash: str, data: bytes) -> bytes:
    """H(data) of RFC 5802; KeyError for a hash that is not in `HASHES`."""
    return hashlib.new(_ALGORITHMS[hash], data).digest()


def digest_size(hash: str) -> int:
    """The length of H's result in bytes; KeyError for a hash that is not in `HASHES`."""
    return hashlib.new(_ALGORITHMS[hash]).digest_size


def make_keys(
    hash: str, password: str, salt: bytes, iterations: int, *, allow_unassigned: bool = False
) -> ScramKeys:
    """Derive the keys of `password`. This is slow by design: hand it to a worker.

    A password about to be stored must not contain code points unassigned in Unicode 3.2; one that
    is only checked may (`allow_unassigned`, RFC 3454 section 7). Raises ValueError for a password
    that cannot be prepared or is empty, for an empty salt and for too few iterations.
    """
    if iterations < MINIMUM_ITERATIONS or not salt:
        raise ValueError("SCRAM keys need a salt and at least 4096 iterations")
    prepared = saslprep(password, allow_unassigned=allow_unassigned)
    if not prepared:
        raise ValueError("the password must not be empty")
    salted = hashlib.pbkdf2_hmac(_ALGORITHMS[hash], prepared.encode(), salt, iterations)
    client_key = _mac(hash, salted, b"Client Key")
    return ScramKeys(salt, iterations, digest(hash, client_key), _mac(hash, salted, b"Server Key"))


def fake_keys(hash: str, username: str, secret: bytes, iterations: int) -> ScramKeys:
    """Keys for a user who does not exist, shaped like those of one who does.

    They stay the same as long as `secret` does, differ between users and between hashes, and no
    password leads to them. `iterations` should be what new accounts get.
    """

    def draw(use: bytes) -> bytes:
        message = b"\0".join((use, hash.encode(), username.encode()))
        return hmac.digest(secret, message, "sha512")

    return ScramKeys(
        salt=draw(b"salt")[:SALT_BYTES],
        iterations=iterations,
        stored_key=digest(hash, draw(b"stored key")),
        server_key=digest(hash, draw(b"server key")),
    )


def check_keys(hash: str, keys: ScramKeys) -> None:
    """Raise ValueError for keys that cannot belong to `hash` or are too weak to announce."""
    size = digest_size(hash)
    if len(keys.stored_key) != size or len(keys.server_key) != size:
        raise ValueError(f"keys of the wrong size for {hash}")
    if keys.iterations < MINIMUM_ITERATIONS or not keys.salt:
        raise ValueError("SCRAM keys need a salt and at least 4096 iterations")


def answer_proof(
    hash: str, stored_key: bytes, server_key: bytes, auth_message: bytes, proof: bytes
) -> bytes | None:
    """The server's signature if the client's proof holds, else None; compares in constant time."""
    signature = _mac(hash, stored_key, auth_message)
    if len(proof) != len(signature):
        return None
    client_key = bytes(left ^ right for left, right in zip(proof, signature, strict=True))
    if not hmac.compare_digest(digest(hash, client_key), stored_key):
        return None
    return _mac(hash, server_key, auth_message)


def _mac(hash: str, key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, _ALGORITHMS[hash])
