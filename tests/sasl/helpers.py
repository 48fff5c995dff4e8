"""What the tests of sasl share: a context to start from, and a client of SCRAM (RFC 5802)."""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from xmppd.sasl.exchange import SaslContext

BINDINGS = {
    "tls-server-end-point": b"the hash of a certificate",
    "tls-exporter": b"\x00exported\xff keying, material=",
    "tls-unique": b"a finished message",
}


def entropy(size: int) -> bytes:
    """Bytes that look random to nobody."""
    return bytes(range(size))


def context(
    *,
    domain: str = "example.org",
    secure: bool = True,
    bindings: Mapping[str, bytes] | None = None,
    offered: tuple[str, ...] = (),
    offered_bindings: tuple[str, ...] = (),
    certified: tuple[str, ...] = (),
) -> SaslContext:
    """A stream under TLS, unless told otherwise."""
    return SaslContext(
        domain=domain,
        entropy=entropy,
        secure=secure,
        bindings=bindings or {},
        offered=offered,
        offered_bindings=offered_bindings,
        certified=certified,
    )


def salted_password(algorithm: str, password: bytes, salt: bytes, iterations: int) -> bytes:
    """Hi() of RFC 5802 section 2.2, round by round."""
    block = hmac.new(password, salt + b"\0\0\0\1", algorithm).digest()
    total = int.from_bytes(block, "big")
    for _ in range(iterations - 1):
        block = hmac.new(password, block, algorithm).digest()
        total ^= int.from_bytes(block, "big")
    return total.to_bytes(len(block), "big")


@dataclass
class ScramClient:
    """The client's side of SCRAM (RFC 5802 section 3), for an ASCII password."""

    algorithm: str
    header: bytes = b"n,,"
    bare: bytes = b"n=user,r=fyko+d2lbbFgONRv9qkxdawL"
    password: bytes = b"pencil"
    channel: bytes = b""
    extensions: bytes = b""
    expected: bytes = b""

    def first(self) -> bytes:
        """The client-first message."""
        return self.header + self.bare

    def final(self, server_first: bytes) -> bytes:
        """The client-final message; `expected` becomes the server-final one to hope for."""
        fields = dict(part.split(b"=", 1) for part in server_first.split(b","))
        salt = b64decode(fields[b"s"])
        salted = salted_password(self.algorithm, self.password, salt, int(fields[b"i"]))
        client_key = hmac.new(salted, b"Client Key", self.algorithm).digest()
        stored_key = hashlib.new(self.algorithm, client_key).digest()
        without_proof = (
            b"c=" + b64encode(self.header + self.channel) + b",r=" + fields[b"r"] + self.extensions
        )
        message = self.bare + b"," + server_first + b"," + without_proof
        signature = hmac.new(stored_key, message, self.algorithm).digest()
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        server_key = hmac.new(salted, b"Server Key", self.algorithm).digest()
        answer = hmac.new(server_key, message, self.algorithm).digest()
        self.expected = b"v=" + b64encode(answer)
        return without_proof + b",p=" + b64encode(proof)
