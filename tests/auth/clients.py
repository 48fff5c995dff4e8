"""The clients' side of the SASL mechanisms, written from the RFCs, for the tests of auth."""

import hashlib
import hmac
from base64 import b64decode, b64encode
from typing import Protocol

BINDING = b"exported keying material"
"""The channel-binding data of the streams in these tests, of type tls-exporter."""


class Client(Protocol):
    """Somebody who wants to log in."""

    mechanism: str

    def first(self) -> bytes | None:
        """Return the initial response, None for none."""

    def respond(self, challenge: bytes) -> bytes:
        """Return the response to a challenge."""

    def trusts(self, data: bytes | None) -> bool:
        """Tell whether the success, with its data, is that of the right server."""


class OneMessageClient:
    """Sends one message and expects a success without data."""

    def __init__(self, mechanism: str, message: bytes | None) -> None:
        self.mechanism = mechanism
        self._message = message

    def first(self) -> bytes | None:
        return self._message

    def respond(self, challenge: bytes) -> bytes:
        raise AssertionError("nothing is asked of this client")

    def trusts(self, data: bytes | None) -> bool:
        return data is None


def plain(user: str, password: str, authzid: str = "") -> OneMessageClient:
    """RFC 4616."""
    return OneMessageClient("PLAIN", f"{authzid}\0{user}\0{password}".encode())


def external(authzid: str = "") -> OneMessageClient:
    """RFC 4422 appendix A."""
    return OneMessageClient("EXTERNAL", authzid.encode())


def anonymous() -> OneMessageClient:
    """RFC 4505."""
    return OneMessageClient("ANONYMOUS", None)


class ScramClient:
    """RFC 5802, with channel binding if the mechanism's name says so."""

    def __init__(self, mechanism: str, user: str, password: str) -> None:
        self.mechanism = mechanism
        name = mechanism.removeprefix("SCRAM-").removesuffix("-PLUS")
        self._hash = name.replace("-", "").lower()
        self._plus = mechanism.endswith("-PLUS")
        self._header = b"p=tls-exporter,," if self._plus else b"n,,"
        self._bare = b"n=%b,r=clientnonce" % user.encode()
        self._password = password.encode()
        self._expected = b""

    def first(self) -> bytes | None:
        return self._header + self._bare

    def respond(self, challenge: bytes) -> bytes:
        fields = dict(part.split(b"=", 1) for part in challenge.split(b","))
        salted = hashlib.pbkdf2_hmac(
            self._hash, self._password, b64decode(fields[b"s"]), int(fields[b"i"])
        )
        client_key = self._mac(salted, b"Client Key")
        stored_key = hashlib.new(self._hash, client_key).digest()
        channel = b64encode(self._header + (BINDING if self._plus else b""))
        bare = b"c=%b,r=%b" % (channel, fields[b"r"])
        message = b",".join((self._bare, challenge, bare))
        signature = self._mac(stored_key, message)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self._expected = b64encode(self._mac(self._mac(salted, b"Server Key"), message))
        return bare + b",p=" + b64encode(proof)

    def trusts(self, data: bytes | None) -> bool:
        return data == b"v=" + self._expected

    def _mac(self, key: bytes, data: bytes) -> bytes:
        return hmac.digest(key, data, self._hash)


class DigestClient:
    """RFC 2831, for an ASCII name and password."""

    mechanism = "DIGEST-MD5"

    def __init__(self, user: str, password: str, domain: str) -> None:
        self._user = user.encode()
        self._password = password.encode()
        self._domain = domain.encode()
        self._expected = b""

    def first(self) -> bytes | None:
        return None

    def respond(self, challenge: bytes) -> bytes:
        nonce = challenge.partition(b'nonce="')[2].partition(b'"')[0]
        uri = b"xmpp/" + self._domain
        secret = _md5(b":".join((self._user, self._domain, self._password)))
        session = _hex(b":".join((secret, nonce, b"cnonce")))

        def value(method: bytes) -> bytes:
            request = _hex(method + b":" + uri)
            parts = (session, nonce, b"00000001", b"cnonce", b"auth", request)
            return _hex(b":".join(parts))

        self._expected = b"rspauth=" + value(b"")
        return (
            b'charset=utf-8,username="%b",realm="%b",nonce="%b",nc=00000001,cnonce="cnonce",'
            b'digest-uri="%b",qop=auth,response=%b'
        ) % (self._user, self._domain, nonce, uri, value(b"AUTHENTICATE"))

    def trusts(self, data: bytes | None) -> bool:
        return data == self._expected


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _hex(data: bytes) -> bytes:
    return _md5(data).hex().encode()
