"""A client's side of SCRAM, written from RFC 5802, over a `Client`."""

import hashlib
import hmac
from base64 import b64decode, b64encode

from tests.c2s.client import Client
from tests.c2s.texts import SASL, auth


class Scram:
    """One login of `client`; `mechanism` by its name.

    `flag` is the GS2 header's first part ("n", "y" or "p=tls-exporter"), `binding` the data bound.
    """

    def __init__(
        self, client: Client, mechanism: str, user: str, flag: str = "n", binding: bytes = b""
    ) -> None:
        self._client = client
        self._mechanism = mechanism
        self._hash = mechanism.removesuffix("-PLUS").removeprefix("SCRAM-").replace("-", "").lower()
        self._header = f"{flag},,".encode()
        self._bare = f"n={user},r=nonce-of-ours".encode()
        self._binding = binding

    def begins(self) -> bytes:
        """Send the first message; return the challenge, or the failure's condition."""
        self._client.sends(auth(self._mechanism, self._header + self._bare))
        return self._answer()

    def ends(self, challenge: bytes, password: str) -> bytes:
        """Send the final message; return the failure's condition, or b"" if all is well.

        Fails unless the server's signature is right.
        """
        fields = dict(part.split(b"=", 1) for part in challenge.split(b",") if b"=" in part)
        salted = hashlib.pbkdf2_hmac(
            self._hash, password.encode(), b64decode(fields[b"s"]), int(fields[b"i"])
        )
        key = self._mac(salted, b"Client Key")
        bare = b"c=%b,r=%b" % (b64encode(self._header + self._binding), fields[b"r"])
        message = b",".join((self._bare, challenge, bare))
        signature = self._mac(hashlib.new(self._hash, key).digest(), message)
        proof = bytes(one ^ other for one, other in zip(key, signature, strict=True))
        final = b64encode(bare + b",p=" + b64encode(proof)).decode()
        self._client.sends(f"<response xmlns='{SASL}'>{final}</response>")
        answer = self._answer()
        if not answer.startswith(b"v="):
            return answer
        expected = self._mac(self._mac(salted, b"Server Key"), message)
        self._client.house.case.assertEqual(b64decode(answer[2:]), expected)
        return b""

    def logs_in(self, password: str) -> bytes:
        """Do both; return the failure's condition, or b"" if all is well."""
        challenge = self.begins()
        return self.ends(challenge, password) if challenge.startswith(b"r=") else challenge

    def _answer(self) -> bytes:
        if not self._client.reader.elements:
            self._client.house.passes(4)  # somebody has guessed before
        (element,) = self._client.takes()
        if len(element):
            return element[0].tag.rpartition("}")[2].encode()
        return b64decode(element.text or "")

    def _mac(self, key: bytes, data: bytes) -> bytes:
        return hmac.digest(key, data, self._hash)
